"""A pacing board to bytes and back, whole and bit for bit: estimators, tables, calls and agents, in their order.

Written by its parts' own fields, so that nothing new on the board is left out; with the fields' names, so that a state of another
version, whose parts have others, is refused and not misread. Order is kept everywhere: sums of floats depend on it.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from dialer.answer_curve import AnswerCurve, AnswerTable, Segment
from dialer.hazards import SPAN, cumulants
from dialer.pacing_bits import GarbledLogError, Packer, Unpacker
from dialer.pacing_board import PARTS, Duty, PacingBoard, Stage
from dialer.release_curve import DurationCurve, ReleaseCurve, ReleaseTable
from dialer.screen_curve import ScreenCurve, ScreenTable
from dialer.stall import Stall
from dialer.starts import Starts
from dialer.upturn import Upturn

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *PARTS,
        *(AnswerCurve, AnswerTable, Segment, ReleaseCurve, ReleaseTable, DurationCurve),
        *(ScreenCurve, ScreenTable, Stall, Upturn, Starts, Stage, Duty),
    )
}


def pack_board(board: PacingBoard, packer: Packer) -> None:
    """Numbers of names and the last instant of the packer are not touched."""
    _put(_known_of(board), packer)


def unpack_board(unpacker: Unpacker, board: PacingBoard) -> None:
    """Into a new board. Raises GarbledLogError, also for the state of a version that is built otherwise."""
    found = _get(unpacker)
    if not isinstance(found, dict) or found.keys() != _known_of(board).keys():
        raise GarbledLogError
    for name, value in found.items():
        setattr(board, name, value)


def _known_of(board: PacingBoard) -> dict[str, Any]:
    """Without what a kind of board that records has besides."""
    return {name: vars(board)[name] for name in vars(PacingBoard())}


# --- one value --------------------------------------------------------------------------------------------------------


def _put(value: Any, packer: Packer) -> None:
    tag, write = _WRITERS.get(type(value), (None, None))
    if tag is not None and write is not None:
        packer.out += tag
        write(value, packer)
    elif type(value).__name__ in _KINDS:
        packer.out += b"e" if isinstance(value, Enum) else b"o"
        packer.text(type(value).__name__)
        _put(str(value) if isinstance(value, Enum) else _contents(value), packer)
    else:
        raise TypeError(f"no part of a pacing board: {type(value).__name__}")


def _contents(value: Any) -> dict[str, Any]:
    """By field; without what follows from other fields."""
    if isinstance(value, Starts):
        return {"keys": value.keys, "values": value.values}
    if isinstance(value, ReleaseTable):
        return {"chances": np.ascontiguousarray(value.cumulants[:, :SPAN])}
    left_out = ("cumulants", "new_call") if isinstance(value, AnswerTable) else ()
    return {f.name: getattr(value, f.name) for f in fields(value) if f.name not in left_out}


def _made(kind: type, contents: dict[str, Any]) -> Any:
    if kind is Starts:
        starts: Starts[str] = Starts()
        for key, start in zip(contents["keys"], contents["values"], strict=True):
            starts.add(key, start)
        return starts
    if kind is ReleaseTable:
        return ReleaseTable(cumulants(contents["chances"]))
    if kind is AnswerTable:
        by_age = contents["by_age"]
        return AnswerTable(cumulants=cumulants(by_age), new_call=by_age[0].tolist(), **contents)
    if not is_dataclass(kind) or {f.name for f in fields(kind)} != contents.keys():
        raise GarbledLogError
    return kind(**contents)


def _nothing(value: Any, packer: Packer) -> None: ...


def _put_all(values: Any, packer: Packer) -> None:
    packer.number(len(values))
    for value in values:
        _put(value, packer)


def _put_dict(value: dict[str, Any], packer: Packer) -> None:
    packer.number(len(value))
    for key, each in value.items():
        packer.text(key)
        _put(each, packer)


def _put_array(value: Any, packer: Packer) -> None:
    if value.dtype != np.float64:
        raise TypeError(f"no part of a pacing board: an array of {value.dtype}")
    packer.number(value.ndim)
    for size in value.shape:
        packer.number(size)
    packer.out += value.astype("<f8").tobytes()


def _put_bool(value: bool, packer: Packer) -> None:
    packer.out.append(value)


_WRITERS: dict[type, tuple[bytes, Callable[[Any, Packer], None]]] = {
    type(None): (b"n", _nothing),
    bool: (b"b", _put_bool),
    int: (b"i", lambda value, packer: packer.signed(value)),
    float: (b"f", lambda value, packer: packer.real(value)),
    np.float64: (b"g", lambda value, packer: packer.real(value)),
    str: (b"s", lambda value, packer: packer.text(value)),
    list: (b"l", _put_all),
    tuple: (b"t", _put_all),
    set: (b"S", _put_all),
    dict: (b"d", _put_dict),
    np.ndarray: (b"a", _put_array),
}


def _get(unpacker: Unpacker) -> Any:
    reader = _READERS.get(unpacker.take(1))
    if reader is None:
        raise GarbledLogError
    return reader(unpacker)


def _get_all(unpacker: Unpacker) -> list[Any]:
    return [_get(unpacker) for _ in range(unpacker.number())]


def _get_dict(unpacker: Unpacker) -> dict[str, Any]:
    return {unpacker.text(): _get(unpacker) for _ in range(unpacker.number())}


def _get_array(unpacker: Unpacker) -> Any:
    shape = tuple(unpacker.number() for _ in range(unpacker.number()))
    data = unpacker.take(8 * int(np.prod(shape)))
    return np.frombuffer(data, dtype="<f8").astype(np.float64).reshape(shape)


def _get_object(unpacker: Unpacker) -> Any:
    kind, contents = _KINDS.get(unpacker.text()), _get(unpacker)
    if kind is None or not isinstance(contents, dict):
        raise GarbledLogError
    try:
        return _made(kind, contents)
    except (TypeError, KeyError, ValueError) as error:
        raise GarbledLogError from error


def _get_enum(unpacker: Unpacker) -> Any:
    kind, value = _KINDS.get(unpacker.text()), _get(unpacker)
    try:
        return kind(value) if kind is not None else None
    except ValueError as error:
        raise GarbledLogError from error


_READERS: dict[bytes, Callable[[Unpacker], Any]] = {
    b"n": lambda unpacker: None,
    b"b": lambda unpacker: bool(unpacker.byte()),
    b"i": Unpacker.signed,
    b"f": Unpacker.real,
    b"g": lambda unpacker: np.float64(unpacker.real()),
    b"s": Unpacker.text,
    b"l": _get_all,
    b"t": lambda unpacker: tuple(_get_all(unpacker)),
    b"S": lambda unpacker: set(_get_all(unpacker)),
    b"d": _get_dict,
    b"a": _get_array,
    b"o": _get_object,
    b"e": _get_enum,
}

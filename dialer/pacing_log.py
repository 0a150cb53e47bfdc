"""The records of a pacing log: what a board was told, what it was asked and what it decided, to bytes and back, exactly.

Theory of operation. A log begins with who wrote it and the whole board; then comes one record for each thing that the board was
told (one of its methods, with its arguments) and for each decision (the question and the answer). So it can be played again to a
new board, which must come to the same decisions. A decision is a row of words of eight bytes, and its record holds only the words
that have changed since the one before for the same campaign and server. Calls, agents, campaigns and servers are named by their
ids; no lead and no telephone number occurs.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest
from typing import Any, NamedTuple

from dialer.brake import Allowance, WindowState
from dialer.campaign import PacingMode
from dialer.events import PastCall
from dialer.pacing import Binding, PacingDecision, PacingPolicy
from dialer.pacing_bits import GarbledLogError, Packer, Unpacker
from dialer.pacing_board import Duty, PacingBoard, Stage
from dialer.pacing_question import PacingQuestion
from dialer.pacing_state import pack_board, unpack_board

_NAME, _BEGIN, _DECIDED = range(3)

TOLD: dict[str, dict[str, str]] = {
    "campaign": {
        "campaign": "name",
        "screened": "flag",
        "grace": "real",
        "wrap_limit": "maybe_real",
    },
    "recall": {"campaign": "name", "past": "past", "at": "instant"},
    "placed": {
        "call": "name",
        "campaign": "name",
        "node": "name",
        "at": "instant",
        "odds": "real",
        "segment": "name",
    },
    "adopted": {
        "call": "name",
        "campaign": "name",
        "node": "name",
        "stage": "stage",
        "since": "instant",
    },
    "unplaced": {"call": "name"},
    "moved": {"call": "name", "stage": "stage", "at": "instant", "person": "flag"},
    "agent": {
        "agent": "name",
        "node": "name",
        "duty": "duty",
        "since": "instant",
        "staffed": "flag",
        "campaign": "name",
    },
    "agent_gone": {"agent": "name", "at": "instant"},
    "node_away": {"node": "name", "since": "instant"},
    "node_up": {"node": "name"},
    "shift": {"seconds": "real"},
}
"""Every method by which a board is told something: its arguments in order, and how each is written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogHeader:
    """Who wrote a log: other versions or machines may round otherwise. `rules`: a digest of the sources that decide;
    `started_at` in seconds since 1970."""

    product: str
    rules: str
    numpy: str
    machine: str
    team: str
    started_at: float


@dataclass(frozen=True, slots=True)
class Begun:
    header: LogHeader
    board: PacingBoard


@dataclass(frozen=True, slots=True)
class Told:
    """`arguments` by the names of the method's parameters."""

    method: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """`decision` without its `facts`: they follow from the board, and stand in the decision that is made again."""

    asked: PacingQuestion
    decision: PacingDecision


Record = Begun | Told | Decided


class LogWriter:
    """The blocks of one log: `take` one whenever there is something to write."""

    def __init__(self, header: LogHeader, board: PacingBoard) -> None:
        self._packer = packer = Packer()
        self._words: dict[tuple[str, str], bytes] = {}
        packer.out.append(_BEGIN)
        for each in fields(header):
            value = getattr(header, each.name)
            packer.real(value) if isinstance(value, float) else packer.text(value)
        pack_board(board, packer)

    def __len__(self) -> int:
        """Bytes that wait to be taken."""
        return len(self._packer.out)

    def take(self) -> bytes:
        block = bytes(self._packer.out)
        self._packer.out.clear()
        return block

    def told(self, method: str, values: tuple[Any, ...]) -> None:
        """A value that cannot be written raises: what waits is whole then, but nothing more may be told."""
        packer = self._packer
        whole = len(packer.out)
        try:
            code, writers = _WRITERS[method]
            packer.out.append(code)
            for write, value in zip(writers, values, strict=True):
                write(packer, value)
        except Exception:
            del packer.out[whole:]
            raise
        if _is_over(method, values):
            packer.names.forget(values[0])

    def decided(self, asked: PacingQuestion, decision: PacingDecision) -> None:
        """As `told`."""
        packer, key = self._packer, (asked.campaign, asked.node)
        whole = len(packer.out)
        try:
            words = _words_of(asked, decision, self._place)
            packer.out.append(_DECIDED)
            packer.name(asked.campaign)
            packer.name(asked.node)
            packer.instant(asked.at)
            packer.number(len(asked.windows))
            packer.number(len(asked.next_odds))
            self._changes(self._words.get(key, b""), words)
        except Exception:
            del packer.out[whole:]
            raise
        self._words[key] = words

    def _place(self, name: str) -> int:
        """Of a name that stands in a word; told of before the record, where it is new."""
        names = self._packer.names
        if name not in names.places:
            self._packer.out.append(_NAME)
            self._packer.name(name)
        return names.places[name]

    def _changes(self, before: bytes, words: bytes) -> None:
        """Bits say which words follow: those that are not as before, or were not there."""
        mask, bit, changed = 0, 1, []
        known = zip_longest(_words_in(words), _words_in(before[: len(words)]))
        for word, then in known:
            if word != then:
                mask |= bit
                changed.append(word)
            bit <<= 1
        self._packer.number(mask)
        self._packer.out += b"".join(changed)


class LogReader:
    """The records of one log, block by block."""

    def __init__(self) -> None:
        self._unpacker = Unpacker()
        self._words: dict[tuple[str, str], bytes] = {}

    def records(self, block: bytes) -> Iterator[Record]:
        """Raises GarbledLogError."""
        unpacker = self._unpacker
        unpacker.load(block)
        while not unpacker.at_end:
            code = unpacker.byte()
            if code == _NAME:
                unpacker.name()
            elif code == _BEGIN:
                yield self._begun()
            elif code == _DECIDED:
                yield self._decided()
            elif code in _METHODS:
                yield self._told(_METHODS[code])
            else:
                raise GarbledLogError

    def _begun(self) -> Begun:
        unpacker = self._unpacker
        values = {
            each.name: unpacker.real() if each.type is float else unpacker.text()
            for each in fields(LogHeader)
        }
        board = PacingBoard()
        header = LogHeader(**values)  # type: ignore[arg-type]
        unpack_board(unpacker, board)
        return Begun(header, board)

    def _told(self, method: str) -> Told:
        try:
            arguments = {
                name: _CODECS[codec][1](self._unpacker) for name, codec in TOLD[method].items()
            }
        except ValueError as error:
            raise GarbledLogError from error
        if _is_over(method, tuple(arguments.values())):
            self._unpacker.names.forget(arguments["call"])
        return Told(method, arguments)

    def _decided(self) -> Decided:
        unpacker = self._unpacker
        campaign, node, at = unpacker.name(), unpacker.name(), unpacker.instant()
        windows = unpacker.number()
        layout = _layout(windows, unpacker.number())
        before = self._words.get((campaign, node), b"")[: layout.size]
        row = bytearray(before.ljust(layout.size, b"\0"))
        changed = unpacker.number()
        for place in range(layout.size // 8):
            if changed >> place & 1:
                row[8 * place : 8 * place + 8] = unpacker.take(8)
        self._words[campaign, node] = bytes(row)
        try:
            which = _Place(campaign, node, at, windows)
            return _decided_of(which, layout.unpack(row), unpacker.names.names)
        except (ValueError, IndexError) as error:
            raise GarbledLogError from error


# --- arguments --------------------------------------------------------------------------------------------------------


def _is_over(method: str, values: tuple[Any, ...]) -> bool:
    """The call is not spoken of again."""
    return method == "unplaced" or (method == "moved" and values[1] is None)


def _put_flag(packer: Packer, value: bool) -> None:
    packer.out.append(value)


def _put_maybe_real(packer: Packer, value: float | None) -> None:
    packer.out.append(value is not None)
    if value is not None:
        packer.real(value)


def _maybe_real(unpacker: Unpacker) -> float | None:
    return unpacker.real() if unpacker.byte() else None


def _put_past(packer: Packer, past: tuple[PastCall, ...]) -> None:
    packer.number(len(past))
    for each in past:
        packer.real(each.rang)
        packer.out.append(each.picked_up + 2 * each.person)
        _put_maybe_real(packer, each.talked)


def _past(unpacker: Unpacker) -> tuple[PastCall, ...]:
    return tuple(_past_call(unpacker) for _ in range(unpacker.number()))


def _past_call(unpacker: Unpacker) -> PastCall:
    rang, flags = unpacker.real(), unpacker.byte()
    return PastCall(
        rang=rang, picked_up=bool(flags & 1), person=bool(flags & 2), talked=_maybe_real(unpacker)
    )


def _stage(unpacker: Unpacker) -> Stage | None:
    name = unpacker.name()
    return Stage(name) if name else None


_CODECS: dict[str, tuple[Callable[[Packer, Any], None], Callable[[Unpacker], Any]]] = {
    "name": (Packer.name, Unpacker.name),
    "instant": (Packer.instant, Unpacker.instant),
    "real": (Packer.real, Unpacker.real),
    "flag": (_put_flag, lambda unpacker: bool(unpacker.byte())),
    "maybe_real": (_put_maybe_real, _maybe_real),
    "past": (_put_past, _past),
    "stage": (lambda packer, value: packer.name(value or ""), _stage),
    "duty": (Packer.name, lambda unpacker: Duty(unpacker.name())),
}
_METHODS = dict(enumerate(TOLD, start=_DECIDED + 1))
_WRITERS = {
    method: (code, tuple(_CODECS[codec][0] for codec in TOLD[method].values()))
    for code, method in _METHODS.items()
}


# --- the words of a decision ------------------------------------------------------------------------------------------

_FORM = "<qdqq ddd qqqq qdq qqq ddd qdd"
_WINDOW, _WINDOW_WORDS = "q d qq ddd d", 8
_ALONE = 23  # words before those of the windows, after which come those of the next odds
_NOT_ASKED, _NO_WINDOW = -2, -1
_NO_BURST = -1
_NO_DAYS = -1.0
_MOST = 10_000
_LAYOUTS: dict[tuple[int, int], struct.Struct] = {}


def _layout(windows: int, odds: int) -> struct.Struct:
    if (windows, odds) not in _LAYOUTS:
        if max(windows, odds) > _MOST:
            raise GarbledLogError
        _LAYOUTS[windows, odds] = struct.Struct(_FORM + _WINDOW * windows + "d" * odds)
    return _LAYOUTS[windows, odds]


def _words_in(row: bytes) -> tuple[bytes, ...]:
    words: tuple[bytes, ...] = struct.unpack("8s" * (len(row) // 8), row)
    return words


def _words_of(
    asked: PacingQuestion, decision: PacingDecision, place: Callable[[str], int]
) -> bytes:
    policy, windows = asked.policy, asked.windows
    values: list[int | float] = [
        *(place(policy.mode), policy.dial_ratio, policy.lines, policy.revokes),
        *(asked.theta, asked.elsewhere, asked.doomed),
        *(asked.own_in_flight, asked.rate_tokens, asked.trunk_room, place(asked.trunk_binding)),
        _NO_BURST if asked.burst is None else asked.burst,
        *(asked.inbound_per_second, asked.revocable),
        *(decision.calls_to_place, place(decision.limited_by), decision.calls_to_revoke),
        *(decision.risk, decision.expected_free, decision.expected_answers),
        *_allowed_words(decision.allowed, windows),
    ]
    for each in windows:
        values += (place(each.name), each.limit, each.answered, each.abandoned)
        values += (each.to_come, each.doomed, _NO_DAYS if each.days is None else each.days)
        values.append(each.shock)
    values += asked.next_odds
    return _layout(len(windows), len(asked.next_odds)).pack(*values)


def _allowed_words(
    allowed: Allowance | None, windows: tuple[WindowState, ...]
) -> tuple[int, float, float]:
    if allowed is None:
        return _NOT_ASKED, 0.0, 0.0
    binding = _NO_WINDOW if allowed.binding is None else windows.index(allowed.binding)
    return binding, allowed.theta, allowed.room


class _Place(NamedTuple):
    """Of which decision a row of words is."""

    campaign: str
    node: str
    at: float
    windows: int


def _decided_of(place: _Place, words: tuple[Any, ...], names: list[str]) -> Decided:
    mode, dial_ratio, lines, revokes, theta, elsewhere, doomed, own, tokens, room = words[:10]
    trunk, burst, inbound, revocable, calls, limited_by, revoked, risk = words[10:18]
    free, answers, binding, allowed_theta, allowed_room = words[18:_ALONE]
    odds_from = _ALONE + _WINDOW_WORDS * place.windows
    windows = tuple(
        _window_of(words[first : first + _WINDOW_WORDS], names)
        for first in range(_ALONE, odds_from, _WINDOW_WORDS)
    )
    allowed = None
    if binding != _NOT_ASKED:
        holds = None if binding == _NO_WINDOW else windows[binding]
        allowed = Allowance(allowed_theta, allowed_room, holds)
    policy = PacingPolicy(
        mode=PacingMode(names[mode]), dial_ratio=dial_ratio, lines=lines, revokes=bool(revokes)
    )
    asked = PacingQuestion(
        campaign=place.campaign,
        node=place.node,
        at=place.at,
        policy=policy,
        theta=theta,
        windows=windows,
        elsewhere=elsewhere,
        doomed=doomed,
        own_in_flight=own,
        rate_tokens=tokens,
        trunk_room=room,
        trunk_binding=Binding(names[trunk]),
        burst=None if burst == _NO_BURST else burst,
        inbound_per_second=inbound,
        next_odds=words[odds_from:],
        revocable=revocable,
    )
    decision = PacingDecision(
        calls_to_place=calls,
        limited_by=Binding(names[limited_by]),
        calls_to_revoke=revoked,
        risk=risk,
        allowed=allowed,
        expected_free=free,
        expected_answers=answers,
    )
    return Decided(asked, decision)


def _window_of(words: tuple[Any, ...], names: list[str]) -> WindowState:
    name, limit, answered, abandoned, to_come, doomed, days, shock = words
    return WindowState(
        name=names[name],
        limit=limit,
        answered=answered,
        abandoned=abandoned,
        to_come=to_come,
        doomed=doomed,
        days=None if days == _NO_DAYS else days,
        shock=shock,
    )

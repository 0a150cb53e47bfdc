"""The rows of a file of JSON lines: one object a line, whose keys are the columns. Constant memory.

The file is read once for the keys, which may differ from line to line, and once more for the rows. A line that is no object
costs itself only.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO

from dialer.adapters.csv_rows import LINE_LIMIT, TOO_LONG, Fault, Row
from dialer.adapters.typed_numbers import as_text
from dialer.errors import InvalidInputError

MOST_COLUMNS = 500
NOT_JSON = "is not a JSON object on one line"
TWICE = "has one key twice"
NESTED = "holds a list or an object"
HALF = "holds half of a character"


class JsonLinesFile:
    """An open file."""

    delimiter = ","

    def __init__(self, file: TextIO) -> None:
        self._file = file
        columns: dict[str, None] = {}
        for _, found, _ in self._objects():
            if not isinstance(found, Fault):
                columns.update(dict.fromkeys(found))
            if len(columns) > MOST_COLUMNS:
                raise InvalidInputError("file", f"has more than {MOST_COLUMNS} different keys")
        self.header = Row(1, list(columns))
        self._looked_at = frozenset(range(len(columns)))

    def rows(self) -> Iterator[Row]:
        for line, found, text in self._objects():
            if isinstance(found, Fault):
                yield Row(line, [text], found)
            elif any(value not in (None, "") for value in found.values()):
                yield self._row(line, found)

    def position(self) -> int:
        return self._file.buffer.tell()

    def look_at(self, columns: frozenset[int]) -> None:
        self._looked_at = columns

    def _row(self, line: int, found: dict[str, Any]) -> Row:
        cells: list[str] = []
        fault = None
        for column, key in enumerate(self.header.cells):
            try:
                cells.append(_text(found.get(key)))
            except ValueError as error:
                cells.append("")
                if fault is None and column in self._looked_at:
                    fault = Fault(str(error), column)
        return Row(line, cells, fault)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any] | Fault, str]]:
        """Each with its line's number and text, from the first."""
        self._file.seek(0)
        number = 0
        while line := self._file.readline(LINE_LIMIT):
            number += 1
            if len(line) >= LINE_LIMIT and line[-1] not in "\r\n":
                self._skip_line()
                yield number, Fault(TOO_LONG), ""
            elif line := line.strip("\ufeff \t\r\n"):
                yield number, _object(line), line

    def _skip_line(self) -> None:
        while (piece := self._file.readline(LINE_LIMIT)) and piece[-1] not in "\r\n":
            pass


class _Number(str):
    """As the file writes it."""


class _TwiceError(ValueError):
    pass


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_Number, parse_int=_Number, parse_constant=_refuse
)


def _object(line: str) -> dict[str, Any] | Fault:
    try:
        found = _DECODER.decode(line)
    except _TwiceError:
        return Fault(TWICE)
    except (ValueError, RecursionError):
        return Fault(NOT_JSON)
    if not isinstance(found, dict):
        return Fault(NOT_JSON)
    return Fault(HALF) if "\\" in line and any(map(_is_broken, found)) else found


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _text(value: Any) -> str:
    """Raises ValueError, which says what is wrong."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _Number():
            return as_text(value)
        case str():
            if _is_broken(value):
                raise ValueError(HALF)
            return value
        case _:
            raise ValueError(NESTED)

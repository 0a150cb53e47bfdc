"""The rows of the first visible sheet of an .xlsx workbook, with flat memory.

Formulas are never worked out: a cell that holds one, or an error, makes its row unusable if its column is read. Numbers come
as the text that was meant (typed_numbers), with the zeros that their format puts before them; dates as ISO 8601.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from dialer.adapters.csv_rows import LINE_LIMIT, Fault, Row
from dialer.adapters.typed_numbers import as_text
from dialer.adapters.xlsx_parts import (
    DAMAGED,
    MOST_STRING,
    Parts,
    SharedTexts,
    local,
    refused,
    unescaped,
)

WORKBOOK = "xl/workbook.xml"
MOST_COLUMNS = 500
DATES = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
"""Numbers of the built-in formats that show an instant."""
FORMULA = "is a formula, which is not worked out: paste its value in its place"
ERROR = "is an error of the spreadsheet"
NO_NUMBER = "is not a number"
NO_DATE = "is not a date"
LONG = f"is longer than {MOST_STRING} characters"
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_ZEROS = re.compile(r"0{2,}")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass(slots=True)
class Formats:
    """How numbers are shown, by the number of a cell's style."""

    date: set[int] = field(default_factory=set)
    zeros: dict[int, int] = field(default_factory=dict)  # so many digits at least


class XlsxFile:
    """An open workbook; use it in `with`. Raises InvalidInputError, before its first row, for whatever is wrong with it."""

    delimiter = ","

    def __init__(self, path: Path) -> None:
        self._parts = Parts(path)
        try:
            if WORKBOOK not in self._parts:
                raise refused("is a ZIP archive, but no .xlsx workbook")
            self._book = _Book(self._parts)
            self._parts.check(self._book.sheet)
            self._formats = _formats(self._parts, self._book.styles)
            self._texts = SharedTexts(self._parts, self._book.texts)
        except BaseException:
            self._parts.close()
            raise
        self._looked_at: frozenset[int] | None = None
        self.most_columns = MOST_COLUMNS
        try:
            self.header = next(self._all_rows(), Row(1, []))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.most_columns = len(self.header.cells) + 1  # to see that a row has shifted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._texts.close()
        self._parts.close()

    def rows(self) -> Iterator[Row]:
        rows = self._all_rows()
        next(rows, None)
        return rows

    def position(self) -> int:
        return self._parts.handle.tell()

    def look_at(self, columns: frozenset[int]) -> None:
        self._looked_at = columns

    def _all_rows(self) -> Iterator[Row]:
        """Those that hold something."""
        reader = _SheetReader(self)
        steps = self._parts.parse(
            self._book.sheet, start=reader.start, end=reader.end, text=reader.text
        )
        for _ in steps:
            while reader.finished:
                row = reader.finished.popleft()
                if row.fault or any(cell.strip() for cell in row.cells):
                    yield row

    def is_read(self, column: int) -> bool:
        return self._looked_at is None or column in self._looked_at

    def value(self, kind: str, style: int, text: str) -> str:
        """What a cell holds. Raises ValueError, which says what is wrong with it."""
        match kind:
            case "s":
                try:
                    return self._texts[int(text)]
                except (IndexError, ValueError):
                    raise ValueError("refers to a text that is not there") from None
            case "inlineStr" | "str":
                return unescaped(text)
            case "b":
                return {"1": "true", "0": "false"}.get(text, text)
            case "e":
                raise ValueError(ERROR)
            case "d":
                return text
            case _:
                return self._number(style, text)

    def _number(self, style: int, text: str) -> str:
        if not text:
            return ""
        if style in self._formats.date:
            return _instant(text, self._book.from_1904)
        number = as_text(text)
        zeros = self._formats.zeros.get(style, 0)
        return number.zfill(zeros) if number.isdigit() else number


def _instant(text: str, from_1904: bool) -> str:
    """The days since the spreadsheet's first one, as a date; with a time where there is one."""
    try:
        days = float(text)
        begin = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - has none
        at = begin + timedelta(seconds=round(days * 86_400))
    except (ValueError, OverflowError):
        raise ValueError(NO_DATE) from None
    return at.date().isoformat() if days == int(days) else at.isoformat()


class _SheetReader:
    """Handlers for a sheet; puts rows into `finished`."""

    def __init__(self, file: XlsxFile) -> None:
        self._file = file
        self.finished: deque[Row] = deque()
        self._line = 0
        self._cells: list[str] = []
        self._fault: Fault | None = None
        self._column = -1
        self._kind = "n"
        self._style = 0
        self._pieces: list[str] = []
        self._size = 0
        self._formula = False
        self._within = ""
        self._aside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match local(tag):
            case "row":
                self._begin_row(attributes)
            case "c":
                self._begin_cell(attributes)
            case "v" | "t" if not self._aside:
                self._within = tag
            case "f":
                self._formula = True
            case "rPh":
                self._aside = True
            case _:
                pass

    def text(self, piece: str) -> None:
        if self._within and self._size <= LINE_LIMIT:
            self._size += len(piece)
            self._pieces.append(piece)

    def end(self, tag: str) -> None:
        match local(tag):
            case "v" | "t":
                self._within = ""
            case "c":
                self._end_cell()
            case "rPh":
                self._aside = False
            case "row":
                self.finished.append(Row(self._line, self._cells, self._fault))
            case _:
                pass

    def _begin_row(self, attributes: dict[str, str]) -> None:
        told = attributes.get("r", "")
        self._line = int(told) if told.isdecimal() and len(told) < 10 else self._line + 1
        self._cells, self._fault, self._column = [], None, -1

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference = _REFERENCE.fullmatch(attributes.get("r", ""))
        self._column = _column(reference[1]) if reference else self._column + 1
        self._kind = attributes.get("t", "n")
        style = attributes.get("s", "0")
        self._style = int(style) if style.isdecimal() and len(style) < 10 else 0
        self._pieces, self._size, self._formula, self._within = [], 0, False, ""

    def _end_cell(self) -> None:
        column, file = self._column, self._file
        try:
            if self._formula:
                raise ValueError(FORMULA)
            if self._size > MOST_STRING:
                raise ValueError(LONG)
            value = file.value(self._kind, self._style, "".join(self._pieces))
        except ValueError as error:
            value = ""
            if self._fault is None and file.is_read(column):
                self._fault = Fault(str(error), column)
        if value:
            column = min(column, file.most_columns - 1)
            self._cells.extend([""] * (column + 1 - len(self._cells)))
            self._cells[column] = value


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


# --- the book ---------------------------------------------------------------------------------------------------------


class _Book:
    """Where the parts are that matter."""

    def __init__(self, parts: Parts) -> None:
        self.from_1904 = False
        self._sheet_id = ""
        for _ in parts.parse(WORKBOOK, start=self._look):
            pass
        targets = _targets(parts)
        self.sheet = targets.get(self._sheet_id, "")
        if not self._sheet_id or self.sheet not in parts:
            raise refused("is a workbook without a visible sheet")
        self.texts = targets.get("sharedStrings", "")
        self.styles = targets.get("styles", "")

    def _look(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "") in ("1", "true")
        elif (
            name == "sheet" and not self._sheet_id and attributes.get("state") in (None, "visible")
        ):
            ids = (value for key, value in attributes.items() if key.endswith("relationships id"))
            self._sheet_id = next(ids, "")


def _targets(parts: Parts) -> dict[str, str]:
    """The parts that the book names, by id and by kind."""
    found: dict[str, str] = {}

    def look(tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            place = PurePosixPath("xl") / target
            name = str(place).lstrip("/")
            found[attributes.get("Id", "")] = name
            found[attributes.get("Type", "").rpartition("/")[2]] = name

    for _ in parts.parse("xl/_rels/workbook.xml.rels", start=look):
        pass
    return found


def _formats(parts: Parts, name: str) -> Formats:
    formats, codes = Formats(), dict[int, str]()
    styles, within = 0, False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal styles, within
        match local(tag):
            case "numFmt":
                codes[_number_of(attributes)] = attributes.get("formatCode", "")
            case "cellXfs":
                within = True
            case "xf" if within:
                _note(formats, styles, _number_of(attributes), codes)
                styles += 1
            case _:
                pass

    def end(tag: str) -> None:
        nonlocal within
        within = within and local(tag) != "cellXfs"

    if name in parts:
        for _ in parts.parse(name, start=start, end=end):
            pass
    return formats


def _number_of(attributes: dict[str, str]) -> int:
    told = attributes.get("numFmtId", "0")
    if not told.isdecimal() or len(told) > 9:
        raise refused(DAMAGED)
    return int(told)


def _note(formats: Formats, style: int, number: int, codes: dict[int, str]) -> None:
    code = _LITERAL.sub("", codes.get(number, "").split(";")[0]).lower()
    if number in DATES or set(code) & set("ymdhs"):
        formats.date.add(style)
    elif _ZEROS.fullmatch(code):
        formats.zeros[style] = len(code)

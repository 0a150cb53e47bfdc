"""The rows of a CSV file, as people and spreadsheets write it. Constant memory, however long the file or a line of it is.

The file is read once to tell its encoding (`survey`) and once more for its rows. What cannot be a row becomes a fault
that costs its own line only: after a quote that is never closed, reading goes on at the next line.
"""

import codecs
import csv
import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from dialer.errors import InvalidInputError

BLOCK = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
LINE_LIMIT = 1 << 17
"""Characters in one line; also what the csv module allows a cell to have."""
LINES_LIMIT = 100
"""Lines in one row."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
TOO_LONG = "is larger than 131,072 characters"
NEVER_CLOSED = "has a quotation mark that is never closed"
UNREADABLE = "is not readable as CSV"


@dataclass(frozen=True, slots=True)
class Survey:
    """What one reading of the file tells."""

    encoding: str
    digest: str  # of the bytes
    size: int


class Fault(NamedTuple):
    """A row that could not be read. `column` counts from 0; None: not one cell's fault."""

    problem: str
    column: int | None = None


class Row(NamedTuple):
    """`line` is the line of the file where it begins, the file's first being line 1."""

    line: int
    cells: list[str]
    fault: Fault | None = None


def survey(path: Path) -> Survey:
    """Raises InvalidInputError when the file cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding, size = "", 0
    with _errors_of_file():
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InvalidInputError("file", "is not a regular file")
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                encoding = encoding if size else _encoding_told_by(block)
                digest.update(block)
                size += len(block)
                if not encoding and not _decodes(decoder, block):
                    encoding = "cp1252"
    if not encoding and not _decodes(decoder, b"", final=True):
        encoding = "cp1252"
    return Survey(encoding or "utf-8", digest.hexdigest(), size)


def _encoding_told_by(block: bytes) -> str:
    """By a mark at the beginning, or by the zeros of two-byte characters; empty: by neither."""
    for mark, encoding in MARKS:
        if block.startswith(mark):
            return encoding
    start = block[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 < len(start):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _errors_of_file() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"cannot be read: {error.strerror or type(error).__name__}"
        raise InvalidInputError("file", problem) from None


class CsvFile:
    """An open file: its first row, then the others."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines = _Lines(file)
        self.delimiter, first = self._first_line()
        self._lines.put_back([first] if first else [])
        self._reader = csv.reader(self._lines, delimiter=self.delimiter)
        self.header = next(self._all_rows(), Row(1, []))

    def rows(self) -> Iterator[Row]:
        """Those that hold something."""
        for row in self._all_rows():
            if row.fault or (any(row.cells) and any(cell.strip() for cell in row.cells)):
                yield row

    def position(self) -> int:
        """Bytes read so far, about."""
        return self._file.buffer.tell()

    def look_at(self, columns: frozenset[int]) -> None:
        """A fault of a line is one of all of its cells."""

    def _first_line(self) -> tuple[str, str]:
        """The delimiter, and the first line that holds something. A line such as `sep=;` is a spreadsheet's."""
        told = ""
        for line in self._lines_of_header():
            word = line.strip().lower().strip('"')
            if word.startswith("sep=") and len(word) == 5:
                told = word[-1]
            elif word.strip(",;|"):
                return told or max(DELIMITERS, key=line.count), line
        return told or ",", ""

    def _lines_of_header(self) -> Iterator[str]:
        try:
            for line in self._lines:
                self._lines.taken.clear()
                yield line
        except _TooLongError:
            raise InvalidInputError("file", f"its first line {TOO_LONG}") from None

    def _all_rows(self) -> Iterator[Row]:
        lines = self._lines
        while True:
            lines.taken.clear()
            line = lines.number + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except _TooLongError as error:
                yield Row(lines.number, [], Fault(TOO_LONG, self._longest(error.start)))
                if lines.taken:
                    lines.taken.append("\n")  # where the long line was
                    yield self._unreadable(line)
            except (csv.Error, _NeverClosedError):
                yield self._unreadable(line)
            else:
                if lines.cut_short:
                    yield self._unreadable(line)
                else:
                    yield Row(line, cells)

    def _unreadable(self, line: int) -> Row:
        """A quote swallowed what follows: only the line where it stands is lost."""
        first, *following = self._lines.taken
        self._lines.put_back(following)
        problem = NEVER_CLOSED if '"' in first else UNREADABLE
        return Row(line, [first.rstrip("\r\n")], Fault(problem))

    def _longest(self, start: str) -> int:
        """The column of a line's longest cell."""
        cells = next(csv.reader([start], delimiter=self.delimiter))
        return max(range(len(cells)), key=lambda column: len(cells[column]))


class _TooLongError(Exception):
    def __init__(self, start: str) -> None:
        super().__init__()
        self.start = start


class _NeverClosedError(Exception):
    pass


class _Lines:
    """A file's lines, none longer than LINE_LIMIT, with the way back that the rows need."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._size = 0
        self.taken: list[str] = []  # by the row that is being read
        self.number = 0  # lines given so far
        self.cut_short = False  # the file ended inside a row

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        taken = self.taken
        if taken and (len(taken) >= LINES_LIMIT or sum(map(len, taken)) >= LINE_LIMIT):
            raise _NeverClosedError
        line = self._again.popleft() if self._again else self._file.readline(LINE_LIMIT)
        if not line:
            self.cut_short = bool(taken)
            raise StopIteration
        self.number += 1
        if len(line) >= LINE_LIMIT and line[-1] not in "\r\n":
            self._skip_line()
            raise _TooLongError(line)
        taken.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)
        self.cut_short = False

    def _skip_line(self) -> None:
        while (piece := self._file.readline(LINE_LIMIT)) and piece[-1] not in "\r\n":
            pass

"""What all forms of a file of leads have in common: a first row that names the columns, then rows of text.

Which form it is, its content says, never its name. Every form is checked to the end before its first row is given wherever
damage further down would make the whole file unusable, so that an import never stops half way for the file's sake.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from dialer.adapters.csv_rows import CsvFile, Row, Survey
from dialer.adapters.jsonl_rows import JsonLinesFile
from dialer.adapters.xlsx_rows import XlsxFile
from dialer.errors import InvalidInputError

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
OTHERS = {
    b"%PDF": "is a PDF",
    b"\x1f\x8b": "is compressed with gzip: unpack it",
    b"SQLite format 3": "is a database",
    b"{\\rtf": "is a text document (RTF)",
}


class LeadSource(Protocol):
    """An open file."""

    header: Row
    delimiter: str  # for a report in CSV

    def rows(self) -> Iterator[Row]:
        """Those that hold something, in order, once. `line` is what the file's own program calls it, from 1; for JSON lines
        and CSV the line where the row begins."""
        ...

    def position(self) -> int:
        """Bytes of the file read so far, about."""
        ...

    def look_at(self, columns: frozenset[int]) -> None:
        """Only these will be read: what is wrong with a single cell elsewhere is no fault of its row."""
        ...


@contextmanager
def open_source(path: Path, found: Survey) -> Iterator[LeadSource]:
    """Raises InvalidInputError when the file cannot be read."""
    with path.open("rb") as start:
        first = start.read(4096)
    if first.startswith(OLD_WORKBOOK):
        problem = "is an old workbook (.xls) or has a password: save it as .xlsx without one"
        raise InvalidInputError("file", problem)
    for mark, problem in OTHERS.items():
        if first.startswith(mark):
            raise InvalidInputError("file", f"{problem}; give CSV, XLSX or JSON lines")
    if first.startswith(ZIPS):
        with XlsxFile(path) as workbook:
            yield workbook
        return
    with path.open(encoding=found.encoding, errors="replace", newline="") as file:
        text = first.decode(found.encoding, "replace").lstrip("\ufeff \t\r\n")
        if text.startswith("["):
            problem = "is one JSON array: write one object on each line, without brackets around"
            raise InvalidInputError("file", problem)
        yield JsonLinesFile(file) if text.startswith("{") else CsvFile(file)

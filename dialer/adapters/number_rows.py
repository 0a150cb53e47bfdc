"""CSV files about numbers (do-not-call lists, results of registers, consents): their rows by column, whatever the columns are
called. A row that cannot be used costs itself only, and is reported by its line; a number is never in what is reported."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from dialer.adapters.csv_rows import CsvFile, survey
from dialer.errors import InvalidInputError

T = TypeVar("T")

BATCH = 500
"""Rows in one transaction."""
SHOWN = 20
YES = frozenset({"yes", "y", "true", "1", "si", "sì", "s", "listed", "iscritto", "x"})
NO = frozenset({"no", "n", "false", "0", "not listed", "non iscritto", ""})


class Wrong(NamedTuple):
    line: int
    field: str
    problem: str


@dataclass(slots=True)
class Tally:
    """Of one file. Rows that were there before are `unchanged`."""

    changed: int = 0
    unchanged: int = 0
    wrong: list[Wrong] = field(default_factory=list)

    def exit_code(self) -> int:
        """0: all rows could be used; 3: some; 1: none, and there were some."""
        if not self.wrong:
            return 0
        return 3 if self.changed or self.unchanged else 1


Cells = Mapping[str, str]


def read_rows(
    path: Path, columns: Mapping[str, tuple[str, ...]], of: Callable[[Cells], T]
) -> Iterator[T | Wrong]:
    """`columns`: by name, how else it may be called; the first one must be there. `of` makes a thing of a row's cells (those
    of missing columns are empty), or raises InvalidInputError. Raises it for a file that cannot be read."""
    with path.open(encoding=survey(path).encoding, newline="") as file:
        table = CsvFile(file)
        places = _places([cell.strip().lower() for cell in table.header.cells], columns)
        for row in table.rows():
            if row.fault is not None:
                yield Wrong(row.line, "row", row.fault.problem)
                continue
            cells = {name: _cell(row.cells, place) for name, place in places.items()}
            try:
                yield of(cells)
            except InvalidInputError as error:
                yield Wrong(row.line, error.field, error.problem)


def instant(text: str, name: str, zone: str = "UTC") -> datetime:
    """ISO 8601; one without an offset is of `zone`. Raises InvalidInputError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(name, "is no date or time such as 2026-11-23T10:00+01:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def yes_or_no(text: str, name: str) -> bool:
    """Raises InvalidInputError."""
    word = text.strip().lower()
    if word not in YES | NO:
        raise InvalidInputError(name, "is neither yes nor no")
    return word in YES


def _places(header: list[str], columns: Mapping[str, tuple[str, ...]]) -> dict[str, int | None]:
    places: dict[str, int | None] = {}
    for name, others in columns.items():
        found = [place for place, word in enumerate(header) if word in (name, *others)]
        if len(found) > 1:
            raise InvalidInputError(name, "has two columns in the file")
        places[name] = found[0] if found else None
    first = next(iter(columns))
    if places[first] is None:
        raise InvalidInputError(first, "has no column in the file")
    return places


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""

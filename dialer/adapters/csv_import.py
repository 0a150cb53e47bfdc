"""Reading leads from a CSV file, as people and spreadsheets write them.

Constant memory, however long the file is: it is read once to tell its encoding (UTF-8, with or without a byte order mark;
else Windows-1252) and once more, row by row, for the leads. A row that cannot be used comes out as `Rejected`, which says
where and why, and never repeats what the cell held.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from zoneinfo import available_timezones

import phonenumbers

from dialer.errors import InvalidInputError
from dialer.ids import CampaignId
from dialer.leads import NewLead

COLUMNS: dict[str, frozenset[str]] = {
    "phone": frozenset({"phone", "number", "telephone", "telefono", "numero", "cellulare", "tel"}),
    "name": frozenset({"name", "nome", "nominativo", "cliente"}),
    "zone": frozenset({"zone", "timezone", "time_zone", "fuso", "fuso_orario"}),
    "priority": frozenset({"priority", "priorita", "priorità"}),
    "external_id": frozenset({"external_id", "id", "codice", "codice_cliente", "riferimento"}),
}
"""The columns that are read, and the words that may stand above them. Others are passed over."""

DELIMITERS = (",", ";", "\t")
PRIORITY_LIMIT = 2**31
BLOCK = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A row that is no lead. `line` is the line of the file where the row begins, the header being line 1."""

    line: int
    field: str
    problem: str


def read_leads(
    path: Path, campaign_id: CampaignId, *, region: str = "IT", zone: str = "Europe/Rome"
) -> Iterator[NewLead | Rejected]:
    """The file's rows, in order. `region` is the country of numbers written without a prefix; `zone` that of rows which
    name none. Raises InvalidInputError when the file has no column of numbers, or `region` or `zone` is unknown."""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidInputError("region", "not a country that has telephone numbers")
    if zone not in _zones():
        raise InvalidInputError("zone", "not an IANA time zone")
    defaults = NewLead(campaign_id=campaign_id, phone="", zone=zone)
    with path.open(encoding=_encoding(path), errors="replace", newline="") as file:
        header = file.readline()
        delimiter = max(DELIMITERS, key=header.count)
        names = _column_names(next(csv.reader([header], delimiter=delimiter), []))
        for line, row in _rows(file, delimiter):
            try:
                if row is None:
                    raise InvalidInputError("row", "is not readable as CSV")
                yield _lead(_cells(names, row), defaults, region)
            except InvalidInputError as error:
                yield Rejected(line=line, field=error.field, problem=error.problem)


def _encoding(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _column_names(header: list[str]) -> list[str | None]:
    """What each column holds; None: something that is not read."""
    names = [_meaning(cell) for cell in header]
    if "phone" not in names:
        raise InvalidInputError("phone", "the first line names no column of telephone numbers")
    for name in COLUMNS:
        if names.count(name) > 1:
            raise InvalidInputError(name, "the first line names more than one such column")
    return names


def _meaning(heading: str) -> str | None:
    word = "_".join(heading.strip().lower().split())
    return next((name for name, words in COLUMNS.items() if word in words), None)


def _rows(file: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """The rows that hold something, each with the line where it begins; None: it cannot be read as CSV."""
    reader = csv.reader(file, delimiter=delimiter)
    while True:
        line = reader.line_num + 2  # the header was line 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, None
            continue
        if any(cell.strip() for cell in row):
            yield line, row


def _lead(cells: dict[str, str], defaults: NewLead, region: str) -> NewLead:
    """Raises InvalidInputError."""
    return replace(
        defaults,
        phone=_phone(cells.get("phone", ""), region),
        name=cells.get("name", ""),
        zone=_zone(cells.get("zone", ""), defaults.zone),
        priority=_priority(cells.get("priority", "")),
        external_id=cells.get("external_id") or None,
    )


def _cells(names: list[str | None], row: list[str]) -> dict[str, str]:
    """Raises InvalidInputError: a row longer than the header has shifted, and its cells mean something else."""
    if any(cell.strip() for cell in row[len(names) :]):
        raise InvalidInputError("row", "has more cells than the first line")
    return {name: cell.strip() for name, cell in zip(names, row, strict=False) if name}


def _phone(text: str, region: str) -> str:
    if not text:
        raise InvalidInputError("phone", "is empty")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidInputError("phone", "is not a telephone number") from None
    if number.extension:
        raise InvalidInputError("phone", "has an extension, which cannot be dialled")
    if not phonenumbers.is_valid_number(number):
        raise InvalidInputError("phone", "is not a valid telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _zone(text: str, default: str) -> str:
    if text and text not in _zones():
        raise InvalidInputError("zone", "is not an IANA time zone")
    return text or default


def _priority(text: str) -> int:
    try:
        priority = int(text or "0")
    except ValueError:
        raise InvalidInputError("priority", "is not a whole number") from None
    if abs(priority) >= PRIORITY_LIMIT:
        raise InvalidInputError("priority", "is too large")
    return priority


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())

"""Leads out of the rows of a file: CSV, XLSX or JSON lines.

`open_table` finds out what the columns mean; `judge` turns rows into leads, or into `Rejected`, which says where and why
and never repeats what the cell held. `judge` needs nothing but its arguments, so it can run in another process.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as attribute
from pathlib import Path
from typing import NamedTuple

from dialer.adapters.csv_rows import Row, Survey, survey
from dialer.adapters.lead_columns import BY_WORDS, ColumnRules, attribute_columns, column_names
from dialer.adapters.lead_source import LeadSource, open_source
from dialer.adapters.person_numbers import packed_numbers, unpacked_numbers
from dialer.attributes import MOST_TEXT, Kind, Value, packed, unpacked, value_of
from dialer.errors import InvalidInputError
from dialer.ids import CampaignId
from dialer.leads import NewLead
from dialer.persons import MOST_NUMBERS, new_numbers
from dialer.phones import INVISIBLE, checked_zone, e164, is_region, zone_of

PRIORITY_LIMIT = 2**31
PHONE_LIMIT = 64
TEXT_LIMIT = 200
"""Characters of a name or an external id, as in the API."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""A spreadsheet takes a cell that begins so for a formula, and runs it."""

_SEVERAL = re.compile(r"[;,|/\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNSEEN = {code: None for code in INVISIBLE if code not in (0x200C, 0x200D)}
"""Joiners belong to the spelling of some languages' names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A row that is no lead. `line` is the line of the file where the row begins, the first being line 1."""

    line: int
    field: str
    problem: str
    cells: tuple[str, ...] = attribute(default=(), compare=False, repr=False)
    """For the user's own report only: they hold numbers."""


class LeadCells(NamedTuple):
    """A lead of the table's campaign: E.164, name, IANA zone, priority, external id."""

    phone: str
    name: str
    zone: str
    priority: int
    external_id: str | None
    attributes: str | None  # attributes.packed
    numbers: str | None  # person_numbers.packed_numbers


@dataclass(frozen=True, slots=True)
class Table:
    """What the columns of a file mean, and what holds for all of its rows."""

    names: tuple[str | None, ...]  # None: a column that the dialer does not know
    own: tuple[tuple[int, str, Kind], ...]  # those kept as attributes
    region: str
    zone: str | None
    width: int = attribute(init=False)
    several: bool = attribute(init=False)  # columns of numbers, or several in one

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", len(self.names))
        several = self.names.count("phone") > 1 or "other_phones" in self.names
        object.__setattr__(self, "several", several)

    def label(self, column: int) -> str:
        name = self.names[column] if column < self.width else None
        own = next((heading for place, heading, _ in self.own if place == column), None)
        return name or own or f"column {column + 1}"


@dataclass(frozen=True, slots=True)
class OpenTable:
    table: Table
    source: LeadSource


@dataclass(frozen=True, slots=True)
class Judged:
    leads: list[LeadCells]
    rejected: list[Rejected]


@contextmanager
def open_table(
    path: Path,
    *,
    region: str = "IT",
    zone: str | None = None,
    found: Survey | None = None,
    rules: ColumnRules = BY_WORDS,
) -> Iterator[OpenTable]:
    """`region` is the country of numbers written without a prefix; `zone` that of rows which name none and whose number
    leaves it open. Raises InvalidInputError when the file cannot be read or has no column of numbers, or `region` or
    `zone` is unknown."""
    if not is_region(region):
        raise InvalidInputError("region", "not a country that has telephone numbers")
    if zone is not None:
        checked_zone(zone)
    with open_source(path, found or survey(path)) as source:
        if source.header.fault:
            raise InvalidInputError("file", f"its first line {source.header.fault.problem}")
        names = column_names(source.header.cells, rules)
        own = attribute_columns(source.header.cells, names, rules)
        known = frozenset(place for place, name in enumerate(names) if name)
        source.look_at(known.union(place for place, _, _ in own))
        yield OpenTable(Table(names, own, region, zone), source)


def read_leads(
    path: Path, campaign_id: CampaignId, *, region: str = "IT", zone: str | None = None
) -> Iterator[NewLead | Rejected]:
    """The file's rows, in order. Raises as `open_table` does."""
    with open_table(path, region=region, zone=zone) as opened:
        for row in opened.source.rows():
            judged = judge(opened.table, [row])
            yield from judged.rejected
            for lead in judged.leads:
                facts = lead._asdict() | {
                    "attributes": unpacked(lead.attributes),
                    "numbers": unpacked_numbers(lead.numbers),
                }
                yield NewLead(campaign_id=campaign_id, **facts)


def judge(table: Table, rows: Iterable[Row]) -> Judged:
    judged = Judged([], [])
    for row in rows:
        line, cells, fault = row
        try:
            if fault:
                name = "row" if fault.column is None else table.label(fault.column)
                raise InvalidInputError(name, fault.problem)
            judged.leads.append(_lead(table, cells))
        except InvalidInputError as error:
            judged.rejected.append(
                Rejected(line=line, field=error.field, problem=error.problem, cells=tuple(cells))
            )
    return judged


def safe_cell(text: str) -> str:
    """As a cell that no spreadsheet takes for a formula. Reading it gives the same lead."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


# --- one row ----------------------------------------------------------------------------------------------------------


def _lead(table: Table, row: list[str]) -> LeadCells:
    """Raises InvalidInputError."""
    if len(row) > table.width and any(cell.strip() for cell in row[table.width :]):
        # It has shifted, and its cells mean something else.
        raise InvalidInputError("row", "has more cells than the first line")
    phone = name = first = last = zone = priority = external_id = ""
    phones: list[tuple[str, str]] = []
    for column, text in zip(table.names, row, strict=False):
        match column:
            case "phone" if not table.several:
                phone = _phone(text, table.region)
            case "phone" | "other_phones":
                phones.append((column, text))
            case "name":
                name = text and _text("name", text)
            case "first_name":
                first = text and _text("first_name", text)
            case "last_name":
                last = text and _text("last_name", text)
            case "zone":
                zone = text and _plain(text)
            case "priority":
                priority = text and _plain(text)
            case "external_id":
                external_id = text and _text("external_id", text)
            case _:
                pass
    if not phone and not phones:
        raise InvalidInputError("phone", "is empty")
    found, odd = _numbers(phones, table.region) if phones else ([phone], [])
    phone = found[0]
    if first or last:
        name = _text("name", " ".join(filter(None, (first, name, last))))
    given = checked_zone(zone) if zone else None
    numbers = None
    if len(found) > 1:
        zones = [(one, given or zone_of(one, table.zone)) for one in found]
        numbers = packed_numbers(new_numbers(zones))
    own = packed((*_own(table, row), *odd)) if table.own or odd else None
    at = given or zone_of(phone, table.zone)
    return LeadCells(phone, name, at, _priority(priority), external_id or None, own, numbers)


def _numbers(
    phones: list[tuple[str, str]], region: str
) -> tuple[list[str], list[tuple[str, Value]]]:
    """The person's numbers in E.164; and, as attributes, those beside them that are none: so that nothing of the row is lost.
    Raises InvalidInputError when there is no number at all."""
    found: list[str] = []
    odd: list[tuple[str, Value]] = []
    problem = InvalidInputError("phone", "is empty")
    for column, text in phones:
        for piece in _SEVERAL.split(text) if column == "other_phones" else [text]:
            if not piece.strip():
                continue
            try:
                found.append(_phone(piece, region))
            except InvalidInputError as error:
                problem = error if not odd else problem
                odd.append((f"not_a_number_{len(odd) + 1}", _text("phone", piece, MOST_TEXT)))
    if not found:
        raise problem
    if len(found) > MOST_NUMBERS:
        raise InvalidInputError("phone", f"is one of more than {MOST_NUMBERS}")
    return found, odd


def _own(table: Table, row: list[str]) -> Iterator[tuple[str, Value]]:
    """The lead's attributes. Raises InvalidInputError."""
    for column, heading, kind in table.own:
        text = row[column] if column < len(row) else ""
        if text and (text := _text(heading, text, MOST_TEXT)):
            yield heading, value_of(heading, kind, text)


def _phone(text: str, region: str) -> str:
    text = text.strip()
    if len(text) > PHONE_LIMIT:
        raise InvalidInputError("phone", f"is longer than {PHONE_LIMIT} characters")
    return e164(text, region)


def _text(name: str, text: str, limit: int = TEXT_LIMIT) -> str:
    """One line. Raises InvalidInputError."""
    if not text.isascii():
        text = text.translate(_UNSEEN)
    if _CONTROL.search(text):
        raise InvalidInputError(name, "holds a control character")
    text = _without_mark(" ".join(text.split()))
    if len(text) > limit:
        raise InvalidInputError(name, f"is longer than {limit} characters")
    return text


def _plain(text: str) -> str:
    return _without_mark(text.translate(INVISIBLE).strip())


def _without_mark(text: str) -> str:
    """Without the quote that `safe_cell` and spreadsheets put before what would be a formula."""
    return text[1:] if text[:1] == "'" and text[1:].lstrip().startswith(FORMULA_STARTS) else text


def _priority(text: str) -> int:
    if not text:
        return 0
    try:
        priority = int(text)
    except ValueError:
        raise InvalidInputError("priority", "is not a whole number") from None
    if abs(priority) >= PRIORITY_LIMIT:
        raise InvalidInputError("priority", "is too large")
    return priority

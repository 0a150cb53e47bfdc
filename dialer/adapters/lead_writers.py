"""Leads as CSV, JSON lines or XLSX, piece by piece: memory does not grow with their number.

A spreadsheet runs what begins like a formula. In CSV such a cell gets the quote before it that marks text (`leads import` takes
it off again); in XLSX every text is stored as text, which nothing runs; JSON has no formulas.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from dialer.adapters.lead_table import safe_cell
from dialer.attributes import packed
from dialer.errors import InvalidInputError
from dialer.leads import Lead

MOST_SHEET_ROWS = 1_048_576
COLUMNS = (
    "phone",
    "other_phones",
    "name",
    "zone",
    "priority",
    "external_id",
    "list",
    "state",
    "attempts",
    "never_rang",
    "last_outcome",
    "last_attempt_at",
    "next_attempt_at",
    "held_by",
    "lead_id",
    "attributes",
)
"""Of every form. The first six are those that `leads import` reads."""

Value = str | int | None


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/jsonl",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class LeadWriter(Protocol):
    """Each method gives the bytes that it has for the file so far; together, in order, they are the file."""

    def begin(self) -> bytes: ...

    def leads(self, leads: Iterable[Lead], list_name: Callable[[Lead], str]) -> bytes:
        """Raises InvalidInputError when there are more than the form can hold."""
        ...

    def end(self) -> bytes: ...


def writer_of(form: Format) -> LeadWriter:
    match form:
        case Format.CSV:
            return CsvLeads()
        case Format.JSONL:
            return JsonLeads()
        case Format.XLSX:
            return XlsxLeads()


def values_of(lead: Lead, list_name: str) -> tuple[Value, ...]:
    """In the order of COLUMNS."""
    return (
        lead.first_phone,
        "; ".join(lead.every_phone[1:]) or None,
        lead.name,
        lead.zone,
        lead.priority,
        lead.external_id,
        list_name,
        lead.state.value,
        lead.attempts,
        lead.never_rang,
        lead.last_outcome and lead.last_outcome.value,
        _instant(lead.last_attempt_at),
        _instant(lead.next_attempt_at),
        lead.held_by,
        lead.lead_id,
        packed(lead.attributes),
    )


def _instant(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


class CsvLeads:
    def begin(self) -> bytes:
        return _csv([COLUMNS]).encode("utf-8-sig")

    def leads(self, leads: Iterable[Lead], list_name: Callable[[Lead], str]) -> bytes:
        rows = (values_of(lead, list_name(lead)) for lead in leads)
        safe = ([safe_cell(v) if isinstance(v, str) else v for v in row] for row in rows)
        return _csv(safe).encode()

    def end(self) -> bytes:
        return b""


def _csv(rows: Iterable[Sequence[Value]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


class JsonLeads:
    def begin(self) -> bytes:
        return b""

    def leads(self, leads: Iterable[Lead], list_name: Callable[[Lead], str]) -> bytes:
        objects = (
            dict(zip(COLUMNS, values_of(lead, list_name(lead)), strict=True))
            | {"attributes": dict(lead.attributes)}
            for lead in leads
        )
        return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects).encode()

    def end(self) -> bytes:
        return b""


# --- a workbook -------------------------------------------------------------------------------------------------------

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_CONTENT}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_CONTENT}.worksheet+xml"/>'
    "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
    f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    "</Relationships>",
}
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


class _Sink(io.RawIOBase):
    """What was written since the last `take`."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole


class XlsxLeads:
    """One sheet, texts inline, numbers as numbers."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w", ZIP_DEFLATED)
        for name, content in _PARTS.items():
            self._zip.writestr(name, _HEAD + content)
        self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w")
        self._rows = 0

    def begin(self) -> bytes:
        self._write(f'{_HEAD}<worksheet xmlns="{_SHEETS}"><sheetData>')
        self._row(COLUMNS)
        return self._sink.take()

    def leads(self, leads: Iterable[Lead], list_name: Callable[[Lead], str]) -> bytes:
        for lead in leads:
            self._row(values_of(lead, list_name(lead)))
        return self._sink.take()

    def end(self) -> bytes:
        self._write("</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()
        return self._sink.take()

    def _row(self, values: Sequence[Value]) -> None:
        self._rows += 1
        if self._rows > MOST_SHEET_ROWS:
            problem = f"a sheet holds {MOST_SHEET_ROWS - 1} leads: take csv or jsonl, or one list"
            raise InvalidInputError("format", problem)
        self._write(f"<row>{''.join(map(_cell, values))}</row>")

    def _write(self, text: str) -> None:
        self._sheet.write(text.encode())


def _cell(value: Value) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    text = escape(_NOT_XML.sub("", _ESCAPED.sub("_x005F_", value)))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'

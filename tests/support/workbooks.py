"""Workbooks (.xlsx) from rows, whole or spoilt on purpose."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
BOOK = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
LINKS = (
    f'<Relationships xmlns="{PACKAGE}">'
    f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/>'
    f'<Relationship Id="rId3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    "</Relationships>"
)
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1">'
    '<numFmt numFmtId="164" formatCode="0000000000"/></numFmts>'
    '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs>'
    "</styleSheet>"
)
"""Style 1: a date; 2: ten digits at least."""

Cell = str | int | float | None | Mapping[str, Any]


def write_workbook(
    path: Path,
    rows: Sequence[Sequence[Cell]],
    *,
    shared: Sequence[str] = (),
    parts: Mapping[str, str] | None = None,
    swell: int = 0,
    cut: int = 0,
) -> None:
    """A cell is a text, a number, or the attributes and contents of its tag: {t, s, v, f}. `shared`: the texts that cells of
    kind "s" name. `parts`: take the place of those made here; empty: left out. `swell`: so many further bytes of blanks in
    the sheet. `cut`: bytes missing at the end of the file."""
    content = {
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": LINKS,
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": _shared(shared),
        "xl/worksheets/sheet1.xml": sheet(rows, swell),
        **(parts or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            if text:
                archive.writestr(name, text)
    if cut:
        path.write_bytes(path.read_bytes()[:-cut])


def sheet(rows: Sequence[Sequence[Cell]], swell: int = 0) -> str:
    body = "".join(f'<row r="{n}">{_row(n, row)}</row>' for n, row in enumerate(rows, 1))
    return f'<worksheet xmlns="{MAIN}"><sheetData>{" " * swell}{body}</sheetData></worksheet>'


def _row(number: int, cells: Sequence[Cell]) -> str:
    return "".join(_cell(f"{chr(65 + place)}{number}", each) for place, each in enumerate(cells))


def _cell(place: str, cell: Cell) -> str:
    match cell:
        case None | "":
            return ""
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        case int() | float():
            return f'<c r="{place}"><v>{cell}</v></c>'
        case _:
            attributes = "".join(f' {key}="{cell[key]}"' for key in ("t", "s") if key in cell)
            inner = "".join(f"<{key}>{cell[key]}</{key}>" for key in ("f", "v") if key in cell)
            return f'<c r="{place}"{attributes}>{inner}</c>'


def _shared(texts: Sequence[str]) -> str:
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    return f'<sst xmlns="{MAIN}">{items}</sst>' if texts else ""

"""Leads out of the store into a file, and in again."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialer.adapters.csv_rows import survey
from dialer.adapters.lead_source import open_source
from dialer.adapters.lead_writers import COLUMNS, Format
from dialer.adapters.sql.store import open_stores
from dialer.config import CampaignSettings, DatabaseSettings, Settings
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import CampaignId
from dialer.lead_export import export_file
from dialer.lead_file import ImportOptions, import_file
from dialer.leads import LeadState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NASTY = "=cmd|' /C calc'!A0"
ODD = '_x0041_ <&> "Però", \' end'


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """Three leads; one of them in the list "warm", one excluded."""
    campaigns = (CampaignSettings(id="spring", name="Spring"), CampaignSettings(id="empty"))
    url = f"sqlite:///{tmp_path / 'dialer.sqlite3'}"
    settings = Settings(database=DatabaseSettings(url=url), campaigns=campaigns)
    file = tmp_path / "in.csv"
    with file.open("w", newline="") as out:
        rows = [("phone", "name", "id"), ("3471234567", NASTY, "A-1"), ("3471234568", ODD, "-2")]
        csv.writer(out).writerows(rows)
    await import_file(settings, file, "spring", ImportOptions(workers=0))
    file.write_text("phone,priority\n3471234569,-7\n")
    await import_file(settings, file, "spring", ImportOptions(workers=0, list_name="warm"))
    stores = await open_stores(url)
    await stores.leads.add_do_not_call("+393471234568", reason="asked", at=NOON)
    await stores.close()
    return settings


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def read(path: Path) -> list[dict[str, str]]:
    with open_source(path, survey(path)) as source:
        heads = source.header.cells
        return [dict(zip(heads, [*row.cells, *[""] * 20], strict=False)) for row in source.rows()]


@pytest.mark.parametrize("form", Format)
async def test_all_leads_with_what_became_of_them(
    settings: Settings, tmp_path: Path, form: Format
) -> None:
    path = tmp_path / f"out.{form}"
    assert await export_file(settings, path, "Spring", form) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = read(path)
    assert list(rows[0]) == list(COLUMNS)
    assert [row["phone"].lstrip("'") for row in rows] == [f"+39347123456{n}" for n in (7, 8, 9)]
    assert [row["state"] for row in rows] == ["new", "excluded", "new"]
    assert [row["held_by"] for row in rows] == ["", "do_not_call", ""]
    assert [row["list"] for row in rows] == ["", "", "warm"]
    assert [row["attempts"] for row in rows] == ["0", "0", "0"]
    assert not found(tmp_path, "*.part")


@pytest.mark.parametrize("form", Format)
async def test_what_goes_out_comes_in_again(
    settings: Settings, tmp_path: Path, form: Format
) -> None:
    path = tmp_path / f"out.{form}"
    await export_file(settings, path, "spring", form)
    report = await import_file(settings, path, "empty", ImportOptions(workers=0))
    assert (report.totals.added, report.totals.rejected) == (3, 0)
    stores = await open_stores(settings.database.url)
    leads = await stores.leads.page(CampaignId("empty"), after=None, limit=9, state=None)
    await stores.close()
    assert [(lead.name, lead.priority, lead.external_id) for lead in leads] == [
        (NASTY, 0, "A-1"),
        (ODD, 0, "-2"),
        ("", -7, None),
    ]


async def test_no_spreadsheet_runs_a_cell(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    await export_file(settings, path, "spring", Format.CSV)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [row[name] for row in rows for name in ("phone", "name", "external_id")]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@"))]


async def test_json_keeps_numbers_as_numbers(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    await export_file(settings, path, "spring", Format.JSONL)
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["name"], first["priority"], first["last_outcome"]) == (NASTY, 0, None)


async def test_one_list_or_one_state(settings: Settings, tmp_path: Path) -> None:
    async def count(name: str, **only: object) -> int:
        path = tmp_path / name
        return await export_file(settings, path, "spring", Format.CSV, **only)  # type: ignore[arg-type]

    assert await count("1.csv", list_name="warm") == 1
    assert await count("2.csv", list_name="") == 2
    assert await count("3.csv", state=LeadState.EXCLUDED) == 1
    with pytest.raises(NotFoundError, match="no such list"):
        await count("4.csv", list_name="cold")
    assert not found(tmp_path, "4*")


async def test_a_file_that_is_there_is_kept(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(InvalidInputError, match="file: is there already"):
        await export_file(settings, path, "spring", Format.CSV)
    assert path.read_text() == "mine"
    with pytest.raises(InvalidInputError, match="file: "):
        await export_file(settings, tmp_path / "no" / "out.csv", "spring", Format.CSV)


@pytest.mark.parametrize("form", Format)
async def test_persons_come_in_again_with_all_their_numbers(tmp_path: Path, form: Format) -> None:
    campaigns = (CampaignSettings(id="spring"), CampaignSettings(id="autumn"))
    url = f"sqlite:///{tmp_path / 'dialer.sqlite3'}"
    settings = Settings(database=DatabaseSettings(url=url), campaigns=campaigns)
    file, again = tmp_path / "in.csv", tmp_path / "out"
    file.write_text(
        "phone,phone_2,phone_3,name\n3471234567,0612345678,0612345679,Ada\n3471234568,,,Bo\n"
    )
    await import_file(settings, file, "spring", ImportOptions(workers=0))
    await export_file(settings, again, "spring", form)
    report = await import_file(settings, again, "autumn", ImportOptions(workers=0))
    assert (report.totals.added, report.totals.rejected) == (2, 0)
    stores = await open_stores(url)
    try:
        both = [
            {
                (lead.name, lead.every_phone)
                for lead in await stores.leads.page(
                    CampaignId(name), after=None, limit=9, state=None
                )
            }
            for name in ("spring", "autumn")
        ]
    finally:
        await stores.close()
    assert both[0] == both[1]
    assert ("Ada", ("+393471234567", "+390612345678", "+390612345679")) in both[0]
    file.write_text("phone,phone_2\n0612345679,\n3331234567,0612345678\n3331234568,\n")
    report = await import_file(settings, file, "spring", ImportOptions(workers=0))
    assert (report.totals.added, report.totals.duplicates) == (1, 2)
    report = await import_file(settings, file, "spring", ImportOptions(workers=0))
    assert (report.totals.added, report.totals.duplicates) == (0, 3)

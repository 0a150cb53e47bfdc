"""Files into the store: what is added, what is reported, on both databases, with and without other processes."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialer.adapters.import_journal import open_journal, previous
from dialer.adapters.sql.store import open_stores
from dialer.config import CampaignSettings, DatabaseSettings, Settings
from dialer.errors import ConflictError, InvalidInputError, NotFoundError
from dialer.ids import CampaignId
from dialer.lead_file import FileReport, ImportOptions, Progress, import_file
from dialer.leads import Lead, LeadState
from dialer.ports import Stores
from tests.support import postgres
from tests.support.postgres import Cluster

SPRING = CampaignId("spring")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SMALL = ImportOptions(batch=100, workers=0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield settings_for(f"sqlite:///{tmp_path / 'dialer.sqlite3'}")
        return
    running: Cluster = request.getfixturevalue("cluster")
    running.sql("postgres", "CREATE DATABASE import")
    yield settings_for(running.url("import"))
    running.sql("postgres", "DROP DATABASE import WITH (FORCE)")


def settings_for(url: str) -> Settings:
    campaigns = (CampaignSettings(id="spring", name="Spring"),)
    return Settings(database=DatabaseSettings(url=url), campaigns=campaigns)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


def write(file: Path, *lines: str) -> None:
    file.write_text("\n".join(["phone,name,priority", *lines, ""]))


def people(count: int, first: int = 0) -> list[str]:
    """Rows whose numbers do not come in order."""
    return [f"+39347{n * 7919 % 10**7:07d},Person {n},1" for n in range(first, first + count)]


@asynccontextmanager
async def stores_of(settings: Settings) -> AsyncIterator[Stores]:
    stores = await open_stores(settings.database.url)
    yield stores
    await stores.close()


async def leads_of(settings: Settings) -> list[Lead]:
    async with stores_of(settings) as stores:
        return await stores.leads.page(SPRING, after=None, limit=10_000, state=None)


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


def size_of(file: Path) -> int:
    return file.stat().st_size


def counts(report: FileReport) -> tuple[int, int, int]:
    return report.totals.added, report.totals.duplicates, report.totals.rejected


# --- what is added ----------------------------------------------------------------------------------------------------


async def test_leads_are_as_old_as_their_place_in_the_file(settings: Settings, file: Path) -> None:
    write(file, *people(250))
    report = await import_file(settings, file, "Spring", SMALL)
    assert counts(report) == (250, 0, 0)
    assert (report.totals.rows, report.totals.batches, report.report) == (250, 3, None)
    leads = await leads_of(settings)
    assert [lead.name for lead in leads] == [f"Person {n}" for n in range(250)]
    assert {(lead.zone, lead.priority, lead.state) for lead in leads} == {
        ("Europe/Rome", 1, LeadState.NEW)
    }


async def test_a_number_is_added_once_and_the_first_row_counts(
    settings: Settings, file: Path
) -> None:
    write(file, "347 1234567,first,", "+39 347 123 4567,second,", *people(150), "3471234567,third,")
    assert counts(await import_file(settings, file, "spring", SMALL)) == (151, 2, 0)
    assert counts(await import_file(settings, file, "spring", SMALL)) == (0, 153, 0)
    assert (await leads_of(settings))[0].name == "first"


async def test_a_number_on_the_do_not_call_list_comes_in_excluded(
    settings: Settings, file: Path
) -> None:
    async with stores_of(settings) as stores:
        await stores.leads.add_do_not_call("+393471234567", reason="asked", at=NOON)
    write(file, "3471234567,Ada,", "3471234568,Ugo,")
    assert counts(await import_file(settings, file, "spring", SMALL)) == (2, 0, 0)
    states = {lead.name: lead.state for lead in await leads_of(settings)}
    assert states == {"Ada": LeadState.EXCLUDED, "Ugo": LeadState.NEW}


async def test_other_processes_judge_as_this_one_does(tmp_path: Path) -> None:
    found = []
    for workers in (0, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        file, settings = folder / "leads.csv", settings_for(f"sqlite:///{folder / 'd.sqlite3'}")
        write(file, *people(300), "12,x,", *people(300, 250))
        options = ImportOptions(batch=100, workers=workers)
        report = await import_file(settings, file, "spring", options)
        leads = [(lead.phone, lead.name, lead.zone) for lead in await leads_of(settings)]
        rejected = (folder / "leads.rejected.csv").read_bytes()
        found.append((counts(report), leads, rejected))
    assert found[0] == found[1]
    assert found[0][0] == (550, 50, 1)


async def test_a_file_with_a_header_only_adds_nothing_and_is_no_fault(
    settings: Settings, file: Path
) -> None:
    write(file)
    report = await import_file(settings, file, "spring", SMALL)
    assert (counts(report), report.exit_code()) == ((0, 0, 0), 0)


# --- the report -------------------------------------------------------------------------------------------------------


async def test_rejected_rows_are_in_the_report_and_can_be_mended_there(
    settings: Settings, file: Path
) -> None:
    write(file, *people(150), "12,=cmd|' /C calc'!A0,-3", "899123456,Ida,", *people(1), "+39,Eva,")
    report = await import_file(settings, file, "spring", SMALL)
    assert (counts(report), report.exit_code()) == ((150, 1, 3), 3)
    assert report.report == file.with_name("leads.rejected.csv")
    assert stat.S_IMODE(report.report.stat().st_mode) == 0o600
    assert report.report.read_text("utf-8-sig").splitlines() == [
        "line,field,problem,phone,name,priority",
        "152,phone,is not a valid telephone number,12,'=cmd|' /C calc'!A0,'-3",
        '153,phone,"is a premium-rate number, which is never called",899123456,Ida,',
        "155,phone,is not a telephone number,'+39,Eva,",
    ]
    mended = report.report.read_text("utf-8-sig").replace(",12,", ",3481234567,")
    report.report.write_text(mended)
    again = await import_file(settings, report.report, "spring", SMALL)
    assert counts(again) == (1, 0, 2)
    lead = next(lead for lead in await leads_of(settings) if lead.phone == "+393481234567")
    assert (lead.name, lead.priority) == ("=cmd|' /C calc'!A0", -3)


async def test_no_number_is_in_what_the_terminal_shows(tmp_path: Path, file: Path) -> None:
    write(file, "34712,Ada,", *people(1), "34713,Ada,")
    settings = settings_for(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    report = await import_file(settings, file, "spring", SMALL)
    assert [row.line for row in report.shown] == [2, 4]
    assert "3471" not in repr(report)


async def test_the_report_goes_where_it_is_told(settings: Settings, file: Path) -> None:
    write(file, "12,Ada,")
    place = file.parent / "elsewhere.csv"
    options = ImportOptions(batch=100, workers=0, report=place)
    report = await import_file(settings, file, "spring", options)
    assert (report.report, report.exit_code()) == (place, 1)
    assert sorted(path.suffix for path in file.parent.glob("*.csv*")) == [".csv", ".csv"]


async def test_the_report_of_an_earlier_import_is_kept(tmp_path: Path, file: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    report = file.with_name("leads.rejected.csv")
    write(file, "12,Ada,")
    await import_file(settings, file, "spring", SMALL)
    mended = report.read_text() + "mended"
    report.write_text(mended)
    await import_file(settings, file, "spring", SMALL)
    assert previous(report).read_text() == mended
    assert "mended" not in report.read_text()


@pytest.mark.parametrize("place", ["leads.csv", "nowhere/report.csv", "."])
async def test_a_report_that_cannot_be_written_is_told_before_anything_is_added(
    tmp_path: Path, file: Path, place: str
) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    write(file, *people(2))
    options = ImportOptions(report=tmp_path / place)
    with pytest.raises(InvalidInputError, match="report: "):
        await import_file(settings, file, "spring", options)
    assert lines_of(file) == 3


# --- what goes wrong --------------------------------------------------------------------------------------------------


async def test_an_unknown_campaign_is_told_and_nothing_is_left_behind(
    settings: Settings, file: Path
) -> None:
    write(file, "12,x,")
    with pytest.raises(NotFoundError, match="there are: Spring"):
        await import_file(settings, file, "autumn", SMALL)
    assert not list(file.parent.glob("*rejected*"))


async def test_one_file_is_imported_by_one_process_at_a_time(tmp_path: Path, file: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    write(file, *people(2))
    with open_journal(file.with_name("leads.rejected.csv")), pytest.raises(ConflictError):
        await import_file(settings, file, "spring", SMALL)
    assert counts(await import_file(settings, file, "spring", SMALL)) == (2, 0, 0)


async def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path, file: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    write(file, *people(250))

    def change(_: Progress) -> None:
        with file.open("a") as open_file:
            open_file.write("3401234567,late,\n")

    with pytest.raises(InvalidInputError, match="was changed while it was imported"):
        await import_file(settings, file, "spring", SMALL, change)
    again = await import_file(settings, file, "spring", SMALL)
    assert again.totals.rows == lines_of(file) - 1
    assert not again.totals.rejected


async def test_progress_is_told_after_every_batch(tmp_path: Path, file: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    write(file, *people(250))
    told: list[Progress] = []
    await import_file(settings, file, "spring", SMALL, told.append)
    assert [progress.totals.added for progress in told] == [100, 200, 250]
    assert told[-1].read == told[-1].size == size_of(file)

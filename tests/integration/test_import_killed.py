"""An import that dies by SIGKILL: the same command goes on, nothing is added twice, the totals are of the whole file.

As a program: python -m tests.integration.test_import_killed WHEN BATCH FILE DATABASE, an import that kills itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, Pool, event

from dialer.adapters.sql.duplicates import By, Dedupe
from dialer.config import CampaignSettings, DatabaseSettings, Settings
from dialer.lead_file import FileReport, ImportOptions, import_file
from tests.support.live_server import until
from tests.support.workbooks import write_workbook

pytestmark = pytest.mark.process

OPTIONS = ImportOptions(batch=100, workers=0)
BY_ID = ImportOptions(batch=100, workers=0, dedupe=Dedupe(by=By.EXTERNAL_ID))
INSERT = "INSERT INTO leads"
ROOT = Path(__file__).parents[2]


def settings_for(database: Path) -> Settings:
    campaigns = (CampaignSettings(id="spring", name="Spring"),)
    return Settings(database=DatabaseSettings(url=f"sqlite:///{database}"), campaigns=campaigns)


def run(file: Path, database: Path, options: ImportOptions = OPTIONS) -> FileReport:
    return asyncio.run(import_file(settings_for(database), file, "spring", options))


def rows_of(database: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT phone, name FROM leads ORDER BY id").fetchall()


def write(file: Path) -> None:
    """430 rows: 420 numbers, 5 of them twice, 5 that are none."""
    rows = [f"+39347{n * 7919 % 10**7:07d},Person {n}" for n in range(420)]
    for place in (10, 110, 210, 310, 410):
        rows.insert(place, f"{place},no number")
        rows.append(rows[place - 1])
    file.write_text("\n".join(["phone,name", *rows, ""]))


# --- the import that kills itself -------------------------------------------------------------------------------------


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(when: str, batch: int) -> None:
    """At the batch's commit, or when its transaction has ended and the journal does not know yet."""
    begun = 0

    def count(_: object, __: object, statement: str, *___: object) -> None:
        nonlocal begun
        begun += statement.startswith(INSERT)

    def strike(*_: object) -> None:
        if begun == batch:
            die()

    event.listen(Engine, "after_cursor_execute", count)
    if when == "before_commit":
        event.listen(Engine, "commit", strike)
    elif when == "after_commit":
        event.listen(Pool, "checkin", strike)


def main(when: str, batch: str, file: str, database: str) -> None:
    options = BY_ID if when.endswith("_by_id") else OPTIONS
    when = when.removesuffix("_by_id")
    die_at(when, int(batch))
    settings, told = settings_for(Path(database)), []

    def tell(progress: object) -> None:
        told.append(progress)
        if when == "recorded" and len(told) == int(batch):
            die()

    asyncio.run(import_file(settings, Path(file), "spring", options, tell))


def killed(when: str, batch: int, file: Path, database: Path) -> None:
    words = ["-m", "tests.integration.test_import_killed", when, str(batch), file, database]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


# --- and the one after it ---------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(tmp_path / "leads.csv")
    return tmp_path / "leads.csv"


@pytest.fixture
def whole(tmp_path: Path, file: Path) -> tuple[FileReport, list[tuple[str, str]], bytes]:
    """What an undisturbed import does."""
    report = run(file, tmp_path / "whole.sqlite3")
    place = file.with_name("leads.rejected.csv")
    content = place.read_bytes()
    place.unlink()
    return report, rows_of(tmp_path / "whole.sqlite3"), content


Whole = tuple[FileReport, list[tuple[str, str]], bytes]


@pytest.mark.parametrize("when", ["before_commit", "after_commit", "recorded"])
@pytest.mark.parametrize("batch", [1, 3, 5])
def test_the_same_command_goes_on(
    tmp_path: Path, file: Path, whole: Whole, when: str, batch: int
) -> None:
    database = tmp_path / "dialer.sqlite3"
    killed(when, batch, file, database)
    held = batch if when != "before_commit" else batch - 1
    assert len(rows_of(database)) == min(held * 99, 420), "a batch is in the store whole or not"
    report = run(file, database)
    expected, rows, content = whole
    assert rows_of(database) == rows
    assert report.resumed
    assert {**vars_of(report), "witness": ""} == {**vars_of(expected), "witness": ""}
    assert file.with_name("leads.rejected.csv").read_bytes() == content
    assert not list(tmp_path.glob("*.progress"))


def vars_of(report: FileReport) -> dict[str, object]:
    totals = report.totals
    return {name: getattr(totals, name) for name in totals.__slots__}


@pytest.mark.parametrize(("form", "when"), [("xlsx", "before_commit"), ("jsonl", "after_commit")])
def test_the_same_command_goes_on_in_every_form(
    tmp_path: Path, file: Path, whole: Whole, form: str, when: str
) -> None:
    other, database = tmp_path / f"leads.{form}", tmp_path / "dialer.sqlite3"
    rows = [line.split(",") for line in file.read_text().splitlines()]
    if form == "xlsx":
        write_workbook(other, rows)
    else:
        objects = (dict(zip(rows[0], row, strict=True)) for row in rows[1:])
        other.write_text("\n".join(map(json.dumps, objects)))
    killed(when, 3, other, database)
    report = run(other, database)
    assert report.resumed
    assert rows_of(database) == whole[1]
    assert (report.totals.added, report.totals.duplicates) == (420, 5)


def test_what_makes_a_duplicate_is_the_same_after_a_kill(tmp_path: Path, file: Path) -> None:
    database, other = tmp_path / "dialer.sqlite3", tmp_path / "whole.sqlite3"
    ids = [f"{line},{n % 150}" for n, line in enumerate(file.read_text().splitlines()[1:])]
    file.write_text("\n".join(["phone,name,id", *ids, ""]))
    whole = run(file, other, BY_ID)
    file.with_name("leads.rejected.csv").unlink()
    killed("after_commit_by_id", 3, file, database)
    report = run(file, database, BY_ID)
    assert report.resumed
    assert (report.totals.added, report.totals.duplicates) == (
        whole.totals.added,
        whole.totals.duplicates,
    )
    assert rows_of(database) == rows_of(other)


def test_it_may_be_killed_again_and_again(tmp_path: Path, file: Path, whole: Whole) -> None:
    database = tmp_path / "dialer.sqlite3"
    for when in ("after_commit", "before_commit", "recorded", "after_commit"):
        killed(when, 1, file, database)
    report = run(file, database)
    assert rows_of(database) == whole[1]
    assert vars_of(report)["added"] == 420
    assert file.with_name("leads.rejected.csv").read_bytes() == whole[2]


def test_what_the_store_lost_meanwhile_is_added_again(
    tmp_path: Path, file: Path, whole: Whole
) -> None:
    database = tmp_path / "dialer.sqlite3"
    killed("recorded", 3, file, database)
    for path in tmp_path.glob("dialer.sqlite3*"):
        path.unlink()
    report = run(file, database)
    assert not report.resumed
    assert rows_of(database) == whole[1]
    assert vars_of(report)["added"] == 420


def test_a_report_that_is_gone_is_written_again_and_nothing_is_counted_wrong(
    tmp_path: Path, file: Path, whole: Whole
) -> None:
    database = tmp_path / "dialer.sqlite3"
    killed("recorded", 3, file, database)
    file.with_name("leads.rejected.csv").unlink()
    report = run(file, database)
    assert rows_of(database) == whole[1]
    assert (report.totals.added, report.totals.rejected) == (420, 5)
    assert file.with_name("leads.rejected.csv").read_bytes() == whole[2]


def test_another_file_of_the_same_name_begins_anew(tmp_path: Path, file: Path) -> None:
    database = tmp_path / "dialer.sqlite3"
    killed("recorded", 3, file, database)
    file.write_text("phone\n3481234567\n")
    report = run(file, database)
    assert (report.resumed, report.totals.rows, report.totals.added) == (False, 1, 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b'{"key": 1}\n', b"\0" * 100])
def test_a_journal_that_is_damaged_costs_nothing_but_time(
    tmp_path: Path, file: Path, whole: Whole, content: bytes
) -> None:
    database = tmp_path / "dialer.sqlite3"
    killed("recorded", 3, file, database)
    file.with_name("leads.rejected.csv.progress").write_bytes(content)
    report = run(file, database)
    assert rows_of(database) == whole[1]
    assert report.totals.added + report.totals.duplicates == 425


# --- with processes beside it -----------------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def batches_in(journal: Path) -> int:
    lines = journal.read_text().splitlines() if journal.exists() else []
    return json.loads(lines[-1]).get("batches", 0) if lines else 0


async def dialer(*arguments: object) -> asyncio.subprocess.Process:
    words = ["-m", "dialer", "leads", "import", *map(str, arguments)]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdout=pipe, stderr=pipe
    )


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """120,000 rows, enough for processes."""
    path = tmp_path / "long.csv"
    numbers = (n * 7919 % 10**7 for n in range(120_000))
    rows = [f"+39347{number:07d},A name to fill the file with" for number in numbers]
    path.write_text("\n".join(["phone,name", *rows, ""]))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "dialer.toml"
    path.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path / "dialer.sqlite3"}"\n'
        '[[campaigns]]\nid = "spring"\nname = "Spring"\n'
    )
    return path


async def test_the_command_killed_in_mid_file_leaves_no_process_and_goes_on(
    tmp_path: Path, long_file: Path, config: Path
) -> None:
    asked = (long_file, "--campaign", "Spring", "--config", config)
    process = await dialer(*asked)
    journal = long_file.with_name("long.rejected.csv.progress")
    await until(lambda: batches_in(journal) >= 1, 60, "a batch in the store")
    helpers = children(process.pid)
    process.kill()
    await process.wait()
    assert helpers
    await until(lambda: not any(map(alive, helpers)), 30, "the end of its processes")
    before = len(rows_of(tmp_path / "dialer.sqlite3"))
    assert 20_000 <= before < 120_000
    assert before % 20_000 == 0
    again = await dialer(*asked)
    out, _ = await again.communicate()
    assert out.decode() == "120000 added, 0 duplicates, 0 rejected\n"
    assert again.returncode == 0
    assert len(rows_of(tmp_path / "dialer.sqlite3")) == 120_000


if __name__ == "__main__":
    main(*sys.argv[1:])

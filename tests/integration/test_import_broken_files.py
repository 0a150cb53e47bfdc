"""Broken files, one by one: what is said, what comes in, and that nothing is left half done. tests/data/imports/cases.toml"""

from __future__ import annotations

import asyncio
import csv
import shutil
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dialer.__main__ import app
from dialer.adapters.sql.migrate import migrate
from dialer.errors import DialerError
from dialer.import_texts import in_italian
from tests.support.workbooks import write_workbook

FOLDER = Path(__file__).parents[1] / "data" / "imports"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "cases.toml").read_text("utf-8"))["case"]
CONFIG = '[[campaigns]]\nid = "spring"\nname = "Spring"\n[database]\nurl = "sqlite:///{}"\n'


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "dialer.sqlite3"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


def put(case: dict[str, Any], folder: Path) -> Path:
    path = folder / case["file"]
    if "workbook" in case:
        write_workbook(path, **case["workbook"])
    else:
        shutil.copy(FOLDER / case["file"], path)
    return path


def run(case: dict[str, Any], folder: Path, empty: Path, *more: str) -> tuple[int, list[str]]:
    """Exit code, and the lines that are said of what is wrong; as main() does it."""
    database, config = folder / "dialer.sqlite3", folder / "dialer.toml"
    if not database.exists():
        shutil.copy(empty, database)
    config.write_text(CONFIG.format(database))
    words = ["leads", "import", str(put(case, folder)), "--campaign", "Spring"]
    words += ["--config", str(config), *case.get("options", ()), *more]
    done = CliRunner().invoke(app, words)
    if isinstance(done.exception, DialerError):
        return 1, [f"dialer: {done.exception}"]
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stderr.splitlines()


def leads_in(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "dialer.sqlite3")) as connection:
        return connection.execute("SELECT count(*) FROM leads").fetchone()[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_a_broken_file(case: dict[str, Any], tmp_path: Path, empty: Path) -> None:
    code, said = run(case, tmp_path, empty)
    assert (code, said) == (case["exit"], case["says"])
    assert leads_in(tmp_path) == case["added"]
    assert not list(tmp_path.glob("*.progress"))
    report = tmp_path / f"{Path(case['file']).stem}.rejected.csv"
    rejected = [line for line in said if not line.startswith("dialer:")]
    assert report.exists() == bool(rejected)
    if rejected:
        with report.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        found = [f"line {line}: {field}: {problem}" for line, field, problem, *_ in rows[1:]]
        assert found == said
        assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "@"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_a_preview_says_the_same_and_writes_nothing(
    case: dict[str, Any], tmp_path: Path, empty: Path
) -> None:
    code, said = run(case, tmp_path, empty, "--preview", "50")
    assert code == case["exit"]
    assert not said or said == case["says"]
    assert leads_in(tmp_path) == 0
    assert not list(tmp_path.glob("*rejected*"))


def test_all_that_is_said_is_there_in_italian() -> None:
    for case in CASES:
        for said in case["says"]:
            problem = said.removeprefix("dialer: ").split(": ", 1 if "dialer" in said else 2)[-1]
            assert in_italian(problem) != problem, problem

"""`dialer ledger ...` on a database: a checkpoint, a look with it, an export, a tampered row."""

import csv
import json
import sqlite3
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from dialer.__main__ import app
from dialer.adapters.sql.store import open_stores
from dialer.leads import Outcome
from tests.contract.world import SPRING, World, policy


@pytest.fixture
async def calls(tmp_path: Path) -> list[str]:
    """The ids of three calls, in a database with its settings."""
    url = f"sqlite:///{tmp_path / 'dialer.db'}"
    (tmp_path / "dialer.toml").write_text(f'[database]\nurl = "{url}"\n')
    world = World(await open_stores(url, random=Random(1)))
    await world.stores.campaigns.save(policy(SPRING))
    made = [await world.dialed(index) for index in range(3)]
    for call in made:
        await world.close(call, Outcome.BUSY)
    await world.stores.close()
    return [call.call_id for call in made]


def ledger(folder: Path, *words: str, fails: bool = False) -> str:
    result = CliRunner().invoke(app, ["ledger", *words, "--config", str(folder / "dialer.toml")])
    assert (result.exit_code != 0) is fails, result.output
    return result.output


def test_the_ledger_from_the_command_line(tmp_path: Path, calls: list[str]) -> None:
    secret, point = str(tmp_path / "key"), str(tmp_path / "point.json")
    assert CliRunner().invoke(app, ["ledger", "key", secret]).exit_code == 0
    assert "main: 3 " in ledger(tmp_path, "checkpoint", point, "--key", secret)
    known = ["--checkpoint", point, "--public-key", f"{secret}.pub"]
    assert "3 rows, in agreement with 1" in ledger(tmp_path, "verify", *known)
    assert "3 righe" in ledger(tmp_path, "verify", "--language", "it")
    day = ["--from", "2026-03-02", "--to", "2026-03-02"]
    lines = ledger(tmp_path, "export", *day, "--format", "jsonl").splitlines()
    assert [json.loads(line)["call"] for line in lines] == calls
    table = list(csv.DictReader(ledger(tmp_path, "export", *day).splitlines()))
    assert [(row["call"], row["outcome"]) for row in table] == [(c, "busy") for c in calls]
    assert (
        ledger(
            tmp_path, "export", "--from", "2026-03-03", "--to", "2026-03-04", "--format", "jsonl"
        )
        == ""
    )
    assert "+39347" not in "".join(lines)  # nobody's number
    with sqlite3.connect(tmp_path / "dialer.db") as database:
        database.execute("DELETE FROM ledger WHERE seq = 3")
    told = ledger(tmp_path, "verify", *known, fails=True)
    assert "row 3: rows at the end are missing" in told
    assert "mancano righe" in ledger(tmp_path, "verify", "--language", "it", fails=True)


def test_records_that_the_law_wants_kept_are_not_removed(tmp_path: Path, calls: list[str]) -> None:
    result = CliRunner().invoke(
        app,
        ["ledger", "prune", "--before", "2100-01-01", "--config", str(tmp_path / "dialer.toml")],
    )
    assert result.exit_code != 0
    assert "must be kept for 730 days" in str(result.exception)


def test_abandoned_calls_from_the_command_line(tmp_path: Path, calls: list[str]) -> None:
    """Nobody answered yet; then a call that nobody could take."""
    config = ["--config", str(tmp_path / "dialer.toml")]
    asked = [
        "abandonment",
        "Spring",
        *config,
        "--profile",
        "IT-GARANTE",
        "--at",
        "2026-03-02T13:00Z",
    ]
    nothing = CliRunner().invoke(app, asked)
    assert nothing.exit_code == 0
    assert "nothing answered yet" in nothing.output
    with sqlite3.connect(tmp_path / "dialer.db") as database:
        database.execute(
            "UPDATE attempts SET outcome = 'abandoned', answered_at = started_at WHERE id = ?",
            calls[:1],
        )
    over = CliRunner().invoke(app, asked)
    assert over.exit_code == 1
    line = "(L 0 + M 0 + S 1 + H 0 + FP 0) / (C 0 + L 0 + M 0 + S 1 + H 0 + E 0 + FP 0) = 1/1"
    assert f"{line} = 100.0000 % (<= 3.0000 %)" in over.output
    assert "OLTRE IL LIMITE" in CliRunner().invoke(app, [*asked, "--language", "it"]).output
    data = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    assert [(each["window"], each["ratio"]) for each in data] == [
        ("campaign_total", "1"),
        ("calendar_day", "1"),
    ]

"""The soak itself, very short: a sound server passes, its history broken by hand does not, an interrupted run is none."""

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.soak import soak
from bench.soak_checks import Limits, broken_at_the_end
from bench.soak_plan import WHOLE
from bench.soak_store import ended, leads_by_state, open_attempts
from bench.soak_talk import Gone

pytestmark = pytest.mark.process

SHORT = replace(
    WHOLE,
    seconds=6.0,
    warm_up=2.0,
    every=3.0,
    window=3.0,
    apart=2.0,
    drain=30.0,
    agents=20,
    lines=80,
    rate=10.0,
    talk=2.0,
    ring=0.5,
    ring_timeout=5.0,
    wrap_up=0.5,
    leads=500,
    whole=False,
)
LIMITS = Limits(agents=SHORT.agents, lines=SHORT.lines, leads=SHORT.leads)


def rules_at_the_end(database: Path, asked: list[str]) -> list[str]:
    leads = leads_by_state(database)
    return broken_at_the_end(ended(database), asked, leads, up=0, limits=LIMITS, limit_ratio=1.0)


def spoil(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount == 1


async def test_a_sound_server_passes_and_a_broken_history_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    figures = await soak(SHORT, folder, tmp_path / "partial.json")
    assert figures["broken"] == []
    assert figures["ok"]
    assert figures["calls_placed"] > 30
    assert figures["cpu_seconds_per_call"] > 0
    assert figures["decisions"]["windows"]

    database = folder / "soak.sqlite3"
    asked = list(ended(database)["attempts"])
    assert rules_at_the_end(database, asked) == []
    assert "no attempt tells of" in rules_at_the_end(database, [*asked, "another"])[0]
    spoil(
        database,
        "INSERT INTO attempts (id, campaign_id, lead_id, phone, caller_id, trunk, started_at)"
        " SELECT 'again', campaign_id, lead_id, phone, caller_id, trunk, ended_at FROM attempts"
        " WHERE outcome = 'talked' LIMIT 1",
    )
    assert len(open_attempts(database).ids) == 1
    found = " ".join(rules_at_the_end(database, [*asked, "again"]))
    assert "still open: 1" in found
    assert "after its talk: 1" in found


async def until_a_sample(partial: Path) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while not partial.exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.1)
    found: dict[str, Any] = json.loads(partial.read_text())  # noqa: ASYNC240
    return found


async def test_a_run_whose_server_dies_has_no_figures_and_its_samples_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, partial = tmp_path / "run", tmp_path / "partial.json"
    folder.mkdir()
    run = asyncio.create_task(soak(replace(SHORT, seconds=60.0), folder, partial))
    found = await until_a_sample(partial)
    assert found["finished"] is False
    assert found["samples"]
    os.kill(int(capsys.readouterr().out.split()[1]), signal.SIGKILL)
    with pytest.raises(Gone, match="soak_server"):
        await run

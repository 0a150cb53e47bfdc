"""SIGTERM in mid-talk, on a whole server: nobody is rung any more, the talk ends as people wish, and everything is given back."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    Settings,
)
from dialer.ids import CampaignId, TeamId
from dialer.leads import LeadState, NewLead, Outcome
from dialer.ports import Attempt, Stores
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from tests.integration.test_logs import lines_of, port_in
from tests.support.live_server import server_process, until

CAMPAIGN, TEAM, IDLE_TEAM = CampaignId("spring"), TeamId("main"), TeamId("idle")
AGENTS = 2
ROOT = Path(__file__).parents[2]


class Public:
    """Everybody answers, and talks for so long."""

    def __init__(self, talk: float) -> None:
        self.talk = talk
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.2, talk=self.talk)


@dataclass
class Talking:
    """A server whose agents all talk."""

    pid: int
    people: Public
    stores: Stores
    folder: Path

    def said(self, event: str) -> bool:
        return any(f" {event} " in line for line in lines_of(self.folder))

    async def attempts(self) -> list[Attempt]:
        found: list[Attempt] = []
        for lead in await self.leads_in():
            found += await self.stores.attempts.of_lead(lead)
        return found

    async def leads_in(self) -> list[Any]:
        leads = await self.stores.leads.page(CAMPAIGN, after=None, limit=500, state=None)
        self.states = {lead.state for lead in leads}
        return [lead.lead_id for lead in leads if lead.state is not LeadState.NEW]

    async def owner(self, team: TeamId) -> str | None:
        lease = await self.stores.leases.held_by(team, at=SystemClock().now())
        return lease and lease.owner

    async def all_talk(self) -> None:
        async with asyncio.timeout(20):
            while True:
                if sum(each.bridged_at is not None for each in await self.attempts()) == AGENTS:
                    return
                await asyncio.sleep(0.05)

    def term(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self, within: float) -> int:
        started = time.monotonic()
        async with asyncio.timeout(within + 20):
            _, status = await asyncio.to_thread(os.waitpid, self.pid, 0)
        assert time.monotonic() - started < within
        return os.waitstatus_to_exitcode(status)


@asynccontextmanager
async def in_mid_talk(folder: Path, talk: float) -> AsyncIterator[Talking]:
    people = Public(talk)
    scenario = replace(FAST, agents=AGENTS, login_spread=0.0)
    async with SimulatedExchange(scenario, clock=SystemClock(), people=people) as exchange:
        value = settings(exchange.port, folder)
        stores = await open_stores(value.database.url)
        try:
            for campaign in (*value.campaigns, campaign_of("idle", IDLE_TEAM)):
                await stores.campaigns.save(campaign.policy())
            leads = [NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}") for n in range(300)]
            await stores.leads.add(leads, at=SystemClock().now())
            with server_process(value, folder) as pid:
                at = Talking(pid, people, stores, folder)
                await until(lambda: people.rung.total() >= AGENTS, 20, "calls")
                await at.all_talk()
                yield at
        finally:
            await stores.close()


def campaign_of(name: str, team: TeamId) -> CampaignSettings:
    return CampaignSettings(
        id=name,
        team=team,
        profile="DEMO",
        mode="progressive",
        wrap_up_seconds=1,
        ring_timeout_seconds=5,
        running=True,
    )


def settings(port: int, folder: Path) -> Settings:
    return Settings(
        asterisk=AsteriskSettings(port=port, secret=SecretStr("dialer")),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'drain.sqlite3'}"),
        agents=[AgentSettings(code=str(FAST.first_code + n)) for n in range(AGENTS)],
        campaigns=[campaign_of(CAMPAIGN, TEAM)],
        drain_seconds=60,
    )


def ask(port: int, path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data)
    if data:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.process
async def test_a_talk_ends_before_the_server_does(tmp_path: Path) -> None:
    async with in_mid_talk(tmp_path, talk=6.0) as at:
        port = port_in(lines_of(tmp_path))
        talking = [each for each in await at.attempts() if each.ended_at is None]
        at.term()
        await until(lambda: "draining" in ask(port, "/readyz")[1], 5, "it says that it drains")
        assert ask(port, "/readyz")[0] == 503
        rung = at.people.rung.total()
        call = talking[0]
        path = f"/agents/{call.agent_id}/calls/{call.call_id}/disposition"
        assert ask(port, path, {"disposition": "sale"})[0] == 202
        await until(lambda: at.said("team_given_back"), 5, "a team without calls is free")
        assert await at.owner(IDLE_TEAM) is None
        assert await at.owner(TEAM) is not None
        assert await at.ended(within=20) == 0
        assert at.people.rung.total() == rung
        after = {each.call_id: each for each in await at.attempts()}
        assert await at.owner(TEAM) is None
    assert all(each.ended_at is not None for each in after.values())
    assert after[call.call_id].disposition == "sale"
    for each in talking:
        ended = after[each.call_id]
        assert ended.outcome is Outcome.TALKED
        assert ended.bridged_at is not None
        assert ended.ended_at is not None
        assert 5.0 < (ended.ended_at - ended.bridged_at).total_seconds() < 7.5
    assert at.states <= {LeadState.NEW, LeadState.RETRY, LeadState.DONE}
    assert not at.said("drain_unfinished")


@pytest.mark.process
async def test_a_second_signal_does_not_wait_for_talks(tmp_path: Path) -> None:
    async with in_mid_talk(tmp_path, talk=600.0) as at:
        at.term()
        await until(lambda: at.said("draining"), 5, "it drains")
        at.term()
        assert await at.ended(within=5) == 0
        assert await at.owner(TEAM) is None
        attempts = await at.attempts()
    assert sum(each.bridged_at is not None and each.ended_at is None for each in attempts) == AGENTS
    assert LeadState.RESERVED not in at.states
    assert at.said("drain_cut_short")


def test_the_unit_for_systemd_is_sound_and_leaves_time_to_drain() -> None:
    unit = (ROOT / "examples" / "dialer.service").read_text(encoding="utf-8")
    (seconds,) = (line[15:] for line in unit.splitlines() if line.startswith("TimeoutStopSec="))
    assert float(seconds) >= Settings.model_fields["drain_seconds"].default + 20
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(ROOT / "examples" / "dialer.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in checked.stderr.splitlines() if "dialer.service" in line]
    assert [line for line in said if "is not executable" not in line] == []

"""The whole server (AMI client on TCP, engine, SQLite) when something of the world fails, and when it is there again."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialer.adapters.system_clock import SystemClock
from dialer.bootstrap import Dialer
from dialer.campaign import CampaignState, PacingMode
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    Settings,
)
from dialer.ids import CampaignId, TeamId
from dialer.leads import Lead, LeadState, NewLead
from dialer.ports import Attempt
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from dialer.views import CampaignView, TeamView
from tests.support.live_server import until

pytestmark = pytest.mark.process

CAMPAIGN, TEAM = CampaignId("faults"), TeamId("main")
AGENTS, LEADS = 6, 400


class Public:
    """Everybody answers after a third of a second and talks for one; who is rung is counted."""

    def __init__(self) -> None:
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.3, talk=1.0)


class Server:
    """The server that dials, the exchange that it dials on, and the people it reaches."""

    def __init__(self, dialer: Dialer, exchange: SimulatedExchange, people: Public) -> None:
        self.dialer, self.exchange, self.people = dialer, exchange, people

    @property
    def view(self) -> TeamView:
        return self.dialer.switchboard.runner(TEAM).view()

    @property
    def campaign(self) -> CampaignView:
        return self.view.campaigns[0]

    @property
    def dialled(self) -> int:
        return self.people.rung.total()

    def reasons(self) -> list[str]:
        return [item.code for item in self.campaign.why]

    async def goes_on(self, seconds: float = 20.0) -> None:
        """Ten more people are rung."""
        before = self.dialled
        await until(lambda: self.dialled >= before + 10, seconds, "dialling goes on")

    async def stands_still(self) -> None:
        """What was under way is over, and for eight ticks of the pacing nobody is rung."""
        await until(
            lambda: not any(self.view.calls.values()) or not self.view.telephony_up,
            20,
            "calls over",
        )
        before, events = self.dialled, self.view.at
        await until(lambda: (self.view.at - events).total_seconds() > 2, 10, "two seconds")
        assert self.dialled == before

    async def leads(self) -> list[Lead]:
        return await self.dialer.stores.leads.page(CAMPAIGN, after=None, limit=LEADS, state=None)

    async def attempts(self) -> list[Attempt]:
        found: list[Attempt] = []
        for lead in await self.leads():
            if lead.state is not LeadState.NEW:
                found += await self.dialer.stores.attempts.of_lead(lead.lead_id)
        return found

    async def all_is_well(self) -> None:
        """Nobody was rung twice, every attempt has its end, nobody was rung without one, no lead is held back."""
        await self.dialer.drain(20)
        assert not self.dialer.switchboard.runners  # drained, written and given back
        assert max(self.people.rung.values()) == 1
        attempts = await self.attempts()
        assert all(attempt.ended_at is not None for attempt in attempts)
        assert len(attempts) >= self.dialled
        leads = await self.leads()
        phone_of = {lead.lead_id: lead.phone for lead in leads}
        assert set(self.people.rung) <= {phone_of[attempt.lead_id] for attempt in attempts}
        assert {lead.state for lead in leads} <= {LeadState.NEW, LeadState.RETRY, LeadState.DONE}


@contextlib.asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Server]:
    """A campaign at work: the first talks are going on."""
    people = Public()
    scenario = replace(FAST, agents=AGENTS, login_spread=0.0)
    clock = SystemClock()
    async with SimulatedExchange(scenario, clock=clock, people=people) as exchange:
        settings = Settings(
            asterisk=AsteriskSettings(port=exchange.port, secret=SecretStr("dialer")),
            database=DatabaseSettings(url=f"sqlite:///{folder / 'dialer.sqlite3'}"),
            agents=[AgentSettings(code=str(FAST.first_code + n)) for n in range(AGENTS)],
            campaigns=[
                CampaignSettings(
                    id=CAMPAIGN,
                    profile="DEMO",
                    mode=PacingMode.PROGRESSIVE,
                    wrap_up_seconds=0.2,
                    ring_timeout_seconds=5,
                )
            ],
        )
        dialer = await Dialer.open(settings)
        try:
            await dialer.start()
            leads = [
                NewLead(campaign_id=CAMPAIGN, phone=f"+39069{index:08}") for index in range(LEADS)
            ]
            await dialer.stores.leads.add(leads, at=clock.now())
            await dialer.set_campaign_state(CAMPAIGN, CampaignState.RUNNING)
            running = Server(dialer, exchange, people)
            await until(lambda: running.campaign.talking > 0, 20, "a talk")
            yield running
        finally:
            await dialer.stop()


async def test_links_that_break_in_mid_campaign(tmp_path: Path) -> None:
    async with server(tmp_path) as at:
        for _ in range(3):
            at.exchange.drop_links()
            await until(lambda: not at.view.telephony_up, 5, "the lost link is noticed")
            assert "telephony_down" in at.reasons()
            await until(lambda: at.view.telephony_up, 20, "the link is back")
            await at.goes_on()
        await at.all_is_well()


async def test_logins_that_are_refused_for_a_while(tmp_path: Path) -> None:
    async with server(tmp_path) as at:
        at.exchange.refuse_logins = True
        at.exchange.drop_links()
        await until(lambda: not at.view.telephony_up, 5, "the lost link is noticed")
        await at.stands_still()
        assert "telephony_down" in at.reasons()
        at.exchange.refuse_logins = False
        await until(lambda: at.view.telephony_up, 30, "the login is accepted again")
        await at.goes_on()
        await at.all_is_well()


async def test_a_dead_link_and_a_locked_database(tmp_path: Path) -> None:
    """Two servers side by side, since each waits for a deadline."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    async with server(one) as first, server(other) as second, asyncio.TaskGroup() as group:
        group.create_task(an_exchange_that_no_longer_answers_is_left(first))
        group.create_task(a_database_that_is_locked_is_waited_for(second, other))


async def an_exchange_that_no_longer_answers_is_left(at: Server) -> None:
    """A connection that is up and dead: only the missing answer to a ping tells."""
    at.exchange.answer_pings = False
    await until(lambda: not at.view.telephony_up, 40, "the dead link is noticed")
    at.exchange.answer_pings = True
    await until(lambda: at.view.telephony_up, 30, "a new link")
    await at.goes_on()
    await at.all_is_well()


async def a_database_that_is_locked_is_waited_for(at: Server, folder: Path) -> None:
    """A back-up tool that holds the file: writes wait, persons are joined to agents all the same."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sqlite3, sys\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.readline()\n",
        str(folder / "dialer.sqlite3"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    await until(lambda: not at.view.store_up, 30, "the lock is noticed")
    await at.stands_still()
    holder.stdin.close()
    await holder.wait()
    await until(lambda: at.view.store_up, 20, "the database is free again")
    await at.goes_on()
    await at.all_is_well()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = f"no small file system: {done.stderr.strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Not a byte is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


async def test_a_disk_that_is_full(small_disk: Path) -> None:
    async with server(small_disk) as at:
        filler = fill(small_disk)
        await until(lambda: not at.view.store_up, 30, "the full disk is noticed")
        assert "store_down" in at.reasons()
        await at.stands_still()
        filler.unlink()
        await until(lambda: at.view.store_up, 20, "the disk has room again")
        await at.goes_on()
        await at.all_is_well()

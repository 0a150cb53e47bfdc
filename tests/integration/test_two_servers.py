"""Two servers on one database: one runs the team; when it is killed, the other takes it over."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

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
from dialer.leads import NewLead
from dialer.ports import Attempt, Stores
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.scenario import FAST
from tests.support.live_server import kill, server_process

pytestmark = pytest.mark.process

CAMPAIGN, TEAM = CampaignId("two"), TeamId("main")


async def attempts_of(stores: Stores) -> list[Attempt]:
    found = []
    for lead in await stores.leads.page(CAMPAIGN, after=None, limit=500, state=None):
        found += await stores.attempts.of_lead(lead.lead_id)
    return found


async def fence_above(stores: Stores, fence: int, seconds: float) -> int:
    """Wait until the team is held under a greater fence."""
    deadline = time.monotonic() + seconds
    while True:
        lease = await stores.leases.held_by(TEAM, at=SystemClock().now())
        if lease is not None and lease.fence > fence:
            return lease.fence
        assert time.monotonic() < deadline, f"no server took the team within {seconds} s"
        await asyncio.sleep(0.05)


async def more_attempts_than(stores: Stores, count: int, seconds: float) -> list[Attempt]:
    deadline = time.monotonic() + seconds
    while len(found := await attempts_of(stores)) <= count:
        assert time.monotonic() < deadline, f"not more than {count} attempts within {seconds} s"
        await asyncio.sleep(0.1)
    return found


async def test_the_other_server_owns_the_team_within_ten_seconds(tmp_path: Path) -> None:
    scenario = replace(FAST, agents=4)
    async with SimulatedExchange(scenario, clock=SystemClock()) as exchange:
        value = _settings(exchange.port, tmp_path)
        stores = await open_stores(value.database.url)
        try:
            await stores.campaigns.save(value.campaigns[0].policy())
            leads = [NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}") for n in range(300)]
            await stores.leads.add(leads, at=SystemClock().now())
            with server_process(value, tmp_path) as first:
                fence = await fence_above(stores, 0, 20)
                before = await more_attempts_than(stores, 3, 20)
                with server_process(value, tmp_path):
                    kill(first)
                    killed_at = time.monotonic()
                    await fence_above(stores, fence, 15)
                    taken_after = time.monotonic() - killed_at
                    after = await more_attempts_than(stores, len(before) + 8, 40)
        finally:
            await stores.close()
    assert taken_after < 10
    open_now = Counter(attempt.lead_id for attempt in after if attempt.ended_at is None)
    assert all(count == 1 for count in open_now.values())
    old = {attempt.call_id for attempt in before}
    assert all(a.ended_at is not None for a in after if a.call_id in old and a.bridged_at is None)


def _settings(port: int, folder: Path) -> Settings:
    return Settings(
        asterisk=AsteriskSettings(port=port, username="dialer", secret=SecretStr("dialer")),
        database=DatabaseSettings(url=f"sqlite+aiosqlite:///{folder / 'two.sqlite3'}"),
        agents=[AgentSettings(code=str(1001 + n), team=TEAM) for n in range(4)],
        campaigns=[
            CampaignSettings(
                id=CAMPAIGN,
                team=TEAM,
                profile="DEMO",
                ring_timeout_seconds=10,
                wrap_up_seconds=1,
                running=True,
            )
        ],
    )

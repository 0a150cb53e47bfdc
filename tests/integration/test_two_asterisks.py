"""The whole server (AMI clients on TCP, engine, SQLite) with agents on two exchanges, one of which goes away and returns."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialer.adapters.system_clock import SystemClock
from dialer.agents import AgentPhase
from dialer.bootstrap import Dialer
from dialer.campaign import PacingMode
from dialer.config import (
    AgentSettings,
    CampaignSettings,
    DatabaseSettings,
    ServerSettings,
    Settings,
)
from dialer.ids import CampaignId, NodeId, TeamId
from dialer.leads import NewLead
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from dialer.views import NodeView, TeamView
from tests.support.live_server import until

pytestmark = pytest.mark.process

CAMPAIGN, TEAM = CampaignId("two"), TeamId("main")
AGENTS, LEADS = 4, 600
FIRST_CODES = {NodeId("roma"): 1001, NodeId("milano"): 2001}


class Public:
    """Everybody answers after a third of a second and talks for one; who is rung is counted."""

    def __init__(self) -> None:
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.3, talk=1.0)


@dataclass
class Running:
    dialer: Dialer
    exchanges: dict[NodeId, SimulatedExchange]
    people: dict[NodeId, Public]

    @property
    def view(self) -> TeamView:
        return self.dialer.switchboard.runner(TEAM).view()

    def node(self, node: NodeId) -> NodeView:
        return next(each for each in self.view.nodes if each.node == node)

    def talking(self, node: NodeId) -> int:
        agents = self.view.agents
        return sum(a.node == node and a.phase is AgentPhase.TALKING for a in agents)

    def why(self) -> list[tuple[str, str, int | None]]:
        return [(item.code, item.detail, item.count) for item in self.view.campaigns[0].why]

    async def goes_on(self, node: NodeId) -> None:
        """Ten more people are rung there, and somebody there talks."""
        before = self.people[node].rung.total()
        await until(lambda: self.people[node].rung.total() >= before + 10, 20, f"{node} dials on")
        await until(lambda: self.talking(node) > 0, 10, f"{node} talks on")


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    clock = SystemClock()
    people = {node: Public() for node in FIRST_CODES}
    async with contextlib.AsyncExitStack() as stack:
        exchanges = {
            node: await stack.enter_async_context(
                SimulatedExchange(
                    replace(FAST, agents=AGENTS, first_code=first, login_spread=0.0),
                    clock=clock,
                    people=people[node],
                )
            )
            for node, first in FIRST_CODES.items()
        }
        dialer = await Dialer.open(_settings(exchanges, folder))
        try:
            leads = [NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}") for n in range(LEADS)]
            await dialer.start()
            await dialer.stores.leads.add(leads, at=clock.now())
            yield Running(dialer, exchanges, people)
        finally:
            await dialer.stop()


def _settings(exchanges: dict[NodeId, SimulatedExchange], folder: Path) -> Settings:
    codes = [first + n for first in FIRST_CODES.values() for n in range(AGENTS)]
    return Settings(
        asterisks=[
            ServerSettings(name=node, port=each.port, secret=SecretStr("dialer"))
            for node, each in exchanges.items()
        ],
        database=DatabaseSettings(url=f"sqlite:///{folder / 'dialer.sqlite3'}"),
        agents=[AgentSettings(code=str(code)) for code in codes],
        campaigns=[
            CampaignSettings(
                id=CAMPAIGN,
                profile="DEMO",
                mode=PacingMode.PROGRESSIVE,
                wrap_up_seconds=0.2,
                ring_timeout_seconds=5,
                running=True,
            )
        ],
    )


async def test_one_server_is_lost_and_comes_back_while_the_other_works_on(tmp_path: Path) -> None:
    roma, milano = FIRST_CODES
    async with running(tmp_path) as at:
        await at.goes_on(roma)
        await at.goes_on(milano)
        at.exchanges[roma].refuse_logins = True
        at.exchanges[roma].drop_links()
        await until(lambda: not at.node(roma).up, 5, "the loss is noticed")
        assert ("node_down", roma, AGENTS) in at.why()
        before = at.people[roma].rung.total()
        await at.goes_on(milano)
        assert at.people[roma].rung.total() == before
        assert at.view.telephony_up
        at.exchanges[roma].refuse_logins = False
        await until(lambda: at.node(roma).up, 30, "the server is back")
        await at.goes_on(roma)
        await at.dialer.drain(20)
        assert not at.dialer.switchboard.runners  # drained, written and given back
        await _all_is_well(at)


async def _all_is_well(at: Running) -> None:
    rung = at.people[NodeId("roma")].rung + at.people[NodeId("milano")].rung
    assert max(rung.values()) == 1
    store = at.dialer.stores
    leads = await store.leads.page(CAMPAIGN, after=None, limit=LEADS, state=None)
    found = [each for lead in leads for each in await store.attempts.of_lead(lead.lead_id)]
    assert len(found) >= len(rung)
    assert all(attempt.ended_at is not None for attempt in found)

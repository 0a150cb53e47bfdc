"""Two real PBXs, agents on each: calls of each leave on their own; one is killed and started again, the other works on."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.agents import AgentPhase
from dialer.bootstrap import Dialer
from dialer.campaign import CampaignState
from dialer.config import AgentSettings, DatabaseSettings, ServerSettings, Settings
from dialer.leads import NewLead
from dialer.testbed import AsteriskPair, pair_for
from dialer.testbed_render import free_ports
from dialer.views import TeamView
from tests.support.live_server import CAMPAIGN, NO_LIMIT, TEAM, campaign, own_profiles, until

pytestmark = pytest.mark.asterisk

CODES = {"roma": ["2301", "2302"], "milano": ["2401", "2402"]}
LEADS = 120


@pytest.fixture
def second_pair() -> Iterator[AsteriskPair]:
    pair = pair_for(f"second-{os.getpid()}", free_ports())
    assert isinstance(pair, AsteriskPair)
    try:
        pair.up()
        yield pair
    finally:
        pair.remove()


def people(count: int) -> list[NewLead]:
    """They answer after a second and talk for three."""
    numbers = (encode(FarEndBehaviour(FarEndKind.PERSON, 1.0, 3, serial=n)) for n in range(count))
    return [NewLead(campaign_id=CAMPAIGN, phone=number) for number in numbers]


class Floor:
    def __init__(self, dialer: Dialer, pairs: dict[str, AsteriskPair], database: Path) -> None:
        self.dialer, self.pairs, self._database = dialer, pairs, database
        self._before = {name: len(pair.far_end.cdr()) for name, pair in pairs.items()}

    @property
    def view(self) -> TeamView:
        return self.dialer.switchboard.runner(TEAM).view()

    def is_up(self, name: str) -> bool:
        return any(node.node == name and node.up for node in self.view.nodes)

    def talking(self, name: str) -> int:
        agents = self.view.agents
        return sum(a.node == name and a.phase is AgentPhase.TALKING for a in agents)

    def rung(self, name: str) -> list[str]:
        """Numbers whose telephones the PBX made ring, by the far end's own record of calls that are over."""
        rows = self.pairs[name].far_end.cdr()[self._before[name] :]
        return [row.number for row in rows if row.number.startswith("+")]

    def stored(self) -> list[tuple[str, str, str | None, str | None]]:
        """(number, server, outcome, when it was joined to an agent) of every attempt."""
        with sqlite3.connect(self._database) as connection:
            return connection.execute(
                "select phone, node, outcome, bridged_at from attempts"
            ).fetchall()

    async def log_in(self, name: str) -> None:
        await until(lambda: self.is_up(name), 20, f"{name} is up")
        await asyncio.to_thread(self.pairs[name].login_agents, CODES[name])
        wanted = set(CODES[name])
        await until(
            lambda: wanted <= {a.agent_id for a in self.view.agents if a.node == name},
            10,
            f"the agents of {name}",
        )

    async def works(self, name: str, more: int = 3) -> None:
        """So many more of its calls are over, and both its agents talk again."""
        before = len(self.rung(name))
        await until(lambda: len(self.rung(name)) >= before + more, 25, f"{name} dials")
        await until(lambda: self.talking(name) == 2, 15, f"{name} talks")


def settings(pairs: dict[str, AsteriskPair], folder: Path) -> Settings:
    return Settings(
        asterisks=[
            ServerSettings(
                name=name,
                host=pair.pbx.ami.host,
                port=pair.pbx.ami.port,
                username=pair.pbx.ami.username,
                secret=SecretStr(pair.pbx.ami.secret),
            )
            for name, pair in pairs.items()
        ],
        database=DatabaseSettings(url=f"sqlite+aiosqlite:///{folder / 'two.sqlite3'}"),
        agents=[AgentSettings(code=code, team=TEAM) for codes in CODES.values() for code in codes],
        campaigns=[campaign(mode="ratio", dial_ratio=1.5, profile=NO_LIMIT)],
        profiles_folder=own_profiles(folder),
    )


@pytest.mark.timeout(150)
async def test_one_pbx_is_killed_and_started_again_while_the_other_works_on(
    asterisk_pair: AsteriskPair, second_pair: AsteriskPair, tmp_path: Path
) -> None:
    pairs = {"roma": asterisk_pair, "milano": second_pair}
    dialer = await Dialer.open(settings(pairs, tmp_path))
    floor = Floor(dialer, pairs, tmp_path / "two.sqlite3")
    try:
        await dialer.start()
        await dialer.stores.leads.add(people(LEADS), at=dialer.clock.now())
        for name in pairs:
            await floor.log_in(name)
        await dialer.set_campaign_state(CAMPAIGN, CampaignState.RUNNING)
        await asyncio.gather(floor.works("roma"), floor.works("milano"))
        await asyncio.to_thread(second_pair.pbx.kill)
        await until(lambda: not floor.is_up("milano"), 10, "the loss is noticed")
        why = [(item.code, item.detail) for item in floor.view.campaigns[0].why]
        assert ("node_down", "milano") in why
        await floor.works("roma", more=6)
        await asyncio.to_thread(second_pair.pbx.start)
        await floor.log_in("milano")
        await asyncio.gather(floor.works("milano"), floor.works("roma"))
        await dialer.set_campaign_state(CAMPAIGN, CampaignState.PAUSED)
        await until(lambda: not floor.view.calls, 15, "every call is over")
        await dialer.switchboard.runner(TEAM).settle()
        for agent in dialer.switchboard.runner(TEAM).team.agents.values():
            if agent.leg and agent.node:
                await dialer.exchanges[agent.node].hang_up(agent.leg)
        check(floor)
    finally:
        await dialer.stop()


def check(floor: Floor) -> None:
    """Each attempt rang once, on the server that it was stored with; all came to their end; both servers had talks."""
    stored = floor.stored()
    assert all(outcome is not None for _, _, outcome, _ in stored)
    by_server = {name: [n for n, node, _, _ in stored if node == name] for name in floor.pairs}
    for name, numbers in by_server.items():
        rung = Counter(floor.rung(name))
        assert set(rung) <= set(numbers)
        assert all(times <= numbers.count(number) for number, times in rung.items())
    assert all(node in floor.pairs for _, node, _, _ in stored)
    talks = Counter(node for _, node, _, bridged in stored if bridged)
    assert min(talks[name] for name in floor.pairs) >= 4
    print(f"talks {dict(talks)}, outcomes {Counter((node, o) for _, node, o, _ in stored)}")

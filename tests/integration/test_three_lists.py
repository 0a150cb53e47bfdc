"""One number in three lists, two server processes dialling them for three teams on one PostgreSQL: rung once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    Settings,
)
from dialer.config_caps import CapSettings
from dialer.ids import CampaignId
from dialer.leads import LeadState, NewLead
from dialer.persons import new_numbers
from dialer.ports import Stores
from dialer.profiles import CapPer
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.distributions import Constant
from dialer.simulator.people import Encounter, Population
from dialer.simulator.scenario import FAST, Shares
from tests.integration.test_two_servers_redis import Server, _process, _server, until
from tests.support import postgres

pytestmark = [pytest.mark.process, pytest.mark.service]

LISTS = ("north", "east", "south")
AGENTS_EACH, NUMBERS = 4, 60
SETTLED = (LeadState.RETRY, LeadState.DONE, LeadState.EXCLUDED)
SCENARIO = replace(
    FAST,
    agents=AGENTS_EACH * len(LISTS),
    agent_puts_down=0.0,
    talk=Constant(0.5),
    ring=Constant(0.5),
    shares=Shares(
        person=0.7, machine=0.1, fax=0, busy=0.2, invalid=0, rejected=0, congested=0, dead=0
    ),
)


class Counted:
    def __init__(self) -> None:
        self._people = Population(SCENARIO, 1)
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return self._people.meet(number, attempt, at)


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


def settings_of(port: int, database: str) -> Settings:
    codes = iter(range(SCENARIO.first_code, SCENARIO.first_code + SCENARIO.agents))
    once_a_day = CapSettings(most=1, per=CapPer.CALLED_PERSON, hours=24)
    return Settings(
        asterisk=AsteriskSettings(port=port, username="dialer", secret=SecretStr("dialer")),
        database=DatabaseSettings(url=database),
        agents=[
            AgentSettings(code=str(next(codes)), team=name)
            for name in LISTS
            for _ in range(AGENTS_EACH)
        ],
        campaigns=[
            CampaignSettings(
                id=name,
                team=name,
                profile="DEMO",
                mode="ratio",
                dial_ratio=2,
                wrap_up_seconds=1,
                caps=[once_a_day],
            )
            for name in LISTS
        ],
    )


def leads_of(campaign: str, index: int) -> list[NewLead]:
    """The same numbers in every list; in one of them every second person has another number first."""
    found = []
    for number in range(NUMBERS):
        phone, other = f"+39069{number:07}", f"+39069{number + 5000:07}"
        phones = [other, phone] if index == 1 and number % 2 else [phone]
        found.append(
            NewLead(
                campaign_id=CampaignId(campaign),
                phone=phones[0],
                external_id=f"person {number}",
                numbers=new_numbers([(one, "Europe/Rome") for one in phones]),
            )
        )
    return found


async def settled(stores: Stores) -> bool:
    for name in LISTS:
        counts = await stores.leads.counts(CampaignId(name), at=SystemClock().now())
        if sum(counts.by_state[state] for state in SETTLED) < NUMBERS:
            return False
    return True


@pytest.mark.timeout(180)
async def test_a_person_in_three_lists_is_rung_once(
    cluster: postgres.Cluster, tmp_path: Path
) -> None:
    cluster.sql("postgres", "CREATE DATABASE three_lists")
    url = cluster.url("three_lists")
    await migrate(url)
    people = Counted()
    async with AsyncExitStack() as stack:
        exchange = SimulatedExchange(SCENARIO, clock=SystemClock(), people=people)
        await stack.enter_async_context(exchange)
        stores = await open_stores(url)
        stack.push_async_callback(stores.close)
        settings = settings_of(exchange.port, url)
        for index, (campaign, policy) in enumerate(settings.campaign_policies()):
            await stores.campaigns.save(policy)
            await stores.leads.add(leads_of(campaign.id, index), at=SystemClock().now())
        folders = [tmp_path / "one", tmp_path / "two"]
        pids = [stack.enter_context(_process(settings, folder)) for folder in folders]
        pairs = zip(pids, folders, strict=True)
        servers: list[Server] = [await stack.enter_async_context(_server(*pair)) for pair in pairs]

        async def shared() -> bool:
            owned = [await server.own() for server in servers]
            return all(owned) and set.union(*owned) == set(LISTS)

        await until(shared, 20, "both servers run teams")
        for name in LISTS:
            (await servers[0].http.post(f"/campaigns/{name}/start")).raise_for_status()

        async def over() -> bool:
            return await settled(stores)

        await until(over, 120, "every lead of every list was called, or put off")
        outcomes = [await stores.attempts.outcomes(CampaignId(name)) for name in LISTS]
    per_person = Counter(str(int(phone[6:]) % 5000) for phone in people.rung.elements())
    assert per_person == dict.fromkeys(map(str, range(NUMBERS)), 1)
    assert sum(sum(counts.values()) for counts in outcomes) == NUMBERS
    assert all(outcomes), "no team did everything alone"

"""Two server processes on one PostgreSQL and one Redis, one simulated exchange: they share the teams, answer for each other,
take over from each other, and lose nothing when Redis forgets everything or is gone."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TypeVar

import httpx
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
    RedisSettings,
    Settings,
)
from dialer.ids import CampaignId, TeamId
from dialer.leads import Lead, LeadState, NewLead
from dialer.ports import Stores
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.distributions import Constant
from dialer.simulator.people import Encounter, Population
from dialer.simulator.scenario import FAST
from tests.support import postgres
from tests.support.live_server import kill, server_process
from tests.support.redis import RedisServer, redis_server

pytestmark = [pytest.mark.process, pytest.mark.service]

T = TypeVar("T")

TEAMS = [TeamId(name) for name in ("north", "east", "south", "west")]
AGENTS_EACH = 3
LEADS_EACH = 150
SCENARIO = replace(
    FAST,
    agents=AGENTS_EACH * len(TEAMS),
    agent_puts_down=0.0,
    talk=Constant(2.0),
    ring=Constant(1.0),
)


class Counted:
    """The people of the scenario; every call that reaches one is noted."""

    def __init__(self) -> None:
        self._people = Population(SCENARIO, 1)
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return self._people.meet(number, attempt, at)


@dataclass
class Server:
    pid: int
    http: httpx.AsyncClient = field(repr=False)

    async def teams(self) -> dict[str, Any]:
        return {team["id"]: team for team in (await self.http.get("/teams")).json()}

    async def own(self) -> set[str]:
        """The teams that it answers for itself."""
        return {name for name, team in (await self.teams()).items() if team["age_seconds"] == 0}


@dataclass
class World:
    exchange: SimulatedExchange
    people: Counted
    redis: RedisServer
    stores: Stores
    one: Server
    two: Server

    async def leads(self, team: TeamId) -> list[Lead]:
        """Those of the team's campaign that may have been tried."""
        found = await self.stores.leads.page(CampaignId(team), after=None, limit=500, state=None)
        return [lead for lead in found if lead.state not in NOT_TRIED]

    async def attempts(self) -> Counter[str]:
        """How many each team has made."""
        counts = {team: await self.stores.attempts.outcomes(CampaignId(team)) for team in TEAMS}
        return Counter({team: sum(outcomes.values()) for team, outcomes in counts.items()})

    async def more_than(self, counts: Counter[str], more: int, seconds: float) -> Counter[str]:
        """Until each team has finished so many more attempts than it had."""

        async def look() -> Counter[str] | None:
            now = await self.attempts()
            return now if all(now[team] >= counts[team] + more for team in TEAMS) else None

        return await until(look, seconds, f"{more} more attempts in every team than {counts}")


NOT_TRIED = (LeadState.NEW, LeadState.RESERVED)


async def until(look: Callable[[], Awaitable[T | None]], seconds: float, what: str) -> T:
    deadline = time.monotonic() + seconds
    while True:
        if found := await look():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
async def world(
    cluster: postgres.Cluster, redis: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """Both servers run, each has half of the teams, every campaign is paused."""
    name = re.sub(r"\W+", "_", request.node.name)[:60]
    cluster.sql("postgres", f"CREATE DATABASE {name}")
    url = cluster.url(name)
    await migrate(url)
    people = Counted()
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        exchange = SimulatedExchange(SCENARIO, clock=SystemClock(), people=people)
        await stack.enter_async_context(exchange)
        stores = await open_stores(url)
        stack.push_async_callback(stores.close)
        settings = _settings(exchange.port, url, redis.url)
        for campaign, policy in settings.campaign_policies():
            await stores.campaigns.save(policy)
            index = TEAMS.index(TeamId(campaign.team))
            phones = [f"+390690{index}{number:06}" for number in range(LEADS_EACH)]
            leads = [NewLead(campaign_id=policy.campaign_id, phone=phone) for phone in phones]
            await stores.leads.add(leads, at=SystemClock().now())
        folders = [tmp_path / "one", tmp_path / "two"]
        pids = [stack.enter_context(_process(settings, folder)) for folder in folders]
        pairs = zip(pids, folders, strict=True)
        one, two = [await stack.enter_async_context(_server(*pair)) for pair in pairs]

        async def shared() -> bool:
            return len(await one.own()) == len(await two.own()) == len(TEAMS) / 2

        print(f"started after {time.monotonic() - began:.1f} s")
        await until(shared, 20, "each server runs half of the teams")
        print(f"shared out after {time.monotonic() - began:.1f} s")
        yield World(exchange, people, redis, stores, one, two)


@contextmanager
def _process(settings: Settings, folder: Path) -> Iterator[int]:
    folder.mkdir()
    with server_process(settings, folder) as pid:
        yield pid


@asynccontextmanager
async def _server(pid: int, folder: Path) -> AsyncIterator[Server]:
    """The server, once its API answers."""
    log = folder / "server.log"

    async def port() -> str | None:
        found = re.search(r"serving.*port=(\d+)", log.read_text())
        return found[1] if found else None

    url = f"http://127.0.0.1:{await until(port, 30, 'the API')}"
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
        yield Server(pid, http)


def _settings(port: int, database: str, redis: str) -> Settings:
    codes = iter(range(SCENARIO.first_code, SCENARIO.first_code + SCENARIO.agents))
    return Settings(
        asterisk=AsteriskSettings(port=port, username="dialer", secret=SecretStr("dialer")),
        database=DatabaseSettings(url=database),
        redis=RedisSettings(url=SecretStr(redis)),
        agents=[
            AgentSettings(code=str(next(codes)), team=team)
            for team in TEAMS
            for _ in range(AGENTS_EACH)
        ],
        campaigns=[
            CampaignSettings(
                id=team, team=team, profile="DEMO", ring_timeout_seconds=10, wrap_up_seconds=1
            )
            for team in TEAMS
        ],
    )


async def start_all(by: Server) -> None:
    for team in TEAMS:
        (await by.http.post(f"/campaigns/{team}/start")).raise_for_status()


async def ask_for_a_break(asked: Server, code: str) -> int:
    answer = await asked.http.post(f"/agents/{code}/break", json={"pause_code": "coffee"})
    return answer.status_code


def agent_of(team: str) -> str:
    return str(SCENARIO.first_code + AGENTS_EACH * TEAMS.index(TeamId(team)))


async def assert_nobody_rung_twice(world: World) -> None:
    """Nobody was rung more often than there are attempts, and nobody has two at a time."""
    rung = Counter(world.people.rung)  # first: each attempt is in the store before anything rings
    tried: Counter[str] = Counter()
    for team in TEAMS:
        for lead in await world.leads(team):
            attempts = await world.stores.attempts.of_lead(lead.lead_id)
            tried[lead.phone] = len(attempts)
            assert sum(attempt.ended_at is None for attempt in attempts) <= 1
    assert rung
    assert {phone for phone in rung if rung[phone] > tried[phone]} == set()


async def assert_requests_are_quick(far: Server, near: Server, code: str) -> None:
    """The same request at the server that runs the team and at the other one: what the bus costs."""
    times: dict[str, list[float]] = {"near": [], "far": []}
    for server, name in [(near, "near"), (far, "far")] * 100:
        began = time.perf_counter()
        assert (await server.http.post(f"/agents/{code}/wrap-up/end")).status_code in (202, 409)
        times[name].append((time.perf_counter() - began) * 1000)
    for name, taken in times.items():
        p50, p99 = quantiles(taken, n=100)[49], quantiles(taken, n=100)[98]
        print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert median(times["far"]) < 500


async def assert_no_lead_lost(world: World) -> None:
    for team in TEAMS:
        now = SystemClock().now()
        counts = await world.stores.leads.counts(CampaignId(team), at=now)
        assert sum(counts.by_state.values()) == LEADS_EACH


async def test_the_other_server_owns_the_teams_within_ten_seconds(world: World) -> None:
    """All campaigns are started through one server; then the other is killed."""
    await start_all(world.one)
    before = await world.more_than(Counter(), 3, 30)
    kill(world.two.pid)
    killed_at = time.monotonic()

    async def all_are_ours() -> bool:
        return await world.one.own() == set(TEAMS)

    await until(all_are_ours, 15, "the take-over")
    taken_after = time.monotonic() - killed_at
    print(f"taken over after {taken_after:.1f} s")
    assert taken_after < 10
    await world.more_than(before, 3, 30)
    await assert_nobody_rung_twice(world)
    await assert_no_lead_lost(world)


async def test_redis_forgets_and_goes_and_nothing_is_lost(world: World) -> None:
    one, two = world.one, world.two
    await start_all(one)
    counts = await world.more_than(Counter(), 2, 30)
    other = next(iter(await two.own()))
    code = agent_of(other)

    await assert_requests_are_quick(one, two, code)
    world.redis.flush()
    assert await ask_for_a_break(one, code) == 202
    counts = await world.more_than(counts, 2, 30)

    async def shown() -> bool:
        teams = await one.teams()
        return set(teams) == set(TEAMS) and not any(team["stale"] for team in teams.values())

    await until(shown, 5, "every team shown to the other server after the flush")

    world.redis.kill()
    refused = await one.http.post(f"/agents/{code}/ready")
    assert (refused.status_code, refused.json()["error"]) == (503, "not_delivered")
    assert (await two.http.post(f"/agents/{code}/ready")).status_code == 202
    await world.more_than(counts, 2, 30)
    paused = await one.http.post(f"/campaigns/{other}/pause")
    assert paused.status_code == 200

    async def follows() -> bool:
        detail = (await two.http.get(f"/campaigns/{other}")).json()
        return "campaign_paused" in detail["live"]["why"]

    await until(follows, 5, "the pause reaches the other server through the database")

    world.redis.start()

    async def heard() -> bool:
        return await ask_for_a_break(one, code) == 202

    await until(heard, 10, "the bus works again")
    await assert_nobody_rung_twice(world)
    await assert_no_lead_lost(world)

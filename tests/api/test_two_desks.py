"""Two servers in one process, on one database and one wire in memory: each answers for the team that the other one runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dialer.adapters.memory_line import MemoryHub
from dialer.campaign import CampaignPolicy
from dialer.engine.ownership import RENEWAL
from dialer.ids import CampaignId, TeamId
from dialer.simulator.ami_server import SimulatedExchange
from tests.api.desk import AGENTS, FLOOR, Desk, Talkers, WorkingHours, desk_on

ANNA = AGENTS[0]
NUMBER = "+390690000001"


@dataclass
class Pair:
    """`near` runs the team; `far` does not."""

    near: Desk
    far: Desk
    hub: MemoryHub


@asynccontextmanager
async def _pair(folder: Path, hub: MemoryHub) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        world = SimulatedExchange(FLOOR, clock=WorkingHours(), people=Talkers())
        exchange = await stack.enter_async_context(world)
        near = await stack.enter_async_context(desk_on(folder, exchange.port, seed=1, hub=hub))
        for code in AGENTS:
            await near.agent(code, status="available", phase="idle")
        far = await stack.enter_async_context(desk_on(folder, exchange.port, seed=2, hub=hub))
        assert not far.dialer.switchboard.runners
        yield Pair(near, far, hub)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with _pair(tmp_path, MemoryHub()) as both:
        yield both


async def test_a_request_is_done_where_the_team_runs(pair: Pair) -> None:
    answer = await pair.far.post(f"/agents/{ANNA}/break", {"pause_code": "coffee"}, status=202)
    assert (answer["code"], answer["team"]) == (ANNA, "main")
    await pair.near.agent(ANNA, status="on_break", pause_code="coffee")
    await pair.far.post(f"/agents/{ANNA}/ready", status=202)
    await pair.near.agent(ANNA, status="available")


async def test_a_refusal_reads_the_same_everywhere(pair: Pair) -> None:
    at = f"/agents/{ANNA}/calls/01890000-0000-7000-8000-000000000000/disposition"
    body = {"disposition": "sale"}
    for desk in (pair.near, pair.far):
        assert (await desk.post(at, body, status=404))["message"] == "no such attempt"
        problem = await desk.post("/agents/9999/ready", status=404)
        assert problem["error"] == "not_found"
    await pair.near.put("/agents/1099", {"name": ""})
    near = await pair.near.post("/agents/1099/ready", status=409)
    assert await pair.far.post("/agents/1099/ready", status=409) == near


async def test_without_the_wire_the_far_desk_says_that_nothing_was_done(pair: Pair) -> None:
    pair.hub.cut()
    problem = await pair.far.post(f"/agents/{ANNA}/break", {"pause_code": "tea"}, status=503)
    assert problem["error"] == "not_delivered"
    assert (await pair.near.agent(ANNA))["status"] == "available"
    await pair.near.post(f"/agents/{ANNA}/break", {"pause_code": "tea"}, status=202)
    pair.hub.mend()
    await pair.far.post(f"/agents/{ANNA}/ready", status=202)


async def test_all_teams_are_seen_everywhere_with_their_age(pair: Pair) -> None:
    own = (await pair.near.get("/teams"))[0]
    assert (own["age_seconds"], own["stale"]) == (0, False)

    async def shown() -> Any:
        return await pair.far.get("/teams")

    [seen] = await pair.far.until(shown)
    assert (seen["id"], seen["server"], seen["stale"]) == ("main", own["server"], False)
    assert [agent["code"] for agent in seen["agents"]] == sorted(AGENTS)
    assert [agent["code"] for agent in await pair.far.get("/agents")] == sorted(AGENTS)
    assert (await pair.far.get("/teams/main"))["server"] == own["server"]
    assert (await pair.far.get("/teams/none", status=404))["error"] == "not_found"


async def test_a_campaign_saved_and_started_afar_dials(pair: Pair) -> None:
    """The number is added last: its team is woken, and need not ask by itself."""
    await pair.far.campaign(profile="DEMO", mode="progressive")
    await pair.far.post("/campaigns/spring/start")

    async def running() -> Any:
        found = await pair.near.get("/campaigns/spring")
        return found["live"] and "no_leads_due" in found["live"]["why"]

    await pair.near.until(running)
    added_at = pair.near.dialer.clock.now()
    await pair.far.leads(NUMBER)

    async def talking() -> Any:
        agents = await pair.near.get("/agents")
        return next((agent for agent in agents if agent["call_id"]), None)

    agent = await pair.near.until(talking)
    assert (pair.near.dialer.clock.now() - added_at).total_seconds() < 4  # by itself: 5
    call_id = agent["call_id"]
    hung_up = await pair.far.post(f"/calls/{call_id}/hang-up", status=202)
    assert (hung_up["id"], hung_up["campaign_id"]) == (call_id, "spring")
    await pair.near.agent(agent["code"], phase="wrap_up")
    await pair.far.post(f"/agents/{agent['code']}/wrap-up/end", status=202)
    await pair.near.agent(agent["code"], phase="idle")


async def test_a_number_listed_afar_leaves_the_hopper(pair: Pair) -> None:
    """Both agents talk; the third number waits in the hopper."""
    await pair.near.campaign(profile="DEMO", mode="progressive")
    await pair.near.post("/campaigns/spring/start")
    await pair.near.leads("+390690000001", "+390690000002", "+390690000003")

    async def held() -> Any:
        live = (await pair.near.get("/campaigns/spring"))["live"]
        page = await pair.near.get("/campaigns/spring/leads", params={"state": "reserved"})
        return live["talking"] == 2 and live["hopper"] == 1 and page["items"]

    [lead] = await pair.near.until(held)
    await pair.far.post("/do-not-call", {"phone": lead["phone"], "reason": "asked"})

    async def gone() -> bool:
        return bool((await pair.near.get("/campaigns/spring"))["live"]["hopper"] == 0)

    await pair.near.until(gone)


async def test_a_campaign_that_cannot_be_loaded_costs_no_team(pair: Pair) -> None:
    """Its profile is in the other server's folder only. The look that finds it goes on, and so does the one after."""
    stores = pair.near.dialer.stores
    await stores.campaigns.save(
        CampaignPolicy(
            campaign_id=CampaignId("alien"), name="alien", team_id=TeamId("main"), profile="ALIEN"
        )
    )
    await stores.campaigns.save(
        CampaignPolicy(
            campaign_id=CampaignId("spring"), name="spring", team_id=TeamId("main"), profile="DEMO"
        )
    )
    lease = await stores.leases.held_by(TeamId("main"), at=pair.near.dialer.clock.now())
    assert lease is not None

    async def renewed_twice() -> bool:
        now = await stores.leases.held_by(TeamId("main"), at=pair.near.dialer.clock.now())
        return (
            now is not None and now.fence == lease.fence and now.until - lease.until > 1.5 * RENEWAL
        )

    await pair.near.until(renewed_twice)
    assert (await pair.near.get("/campaigns/spring"))["live"] is not None


async def test_an_agent_saved_afar_is_in_the_team(pair: Pair) -> None:
    saved = await pair.far.put("/agents/1050", {"name": "Carla"})
    assert (saved["name"], saved["status"]) == ("Carla", "logged_out")
    assert (await pair.near.agent("1050"))["name"] == "Carla"
    refused = await pair.far.put(f"/agents/{ANNA}", {"name": "Anna", "team": "blue"}, status=409)
    assert refused["error"] == "conflict"
    await pair.far.put("/agents/1050", {"name": "Carla", "team": "blue"})

    async def moved() -> Any:
        agents = await pair.near.get("/agents")
        return [agent["team"] for agent in agents if agent["code"] == "1050"] == ["blue"]

    await pair.near.until(moved)


async def test_nothing_with_a_number_is_on_the_wire(pair: Pair) -> None:
    """What the hub carried: pictures of teams, from whom nobody's number can be read."""
    await pair.near.campaign(profile="DEMO", mode="progressive")
    await pair.near.post("/campaigns/spring/start")
    await pair.near.leads(NUMBER)

    async def talking() -> Any:
        teams = await pair.far.get("/teams")
        return [team for team in teams if team["calls"].get("talking")]

    await pair.far.until(talking)
    assert pair.hub.values
    carried = b"".join(value for value, _ in pair.hub.values.values())
    assert NUMBER[1:].encode() not in carried

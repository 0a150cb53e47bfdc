"""Agents over the API, nobody at the phones."""

import asyncio
from pathlib import Path

import pytest

from tests.api.desk import AGENTS, START, Desk, desk_on

CALL = "01900000-0000-7000-8000-000000000000"


async def test_agents_are_shown_logged_out(desk: Desk) -> None:
    agents = await desk.get("/agents")
    assert [agent["code"] for agent in agents] == list(AGENTS)
    assert agents[0] == {
        "code": "1001",
        "name": "Agent 1001",
        "team": "main",
        "status": "logged_out",
        "phase": "idle",
        "since": None,
        "pause_code": None,
        "call_id": None,
        "asterisk": None,
        "lead_id": None,
        "offer_until": None,
        "shift_ends_at": None,
    }


async def test_an_agent_is_created_renamed_and_moved(desk: Desk) -> None:
    created = await desk.put("/agents/2001", {"name": "Bruno", "team": "blue"})
    assert (created["name"], created["team"], created["status"]) == ("Bruno", "blue", "logged_out")
    assert (await desk.put("/agents/2001", {"team": "blue"}))["name"] == "2001"
    assert (await desk.put("/agents/2001", {"name": "Bruno", "team": "main"}))["team"] == "main"
    assert [agent["code"] for agent in await desk.get("/agents")] == [*AGENTS, "2001"]
    assert (await desk.get("/teams/blue"))["agents"] == []


async def test_a_team_named_twice_at_once_is_made_once(desk: Desk) -> None:
    codes = [str(code) for code in range(3001, 3009)]
    await asyncio.gather(*(desk.put(f"/agents/{code}", {"team": "new"}) for code in codes))
    team = await desk.get("/teams/new")
    assert sorted(agent["code"] for agent in team["agents"]) == codes


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/agents/1001/break", {"pause_code": "lunch"}, "illegal_transition"),
        ("/agents/1001/ready", None, "illegal_transition"),
    ],
)
async def test_who_is_logged_out_takes_no_break(
    desk: Desk, path: str, body: dict[str, str] | None, error: str
) -> None:
    assert (await desk.post(path, body, status=409))["error"] == error


async def test_ending_a_wrap_up_that_is_none_changes_nothing(desk: Desk) -> None:
    assert (await desk.post("/agents/1001/wrap-up/end", status=202))["phase"] == "idle"


@pytest.mark.parametrize("path", ["break", "ready", "wrap-up/end", f"calls/{CALL}/disposition"])
async def test_an_unknown_agent_is_not_found(desk: Desk, path: str) -> None:
    body = {"break": {"pause_code": "a"}, f"calls/{CALL}/disposition": {"disposition": "sale"}}
    problem = await desk.post(f"/agents/9999/{path}", body.get(path), status=404)
    assert problem["error"] == "not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"disposition": ""}, "disposition"),
        ({"disposition": "sale", "callback_at": "tomorrow"}, "callback_at"),
        ({"disposition": "sale", "callback_at": "0001-01-01T00:00:00+10:00"}, "callback_at"),
        ({"disposition": "sale", "callback_at": "9999-12-31T23:59:59-10:00"}, "callback_at"),
    ],
)
async def test_an_unacceptable_disposition_is_refused(
    desk: Desk, body: dict[str, str], field: str
) -> None:
    problem = await desk.post(f"/agents/1001/calls/{CALL}/disposition", body, status=422)
    assert problem["field"] == field


@pytest.mark.parametrize("code", ["12a", "1" * 13, "%2e%2e"])
async def test_a_code_is_digits(desk: Desk, code: str) -> None:
    assert (await desk.put(f"/agents/{code}", {}, status=422))["field"] == "code"


async def test_an_unknown_team_is_not_found(desk: Desk) -> None:
    assert (await desk.get("/teams/nowhere", status=404))["error"] == "not_found"
    assert [team["id"] for team in await desk.get("/teams")] == ["main"]


async def test_the_end_of_a_shift_outlives_the_server(tmp_path: Path, unused_tcp_port: int) -> None:
    """One that is over is of another day, and forgotten."""
    over, later = START.isoformat(), "2026-03-03T17:30:00Z"
    async with desk_on(tmp_path, unused_tcp_port) as desk:
        for code, ends_at in (("1001", later), ("1002", over)):
            await desk.post(f"/agents/{code}/shift-end", {"ends_at": ends_at}, status=202)
        await desk.agent("1001", shift_ends_at=later)
    async with desk_on(tmp_path, unused_tcp_port) as desk:
        await desk.agent("1001", shift_ends_at=later)
        assert (await desk.agent("1002"))["shift_ends_at"] is None
        await desk.post("/agents/1001/shift-end", {"ends_at": None}, status=202)
        await desk.agent("1001", shift_ends_at=None)
    async with desk_on(tmp_path, unused_tcp_port) as desk:
        assert (await desk.agent("1001"))["shift_ends_at"] is None


async def test_whoever_changes_the_team_keeps_the_end_of_the_shift(desk: Desk) -> None:
    later = "2026-03-03T17:30:00Z"
    await desk.post("/agents/1001/shift-end", {"ends_at": later}, status=202)
    await desk.agent("1001", shift_ends_at=later)
    await desk.put("/agents/1001", {"team": "blue"})
    await desk.agent("1001", shift_ends_at=later, team="blue")


async def test_nobody_unknown_has_a_shift(desk: Desk) -> None:
    answer = await desk.post("/agents/77/shift-end", {"ends_at": None}, status=404)
    assert answer["error"] == "not_found"

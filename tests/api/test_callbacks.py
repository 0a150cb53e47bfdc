"""Callbacks through the API: agreed by an agent, listed, moved, cancelled, and rung for that agent."""

from datetime import timedelta
from typing import Any

from tests.api.desk import Desk


async def _talk(floor: Desk, leads: int = 1, **changes: Any) -> Any:
    """The campaign runs; the first agent who talks."""
    await floor.campaign(mode="progressive", wrap_up_seconds=600, **changes)
    await floor.leads(*[f"+3934712340{index:02}" for index in range(leads)])
    await floor.post("/campaigns/spring/start")

    async def look() -> Any:
        return next((a for a in await floor.get("/agents") if a["phase"] == "talking"), None)

    return await floor.until(look)


async def _agree(floor: Desk, agent: Any, at: str, **more: Any) -> Any:
    """Says `callback`, ends the call, and waits for what was booked."""
    path = f"/agents/{agent['code']}/calls/{agent['call_id']}/disposition"
    word = {"disposition": "callback", "callback_at": at, **more}
    await floor.post(path, word, status=202)
    await floor.post(f"/calls/{agent['call_id']}/hang-up", status=202)
    await floor.agent(agent["code"], phase="wrap_up")

    async def booked() -> Any:
        found = (await floor.get("/campaigns/spring/callbacks"))["items"]
        return found[0] if found else None

    return await floor.until(booked)


async def test_it_is_rung_for_the_agent_who_agreed_it(floor: Desk) -> None:
    agent = await _talk(floor)
    due_at = (floor.dialer.clock.now() + timedelta(seconds=1)).isoformat()
    booked = await _agree(floor, agent, due_at, callback_own=True, callback_note="after ten")
    assert (booked["state"], booked["agent"]) == ("booked", agent["code"])
    assert (booked["note"], booked["kind"]) == ("after ten", "recall")
    await floor.post(f"/agents/{agent['code']}/wrap-up/end", status=202)

    async def again() -> Any:
        found = next(a for a in await floor.get("/agents") if a["code"] == agent["code"])
        return found if found["phase"] == "talking" else None

    talking = await floor.until(again)
    assert talking["call_id"] != agent["call_id"]
    await floor.post(f"/calls/{talking['call_id']}/hang-up", status=202)

    async def kept() -> Any:
        return (await floor.get("/campaigns/spring/callbacks?state=done"))["items"]

    (done,) = await floor.until(kept)
    assert done["id"] == booked["id"] == agent["call_id"]


async def test_by_the_persons_clocks_moved_and_cancelled(floor: Desk) -> None:
    agent = await _talk(floor)
    booked = await _agree(floor, agent, "2026-03-05T15:30:00", callback_kind="follow_up")
    assert (booked["due_at"], booked["agent"]) == ("2026-03-05T14:30:00Z", None)
    assert booked["kind"] == "follow_up"

    why = await floor.get("/campaigns/spring/why")
    assert why["callbacks"] == {
        "waiting": 1,
        "overdue": 0,
        "first_due_at": "2026-03-05T14:30:00Z",
    }
    path = f"/callbacks/{booked['id']}"
    sunday = await floor.post(f"{path}/move", {"due_at": "2026-03-08T11:00:00"}, status=422)
    assert sunday["field"] == "due_at"
    assert sunday["message"].endswith("the next is 2026-03-09T09:00:00+01:00")
    await floor.post(f"{path}/move", {"due_at": "2026-03-02T11:00:00Z"}, status=422)
    await floor.post(f"{path}/move", {"agent": "9999"}, status=404)
    moved = await floor.post(f"{path}/move", {"due_at": "2026-03-06T10:00:00", "agent": "1002"})
    assert (moved["due_at"], moved["agent"]) == ("2026-03-06T09:00:00Z", "1002")
    assert (await floor.post(f"{path}/move", {"agent": None}))["agent"] is None

    async def count(query: str) -> int:
        return len((await floor.get(f"/campaigns/spring/callbacks?{query}"))["items"])

    assert await count("due_from=2026-03-06T09:00:00Z&due_before=2026-03-07T00:00:00Z") == 1
    assert await count("agent=1002") == await count("state=cancelled") == 0
    metrics = (await floor.http.get("/metrics")).text
    assert 'dialer_callbacks_waiting{campaign="spring"} 1.0' in metrics

    cancelled = await floor.post(f"{path}/cancel")
    assert cancelled["state"] == "cancelled"
    assert (await floor.post(f"{path}/cancel"))["changed_at"] == cancelled["changed_at"]
    lead = (await floor.get(f"/leads/{booked['lead_id']}"))["lead"]
    assert lead["state"] == "done"
    await floor.post(f"{path}/move", {"agent": None}, status=409)


async def test_what_does_not_exist_is_not_found(desk: Desk) -> None:
    unknown = "0190d0d0-0000-7000-8000-000000000000"
    await desk.post(f"/callbacks/{unknown}/cancel", status=404)
    await desk.post(f"/callbacks/{unknown}/move", {"agent": None}, status=404)
    await desk.get("/campaigns/nowhere/callbacks", status=404)

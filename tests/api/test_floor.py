"""A whole conversation over the API, with the simulated exchange behind it."""

from typing import Any

from tests.api.desk import AGENTS, Desk

LEADS = [f"+3934712340{index:02}" for index in range(12)]
NO_CALL = "01900000-0000-7000-8000-000000000000"


async def _start(floor: Desk, mode: str = "progressive") -> None:
    await floor.campaign(mode=mode, wrap_up_seconds=600)
    await floor.leads(*LEADS)
    await floor.post("/campaigns/spring/start")


async def _talking(floor: Desk) -> Any:
    async def look() -> Any:
        return next((a for a in await floor.get("/agents") if a["phase"] == "talking"), None)

    return await floor.until(look)


async def test_a_started_campaign_dials_and_its_people_are_given_to_agents(floor: Desk) -> None:
    await _start(floor)
    for code in AGENTS:
        agent = await floor.agent(code, phase="talking")
        assert agent["call_id"]
    campaign = await floor.get("/campaigns/spring")
    assert campaign["state"] == "running"
    assert campaign["live"]["talking"] == len(AGENTS)
    assert campaign["live"]["decision"]["limited_by"]
    assert campaign["live"]["abandon_ratio"] == 0.0
    await _decision_is_explained(floor, campaign["live"]["decision"])
    team = await floor.get("/teams/main")
    assert team["telephony_up"]
    (asterisk,) = team["asterisks"]
    assert (asterisk["name"], asterisk["up"], asterisk["problem"]) == ("asterisk", True, "")
    assert team["calls"]["talking"] == len(AGENTS)
    assert team["connect_times"]["count"] == len(AGENTS)
    assert 0 < team["connect_times"]["longest_seconds"] < 3


async def _decision_is_explained(floor: Desk, decision: Any) -> None:
    """In the language asked for, with what it was made from; by /why as well, and for the wall board."""
    assert decision["sentence"].endswith("one line for each free agent.")
    inputs = decision["inputs"]
    assert inputs["idle"] + inputs["reserved"] + inputs["busy"] == len(AGENTS)
    assert inputs["free"]["mean"] == decision["expected_free"]
    assert inputs["windows"]
    for window in inputs["windows"]:
        assert 0 <= window["abandoned"] <= window["answered"]
        assert window["label"]
    italian = {"Accept-Language": "it"}
    answer = await floor.get("/campaigns/spring", headers=italian)
    assert "una linea per ogni operatore libero" in answer["live"]["decision"]["sentence"]
    why = await floor.get("/campaigns/spring/why", headers=italian)
    assert why["items"][-1]["code"] == "free_agents_served"
    assert "una linea per ogni operatore libero" in why["items"][-1]["text"]
    team = await floor.get("/teams/main", headers=italian)
    sentence = team["campaigns"][0]["live"]["decision"]["sentence"]
    assert "operator" in sentence


async def test_hanging_up_leads_to_wrap_up_disposition_and_the_next_person(floor: Desk) -> None:
    await _start(floor)
    agent = await _talking(floor)
    code, call_id = agent["code"], agent["call_id"]
    answer = await floor.post(f"/calls/{call_id}/hang-up", status=202)
    assert (answer["id"], answer["agent"], answer["state"]) == (call_id, code, "talking")
    await floor.agent(code, phase="wrap_up", call_id=call_id)

    path = f"/agents/{code}/calls/{call_id}/disposition"
    later = {"disposition": "callback", "callback_at": "2026-03-05T11:00:00+01:00"}
    await floor.post(path, later, status=202)
    await floor.post(f"/agents/{code}/wrap-up/end", status=202)

    async def closed() -> Any:
        detail = await floor.get(f"/leads/{answer['lead_id']}")
        return detail if detail["lead"]["next_attempt_at"] else None

    detail = await floor.until(closed)
    assert detail["lead"]["state"] == "retry"
    assert detail["lead"]["next_attempt_at"] == "2026-03-05T10:00:00Z"
    attempt = detail["attempts"][0]
    assert (attempt["call_id"], attempt["agent"]) == (call_id, code)
    assert (attempt["outcome"], attempt["disposition"]) == ("talked", "callback")
    again = await floor.agent(code, phase="talking")
    assert again["call_id"] != call_id
    assert (await floor.get("/campaigns/spring"))["outcomes"] == {"talked": 1}


async def test_an_agent_asks_for_a_call_and_gets_that_lead(floor: Desk) -> None:
    await _start(floor, mode="manual")
    leads = (await floor.get("/campaigns/spring/leads"))["items"]
    path = "/agents/1002/calls"

    async def running() -> Any:
        items = (await floor.get("/campaigns/spring/why"))["items"]
        return [item["code"] for item in items] == ["on_request"]

    await floor.until(running)
    assert (await floor.post(path, {"lead_id": leads[7]["id"]}, status=202))["code"] == "1002"
    await floor.agent("1002", phase="talking")
    team = await floor.get("/teams/main")
    assert team["calls"] == {"talking": 1}
    attempts = (await floor.get(f"/leads/{leads[7]['id']}"))["attempts"]
    assert len(attempts) == 1

    refused = await floor.post(path, {"lead_id": leads[8]["id"]}, status=409)
    assert (refused["error"], refused["message"]) == ("conflict", "agent_not_free")
    again = await floor.post("/agents/1001/calls", {"lead_id": leads[7]["id"]}, status=409)
    assert again["message"].startswith("lead_not_to_be_had")
    await floor.post("/agents/1001/calls", {"lead_id": NO_CALL}, status=404)
    await floor.post("/agents/9999/calls", {"lead_id": leads[8]["id"]}, status=404)
    await floor.post("/agents/1001/calls", {"lead_id": "8"}, status=422)


async def test_in_mode_preview_agents_take_or_skip_what_they_are_shown(floor: Desk) -> None:
    await _start(floor, mode="preview")
    shown = await floor.agent("1001", phase="previewing")
    lead = await floor.get(f"/leads/{shown['lead_id']}")
    assert lead["attempts"] == []
    assert shown["offer_until"]
    await floor.post("/agents/1001/offer/skip", status=202)

    async def another() -> Any:
        agent = await floor.agent("1001", phase="previewing")
        return agent if agent["lead_id"] != shown["lead_id"] else None

    taken = await floor.until(another)
    await floor.post("/agents/1001/offer/accept", status=202)
    await floor.agent("1001", phase="talking", lead_id=None)
    assert len((await floor.get(f"/leads/{taken['lead_id']}"))["attempts"]) == 1
    answer = await floor.post("/agents/1001/offer/accept", status=409)
    assert answer["error"] == "illegal_transition"


async def test_in_mode_assured_whoever_is_called_is_called_for_one_agent(floor: Desk) -> None:
    await _start(floor, mode="assured")
    for code in AGENTS:
        assert (await floor.agent(code, phase="talking"))["call_id"]
    assert (await floor.get("/campaigns/spring"))["live"]["dialing"] == 0


async def test_a_break_during_a_talk_begins_after_it(floor: Desk) -> None:
    await _start(floor)
    agent = await _talking(floor)
    code = agent["code"]
    await floor.post(f"/agents/{code}/break", {"pause_code": "lunch"}, status=202)
    await floor.agent(code, status="on_break", phase="talking", pause_code="lunch")
    await floor.post(f"/calls/{agent['call_id']}/hang-up", status=202)
    await floor.agent(code, status="on_break", phase="wrap_up")
    await floor.post(f"/agents/{code}/wrap-up/end", status=202)
    await floor.agent(code, status="on_break", phase="idle")
    await floor.post(f"/agents/{code}/ready", status=202)
    await floor.agent(code, status="available", pause_code=None)


async def test_the_reason_follows_what_the_agents_do(floor: Desk) -> None:
    for code in AGENTS:
        await floor.post(f"/agents/{code}/break", {"pause_code": "meeting"}, status=202)
        await floor.agent(code, status="on_break")
    await _start(floor)

    async def running() -> Any:
        return (await floor.get("/campaigns/spring/why"))["items"][0]["code"] != "campaign_paused"

    await floor.until(running)
    answer = await floor.get("/campaigns/spring/why", headers={"Accept-Language": "it"})
    assert [item["code"] for item in answer["items"]] == ["agents_on_break"]
    assert answer["items"][0]["count"] == len(AGENTS)
    assert answer["text"] == "Tutti i 2 operatori collegati sono in pausa"
    assert answer["leads"]["due"] == len(LEADS)


async def test_a_disposition_of_a_colleagues_call_is_refused(floor: Desk) -> None:
    await _start(floor)
    call_id = (await floor.agent(AGENTS[0], phase="talking"))["call_id"]
    path = f"/agents/{AGENTS[1]}/calls/{call_id}/disposition"
    problem = await floor.post(path, {"disposition": "sale"}, status=409)
    assert problem["error"] == "conflict"


async def test_hanging_up_a_call_that_is_not_up_finds_nothing(floor: Desk) -> None:
    problem = await floor.post(f"/calls/{NO_CALL}/hang-up", status=404)
    assert problem == {"error": "not_found", "field": None, "message": "no such call is up"}


async def test_a_listed_number_leaves_the_hopper(floor: Desk) -> None:
    await _start(floor)
    await _talking(floor)

    async def held() -> Any:
        page = await floor.get("/campaigns/spring/leads", params={"state": "reserved"})
        return page["items"]

    lead = (await floor.until(held))[-1]
    before = (await floor.get("/campaigns/spring"))["live"]["hopper"]
    await floor.post("/do-not-call", {"phone": lead["phone"], "reason": "asked"})

    async def forgotten() -> Any:
        return (await floor.get("/campaigns/spring"))["live"]["hopper"] == before - 1

    assert await floor.until(forgotten)
    assert (await floor.get(f"/leads/{lead['id']}"))["lead"]["state"] == "excluded"


async def test_pausing_gives_the_waiting_leads_back(floor: Desk) -> None:
    await _start(floor)
    await floor.agent(AGENTS[0], phase="talking")
    assert (await floor.post("/campaigns/spring/pause"))["state"] == "paused"

    async def given_back() -> Any:
        counts = (await floor.get("/campaigns/spring"))["leads"]["by_state"]
        return counts if counts["reserved"] == 0 else None

    counts = await floor.until(given_back)
    assert counts["new"] + counts["dialing"] + counts["done"] == len(LEADS)


async def test_an_agent_who_is_logged_in_cannot_change_the_team(floor: Desk) -> None:
    problem = await floor.put(f"/agents/{AGENTS[0]}", {"team": "other"}, status=409)
    assert problem["error"] == "conflict"
    assert (await floor.agent(AGENTS[0]))["team"] == "main"


async def test_the_server_is_ready_and_its_metrics_name_no_number(floor: Desk) -> None:
    await _start(floor)
    await _talking(floor)
    assert await floor.get("/readyz") == {"ready": True, "reasons": []}
    response = await floor.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'dialer_telephony_up{node="asterisk",team="main"} 1.0' in response.text
    assert not any(phone[1:] in response.text for phone in LEADS)

"""Campaigns, and why they do not dial, with no exchange in reach."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.why import combine
from dialer.config import TrunkSettings
from dialer.leads import LeadState
from dialer.ports import LeadCounts
from dialer.views import WhyItem
from tests.api.desk import START, Desk, desk_on

FULL: dict[str, Any] = {
    "id": "spring",
    "name": "Spring offers",
    "team": "blue",
    "client": "main",
    "purpose": "survey",
    "sector": "energy",
    "check_registers": True,
    "check_consents": True,
    "profile": "IT-GARANTE",
    "mode": "ratio",
    "dial_ratio": 1.5,
    "abandon_target_ratio": 0.01,
    "guard": "cautious",
    "works_until": "18:30:00",
    "preview_seconds": 20.0,
    "preview_end": "skip",
    "take_back": "silent",
    "caller_id": "+390612345678",
    "trunks": ["trunk-1", "trunk-2"],
    "lines": 12,
    "calls_per_second": 2.5,
    "ring_timeout_seconds": 30.0,
    "wrap_up_seconds": 7.5,
    "max_attempts": 3,
    "max_never_rang": 5,
    "screen": True,
    "noise": "quiet",
    "message": "house/sorry",
    "retry_seconds": {"busy": 600.0, "no_answer": 7200.0},
    "subject": "spring-2026",
    "callback_grace_seconds": 60.0,
    "callback_tries": 5,
    "retry_rules": [
        {
            "outcome": "busy",
            "growth": 2.0,
            "shift_seconds": 0.0,
            "longest_seconds": 14400.0,
            "most": 5,
        }
    ],
    "caps": [
        {"most": 3, "per": "called_number", "hours": 24.0, "days": None},
        {"most": 9, "per": "called_person", "hours": None, "days": 7},
    ],
    "dispositions": [
        {
            "code": "box",
            "category": "machine",
            "en": "Mailbox",
            "it": "Segreteria",
            "final": False,
            "asks_time": False,
            "blocks_number": False,
            "counts_as": "machine",
            "retry_seconds": 60.0,
        }
    ],
}


async def test_a_policy_comes_back_as_it_was_sent(desk: Desk) -> None:
    saved = await desk.post("/campaigns", FULL)
    assert saved == {"policy": FULL, "state": "paused", "held_at": None}
    assert await desk.get("/campaigns") == [saved]
    assert (await desk.get("/campaigns/spring"))["policy"] == FULL


async def test_saving_again_keeps_the_state_and_changes_the_policy(desk: Desk) -> None:
    await desk.campaign()
    await desk.post("/campaigns/spring/start")
    saved = await desk.post("/campaigns", {"id": "spring", "lines": 7})
    assert saved == await desk.post("/campaigns", {"id": "spring", "lines": 7})
    assert saved["state"] == "running"
    assert saved["policy"]["lines"] == 7

    async def taken_up() -> Any:
        live = (await desk.get("/teams/main"))["campaigns"]
        return live[0] if live and live[0]["state"] == "running" else None

    assert (await desk.until(taken_up))["name"] == "spring"


async def test_what_is_left_out_takes_its_default(desk: Desk) -> None:
    await desk.campaign()
    policy = (await desk.get("/campaigns/spring"))["policy"]
    assert (policy["name"], policy["team"], policy["mode"]) == ("spring", "main", "predictive")
    assert policy["trunks"] == ["dialer-trunk"]
    assert policy["retry_seconds"]["busy"] == timedelta(minutes=15).total_seconds()


async def test_a_campaign_that_names_no_trunk_has_all_of_the_settings(tmp_path: Path) -> None:
    trunks = [TrunkSettings(id="rome"), TrunkSettings(id="milan", lines=30)]
    async with desk_on(tmp_path, 9, trunks=trunks) as desk:
        saved = await desk.post("/campaigns", {"id": "spring"})
        assert saved["policy"]["trunks"] == ["rome", "milan"]
        known = await desk.dialer.stores.trunks.all()
    assert [(trunk.trunk_id, trunk.lines) for trunk in known] == [("milan", 30), ("rome", None)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "a b"}, "id"),
        ({"lines": 0}, "lines"),
        ({"calls_per_second": 0}, "calls_per_second"),
        ({"mode": "reckless"}, "mode"),
        ({"trunks": ["trunk\r\nAction: Logoff"]}, "trunks.0"),
        ({"caller_id": "+39061234\n"}, "caller_id"),
        ({"message": "sorry,X=1"}, "message"),
        ({"name": "two\nlines"}, "name"),
        ({"retry_seconds": {"busy": -1}}, "retry_seconds.busy"),
        ({"profile": "XX"}, "profile"),
        ({"speed": 3}, "speed"),
    ],
)
async def test_an_unacceptable_policy_is_refused_by_field(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    problem = await desk.post("/campaigns", {"id": "spring", **change}, status=422)
    assert (problem["error"], problem["field"]) == ("invalid_input", field)
    assert await desk.get("/campaigns") == []


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e400"])
async def test_a_number_that_is_none_is_refused(desk: Desk, word: str) -> None:
    response = await desk.http.post(
        "/campaigns",
        content=f'{{"id": "spring", "calls_per_second": {word}}}',
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 422


async def test_two_campaigns_cannot_have_one_name(desk: Desk) -> None:
    await desk.campaign("spring", name="Offers")
    problem = await desk.post("/campaigns", {"id": "autumn", "name": "Offers"}, status=409)
    assert problem["error"] == "conflict"


async def test_a_campaign_cannot_change_its_team(desk: Desk) -> None:
    await desk.campaign()
    problem = await desk.post("/campaigns", {"id": "spring", "team": "blue"}, status=409)
    assert problem["error"] == "conflict"
    assert (await desk.get("/campaigns/spring"))["policy"]["team"] == "main"


async def test_changes_at_once_leave_store_and_team_agreed(desk: Desk) -> None:
    await asyncio.gather(*(desk.campaign(f"c{n}", team="blue") for n in range(8)))
    verbs = ["start", "pause"] * 4
    await asyncio.gather(*(desk.post(f"/campaigns/c1/{verb}") for verb in verbs))
    await desk.dialer.switchboard.runners["blue"].settle()  # type: ignore[index]
    stored = {item["policy"]["id"]: item["state"] for item in await desk.get("/campaigns")}
    live = {item["id"]: item["state"] for item in (await desk.get("/teams/blue"))["campaigns"]}
    assert live == stored
    assert len(live) == 8


@pytest.mark.parametrize("path", ["", "/why", "/leads"])
async def test_an_unknown_campaign_is_not_found(desk: Desk, path: str) -> None:
    problem = await desk.get(f"/campaigns/nowhere{path}", status=404)
    assert problem == {"error": "not_found", "field": None, "message": "no such campaign"}


async def test_the_main_reason_comes_first_in_either_language(desk: Desk) -> None:
    await desk.campaign()
    await desk.post("/campaigns/spring/start")

    async def running() -> Any:
        answer = await desk.get("/campaigns/spring/why")
        codes = [item["code"] for item in answer["items"]]
        return answer if codes and codes[0] == "telephony_down" else None

    answer = await desk.until(running)
    codes = [item["code"] for item in answer["items"]]
    assert codes == ["telephony_down", "no_leads_due", "no_agents"]
    assert answer["language"] == "en"
    assert answer["text"].startswith("No link to the telephone exchange")
    italian = await desk.get("/campaigns/spring/why", headers={"Accept-Language": "it-IT, en"})
    assert italian["items"][2]["text"] == "Nessun operatore è collegato"
    assert italian["leads"]["by_state"]["new"] == 0


async def test_leads_that_may_be_tried_are_no_reason(desk: Desk) -> None:
    await desk.campaign()
    await desk.leads("+393471234001")
    answer = await desk.get("/campaigns/spring/why")
    codes = [item["code"] for item in answer["items"]]
    assert codes[0] == "campaign_paused"
    assert "no_leads_due" not in codes
    assert answer["leads"]["due"] == 1


def _counts(due: int = 0, reserved: int = 0) -> LeadCounts:
    later = START + timedelta(hours=1)
    return LeadCounts(by_state={LeadState.RESERVED: reserved}, due=due, next_due_at=later)


def test_the_team_and_the_store_are_put_together() -> None:
    paused, agents = WhyItem(code="campaign_paused"), WhyItem(code="no_agents")
    stale = WhyItem(code="no_leads_due")
    due = WhyItem(code="no_leads_due", until=_counts().next_due_at)
    assert combine([paused, agents], _counts()) == [paused, due, agents]
    assert combine([], _counts()) == [due]
    assert combine([stale, agents], _counts()) == [due, agents]
    assert combine([stale, agents], _counts(due=3)) == [agents]
    assert combine([agents], _counts(reserved=3)) == [agents]

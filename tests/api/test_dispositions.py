"""What agents say, through the API: the campaign's own set, refusals, corrections, do-not-call."""

from typing import Any

import pytest

from tests.api.desk import AGENTS, Desk

OWN = [
    {"code": "won", "category": "success", "en": "Won", "it": "Vinto"},
    {"code": "no", "category": "refusal", "en": "No", "it": "No"},
    {"code": "later", "category": "callback", "en": "Later", "it": "Poi"},
    {"code": "stop", "category": "do_not_call", "it": "Basta"},
]


async def _start(floor: Desk) -> None:
    await floor.campaign(mode="progressive", wrap_up_seconds=600, dispositions=OWN)
    await floor.leads(*[f"+3934712340{index:02}" for index in range(4)])
    await floor.post("/campaigns/spring/start")


async def _talking(floor: Desk) -> Any:
    async def look() -> Any:
        return next((a for a in await floor.get("/agents") if a["phase"] == "talking"), None)

    return await floor.until(look)


async def test_the_campaigns_own_set_is_shown_in_the_readers_language(floor: Desk) -> None:
    await _start(floor)
    found = await floor.get("/campaigns/spring/dispositions", headers={"Accept-Language": "it"})
    assert [(one["code"], one["text"]) for one in found] == [
        ("won", "Vinto"),
        ("no", "No"),
        ("later", "Poi"),
        ("stop", "Basta"),
    ]
    english = await floor.get("/campaigns/spring/dispositions")
    assert [one["text"] for one in english] == ["Won", "No", "Later", "stop"]


@pytest.mark.parametrize(
    ("dispositions", "problem"),
    [
        ([OWN[0], OWN[0]], "twice"),
        ([{"code": "no", "category": "refusal", "final": False}], "always ends"),
        ([{"code": "no", "category": "noo"}], "Input should be"),
    ],
)
async def test_a_set_that_cannot_be_is_refused(
    desk: Desk, dispositions: list[Any], problem: str
) -> None:
    body = {"id": "spring", "profile": "IT-GARANTE", "dispositions": dispositions}
    answer = await desk.post("/campaigns", body, status=422)
    assert answer["field"].startswith("dispositions")
    assert problem in answer["message"]


async def test_an_unknown_word_is_refused_and_the_wish_of_a_person_stands(floor: Desk) -> None:
    await _start(floor)
    agent = await _talking(floor)
    path = f"/agents/{agent['code']}/calls/{agent['call_id']}/disposition"
    problem = await floor.post(path, {"disposition": "wonn"}, status=422)
    assert problem["field"] == "disposition"
    assert "did you mean 'won'?" in problem["message"]

    sunday = {"disposition": "later", "callback_at": "2026-03-08T11:00:00+01:00"}
    refused = await floor.post(path, sunday, status=422)
    assert refused["field"] == "callback_at"
    assert refused["message"].endswith("the next is 2026-03-09T09:00:00+01:00")

    call = await floor.post(f"/calls/{agent['call_id']}/hang-up", status=202)
    await floor.agent(agent["code"], phase="wrap_up")
    await floor.post(path, {"disposition": "won"}, status=202)
    await floor.post(path, {"disposition": "stop"}, status=202)

    async def excluded() -> Any:
        detail = await floor.get(f"/leads/{call['lead_id']}")
        return detail if detail["lead"]["state"] == "excluded" else None

    detail = await floor.until(excluded)
    attempt = detail["attempts"][0]
    assert (attempt["disposition"], attempt["category"]) == ("stop", "do_not_call")
    assert [one["disposition"] for one in attempt["former_dispositions"]] == ["won"]
    refused = await floor.post(path, {"disposition": "won"}, status=409)
    assert refused["message"].startswith("do_not_call stands")
    other = next(code for code in AGENTS if code != agent["code"])
    path = f"/agents/{other}/calls/{agent['call_id']}/disposition"
    await floor.post(path, {"disposition": "won"}, status=409)

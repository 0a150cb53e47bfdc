"""One number looked at rule by rule, through the API and from the command line's words."""

from tests.api.desk import Desk

NUMBER = "+393471234001"


async def test_every_rule_says_what_it_says(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring", "check_registers": True})
    body = {"phone": "347 1234001", "at": "2026-03-03T10:00:00+01:00"}
    answer = await desk.post("/campaigns/spring/check", body)
    assert not answer["allowed"]
    assert not answer["known"]
    rules = {each["rule"]: each for each in answer["rules"]}
    assert rules["do_not_call"]["state"] == "passed"
    assert rules["registers"]["reason"] == "register_unchecked"
    assert rules["registers"]["profiles"][0].startswith("IT-GARANTE@")
    assert rules["hours"]["state"] == "passed"
    assert any("counsel" in line for line in answer["lines"])
    assert not any("1234001" in line for line in answer["lines"])


async def test_the_list_and_the_hour_are_told_in_italian(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring"})
    await desk.post("/campaigns/spring/leads", [{"phone": NUMBER}])
    at_night = {"phone": NUMBER, "at": "2026-03-03T23:00:00+01:00"}
    answer = await desk.post("/campaigns/spring/check", at_night, headers={"Accept-Language": "it"})
    assert answer["known"]
    assert answer["text"].startswith("Non si può chiamare prima di 2026-03-04 09:00 Europe/Rome")
    await desk.post("/do-not-call", {"phone": NUMBER, "reason": "asked"})
    answer = await desk.post("/campaigns/spring/check", {"phone": NUMBER})
    assert (answer["allowed"], answer["rules"][0]["reason"]) == (False, "do_not_call")

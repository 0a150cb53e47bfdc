"""Results of public registers and consents, as a client of the API sees them."""

from datetime import timedelta

from tests.api.desk import START, Desk

NUMBER, OTHER = "+393471234001", "+390612345678"
ASKED = (START - timedelta(days=1)).isoformat()
LONG_AGO = (START - timedelta(days=100)).isoformat()


async def test_the_newest_answer_of_a_register_stands(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring", "profile": "IT-GARANTE"})
    await desk.post("/campaigns/spring/leads", [{"phone": NUMBER}, {"phone": OTHER}])
    path, status = "/registers/RPO/results", "/registers/RPO/status?campaign=spring"
    old = {"phone": NUMBER, "listed": True, "checked_at": LONG_AGO}
    new = {"phone": "347 123 4001", "listed": False, "checked_at": ASKED}
    assert await desk.post(path, [new]) == {"kept": 1, "known": 0}
    assert await desk.post(path, [old, new]) == {"kept": 0, "known": 2}
    found = await desk.get(status)
    del found["results_since"]
    assert found == {"not_listed": 1, "listed": 0, "too_old": 0, "never_asked": 1}


async def test_results_that_cannot_be_are_refused_by_field_and_none_is_kept(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring", "profile": "IT-GARANTE"})
    await desk.post("/campaigns/spring/leads", [{"phone": NUMBER}])
    good = {"phone": NUMBER, "listed": True, "checked_at": ASKED}
    later = (START + timedelta(days=1)).isoformat()
    path = "/registers/RPO/results"
    for bad, field in (({"checked_at": later}, "1.checked_at"), ({"phone": "12"}, "1.phone")):
        problem = await desk.post(path, [good, good | bad], status=422)
        assert problem["field"] == field
    status = await desk.get("/registers/RPO/status?campaign=spring")
    assert (status["listed"], status["never_asked"]) == (0, 1)


async def test_a_register_that_the_profile_does_not_name_has_no_status(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring", "profile": "IT-GARANTE"})
    problem = await desk.get("/registers/TPS/status?campaign=spring", status=422)
    assert problem["field"] == "register"
    await desk.get("/registers/RPO/status?campaign=autumn", status=404)


async def test_a_consent_is_kept_once_and_its_withdrawal_bars_the_number(desk: Desk) -> None:
    await desk.post("/clients", {"id": "acme"})
    await desk.post("/campaigns", {"id": "spring", "client": "acme"})
    await desk.post("/campaigns/spring/leads", [{"phone": NUMBER}])
    given = {"phone": NUMBER, "client": "acme", "obtained_at": ASKED, "proof": "archive/17"}
    assert await desk.post("/consents", [given]) == {"added": 1, "known": 0}
    assert await desk.post("/consents", [given]) == {"added": 0, "known": 1}
    whose = {"phone": NUMBER, "client": "acme"}
    (found,) = await desk.post("/consents/lookups", whose)
    assert (found["proof"], found["basis"], found["withdrawn_at"]) == (
        "archive/17",
        "consent",
        None,
    )
    assert await desk.post("/consents/withdrawals", whose | {"who": "anna"}) == {"withdrawn": 1}
    (found,) = await desk.post("/consents/lookups", whose)
    assert found["withdrawn_at"] is not None
    (lead,) = (await desk.get("/campaigns/spring/leads"))["items"]
    assert lead["state"] == "excluded"


async def test_consents_are_added_all_or_none(desk: Desk) -> None:
    good = {"phone": NUMBER, "obtained_at": ASKED}
    later = (START + timedelta(days=1)).isoformat()
    problem = await desk.post("/consents", [good, good | {"obtained_at": later}], status=422)
    assert problem["field"] == "1.obtained_at"
    await desk.post("/consents", [good | {"client": "nobody"}], status=404)
    assert await desk.post("/consents/lookups", {"phone": NUMBER}) == []

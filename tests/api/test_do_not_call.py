"""The do-not-call list, as a client of the API sees it."""

from datetime import timedelta

from tests.api.desk import START, Desk

NUMBER = "+393471234001"


async def test_what_is_added_and_removed_stands_in_the_history(desk: Desk) -> None:
    await desk.post("/clients", {"id": "acme"})
    entry = {"phone": "347 123 4001", "client": "acme", "reason": "asked", "who": "anna"}
    assert await desk.post("/do-not-call", entry) == {"phone": NUMBER, "changed": True}
    assert await desk.post("/do-not-call", entry) == {"phone": NUMBER, "changed": False}
    gone = {"phone": NUMBER, "client": "acme", "who": "bruno"}
    await desk.post("/do-not-call/removals", gone)
    await desk.post("/do-not-call/removals", gone, status=404)
    changes = await desk.get("/do-not-call/changes")
    assert [(each["action"], each["who"], each["client"]) for each in changes] == [
        ("removed", "bruno", "acme"),
        ("added", "anna", "acme"),
    ]


async def test_a_prefix_bars_what_begins_so(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring"})
    await desk.post("/campaigns/spring/leads", [{"phone": NUMBER}, {"phone": "+390612345678"}])
    await desk.post("/do-not-call", {"phone": "+393471", "by_prefix": True, "reason": "test"})
    leads = (await desk.get("/campaigns/spring/leads"))["items"]
    assert {lead["phone"]: lead["state"] for lead in leads} == {
        NUMBER: "excluded",
        "+390612345678": "new",
    }
    problem = await desk.post(
        "/do-not-call", {"phone": "3471", "by_prefix": True, "reason": "test"}, status=422
    )
    assert problem["field"] == "prefix"


async def test_an_entry_with_an_end_excludes_nobody(desk: Desk) -> None:
    await desk.post("/campaigns", {"id": "spring"})
    await desk.post("/campaigns/spring/leads", [{"phone": NUMBER}])
    until = (START + timedelta(days=1)).isoformat()
    await desk.post("/do-not-call", {"phone": NUMBER, "reason": "away", "expires_at": until})
    (lead,) = (await desk.get("/campaigns/spring/leads"))["items"]
    assert lead["state"] == "new"


async def test_an_entry_of_an_unknown_client_is_refused(desk: Desk) -> None:
    entry = {"phone": NUMBER, "client": "nobody", "reason": "asked"}
    assert (await desk.post("/do-not-call", entry, status=404))["message"] == "no such client"

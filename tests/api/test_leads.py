"""Leads over the API: normalised, never twice, and no number in any message."""

from typing import Any

import pytest

from tests.api.desk import Desk

NOWHERE = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    await desk.campaign()
    return desk


async def test_numbers_are_stored_as_e164(desk: Desk) -> None:
    report = await desk.leads("347 123 4001", "+39 06 1234 5678", "0044 20 7946 0958")
    assert report == {"added": 3, "duplicates": 0, "rejected": []}
    page = await desk.get("/campaigns/spring/leads")
    phones = [lead["phone"] for lead in page["items"]]
    assert phones == ["+393471234001", "+390612345678", "+442079460958"]


async def test_the_region_of_bare_numbers_can_be_chosen(desk: Desk) -> None:
    path = "/campaigns/spring/leads"
    body = [{"phone": "020 7946 0958"}]
    assert (await desk.post(path, body, params={"region": "GB"}))["added"] == 1
    assert (await desk.get(path))["items"][0]["phone"] == "+442079460958"
    problem = await desk.post(path, body, status=422, params={"region": "ZZ"})
    assert problem["field"] == "region"


async def test_unusable_leads_are_reported_by_place_and_field_without_the_number(
    desk: Desk,
) -> None:
    body = [
        {"phone": "3471234001", "name": "Anna", "external_id": "A1", "priority": 5},
        {"phone": "99887766"},
        {"phone": "347 123 4001"},
        {"phone": "3471234002", "zone": "Europe/Atlantis"},
        {"phone": "call me"},
        {"phone": "06 1234 5678 ext. 9"},
    ]
    report = await desk.post("/campaigns/spring/leads", body)
    assert (report["added"], report["duplicates"]) == (1, 1)
    places = [(item["index"], item["field"]) for item in report["rejected"]]
    assert places == [(1, "phone"), (3, "zone"), (4, "phone"), (5, "phone")]
    assert not any(word in str(report) for word in ("99887766", "Atlantis", "call me", "1234"))
    lead = (await desk.get("/campaigns/spring/leads"))["items"][0]
    assert (lead["name"], lead["external_id"], lead["priority"]) == ("Anna", "A1", 5)
    assert (lead["state"], lead["zone"]) == ("new", "Europe/Rome")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([{"phone": "3471234001"}, {"name": "Anna"}], "1.phone"),
        ([{"phone": 3471234001}], "0.phone"),
        ([{"phone": "3471234001", "priority": "3471234001"}], "0.priority"),
        ([{"phone": "3471234001", "priority": 2**40}], "0.priority"),
        ([{"phone": "3471234001" * 9}], "0.phone"),
        ({"phone": "3471234001"}, "body"),
    ],
)
async def test_what_is_no_list_of_leads_is_refused_whole(desk: Desk, body: Any, field: str) -> None:
    problem = await desk.post("/campaigns/spring/leads", body, status=422)
    assert (problem["error"], problem["field"]) == ("invalid_input", field)
    assert "347" not in problem["message"]
    assert (await desk.get("/campaigns/spring"))["leads"]["by_state"]["new"] == 0


async def test_ten_thousand_leads_come_in_one_request_and_no_more(desk: Desk) -> None:
    body = [{"phone": f"+39347{number:07}"} for number in range(1_000_000, 1_010_001)]
    problem = await desk.post("/campaigns/spring/leads", body, status=422)
    assert problem["field"] == "body"
    report = await desk.post("/campaigns/spring/leads", body[:-1])
    assert report == {"added": 10_000, "duplicates": 0, "rejected": []}
    again = await desk.post("/campaigns/spring/leads", body[5_000:-1])
    assert again == {"added": 0, "duplicates": 5_000, "rejected": []}


async def test_leads_of_an_unknown_campaign_are_not_found(desk: Desk) -> None:
    assert (await desk.post("/campaigns/nowhere/leads", [], status=404))["error"] == "not_found"


async def test_pages_follow_one_another_to_the_end(desk: Desk) -> None:
    phones = [f"+3934712340{index:02}" for index in range(7)]
    await desk.leads(*phones)
    seen: list[str] = []
    after: str | None = None
    sizes = []
    while True:
        query = {"limit": "3"} | ({"after": after} if after else {})
        page = await desk.get("/campaigns/spring/leads", params=query)
        seen += [lead["phone"] for lead in page["items"]]
        sizes.append(len(page["items"]))
        after = page["next_after"]
        if after is None:
            break
    assert (seen, sizes) == (phones, [3, 3, 1])


@pytest.mark.parametrize("query", [{"limit": "0"}, {"state": "lost"}, {"after": "'; --"}])
async def test_an_unacceptable_page_is_refused(desk: Desk, query: dict[str, str]) -> None:
    problem = await desk.get("/campaigns/spring/leads", status=422, params=query)
    assert problem["field"] == next(iter(query))


async def test_a_lead_is_shown_with_its_attempts(desk: Desk) -> None:
    await desk.leads("+393471234001")
    lead = (await desk.get("/campaigns/spring/leads"))["items"][0]
    assert await desk.get(f"/leads/{lead['id']}") == {"lead": lead, "attempts": []}
    assert (await desk.get(f"/leads/{NOWHERE}", status=404))["error"] == "not_found"
    assert (await desk.get("/leads/12", status=422))["field"] == "lead_id"


async def test_a_number_on_the_list_is_excluded_however_it_is_written(desk: Desk) -> None:
    await desk.leads("+393471234001", "+393471234002")
    listed = await desk.post("/do-not-call", {"phone": "347 123 4001", "reason": "asked"})
    assert listed == {"phone": "+393471234001", "changed": True}
    excluded = await desk.get("/campaigns/spring/leads", params={"state": "excluded"})
    assert [lead["phone"] for lead in excluded["items"]] == ["+393471234001"]


async def test_the_list_refuses_what_is_no_number_without_repeating_it(desk: Desk) -> None:
    body = {"phone": "99887766", "reason": "asked"}
    problem = await desk.post("/do-not-call", body, status=422)
    assert problem == {
        "error": "invalid_input",
        "field": "phone",
        "message": "is not a valid telephone number",
    }


async def test_leads_go_into_the_list_that_is_named(desk: Desk) -> None:
    path = "/campaigns/spring/leads"
    for number in ("3471234001", "3471234002"):
        report = await desk.post(path, [{"phone": number}], params={"list": "Fair"})
        assert report["added"] == 1
    await desk.post(path, [{"phone": "3471234003", "answer_odds": 0.25}])
    found = [(lead["list_id"], lead["answer_odds"]) for lead in (await desk.get(path))["items"]]
    assert found == [(1, None), (1, None), (0, 0.25)]
    names = [each["name"] for each in await desk.get("/campaigns/spring/lists")]
    assert names == ["", "Fair"]


async def test_a_list_is_changed_by_its_name(desk: Desk) -> None:
    path = "/campaigns/spring/lists"
    made = await desk.put(path, {"name": "Fair", "weight": 3, "order": "newest"})
    assert (made["id"], made["weight"], made["order"]) == (1, 3, "newest")
    changed = await desk.put(path, {"name": "Fair", "weight": 0})
    assert (changed["id"], changed["weight"], changed["order"]) == (1, 0, "priority")
    assert (await desk.get(path))[1] == changed
    problem = await desk.put(path, {"name": "Fair", "order": "by_height"}, status=422)
    assert problem["field"] == "order"
    await desk.put("/campaigns/winter/lists", {"name": "Fair"}, status=404)


async def test_why_says_what_holds_leads_back_and_what_would_be_dialled(desk: Desk) -> None:
    await desk.leads("3471234001", "3471234002")
    body = [{"phone": "3471234003"}]
    await desk.post("/campaigns/spring/leads", body, params={"list": "Later"})
    await desk.put("/campaigns/spring/lists", {"name": "Later", "weight": 0})
    await desk.post("/do-not-call", {"phone": "3471234002", "reason": "asked"})
    answer = await desk.get("/campaigns/spring/why", params={"look_at": 100})
    told = {(each["state"], each["reason"]): each["count"] for each in answer["held"]}
    assert told == {("new", ""): 1, ("new", "list_rests"): 1, ("excluded", "do_not_call"): 1}
    assert all(each["text"].startswith("1 ") for each in answer["held"])
    assert answer["leads"]["due"] == 2
    rehearsal = answer["rehearsal"]
    assert (rehearsal["looked_at"], rehearsal["allowed"], rehearsal["later"]) == (1, 1, 0)
    (lead_id,) = rehearsal["first"]
    assert (await desk.get(f"/leads/{lead_id}"))["lead"]["state"] == "new"
    assert (await desk.get("/campaigns/spring/why"))["rehearsal"] is None
    await desk.get("/campaigns/spring/why", params={"look_at": 1001}, status=422)


@pytest.mark.parametrize(
    ("form", "begin"),
    [("csv", b"\xef\xbb\xbfphone,other_phones,name"), ("jsonl", b'{"phone": '), ("xlsx", b"PK")],
)
async def test_leads_go_out_as_a_file(desk: Desk, form: str, begin: bytes) -> None:
    await desk.leads("3471234001", "3471234002")
    answer = await desk.http.get(f"/campaigns/spring/leads/export?format={form}")
    assert answer.status_code == 200
    assert answer.content.startswith(begin)
    assert f'leads.{form}"' in answer.headers["content-disposition"]
    if form != "xlsx":
        assert answer.text.count("+3934712340") == 2


async def test_an_export_of_what_is_not_there_is_told(desk: Desk) -> None:
    path = "/campaigns/{}/leads/export"
    await desk.get(path.format("nowhere"), status=404)
    await desk.get(path.format("spring"), status=404, params={"list": "cold"})
    problem = await desk.get(path.format("spring"), status=422, params={"format": "pdf"})
    assert problem["field"] == "format"

"""Client companies, as a client of the API sees them."""

from tests.api.desk import Desk


async def test_campaigns_call_on_behalf_of_a_client(desk: Desk) -> None:
    acme = await desk.post("/clients", {"id": "acme", "name": "Acme S.p.A."})
    assert await desk.get("/clients") == [acme, {"id": "main", "name": "main"}]
    saved = await desk.post("/campaigns", {"id": "spring", "client": "acme"})
    assert saved["policy"]["client"] == "acme"


async def test_a_campaign_of_an_unknown_client_is_refused(desk: Desk) -> None:
    refusal = await desk.post("/campaigns", {"id": "spring", "client": "nobody"}, status=404)
    assert refusal["message"] == "no such client"
    assert await desk.get("/campaigns") == []

"""A campaign that breaks its profile does not start, and says why: by the API, at the server's start, from its settings."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr

from dialer.adapters.sql.store import open_stores
from dialer.bootstrap import Dialer
from dialer.campaign import CampaignState
from dialer.config import AsteriskSettings, CampaignSettings, DatabaseSettings, Settings
from dialer.ids import CampaignId
from tests.api.desk import Desk, WorkingHours

SPRING = CampaignId("spring")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"profile": "US-FED", "ring_timeout_seconds": 14}, "ring_too_short", "ring_timeout"),
        ({"profile": "US-FED", "message": ""}, "message_missing", "message"),
        ({"noise": ""}, "noise_missing", "noise"),
        ({"abandon_target_ratio": 0.031}, "abandon_target_over_limit", "abandon_target"),
        ({"profile": "GENERIC-STRICT", "screen": True}, "profile_not_yet", "profile"),
        ({"profile": "FR-2026"}, "profile_not_yet", "profile"),
        ({"profile": "FR-2023", "caller_id": "+33612345678"}, "caller_id_prefix", "caller_id"),
        ({"purpose": "survey"}, "purpose_without_profile", "purpose"),
        ({"sector": "enregy"}, "sector_without_profile", "sector"),
    ],
)
async def test_a_campaign_that_breaks_its_profile_does_not_start(
    desk: Desk, changes: dict[str, Any], code: str, field: str
) -> None:
    await desk.campaign(**changes)
    problem = await desk.post("/campaigns/spring/start", status=409)
    assert (problem["error"], problem["field"]) == (code, field)
    assert (await desk.get("/campaigns/spring"))["state"] == "paused"


async def test_all_that_is_wrong_is_told_in_the_language_asked_for(desk: Desk) -> None:
    await desk.campaign(profile="US-FED", ring_timeout_seconds=10, message="")
    problem = await desk.post(
        "/campaigns/spring/start", status=409, headers={"Accept-Language": "it"}
    )
    assert "ring_timeout: deve squillare per almeno 15 s (US-FED@" in problem["message"]
    assert "message: serve un messaggio" in problem["message"]


async def test_mended_it_starts_and_cannot_be_spoilt_while_it_runs(desk: Desk) -> None:
    await desk.campaign(profile="US-FED", ring_timeout_seconds=10)
    await desk.post("/campaigns/spring/start", status=409)
    await desk.campaign(profile="US-FED", ring_timeout_seconds=15)
    assert (await desk.post("/campaigns/spring/start"))["state"] == "running"
    spoilt = {"id": "spring", "profile": "US-FED", "ring_timeout_seconds": 10}
    problem = await desk.post("/campaigns", spoilt, status=409)
    assert (problem["error"], problem["field"]) == ("ring_too_short", "ring_timeout")
    stored = await desk.get("/campaigns/spring")
    assert (stored["state"], stored["policy"]["ring_timeout_seconds"]) == ("running", 15)
    await desk.post("/campaigns/spring/pause")
    await desk.post("/campaigns", spoilt)


@pytest.mark.parametrize(("rings", "state"), [(14, "paused"), (15, "running")])
async def test_at_the_servers_start_it_stays_paused(
    tmp_path: Path, rings: float, state: str
) -> None:
    campaign = CampaignSettings(
        id=SPRING, profile="US-FED", ring_timeout_seconds=rings, running=True
    )
    assert await started(tmp_path, campaign) == state


async def test_one_that_ran_when_the_server_ended_does_not_go_on(tmp_path: Path) -> None:
    lawful = CampaignSettings(id=SPRING, profile="US-FED", running=True)
    assert await started(tmp_path, lawful) == "running"
    shorter = CampaignSettings(id=SPRING, profile="US-FED", ring_timeout_seconds=5)
    assert await started(tmp_path, shorter) == "paused"


async def started(folder: Path, campaign: CampaignSettings) -> CampaignState:
    """The campaign's state once a server with this setting has started."""
    settings = Settings(
        database=DatabaseSettings(url=f"sqlite:///{folder / 'dialer.sqlite3'}"),
        asterisk=AsteriskSettings(port=9, secret=SecretStr("dialer")),
        campaigns=[campaign],
    )
    stores = await open_stores(settings.database.url, random=Random(1))
    server = Dialer(settings, stores, WorkingHours(), Random(1))
    try:
        await server.start()
        return (await server.stores.campaigns.get(SPRING)).state
    finally:
        await server.stop()

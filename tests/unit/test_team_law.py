"""A team calls people of several countries: each by the law that holds for them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dialer.adapters.profile_files import ProfileFiles
from dialer.campaign_run import LOOK_AGAIN, UNSERVED
from dialer.commands import Command, DeferLead, PlaceCall
from dialer.events import CampaignLoaded, LeadsReserved
from dialer.ids import TrunkId
from dialer.leads import Lead, LeadState, Outcome
from dialer.profiles import NoAgentAction
from dialer.team import Team
from dialer.trunks import Trunk
from tests.support.playbook import SPRING, START, at, campaign, floor, lead, of, play, tick

BOOK = ProfileFiles()
BERLIN = {"phone": "+493012345678", "zone": "Europe/Berlin"}
LONDON = {"phone": "+442079460000", "zone": "Europe/London"}
PARIS = {"phone": "+33140000000", "zone": "Europe/Paris"}
NEW_YORK = {"phone": "+12125550100", "zone": "America/New_York"}


def under(profile: str, *trunks: Trunk, **changes: Any) -> CampaignLoaded:
    law = BOOK.law(profile)
    values = law.of_campaign(START).values
    return replace(campaign(profile=values, trunks=trunks, **changes), law=law)


def team_under(profile: str, *trunks: Trunk, **changes: Any) -> Team:
    team = floor("anna")
    play(team, under(profile, *trunks, **changes))
    return team


def offered(team: Team, *people: Lead, seconds: float = 1) -> list[Command]:
    """The leads come from the store, and the team has its turn."""
    event = LeadsReserved(campaign_id=SPRING, leads=people, next_due_at=None, at=at(seconds))
    return [*play(team, event), *play(team, tick(seconds + 0.25))]


def test_the_called_persons_law_says_what_the_dialplan_does() -> None:
    team = team_under("IT-GARANTE", ring_timeout=timedelta(seconds=10))
    (call,) = of(PlaceCall, offered(team, lead("schmidt", **BERLIN)))
    assert call.ring_timeout == timedelta(seconds=15)
    assert call.profile == "DE-UWG+IT-GARANTE@2026.11.0"
    assert call.answer_rule.action is NoAgentAction.MESSAGE
    assert call.answer_rule.limit == timedelta(seconds=1.95)


def test_at_home_the_campaigns_own_law_does() -> None:
    team = team_under("IT-GARANTE")
    (call,) = of(PlaceCall, offered(team, lead("rossi")))
    assert call.answer_rule.action is NoAgentAction.HANG_UP
    assert call.answer_rule.limit == timedelta(seconds=2.95)


def test_a_person_abroad_sleeps_until_both_laws_allow_the_call() -> None:
    team = team_under("IT-GARANTE")
    (deferred,) = of(DeferLead, offered(team, lead("smith", **NEW_YORK)))
    assert deferred.reason == "calling_hours"
    assert deferred.not_before == datetime(2026, 11, 24, 14, tzinfo=UTC)  # nine in New York


def test_a_call_that_would_ring_past_the_hours_is_not_placed() -> None:
    team = team_under("IT-GARANTE", ring_timeout=timedelta(seconds=25))
    eight = (datetime(2026, 11, 24, 19, tzinfo=UTC) - START).total_seconds()
    late = offered(team, lead("rossi"), seconds=eight - 24)
    (deferred,) = of(DeferLead, late)
    assert (deferred.reason, of(PlaceCall, late)) == ("calling_hours", [])


def test_after_a_machine_in_britain_an_agent_is_held_for_the_call() -> None:
    team = team_under("GB-OFCOM")
    heard = START - timedelta(hours=3)
    smith = lead(
        "smith",
        state=LeadState.RETRY,
        last_outcome=Outcome.MACHINE,
        last_attempt_at=heard,
        **LONDON,
    )
    (call,) = of(PlaceCall, offered(team, smith))
    assert call.agent_id == "anna"


def test_who_was_abandoned_in_britain_may_be_called_at_once_by_an_agent_who_is_held() -> None:
    team = team_under("GB-OFCOM")
    smith = lead("smith", last_abandoned_at=START - timedelta(hours=30), **LONDON)
    (call,) = of(PlaceCall, offered(team, smith))
    assert call.agent_id == "anna"


def test_a_trunk_that_shows_a_forbidden_number_is_not_taken() -> None:
    mobile = Trunk(trunk_id=TrunkId("mobile"), caller_ids=("+33612345678",))
    platform = Trunk(trunk_id=TrunkId("platform"), caller_ids=("+33162345678",), priority=9)
    team = team_under("FR-2026", mobile, platform)
    (call,) = of(PlaceCall, offered(team, lead("dupont", **PARIS)))
    assert (call.trunk, call.caller_id) == ("platform", "+33162345678")


def test_where_there_is_no_other_trunk_the_lead_waits_and_is_not_lost() -> None:
    mobile = Trunk(trunk_id=TrunkId("mobile"), caller_ids=("+33612345678",))
    team = team_under("FR-2026", mobile)
    (deferred,) = of(DeferLead, offered(team, lead("dupont", **PARIS)))
    assert (deferred.reason, deferred.not_before) == ("caller_id_prefix", at(1) + UNSERVED)


def test_a_national_number_does_not_leave_by_a_foreign_trunk() -> None:
    number = ("+390612345678",)
    abroad = Trunk(trunk_id=TrunkId("abroad"), country="DE", prefixes=("+39",), caller_ids=number)
    home = Trunk(trunk_id=TrunkId("home"), country="IT", caller_ids=number, priority=9)
    team = team_under("IT-GARANTE", abroad, home)
    (call,) = of(PlaceCall, offered(team, lead("rossi", phone="+390698765432")))
    assert call.trunk == "home"


def test_when_the_law_has_run_out_leads_wait_and_are_not_lost() -> None:
    team = team_under("FR-2023")
    (deferred,) = of(DeferLead, offered(team, lead("dupont", **PARIS)))
    assert (deferred.reason, deferred.not_before) == ("profile_expired", at(1) + LOOK_AGAIN)

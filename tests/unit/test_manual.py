"""An agent asks for a call to a lead: the agent is held, then that lead is called; or the lead goes back."""

import pytest

from dialer.agents import AgentPhase
from dialer.campaign import PacingMode
from dialer.commands import BridgeToAgent, Command, PlaceCall, ReleaseLeads, RequestLeads
from dialer.events import Event
from dialer.ids import AgentId, LeadId, TrunkId
from dialer.leads import Lead
from dialer.team import Team
from dialer.trunks import Trunk
from tests.support.playbook import (
    SPRING,
    answers,
    asks_break,
    at,
    campaign,
    dialled,
    drain,
    ends_break,
    floor,
    lead,
    leads,
    link_down,
    of,
    pause,
    phone_drops,
    play,
    play_all,
    store_fails,
    takes,
    tick,
    waits,
)

ROSSI = lead("rossi")


def manual(*agents: str) -> Team:
    return floor(*agents, mode=PacingMode.MANUAL)


def refusal(team: Team, who: str, whom: Lead, seconds: float) -> str | None:
    return team.refusal_for(AgentId(who), whom, at(seconds))


def test_nobody_is_called_by_itself_and_no_leads_are_asked_for() -> None:
    team = manual("anna", "bruno")
    said = play_all(team, tick(1), tick(2), tick(600))
    assert not [each for each in said if isinstance(each, RequestLeads | PlaceCall)]


def test_leads_that_were_asked_for_before_the_mode_changed_go_back() -> None:
    team = floor("anna")
    play(team, asks_break("anna", 0.5), leads(1, "rossi"))
    back = play(team, campaign(mode=PacingMode.MANUAL, seconds=2))
    assert back == [ReleaseLeads(lead_ids=(LeadId("rossi"),))]
    assert play(team, leads(3, "verdi")) == [ReleaseLeads(lead_ids=(LeadId("verdi"),))]


def test_the_agent_who_asks_is_held_and_gets_whoever_answers() -> None:
    team = manual("anna", "bruno")
    (order,) = of(PlaceCall, play(team, takes("bruno", ROSSI, 1)))
    assert (order.lead_id, order.agent_id) == ("rossi", "bruno")
    assert team.agents[AgentId("bruno")].phase is AgentPhase.RESERVED
    assert team.agents[AgentId("anna")].is_free
    (bridge,) = of(BridgeToAgent, play(team, answers("call-1", 3), waits("call-1", 3)))
    assert bridge.agent_id == "bruno"


@pytest.mark.parametrize("mode", PacingMode)
def test_it_works_beside_every_mode(mode: PacingMode) -> None:
    team = floor("anna", "bruno", mode=mode)
    (order,) = of(PlaceCall, play(team, takes("bruno", ROSSI, 1)))
    assert order.agent_id == "bruno"


def test_a_lead_that_lay_in_the_hopper_is_called_once() -> None:
    team = floor("anna")
    play(team, asks_break("anna", 0.5), leads(1, "rossi"))
    play(team, ends_break("anna", 2))
    assert dialled(play(team, takes("anna", ROSSI, 2.1), tick(3), tick(4))) == ["rossi"]
    assert not team.runs[SPRING].hopper


def test_a_lead_that_is_being_called_already_is_left_alone() -> None:
    team = floor("anna", "bruno")
    play(team, leads(1, "rossi"))
    assert play(team, takes("bruno", ROSSI, 1.1)) == []


@pytest.mark.parametrize(
    ("before", "word"),
    [
        (pause(1), "campaign_not_running"),
        (asks_break("anna", 1), "agent_not_free"),
        (phone_drops("anna", 1), "agent_not_free"),
        (link_down(1), "telephony_down"),
        (store_fails(1), "store_down"),
        (drain(1), "draining"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Event) else "",
)
def test_where_it_cannot_be_the_word_says_why_and_the_lead_goes_back(
    before: Event, word: str
) -> None:
    team = manual("anna")
    play(team, before)
    assert refusal(team, "anna", ROSSI, 2) == word
    expected: list[Command] = [ReleaseLeads(lead_ids=(LeadId("rossi"),))]
    assert play(team, takes("anna", ROSSI, 2)) == expected


@pytest.mark.parametrize(
    ("whom", "word"),
    [
        (lead("rossi", attempts=6), "attempts_used"),
        (lead("rossi", last_abandoned_at=at(-3600)), "abandon_block"),
        (lead("sato", zone="Asia/Tokyo"), "calling_hours"),
        (lead("rossi", campaign_id="autumn"), "campaign_of_another_team"),
    ],
)
def test_the_law_and_the_campaign_are_asked(whom: Lead, word: str) -> None:
    team = manual("anna")
    assert refusal(team, "anna", whom, 3600) == word
    assert dialled(play(team, takes("anna", whom, 3600))) == []


def test_who_was_abandoned_long_ago_may_be_called_since_an_agent_is_held() -> None:
    team = manual("anna")
    old = lead("rossi", last_abandoned_at=at(-30 * 86400))
    assert refusal(team, "anna", old, 1) is None
    assert dialled(play(team, takes("anna", old, 1))) == ["rossi"]


def test_who_talks_asks_for_nothing() -> None:
    team = manual("anna")
    play(team, takes("anna", ROSSI, 1))
    assert refusal(team, "anna", lead("verdi"), 2) == "agent_not_free"
    assert dialled(play(team, takes("anna", lead("verdi"), 2))) == []


def test_a_number_that_no_trunk_serves() -> None:
    swiss = Trunk(trunk_id=TrunkId("swiss"), dial="PJSIP/{number}@swiss", prefixes=("+41",))
    team = manual("anna")
    play(team, campaign(mode=PacingMode.MANUAL, trunks=(swiss,)))
    assert refusal(team, "anna", ROSSI, 1) == "no_trunk_serves"

"""Mode preview: a free agent is shown a lead, and takes or skips it; only then it is called, for that agent."""

from datetime import timedelta

import pytest

from dialer.agents import MOST_SKIPS, AgentPhase
from dialer.campaign import PacingMode, PreviewEnd
from dialer.commands import CancelTimer, DeferLead, PlaceCall, ReleaseLeads, StartTimer
from dialer.errors import IllegalTransitionError
from dialer.events import Event
from dialer.ids import AgentId, LeadId
from dialer.team import Team
from dialer.why import explain
from tests.support.playbook import (
    SPRING,
    accepts,
    agent,
    asks_break,
    at,
    campaign,
    dialled,
    drain,
    ends,
    floor,
    forget,
    is_adopted,
    lead,
    leads,
    logs_in,
    of,
    pause,
    phone_drops,
    play,
    skips,
    store_fails,
    takes,
    tick,
    timer,
)


def previewing(*agents: str, **changes: object) -> Team:
    return floor(*agents, mode=PacingMode.PREVIEW, **changes)


def shown(team: Team) -> dict[str, str]:
    """Who is shown which lead."""
    return {one.agent_id: one.lead_id for one in team.agents.values() if one.lead_id}


def test_each_free_agent_is_shown_a_lead_and_nobody_is_called() -> None:
    team = previewing("anna", "bruno")
    assert play(team, leads(1, "rossi", "verdi", "bianchi")) == [
        StartTimer(key="preview:anna", due_at=at(31)),
        StartTimer(key="preview:bruno", due_at=at(31)),
    ]
    assert shown(team) == {"anna": "rossi", "bruno": "verdi"}
    assert agent(team, "anna").phase is AgentPhase.PREVIEWING
    assert agent(team, "anna").offer_until == at(31)
    assert play(team, tick(2), tick(3)) == []


def test_who_takes_the_lead_is_held_and_it_is_called() -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi"))
    said = play(team, accepts("anna", 5))
    (order,) = of(PlaceCall, said)
    assert (order.lead_id, order.agent_id) == ("rossi", "anna")
    assert CancelTimer(key="preview:anna") in said
    assert agent(team, "anna").phase is AgentPhase.RESERVED
    assert shown(team) == {}


def test_after_the_call_the_next_lead_is_shown() -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi", "verdi"), accepts("anna", 5), ends("call-1", 9, cause=17))
    assert shown(team) == {"anna": "verdi"}


def test_a_lead_that_is_skipped_is_put_off_and_the_next_one_is_shown() -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi", "verdi"))
    (defer,) = of(DeferLead, play(team, skips("anna", 5)))
    assert (defer.lead_id, defer.reason) == ("rossi", "skipped")
    assert defer.not_before == at(5) + timedelta(minutes=15)
    play(team, tick(5.25))
    assert shown(team) == {"anna": "verdi"}


def test_nobody_skips_for_ever() -> None:
    team = previewing("anna")
    play(team, leads(0, *(f"lead-{n}" for n in range(MOST_SKIPS + 3))))
    for second in range(1, MOST_SKIPS + 1):
        play(team, skips("anna", second), tick(second + 0.25))
    with pytest.raises(IllegalTransitionError):
        team.handle(skips("anna", 9))
    assert shown(team) == {"anna": f"lead-{MOST_SKIPS}"}
    play(team, accepts("anna", 10), ends("call-1", 12, cause=17))
    assert shown(team) == {"anna": f"lead-{MOST_SKIPS + 1}"}
    play(team, skips("anna", 13))


def test_when_the_time_is_over_the_lead_is_called() -> None:
    team = previewing("anna", preview=timedelta(seconds=10))
    play(team, leads(1, "rossi"))
    assert dialled(play(team, timer("preview:anna", 10.9))) == []
    assert dialled(play(team, timer("preview:anna", 11))) == ["rossi"]


def test_when_the_time_is_over_the_lead_is_skipped_where_the_campaign_says_so() -> None:
    """As often as it takes: nobody is called for an agent who is not there."""
    team = previewing("anna", preview_end=PreviewEnd.SKIP)
    play(team, leads(0, *(f"lead-{n}" for n in range(6))))
    for turn in range(1, 6):
        said = play(team, timer("preview:anna", 40 * turn), tick(40 * turn))
        assert of(DeferLead, said)
        assert dialled(said) == []
    assert shown(team) == {"anna": "lead-5"}


@pytest.mark.parametrize(
    "event",
    [asks_break("anna", 2), phone_drops("anna", 2)],
    ids=lambda event: type(event).__name__,
)
def test_who_leaves_is_shown_nothing_and_the_next_agent_gets_the_lead(event: Event) -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi"), event)
    assert shown(team) == {}
    team.add_agent(AgentId("bruno"), "Bruno")
    play(team, logs_in("bruno", 3))
    assert shown(team) == {"bruno": "rossi"}


@pytest.mark.parametrize("event", [pause(2), drain(2)], ids=lambda event: type(event).__name__)
def test_where_nobody_is_called_any_more_the_leads_go_back(event: Event) -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi", "verdi"))
    assert ReleaseLeads(lead_ids=(LeadId("rossi"), LeadId("verdi"))) in play(team, event)
    assert shown(team) == {}
    assert agent(team, "anna").is_free


def test_another_mode_shows_no_leads() -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi"))
    assert dialled(play(team, campaign(mode=PacingMode.ASSURED, seconds=2), tick(3))) == ["rossi"]


def test_a_lead_that_is_forgotten_is_shown_no_more() -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi", "verdi"), forget(2, "rossi"), tick(2.25))
    assert shown(team) == {"anna": "verdi"}


def test_what_cannot_be_written_is_not_called_and_shown_again() -> None:
    team = previewing("anna")
    play(team, leads(1, "rossi"), store_fails(2))
    assert dialled(play(team, accepts("anna", 3))) == []
    assert [entry.lead.lead_id for entry in team.runs[SPRING].hopper] == [LeadId("rossi")]


def test_a_lead_that_another_agent_asks_for_is_taken_from_who_looks_at_it() -> None:
    team = previewing("anna", "bruno")
    play(team, leads(1, "rossi"))
    (order,) = of(PlaceCall, play(team, takes("bruno", lead("rossi"), 4), tick(5)))
    assert (order.lead_id, order.agent_id) == ("rossi", "bruno")
    assert shown(team) == {}
    assert agent(team, "anna").is_free


def test_who_turns_out_to_be_talking_looks_at_no_lead() -> None:
    """The talk is of an earlier life of the server; the exchange tells of it late."""
    team = previewing("anna", "bruno")
    play(team, leads(1, "rossi", "verdi"), phone_drops("bruno", 2))
    assert shown(team) == {"anna": "rossi"}
    said = play(team, is_adopted("old-1", 3, answered=-30, talking_since=-29, agent="anna"))
    assert CancelTimer(key="preview:anna") in said
    assert agent(team, "anna").phase is AgentPhase.TALKING
    assert shown(team) == {}
    play(team, logs_in("bruno", 4))
    assert shown(team) == {"bruno": "rossi"}


def test_nothing_is_shown_nothing_is_taken() -> None:
    team = previewing("anna")
    for event in (accepts("anna", 1), skips("anna", 1)):
        with pytest.raises(IllegalTransitionError):
            team.handle(event)


def test_why_says_that_agents_look_at_leads() -> None:
    team = previewing("anna", "bruno")
    play(team, leads(1, "rossi", "verdi"), accepts("bruno", 2))
    items = [(item.code, item.count) for item in explain(team, team.runs[SPRING], at(3))]
    assert items[:2] == [("agents_held", 1), ("agents_previewing", 1)]

"""An agent is held, then one call is placed: who answers has that agent, and nobody else has."""

from datetime import timedelta

import pytest

from dialer import agents as agent_rules
from dialer.agents import AgentPhase, AgentStatus
from dialer.calls import CallState
from dialer.campaign import PacingMode
from dialer.commands import BridgeToAgent, CheckCalls, CloseAttempt, DeferLead, PlaceCall
from dialer.errors import IllegalTransitionError
from dialer.events import CallMatched, Event, LeadsReserved, Screening, WindowCount
from dialer.ids import AgentId, CallId, CampaignId, LeadId
from dialer.leads import Outcome
from dialer.team import Team
from tests.support.playbook import (
    SPRING,
    agent,
    answers,
    asks_break,
    at,
    bridge_fails,
    bridged,
    campaign,
    dialled,
    ends,
    ends_break,
    floor,
    is_abandoned,
    is_lost,
    is_not_placed,
    is_refused,
    lead,
    leads,
    leg_returns,
    link_down,
    link_up,
    logs_in,
    of,
    pause,
    phone_drops,
    play,
    rings,
    screened,
    talk_ends,
    tick,
    timer,
    waits,
)

LONG_AGO = at(-30 * 86400)
CALM = (WindowCount(answered=1000),) * 2


def held(team: Team) -> dict[str, str | None]:
    """Who is held, for which call."""
    reserved = (a for a in team.agents.values() if a.phase is AgentPhase.RESERVED)
    return {one.agent_id: one.call_id for one in reserved}


def assured_floor(*agents: str, **changes: object) -> Team:
    return floor(*agents, mode=PacingMode.ASSURED, **changes)


def locked(seconds: float, *names: str) -> LeadsReserved:
    """Leads that were abandoned long ago."""
    found = tuple(lead(name, last_abandoned_at=LONG_AGO) for name in names)
    return LeadsReserved(campaign_id=SPRING, leads=found, next_due_at=None, at=at(seconds))


def joined(commands: list[object]) -> list[tuple[str, str]]:
    return [(c.call_id, c.agent_id) for c in commands if isinstance(c, BridgeToAgent)]


# --- mode assured -----------------------------------------------------------------------------------------------------


def test_each_free_agent_is_held_for_one_call() -> None:
    team = assured_floor("anna", "bruno")
    placed = play(team, leads(1, "rossi", "verdi", "bianchi"))
    assert [(o.lead_id, o.agent_id) for o in of(PlaceCall, placed)] == [
        ("rossi", "anna"),
        ("verdi", "bruno"),
    ]
    assert held(team) == {"anna": "call-1", "bruno": "call-2"}
    assert dialled(play(team, tick(2), tick(3))) == []


def test_who_answers_gets_exactly_the_agent_who_is_held() -> None:
    """Though another one has been idle for longer."""
    team = assured_floor("anna", "bruno")
    play(team, leads(1, "rossi", "verdi"), rings("call-1", 2))
    play(team, ends("call-1", 4, cause=17))  # anna is free now, and held for nobody
    play(team, answers("call-2", 5))
    assert joined(play(team, waits("call-2", 5.1))) == [("call-2", "bruno")]
    play(team, bridged("call-2", "bruno", 5.2))
    assert agent(team, "bruno").phase is AgentPhase.TALKING


@pytest.mark.parametrize(
    "end",
    [
        ends("call-1", 4, cause=17),
        is_refused("call-1", 4),
        is_not_placed("call-1", 4),
        is_lost("call-1", 4),
        is_abandoned("call-1", 4),
    ],
    ids=lambda event: type(event).__name__,
)
def test_the_agent_is_free_when_the_call_is_over(end: Event) -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi"))
    play(team, end)
    assert agent(team, "anna").is_free
    assert held(team) == {}


def test_the_agent_is_called_for_again_at_once() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi", "verdi"))
    assert dialled(play(team, ends("call-1", 4, cause=17))) == ["verdi"]
    assert held(team) == {"anna": "call-2"}


def test_a_machine_costs_the_agent_nothing() -> None:
    team = assured_floor("anna", screen=True)
    play(team, leads(1, "rossi"), answers("call-1", 3))
    assert held(team) == {"anna": "call-1"}
    play(team, screened("call-1", Screening.MACHINE, 5), ends("call-1", 5.1))
    assert agent(team, "anna").is_free


def test_a_break_asked_for_while_held_begins_after_the_call() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi", "verdi"), asks_break("anna", 2), answers("call-1", 3))
    assert agent(team, "anna").status is AgentStatus.ON_BREAK
    assert joined(play(team, waits("call-1", 3.1))) == [("call-1", "anna")]
    play(team, bridged("call-1", "anna", 3.2), talk_ends("call-1", 60), ends("call-1", 60.1))
    play(team, leg_returns("anna", 60.2))
    assert dialled(play(team, timer("wrap:anna", 75))) == []
    assert dialled(play(team, ends_break("anna", 80), tick(81))) == ["verdi"]


def test_a_break_asked_for_while_held_begins_when_nobody_answers() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi", "verdi"), asks_break("anna", 2))
    assert dialled(play(team, ends("call-1", 30, cause=19))) == []
    assert agent(team, "anna").phase is AgentPhase.IDLE
    assert not agent(team, "anna").is_free


def test_another_call_of_the_team_never_gets_a_held_agent() -> None:
    """An ordinary campaign of the team has somebody waiting; the only agent is held."""
    team = assured_floor("anna", "bruno")
    autumn = CampaignId("autumn")
    play(team, campaign(campaign_id=autumn, name="Autumn", mode=PacingMode.PROGRESSIVE))
    play(team, phone_drops("bruno", 0.5), leads(1, "rossi"))
    play(team, logs_in("bruno", 2))
    other = LeadsReserved(
        campaign_id=autumn,
        leads=(lead("neri", campaign_id=autumn),),
        next_due_at=None,
        at=at(3),
    )
    play(team, other, phone_drops("bruno", 4), answers("call-2", 5))
    assert held(team) == {"anna": "call-1"}
    assert joined(play(team, waits("call-2", 5.1), tick(6))) == []


# --- what can go wrong ------------------------------------------------------------------------------------------------


def test_the_phone_is_dropped_and_the_next_free_agent_is_held_instead() -> None:
    team = assured_floor("anna", "bruno")
    play(team, leads(1, "rossi", "verdi"), ends("call-2", 3, cause=17), phone_drops("anna", 4))
    assert held(team) == {}
    play(team, tick(4.25))
    assert held(team) == {"bruno": "call-1"}
    play(team, answers("call-1", 5))
    assert joined(play(team, waits("call-1", 5.1))) == [("call-1", "bruno")]


def test_the_phone_is_dropped_and_nobody_is_there() -> None:
    """The call rings on; whoever is free when it is answered takes it."""
    team = assured_floor("anna")
    play(team, leads(1, "rossi"), phone_drops("anna", 2), answers("call-1", 3))
    assert joined(play(team, waits("call-1", 3))) == []
    assert joined(play(team, logs_in("anna", 4, leg=2))) == [("call-1", "anna")]


def test_a_call_that_lost_its_agent_counts_as_one_in_flight() -> None:
    """Nobody else is dialled for the agent whom it will need."""
    team = assured_floor("anna", "bruno")
    play(team, leads(1, "rossi"), phone_drops("anna", 2), phone_drops("bruno", 2))
    team_after = play(team, leads(3, "verdi"), logs_in("bruno", 4, leg=2))
    assert dialled(team_after) == []
    assert held(team) == {"bruno": "call-1"}


def test_a_new_leg_ends_the_hold_and_the_agent_is_held_anew() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi"), logs_in("anna", 2, leg=2))
    assert held(team) == {"anna": "call-1"}
    assert agent(team, "anna").leg_id == "anna.2"


def test_a_bridge_that_failed_gives_the_person_to_another_agent() -> None:
    team = assured_floor("anna", "bruno")
    play(team, leads(1, "rossi"), answers("call-1", 3), waits("call-1", 3.1))
    failed = play(team, bridge_fails("call-1", "anna", 3.2))
    assert joined(failed) == [("call-1", "bruno")]
    assert CheckCalls(call_ids=(CallId("call-1"),)) in failed


def test_a_call_that_never_tells_its_end_does_not_keep_the_agent() -> None:
    """Ring time-out and guard: looked up, and the agent is free whatever comes of it."""
    team = assured_floor("anna")
    play(team, leads(1, "rossi", "verdi"), rings("call-1", 3))
    looked = play(team, timer("guard:call-1", 41))
    assert CheckCalls(call_ids=(CallId("call-1"),)) in looked
    assert held(team) == {}
    assert team.calls[CallId("call-1")].agent_id is None
    assert dialled(play(team, tick(41.25))) == []  # it may be answered yet, for all we know
    assert dialled(play(team, is_lost("call-1", 42), tick(43))) == ["verdi"]


def test_the_server_is_away_while_it_rings() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi", "verdi"), link_down(2), answers("call-1", 3))
    assert joined(play(team, waits("call-1", 3))) == []
    assert joined(play(team, link_up(4))) == [("call-1", "anna")]


def test_a_paused_campaign_leaves_its_calls_their_agents() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi"), pause(2), answers("call-1", 3))
    assert joined(play(team, waits("call-1", 3))) == [("call-1", "anna")]


def test_a_held_agent_is_matched_with_no_other_call() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi"))
    other = CallMatched(call_id=CallId("call-9"), agent_id=AgentId("anna"), at=at(2))
    with pytest.raises(IllegalTransitionError):
        agent_rules.apply(agent(team, "anna"), other)


def test_what_was_held_is_kept_with_the_attempt() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi"))
    (close,) = of(CloseAttempt, play(team, rings("call-1", 3), ends("call-1", 30, cause=19)))
    assert (close.outcome, close.agent_id) == (Outcome.NO_ANSWER, "anna")


# --- leads that need it, in the other modes ---------------------------------------------------------------------------

OTHERS = [PacingMode.PROGRESSIVE, PacingMode.RATIO, PacingMode.PREDICTIVE]


@pytest.mark.parametrize("mode", OTHERS)
def test_after_an_abandoned_call_the_lead_is_dialled_with_an_agent_held(mode: PacingMode) -> None:
    team = floor("anna", "bruno", mode=mode, counts=CALM)
    placed = of(PlaceCall, play(team, locked(1, "rossi"), tick(2)))
    assert [(order.lead_id, order.agent_id) for order in placed] == [("rossi", "anna")]
    play(team, answers("call-1", 3))
    assert joined(play(team, waits("call-1", 3.1))) == [("call-1", "anna")]


def test_while_nobody_is_free_such_a_lead_waits_and_is_not_put_off() -> None:
    team = floor("anna", mode=PacingMode.PREDICTIVE, counts=CALM)
    play(team, asks_break("anna", 0.5))
    assert play(team, locked(1, "rossi"), tick(2)) == []
    assert dialled(play(team, ends_break("anna", 60), tick(61))) == ["rossi"]


def test_in_its_block_it_is_left_alone() -> None:
    team = floor("anna")
    fresh = lead("rossi", last_abandoned_at=at(-3600))
    (defer,) = play(
        team, LeadsReserved(campaign_id=SPRING, leads=(fresh,), next_due_at=None, at=at(1))
    )
    assert isinstance(defer, DeferLead)
    assert (defer.reason, defer.not_before) == ("abandon_block", at(-3600 + 5 * 86400))


def test_such_leads_take_a_quarter_of_the_agents_and_the_others_the_rest() -> None:
    names = [f"agent-{n}" for n in range(8)]
    team = floor(*names, mode=PacingMode.PROGRESSIVE)
    few = locked(1, *(f"locked-{n}" for n in range(10)))
    both = LeadsReserved(
        campaign_id=SPRING,
        leads=(*few.leads, *(lead(f"fresh-{n}") for n in range(10))),
        next_due_at=None,
        at=at(1),
    )
    placed = of(PlaceCall, play(team, both, tick(2), tick(3)))
    assert sum(order.agent_id is not None for order in placed) == 2
    assert sum(order.agent_id is None for order in placed) == 6
    after = of(PlaceCall, play(team, ends("call-1", 4, cause=17)))
    assert [(order.lead_id, order.agent_id is None) for order in after] == [("locked-2", False)]


def test_such_leads_do_not_wait_for_ever_where_more_lines_than_agents_ring() -> None:
    team = floor("anna", "bruno", mode=PacingMode.RATIO, dial_ratio=3.0, counts=CALM)
    play(team, leads(1, *(f"fresh-{n}" for n in range(20))))
    assert len(team.calls) == 6
    placed = of(PlaceCall, play(team, locked(2, "rossi")))
    assert [(order.lead_id, order.agent_id) for order in placed] == [("rossi", "anna")]


def test_of_very_many_such_leads_most_are_put_off_for_ten_minutes() -> None:
    team = floor("anna")
    play(team, asks_break("anna", 0.5))
    said = play(team, locked(1, *(f"locked-{n}" for n in range(50))))
    put_off = of(DeferLead, said)
    assert len(put_off) == 30
    assert {(defer.reason, defer.not_before) for defer in put_off} == {
        ("guaranteed_agent", at(1) + timedelta(minutes=10))
    }


def test_another_mode_sorts_the_leads_anew() -> None:
    team = floor("anna", "bruno", mode=PacingMode.ASSURED)
    play(team, asks_break("anna", 0.5), asks_break("bruno", 0.5), locked(1, "rossi"))
    run = team.runs[SPRING]
    assert [entry.lead.lead_id for entry in run.hopper] == [LeadId("rossi")]
    play(team, campaign(mode=PacingMode.PREDICTIVE, seconds=2))
    assert not run.hopper
    assert [entry.lead.lead_id for entry in run.guaranteed] == [LeadId("rossi")]


def test_beside_another_campaign_the_assured_one_gets_its_even_part() -> None:
    """The other one has more lines ringing than there are agents: waiting for none in flight would be waiting for ever."""
    team = floor(
        "anna", "bruno", "carla", "dora", mode=PacingMode.RATIO, dial_ratio=3.0, counts=CALM
    )
    autumn = CampaignId("autumn")
    play(team, leads(1, *(f"fresh-{n}" for n in range(20))))
    play(team, campaign(campaign_id=autumn, name="Autumn", mode=PacingMode.ASSURED, seconds=2))
    names = [lead(f"autumn-{n}", campaign_id=autumn) for n in range(9)]
    reserved = LeadsReserved(campaign_id=autumn, leads=tuple(names), next_due_at=None, at=at(3))
    placed = of(PlaceCall, play(team, reserved, tick(4), tick(5)))
    assert [order.agent_id for order in placed if order.campaign_id == autumn] == ["anna", "bruno"]


def test_the_call_is_connecting_while_the_bridge_is_made() -> None:
    team = assured_floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 3), waits("call-1", 3.1))
    assert team.calls[CallId("call-1")].state is CallState.CONNECTING

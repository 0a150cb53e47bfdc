"""Every cell of the tables of calls and agents, against tables written here by hand.

In a grid a word is the next state, `late` an event that is ignored by name, `-` one that is illegal: it raises and changes
nothing.
"""

from dataclasses import replace
from itertools import product

import pytest

from dialer import agents, calls, leads
from dialer.agents import Agent, AgentPhase, AgentStatus
from dialer.calls import Call, CallState
from dialer.errors import IllegalTransitionError
from dialer.events import (
    AgentEvent,
    AgentReleased,
    AgentReserved,
    CallEvent,
    CallMatched,
    Event,
    LeadOffered,
    Screening,
)
from dialer.ids import ONLY_NODE, AgentId, CallId, LeadId
from dialer.leads import LeadState
from tests.support.playbook import (
    accepts,
    answers,
    asks_break,
    at,
    bridge_fails,
    bridged,
    ends,
    ends_break,
    ends_wrap_up,
    is_abandoned,
    is_lost,
    is_not_placed,
    is_refused,
    leg_returns,
    logs_in,
    order,
    phone_drops,
    rings,
    screened,
    skips,
    talk_ends,
    waits,
)

CALL_GRID = """
           rings    answers  screened waits   matched    bridged  failed  talked abandoned ends  refused lost
dialing    ringing  answered answered waiting -          -        -       -      abandoned ended ended   ended
ringing    late     answered answered waiting -          -        -       -      abandoned ended ended   ended
answered   late     late     answered waiting -          -        -       -      abandoned ended late    ended
waiting    late     late     -        late    connecting -        late    -      abandoned ended late    ended
connecting -        late     -        late    -          talking  waiting talked abandoned ended late    ended
talking    -        late     -        -       -          late     late    talked abandoned ended late    ended
talked     -        late     -        -       -          late     late    late   abandoned ended late    ended
abandoned  -        -        -        -       -          late     late    late   late      ended late    ended
ended      late     late     late     late    -          late     late    late   late      late  late    late
"""

PHASE_GRID = """
         matched  bridged failed  talked  abandoned ends    lost    returned wrapped logged_in logged_out
idle     reserved talking late    late    -         late    late    idle     late    idle      idle
reserved reserved talking idle    wrap_up idle      idle    idle    late     late    idle      idle
talking  -        late    -       wrap_up wrap_up   wrap_up wrap_up wrap_up  late    wrap_up   idle
wrap_up  -        talking -       late    late      late    late    wrap_up  idle    wrap_up   idle
"""

HOLD_GRID = """
           held     unplaced refused released offered    taken skipped
idle       reserved -        -       -        previewing -     -
previewing -        -        -       idle     -          idle  idle
reserved   -        idle     idle    idle     -          -     -
talking    -        -        -       -        -          -     -
wrap_up    -        -        -       -        -          -     -
"""

PREVIEW_GRID = """
           matched bridged failed talked abandoned ends lost returned wrapped logged_in logged_out
previewing -       talking -      -      -         -    -    late     late    idle      idle
"""

STATUS_GRID = """
           logged_in logged_out break_asked break_ended
logged_out available -          -           -
available  available logged_out on_break    available
on_break   on_break  logged_out on_break    available
"""

MATCHED = CallMatched(call_id=CallId("call-1"), agent_id=AgentId("anna"), at=at(9))

CALL_EVENTS: dict[str, CallEvent] = {
    "rings": rings("call-1", 9),
    "answers": answers("call-1", 9),
    "screened": screened("call-1", Screening.HUMAN, 9),
    "waits": waits("call-1", 9),
    "matched": MATCHED,
    "bridged": bridged("call-1", "anna", 9),
    "failed": bridge_fails("call-1", "anna", 9),
    "talked": talk_ends("call-1", 9),
    "abandoned": is_abandoned("call-1", 9),
    "ends": ends("call-1", 9),
    "refused": is_refused("call-1", 9),
    "lost": is_lost("call-1", 9),
}

AGENT_EVENTS: dict[str, Event] = {
    **CALL_EVENTS,
    "held": AgentReserved(agent_id=AgentId("anna"), call_id=CallId("call-1"), at=at(9)),
    "released": AgentReleased(agent_id=AgentId("anna"), at=at(9)),
    "offered": LeadOffered(
        agent_id=AgentId("anna"), lead_id=LeadId("rossi"), until=at(39), at=at(9)
    ),
    "taken": accepts("anna", 9),
    "skipped": skips("anna", 9),
    "unplaced": is_not_placed("call-1", 9),
    "returned": leg_returns("anna", 9),
    "wrapped": ends_wrap_up("anna", 9),
    "logged_in": logs_in("anna", 9),
    "logged_out": phone_drops("anna", 9),
    "break_asked": asks_break("anna", 9),
    "break_ended": ends_break("anna", 9),
}


def cells(grid: str) -> list[tuple[str, str, str]]:
    """(state, event, what follows), one per cell."""
    head, *rows = [line.split() for line in grid.strip().splitlines()]
    return [
        (row[0], event, cell) for row in rows for event, cell in zip(head, row[1:], strict=True)
    ]


PHASE_CELLS = [*cells(PHASE_GRID), *cells(HOLD_GRID), *cells(PREVIEW_GRID)]


@pytest.mark.parametrize(("state", "event", "follows"), cells(CALL_GRID))
def test_a_call_follows_its_table(state: str, event: str, follows: str) -> None:
    call = Call(order=order(), state=CallState(state))
    before = replace(call)
    if follows == "-":
        with pytest.raises(IllegalTransitionError) as error:
            calls.apply(call, CALL_EVENTS[event])
        assert (error.value.thing, error.value.state) == ("call", state)
    elif follows == "late":
        assert calls.apply(call, CALL_EVENTS[event]) is call
    else:
        assert calls.apply(call, CALL_EVENTS[event]).state == follows
    assert call == before


@pytest.mark.parametrize(("phase", "event", "follows"), PHASE_CELLS)
def test_an_agents_phase_follows_its_table(phase: str, event: str, follows: str) -> None:
    agent = Agent(
        agent_id=AgentId("anna"),
        status=AgentStatus.AVAILABLE,
        phase=AgentPhase(phase),
        call_id=CallId("call-1"),
        leg="PJSIP/anna",
        leg_id="anna.1",
        node=ONLY_NODE,
    )
    before = replace(agent)
    if follows == "-":
        with pytest.raises(IllegalTransitionError) as error:
            agents.apply(agent, AGENT_EVENTS[event])
        assert (error.value.thing, error.value.state) == ("agent", phase)
    elif follows == "late":
        assert agents.apply(agent, AGENT_EVENTS[event]) is agent
    else:
        assert agents.apply(agent, AGENT_EVENTS[event]).phase == follows
    assert agent == before


@pytest.mark.parametrize(("status", "event", "follows"), cells(STATUS_GRID))
@pytest.mark.parametrize("phase", AgentPhase)
def test_an_agents_status_follows_its_table_in_every_phase(
    status: str, event: str, follows: str, phase: AgentPhase
) -> None:
    agent = Agent(
        agent_id=AgentId("anna"),
        status=AgentStatus(status),
        phase=phase,
        leg_id="anna.1",
        node=ONLY_NODE,
    )
    if follows == "-":
        with pytest.raises(IllegalTransitionError):
            agents.apply(agent, AGENT_EVENTS[event])
    else:
        assert agents.apply(agent, AGENT_EVENTS[event]).status == follows


def test_the_grids_hold_every_state_and_every_event() -> None:
    assert {state for state, _, _ in cells(CALL_GRID)} == set(CallState)
    assert {phase for phase, _, _ in PHASE_CELLS} == set(AgentPhase)
    assert {status for status, _, _ in cells(STATUS_GRID)} == set(AgentStatus)
    of_calls = {type(CALL_EVENTS[event]) for _, event, _ in cells(CALL_GRID)}
    assert of_calls == {event for row in calls.TRANSITIONS.values() for event in row}
    of_agents = {type(AGENT_EVENTS[event]) for _, event, _ in PHASE_CELLS}
    assert of_agents == {event for row in agents.PHASE_TRANSITIONS.values() for event in row}
    of_persons = {type(AGENT_EVENTS[event]) for _, event, _ in cells(STATUS_GRID)}
    assert of_persons == {event for row in agents.STATUS_TRANSITIONS.values() for event in row}


def test_a_break_leaves_the_phase_as_it_is() -> None:
    agent = Agent(agent_id=AgentId("anna"), status=AgentStatus.AVAILABLE, phase=AgentPhase.TALKING)
    on_break = agents.apply(agent, asks_break("anna", 9))
    assert (on_break.status, on_break.phase, on_break.pause_code) == (
        AgentStatus.ON_BREAK,
        AgentPhase.TALKING,
        "coffee",
    )


def test_the_hang_up_of_an_old_leg_is_not_the_agents() -> None:
    agent = Agent(
        agent_id=AgentId("anna"), status=AgentStatus.AVAILABLE, leg_id="anna.2", node=ONLY_NODE
    )
    assert agents.apply(agent, phone_drops("anna", 9, leg=1)) is agent


def test_an_agent_who_talks_cannot_be_bridged_to_another_call() -> None:
    agent = Agent(
        agent_id=AgentId("anna"),
        status=AgentStatus.AVAILABLE,
        phase=AgentPhase.TALKING,
        call_id=CallId("call-1"),
    )
    with pytest.raises(IllegalTransitionError):
        agents.apply(agent, bridged("call-2", "anna", 9))


@pytest.mark.parametrize(
    ("status", "phase", "leg_waiting"),
    [
        (status, phase, waiting)
        for status, phase, waiting in product(AgentStatus, AgentPhase, (True, False))
        if (status, phase, waiting) != (AgentStatus.AVAILABLE, AgentPhase.IDLE, True)
    ],
)
def test_only_an_available_idle_agent_whose_leg_waits_is_free(
    status: AgentStatus, phase: AgentPhase, leg_waiting: bool
) -> None:
    agent = Agent(agent_id=AgentId("anna"), status=status, phase=phase, leg_waiting=leg_waiting)
    assert not agent.is_free


def test_a_failure_to_bridge_an_earlier_agent_is_late() -> None:
    call = Call(order=order(), state=CallState.CONNECTING, agent_id=AgentId("bruno"))
    assert calls.apply(call, bridge_fails("call-1", "anna", 9)) is call


LEAD_GRID = """
         new      reserved dialing  retry    done     excluded
new      -        yes      -        -        -        yes
reserved yes      -        yes      yes      yes      yes
dialing  -        -        -        yes      yes      yes
retry    -        yes      -        -        yes      yes
done     -        -        -        yes      -        yes
excluded -        -        -        -        -        -
"""


@pytest.mark.parametrize(("state", "following", "legal"), cells(LEAD_GRID))
def test_a_lead_follows_its_table(state: str, following: str, legal: str) -> None:
    assert (LeadState(following) in leads.TRANSITIONS[LeadState(state)]) == (legal == "yes")


def test_events_are_frozen() -> None:
    event: AgentEvent = logs_in("anna", 9)
    with pytest.raises(AttributeError):
        event.agent_id = AgentId("bruno")  # type: ignore[misc]

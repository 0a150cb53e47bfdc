"""One agent: two axes, each with its own table.

`status` is what the person chose (logged out, available, on break). `phase` is what the system is doing (idle, reserved,
talking, wrap-up). "On break after this call" is status ON_BREAK in phase TALKING: one enum for both could not say it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.errors import IllegalTransitionError
from dialer.events import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentReleased,
    AgentReserved,
    AgentReturned,
    BreakEnded,
    BreakRequested,
    BridgeFailed,
    CallAbandoned,
    CallAdopted,
    CallBridged,
    CallEnded,
    CallLost,
    CallMatched,
    CallNotPlaced,
    CallRefused,
    Event,
    LeadOffered,
    OfferAccepted,
    OfferSkipped,
    ShiftEndSet,
    TalkEnded,
    WrapUpEnded,
)
from dialer.ids import AgentId, CallId, LeadId, NodeId


class AgentStatus(StrEnum):
    LOGGED_OUT = "logged_out"
    AVAILABLE = "available"
    ON_BREAK = "on_break"


class AgentPhase(StrEnum):
    IDLE = "idle"
    PREVIEWING = "previewing"  # is shown a lead, which is not called yet
    RESERVED = "reserved"  # held for a call that rings, or a Bridge is under way
    TALKING = "talking"
    WRAP_UP = "wrap_up"


STOPS_WITHIN = timedelta(seconds=30)
"""A call that is placed now may be answered so much later: for an agent who will have gone by then none is placed."""

MOST_SKIPS = 3
"""So many leads an agent may skip in a row; the next one is taken, or the agent goes on break."""

A, P = AgentStatus, AgentPhase

STATUS_TRANSITIONS: dict[AgentStatus, dict[type[Event], AgentStatus]] = {
    A.LOGGED_OUT: {AgentLoggedIn: A.AVAILABLE},
    A.AVAILABLE: {
        AgentLoggedIn: A.AVAILABLE,
        AgentLoggedOut: A.LOGGED_OUT,
        BreakRequested: A.ON_BREAK,
        BreakEnded: A.AVAILABLE,
    },
    A.ON_BREAK: {
        AgentLoggedIn: A.ON_BREAK,
        AgentLoggedOut: A.LOGGED_OUT,
        BreakRequested: A.ON_BREAK,
        BreakEnded: A.AVAILABLE,
    },
}
"""AgentLoggedIn while logged in is the same person on a new leg (the phone dropped and dialled again)."""

PHASE_TRANSITIONS: dict[AgentPhase, dict[type[Event], AgentPhase]] = {
    P.IDLE: {
        LeadOffered: P.PREVIEWING,
        AgentReserved: P.RESERVED,
        CallMatched: P.RESERVED,
        CallBridged: P.TALKING,
        AgentReturned: P.IDLE,
        AgentLoggedIn: P.IDLE,
        AgentLoggedOut: P.IDLE,
    },
    P.PREVIEWING: {
        OfferAccepted: P.IDLE,
        OfferSkipped: P.IDLE,
        AgentReleased: P.IDLE,
        CallBridged: P.TALKING,
        AgentLoggedIn: P.IDLE,
        AgentLoggedOut: P.IDLE,
    },
    P.RESERVED: {
        CallMatched: P.RESERVED,
        CallNotPlaced: P.IDLE,
        CallRefused: P.IDLE,
        AgentReleased: P.IDLE,
        CallBridged: P.TALKING,
        BridgeFailed: P.IDLE,
        TalkEnded: P.WRAP_UP,
        CallEnded: P.IDLE,
        CallLost: P.IDLE,
        CallAbandoned: P.IDLE,
        AgentLoggedIn: P.IDLE,
        AgentLoggedOut: P.IDLE,
    },
    P.TALKING: {
        TalkEnded: P.WRAP_UP,
        CallEnded: P.WRAP_UP,
        CallLost: P.WRAP_UP,
        CallAbandoned: P.WRAP_UP,
        AgentReturned: P.WRAP_UP,
        AgentLoggedIn: P.WRAP_UP,
        AgentLoggedOut: P.IDLE,
    },
    P.WRAP_UP: {
        WrapUpEnded: P.IDLE,
        CallBridged: P.TALKING,
        AgentReturned: P.WRAP_UP,
        AgentLoggedIn: P.WRAP_UP,
        AgentLoggedOut: P.IDLE,
    },
}
"""OfferAccepted: the agent is held for the call in the same step.
CallMatched in RESERVED: of the call that the agent was held for; of another one it is illegal.
CallBridged in IDLE or WRAP_UP: the exchange joined a call to this agent although we had let go of the pair (the agent
dialled in anew meanwhile, or a Bridge that was thought lost was done). Whoever talks is not free."""

PHASE_LATE: dict[AgentPhase, frozenset[type[Event]]] = {
    P.IDLE: frozenset({WrapUpEnded, TalkEnded, CallEnded, CallLost, BridgeFailed}),
    P.PREVIEWING: frozenset({AgentReturned, WrapUpEnded}),
    P.RESERVED: frozenset({AgentReturned, WrapUpEnded}),
    P.TALKING: frozenset({CallBridged, WrapUpEnded}),
    P.WRAP_UP: frozenset({TalkEnded, CallEnded, CallLost, CallAbandoned}),
}
"""Both legs tell of the same end of a talk; whichever comes first moves the phase, the other is ignored by name."""


HEARD: frozenset[type[Event]] = frozenset().union(*PHASE_TRANSITIONS.values(), *PHASE_LATE.values())
"""Events that can concern an agent's phase. What else the agent's call tells (it rings, it is answered) changes nothing here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """An agent of the team. Frozen: `apply` returns the next one."""

    agent_id: AgentId
    name: str = ""
    status: AgentStatus = AgentStatus.LOGGED_OUT
    phase: AgentPhase = AgentPhase.IDLE
    phase_since: datetime | None = None
    pause_code: str | None = None
    leg: str | None = None
    leg_id: str | None = None
    node: NodeId | None = None  # the server that holds the leg; None: no leg
    leg_waiting: bool = False  # the leg is in its own holding bridge, so that it can be bridged
    call_id: CallId | None = (
        None  # the call in RESERVED and TALKING; in WRAP_UP the one just talked
    )
    wrap_until: datetime | None = None
    lead_id: LeadId | None = None  # the lead that is shown, in PREVIEWING
    offer_until: datetime | None = None
    skips: int = 0  # leads skipped since the last call
    shift_ends_at: datetime | None = None  # None: nobody has said

    @property
    def is_free(self) -> bool:
        """May be given a person now."""
        return (
            self.status is AgentStatus.AVAILABLE
            and self.phase is AgentPhase.IDLE
            and self.leg_waiting
        )

    @property
    def is_staffed(self) -> bool:
        """Logged in and not on break: counts for pacing once the present call is over."""
        return self.status is AgentStatus.AVAILABLE

    @property
    def stops_at(self) -> datetime | None:
        """From then on nothing is dialled for this agent, who may have a call all the same; None: until the log-out."""
        return None if self.shift_ends_at is None else self.shift_ends_at - STOPS_WITHIN

    def is_counted_on(self, now: datetime) -> bool:
        """Pacing may place calls for this agent, once the present one is over."""
        return self.is_staffed and (self.stops_at is None or now < self.stops_at)


_STATUS_EVENTS = (AgentLoggedIn, AgentLoggedOut, BreakRequested, BreakEnded)
_NO_PHASE = (BreakRequested, BreakEnded, ShiftEndSet)


def apply(agent: Agent, event: Event) -> Agent:
    """The agent after the event; the same object when it is late and ignored by name. Raises IllegalTransitionError."""
    if _of_an_old_leg(agent, event):
        return agent
    refused = (_talks_with_another, _held_for_another, _skips_too_much)
    if any(rule(agent, event) for rule in refused):
        raise IllegalTransitionError("agent", agent.phase, type(event).__name__)
    status = _next_status(agent, event)
    phase: AgentPhase | None = agent.phase
    if not isinstance(event, _NO_PHASE):
        phase = PHASE_TRANSITIONS[agent.phase].get(type(event))
        if phase is None:
            if type(event) in PHASE_LATE[agent.phase]:
                return agent
            raise IllegalTransitionError("agent", agent.phase, type(event).__name__)
    assert phase is not None
    since = event.at if phase is not agent.phase else agent.phase_since
    return _note(replace(agent, status=status, phase=phase, phase_since=since), event)


def _of_an_old_leg(agent: Agent, event: Event) -> bool:
    """Of somebody who has dialled in again, perhaps on another server. Two servers may give one id to different legs."""
    if isinstance(event, AgentLoggedOut):
        return (event.node, event.leg_id) != (agent.node, agent.leg_id)
    return isinstance(event, AgentReturned) and agent.node not in (None, event.node)


def _talks_with_another(agent: Agent, event: Event) -> bool:
    return (
        isinstance(event, CallBridged)
        and agent.phase is AgentPhase.TALKING
        and agent.call_id != event.call_id
    )


def _held_for_another(agent: Agent, event: Event) -> bool:
    held = agent.phase is AgentPhase.RESERVED
    return held and isinstance(event, CallMatched) and agent.call_id != event.call_id


def _skips_too_much(agent: Agent, event: Event) -> bool:
    return isinstance(event, OfferSkipped) and not event.by_timer and agent.skips >= MOST_SKIPS


def _next_status(agent: Agent, event: Event) -> AgentStatus:
    if not isinstance(event, _STATUS_EVENTS):
        return agent.status
    status = STATUS_TRANSITIONS[agent.status].get(type(event))
    if status is None:
        raise IllegalTransitionError("agent", agent.status, type(event).__name__)
    return status


def _note(agent: Agent, event: Event) -> Agent:
    if agent.phase is AgentPhase.IDLE:
        agent = replace(agent, call_id=None, wrap_until=None)
    if agent.phase is not AgentPhase.PREVIEWING:
        agent = replace(agent, lead_id=None, offer_until=None)
    match event:
        case AgentLoggedIn(leg=leg, leg_id=leg_id, node=node):
            agent = replace(agent, leg=leg, leg_id=leg_id, node=node, leg_waiting=True)
            if agent.shift_ends_at is not None and agent.shift_ends_at <= event.at:
                agent = replace(agent, shift_ends_at=None)  # of another day, or overtime
            return replace(agent, phase_since=agent.phase_since or event.at)
        case AgentLoggedOut():
            agent = replace(agent, leg=None, leg_id=None, node=None, leg_waiting=False)
            return replace(agent, pause_code=None, phase_since=None)
        case AgentReturned():
            return replace(agent, leg_waiting=True)
        case CallBridged(call_id=call_id):
            return replace(agent, leg_waiting=False, call_id=call_id, wrap_until=None)
        case BreakRequested(pause_code=pause_code):
            return replace(agent, pause_code=pause_code)
        case BreakEnded():
            return replace(agent, pause_code=None)
        case ShiftEndSet(ends_at=ends_at):
            return replace(agent, shift_ends_at=ends_at)
        case LeadOffered(lead_id=lead_id, until=until):
            return replace(agent, lead_id=lead_id, offer_until=until)
        case OfferSkipped(by_timer=by_timer):
            return replace(agent, skips=agent.skips + (not by_timer))
        case AgentReserved(call_id=call_id):
            return replace(agent, call_id=call_id, skips=0)
        case CallMatched(call_id=call_id):
            return replace(agent, call_id=call_id)
        case _:
            return agent


def adopted(agent: Agent, event: CallAdopted) -> Agent:
    """The agent of a talk that an earlier life of the server began and that still goes on."""
    return replace(
        agent,
        phase=AgentPhase.TALKING,
        phase_since=event.bridged_at or event.at,
        call_id=event.call_id,
        leg_waiting=False,
    )

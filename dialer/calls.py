"""One customer's call: its states, one table of transitions, and what it came to.

`apply` looks the event up in TRANSITIONS; a miss raises IllegalTransitionError and changes nothing. LATE names the events
that Asterisk may deliver late or twice: those are ignored by name. The dialplan's word on abandonment is final, so
CallAbandoned is legal in every state in which the channel can still be up.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.abandonment import AnsweredCall
from dialer.commands import AnswerRule, CloseAttempt, PlaceCall, RecordDisposition
from dialer.errors import IllegalTransitionError
from dialer.events import (
    NO_CHANNEL,
    WRITTEN_TOO_LATE,
    BridgeFailed,
    CallAbandoned,
    CallAdopted,
    CallAnswered,
    CallBridged,
    CallEnded,
    CallEvent,
    CallLost,
    CallMatched,
    CallRefused,
    CallRinging,
    CallScreened,
    CallWaiting,
    DispositionChosen,
    Fate,
    Screening,
    TalkEnded,
)
from dialer.ids import AgentId
from dialer.leads import NEVER_RANG, LeadUpdate, Outcome
from dialer.profiles import NoAgentAction


class CallState(StrEnum):
    DIALING = "dialing"  # asked for; nothing heard of the far end yet
    RINGING = "ringing"
    ANSWERED = "answered"  # picked up; being screened or on the way to the queue
    WAITING = "waiting"  # a person in the queue
    CONNECTING = "connecting"  # a Bridge has been sent, once
    TALKING = "talking"
    TALKED = "talked"  # the talk is over, the channel is not gone yet
    ABANDONED = "abandoned"  # the limit was reached; perhaps hearing the message
    ENDED = "ended"


TIMER_SLACK = timedelta(seconds=0.5)
"""The exchange's clock and ours may differ by so much over one call."""

INVITE_WAIT = timedelta(seconds=32)
"""SIP's timer B (RFC 3261, section 17.1.1.2: 64 times T1 of 500 ms); measured on Asterisk 22: 32.16 s."""

UNANSWERED = (CallState.DIALING, CallState.RINGING, CallState.ANSWERED)
"""In flight: nobody waits for an agent yet (ANSWERED: still being screened)."""

S = CallState

_BEFORE_ANSWER: dict[type[CallEvent], CallState] = {
    CallAnswered: S.ANSWERED,
    CallScreened: S.ANSWERED,
    CallWaiting: S.WAITING,
    CallAbandoned: S.ABANDONED,
    CallEnded: S.ENDED,
    CallRefused: S.ENDED,
    CallLost: S.ENDED,
}
_OVER: dict[type[CallEvent], CallState] = {CallEnded: S.ENDED, CallLost: S.ENDED}

TRANSITIONS: dict[CallState, dict[type[CallEvent], CallState]] = {
    S.DIALING: {**_BEFORE_ANSWER, CallRinging: S.RINGING},
    S.RINGING: _BEFORE_ANSWER,
    S.ANSWERED: {
        **_OVER,
        CallScreened: S.ANSWERED,
        CallWaiting: S.WAITING,
        CallAbandoned: S.ABANDONED,
    },
    S.WAITING: {**_OVER, CallMatched: S.CONNECTING, CallAbandoned: S.ABANDONED},
    S.CONNECTING: {
        **_OVER,
        CallBridged: S.TALKING,
        BridgeFailed: S.WAITING,
        TalkEnded: S.TALKED,
        CallAbandoned: S.ABANDONED,
    },
    S.TALKING: {**_OVER, TalkEnded: S.TALKED, CallAbandoned: S.ABANDONED},
    S.TALKED: {**_OVER, CallAbandoned: S.ABANDONED},
    S.ABANDONED: _OVER,
    S.ENDED: {},
}

_AFTER_END: frozenset[type[CallEvent]] = frozenset(
    {CallRefused, CallEnded, CallLost, BridgeFailed, CallBridged, TalkEnded}
)
LATE: dict[CallState, frozenset[type[CallEvent]]] = {
    S.DIALING: frozenset(),
    S.RINGING: frozenset({CallRinging}),
    S.ANSWERED: frozenset({CallRinging, CallAnswered, CallRefused}),
    S.WAITING: frozenset({CallRinging, CallAnswered, CallWaiting, BridgeFailed, CallRefused}),
    S.CONNECTING: frozenset({CallAnswered, CallWaiting, CallRefused}),
    S.TALKING: frozenset({CallAnswered, CallBridged, BridgeFailed, CallRefused}),
    S.TALKED: frozenset({CallAnswered, CallBridged, TalkEnded, BridgeFailed, CallRefused}),
    S.ABANDONED: frozenset({CallAbandoned, CallBridged, BridgeFailed, TalkEnded, CallRefused}),
    S.ENDED: _AFTER_END | {CallRinging, CallAnswered, CallWaiting, CallScreened, CallAbandoned},
}
"""By state: what may arrive late or twice (a failed Originate tells its end in either order; a Bridge that failed because the
person hung up is told after the hang-up) and is ignored by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The life of one channel. Frozen: `apply` returns the next one."""

    order: PlaceCall
    state: CallState = CallState.DIALING
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    waiting_at: datetime | None = None
    bridged_at: datetime | None = None
    talk_ended_at: datetime | None = None
    ended_at: datetime | None = None
    screening: Screening | None = None
    screened_at: datetime | None = None
    dropped_at: datetime | None = None
    agent_id: AgentId | None = None  # held for it, matched with it, or in the talk
    cause: int | None = None
    abandoned: bool = False
    refusal: str = ""  # why it never became a channel
    revoked_at: datetime | None = None  # when we hung it up, unanswered
    lost: bool = False

    @property
    def limit_at(self) -> datetime | None:
        """When the dialplan ends the wait; None before the answer."""
        if self.answered_at is None:
            return None
        return self.answered_at + self.order.answer_rule.limit


def apply(call: Call, event: CallEvent) -> Call:
    """The call after the event; the same object when the event is late and ignored by name.

    Raises IllegalTransitionError, with nothing changed, for any other event that the table does not have.
    """
    if isinstance(event, BridgeFailed) and call.agent_id not in (None, event.agent_id):
        return call  # told twice: the call has been matched with another agent meanwhile
    following = TRANSITIONS[call.state].get(type(event))
    if following is None:
        if type(event) in LATE[call.state]:
            return call
        raise IllegalTransitionError("call", call.state, type(event).__name__)
    return _note(replace(call, state=following), event)


def _note(call: Call, event: CallEvent) -> Call:
    at = event.at
    match event:
        case CallRinging():
            return replace(call, ringing_at=at)
        case CallAnswered():
            return replace(call, answered_at=at)
        case CallScreened(verdict=verdict):
            return replace(
                call, screening=verdict, screened_at=at, answered_at=call.answered_at or at
            )
        case CallWaiting():
            return replace(call, waiting_at=at, answered_at=call.answered_at or at)
        case CallMatched(agent_id=agent_id):
            return replace(call, agent_id=agent_id)
        case CallBridged(agent_id=agent_id):
            return replace(call, bridged_at=at, agent_id=agent_id)
        case BridgeFailed():
            return replace(call, agent_id=None)
        case TalkEnded():
            return replace(call, talk_ended_at=at, bridged_at=call.bridged_at or at)
        case CallAbandoned():
            return replace(call, abandoned=True, dropped_at=at, answered_at=call.answered_at or at)
        case CallEnded(cause=cause):
            return replace(call, ended_at=at, cause=cause)
        case CallRefused(reason=reason):
            return replace(call, ended_at=at, refusal=reason or NO_CHANNEL)
        case CallLost(fate=fate):
            lost = replace(call, ended_at=at, lost=True)
            return replace(lost, abandoned=True) if fate is Fate.ABANDONED else lost
        case _:
            raise IllegalTransitionError("call", call.state, type(event).__name__)


def revoked(call: Call, at: datetime) -> Call:
    """The call once its hang-up is on the way; whatever is told of it goes on counting. Raises IllegalTransitionError."""
    if call.state not in (CallState.DIALING, CallState.RINGING):
        raise IllegalTransitionError("call", call.state, "revoked")
    return replace(call, revoked_at=at)


def adopted(order: PlaceCall, event: CallAdopted) -> Call:
    """The call of an open attempt that an earlier life of the server left, as far as the store knew it."""
    state = CallState.RINGING
    if event.answered_at is not None:
        state = CallState.ANSWERED
    if event.bridged_at is not None:
        state = CallState.TALKING
    return Call(
        order=order,
        state=state,
        ringing_at=event.started_at,
        answered_at=event.answered_at,
        bridged_at=event.bridged_at,
        agent_id=event.agent_id,
    )


def closing(call: Call, update: LeadUpdate) -> CloseAttempt:
    """The end of this call's attempt, and what it does to the lead. `agent_id`: who talked, or was held for it."""
    assert call.ended_at is not None
    return CloseAttempt(
        call_id=call.order.call_id,
        campaign_id=call.order.campaign_id,
        lead_update=update,
        outcome=update.outcome,
        ended_at=call.ended_at,
        cause=call.cause,
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        bridged_at=call.bridged_at,
        agent_id=call.agent_id,
        screened=call.order.answer_rule.screen,
        screening=call.screening,
        screened_at=call.screened_at,
        waiting_at=call.waiting_at,
        talk_ended_at=call.talk_ended_at,
        dropped_at=call.dropped_at,
        message=call.abandoned and plays_message(call.order.answer_rule),
    )


def plays_message(rule: AnswerRule) -> bool:
    """What the dialplan does by itself at the limit."""
    return rule.action is NoAgentAction.MESSAGE and bool(rule.message)


def answered_call(call: Call, outcome: Outcome) -> AnsweredCall:
    """What makes the class of this call, which has come to `outcome`, or is about to."""
    until = call.bridged_at or call.ended_at
    waited = until - call.answered_at if until and call.answered_at else None
    rule = call.order.answer_rule
    return AnsweredCall(
        outcome=outcome,
        answered=call.answered_at is not None,
        waited=waited,
        screened=rule.screen,
        message=plays_message(rule),
        machine=outcome is Outcome.LOST and call.screening is Screening.MACHINE,
    )


def disposition_of(event: DispositionChosen) -> RecordDisposition:
    return RecordDisposition(
        call_id=event.call_id,
        agent_id=event.agent_id,
        disposition=event.disposition,
        callback_at=event.callback_at,
        at=event.at,
        ruling=event.ruling,
    )


_BY_CAUSE: dict[int, Outcome] = {
    1: Outcome.INVALID_NUMBER,
    22: Outcome.INVALID_NUMBER,
    28: Outcome.INVALID_NUMBER,
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,
    19: Outcome.NO_ANSWER,
    20: Outcome.NO_ANSWER,
    21: Outcome.REJECTED,
    27: Outcome.CONGESTION,
    34: Outcome.CONGESTION,
    38: Outcome.CONGESTION,
    41: Outcome.CONGESTION,
    42: Outcome.CONGESTION,
    44: Outcome.CONGESTION,
    58: Outcome.CONGESTION,
    102: Outcome.CONGESTION,
}
"""Q.850 cause of the hang-up of a call that was not answered, as Asterisk maps SIP replies onto it."""


def outcome_of(call: Call) -> Outcome:
    """What an ended call came to: exactly one class.

    Abandonment as the dialplan stated it comes first, then a talk, then what answered, then the cause of the hang-up
    (never OriginateResponse's Reason, which is 0 for busy, refused and unknown numbers alike). A call that we took back was
    abandoned if a person had answered by then, and not answered if it had begun to ring.
    """
    if call.abandoned:
        return Outcome.ABANDONED
    if call.bridged_at is not None:
        return Outcome.TALKED
    if call.lost:
        return Outcome.LOST
    if call.refusal:
        return Outcome.FAILED
    if call.answered_at is not None:
        if call.screening is Screening.MACHINE:
            return Outcome.MACHINE
        return Outcome.ABANDONED if call.revoked_at is not None else Outcome.HUNG_UP
    return _unanswered(call)


def _unanswered(call: Call) -> Outcome:
    by_cause = _BY_CAUSE.get(call.cause or 0, Outcome.NO_ANSWER)
    if call.revoked_at is not None:
        taken_back = by_cause is Outcome.NO_ANSWER and call.ringing_at is None
        return Outcome.CANCELLED if taken_back else by_cause
    if call.cause in (0, 18, 19) and call.ringing_at is None and _timed_out(call):
        return Outcome.UNREACHABLE
    return by_cause


def _timed_out(call: Call) -> bool:
    """Our own time-out ends a call with cause 19 (before 20.18 and 22.8: 0), Asterisk's wait for a reply to its INVITE
    with cause 18: one that never rang then got no reply at all. The same causes come earlier from a far end that cannot be
    had (SIP 480, a telephone that is switched off; SIP 408 of a carrier)."""
    assert call.ended_at is not None
    most = min(call.order.ring_timeout, INVITE_WAIT)
    return call.ended_at - call.order.at >= most - TIMER_SLACK


class TrunkWord(StrEnum):
    """What a call tells of the trunk that it took."""

    ALIVE = "alive"  # it rang, was answered, or the far end gave a verdict
    FAULT = "fault"  # the trunk, or the network behind it, could not carry it
    NOTHING = "nothing"  # not yet
    UNKNOWN = "unknown"  # and never will


def word_on_trunk(call: Call) -> TrunkWord:
    """Of a call at its end, or with the first sign of its far end.

    A call that was not sent, that we took back, or whose end nobody saw, tells nothing. Busy, declined (SIP 603) and no such
    number are verdicts of the far end: the trunk carried the question and the answer.
    """
    if call.ringing_at is not None or call.answered_at is not None:
        return TrunkWord.ALIVE
    if call.state is not CallState.ENDED:
        return TrunkWord.NOTHING
    if call.lost or call.refusal == WRITTEN_TOO_LATE:
        return TrunkWord.UNKNOWN
    outcome = outcome_of(call)
    if outcome is Outcome.CANCELLED:
        return TrunkWord.UNKNOWN
    return TrunkWord.FAULT if outcome in NEVER_RANG else TrunkWord.ALIVE

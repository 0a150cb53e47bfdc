"""Callbacks: what a person was promised. States, one table of transitions, whom a callback is for, and when.

A callback says what was agreed; when its lead may be called next is the lead's own `next_attempt_at`, since the law may put it
off. A callback that rings is one whose lead is being dialled. It has the id of the talk in which it was agreed: saying the same
of that talk again changes it, and never makes a second one.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dialer.errors import ConflictError, IllegalTransitionError, InvalidInputError
from dialer.ids import AgentId, CallbackId, CampaignId, ClientId, LeadId

MOST_NOTE = 500
"""Letters of a note."""

DEFAULT_GRACE = timedelta(minutes=15)
DEFAULT_TRIES = 3


class CallbackKind(StrEnum):
    RECALL = "recall"  # the person asked to be called again
    FOLLOW_UP = "follow_up"  # the centre promised to call again


class CallbackState(StrEnum):
    BOOKED = "booked"  # for its agent, if it has one
    ESCALATED = "escalated"  # its agent was not there in time: for anyone of the team
    DONE = "done"  # the person was talked to
    CANCELLED = "cancelled"  # by a person, by another disposition, by a do-not-call
    EXPIRED = "expired"  # the person was not reached in the tries there are


class CallbackDeed(StrEnum):
    """What is done to a callback."""

    ESCALATE = "escalate"
    REACH = "reach"  # the person was talked to
    MISS = "miss"  # called, and not reached: to be tried again
    GIVE_UP = "give up"
    CANCEL = "cancel"
    BOOK = "book"  # moved, or agreed anew in the same talk


_WAITS = {
    CallbackDeed.REACH: CallbackState.DONE,
    CallbackDeed.GIVE_UP: CallbackState.EXPIRED,
    CallbackDeed.CANCEL: CallbackState.CANCELLED,
    CallbackDeed.BOOK: CallbackState.BOOKED,
}
TRANSITIONS: dict[CallbackState, dict[CallbackDeed, CallbackState]] = {
    CallbackState.BOOKED: {
        **_WAITS,
        CallbackDeed.MISS: CallbackState.BOOKED,
        CallbackDeed.ESCALATE: CallbackState.ESCALATED,
    },
    CallbackState.ESCALATED: {**_WAITS, CallbackDeed.MISS: CallbackState.ESCALATED},
    CallbackState.DONE: {},
    CallbackState.CANCELLED: {CallbackDeed.BOOK: CallbackState.BOOKED},
    CallbackState.EXPIRED: {},
}
"""From each state, what each deed makes of it; one that is not here is illegal. A cancelled one is booked again when the agent
of its talk takes another word back."""

WAITING = frozenset({CallbackState.BOOKED, CallbackState.ESCALATED})


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackWish:
    """What an agent says of a callback, beside its time."""

    kind: CallbackKind = CallbackKind.RECALL
    own: bool = False  # for the agent who says so; else for anyone
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """A callback to be kept with the disposition that agrees it. `grace`: so long after its time it is kept for its agent;
    None: however long it takes."""

    kind: CallbackKind
    due_at: datetime
    agent_id: AgentId | None
    grace: timedelta | None
    most_tries: int
    note: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidInputError."""
        if len(self.note) > MOST_NOTE:
            raise InvalidInputError("note", f"has more than {MOST_NOTE} letters")


@dataclass(frozen=True, kw_only=True, slots=True)
class Callback:
    """One, as stored."""

    callback_id: CallbackId  # the id of the call in which it was agreed
    client_id: ClientId
    campaign_id: CampaignId
    lead_id: LeadId
    kind: CallbackKind
    due_at: datetime  # as agreed
    agent_id: AgentId | None  # None: for anyone
    grace: timedelta | None
    most_tries: int
    note: str
    state: CallbackState
    tries: int  # that count
    booked_at: datetime
    booked_by: AgentId
    changed_at: datetime
    reason: str = ""  # why it is over, where that is not its state

    @property
    def waits(self) -> bool:
        return self.state in WAITING


def booked(
    booking: Booking,
    *,
    callback_id: CallbackId,
    client_id: ClientId,
    campaign_id: CampaignId,
    lead_id: LeadId,
    by: AgentId,
    at: datetime,
) -> Callback:
    """A new one."""
    return Callback(
        callback_id=callback_id,
        client_id=client_id,
        campaign_id=campaign_id,
        lead_id=lead_id,
        kind=booking.kind,
        due_at=booking.due_at,
        agent_id=booking.agent_id,
        grace=booking.grace,
        most_tries=booking.most_tries,
        note=booking.note,
        state=CallbackState.BOOKED,
        tries=0,
        booked_at=at,
        booked_by=by,
        changed_at=at,
    )


def apply(callback: Callback, deed: CallbackDeed, at: datetime, reason: str = "") -> Callback:
    """Raises IllegalTransitionError; nothing changed."""
    state = TRANSITIONS[callback.state].get(deed)
    if state is None:
        raise IllegalTransitionError("callback", callback.state, deed)
    return replace(callback, state=state, changed_at=at, reason=reason)


def agreed_again(callback: Callback, booking: Booking, at: datetime) -> Callback:
    """Its agent said the same talk's callback again, perhaps with another time. One that is over (talked, given up) stays as it
    is: what was agreed has been kept, and another talk agrees another one."""
    if CallbackDeed.BOOK not in TRANSITIONS[callback.state]:
        return callback
    agreed = replace(
        callback,
        kind=booking.kind,
        due_at=booking.due_at,
        agent_id=booking.agent_id,
        grace=booking.grace,
        most_tries=booking.most_tries,
        note=booking.note,
    )
    if agreed == callback and callback.waits:
        return callback  # the same word again
    return apply(agreed, CallbackDeed.BOOK, at)


def moved_to(
    callback: Callback, due_at: datetime, agent_id: AgentId | None, at: datetime
) -> Callback:
    """For another time, or for somebody else (None: anyone). Raises ConflictError for one that is over, InvalidInputError for a
    time that is past."""
    if not callback.waits:
        raise ConflictError(f"the callback is {callback.state.value}")
    if due_at <= at:
        raise InvalidInputError("due_at", "is past")
    return replace(apply(callback, CallbackDeed.BOOK, at), due_at=due_at, agent_id=agent_id)


def after_call(
    callback: Callback, *, reached: bool, counted: bool, over: bool, at: datetime
) -> Callback:
    """The callback once a call to its lead has ended. `over`: the lead is not called again."""
    tries = callback.tries + counted
    callback = replace(callback, tries=tries)
    if reached:
        return apply(callback, CallbackDeed.REACH, at)
    if over:
        return apply(callback, CallbackDeed.GIVE_UP, at, "lead_over")
    if tries >= callback.most_tries:
        return apply(callback, CallbackDeed.GIVE_UP, at, "tries_used")
    return apply(callback, CallbackDeed.MISS, at)


def anyone_from(callback: Callback, ready_at: datetime | None) -> datetime | None:
    """From when on anyone of the team may have it; None: its agent only. `ready_at`: before that its lead was held back (the
    opening of the calling hours, the next try), which takes nothing from its agent's grace."""
    if callback.agent_id is None or callback.state is CallbackState.ESCALATED:
        return callback.due_at
    if callback.grace is None:
        return None
    return max(callback.due_at, ready_at or callback.due_at) + callback.grace


def is_escalating(callback: Callback, ready_at: datetime | None, now: datetime) -> bool:
    """Its agent did not come in time, and nobody has said so yet."""
    since = anyone_from(callback, ready_at)
    booked_for_one = callback.state is CallbackState.BOOKED and callback.agent_id is not None
    return booked_for_one and since is not None and since <= now


def is_for(callback: Callback, agent_id: AgentId, ready_at: datetime | None, now: datetime) -> bool:
    """Whether this agent may have it now."""
    if callback.agent_id == agent_id:
        return True
    since = anyone_from(callback, ready_at)
    return since is not None and since <= now


def local_instant(wall: datetime, zone: str) -> datetime:
    """The instant that people in `zone` mean by the time on their clocks; one with its own offset stays what it is. A time that
    the clocks skip is as much later as they skip; of one that they show twice, the first."""
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)

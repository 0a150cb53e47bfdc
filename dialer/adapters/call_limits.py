"""Whether one more call to a person is within its limits: pure, over the attempts that a store has found under its locks. Shared
by every store, so that all count alike.

A person is known by the client's own name for them, or by the number. What was called under either counts, so that neither
another number of the same person nor another list with the same number starts the count again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from dialer.calling_hours import latest
from dialer.caps import counted_since, free_at
from dialer.commands import PlaceCall
from dialer.dispositions import Category
from dialer.events import NotOpened
from dialer.ids import CallId, ClientId
from dialer.leads import NEVER_RANG, Outcome
from dialer.profiles import Cap, CapPer

Refusal = tuple[NotOpened, datetime | None]
"""Why not, and until when; None: no instant is known."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One attempt, as far as limits count it."""

    call_id: CallId
    phone: str
    client_id: ClientId | None  # None: of before clients were kept with it
    person: str | None
    subject: str | None
    started_at: datetime
    outcome: Outcome | None = None
    refused_at: datetime | None = None


def tried_by(call: PlaceCall) -> Tried:
    return Tried(
        call_id=call.call_id,
        phone=call.phone,
        client_id=call.limits.client_id,
        person=call.limits.person or call.phone,
        subject=call.limits.subject,
        started_at=call.at,
    )


def looked_at(calls: Sequence[PlaceCall]) -> list[PlaceCall]:
    """Those that have limits."""
    return [call for call in calls if call.limits.caps or call.limits.refusal_days is not None]


def since(calls: Iterable[PlaceCall]) -> datetime | None:
    """Attempts that began, or persons who refused, after this instant may count; None: no call has limits."""
    instants: list[datetime] = []
    for call in calls:
        limits = call.limits
        instants += [counted_since(cap, [limits.zone], call.at) for cap in limits.caps]
        if limits.refusal_days is not None:
            instants.append(call.at - (limits.refusal_days + 2) * _DAY)
    return min(instants, default=None)


def limit_on(call: PlaceCall, tried: Sequence[Tried]) -> Refusal | None:
    """None: one more call is within all limits."""
    limits = call.limits
    if limits.refusal_days is not None:
        until = _refusal_ends(call, limits.refusal_days, tried)
        if until is not None and call.at < until:
            return NotOpened.REFUSAL_BLOCK, until
    ends = [_free_at(call, cap, tried) for cap in limits.caps]
    held = [end for end in ends if end is not None]
    return (NotOpened.CALL_CAP, max(held)) if held else None


def _free_at(call: PlaceCall, cap: Cap, tried: Sequence[Tried]) -> datetime | None:
    counted = [
        one.started_at
        for one in tried
        if one.outcome not in NEVER_RANG and _counts(cap.per, call, one)
    ]
    return free_at(cap, counted, [call.limits.zone], call.at)


def _counts(per: CapPer, call: PlaceCall, one: Tried) -> bool:
    limits = call.limits
    own = one.client_id in (limits.client_id, None)
    person = one.phone == call.phone or (own and one.person == limits.person)
    match per:
        case CapPer.CALLED_NUMBER:
            return one.phone == call.phone
        case CapPer.CALLED_PERSON:
            return person
        case CapPer.CALLED_PERSON_AND_CLIENT:
            return person and own
        case CapPer.CALLED_PERSON_AND_SUBJECT:
            known = bool(limits.subject and one.subject)
            return person and (one.subject == limits.subject if known else own)


def _refusal_ends(call: PlaceCall, days: int, tried: Sequence[Tried]) -> datetime | None:
    """The first instant after so many full calendar days, the day of the refusal not counted."""
    said = [
        one.refused_at
        for one in tried
        if one.refused_at is not None and _counts(CapPer.CALLED_PERSON_AND_CLIENT, call, one)
    ]
    if not said:
        return None
    day = max(said).astimezone(call.limits.zone).date() + (days + 1) * _DAY
    return latest(day, time(), call.limits.zone)


def refused_at(category: Category | None, disposed_at: datetime | None) -> datetime | None:
    """When the person refused; None: did not."""
    return disposed_at if category is Category.REFUSAL else None

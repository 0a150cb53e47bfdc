"""How a stored lead changes: pure functions, shared by every store, so that all of them obey one table of transitions."""

from dataclasses import replace
from datetime import datetime

from dialer.errors import IllegalTransitionError
from dialer.leads import (
    CALLBACK,
    DISPOSITION,
    DO_NOT_CALL,
    TRANSITIONS,
    Lead,
    LeadState,
    LeadUpdate,
)
from dialer.persons import PAUSES, PersonNumber, next_number, noted, put_off

OF_ONE_NUMBER = frozenset({"register_listed", "register_unchecked", "register_stale"})
"""Reasons (compliance_facts.Reason) that say nothing of a person's other numbers."""

SETTLED = frozenset({LeadState.RETRY, LeadState.DONE, LeadState.EXCLUDED})
"""Where a lead can be sent by the end of an attempt, a deferral or a disposition."""


def after_attempt(
    lead: Lead,
    update: LeadUpdate,
    *,
    ruled: LeadState | None,
    ruled_at: datetime | None,
    barred: bool,
    wrong_number: datetime | None = None,
) -> Lead:
    """The lead once its attempt is closed. What the agent's word made of it during the talk (`ruled`; RETRY at `ruled_at`)
    goes before the update; `barred` (one of its numbers is on the do-not-call list) goes before both. `wrong_number`: when it was
    said that the number is somebody else's. Raises IllegalTransitionError."""
    _check(lead, update.state)
    state, next_at = update.state, update.next_attempt_at
    held_by = None
    if ruled is not None and state is not LeadState.EXCLUDED:
        state, next_at, held_by = ruled, ruled_at, _word_of(ruled)
    counted = update.counts_as_attempt
    tried = replace(
        _settled(lead, state, next_at, barred=barred, held_by=held_by),
        attempts=lead.attempts + 1 if counted else lead.attempts,
        never_rang=0 if counted else lead.never_rang + update.blames_number,
        last_outcome=update.outcome,
        last_abandoned_at=update.abandoned_at or lead.last_abandoned_at,
        numbers=noted(lead.numbers, update.of_number(lead.phone)),
    )
    if not tried.numbers or tried.state is LeadState.EXCLUDED:
        return tried
    if ruled is LeadState.DONE and wrong_number is not None:
        return _without(tried, lead.phone, wrong_number)
    if ruled is not None or update.others_from is None:
        return tried
    return _with_number(tried, next_number(tried.numbers, lead.phone, update.others_from))


def after_ruling(
    lead: Lead,
    state: LeadState,
    next_at: datetime | None,
    *,
    barred: bool,
    wrong_number: datetime | None = None,
) -> Lead | None:
    """The lead after what an agent said once the attempt was closed: tried again at `next_at`, or over. A lead that waits for
    another time gets this one. None: nothing changes, since it is over already, or being dialled again. Raises
    IllegalTransitionError for a lead that cannot be tried again, or is being dialled again."""
    if state is LeadState.RETRY:
        if lead.state is LeadState.DIALING:
            raise IllegalTransitionError("lead", lead.state, "a callback")
    elif lead.state in (LeadState.DIALING, LeadState.EXCLUDED):
        return None
    if lead.state is not state:
        _check(lead, state)
    after = _settled(lead, state, next_at, barred=barred, held_by=_word_of(state))
    if wrong_number is None or after.state is not LeadState.DONE or not after.numbers:
        return after
    return _without(after, lead.phone, wrong_number)


def after_deferral(
    lead: Lead, state: LeadState, not_before: datetime | None, *, reason: str | None
) -> Lead:
    """A reserved lead put off or taken out. What concerns only one of a person's numbers makes room for the next one. Raises
    IllegalTransitionError."""
    _check(lead, state)
    held = _settled(lead, state, not_before, barred=False, held_by=reason)
    if reason not in OF_ONE_NUMBER or not lead.numbers:
        return held
    held = replace(held, numbers=put_off(lead.numbers, lead.phone, not_before))
    return _with_number(held, next_number(held.numbers, lead.phone, None))


def after_release(lead: Lead) -> Lead:
    """A reserved lead given back as it was."""
    if lead.attempts == 0 and lead.last_attempt_at is None:
        return replace(lead, state=LeadState.NEW, next_attempt_at=None)
    return replace(lead, state=LeadState.RETRY)


def without_number(lead: Lead, before: Lead) -> Lead:
    """The lead with another number than the one that it has now, which has become another lead's; none is left: as it was
    `before`, and over."""
    numbers = put_off(lead.numbers, lead.phone, None)
    over = replace(lead, phone=before.phone, zone=before.zone, numbers=numbers)
    found = next_number(numbers, before.phone, lead.next_attempt_at)
    if found is None:
        return _settled(over, LeadState.DONE, None, barred=False, held_by=lead.held_by)
    return _with_number(over, found)


def _without(lead: Lead, phone: str, at: datetime) -> Lead:
    """A number that is somebody else's is not rung again; the person's others are."""
    numbers = put_off(lead.numbers, phone, None)
    others_from = at + PAUSES["invalid_number"]
    return _with_number(replace(lead, numbers=numbers), next_number(numbers, phone, others_from))


def _with_number(lead: Lead, found: tuple[PersonNumber, datetime | None] | None) -> Lead:
    """The lead waits for its next number; None: it has none, and stays as it is."""
    if found is None:
        return lead
    number, at = found
    return replace(
        lead,
        phone=number.phone,
        zone=number.zone,
        never_rang=number.never_rang,
        state=LeadState.RETRY,
        next_attempt_at=at,
        held_by=lead.held_by if number.phone == lead.phone else None,
    )


def _check(lead: Lead, state: LeadState) -> None:
    if state not in SETTLED or state not in TRANSITIONS[lead.state]:
        raise IllegalTransitionError("lead", lead.state, f"a move to {state.value!r}")


def excluded(lead: Lead) -> Lead:
    """A waiting lead whose number may never be rung again."""
    return _settled(lead, LeadState.EXCLUDED, None, barred=True, held_by=None)


def _word_of(ruled: LeadState) -> str:
    """Of what an agent said."""
    return CALLBACK if ruled is LeadState.RETRY else DISPOSITION


def _settled(
    lead: Lead, state: LeadState, next_at: datetime | None, *, barred: bool, held_by: str | None
) -> Lead:
    """Only a lead in RETRY has a next time; a barred one is EXCLUDED."""
    if barred:
        state, held_by = LeadState.EXCLUDED, DO_NOT_CALL
    next_at = next_at if state is LeadState.RETRY else None
    return replace(lead, state=state, next_attempt_at=next_at, held_by=held_by)

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

SETTLED = frozenset({LeadState.RETRY, LeadState.DONE, LeadState.EXCLUDED})
"""Where a lead can be sent by the end of an attempt, a deferral or a disposition."""


def after_attempt(
    lead: Lead,
    update: LeadUpdate,
    *,
    ruled: LeadState | None,
    ruled_at: datetime | None,
    barred: bool,
) -> Lead:
    """The lead once its attempt is closed. What the agent's word made of it during the talk (`ruled`; RETRY at `ruled_at`)
    goes before the update; `barred` (its number is on the do-not-call list) goes before both. Raises
    IllegalTransitionError."""
    _check(lead, update.state)
    state, next_at = update.state, update.next_attempt_at
    held_by = None
    if ruled is not None and state is not LeadState.EXCLUDED:
        state, next_at, held_by = ruled, ruled_at, _word_of(ruled)
    counted = update.counts_as_attempt
    return replace(
        _settled(lead, state, next_at, barred=barred, held_by=held_by),
        attempts=lead.attempts + 1 if counted else lead.attempts,
        never_rang=0 if counted else lead.never_rang + update.blames_number,
        last_outcome=update.outcome,
        last_abandoned_at=update.abandoned_at or lead.last_abandoned_at,
    )


def after_ruling(
    lead: Lead, state: LeadState, next_at: datetime | None, *, barred: bool
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
    return _settled(lead, state, next_at, barred=barred, held_by=_word_of(state))


def after_deferral(
    lead: Lead, state: LeadState, not_before: datetime | None, *, reason: str | None
) -> Lead:
    """A reserved lead put off or taken out. Raises IllegalTransitionError."""
    _check(lead, state)
    return _settled(lead, state, not_before, barred=False, held_by=reason)


def after_release(lead: Lead) -> Lead:
    """A reserved lead given back as it was."""
    if lead.attempts == 0 and lead.last_attempt_at is None:
        return replace(lead, state=LeadState.NEW, next_attempt_at=None)
    return replace(lead, state=LeadState.RETRY)


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

"""What happens to callbacks when calls end and agents speak: pure functions, shared by every store."""

from dataclasses import replace
from datetime import datetime

from dialer.callbacks import Callback, CallbackDeed, after_call, agreed_again, apply, booked
from dialer.commands import CloseAttempt, RecordDisposition
from dialer.errors import ConflictError
from dialer.ids import CallbackId, ClientId
from dialer.leads import Lead, LeadState, Outcome
from dialer.ports import Attempt


def after_word(
    mine: Callback | None,
    waiting: Callback | None,
    record: RecordDisposition,
    attempt: Attempt,
    client_id: ClientId,
) -> list[Callback]:
    """What is to be kept, in this order. `mine`: the callback that was agreed in the same talk before; `waiting`: the one that
    its lead waits for, which may be the same. The lead goes where the ruling sends it."""
    booking = record.ruling.booking if record.ruling else None
    if booking is None:
        if mine is None or not mine.waits:
            return []
        return [apply(mine, CallbackDeed.CANCEL, record.at, "disposition")]
    kept: list[Callback] = []
    if waiting is not None and waiting.callback_id != CallbackId(attempt.call_id):
        if waiting.booked_at > attempt.started_at:
            return []  # a later talk agreed another one
        kept.append(apply(waiting, CallbackDeed.REACH, record.at))
    if mine is not None:
        return [*kept, agreed_again(mine, booking, record.at)]
    new = booked(
        booking,
        callback_id=CallbackId(attempt.call_id),
        client_id=client_id,
        campaign_id=attempt.campaign_id,
        lead_id=attempt.lead_id,
        by=record.agent_id,
        at=record.at,
    )
    return [*kept, new]


def after_close(waiting: Callback, close: CloseAttempt, lead: Lead) -> Callback:
    """The callback that a lead waits for, once one of its calls has ended; `lead`: as the close leaves it."""
    over = lead.state is not LeadState.RETRY
    if waiting.callback_id == CallbackId(close.call_id):  # agreed in this very call
        return with_lead_over(waiting, lead, close.ended_at) if over else waiting
    return after_call(
        waiting,
        reached=close.outcome is Outcome.TALKED,
        counted=close.lead_update.counts_as_attempt,
        over=over,
        at=close.ended_at,
    )


def with_lead_over(waiting: Callback, lead: Lead, at: datetime) -> Callback:
    """Its lead is over, and nobody has told the callback: it was barred, put out by the law, or ended by an older server."""
    if lead.state is LeadState.EXCLUDED:
        return apply(waiting, CallbackDeed.CANCEL, at, lead.held_by or "excluded")
    return apply(waiting, CallbackDeed.GIVE_UP, at, lead.held_by or "lead_over")


def lead_moved(lead: Lead, due_at: datetime) -> Lead:
    """Its callback has another time. Raises ConflictError."""
    return _free(replace(lead, state=LeadState.RETRY, next_attempt_at=due_at), lead)


def lead_let_go(lead: Lead, reason: str) -> Lead:
    """Its callback was cancelled. Raises ConflictError."""
    gone = replace(lead, state=LeadState.DONE, next_attempt_at=None, held_by=reason)
    return _free(gone, lead)


def _free(after: Lead, before: Lead) -> Lead:
    if before.state is LeadState.DIALING:
        raise ConflictError("the lead is being called")
    if before.state in (LeadState.DONE, LeadState.EXCLUDED):
        raise ConflictError("the lead is over")
    return after

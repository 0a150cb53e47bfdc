"""What happened on a call, kept on its attempt and its lead. Every function is part of a transaction of its caller, and refuses
before it changes anything."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.callback_changes import after_close, after_word
from dialer.adapters.lead_changes import after_attempt, after_ruling
from dialer.adapters.said import barred_by_agent, former_of, said_of, wrong_number_of
from dialer.adapters.sql.callback_rows import callback_of_lead, put_callback, talk_callbacks
from dialer.adapters.sql.do_not_call import add_entries, is_barred
from dialer.adapters.sql.ledger_entries import ClosedCall, Entry
from dialer.adapters.sql.persons import undisturbed
from dialer.adapters.sql.rows import (
    ATTEMPT_COLUMNS,
    LEAD_COLUMNS,
    OPENED_COLUMNS,
    attempt_of,
    lead_of,
    opened_of,
    settled_values,
)
from dialer.adapters.sql.tables import (
    PROMISED,
    attempts,
    callbacks,
    campaigns,
    former_dispositions,
    leads,
    lists,
)
from dialer.commands import (
    CallRecord,
    CloseAttempt,
    MarkAnswered,
    MarkBridged,
    RecordDisposition,
)
from dialer.dispositions import Category
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import CallId, ClientId
from dialer.lead_lists import LeadOrder, rank_of, tries_of
from dialer.leads import Lead, LeadState
from dialer.ledger_records import of_disposition, waited_ms


async def keep(connection: AsyncConnection, record: CallRecord) -> Entry | None:
    """What the ledger is to say of it, in the same transaction. Raises what the AttemptStore's methods raise for the
    record."""
    match record:
        case MarkAnswered():
            await _mark_answered(connection, record)
        case MarkBridged():
            await _mark_bridged(connection, record)
        case CloseAttempt():
            return await _close(connection, record)
        case RecordDisposition():
            return await _record_disposition(connection, record)
    return None


async def _mark_answered(connection: AsyncConnection, mark: MarkAnswered) -> None:
    unanswered = and_(attempts.c.id == mark.call_id, attempts.c.answered_at.is_(None))
    change = update(attempts).where(unanswered, attempts.c.ended_at.is_(None))
    await connection.execute(change.values(answered_at=mark.answered_at))


async def _mark_bridged(connection: AsyncConnection, mark: MarkBridged) -> None:
    unbridged = and_(attempts.c.id == mark.call_id, attempts.c.bridged_at.is_(None))
    change = update(attempts).where(unbridged, attempts.c.ended_at.is_(None))
    await connection.execute(change.values(bridged_at=mark.bridged_at, agent_id=mark.agent_id))


async def _close(connection: AsyncConnection, close: CloseAttempt) -> Entry | None:
    row = await _attempt_with_lead(connection, close.call_id)
    if row.ended_at is not None:
        return None
    if row.id != close.lead_update.lead_id:
        raise ConflictError("the update is of another lead than the attempt")
    lead = after_attempt(
        before := lead_of(row),
        close.lead_update,
        ruled=row.ruled or (LeadState.RETRY if row.callback_at is not None else None),
        ruled_at=row.callback_at,
        barred=await _is_barred(connection, before),
        wrong_number=close.ended_at if row.category is Category.WRONG_NUMBER else None,
    )
    lead = await undisturbed(connection, before, lead)
    opened = opened_of(row)
    values = _ending(close) | {"waited_ms": waited_ms(opened, close)}
    await connection.execute(
        update(attempts).where(attempts.c.id == close.call_id).values(**values)
    )
    await _store(connection, lead, rank=_rank(row, lead))
    if row.promised is not None:
        waiting = await callback_of_lead(connection, lead.lead_id)
        assert waiting is not None
        await put_callback(connection, after_close(waiting, close, lead))
    return ClosedCall(opened=opened, phone=row.attempt_phone, close=close)


async def _record_disposition(connection: AsyncConnection, record: RecordDisposition) -> Entry:
    row = await _attempt_with_lead(connection, record.call_id)
    found = await connection.execute(
        select(*ATTEMPT_COLUMNS).where(attempts.c.id == record.call_id)
    )
    attempt = attempt_of(found.one())
    values: dict[str, Any] = {}
    if row.ended_at is None:
        values = {"ruled": record.lead_state, "callback_at": record.next_at}
    elif record.lead_state is not None:
        before = lead_of(row)
        lead = after_ruling(
            before,
            record.lead_state,
            record.next_at,
            barred=await _is_barred(connection, before),
            wrong_number=wrong_number_of(record),
        )
        if lead is not None:
            await _store(connection, await undisturbed(connection, before, lead))
    mine, waiting = await talk_callbacks(connection, record.call_id, attempt.lead_id)
    for callback in after_word(mine, waiting, record, attempt, ClientId(row.chain)):
        await put_callback(connection, callback)
    if record.ruling is not None and record.ruling.do_not_call:
        phones = dict.fromkeys((row.attempt_phone, *lead_of(row).every_phone))
        await add_entries(connection, [barred_by_agent(phone, record) for phone in phones if phone])
    former = former_of(attempt, record)
    if former is not None:
        await connection.execute(insert(former_dispositions).values(**asdict(former)))
    said = said_of(attempt, record)
    values |= {key: getattr(said, key) for key in _SAID} | {
        "blocks_number": said.blocks_number or None
    }
    await connection.execute(
        update(attempts).where(attempts.c.id == record.call_id).values(**values)
    )
    return of_disposition(record, row.chain)


async def _attempt_with_lead(connection: AsyncConnection, call_id: CallId) -> Row[Any]:
    """The attempt's lead, its columns by name; `ended_at`, `ruled` and `callback_at` of the attempt. Locked until the end of the
    transaction. Raises NotFoundError."""
    row = (await connection.execute(_ATTEMPT_WITH_LEAD, {"call": call_id})).one_or_none()
    if row is None:
        raise NotFoundError("no such attempt")
    return row


async def _is_barred(connection: AsyncConnection, lead: Lead) -> bool:
    """One of its numbers. Asked once the lead is locked: whoever bars its number locks it too, and has either committed or will
    find it as this transaction leaves it."""
    for phone in lead.every_phone:
        if await is_barred(connection, phone, lead.campaign_id):
            return True
    return False


async def _store(connection: AsyncConnection, lead: Lead, **more: Any) -> None:
    await connection.execute(
        update(leads).where(leads.c.id == lead.lead_id).values(**settled_values(lead), **more)
    )


def _rank(row: Row[Any], lead: Lead) -> int:
    """The lead's place in its list after a try; `row` says the order of the list, if it is stored."""
    order, seed = row.call_order or LeadOrder.PRIORITY, row.seed or 0
    return rank_of(order, seed, lead.lead_id, zone=lead.zone, tries=tries_of(lead))


def _ending(close: CloseAttempt) -> dict[str, Any]:
    """What was marked while the call was up stays where the close does not know it."""
    return {
        "ringing_at": close.ringing_at,
        "answered_at": func.coalesce(close.answered_at, attempts.c.answered_at),
        "bridged_at": func.coalesce(close.bridged_at, attempts.c.bridged_at),
        "ended_at": close.ended_at,
        "outcome": close.outcome,
        "cause": close.cause,
        "agent_id": func.coalesce(close.agent_id, attempts.c.agent_id),
        "screened": close.screened,
        "screening": close.screening,
        "message": close.message,
    }


_SAID = ("disposition", "category", "disposed_at", "agent_id")
_WITH_LEAD_COLUMNS = [
    *LEAD_COLUMNS,
    *OPENED_COLUMNS,
    attempts.c.ended_at,
    attempts.c.ruled,
    attempts.c.callback_at,
    attempts.c.category,
    callbacks.c.id.label("promised"),
    lists.c.call_order,
    lists.c.seed,
]
_the_list = and_(lists.c.campaign_id == leads.c.campaign_id, lists.c.id == leads.c.list_id)
_ATTEMPT_WITH_LEAD = (
    select(*_WITH_LEAD_COLUMNS)
    .join_from(attempts, leads, attempts.c.lead_id == leads.c.id)
    .outerjoin(lists, _the_list)
    .outerjoin(callbacks, and_(callbacks.c.lead_id == leads.c.id, text(f"callbacks.{PROMISED}")))
    .join(campaigns, attempts.c.campaign_id == campaigns.c.id)
    .where(attempts.c.id == bindparam("call"))
    .with_for_update(of=[attempts, leads])
)

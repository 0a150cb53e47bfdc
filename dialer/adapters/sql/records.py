"""What happened on a call, kept on its attempt and its lead. Every function is part of a transaction of its caller, and refuses
before it changes anything."""

from typing import Any

from sqlalchemy import Row, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.lead_changes import after_attempt, after_callback
from dialer.adapters.sql.leads import listed_numbers
from dialer.adapters.sql.rows import LEAD_COLUMNS, lead_of, settled_values
from dialer.adapters.sql.tables import attempts, leads
from dialer.commands import (
    CallRecord,
    CloseAttempt,
    MarkAnswered,
    MarkBridged,
    RecordDisposition,
)
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import CallId
from dialer.leads import Lead


async def keep(connection: AsyncConnection, record: CallRecord) -> None:
    """Raises what the AttemptStore's methods raise for the record."""
    match record:
        case MarkAnswered():
            await _mark_answered(connection, record)
        case MarkBridged():
            await _mark_bridged(connection, record)
        case CloseAttempt():
            await _close(connection, record)
        case RecordDisposition():
            await _record_disposition(connection, record)


async def _mark_answered(connection: AsyncConnection, mark: MarkAnswered) -> None:
    unanswered = and_(attempts.c.id == mark.call_id, attempts.c.answered_at.is_(None))
    change = update(attempts).where(unanswered, attempts.c.ended_at.is_(None))
    await connection.execute(change.values(answered_at=mark.answered_at))


async def _mark_bridged(connection: AsyncConnection, mark: MarkBridged) -> None:
    unbridged = and_(attempts.c.id == mark.call_id, attempts.c.bridged_at.is_(None))
    change = update(attempts).where(unbridged, attempts.c.ended_at.is_(None))
    await connection.execute(change.values(bridged_at=mark.bridged_at, agent_id=mark.agent_id))


async def _close(connection: AsyncConnection, close: CloseAttempt) -> None:
    row = await _attempt_with_lead(connection, close.call_id)
    if row.ended_at is not None:
        return
    if row.id != close.lead_update.lead_id:
        raise ConflictError("the update is of another lead than the attempt")
    barred = await _is_barred(connection, row.phone)
    lead = after_attempt(
        lead_of(row), close.lead_update, callback_at=row.callback_at, barred=barred
    )
    await connection.execute(
        update(attempts).where(attempts.c.id == close.call_id).values(**_ending(close))
    )
    await _store(connection, lead)


async def _record_disposition(connection: AsyncConnection, record: RecordDisposition) -> None:
    row = await _attempt_with_lead(connection, record.call_id)
    values: dict[str, Any] = {"disposition": record.disposition}
    values["agent_id"] = func.coalesce(attempts.c.agent_id, record.agent_id)
    if row.ended_at is None:
        values["callback_at"] = record.callback_at
    elif record.callback_at is not None:
        barred = await _is_barred(connection, row.phone)
        lead = after_callback(lead_of(row), record.callback_at, barred=barred)
        await _store(connection, lead)
    await connection.execute(
        update(attempts).where(attempts.c.id == record.call_id).values(**values)
    )


async def _attempt_with_lead(connection: AsyncConnection, call_id: CallId) -> Row[Any]:
    """The attempt's lead, its columns by name; `ended_at` and `callback_at` of the attempt. Locked until the end of the
    transaction. Raises NotFoundError."""
    row = (await connection.execute(_ATTEMPT_WITH_LEAD, {"call": call_id})).one_or_none()
    if row is None:
        raise NotFoundError("no such attempt")
    return row


async def _is_barred(connection: AsyncConnection, phone: str) -> bool:
    """Asked once the lead is locked: whoever bars its number locks it too, and has either committed or will find it as
    this transaction leaves it."""
    return bool(await listed_numbers(connection, [phone]))


async def _store(connection: AsyncConnection, lead: Lead) -> None:
    await connection.execute(
        update(leads).where(leads.c.id == lead.lead_id).values(**settled_values(lead))
    )


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
    }


_WITH_LEAD_COLUMNS = [*LEAD_COLUMNS, attempts.c.ended_at, attempts.c.callback_at]
_ATTEMPT_WITH_LEAD = (
    select(*_WITH_LEAD_COLUMNS)
    .join_from(attempts, leads, attempts.c.lead_id == leads.c.id)
    .where(attempts.c.id == bindparam("call"))
    .with_for_update(of=[attempts, leads])
)

"""AttemptStore on SQL. Write, then ring: what `open` returns is committed; the unique indexes over open attempts keep two
writers from ringing one lead or one number at the same time, whoever they are."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.lead_changes import after_attempt, after_callback
from dialer.adapters.opening import OpeningFacts, admitted, none, result
from dialer.adapters.sql.engine import Database, chunks, insert_or_skip
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.fences import holds
from dialer.adapters.sql.leads import listed_numbers
from dialer.adapters.sql.rows import (
    ATTEMPT_COLUMNS,
    LEAD_COLUMNS,
    OPEN_ATTEMPT_COLUMNS,
    attempt_of,
    lead_of,
    open_attempt_of,
    settled_values,
)
from dialer.adapters.sql.tables import attempts, leads
from dialer.adapters.sql.trunks import locked, uses_of
from dialer.commands import CloseAttempt, PlaceCall, RecordDisposition
from dialer.errors import ConflictError, NotFoundError
from dialer.events import NotOpened
from dialer.ids import AgentId, CallId, CampaignId, LeadId
from dialer.leads import PERSON_ANSWERED, Lead, LeadState, Outcome
from dialer.ports import AbandonCount, Attempt, OpenAttempt, OpenResult


class SqlAttemptStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def open(self, calls: Sequence[PlaceCall], *, owner: str) -> OpenResult:
        if not calls:
            return OpenResult()
        async with self._database.write() as connection:
            if not await holds(connection, owner):
                return none(calls, NotOpened.TEAM_LOST)
            limited = await locked(connection, {call.trunk for call in calls})
            facts = OpeningFacts(
                held=await _held_leads(connection, calls, owner),
                barred=await listed_numbers(connection, [call.phone for call in calls]),
                limited=limited,
                uses=await uses_of(connection, limited.values(), calls),
            )
            room, refused = admitted(calls, facts)
            written = await _insert(connection, room)
            await _mark_dialing(connection, written)
        return result(calls, [CallId(row.id) for row in written], refused)

    @again
    async def mark_answered(self, call_id: CallId, *, at: datetime) -> None:
        unanswered = and_(attempts.c.id == call_id, attempts.c.answered_at.is_(None))
        mark = update(attempts).where(unanswered, attempts.c.ended_at.is_(None))
        async with self._database.write() as connection:
            await connection.execute(mark.values(answered_at=at))

    @again
    async def mark_bridged(self, call_id: CallId, *, at: datetime, agent_id: AgentId) -> None:
        unbridged = and_(attempts.c.id == call_id, attempts.c.bridged_at.is_(None))
        mark = update(attempts).where(unbridged, attempts.c.ended_at.is_(None))
        async with self._database.write() as connection:
            await connection.execute(mark.values(bridged_at=at, agent_id=agent_id))

    @again
    async def close(self, close: CloseAttempt) -> None:
        async with self._database.write() as connection:
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

    @again
    async def record_disposition(self, record: RecordDisposition) -> None:
        async with self._database.write() as connection:
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

    async def still_open(self, campaign_ids: Collection[CampaignId]) -> list[OpenAttempt]:
        async with self._database.read() as connection:
            rows = await connection.execute(_STILL_OPEN, {"campaigns": sorted(campaign_ids)})
            found = [open_attempt_of(row) for row in rows]
        return sorted(found, key=lambda attempt: (attempt.started_at, attempt.call_id))

    async def of_lead(self, lead_id: LeadId) -> list[Attempt]:
        query = (
            select(*ATTEMPT_COLUMNS)
            .where(attempts.c.lead_id == lead_id)
            .order_by(attempts.c.started_at, attempts.c.id)
        )
        async with self._database.read() as connection:
            return [attempt_of(row) for row in await connection.execute(query)]

    async def outcomes(self, campaign_id: CampaignId) -> dict[Outcome, int]:
        async with self._database.read() as connection:
            rows = await connection.execute(_OUTCOMES, {"campaign": campaign_id})
            return {row.outcome: row.number for row in rows}

    async def first_started_at(self, campaign_id: CampaignId) -> datetime | None:
        query = select(func.min(attempts.c.started_at)).where(attempts.c.campaign_id == campaign_id)
        async with self._database.read() as connection:
            first: datetime | None = (await connection.execute(query)).scalar_one()
        return first

    async def abandon_count(
        self, campaign_id: CampaignId, *, since: datetime | None
    ) -> AbandonCount:
        query = _OUTCOMES.where(attempts.c.outcome.in_(sorted(PERSON_ANSWERED)))
        if since is not None:
            # an abandoned call was answered, even where nobody saw the instant
            answered_at = func.coalesce(attempts.c.answered_at, attempts.c.ended_at)
            query = query.where(answered_at >= since)
        async with self._database.read() as connection:
            rows = await connection.execute(query, {"campaign": campaign_id})
            found = {row.outcome: row.number for row in rows}
        return AbandonCount(abandoned=found.get(Outcome.ABANDONED, 0), answered=sum(found.values()))


async def _held_leads(
    connection: AsyncConnection, calls: Sequence[PlaceCall], owner: str
) -> dict[LeadId, CampaignId]:
    """Those of the calls' leads that `owner` holds, locked until the end of the transaction; with their campaigns."""
    held: dict[LeadId, CampaignId] = {}
    for chunk in chunks(sorted({call.lead_id for call in calls})):
        query = (
            select(leads.c.id, leads.c.campaign_id)
            .where(
                leads.c.id.in_(chunk),
                leads.c.owner == owner,
                leads.c.state == LeadState.RESERVED,
            )
            .order_by(leads.c.id)
            .with_for_update()
        )
        for row in await connection.execute(query):
            held[LeadId(row.id)] = CampaignId(row.campaign_id)
    return held


async def _insert(connection: AsyncConnection, calls: list[PlaceCall]) -> list[Row[Any]]:
    """Insert the attempts; those that a unique index refuses are left out of the answer. In the order of the numbers, so
    that two writers cannot wait for each other."""
    written: list[Row[Any]] = []
    columns = [attempts.c.id, attempts.c.lead_id, attempts.c.started_at]
    insert = insert_or_skip(connection, attempts).returning(*columns)
    for chunk in chunks(sorted(calls, key=lambda call: call.phone)):
        rows = [_new_row(call) for call in chunk]
        written.extend(await connection.execute(insert, rows))
    return written


async def _mark_dialing(connection: AsyncConnection, written: list[Row[Any]]) -> None:
    if written:
        dialed = [{"lead": row.lead_id, "started": row.started_at} for row in written]
        await connection.execute(_DIAL, dialed)


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


def _new_row(call: PlaceCall) -> dict[str, Any]:
    return {
        "id": call.call_id,
        "campaign_id": call.campaign_id,
        "lead_id": call.lead_id,
        "phone": call.phone,
        "caller_id": call.caller_id,
        "trunk": call.trunk,
        "node": call.node,
        "started_at": call.at,
    }


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


_DIAL = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(
        state=LeadState.DIALING, last_attempt_at=bindparam("started"), owner=None, wakes_at=None
    )
)

_WITH_LEAD_COLUMNS = [*LEAD_COLUMNS, attempts.c.ended_at, attempts.c.callback_at]
_ATTEMPT_WITH_LEAD = (
    select(*_WITH_LEAD_COLUMNS)
    .join_from(attempts, leads, attempts.c.lead_id == leads.c.id)
    .where(attempts.c.id == bindparam("call"))
    .with_for_update(of=[attempts, leads])
)

_STILL_OPEN = (
    select(*OPEN_ATTEMPT_COLUMNS)
    .join_from(attempts, leads, attempts.c.lead_id == leads.c.id)
    .where(
        attempts.c.ended_at.is_(None),
        attempts.c.campaign_id.in_(bindparam("campaigns", expanding=True)),
    )
)
"""Not ordered here: an order would lure SQLite to the index over all attempts by their start."""

_OUTCOMES = (
    select(attempts.c.outcome, func.count().label("number"))
    .where(attempts.c.campaign_id == bindparam("campaign"), attempts.c.ended_at.is_not(None))
    .group_by(attempts.c.outcome)
)

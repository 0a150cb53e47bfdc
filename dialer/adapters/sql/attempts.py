"""AttemptStore on SQL. Write, then ring: what `open` returns is committed; the unique indexes over open attempts keep two
writers from ringing one lead or one number at the same time, whoever they are."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.abandonment import AbandonFormula, EventClass
from dialer.adapters.opening import OpeningFacts, admitted, none, result
from dialer.adapters.sql.do_not_call import book_of, clients_of, lock_list
from dialer.adapters.sql.engine import Database, chunks, in_powers, insert_or_skip, padded
from dialer.adapters.sql.event_counts import event_counts
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.fences import holds
from dialer.adapters.sql.ledger_entries import Entry, append
from dialer.adapters.sql.records import keep
from dialer.adapters.sql.rows import (
    ATTEMPT_COLUMNS,
    OPEN_ATTEMPT_COLUMNS,
    attempt_of,
    former_of,
    open_attempt_of,
)
from dialer.adapters.sql.tables import attempts, former_dispositions, leads
from dialer.adapters.sql.tried import tried_before
from dialer.adapters.sql.trunks import locked, uses_of
from dialer.commands import (
    CallRecord,
    CloseAttempt,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
)
from dialer.errors import DialerError, NotFoundError
from dialer.events import NotOpened
from dialer.ids import AgentId, CallId, CampaignId, LeadId
from dialer.leads import LeadState, Outcome
from dialer.ports import Attempt, FormerDisposition, OpenAttempt, OpenResult


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
            await lock_list(connection, to_change=False)
            tried = await tried_before(connection, calls)
            limited = await locked(connection, {call.trunk for call in calls})
            facts = OpeningFacts(
                held=await _held_leads(connection, calls, owner),
                barred=await _barred(connection, calls),
                blocked=await _blocked_numbers(connection, [call.phone for call in calls]),
                tried=tried,
                limited=limited,
                uses=await uses_of(connection, limited.values(), calls),
            )
            room, refused = admitted(calls, facts)
            written = await _insert(connection, room)
            await _mark_dialing(connection, written)
        return result(calls, [CallId(row.id) for row in written], refused)

    async def mark_answered(self, call_id: CallId, *, at: datetime) -> None:
        await self._keep(MarkAnswered(call_id=call_id, answered_at=at))

    async def mark_bridged(self, call_id: CallId, *, at: datetime, agent_id: AgentId) -> None:
        await self._keep(MarkBridged(call_id=call_id, bridged_at=at, agent_id=agent_id))

    async def close(self, close: CloseAttempt) -> None:
        await self._keep(close)

    async def record_disposition(self, record: RecordDisposition) -> None:
        await self._keep(record)

    @again
    async def _keep(self, record: CallRecord) -> None:
        async with self._database.write() as connection:
            entry = await keep(connection, record)
            await append(connection, [entry] if entry else [])

    @again
    async def record(self, records: Sequence[CallRecord]) -> dict[int, DialerError]:
        refused: dict[int, DialerError] = {}
        entries: list[Entry] = []
        async with self._database.write() as connection:
            for place, record in enumerate(records):
                try:
                    entry = await keep(connection, record)
                except (
                    DialerError
                ) as error:  # what it refuses, it refuses before it changes anything
                    refused[place] = error
                else:
                    entries += [entry] if entry else []
            await append(connection, entries)
        return refused

    async def get(self, call_id: CallId) -> Attempt:
        query = select(*ATTEMPT_COLUMNS).where(attempts.c.id == call_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError("no such attempt")
        return attempt_of(row)

    async def former_dispositions(self, lead_id: LeadId) -> list[FormerDisposition]:
        query = (
            select(former_dispositions)
            .join(attempts, attempts.c.id == former_dispositions.c.call_id)
            .where(attempts.c.lead_id == lead_id)
            .order_by(former_dispositions.c.id)
        )
        async with self._database.read() as connection:
            return [former_of(row) for row in await connection.execute(query)]

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

    async def last_ended(self, campaign_id: CampaignId, count: int) -> list[Attempt]:
        query = (
            select(*ATTEMPT_COLUMNS)
            .where(attempts.c.campaign_id == campaign_id, attempts.c.ended_at.is_not(None))
            .order_by(attempts.c.started_at.desc(), attempts.c.id.desc())
            .limit(max(count, 0))
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

    async def closed_since(
        self, campaign_id: CampaignId, *, since: datetime, most: int
    ) -> list[Attempt]:
        query = (
            select(*ATTEMPT_COLUMNS)
            .where(attempts.c.campaign_id == campaign_id, attempts.c.started_at >= since)
            .where(attempts.c.ended_at.is_not(None))
            .order_by(attempts.c.started_at.desc(), attempts.c.id.desc())
            .limit(most)
        )
        async with self._database.read() as connection:
            return [attempt_of(row) for row in await connection.execute(query)]

    async def event_counts(
        self,
        campaign_ids: Collection[CampaignId],
        formula: AbandonFormula,
        *,
        since: datetime | None,
        until: datetime | None = None,
    ) -> Counter[EventClass]:
        async with self._database.read() as connection:
            return await event_counts(connection, campaign_ids, formula, since, until)


async def _held_leads(
    connection: AsyncConnection, calls: Sequence[PlaceCall], owner: str
) -> dict[LeadId, CampaignId]:
    """Those of the calls' leads that `owner` holds, and whose turn is on the call's number; locked until the end of the
    transaction; with their campaigns."""
    held: dict[LeadId, CampaignId] = {}
    phones = {(call.lead_id, call.phone) for call in calls}
    for chunk in chunks(sorted({call.lead_id for call in calls})):
        query = (
            select(leads.c.id, leads.c.campaign_id, leads.c.phone)
            .where(
                leads.c.id.in_(padded(chunk)),
                leads.c.owner == owner,
                leads.c.state == LeadState.RESERVED,
            )
            .order_by(leads.c.id)
            .with_for_update()
        )
        for row in await connection.execute(query):
            if (row.id, row.phone) in phones:
                held[LeadId(row.id)] = CampaignId(row.campaign_id)
    return held


async def _blocked_numbers(connection: AsyncConnection, phones: Collection[str]) -> set[str]:
    """Those that a disposition blocks."""
    found: set[str] = set()
    for chunk in chunks(sorted(set(phones))):
        blocked = and_(attempts.c.phone.in_(padded(chunk)), text("blocks_number IS NOT NULL"))
        query = select(attempts.c.phone).where(blocked).distinct()
        found.update((await connection.execute(query)).scalars())
    return found


async def _barred(connection: AsyncConnection, calls: Sequence[PlaceCall]) -> set[CallId]:
    """The calls whose number is on the do-not-call list."""
    client_of = await clients_of(connection, {call.campaign_id for call in calls})
    book = await book_of(connection, {call.phone for call in calls}, client_of.values())
    return {
        call.call_id
        for call in calls
        if call.campaign_id in client_of
        and book.of(call.phone, client_of[call.campaign_id], call.at)
    }


async def _insert(connection: AsyncConnection, calls: list[PlaceCall]) -> list[Row[Any]]:
    """Insert the attempts; those that a unique index refuses are left out of the answer. In the order of the numbers, so
    that two writers cannot wait for each other."""
    written: list[Row[Any]] = []
    columns = [attempts.c.id, attempts.c.lead_id, attempts.c.started_at]
    insert = insert_or_skip(connection, attempts).returning(*columns)
    for chunk in in_powers(sorted(calls, key=lambda call: call.phone)):
        rows = [_new_row(call) for call in chunk]
        written.extend(await connection.execute(insert, rows))
    return written


async def _mark_dialing(connection: AsyncConnection, written: list[Row[Any]]) -> None:
    if written:
        dialed = [{"lead": row.lead_id, "started": row.started_at} for row in written]
        await connection.execute(_DIAL, dialed)


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
        "profile": call.profile or None,
        "trunk_country": call.trunk_country or None,
        "checks": " ".join(call.checks) or None,
        "client_id": call.limits.client_id,
        "person": call.limits.person or call.phone,
        "subject": call.limits.subject,
    }


_DIAL = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(
        state=LeadState.DIALING, last_attempt_at=bindparam("started"), owner=None, wakes_at=None
    )
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

"""CallbackStore on SQL."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.callback_changes import lead_let_go, lead_moved, with_lead_over
from dialer.adapters.sql.callback_rows import callback_of, put_callback
from dialer.adapters.sql.engine import Database, chunks, padded
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.fences import holds
from dialer.adapters.sql.leads import barred_now, being_rung
from dialer.adapters.sql.rows import LEAD_COLUMNS, lead_of, settled_values
from dialer.adapters.sql.tables import PROMISED, callbacks, campaigns, leads
from dialer.callback_ports import CallbackCounts, CallbackFilter
from dialer.callbacks import Callback, CallbackDeed, CallbackState, apply, moved_to
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import AgentId, CallbackId, CampaignId, ClientId, LeadId
from dialer.leads import Lead, LeadState


class SqlCallbackStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, callback_id: CallbackId) -> Callback:
        query = select(callbacks).where(callbacks.c.id == callback_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError("no such callback")
        return callback_of(row)

    async def page(
        self,
        campaign_id: CampaignId,
        wanted: CallbackFilter,
        *,
        after: CallbackId | None,
        limit: int,
    ) -> list[Callback]:
        query = _wanted(campaign_id, wanted)
        if after is not None:
            query = query.where(callbacks.c.id > after)
        query = query.order_by(callbacks.c.id).limit(max(limit, 0))
        async with self._database.read() as connection:
            return [callback_of(row) for row in await connection.execute(query)]

    async def waiting_of(self, lead_ids: Collection[LeadId]) -> dict[LeadId, Callback]:
        found: dict[LeadId, Callback] = {}
        if not lead_ids:
            return found
        async with self._database.read() as connection:
            for chunk in chunks(sorted(lead_ids)):
                query = select(callbacks).where(
                    callbacks.c.lead_id.in_(padded(chunk)), text(PROMISED)
                )
                each = map(callback_of, await connection.execute(query))
                found |= {callback.lead_id: callback for callback in each}
        return found

    @again
    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        if count <= 0:
            return []
        values = {
            "campaign": campaign_id,
            "at": at,
            "holder": owner,
            "until": at + lease,
            "most": count,
        }
        async with self._database.write() as connection:
            if not await holds(connection, owner):
                return []
            taken = {row.id: row for row in await connection.execute(_TAKE, values)}
            query = select(callbacks).where(callbacks.c.lead_id.in_(padded(taken)), text(PROMISED))
            found = [callback_of(row) for row in await connection.execute(query)] if taken else []
        found.sort(key=lambda each: (each.due_at, each.callback_id))
        return [replace(lead_of(taken[each.lead_id]), callback=each) for each in found]

    @again
    async def next_at(self, campaign_id: CampaignId, *, at: datetime) -> datetime | None:
        values = {"campaign": campaign_id}
        async with self._database.read() as connection:
            row = (await connection.execute(_NEXT, values)).one()
        if row.over:
            async with self._database.write() as connection:
                await _settle(connection, campaign_id, at)
        if not row.waiting:
            return None
        return at if row.ready or row.earliest is None else max(row.earliest, at)

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> CallbackCounts:
        overdue = func.count(case((callbacks.c.due_at < at, 1)))
        first = func.min(callbacks.c.due_at)
        query = select(
            func.count().label("waiting"), overdue.label("overdue"), first.label("first")
        ).where(callbacks.c.campaign_id == campaign_id, text(PROMISED))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one()
        return CallbackCounts(waiting=row.waiting, overdue=row.overdue, first_due_at=row.first)

    @again
    async def escalate(self, callback_id: CallbackId, *, at: datetime) -> None:
        mine = and_(callbacks.c.id == callback_id, callbacks.c.state == CallbackState.BOOKED)
        escalated = update(callbacks).where(mine)
        async with self._database.write() as connection:
            await connection.execute(escalated.values(state=CallbackState.ESCALATED, changed_at=at))

    @again
    async def move(
        self,
        callback_id: CallbackId,
        *,
        client_id: ClientId,
        due_at: datetime,
        agent_id: AgentId | None,
        at: datetime,
    ) -> Callback:
        async with self._database.write() as connection:
            lead, callback = await _locked(connection, callback_id, client_id)
            moved = moved_to(callback, due_at, agent_id, at)
            await _put_lead(connection, lead_moved(lead, due_at))
            await put_callback(connection, moved)
        return moved

    @again
    async def cancel(
        self, callback_id: CallbackId, *, client_id: ClientId, reason: str, at: datetime
    ) -> Callback:
        async with self._database.write() as connection:
            lead, callback = await _locked(connection, callback_id, client_id)
            if callback.state is CallbackState.CANCELLED:
                return callback
            if not callback.waits:
                raise ConflictError(f"the callback is {callback.state.value}")
            cancelled = apply(callback, CallbackDeed.CANCEL, at, reason)
            await _put_lead(connection, lead_let_go(lead, reason))
            await put_callback(connection, cancelled)
        return cancelled


def _wanted(campaign_id: CampaignId, wanted: CallbackFilter) -> Select[Any]:
    columns = callbacks.c
    query = (
        select(callbacks)
        .join(campaigns, campaigns.c.id == columns.campaign_id)
        .where(columns.campaign_id == campaign_id, campaigns.c.client_id == columns.client_id)
    )
    if wanted.state is not None:
        query = query.where(columns.state == wanted.state)
    if wanted.agent_id is not None:
        query = query.where(columns.agent_id == wanted.agent_id)
    if wanted.due_from is not None:
        query = query.where(columns.due_at >= wanted.due_from)
    if wanted.due_before is not None:
        query = query.where(columns.due_at < wanted.due_before)
    return query


async def _locked(
    connection: AsyncConnection, callback_id: CallbackId, client_id: ClientId
) -> tuple[Lead, Callback]:
    """The lead first: whoever ends a call holds it before it looks at the callback."""
    mine = and_(callbacks.c.id == callback_id, callbacks.c.client_id == client_id)
    of_it = select(callbacks.c.lead_id).where(mine).scalar_subquery()
    query = select(*LEAD_COLUMNS).where(leads.c.id == of_it).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFoundError("no such callback")
    found = await connection.execute(select(callbacks).where(mine).with_for_update())
    return lead_of(row), callback_of(found.one())


async def _put_lead(connection: AsyncConnection, lead: Lead) -> None:
    change = update(leads).where(leads.c.id == lead.lead_id).values(**settled_values(lead))
    await connection.execute(change)


async def _settle(connection: AsyncConnection, campaign_id: CampaignId, at: datetime) -> None:
    query = (
        select(*LEAD_COLUMNS)
        .join(callbacks, callbacks.c.lead_id == leads.c.id)
        .where(_of_campaign, leads.c.state.in_([LeadState.DONE, LeadState.EXCLUDED]))
        .order_by(leads.c.id)
        .with_for_update(of=leads)
    )
    rows = await connection.execute(query, {"campaign": campaign_id})
    over = {LeadId(row.id): lead_of(row) for row in rows}
    mine = select(callbacks).where(callbacks.c.lead_id.in_(padded(over)), text(PROMISED))
    found = [callback_of(row) for row in await connection.execute(mine)] if over else []
    for each in found:
        await put_callback(connection, with_lead_over(each, over[each.lead_id], at))


# --- statements -------------------------------------------------------------------------------------------------------

_of_campaign = and_(callbacks.c.campaign_id == bindparam("campaign"), text(f"callbacks.{PROMISED}"))
_free = and_(
    leads.c.state.in_([LeadState.NEW, LeadState.RETRY, LeadState.RESERVED]),
    leads.c.wakes_at.is_(None) | (leads.c.wakes_at <= bindparam("at")),
)
_TAKEN = (
    select(leads.c.id)
    .join(callbacks, callbacks.c.lead_id == leads.c.id)
    .where(_of_campaign, _free, ~barred_now, ~being_rung)
    .order_by(callbacks.c.due_at, callbacks.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=leads)
)
_taken = _TAKEN.cte("taken")
_TAKE = (
    update(leads)
    .where(leads.c.id.in_(select(_taken.c.id)))
    .values(state=LeadState.RESERVED, owner=bindparam("holder"), wakes_at=bindparam("until"))
    .returning(*LEAD_COLUMNS)
)
_waits = leads.c.state.in_([LeadState.NEW, LeadState.RETRY])
_NEXT = (
    select(
        func.count().label("waiting"),
        func.count(case((leads.c.state.in_([LeadState.DONE, LeadState.EXCLUDED]), 1))).label(
            "over"
        ),
        func.count(case((and_(_waits, leads.c.wakes_at.is_(None)), 1))).label("ready"),
        func.min(leads.c.wakes_at).label("earliest"),
    )
    .join_from(callbacks, leads, callbacks.c.lead_id == leads.c.id)
    .where(_of_campaign)
)
"""The end of a lease counts too: it is when a lead that nobody gave back may be reserved again."""

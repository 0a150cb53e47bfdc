"""LeadStore on SQL."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.lead_changes import after_deferral
from dialer.adapters.sql.engine import Database, chunks, insert_or_skip
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.fences import holds
from dialer.adapters.sql.rows import LEAD_COLUMNS, lead_of, settled_values
from dialer.adapters.sql.tables import READY, attempts, campaigns, do_not_call, leads
from dialer.errors import NotFoundError
from dialer.ids import CampaignId, LeadId, uuid7
from dialer.leads import Lead, LeadState, NewLead
from dialer.ports import ImportReport, LeadCounts

WAKE_AT_ONCE = 5000
"""Sleepers woken by one call. Only while more than this many fall due between two calls may a lead be handed out before
one of higher priority; it keeps a morning with a million callbacks from holding the database for seconds."""


class SqlLeadStore:
    def __init__(self, database: Database, random: Random) -> None:
        self._database = database
        self._random = random

    @again
    async def add(self, leads: Sequence[NewLead], *, at: datetime) -> ImportReport:
        """One transaction however long the list: whoever imports a file cuts it into pieces of some thousands."""
        if not leads:
            return ImportReport(added=0, duplicates=0)
        ids = sorted(uuid7(at, self._random) for _ in leads)  # the order of the list is their age
        added = 0
        async with self._database.write() as connection:
            await _check_campaigns(connection, {lead.campaign_id for lead in leads})
            for chunk in chunks(list(zip(ids, leads, strict=True))):
                added += await _insert(connection, chunk)
        return ImportReport(added=added, duplicates=len(leads) - added)

    @again
    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        if count <= 0:
            return []
        values = {"campaign": campaign_id, "at": at, "most": count, "holder": owner}
        async with self._database.write() as connection:
            if not await holds(connection, owner):
                return []
            await connection.execute(_WAKE, values)
            taken = await connection.execute(_TAKE, {**values, "until": at + lease})
            reserved = [lead_of(row) for row in taken]
        return sorted(reserved, key=lambda lead: (-lead.priority, lead.lead_id))

    @again
    async def reserve(
        self, lead_id: LeadId, *, owner: str, lease: timedelta, at: datetime
    ) -> Lead | None:
        values = {"lead": lead_id, "at": at, "holder": owner, "until": at + lease}
        async with self._database.write() as connection:
            if not await holds(connection, owner):
                return None
            taken = (await connection.execute(_TAKE_ONE, values)).one_or_none()
            if taken is not None:
                return lead_of(taken)
        await self.get(lead_id)
        return None

    @again
    async def release(self, lead_ids: Collection[LeadId], *, owner: str) -> None:
        if not lead_ids:
            return
        async with self._database.write() as connection:
            for chunk in chunks(sorted(lead_ids)):
                held = and_(leads.c.id.in_(chunk), leads.c.owner == owner)
                await connection.execute(GIVE_BACK.where(held))

    @again
    async def release_owner(self, owner: str) -> int:
        async with self._database.write() as connection:
            result = await connection.execute(GIVE_BACK.where(leads.c.owner == owner))
            return result.rowcount

    @again
    async def defer(
        self, lead_id: LeadId, *, owner: str, state: LeadState, not_before: datetime | None
    ) -> None:
        held = and_(
            leads.c.id == lead_id,
            leads.c.owner == owner,
            leads.c.state == LeadState.RESERVED,
        )
        async with self._database.write() as connection:
            found = await connection.execute(select(*LEAD_COLUMNS).where(held).with_for_update())
            row = found.one_or_none()
            if row is None:
                return
            lead = after_deferral(lead_of(row), state, not_before)
            await connection.execute(
                update(leads).where(leads.c.id == lead_id).values(**settled_values(lead))
            )

    async def get(self, lead_id: LeadId) -> Lead:
        async with self._database.read() as connection:
            found = await connection.execute(select(*LEAD_COLUMNS).where(leads.c.id == lead_id))
            row = found.one_or_none()
        if row is None:
            raise NotFoundError("no such lead")
        return lead_of(row)

    async def page(
        self, campaign_id: CampaignId, *, after: LeadId | None, limit: int, state: LeadState | None
    ) -> list[Lead]:
        query = select(*LEAD_COLUMNS).where(leads.c.campaign_id == campaign_id)
        if after is not None:
            query = query.where(leads.c.id > after)
        if state is not None:
            query = query.where(leads.c.state == state)
        query = query.order_by(leads.c.id).limit(max(limit, 0))
        async with self._database.read() as connection:
            return [lead_of(row) for row in await connection.execute(query)]

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> LeadCounts:
        async with self._database.read() as connection:
            by_state = dict.fromkeys(LeadState, 0)
            for row in await connection.execute(_BY_STATE, {"campaign": campaign_id}):
                by_state[row.state] = row.number
            asleep = (await connection.execute(_ASLEEP, {"campaign": campaign_id, "at": at})).one()
        waiting = by_state[LeadState.NEW] + by_state[LeadState.RETRY]
        return LeadCounts(
            by_state=by_state, due=waiting - asleep.number, next_due_at=asleep.next_due_at
        )

    @again
    async def add_do_not_call(self, phone: str, *, reason: str, at: datetime) -> None:
        async with self._database.write() as connection:
            await bar(connection, phone, reason=reason, at=at)

    async def do_not_call(self, phones: Collection[str]) -> set[str]:
        async with self._database.read() as connection:
            return await listed_numbers(connection, phones)


async def bar(connection: AsyncConnection, phone: str, *, reason: str, at: datetime) -> None:
    """Nobody rings the number from now on; leads that wait with it are EXCLUDED."""
    listed = insert_or_skip(connection, do_not_call)
    await connection.execute(listed, {"phone": phone, "reason": reason, "added_at": at})
    # Who changes one of its leads at this moment is waited for; then all of them are seen as they are.
    await connection.execute(_WITH_NUMBER, {"number": phone})
    await connection.execute(_EXCLUDE, {"number": phone})


async def listed_numbers(connection: AsyncConnection, phones: Collection[str]) -> set[str]:
    """Those of `phones` that are on the do-not-call list, as this transaction sees it."""
    listed: set[str] = set()
    for chunk in chunks(sorted(set(phones))):
        query = select(do_not_call.c.phone).where(do_not_call.c.phone.in_(chunk))
        listed.update((await connection.execute(query)).scalars())
    return listed


async def _check_campaigns(connection: AsyncConnection, wanted: set[CampaignId]) -> None:
    query = select(campaigns.c.id).where(campaigns.c.id.in_(sorted(wanted)))
    if set((await connection.execute(query)).scalars()) != wanted:
        raise NotFoundError("no such campaign")


async def _insert(connection: AsyncConnection, chunk: list[tuple[str, NewLead]]) -> int:
    """Insert those whose number the campaign does not have; how many that were."""
    listed = await listed_numbers(connection, [lead.phone for _, lead in chunk])
    rows = [_new_row(key, lead, excluded=lead.phone in listed) for key, lead in chunk]
    insert = insert_or_skip(connection, leads).returning(leads.c.id)
    return len((await connection.execute(insert, rows)).all())


def _new_row(key: str, lead: NewLead, *, excluded: bool) -> dict[str, Any]:
    return {
        "id": key,
        "campaign_id": lead.campaign_id,
        "phone": lead.phone,
        "name": lead.name,
        "zone": lead.zone,
        "priority": lead.priority,
        "external_id": lead.external_id,
        "state": LeadState.EXCLUDED if excluded else LeadState.NEW,
        "attempts": 0,
        "never_rang": 0,
    }


# --- statements -------------------------------------------------------------------------------------------------------


def _sleepers() -> Select[Any]:
    """The leads whose lease or delay ends by :at. Rows that another caller has in hand are passed over."""
    asleep = and_(leads.c.campaign_id == bindparam("campaign"), leads.c.wakes_at <= bindparam("at"))
    earliest = select(leads.c.id).where(asleep).order_by(leads.c.wakes_at).limit(WAKE_AT_ONCE)
    return earliest.with_for_update(skip_locked=True)


_barred = exists().where(do_not_call.c.phone == leads.c.phone)
_being_rung = exists().where(
    attempts.c.phone == leads.c.phone, attempts.c.ended_at.is_(literal_column("NULL"))
)


def _takeable() -> Select[Any]:
    """The ready leads of :campaign, best first. Rows that another caller has in hand are passed over."""
    ready = and_(leads.c.campaign_id == bindparam("campaign"), text(READY), ~_barred, ~_being_rung)
    best = select(leads.c.id).where(ready).order_by(leads.c.priority.desc(), leads.c.id)
    return best.limit(bindparam("most")).with_for_update(skip_locked=True, of=leads)


_sleeping = _sleepers().cte("sleepers")
_WAKE = update(leads).where(leads.c.id.in_(select(_sleeping.c.id))).values(wakes_at=None)

_taken = _takeable().cte("taken")
_TAKE = (
    update(leads)
    .where(leads.c.id.in_(select(_taken.c.id)))
    .values(state=LeadState.RESERVED, owner=bindparam("holder"), wakes_at=bindparam("until"))
    .returning(*LEAD_COLUMNS)
)

_to_be_had = or_(
    leads.c.state.in_([LeadState.NEW, LeadState.RETRY]),
    and_(
        leads.c.state == LeadState.RESERVED,
        or_(
            leads.c.owner == bindparam("holder"),
            leads.c.wakes_at.is_(None),
            leads.c.wakes_at <= bindparam("at"),
        ),
    ),
)
_TAKE_ONE = (
    update(leads)
    .where(leads.c.id == bindparam("lead"), _to_be_had, ~_barred, ~_being_rung)
    .values(state=LeadState.RESERVED, owner=bindparam("holder"), wakes_at=bindparam("until"))
    .returning(*LEAD_COLUMNS)
)

_never_tried = and_(leads.c.attempts == 0, leads.c.last_attempt_at.is_(None))
GIVE_BACK = (
    update(leads)
    .where(leads.c.state == LeadState.RESERVED)
    .values(
        state=case((_never_tried, LeadState.NEW), else_=LeadState.RETRY),
        next_attempt_at=case((_never_tried, None), else_=leads.c.next_attempt_at),
        wakes_at=case((_never_tried, None), else_=leads.c.next_attempt_at),
        owner=None,
    )
)

_WITH_NUMBER = (
    select(leads.c.id)
    .where(leads.c.phone == bindparam("number"))
    .order_by(leads.c.id)
    .with_for_update()
)

_EXCLUDE = (
    update(leads)
    .where(
        leads.c.phone == bindparam("number"),
        leads.c.state.in_([LeadState.NEW, LeadState.RETRY, LeadState.RESERVED]),
    )
    .values(state=LeadState.EXCLUDED, next_attempt_at=None, owner=None, wakes_at=None)
)

_BY_STATE = (
    select(leads.c.state, func.count().label("number"))
    .where(leads.c.campaign_id == bindparam("campaign"))
    .group_by(leads.c.state)
)

_ASLEEP = select(
    func.count().label("number"), func.min(leads.c.wakes_at).label("next_due_at")
).where(
    leads.c.campaign_id == bindparam("campaign"),
    leads.c.state == LeadState.RETRY,
    leads.c.wakes_at > bindparam("at"),
)

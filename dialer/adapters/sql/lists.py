"""ListStore on SQL, and what reserving must know of lists.

A new order reaches the leads piece by piece, each in a transaction of its own, after the order itself was committed: nobody
who dials waits. `ranked` says whether all of them have it; where a server died on the way, the next `put` goes on.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.engine import Database, insert_into
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import campaigns, leads, lists
from dialer.errors import NotFoundError
from dialer.ids import CampaignId, LeadId, ListId
from dialer.lead_lists import (
    LeadList,
    LeadOrder,
    ListSettings,
    Tries,
    checked_list,
    rank_of,
    unnamed_list,
)

PIECE = 2000
"""Leads that get their new rank in one transaction."""


class SqlListStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, wanted: ListSettings, *, at: datetime) -> LeadList:
        checked_list(wanted)
        stored, ranked = await self._write(wanted, at)
        if not ranked:
            await self._rank(stored)
        return stored

    async def all(self, campaign_id: CampaignId) -> list[LeadList]:
        async with self._database.read() as connection:
            return await lists_of(connection, campaign_id)

    @again
    async def _write(self, wanted: ListSettings, at: datetime) -> tuple[LeadList, bool]:
        """The list as it is now, and whether its leads have its order."""
        campaign_id = wanted.campaign_id
        async with self._database.write() as connection:
            await _lock_campaign(connection, campaign_id)
            known = {row.name: row for row in await connection.execute(_ALL, _of(campaign_id))}
            before = known.get(wanted.name)
            if before is None:
                list_id = 0 if not wanted.name else max([0, *(r.id for r in known.values())]) + 1
                ranked = bool(wanted.name) or wanted.order is LeadOrder.PRIORITY
            else:
                list_id = before.id
                same = (before.call_order, before.seed) == (wanted.order, wanted.seed)
                ranked = before.ranked and same
            values = _values(wanted) | {"ranked": ranked}
            key = {"campaign_id": campaign_id, "id": list_id}
            row = insert_into(connection, lists).values(**key, **values, created_at=at)
            await connection.execute(
                row.on_conflict_do_update(index_elements=["campaign_id", "id"], set_=values)
            )
        created_at = before.created_at if before else at
        return LeadList(list_id=ListId(list_id), settings=wanted, created_at=created_at), ranked

    async def _rank(self, changed: LeadList) -> None:
        last: LeadId | None = LeadId("")
        while last is not None:
            last = await self._rank_piece(changed, last)

    @again
    async def _rank_piece(self, changed: LeadList, after: LeadId) -> LeadId | None:
        """The next leads by id; None: those were the last."""
        settings = changed.settings
        values = _of(settings.campaign_id) | {"list": changed.list_id}
        async with self._database.write() as connection:
            rows: list[Any] = [*await connection.execute(_PIECE, values | {"after": after})]
            if rows:
                await connection.execute(_RANK, [_ranked(settings, row) for row in rows])
            if len(rows) == PIECE:
                return LeadId(rows[-1].id)
            order = {"order": settings.order, "with": settings.seed}
            await connection.execute(_DONE, values | order)
        return None


async def lists_of(connection: AsyncConnection, campaign_id: CampaignId) -> list[LeadList]:
    """By number; the unnamed one is among them, stored or not."""
    rows = await connection.execute(_ALL, _of(campaign_id))
    stored = {ListId(row.id): _list_of(row) for row in rows}
    unnamed = unnamed_list(campaign_id)
    stored.setdefault(unnamed.list_id, unnamed)
    return [stored[list_id] for list_id in sorted(stored)]


async def _lock_campaign(connection: AsyncConnection, campaign_id: CampaignId) -> None:
    """One writer of its lists at a time. Raises NotFoundError."""
    query = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
    locked = query.with_for_update(key_share=True)
    if (await connection.execute(locked)).one_or_none() is None:
        raise NotFoundError("no such campaign")


def _of(campaign_id: CampaignId) -> dict[str, Any]:
    return {"campaign": campaign_id}


def _values(settings: ListSettings) -> dict[str, Any]:
    return {
        "name": settings.name,
        "weight": settings.weight,
        "call_order": settings.order,
        "seed": settings.seed,
    }


def _ranked(settings: ListSettings, row: Row[Any]) -> dict[str, Any]:
    tries = Tries(
        attempts=row.attempts, last_outcome=row.last_outcome, last_attempt_at=row.last_attempt_at
    )
    rank = rank_of(settings.order, settings.seed, row.id, zone=row.zone, tries=tries)
    return {"lead": row.id, "place": rank}


def _list_of(row: Row[Any]) -> LeadList:
    settings = ListSettings(
        campaign_id=CampaignId(row.campaign_id),
        name=row.name,
        weight=row.weight,
        order=row.call_order,
        seed=row.seed,
    )
    return LeadList(list_id=ListId(row.id), settings=settings, created_at=row.created_at)


def orders_of(found: Sequence[LeadList]) -> dict[ListId, tuple[LeadOrder, int]]:
    """Order and seed of each."""
    return {each.list_id: (each.settings.order, each.settings.seed) for each in found}


_ALL = select(lists).where(lists.c.campaign_id == bindparam("campaign")).order_by(lists.c.id)

_PIECE = (
    select(
        leads.c.id,
        leads.c.zone,
        leads.c.attempts,
        leads.c.last_outcome,
        leads.c.last_attempt_at,
    )
    .where(
        leads.c.campaign_id == bindparam("campaign"),
        leads.c.id > bindparam("after"),
        leads.c.list_id == bindparam("list"),
    )
    .order_by(leads.c.id)
    .limit(PIECE)
    .with_for_update()
)
_RANK = update(leads).where(leads.c.id == bindparam("lead")).values(rank=bindparam("place"))
_DONE = (
    update(lists)
    .where(
        and_(
            lists.c.campaign_id == bindparam("campaign"),
            lists.c.id == bindparam("list"),
            lists.c.call_order == bindparam("order"),  # nobody has changed it again meanwhile
            lists.c.seed == bindparam("with"),
        )
    )
    .values(ranked=True)
)

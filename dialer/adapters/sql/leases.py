"""Lease on SQL: one row a team, whose fence only grows."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.engine import Database, insert_into
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.fences import standing
from dialer.adapters.sql.leads import GIVE_BACK
from dialer.adapters.sql.tables import leads, team_leases
from dialer.ids import TeamId
from dialer.ports import TeamLease, fenced_owner


class SqlLease:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def acquire(
        self, team_id: TeamId, *, owner: str, ttl: timedelta, at: datetime
    ) -> int | None:
        values = {"team_id": team_id, "owner": owner, "until": at + ttl}
        free = or_(
            team_leases.c.owner.is_(None),
            team_leases.c.owner == owner,
            team_leases.c.until <= at,
        )
        async with self._database.write() as connection:
            first = insert_into(connection, team_leases).values(**values, fence=1)
            taken = first.on_conflict_do_update(
                index_elements=["team_id"],
                set_={**values, "fence": team_leases.c.fence + 1},
                where=free,
            )
            result = await connection.execute(taken.returning(team_leases.c.fence))
            fence: int | None = result.scalar_one_or_none()
            if fence is not None:
                await _give_back(connection, team_id, fence - 1)
        return fence

    @again
    async def renew(self, team_id: TeamId, *, fence: int, ttl: timedelta, at: datetime) -> bool:
        values = {"team": team_id, "number": fence}
        async with self._database.write() as connection:
            result = await connection.execute(_HELD.values(until=at + ttl), values)
            return result.rowcount > 0

    @again
    async def release(self, team_id: TeamId, *, fence: int) -> None:
        values = {"team": team_id, "number": fence}
        async with self._database.write() as connection:
            result = await connection.execute(_HELD.values(owner=None), values)
            if result.rowcount > 0:
                await _give_back(connection, team_id, fence)

    async def held_by(self, team_id: TeamId, *, at: datetime) -> TeamLease | None:
        wanted = _running(at).where(team_leases.c.team_id == team_id)
        async with self._database.read() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else _lease(row)

    async def running(self, *, at: datetime) -> list[TeamLease]:
        async with self._database.read() as connection:
            rows = (await connection.execute(_running(at))).all()
        return sorted((_lease(row) for row in rows), key=lambda lease: lease.team_id)


def _running(at: datetime) -> Select[Any]:
    somebodys = and_(team_leases.c.owner.is_not(None), team_leases.c.until > at)
    return select(team_leases).where(somebodys)


def _lease(row: Row[Any]) -> TeamLease:
    return TeamLease(team_id=row.team_id, owner=row.owner, fence=row.fence, until=row.until)


async def _give_back(connection: AsyncConnection, team_id: TeamId, fence: int) -> None:
    held = leads.c.owner == fenced_owner(team_id, fence)
    await connection.execute(GIVE_BACK.where(held))


_HELD = update(team_leases).where(standing)

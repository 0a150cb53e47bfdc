"""TrunkStore on SQL, and what attempts must know of trunks. The limits have columns of their own; the rest is one document."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.opening import CLOCKS_APART, TrunkUse
from dialer.adapters.sql.engine import Database, insert_or_update
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import attempts, trunks
from dialer.commands import PlaceCall
from dialer.ids import TrunkId
from dialer.trunks import NumberFormat, Trunk

LISTS = frozenset({"prefixes", "caller_ids", "nodes"})
OWN_COLUMNS = frozenset({"trunk_id", "lines", "calls_per_second"})


class SqlTrunkStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def save(self, trunk: Trunk) -> None:
        values = {
            "id": trunk.trunk_id,
            "lines": trunk.lines,
            "calls_per_second": trunk.calls_per_second,
            "settings": document_of(trunk),
        }
        async with self._database.write() as connection:
            await connection.execute(insert_or_update(connection, trunks, values, keep=frozenset()))

    async def all(self) -> list[Trunk]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(trunks).order_by(trunks.c.id))
            return [_trunk_of(row) for row in rows]


async def locked(connection: AsyncConnection, names: Collection[TrunkId]) -> dict[TrunkId, Trunk]:
    """Those of these trunks that have limits, locked until the end of the transaction: one writer at a time counts what
    they carry and adds to it. By id, so that two writers cannot wait for each other."""
    limited = or_(trunks.c.lines.is_not(None), trunks.c.calls_per_second.is_not(None))
    query = (
        select(trunks)
        .where(trunks.c.id.in_(sorted(names)), limited)
        .order_by(trunks.c.id)
        .with_for_update()
    )
    found = [_trunk_of(row) for row in await connection.execute(query)]
    return {trunk.trunk_id: trunk for trunk in found}


async def uses_of(
    connection: AsyncConnection, limited: Collection[Trunk], calls: Sequence[PlaceCall]
) -> dict[TrunkId, TrunkUse]:
    """What these trunks, which must be locked, carry at the instant of the calls."""
    if not limited:
        return {}
    names = [trunk.trunk_id for trunk in limited]
    still_open = and_(attempts.c.trunk.in_(names), attempts.c.ended_at.is_(None))
    open_now = await _counted(connection, still_open)
    at = max(call.at for call in calls)
    lately = [
        and_(
            attempts.c.trunk == trunk.trunk_id,
            attempts.c.started_at > _since(trunk, at),
            attempts.c.started_at <= at + CLOCKS_APART,
        )
        for trunk in limited
        if trunk.rate is not None
    ]
    recent = await _counted(connection, or_(*lately)) if lately else {}
    return {name: TrunkUse(open_now.get(name, 0), recent.get(name, 0)) for name in names}


def _since(trunk: Trunk, at: datetime) -> datetime:
    assert trunk.rate is not None
    return at - trunk.rate[1]


async def _counted(connection: AsyncConnection, which: Any) -> dict[TrunkId, int]:
    query = select(attempts.c.trunk, func.count().label("number")).where(which)
    rows = await connection.execute(query.group_by(attempts.c.trunk))
    return {TrunkId(row.trunk): row.number for row in rows}


def document_of(trunk: Trunk) -> dict[str, Any]:
    """All settings but those that have a column of their own."""
    values = {field.name: getattr(trunk, field.name) for field in fields(trunk)}
    document = {name: value for name, value in values.items() if name not in OWN_COLUMNS}
    return document | {name: list(document[name]) for name in LISTS}


def _trunk_of(row: Row[Any]) -> Trunk:
    settings = dict(row.settings)
    settings |= {name: tuple(settings[name]) for name in LISTS & settings.keys()}
    if "number_format" in settings:
        settings["number_format"] = NumberFormat(settings["number_format"])
    return Trunk(
        trunk_id=TrunkId(row.id),
        lines=row.lines,
        calls_per_second=row.calls_per_second,
        **settings,
    )

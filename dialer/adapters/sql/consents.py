"""ConsentStore on SQL. A withdrawal and the do-not-call entry that it makes are one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.clients import check_clients
from dialer.adapters.sql.do_not_call import add_entries, lock_list, remove_entry
from dialer.adapters.sql.engine import Database, chunks, insert_into, padded
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import consents, do_not_call_entries
from dialer.consents import WITHDRAWN, ConsentRecord, barred_by_withdrawal
from dialer.do_not_call import DncKey
from dialer.ids import ClientId

COLUMNS = tuple(field.name for field in fields(ConsentRecord))


class SqlConsentStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def add(self, consents: Sequence[ConsentRecord]) -> int:
        given = {record.key: record for record in consents}
        added = 0
        async with self._database.write() as connection:
            await lock_list(connection, to_change=True)
            await check_clients(connection, {record.client_id for record in consents})
            for chunk in chunks([given[key] for key in sorted(given)]):
                added += await _put(connection, chunk)
                await _end_withdrawals(connection, chunk)
            withdrawn = [
                barred_by_withdrawal(each.phone, each.client_id, each.withdrawn_at, each.who)
                for each in given.values()
                if each.withdrawn_at is not None
            ]
            await add_entries(connection, withdrawn)
        return added

    @again
    async def withdraw(self, phone: str, *, client_id: ClientId, at: datetime, who: str) -> int:
        standing = and_(
            consents.c.phone == phone,
            consents.c.client_id == client_id,
            consents.c.withdrawn_at.is_(None),
        )
        async with self._database.write() as connection:
            await add_entries(connection, [barred_by_withdrawal(phone, client_id, at, who)])
            done = await connection.execute(
                update(consents).where(standing).values(withdrawn_at=at)
            )
            return done.rowcount

    async def of(
        self, phones: Collection[str], *, client_id: ClientId
    ) -> dict[str, tuple[ConsentRecord, ...]]:
        found: dict[str, tuple[ConsentRecord, ...]] = {}
        async with self._database.read() as connection:
            for chunk in chunks(sorted(set(phones))):
                query = (
                    select(consents)
                    .where(consents.c.client_id == client_id, consents.c.phone.in_(padded(chunk)))
                    .order_by(consents.c.obtained_at, consents.c.purpose, consents.c.sector)
                )
                for row in await connection.execute(query):
                    found[row.phone] = (*found.get(row.phone, ()), _consent_of(row))
        return found


async def _put(connection: AsyncConnection, records: Sequence[ConsentRecord]) -> int:
    """How many were not there."""
    row = insert_into(connection, consents)
    rows = [{name: getattr(record, name) for name in COLUMNS} for record in records]
    new = row.on_conflict_do_nothing().returning(consents.c.phone)
    added = len((await connection.execute(new, rows)).all())
    withdrawn = [values for values in rows if values["withdrawn_at"] is not None]
    if withdrawn:
        later = row.on_conflict_do_update(
            index_elements=[column.name for column in consents.primary_key],
            set_={"withdrawn_at": row.excluded.withdrawn_at},
            where=consents.c.withdrawn_at.is_(None),
        )
        await connection.execute(later, withdrawn)
    return added


async def _end_withdrawals(connection: AsyncConnection, records: Sequence[ConsentRecord]) -> None:
    """Who consents again after taking it back may be called again."""
    entry = do_not_call_entries.c
    standing = {(each.client_id, each.phone): each for each in records if each.withdrawn_at is None}
    query = select(entry.client_id, entry.digits, entry.added_at).where(
        entry.digits.in_(sorted({phone for _, phone in standing})),
        entry.source == WITHDRAWN,
        entry.by_prefix.is_(False),
    )
    for row in (await connection.execute(query)).all():
        record = standing.get((ClientId(row.client_id), row.digits))
        if record is not None and row.added_at < record.obtained_at:
            key = DncKey(ClientId(row.client_id), row.digits, False)
            await remove_entry(connection, key, who=record.who, at=record.obtained_at)


def _consent_of(row: Row[Any]) -> ConsentRecord:
    return ConsentRecord(**{name: getattr(row, name) for name in COLUMNS})

"""DoNotCallStore on SQL, and the list as other transactions ask it.

Theory of operation. Whoever changes the list waits for the transactions that open attempts to end, and those that begin
meanwhile wait for the change (`lock_list`; on SQLite there is one writer anyway). So no attempt is opened after an entry is
committed that forbids it, by prefix or by number, also where its lead came in at the same moment.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.clients import check_clients
from dialer.adapters.sql.engine import Database, chunks, insert_into, padded
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.persons import has_one_of
from dialer.adapters.sql.tables import (
    campaigns,
    do_not_call,
    do_not_call_changes,
    do_not_call_entries,
    leads,
)
from dialer.do_not_call import (
    EVERYBODY,
    DncAction,
    DncBook,
    DncChange,
    DncKey,
    DoNotCall,
    addition,
    beginnings,
)
from dialer.ids import CampaignId, ClientId
from dialer.leads import DO_NOT_CALL, LeadState

LOCK = 0x646E63  # "dnc"
LONGEST = 16
"""Characters of a number, with its plus sign."""
WALK = 20_000
"""Leads that are looked at in one transaction when a prefix is barred."""

DETAILS = ("reason", "source", "who", "added_at", "expires_at")
WAITING = (LeadState.NEW, LeadState.RETRY, LeadState.RESERVED)


class SqlDoNotCallStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[DoNotCall]) -> int:
        changed = await self._add(entries)
        for entry in entries:
            if entry.by_prefix and entry.expires_at is None:
                await self._exclude_prefix(entry)
        return changed

    @again
    async def _add(self, entries: Sequence[DoNotCall]) -> int:
        async with self._database.write() as connection:
            return await add_entries(connection, entries)

    @again
    async def remove(self, key: DncKey, *, who: str, at: datetime) -> bool:
        async with self._database.write() as connection:
            return await remove_entry(connection, key, who=who, at=at)

    async def matching(
        self, phones: Collection[str], *, client_id: ClientId, at: datetime
    ) -> dict[str, tuple[DoNotCall, ...]]:
        async with self._database.read() as connection:
            book = await book_of(connection, phones, {client_id})
        found = {phone: book.of(phone, client_id, at) for phone in phones}
        return {phone: entries for phone, entries in found.items() if entries}

    async def page(self, *, after: DncKey | None, limit: int) -> list[DoNotCall]:
        page: list[DoNotCall] = []
        async with self._database.read() as connection:
            if after is None or is_for_all(after):
                query = select(do_not_call).order_by(do_not_call.c.phone).limit(limit)
                if after is not None:
                    query = query.where(do_not_call.c.phone > after.digits)
                page = [_entry_of(row) for row in await connection.execute(query)]
                after = None
            rest = select(do_not_call_entries).order_by(*do_not_call_entries.primary_key)
            if after is not None:
                rest = rest.where(_beyond(after))
            rows = await connection.execute(rest.limit(limit - len(page)))
            return page + [_scoped_of(row) for row in rows]

    async def changes(self, *, limit: int) -> list[DncChange]:
        query = select(do_not_call_changes).order_by(do_not_call_changes.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [_change_of(row) for row in await connection.execute(query)]

    async def _exclude_prefix(self, entry: DoNotCall) -> None:
        """Campaign by campaign, some leads at a time: there is no index over the beginnings of numbers, and the entry holds
        already."""
        query = select(campaigns.c.id)
        if entry.client_id != EVERYBODY:
            query = query.where(campaigns.c.client_id == entry.client_id)
        async with self._database.read() as connection:
            found = [CampaignId(row.id) for row in await connection.execute(query)]
        for campaign_id in found:
            after: str | None = ""
            while after is not None:
                after = await self._exclude_some(campaign_id, entry.digits, after)

    @again
    async def _exclude_some(self, campaign_id: CampaignId, prefix: str, after: str) -> str | None:
        """The last lead that was looked at; None: there are no more."""
        here = and_(leads.c.campaign_id == campaign_id, leads.c.id > after)
        async with self._database.write() as connection:
            walk = select(leads.c.id).where(here).order_by(leads.c.id).limit(WALK)
            last = select(func.max(walk.subquery().c.id))
            until: str | None = (await connection.execute(last)).scalar_one()
            if until is not None:
                change = _EXCLUDE.where(here, leads.c.id <= until)
                await connection.execute(change.where(leads.c.phone.startswith(prefix)))
            return until


# --- parts of a caller's transaction ----------------------------------------------------------------------------------


async def lock_list(connection: AsyncConnection, *, to_change: bool) -> None:
    """Until the end of the transaction: many may open attempts at once, one changes the list, never both."""
    if connection.dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock" if to_change else "pg_advisory_xact_lock_shared"
        await connection.execute(text(f"SELECT {lock}({LOCK})"))


async def add_entries(connection: AsyncConnection, entries: Sequence[DoNotCall]) -> int:
    """As DoNotCallStore.add, but for the leads under prefixes."""
    await lock_list(connection, to_change=True)
    await check_clients(connection, {entry.client_id for entry in entries} - {EVERYBODY})
    return sum([await _add_some(connection, chunk) for chunk in chunks(entries)])


async def remove_entry(connection: AsyncConnection, key: DncKey, *, who: str, at: datetime) -> bool:
    await lock_list(connection, to_change=True)
    table = do_not_call if is_for_all(key) else do_not_call_entries
    found = await connection.execute(delete(table).where(_is(key)))
    if found.rowcount:
        change = DncChange(action=DncAction.REMOVED, key=key, at=at, who=who, reason="", source="")
        await connection.execute(insert(do_not_call_changes), [_change_row(change)])
    return bool(found.rowcount)


async def book_of(
    connection: AsyncConnection, phones: Collection[str], clients: Collection[ClientId]
) -> DncBook:
    """The entries that may hold for calls of these clients to these numbers, as this transaction sees them."""
    found: list[DoNotCall] = []
    for chunk in chunks(sorted(set(phones))):
        query = select(do_not_call).where(do_not_call.c.phone.in_(padded(chunk)))
        found += [_entry_of(row) for row in await connection.execute(query)]
        parts = sorted({part for phone in chunk for part in beginnings(phone)})
        scoped = select(do_not_call_entries).where(
            do_not_call_entries.c.client_id.in_(padded([EVERYBODY, *sorted(clients)])),
            do_not_call_entries.c.digits.in_(padded(parts)),
        )
        found += [_scoped_of(row) for row in await connection.execute(scoped)]
    return DncBook(found)


def barring(
    phone: ColumnElement[str], client_id: ColumnElement[str], at: ColumnElement[datetime] | None
) -> ColumnElement[bool]:
    """Whether a number is on the list for a client at an instant; None: for good."""
    parts = [func.substr(phone, 1, length) for length in range(2, LONGEST + 1)]
    scoped = do_not_call_entries.c
    return or_(
        exists().where(do_not_call.c.phone == phone, _in_force(do_not_call, at)),
        exists().where(
            scoped.client_id.in_([literal(EVERYBODY), client_id]),
            scoped.digits.in_(parts),
            or_(scoped.by_prefix, scoped.digits == phone),
            _in_force(do_not_call_entries, at),
        ),
    )


async def is_barred(connection: AsyncConnection, phone: str, campaign_id: CampaignId) -> bool:
    """For good."""
    client = select(campaigns.c.client_id).where(campaigns.c.id == campaign_id).scalar_subquery()
    query = select(barring(literal(phone), client, None))
    return bool((await connection.execute(query)).scalar_one())


async def clients_of(
    connection: AsyncConnection, wanted: Collection[CampaignId]
) -> dict[CampaignId, ClientId]:
    query = select(campaigns.c.id, campaigns.c.client_id).where(
        campaigns.c.id.in_(padded(sorted(wanted)))
    )
    rows = await connection.execute(query)
    return {CampaignId(row.id): ClientId(row.client_id) for row in rows}


def is_for_all(key: DncKey) -> bool:
    """A whole number that nobody rings: these have a table of their own."""
    return key.client_id == EVERYBODY and not key.by_prefix


async def _add_some(connection: AsyncConnection, entries: Sequence[DoNotCall]) -> int:
    known = await _known(connection, {entry.digits for entry in entries})
    fresh: dict[DncKey, DoNotCall] = {}
    for entry in entries:
        before = fresh.get(entry.key) or known.get(entry.key)
        if before is None or entry.outlasts(before):
            fresh[entry.key] = entry
    for_all = [entry for key, entry in fresh.items() if is_for_all(key)]
    await _put(connection, do_not_call, [_row(entry) for entry in for_all])
    scoped = [entry for key, entry in fresh.items() if not is_for_all(key)]
    await _put(connection, do_not_call_entries, [_scoped_row(entry) for entry in scoped])
    if fresh:
        history = [_change_row(addition(entry)) for entry in fresh.values()]
        await connection.execute(insert(do_not_call_changes), history)
    await _exclude_numbers(connection, entries)
    return len(fresh)


async def _known(connection: AsyncConnection, digits: Collection[str]) -> dict[DncKey, DoNotCall]:
    for_all = select(do_not_call).where(do_not_call.c.phone.in_(sorted(digits)))
    known = [_entry_of(row) for row in await connection.execute(for_all)]
    scoped = select(do_not_call_entries).where(do_not_call_entries.c.digits.in_(sorted(digits)))
    known += [_scoped_of(row) for row in await connection.execute(scoped)]
    return {entry.key: entry for entry in known}


async def _put(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    row = insert_into(connection, table)
    changes = {name: row.excluded[name] for name in DETAILS}
    key = [column.name for column in table.primary_key]
    await connection.execute(row.on_conflict_do_update(index_elements=key, set_=changes), rows)


async def _exclude_numbers(connection: AsyncConnection, entries: Sequence[DoNotCall]) -> None:
    """Leads that wait with a number that is barred for good. Who changes one of them at this moment is waited for; then all
    are seen as they are."""
    lasting = [entry for entry in entries if entry.expires_at is None and not entry.by_prefix]
    for client_id in sorted({entry.client_id for entry in lasting}):
        numbers = sorted({entry.digits for entry in lasting if entry.client_id == client_id})
        mine = has_one_of(numbers)
        if client_id != EVERYBODY:
            own = select(campaigns.c.id).where(campaigns.c.client_id == client_id)
            mine = and_(mine, leads.c.campaign_id.in_(own))
        lock = select(leads.c.id).where(mine).order_by(leads.c.id).with_for_update()
        await connection.execute(lock)
        await connection.execute(_EXCLUDE.where(mine))


_EXCLUDE = (
    update(leads)
    .where(leads.c.state.in_(WAITING))
    .values(
        state=LeadState.EXCLUDED,
        held_by=DO_NOT_CALL,
        next_attempt_at=None,
        owner=None,
        wakes_at=None,
    )
)


def _in_force(table: Table, at: ColumnElement[datetime] | None) -> ColumnElement[bool]:
    never = table.c.expires_at.is_(None)
    return never if at is None else or_(never, table.c.expires_at > at)


def _is(key: DncKey) -> ColumnElement[bool]:
    if is_for_all(key):
        return do_not_call.c.phone == key.digits
    entry = do_not_call_entries.c
    return and_(
        entry.client_id == key.client_id,
        entry.digits == key.digits,
        entry.by_prefix.is_(key.by_prefix),
    )


def _beyond(key: DncKey) -> ColumnElement[bool]:
    """The entries after it, in the order of the primary key."""
    entry = do_not_call_entries.c
    same = and_(entry.client_id == key.client_id, entry.digits == key.digits)
    later = or_(
        entry.client_id > key.client_id,
        and_(entry.client_id == key.client_id, entry.digits > key.digits),
    )
    return later if key.by_prefix else or_(later, and_(same, entry.by_prefix))


# --- rows -------------------------------------------------------------------------------------------------------------


def _details(entry: DoNotCall) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in DETAILS}


def _row(entry: DoNotCall) -> dict[str, Any]:
    return {"phone": entry.digits, **_details(entry)}


def _scoped_row(entry: DoNotCall) -> dict[str, Any]:
    return {**entry.key._asdict(), **_details(entry)}


def _entry_of(row: Row[Any]) -> DoNotCall:
    return DoNotCall(digits=row.phone, **_columns(row, DETAILS))


def _scoped_of(row: Row[Any]) -> DoNotCall:
    return DoNotCall(**_columns(row, (*DncKey._fields, *DETAILS)))


def _columns(row: Row[Any], names: Sequence[str]) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in names}


def _change_row(change: DncChange) -> dict[str, Any]:
    return {
        **change.key._asdict(),
        "action": change.action,
        "at": change.at,
        "who": change.who,
        "reason": change.reason,
        "source": change.source,
    }


def _change_of(row: Row[Any]) -> DncChange:
    return DncChange(
        action=row.action,
        key=DncKey(ClientId(row.client_id), row.digits, row.by_prefix),
        at=row.at,
        who=row.who,
        reason=row.reason,
        source=row.source,
    )

"""Many leads at once, for files of a million: LeadStore.add without its price per row.

Theory of operation. On SQLite nearly all of the time goes into one index, the one over the numbers, whose pages are hit
at random. So a batch is large, its rows come in the order of the numbers (each page is written once a batch), and the
connection has room for the pages of a million leads. Ids, not the order of writing, say how old a lead is. The do-not-call
list is asked once a batch and only when it holds something: asked in each row of the INSERT it took half of the time.

Whoever calls gives the ids, the same ones when a batch is written again: then "added" counts the leads that bear them,
whichever of the two tries wrote them.
"""

import json
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.import_batches import IdentifiedLead
from dialer.adapters.sql.do_not_call import LONGEST
from dialer.adapters.sql.duplicates import Dedupe, duplicates_of
from dialer.adapters.sql.engine import Database, chunks
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.persons import put_numbers
from dialer.adapters.sql.tables import campaigns, leads
from dialer.errors import NotFoundError
from dialer.ids import CampaignId, LeadId
from dialer.lead_lists import LeadList
from dialer.leads import DO_NOT_CALL, LeadState
from dialer.ports import ImportReport

_PARTS = ", ".join(f"substr({{0}}, 1, {length})" for length in range(2, LONGEST + 1))
_LISTED = (
    "(EXISTS"
    " (SELECT 1 FROM do_not_call d WHERE d.phone = {0} AND d.expires_at IS NULL)"
    " OR (EXISTS (SELECT 1 FROM do_not_call_entries) AND EXISTS"
    " (SELECT 1 FROM do_not_call_entries e WHERE e.client_id IN"
    " ('', (SELECT c.client_id FROM campaigns c WHERE c.id = {1}))"
    f" AND e.digits IN ({_PARTS})"
    " AND (e.by_prefix OR e.digits = {0}) AND e.expires_at IS NULL)))"
)
"""Of a number ({0}) and a campaign ({1}): only what bars it for good. Most installations have no entry by client or prefix,
which is asked first."""
_INTO = (
    "INSERT INTO leads"
    " (id, phone, name, zone, priority, external_id, attributes, numbers, rank, list_id, campaign_id,"
    " state, held_by, attempts, never_rang) "
)
_SKIP = " ON CONFLICT DO NOTHING"
_ANY_LISTED = (
    "SELECT EXISTS (SELECT 1 FROM do_not_call) OR EXISTS (SELECT 1 FROM do_not_call_entries)"
)
_WHICH_LISTED = f"SELECT value FROM json_each(?1) WHERE {_LISTED.format('value', '?2')}"
_WHICH_LISTED_POSTGRESQL = (
    f"SELECT value FROM unnest($1::text[]) AS n (value) WHERE {_LISTED.format('value', '$2::text')}"
)
_SQLITE = f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0){_SKIP}"
_POSTGRESQL = (
    f"{_INTO}SELECT id, phone, name, zone, priority, external_id, attributes, numbers, rank,"
    " $10::int, $11::text,"
    " CASE WHEN phone = ANY($12::text[]) THEN 'excluded' ELSE 'new' END,"
    " CASE WHEN phone = ANY($12::text[]) THEN 'do_not_call' END, 0, 0"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[],"
    " $7::text[], $8::text[], $9::bigint[])"
    " AS n (id, phone, name, zone, priority, external_id, attributes, numbers, rank)"
    f"{_SKIP}"
)
_IN, _OUT = (LeadState.NEW.value, None), (LeadState.EXCLUDED.value, DO_NOT_CALL)
"""State, and what holds it."""
_ROOM = ("PRAGMA cache_size = -45056", "PRAGMA wal_autocheckpoint = 20000")
"""44 MB of pages; and 80 MB of log before they are copied into the file, each of them once."""


ONCE_A_CAMPAIGN = Dedupe()


class SqlLeadImport:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def add(
        self,
        to: LeadList,
        rows: Sequence[IdentifiedLead],
        *,
        repeated: bool,
        rule: Dedupe = ONCE_A_CAMPAIGN,
    ) -> ImportReport:
        """Into one list, in one transaction. `rows` in the order of their numbers. `repeated`: they may have been written
        before, under the same ids. Raises NotFoundError when there is no such campaign."""
        if not rows:
            return ImportReport(added=0, duplicates=0)
        async with self._database.write() as connection:
            persons = any(row.numbers for row in rows)
            await _check_campaign(connection, to.settings.campaign_id, alone=persons)
            added = await count_ids(connection, [row.lead_id for row in rows]) if repeated else 0
            barred = await duplicates_of(connection, to, rows, rule)
            fresh = [row for row in rows if row.lead_id not in barred] if barred else rows
            added += await _insert(connection, to, fresh) if fresh else 0
            if persons:
                several = [(row.lead_id, row.phones) for row in fresh if row.numbers]
                await put_numbers(connection, to.settings.campaign_id, several)
        return ImportReport(added=added, duplicates=len(rows) - added)

    async def any_of(self, lead_ids: Sequence[LeadId]) -> LeadId | None:
        """One that is in the store."""
        async with self._database.read() as connection:
            for chunk in chunks(lead_ids):
                found = await connection.execute(
                    select(leads.c.id).where(leads.c.id.in_(chunk)).limit(1)
                )
                if (lead_id := found.scalar_one_or_none()) is not None:
                    return LeadId(lead_id)
        return None

    async def has_all(self, lead_ids: Sequence[LeadId]) -> bool:
        async with self._database.read() as connection:
            return await count_ids(connection, lead_ids) == len(lead_ids)


async def count_ids(connection: AsyncConnection, lead_ids: Sequence[LeadId]) -> int:
    """How many of them are in the store."""
    number = 0
    for chunk in chunks(lead_ids):
        query = select(func.count()).select_from(leads).where(leads.c.id.in_(chunk))
        number += (await connection.execute(query)).scalar_one()
    return number


async def _check_campaign(
    connection: AsyncConnection, campaign_id: CampaignId, *, alone: bool
) -> None:
    """`alone`: nobody else adds leads to it until the end of the transaction. Calls can be opened meanwhile."""
    query = select(campaigns.c.id).where(campaigns.c.id == campaign_id)
    found = await connection.execute(query.with_for_update(read=not alone, key_share=alone))
    if found.one_or_none() is None:
        raise NotFoundError("no such campaign")


async def _insert(connection: AsyncConnection, to: LeadList, rows: Sequence[IdentifiedLead]) -> int:
    place = (to.list_id, to.settings.campaign_id)
    listed = await _listed(connection, to.settings.campaign_id, rows)
    if connection.dialect.name == "postgresql":
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        done = await connection.exec_driver_sql(_POSTGRESQL, (*columns, *place, sorted(listed)))
        return done.rowcount
    for pragma in _ROOM:
        await connection.exec_driver_sql(pragma)
    done = await connection.exec_driver_sql(
        _SQLITE, [(*row, *place, *(_OUT if row.phone in listed else _IN)) for row in rows]
    )
    return done.rowcount


async def _listed(
    connection: AsyncConnection, campaign_id: CampaignId, rows: Sequence[IdentifiedLead]
) -> frozenset[str]:
    """Of the leads that the do-not-call list bars for good, by one of their numbers, the first one. Who is entered a moment later
    is found when an attempt is opened."""
    if not (await connection.exec_driver_sql(_ANY_LISTED)).scalar_one():
        return frozenset()
    several = any(row.numbers for row in rows)
    phones = [phone for row in rows for phone in row.phones] if several else [r.phone for r in rows]
    if connection.dialect.name == "postgresql":
        found = await connection.exec_driver_sql(_WHICH_LISTED_POSTGRESQL, (phones, campaign_id))
    else:
        found = await connection.exec_driver_sql(_WHICH_LISTED, (json.dumps(phones), campaign_id))
    listed = frozenset(found.scalars())
    if not several:
        return listed
    return frozenset(row.phone for row in rows if not listed.isdisjoint(row.phones))

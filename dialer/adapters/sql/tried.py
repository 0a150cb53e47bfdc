"""The attempts that the limits of calls count, as a transaction that is about to write further ones sees them."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.call_limits import Tried, looked_at, refused_at, since
from dialer.adapters.sql.engine import chunks, padded
from dialer.adapters.sql.tables import attempts
from dialer.commands import PlaceCall
from dialer.ids import CallId, ClientId

_LOCK = text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k")


async def tried_before(connection: AsyncConnection, calls: Sequence[PlaceCall]) -> list[Tried]:
    """Of the numbers and persons of the calls that have limits. Until the end of the transaction no other one opens a call with
    limits to any of them: the second to come counts what the first has written."""
    limited = looked_at(calls)
    start = since(limited)
    if start is None:
        return []
    await _lock(connection, limited)
    found: dict[str, Tried] = {}
    for chunk in chunks(limited):
        names = {
            "phones": padded(sorted({call.phone for call in chunk})),
            "persons": padded(sorted({call.limits.person for call in chunk})),
            "since": start,
        }
        for query in (_OF_NUMBERS, _OF_PERSONS):
            for row in await connection.execute(query, names):
                found[row.id] = Tried(
                    call_id=CallId(row.id),
                    phone=row.phone,
                    client_id=None if row.client_id is None else ClientId(row.client_id),
                    person=row.person,
                    subject=row.subject,
                    started_at=row.started_at,
                    outcome=row.outcome,
                    refused_at=refused_at(row.category, row.disposed_at),
                )
    return list(found.values())


async def _lock(connection: AsyncConnection, calls: Iterable[PlaceCall]) -> None:
    """In the order of the keys, so that two writers cannot wait for each other. SQLite has one writer at a time anyway."""
    if connection.dialect.name != "postgresql":
        return
    names = {f"n:{call.phone}" for call in calls}
    names |= {f"p:{call.limits.client_id}:{call.limits.person}" for call in calls}
    await connection.execute(_LOCK, {"keys": sorted(map(_key, names))})


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


_TRIED = select(
    attempts.c.id,
    attempts.c.phone,
    attempts.c.client_id,
    attempts.c.person,
    attempts.c.subject,
    attempts.c.started_at,
    attempts.c.outcome,
    attempts.c.category,
    attempts.c.disposed_at,
).where(attempts.c.started_at > bindparam("since"))
_OF_NUMBERS = _TRIED.where(attempts.c.phone.in_(bindparam("phones", expanding=True)))
_OF_PERSONS = _TRIED.where(attempts.c.person.in_(bindparam("persons", expanding=True)))

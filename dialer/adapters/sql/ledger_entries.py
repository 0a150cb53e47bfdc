"""Rows are added to the ledger here, at the end of the transaction of whoever has something to say.

The head of a chain is one row, which the transaction locks until it commits: two servers, also one that lost its team a moment
ago, write one after the other, and no chain can fork. The lock is taken last and chains in order, so nobody waits in a circle.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.abandonment import is_audited
from dialer.adapters.sql.engine import chunks, insert_into, insert_or_skip, padded
from dialer.adapters.sql.ledger_tables import (
    ledger,
    ledger_heads,
    ledger_salts,
    machine_audits,
)
from dialer.commands import CloseAttempt
from dialer.ids import LeadId
from dialer.leads import Outcome
from dialer.ledger import ChainHead, Draft, chained, personal_hash
from dialer.ledger_records import Opened, of_call

SALT_BYTES = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedCall:
    """An attempt that has ended in this transaction."""

    opened: Opened
    phone: str
    close: CloseAttempt


Entry = ClosedCall | Draft


async def append(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """In this order. Part of a transaction of its caller, which changes nothing more after it."""
    if not entries:
        return
    closed = [entry for entry in entries if isinstance(entry, ClosedCall)]
    await _sample(connection, closed)
    salts = await _salts(connection, {entry.opened.lead_id for entry in closed})
    drafts = [_draft(entry, salts) for entry in entries]
    for chain in sorted({draft.chain for draft in drafts}):
        await _add(connection, chain, [draft for draft in drafts if draft.chain == chain])


def _draft(entry: Entry, salts: dict[LeadId, str]) -> Draft:
    if isinstance(entry, Draft):
        return entry
    phone = personal_hash(salts[entry.opened.lead_id], "phone", entry.phone)
    return of_call(entry.opened, entry.close, phone)


async def _add(connection: AsyncConnection, chain: str, drafts: list[Draft]) -> None:
    head = await locked_head(connection, chain)
    rows, after = chained(head, drafts)
    for chunk in chunks(rows):
        values = [
            {"chain": r.chain, "seq": r.seq, "at": r.at, "body": r.body, "hash": r.hash}
            for r in chunk
        ]
        await connection.execute(insert_into(connection, ledger), values)
    await connection.execute(_MOVE, {"of": chain, "length": after.count, "last": after.hash})


async def locked_head(connection: AsyncConnection, chain: str) -> ChainHead:
    """Where the chain stands, until the end of the transaction."""
    row = (await connection.execute(_HEAD, {"of": chain})).one_or_none()
    if row is None:
        fresh = ChainHead(chain=chain)
        values = {"chain": chain, "rows": 0, "hash": fresh.hash}
        values |= {"first_seq": fresh.first_seq, "first_prev": fresh.first_prev}
        await connection.execute(insert_or_skip(connection, ledger_heads).values(**values))
        row = (await connection.execute(_HEAD, {"of": chain})).one()
    return head_of(row)


def head_of(row: Row[Any]) -> ChainHead:
    return ChainHead(
        chain=row.chain,
        count=row.rows,
        hash=row.hash,
        first_seq=row.first_seq,
        first_prev=row.first_prev,
    )


async def _salts(connection: AsyncConnection, lead_ids: Collection[LeadId]) -> dict[LeadId, str]:
    """The persons' salts, made where there are none. The leads are locked: nobody else makes one meanwhile."""
    salts: dict[LeadId, str] = {}
    for chunk in chunks(sorted(lead_ids)):
        for row in await connection.execute(_SALTS, {"leads": padded(chunk)}):
            salts[LeadId(row.lead_id)] = row.salt
    fresh = {lead_id: secrets.token_hex(SALT_BYTES) for lead_id in lead_ids if lead_id not in salts}
    for new in chunks(sorted(fresh.items())):
        values = [{"lead_id": lead_id, "salt": salt} for lead_id, salt in new]
        await connection.execute(insert_into(connection, ledger_salts), values)
    return salts | fresh


async def _sample(connection: AsyncConnection, closed: Sequence[ClosedCall]) -> None:
    """Keep those "machine" verdicts that a human is to judge."""
    values = [
        {
            "call_id": entry.opened.call_id,
            "campaign_id": entry.opened.campaign_id,
            "answered_at": entry.close.answered_at
            or entry.opened.answered_at
            or entry.close.ended_at,
        }
        for entry in closed
        if entry.close.outcome is Outcome.MACHINE and is_audited(entry.opened.call_id)
    ]
    if values:
        await connection.execute(insert_or_skip(connection, machine_audits), values)


_HEAD = select(ledger_heads).where(ledger_heads.c.chain == bindparam("of")).with_for_update()
_SALTS = select(ledger_salts).where(ledger_salts.c.lead_id.in_(bindparam("leads", expanding=True)))
_MOVE = (
    update(ledger_heads)
    .where(ledger_heads.c.chain == bindparam("of"))
    .values(rows=bindparam("length"), hash=bindparam("last"))
)

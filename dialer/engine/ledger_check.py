"""Reads whole chains of the ledger and says whether they are whole; and what a checkpoint of them is."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from dialer.ids import CallId
from dialer.ledger import (
    ChainCheck,
    ChainHead,
    Checkpoint,
    Fault,
    Finding,
    Kind,
    LedgerRow,
)
from dialer.ledger_ports import LedgerStore

PAGE = 1000
"""Rows read at once."""


async def checkpoint(ledger: LedgerStore, *, at: datetime) -> Checkpoint:
    """Where every chain stands now."""
    return Checkpoint(at=at, heads=tuple(await ledger.heads()))


async def verify(ledger: LedgerStore, known: Sequence[Checkpoint] = ()) -> list[Finding]:
    """What is wrong with the ledger; nothing: an empty list. `known`: checkpoints whose signatures hold."""
    heads = {head.chain: head for head in await ledger.heads()}
    named = sorted({head.chain for each in known for head in each.heads if head.count})
    gone = [chain for chain in named if chain not in heads]
    findings = [Finding(fault=Fault.CHAIN_MISSING, chain=chain) for chain in gone]
    for head in heads.values():
        findings += await _verify_chain(ledger, head, known)
    return findings


async def _verify_chain(
    ledger: LedgerStore, head: ChainHead, known: Sequence[Checkpoint]
) -> list[Finding]:
    expected: dict[int, str] = {}
    for each in sorted(known, key=lambda each: each.at):
        expected |= each.expected(head.chain)
    check = ChainCheck(head, expected)
    async for rows in _pages(ledger, head):
        persons = await ledger.persons([call for row in rows if (call := called(row))])
        for row in rows:
            call_id = called(row)
            check.feed(row, persons.get(call_id) if call_id else None)
    return check.finish()


async def _pages(ledger: LedgerStore, head: ChainHead) -> AsyncIterator[list[LedgerRow]]:
    """Up to the row that the head knew: what is written meanwhile is another time's."""
    after = 0
    while rows := await ledger.page(head.chain, after=after, limit=PAGE):
        wanted = [row for row in rows if row.seq <= head.count]
        if wanted:
            yield wanted
        if len(wanted) < len(rows):
            return
        after = rows[-1].seq


def called(row: LedgerRow) -> CallId | None:
    """The call that the row is the record of."""
    try:
        body = json.loads(row.body)
    except ValueError:
        return None
    return CallId(str(body.get("call"))) if body.get("kind") == Kind.CALL else None

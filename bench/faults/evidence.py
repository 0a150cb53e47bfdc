"""What others recorded of a moment: the far end, the PBX, the database. Read when it is over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.tables import attempts, leads
from dialer.leads import LeadState, Outcome
from dialer.testbed import AsteriskPair, CdrRow


@dataclass(frozen=True, slots=True)
class StoredLead:
    phone: str
    state: LeadState
    owner: str | None


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """Times are the server's own, which a fault may have put wrong."""

    call_id: str
    phone: str
    started_at: datetime
    bridged_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    agent_id: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    leads: Sequence[StoredLead]
    attempts: Sequence[StoredAttempt]
    rings: Sequence[CdrRow]  # the far end's records of this moment's numbers
    pbx: Sequence[CdrRow]  # the PBX's own; `uniqueid` is the call's id
    abandoned: frozenset[str]  # call ids that the PBX's database says were abandoned
    log: str


async def _stored(url: str) -> tuple[list[StoredLead], list[StoredAttempt]]:
    database = connect(url)
    try:
        async with database.read() as connection:
            people = await connection.execute(select(leads))
            tries = await connection.execute(select(attempts).order_by(attempts.c.id))
            return (
                [StoredLead(row.phone, row.state, row.owner) for row in people],
                [
                    StoredAttempt(
                        row.id,
                        row.phone,
                        row.started_at,
                        row.bridged_at,
                        row.ended_at,
                        row.outcome,
                        row.agent_id,
                    )
                    for row in tries
                ],
            )
    finally:
        await database.close()


def stored(url: str) -> tuple[list[StoredLead], list[StoredAttempt]]:
    """Leads and attempts as the database has them."""
    return asyncio.run(_stored(url))


def collect(pair: AsteriskPair, url: str, log: str) -> Evidence:
    people, tries = stored(url)
    numbers = {lead.phone for lead in people}
    ids = {attempt.call_id for attempt in tries}
    told = pair.pbx.cli("database show dialer-fate")
    fates = set(re.findall(r"^/dialer-fate/(\S+)\s*: abandoned", told, re.MULTILINE))
    return Evidence(
        leads=people,
        attempts=tries,
        rings=[row for row in pair.far_end.cdr() if row.number in numbers],
        pbx=[row for row in pair.pbx.cdr() if row.uniqueid in ids],
        abandoned=frozenset(fates & ids),
        log=log,
    )

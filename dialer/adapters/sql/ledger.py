"""LedgerStore and MachineAudits on SQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.abandonment import AuditLabel
from dialer.adapters.sql.callback_rows import forget_notes
from dialer.adapters.sql.engine import Database, chunks
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.ledger_entries import append, head_of, locked_head
from dialer.adapters.sql.ledger_tables import ledger, ledger_heads, ledger_salts, machine_audits
from dialer.adapters.sql.persons import forget_numbers
from dialer.adapters.sql.rows import CHAIN
from dialer.adapters.sql.tables import attempts, campaigns, leads
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import CallId, CampaignId, LeadId
from dialer.leads import LeadState
from dialer.ledger import ChainHead, LedgerRow, PersonalFacts
from dialer.ledger_ports import Audited, AuditTally
from dialer.ledger_records import of_erasure, of_label, of_pruning


class SqlLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def heads(self) -> list[ChainHead]:
        query = select(ledger_heads).order_by(ledger_heads.c.chain)
        async with self._database.read() as connection:
            return [head_of(row) for row in await connection.execute(query)]

    async def page(self, chain: str, *, after: int, limit: int) -> list[LedgerRow]:
        query = select(ledger).where(ledger.c.chain == chain, ledger.c.seq > after)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(ledger.c.seq).limit(limit))
            return [_row_of(row) for row in rows]

    async def between(
        self, chain: str, *, since: datetime, until: datetime, after: int, limit: int
    ) -> list[LedgerRow]:
        query = select(ledger).where(
            ledger.c.chain == chain,
            ledger.c.seq > after,
            ledger.c.at >= since,
            ledger.c.at < until,
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(ledger.c.seq).limit(limit))
            return [_row_of(row) for row in rows]

    async def persons(self, call_ids: Collection[CallId]) -> dict[CallId, PersonalFacts]:
        found: dict[CallId, PersonalFacts] = {}
        query = (
            select(attempts.c.id, attempts.c.phone, ledger_salts.c.salt)
            .join_from(
                attempts, ledger_salts, attempts.c.lead_id == ledger_salts.c.lead_id, isouter=True
            )
            .where(attempts.c.id.in_(bindparam("calls", expanding=True)))
        )
        async with self._database.read() as connection:
            for chunk in chunks(sorted(call_ids)):
                for row in await connection.execute(query, {"calls": chunk}):
                    found[CallId(row.id)] = PersonalFacts(salt=row.salt, phone=row.phone or None)
        return found

    @again
    async def erase(self, lead_id: LeadId, *, at: datetime) -> int:
        async with self._database.write() as connection:
            chain = await _chain_of_lead(connection, lead_id)
            still_open = attempts.c.lead_id == lead_id, attempts.c.ended_at.is_(None)
            if (await connection.execute(select(attempts.c.id).where(*still_open))).first():
                raise ConflictError("the lead is being called")
            blank = (
                update(attempts).where(attempts.c.lead_id == lead_id).values(phone="", person=None)
            )
            number = (await connection.execute(blank)).rowcount
            await connection.execute(_BLANK_LEAD, {"lead": lead_id, "blank": blank_phone(lead_id)})
            await forget_numbers(connection, lead_id)
            await connection.execute(forget_notes(lead_id))
            await connection.execute(delete(ledger_salts).where(ledger_salts.c.lead_id == lead_id))
            await append(connection, [of_erasure(lead_id, number, at, chain)])
        return number

    @again
    async def prune(self, chain: str, *, before: datetime, at: datetime) -> int:
        async with self._database.write() as connection:
            head = await locked_head(connection, chain)
            young = select(func.min(ledger.c.seq)).where(
                ledger.c.chain == chain, ledger.c.at >= before
            )
            first = (await connection.execute(young)).scalar_one() or head.count
            old = select(ledger.c.hash).where(ledger.c.chain == chain, ledger.c.seq == first - 1)
            last_gone = (await connection.execute(old)).scalar_one_or_none()
            if first <= head.first_seq or last_gone is None:
                return 0
            await connection.execute(
                delete(ledger).where(ledger.c.chain == chain, ledger.c.seq < first)
            )
            moved = update(ledger_heads).where(ledger_heads.c.chain == chain)
            await connection.execute(moved.values(first_seq=first, first_prev=last_gone))
            await append(connection, [of_pruning(first, last_gone, before, at, chain)])
        return first - head.first_seq


class SqlMachineAudits:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def to_label(self, campaign_id: CampaignId, limit: int) -> list[Audited]:
        query = (
            select(machine_audits)
            .where(machine_audits.c.campaign_id == campaign_id, machine_audits.c.label.is_(None))
            .order_by(machine_audits.c.answered_at, machine_audits.c.call_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [_audited_of(row) for row in await connection.execute(query)]

    @again
    async def label(self, call_id: CallId, label: AuditLabel, *, by: str, at: datetime) -> None:
        async with self._database.write() as connection:
            change = update(machine_audits).where(machine_audits.c.call_id == call_id)
            done = await connection.execute(
                change.values(label=label, labelled_by=by, labelled_at=at)
            )
            if not done.rowcount:
                raise NotFoundError("no such call in the audit")
            chain = await _chain_of_call(connection, call_id)
            await append(connection, [of_label(call_id, label, by, at, chain)])

    async def tally(self, campaign_ids: Collection[CampaignId], *, most: int) -> AuditTally:
        latest = (
            select(machine_audits.c.label)
            .where(
                machine_audits.c.campaign_id.in_(sorted(campaign_ids)),
                machine_audits.c.label.is_not(None),
            )
            .order_by(machine_audits.c.answered_at.desc(), machine_audits.c.call_id.desc())
            .limit(most)
        )
        async with self._database.read() as connection:
            labels = [row.label for row in await connection.execute(latest)]
        persons = sum(label is not AuditLabel.MACHINE for label in labels)
        return AuditTally(labelled=len(labels), persons=persons)


def blank_phone(lead_id: LeadId) -> str:
    """What stands in place of an erased number: no number, and nobody else's."""
    return f"x{lead_id.replace('-', '')[-19:]}"


async def _chain_of_lead(connection: AsyncConnection, lead_id: LeadId) -> str:
    """The lead is locked. Raises NotFoundError."""
    query = (
        select(leads.c.id, CHAIN.label("chain"))
        .join_from(leads, campaigns, leads.c.campaign_id == campaigns.c.id)
        .where(leads.c.id == lead_id)
        .with_for_update(of=leads)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFoundError("no such lead")
    return str(row.chain)


async def _chain_of_call(connection: AsyncConnection, call_id: CallId) -> str:
    query = (
        select(CHAIN.label("chain"))
        .join_from(attempts, campaigns, attempts.c.campaign_id == campaigns.c.id)
        .where(attempts.c.id == call_id)
    )
    return str((await connection.execute(query)).scalar_one())


def _row_of(row: Row[Any]) -> LedgerRow:
    return LedgerRow(chain=row.chain, seq=row.seq, at=row.at, body=row.body, hash=row.hash)


def _audited_of(row: Row[Any]) -> Audited:
    return Audited(
        call_id=CallId(row.call_id),
        campaign_id=CampaignId(row.campaign_id),
        answered_at=row.answered_at,
        label=row.label,
        labelled_by=row.labelled_by,
        labelled_at=row.labelled_at,
    )


_BLANK_LEAD = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(
        phone=bindparam("blank"),
        name="",
        external_id=None,
        attributes=None,
        numbers=None,
        state=LeadState.EXCLUDED,
        owner=None,
        wakes_at=None,
        next_attempt_at=None,
    )
)

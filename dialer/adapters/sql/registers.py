"""RegisterStore on SQL. Of each number and register one row: the newest answer."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.person_numbers import whole_leads
from dialer.adapters.sql.engine import Database, chunks, insert_into, padded
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import lead_numbers, leads, register_results
from dialer.ids import CampaignId, LeadId
from dialer.leads import LeadState
from dialer.persons import MOST_NUMBERS
from dialer.registers import RegisterCounts, RegisterResult

WAITING = (LeadState.NEW, LeadState.RETRY, LeadState.RESERVED)


class SqlRegisterStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def record(self, results: Sequence[RegisterResult]) -> int:
        newest: dict[tuple[str, str], RegisterResult] = {}
        for each in sorted(results, key=lambda result: result.checked_at):
            newest[each.phone, each.register] = each
        kept = 0
        async with self._database.write() as connection:
            for chunk in chunks([newest[key] for key in sorted(newest)]):
                kept += await _put(connection, chunk)
        return kept

    async def results(self, phones: Collection[str]) -> dict[str, tuple[RegisterResult, ...]]:
        found: dict[str, tuple[RegisterResult, ...]] = {}
        async with self._database.read() as connection:
            for chunk in chunks(sorted(set(phones))):
                query = select(register_results).where(register_results.c.phone.in_(padded(chunk)))
                query = query.order_by(register_results.c.register)
                for row in await connection.execute(query):
                    found[row.phone] = (*found.get(row.phone, ()), _result_of(row))
        return found

    async def due(
        self,
        register: str,
        *,
        campaign_id: CampaignId,
        obtained_after: datetime,
        after: LeadId | None,
        limit: int,
    ) -> list[tuple[LeadId, str]]:
        result = register_results.c
        phone = func.coalesce(lead_numbers.c.phone, leads.c.phone)
        answer = and_(result.phone == phone, result.register == register)
        query = (
            select(leads.c.id, phone.label("phone"))
            .outerjoin_from(leads, lead_numbers, lead_numbers.c.lead_id == leads.c.id)
            .outerjoin(register_results, answer)
            .where(_waits(campaign_id))
            .where(or_(result.checked_at.is_(None), result.checked_at < obtained_after))
            .where(leads.c.id > (after or ""))
            .order_by(leads.c.id, phone)
            .limit(limit + MOST_NUMBERS)
        )
        async with self._database.read() as connection:
            rows = [(LeadId(row.id), row.phone) for row in await connection.execute(query)]
        return whole_leads(rows, limit)

    async def counts(
        self, register: str, *, campaign_id: CampaignId, obtained_after: datetime
    ) -> RegisterCounts:
        result = register_results.c
        kind = case(
            (result.checked_at.is_(None), "never"),
            (result.listed, "listed"),
            (result.checked_at < obtained_after, "stale"),
            else_="fresh",
        ).label("kind")
        query = (
            select(kind, func.count().label("number"))
            .outerjoin_from(leads, register_results, _answer_for(register))
            .where(_waits(campaign_id))
            .group_by(kind)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return RegisterCounts(**{row.kind: row.number for row in rows})


async def _put(connection: AsyncConnection, results: Sequence[RegisterResult]) -> int:
    row = insert_into(connection, register_results)
    newer = row.on_conflict_do_update(
        index_elements=["phone", "register"],
        set_={"checked_at": row.excluded.checked_at, "listed": row.excluded.listed},
        where=register_results.c.checked_at < row.excluded.checked_at,
    ).returning(register_results.c.phone)
    rows = [
        {
            "phone": each.phone,
            "register": each.register,
            "checked_at": each.checked_at,
            "listed": each.listed,
        }
        for each in results
    ]
    return len((await connection.execute(newer, rows)).all())


def _answer_for(register: str) -> ColumnElement[bool]:
    return and_(register_results.c.phone == leads.c.phone, register_results.c.register == register)


def _waits(campaign_id: CampaignId) -> ColumnElement[bool]:
    return and_(leads.c.campaign_id == campaign_id, leads.c.state.in_(WAITING))


def _result_of(row: Row[Any]) -> RegisterResult:
    return RegisterResult(
        register=row.register, phone=row.phone, checked_at=row.checked_at, listed=row.listed
    )

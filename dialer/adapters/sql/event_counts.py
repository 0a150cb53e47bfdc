"""Answered calls by their class: the database groups them by the facts that make a class, and the rule names it."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.abandonment import (
    ANSWERED,
    MACHINE_LABEL,
    AbandonFormula,
    AnsweredCall,
    EventClass,
    class_of,
)
from dialer.adapters.sql.tables import attempts
from dialer.dispositions import Category
from dialer.events import Screening
from dialer.ids import CampaignId
from dialer.leads import Outcome

_MACHINE = or_(
    attempts.c.category == Category.MACHINE,
    and_(attempts.c.category.is_(None), attempts.c.disposition == MACHINE_LABEL),
)
_HEARD = attempts.c.screening == Screening.MACHINE


async def event_counts(
    connection: AsyncConnection,
    campaign_ids: Collection[CampaignId],
    formula: AbandonFormula,
    since: datetime | None,
    until: datetime | None,
) -> Counter[EventClass]:
    allowed = formula.allowance // timedelta(milliseconds=1)
    facts = {
        "outcome": attempts.c.outcome,
        "answered": case((attempts.c.answered_at.is_not(None), 1), else_=0),
        "screened": case((attempts.c.screened.is_(False), 0), else_=1),
        "message": case((attempts.c.message.is_(True), 1), else_=0),
        "machine": case((_MACHINE, 1), else_=0),
        "heard": case((_HEARD, 1), else_=0),
        "late": case((attempts.c.waited_ms > allowed, 1), else_=0),
    }
    columns = [fact.label(name) for name, fact in facts.items()]
    query = (
        select(*columns, func.count().label("number"))
        .where(attempts.c.campaign_id.in_(sorted(campaign_ids)), attempts.c.ended_at.is_not(None))
        .where(attempts.c.outcome.in_(sorted(ANSWERED)))
        .group_by(*(column.name for column in columns))
    )
    # an abandoned call was answered, even where nobody saw the instant
    answered_at = func.coalesce(attempts.c.answered_at, attempts.c.ended_at)
    if since is not None:
        query = query.where(answered_at >= since)
    if until is not None:
        query = query.where(answered_at < until)
    found: Counter[EventClass] = Counter()
    for row in await connection.execute(query):
        call = AnsweredCall(
            outcome=row.outcome,
            answered=bool(row.answered),
            waited=formula.allowance * (2 if row.late else 0),
            screened=bool(row.screened),
            message=bool(row.message),
            machine=bool(row.machine or (row.heard and row.outcome is Outcome.LOST)),
        )
        of = class_of(call, formula)
        if of is not None:
            found[of] += row.number
    return found

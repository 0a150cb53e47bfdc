"""How many leads stand where, from counts that every change of a lead keeps up to date (triggers of migration 0052).

A count belongs to a campaign, list, state, reason and the hour (UTC) in which the lead's delay ends. A lead that is reserved is
counted as what it will be if it is given back: taking leads in hand changes no count. Those in hand are counted themselves, by
an index, and taken off. On PostgreSQL it is a sum of
rows, to which `fold` now and then makes an end; what is read is exact at any moment. Leads that sleep are counted by whole
hours; of the one hour in which the instant asked for falls, an index tells the rest.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Row,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.tables import lead_counts, leads
from dialer.ids import CampaignId, ListId
from dialer.leads import LeadState
from dialer.ports import HeldLeads

HOUR = timedelta(hours=1)


async def held_leads(connection: AsyncConnection, campaign_id: CampaignId) -> list[HeldLeads]:
    """From the counts, those in hand apart; no two of one list, state, reason and hour."""
    return _sorted(await connection.execute(_COUNTED, {"campaign": campaign_id}))


async def recounted(connection: AsyncConnection, campaign_id: CampaignId) -> list[HeldLeads]:
    """The same from the leads themselves, all of them."""
    which = {"campaign": campaign_id}
    return _sorted(await connection.execute(_RECOUNT[connection.dialect.name], which))


async def asleep_after(
    connection: AsyncConnection, campaign_id: CampaignId, held: Sequence[HeldLeads], at: datetime
) -> int:
    """Leads in RETRY whose delay ends later than `at`; `held`: what `held_leads` found in this transaction."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    later = sum(each.number for each in held if each.wakes_at and each.wakes_at > hour)
    values = {"campaign": campaign_id, "at": at, "until": hour + HOUR}
    return later + (await connection.execute(_IN_THE_HOUR, values)).scalar_one()


async def next_due_at(
    connection: AsyncConnection, campaign_id: CampaignId, at: datetime
) -> datetime | None:
    """When the next lead in RETRY falls due after `at`."""
    found = await connection.execute(_NEXT, {"campaign": campaign_id, "at": at})
    due_at: datetime | None = found.scalar_one_or_none()
    return due_at


async def fold(connection: AsyncConnection) -> None:
    """Rows that can be added up become one. Whoever counts meanwhile is not kept waiting."""
    await connection.execute(_FOLD[connection.dialect.name])


def _sorted(rows: Any) -> list[HeldLeads]:
    found = [_held(row) for row in rows]
    return sorted(found, key=lambda each: each.order)


def _held(row: Row[Any]) -> HeldLeads:
    hour = f"{row.wakes_hour}:00+00:00" if row.wakes_hour else None
    return HeldLeads(
        list_id=ListId(row.list_id),
        state=row.state,
        reason=row.reason,
        wakes_at=datetime.fromisoformat(hour) if hour else None,
        number=int(row.number),
    )


_of_campaign = lead_counts.c.campaign_id == bindparam("campaign")
_in_hand = and_(leads.c.campaign_id == bindparam("campaign"), leads.c.state == LeadState.RESERVED)
_never_tried = and_(leads.c.attempts == 0, leads.c.last_attempt_at.is_(None))
_why = func.coalesce(leads.c.held_by, cast(leads.c.last_outcome, String), "")
_changes = union_all(
    select(
        lead_counts.c.list_id,
        lead_counts.c.state,
        lead_counts.c.reason,
        lead_counts.c.wakes_hour,
        lead_counts.c.number,
    ).where(_of_campaign),
    select(leads.c.list_id, literal("reserved"), literal(""), literal(""), func.count())
    .where(_in_hand)
    .group_by(leads.c.list_id),
    select(  # as the triggers have counted them
        leads.c.list_id,
        case((_never_tried, "new"), else_="retry"),
        case((_never_tried, ""), else_=_why),
        literal(""),
        -func.count(),
    )
    .where(_in_hand)
    .group_by(text("1, 2, 3")),
).subquery()
_KEY = (_changes.c.list_id, _changes.c.state, _changes.c.reason, _changes.c.wakes_hour)
_total = func.sum(_changes.c.number)
_COUNTED = select(*_KEY, _total.label("number")).group_by(*_KEY).having(_total != 0)

_in_retry = (leads.c.campaign_id == bindparam("campaign"), leads.c.state == LeadState.RETRY)
_IN_THE_HOUR = select(func.count()).where(
    *_in_retry, leads.c.wakes_at > bindparam("at"), leads.c.wakes_at < bindparam("until")
)
_NEXT = (
    select(leads.c.wakes_at)
    .where(*_in_retry, leads.c.wakes_at > bindparam("at"))
    .order_by(leads.c.wakes_at)
    .limit(1)
)

_REASON = (
    "CASE WHEN state IN ('retry', 'done', 'excluded')"
    " THEN coalesce(held_by, last_outcome, '') ELSE '' END"
)
_HOURS = {
    "sqlite": "substr(wakes_at, 1, 13)",
    "postgresql": "to_char(wakes_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')",
}
_RECOUNT = {
    dialect: text(
        f"SELECT list_id, state, {_REASON} AS reason,"
        f" CASE WHEN state = 'retry' AND wakes_at IS NOT NULL THEN {hour} ELSE '' END AS wakes_hour,"
        " count(*) AS number FROM leads WHERE campaign_id = :campaign GROUP BY 1, 2, 3, 4"
    ).columns(lead_counts.c.list_id, lead_counts.c.state)
    for dialect, hour in _HOURS.items()
}

_ALL_KEYS = "campaign_id, list_id, state, reason, wakes_hour"
_FOLD = {
    "sqlite": text("DELETE FROM lead_counts WHERE number = 0"),
    "postgresql": text(
        "WITH gone AS (DELETE FROM lead_counts WHERE ctid IN"
        " (SELECT ctid FROM lead_counts LIMIT 20000 FOR UPDATE SKIP LOCKED) RETURNING *)"
        f" INSERT INTO lead_counts ({_ALL_KEYS}, number)"
        f" SELECT {_ALL_KEYS}, sum(number) FROM gone GROUP BY {_ALL_KEYS} HAVING sum(number) <> 0"
    ),
}

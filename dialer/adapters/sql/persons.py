"""Whose a number is, where leads have several: the table lead_numbers. It holds all numbers of such leads, so that neither a new
lead nor an entry of the do-not-call list misses one whose turn has not come."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.lead_changes import without_number
from dialer.adapters.sql.engine import chunks, insert_or_skip, padded
from dialer.adapters.sql.tables import lead_numbers, leads
from dialer.ids import CampaignId, LeadId
from dialer.leads import Lead

NewPhones = tuple[LeadId, tuple[str, ...]]
"""A new lead, and all of its numbers."""


async def taken(
    connection: AsyncConnection, campaign_id: CampaignId, new: Sequence[NewPhones]
) -> set[LeadId]:
    """Those of the new leads that share a number with a lead of the campaign, or with an earlier new one, as far as the unique
    index over `leads.phone` does not see it. One that is in the store itself, under its own id, is not in its own way."""
    several = [phones for _, phones in new if len(phones) > 1]
    if not several and not await has_persons(connection, campaign_id):
        return set()
    owners = await _owners(connection, campaign_id, {p for _, phones in new for p in phones})
    alone = await _alone(connection, campaign_id, {p for phones in several for p in phones})
    found: set[LeadId] = set()
    for lead_id, phones in sorted(new):  # ids are as old as their leads: the first one counts
        others = owners if len(phones) == 1 else alone | owners
        if any(others.get(phone, lead_id) != lead_id for phone in phones):
            found.add(lead_id)
        else:
            owners |= dict.fromkeys(phones, lead_id)
    return found


async def put_numbers(
    connection: AsyncConnection, campaign_id: CampaignId, new: Iterable[NewPhones]
) -> None:
    """Of those that have several."""
    rows = [
        {"phone": phone, "campaign_id": campaign_id, "lead_id": lead_id}
        for lead_id, phones in new
        if len(phones) > 1
        for phone in phones
    ]
    for chunk in chunks(sorted(rows, key=lambda row: row["phone"])):
        await connection.execute(insert_or_skip(connection, lead_numbers), chunk)


async def lead_with(
    connection: AsyncConnection, campaign_id: CampaignId, phone: str
) -> LeadId | None:
    """The lead that has the number among several."""
    query = select(lead_numbers.c.lead_id).where(
        lead_numbers.c.phone == phone, lead_numbers.c.campaign_id == campaign_id
    )
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return None if found is None else LeadId(found)


async def forget_numbers(connection: AsyncConnection, lead_id: LeadId) -> None:
    await connection.execute(delete(lead_numbers).where(lead_numbers.c.lead_id == lead_id))


async def undisturbed(connection: AsyncConnection, before: Lead, lead: Lead) -> Lead:
    """A number that has become another lead's is left to that one."""
    while lead.phone != before.phone and await _is_anothers(
        connection, lead.campaign_id, lead.phone, lead.lead_id
    ):
        lead = without_number(lead, before)
    return lead


async def _is_anothers(
    connection: AsyncConnection, campaign_id: CampaignId, phone: str, lead_id: LeadId
) -> bool:
    """Whether another lead's turn is on this number: one that older code has added."""
    other = leads.c.phone == phone, leads.c.campaign_id == campaign_id, leads.c.id != lead_id
    return bool((await connection.execute(select(exists().where(*other)))).scalar_one())


def has_one_of(phones: Collection[str]) -> ColumnElement[bool]:
    """Of a lead: one of its numbers is among these."""
    any_lead = leads.alias()
    theirs = select(any_lead.c.id).where(any_lead.c.phone.in_(phones))
    among_several = select(lead_numbers.c.lead_id).where(lead_numbers.c.phone.in_(phones))
    return leads.c.id.in_(union_all(theirs, among_several))


async def has_persons(connection: AsyncConnection, campaign_id: CampaignId) -> bool:
    """Whether leads of the campaign have several numbers."""
    query = select(exists().where(lead_numbers.c.campaign_id == campaign_id))
    return bool((await connection.execute(query)).scalar_one())


async def _owners(
    connection: AsyncConnection, campaign_id: CampaignId, phones: set[str]
) -> dict[str, LeadId]:
    columns = lead_numbers.c
    query = select(columns.phone, columns.lead_id).where(columns.campaign_id == campaign_id)
    return await _found(connection, query, columns.phone, phones)


async def _alone(
    connection: AsyncConnection, campaign_id: CampaignId, phones: set[str]
) -> dict[str, LeadId]:
    query = select(leads.c.phone, leads.c.id).where(leads.c.campaign_id == campaign_id)
    return await _found(connection, query, leads.c.phone, phones)


async def _found(
    connection: AsyncConnection, query: Any, column: ColumnElement[str], phones: set[str]
) -> dict[str, LeadId]:
    found: dict[str, LeadId] = {}
    for chunk in chunks(sorted(phones)):
        rows = await connection.execute(query.where(column.in_(padded(chunk))))
        found |= {phone: LeadId(lead_id) for phone, lead_id in rows}
    return found

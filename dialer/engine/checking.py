"""One number looked at as a campaign would, at any instant: the same facts and rules as when it is dialled."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from dialer.campaign import Campaign
from dialer.compliance import check, explain, snapshot_of
from dialer.engine.facts import with_facts
from dialer.ids import LeadId
from dialer.leads import Lead, LeadState
from dialer.number_check import NumberCheck
from dialer.phones import zone_of
from dialer.ports import ProfileBook, Stores


async def check_number(
    stores: Stores,
    profiles: ProfileBook,
    campaign: Campaign,
    phone: str,
    *,
    at: datetime,
    centre: str = "",
) -> NumberCheck:
    """`phone` in E.164; where no lead of the campaign has it, as if a new one had. Raises NotFoundError for a profile that
    is not there, InvalidInputError where the number does not tell its time zone."""
    policy = campaign.policy
    law = profiles.law(policy.profile, sector=policy.sector, centre=centre)
    found = await stores.leads.with_number(policy.campaign_id, phone)
    lead = found or _new(campaign, phone)
    (lead,) = await with_facts(stores, [lead], policy.client_id, at)
    facts = replace(snapshot_of(lead, policy), facts_at=at)
    rules = law.of_call(phone, "", at)
    return NumberCheck(
        at=at,
        zone=ZoneInfo(lead.zone),
        known=found is not None,
        verdict=check(facts, rules, at),
        rules=explain(facts, rules, at),
        profiles=rules.profiles,
    )


def _new(campaign: Campaign, phone: str) -> Lead:
    return Lead(
        lead_id=LeadId(""),
        campaign_id=campaign.policy.campaign_id,
        phone=phone,
        name="",
        zone=zone_of(phone),
        priority=0,
        state=LeadState.NEW,
        attempts=0,
        never_rang=0,
        last_attempt_at=None,
        last_outcome=None,
        last_abandoned_at=None,
        next_attempt_at=None,
    )

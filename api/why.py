"""Why is this campaign not dialling, or not faster?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import Field

from api.campaigns import LeadFigures, live_view
from api.deps import DialerDep, LanguageDep
from api.errors import problems
from api.fields import Answer, CampaignIdPath
from dialer.bootstrap import Dialer
from dialer.campaign import CampaignPolicy, CampaignState
from dialer.explain import explain
from dialer.holdings import HeldReason, by_reason, resting, sentence
from dialer.ids import CampaignId, LeadId
from dialer.leads import LeadState
from dialer.ports import LeadCounts
from dialer.rehearsal import rehearse
from dialer.texts import Language, text
from dialer.views import WhyItem
from dialer.why import PACE_CODES

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

STOPS = frozenset(
    {"campaign_paused", "campaign_finished", "telephony_down", "store_down", "draining"}
)
"""What stops everything, whatever the leads and the agents do: these codes stand before the others."""

NO_LEADS = "no_leads_due"
MOST_LOOKED_AT = 1000
FIRST = 10


class Reason(Answer):
    code: str = Field(examples=["no_agents"])
    count: int | None
    until: datetime | None = Field(description="When it may change")
    detail: str
    text: str = Field(description="In the language asked for; instants in the profile's zone")


class HeldAnswer(Answer):
    state: LeadState
    reason: str = Field(examples=["calling_hours", "busy", "callback"])
    count: int
    from_at: datetime | None = Field(description="The hour in which the first falls due")
    text: str


class RehearsalAnswer(Answer):
    """A dry run with the leads that come first: nobody is rung, nothing is reserved."""

    looked_at: int
    allowed: int = Field(description="Would be dialled now, as agents and lines allow")
    later: int = Field(description="Allowed within the next hour")
    held: dict[str, int] = Field(description="Not within the hour, by reason")
    first: list[LeadId] = Field(description="The first ten that would be dialled")


class CallbackFigures(Answer):
    waiting: int = Field(description="Agreed, and neither kept nor over")
    overdue: int = Field(description="Of these, those whose time is past")
    first_due_at: datetime | None


class WhyAnswer(Answer):
    campaign_id: CampaignId
    state: CampaignState
    language: Language
    text: str = Field(description="Of the main reason; or that it is dialling")
    items: list[Reason] = Field(description="The main reason first; empty: it dials freely")
    leads: LeadFigures
    held: list[HeldAnswer] = Field(description="All leads by what holds them; waiting ones first")
    counted_at: datetime = Field(description="The instant for which `held` and `leads` are exact")
    next_hour: int = Field(description="Leads that fall due within an hour, beside `leads.due`")
    callbacks: CallbackFigures
    rehearsal: RehearsalAnswer | None = Field(description="With `look_at` only")


@router.get(
    "/{campaign_id}/why",
    summary="Why it is not dialling, or not faster",
    responses=problems(404, 422, 503),
)
async def why(
    campaign_id: CampaignIdPath,
    dialer: DialerDep,
    language: LanguageDep,
    look_at: Annotated[
        int, Query(ge=0, le=MOST_LOOKED_AT, description="A dry run with so many leads")
    ] = 0,
) -> WhyAnswer:
    campaign = await dialer.stores.campaigns.get(campaign_id)
    holdings = await dialer.stores.leads.holdings(campaign_id, at=dialer.clock.now())
    counts = holdings.counts
    held = by_reason(holdings, resting(await dialer.stores.lists.all(campaign_id)))
    view = await live_view(dialer, campaign.policy)
    zone = dialer.profiles.get(campaign.policy.profile).zone
    items = combine(view.why if view else (), counts)
    sentence = explain(view.decision, language) if view and view.decision else None
    promised = await dialer.stores.callbacks.counts(campaign_id, at=dialer.clock.now())
    reasons = [_reason(item, language, zone, sentence) for item in items]
    return WhyAnswer(
        campaign_id=campaign_id,
        state=campaign.state,
        language=language,
        text=reasons[0].text if reasons else text("why.nothing", language),
        items=reasons,
        leads=LeadFigures.of(counts),
        held=[_held(each, language, zone) for each in held],
        counted_at=holdings.counted_at,
        next_hour=holdings.next_hour,
        callbacks=CallbackFigures(
            waiting=promised.waiting, overdue=promised.overdue, first_due_at=promised.first_due_at
        ),
        rehearsal=await _rehearsal(dialer, campaign.policy, look_at) if look_at else None,
    )


async def _rehearsal(dialer: Dialer, policy: CampaignPolicy, look_at: int) -> RehearsalAnswer:
    now = dialer.clock.now()
    leads = await dialer.stores.leads.peek(policy.campaign_id, look_at, at=now)
    law = dialer.profiles.law(policy.profile, sector=policy.sector, centre=dialer.settings.country)
    found = rehearse(leads, policy, law, now)
    return RehearsalAnswer(
        looked_at=found.looked_at,
        allowed=len(found.allowed),
        later=found.later,
        held=dict(found.held),
        first=list(found.allowed[:FIRST]),
    )


def _held(held: HeldReason, language: Language, zone: ZoneInfo) -> HeldAnswer:
    return HeldAnswer(
        state=held.state,
        reason=held.reason,
        count=held.count,
        from_at=held.from_at,
        text=sentence(held, language, zone),
    )


def combine(items: Sequence[WhyItem], counts: LeadCounts) -> list[WhyItem]:
    """The team's reasons in their order, put right by what only the store knows: whether any lead may be tried now."""
    if counts.due:
        return [item for item in items if item.code != NO_LEADS]
    if NO_LEADS in {item.code for item in items}:
        return [_dated(item, counts) for item in items]
    if counts.by_state.get(LeadState.RESERVED):
        return list(items)
    stops = [item for item in items if item.code in STOPS]
    others = [item for item in items if item.code not in STOPS]
    return [*stops, WhyItem(code=NO_LEADS, until=counts.next_due_at), *others]


def _dated(item: WhyItem, counts: LeadCounts) -> WhyItem:
    return replace(item, until=counts.next_due_at) if item.code == NO_LEADS else item


def _reason(item: WhyItem, language: Language, zone: ZoneInfo, sentence: str | None) -> Reason:
    """`sentence`: of the pacing decision; it says what the pacing's own codes say, with its figures."""
    until = f"{item.until.astimezone(zone):%Y-%m-%d %H:%M}" if item.until else None
    words = text(f"why.{item.code}", language, count=item.count, until=until, detail=item.detail)
    if sentence and item.code in PACE_CODES:
        words = sentence
    return Reason(
        code=item.code, count=item.count, until=item.until, detail=item.detail, text=words
    )

"""Why is this campaign not dialling, or not faster?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import Field

from api.campaigns import LeadFigures, live_view
from api.deps import DialerDep, LanguageDep
from api.errors import problems
from api.fields import Answer, CampaignIdPath
from dialer.campaign import CampaignState
from dialer.explain import explain
from dialer.ids import CampaignId
from dialer.leads import LeadState
from dialer.ports import LeadCounts
from dialer.texts import Language, text
from dialer.views import WhyItem
from dialer.why import PACE_CODES

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

STOPS = frozenset(
    {"campaign_paused", "campaign_finished", "telephony_down", "store_down", "draining"}
)
"""What stops everything, whatever the leads and the agents do: these codes stand before the others."""

NO_LEADS = "no_leads_due"


class Reason(Answer):
    code: str = Field(examples=["no_agents"])
    count: int | None
    until: datetime | None = Field(description="When it may change")
    detail: str
    text: str = Field(description="In the language asked for; instants in the profile's zone")


class WhyAnswer(Answer):
    campaign_id: CampaignId
    state: CampaignState
    language: Language
    text: str = Field(description="Of the main reason; or that it is dialling")
    items: list[Reason] = Field(description="The main reason first; empty: it dials freely")
    leads: LeadFigures


@router.get(
    "/{campaign_id}/why",
    summary="Why it is not dialling, or not faster",
    responses=problems(404, 422, 503),
)
async def why(campaign_id: CampaignIdPath, dialer: DialerDep, language: LanguageDep) -> WhyAnswer:
    campaign = await dialer.stores.campaigns.get(campaign_id)
    counts = await dialer.stores.leads.counts(campaign_id, at=dialer.clock.now())
    view = await live_view(dialer, campaign.policy)
    zone = dialer.profiles.get(campaign.policy.profile).zone
    items = combine(view.why if view else (), counts)
    sentence = explain(view.decision, language) if view and view.decision else None
    reasons = [_reason(item, language, zone, sentence) for item in items]
    return WhyAnswer(
        campaign_id=campaign_id,
        state=campaign.state,
        language=language,
        text=reasons[0].text if reasons else text("why.nothing", language),
        items=reasons,
        leads=LeadFigures.of(counts),
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

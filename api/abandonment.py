"""How a campaign stands with the law on abandoned calls; and what humans heard where detection had said "machine"."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from api.deps import DialerDep, LanguageDep
from api.errors import BODY_ERRORS, problems
from api.fields import Answer, Body, CampaignIdPath, Line
from dialer.abandonment import SYMBOLS, AuditLabel
from dialer.abandonment_report import WindowReport, lines
from dialer.engine.abandonment_reports import abandonment_report
from dialer.ids import CallId
from dialer.texts import Language

router = APIRouter(prefix="/campaigns", tags=["campaigns"])


class AbandonWindowAnswer(Answer):
    """Fractions are exact, as "numerator/denominator"."""

    window: str
    scope: str
    since: datetime | None
    until: datetime | None
    counts: dict[str, int] = Field(
        description="Answered calls by their class, as the formula has it"
    )
    abandoned: str
    answered: str
    ratio: str | None = Field(description="null: nothing was answered")
    limit_ppm: int
    verdict: str = Field(examples=["ok", "over", "no_data"])
    message_ok: bool = Field(description="Nobody was dropped without the message")
    formula: str = Field(description="Written out with its numbers")
    text: list[str]

    @classmethod
    def of(cls, report: WindowReport, language: Language) -> Self:
        found = report.ratio
        return cls(
            window=report.window.type.value,
            scope=report.window.scope.value,
            since=report.since,
            until=report.until,
            counts={SYMBOLS[of]: number for of, number in report.counts.items()},
            abandoned=str(found.abandoned),
            answered=str(found.answered),
            ratio=str(found.ratio) if found.ratio is not None else None,
            limit_ppm=report.window.limit_ppm,
            verdict=report.verdict,
            message_ok=report.message_ok,
            formula=report.written_out,
            text=lines(report, language),
        )


class AbandonmentAnswer(Answer):
    profile: str
    at: datetime
    windows: list[AbandonWindowAnswer]


@router.get(
    "/{campaign_id}/abandonment",
    summary="Abandoned calls, by every window of the law",
    responses=problems(404, 422, 503),
)
async def abandonment(
    campaign_id: CampaignIdPath,
    dialer: DialerDep,
    language: LanguageDep,
    profile: Annotated[str | None, Query(description="Count as this profile does")] = None,
) -> AbandonmentAnswer:
    campaign, now = await dialer.stores.campaigns.get(campaign_id), dialer.clock.now()
    if profile is not None:
        counted = dialer.profiles.get(profile)
    else:
        policy, centre = campaign.policy, dialer.settings.country
        law = dialer.profiles.law(policy.profile, sector=policy.sector, centre=centre)
        counted = law.of_campaign(now).values
    report = await abandonment_report(dialer.stores, campaign, counted, now)
    windows = [AbandonWindowAnswer.of(each, language) for each in report.windows]
    return AbandonmentAnswer(profile=counted.name, at=now, windows=windows)


class AuditedCall(Answer):
    call_id: CallId
    answered_at: datetime


class LabelledCall(Answer):
    call_id: CallId
    label: AuditLabel
    by: str
    labelled_at: datetime


class HeardOnCall(Body):
    label: AuditLabel = Field(description="unclear counts as a person")
    by: Line = Field(min_length=1)


@router.get(
    "/{campaign_id}/machines",
    summary='"Machine" verdicts of the sample that nobody has listened to yet',
    responses=problems(404, 422, 503),
)
async def machines(
    campaign_id: CampaignIdPath,
    dialer: DialerDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AuditedCall]:
    await dialer.stores.campaigns.get(campaign_id)
    found = await dialer.stores.audits.to_label(campaign_id, limit)
    return [AuditedCall(call_id=one.call_id, answered_at=one.answered_at) for one in found]


@router.put(
    "/{campaign_id}/machines/{call_id}",
    summary="What a human heard where detection had said machine",
    responses=problems(*BODY_ERRORS, 404, 503),
)
async def label(
    campaign_id: CampaignIdPath, call_id: CallId, heard: HeardOnCall, dialer: DialerDep
) -> LabelledCall:
    await dialer.stores.campaigns.get(campaign_id)
    at = dialer.clock.now()
    await dialer.stores.audits.label(call_id, heard.label, by=heard.by, at=at)
    return LabelledCall(call_id=call_id, label=heard.label, by=heard.by, labelled_at=at)

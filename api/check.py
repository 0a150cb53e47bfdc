"""One number, as a campaign would look at it. The number stands in the body: an address is written into logs."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.deps import DialerDep, LanguageDep
from api.errors import BODY_ERRORS, problems
from api.fields import Answer, Body, CampaignIdPath, Instant
from api.phones import Region, e164
from dialer.compliance import Reason, State
from dialer.engine.checking import check_number
from dialer.number_check import headline, lines_of, rule_line
from dialer.texts import Language

router = APIRouter(tags=["campaigns"])


class CheckBody(Body):
    phone: str = Field(max_length=64)
    at: Instant | None = Field(default=None, description="null: now")
    region: Region = "IT"


class RuleAnswer(Answer):
    rule: str
    state: State
    reason: Reason | None
    not_before: datetime | None
    profiles: list[str] = Field(description="id@version of those that the rule comes from")
    text: str


class CheckAnswer(Answer):
    allowed: bool
    language: Language
    text: str
    known: bool = Field(description="A lead of the campaign has the number")
    rules: list[RuleAnswer] = Field(description="In the order in which they are asked")
    lines: list[str] = Field(
        description="All of it in words, with the profiles' status. No legal advice: have your counsel confirm it"
    )


@router.post(
    "/campaigns/{campaign_id}/check",
    summary="May this number be called, rule by rule",
    responses=problems(*BODY_ERRORS, 404, 503),
)
async def check(
    campaign_id: CampaignIdPath, body: CheckBody, dialer: DialerDep, language: LanguageDep
) -> CheckAnswer:
    """With the facts that are kept now, at any instant. Nothing is changed."""
    found = await check_number(
        dialer.stores,
        dialer.profiles,
        await dialer.stores.campaigns.get(campaign_id),
        e164(body.phone, body.region),
        at=body.at or dialer.clock.now(),
        centre=dialer.settings.country,
    )
    rules = [
        RuleAnswer(
            rule=each.rule,
            state=each.state,
            reason=each.reason,
            not_before=each.not_before,
            profiles=list(each.profiles),
            text=rule_line(found, each, language),
        )
        for each in found.rules
    ]
    return CheckAnswer(
        allowed=found.allowed,
        language=language,
        text=headline(found, language),
        known=found.known,
        rules=rules,
        lines=lines_of(found, language),
    )

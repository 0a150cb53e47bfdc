"""What public registers of people who want no calls said of numbers. Numbers stand in bodies only."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi import Body as BodyParameter
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import ID_PATTERN, Answer, Body, Instant
from api.phones import Region, e164
from dialer.errors import InvalidInputError
from dialer.ids import CampaignId
from dialer.registers import RegisterResult

router = APIRouter(prefix="/registers", tags=["registers"])

MOST = 10_000
Register = Annotated[
    str,
    Path(
        pattern=r"^[A-Z0-9-]{1,32}$", description="As the profiles name it", examples=["RPO", "TPS"]
    ),
]


class ResultBody(Body):
    phone: str = Field(max_length=64)
    listed: bool
    checked_at: Instant = Field(description="When the register was asked")
    region: Region = "IT"


class ResultsKept(Answer):
    kept: int
    known: int = Field(description="Not newer than what is known: nothing changed")


class RegisterStatus(Answer):
    results_since: Instant = Field(description="Older ones are too old by the campaign's profile")
    not_listed: int
    listed: int
    too_old: int
    never_asked: int


@router.post(
    "/{register}/results",
    summary="Keep what a register said",
    responses=problems(*BODY_ERRORS, 503),
)
async def keep_results(
    register: Register,
    results: Annotated[list[ResultBody], BodyParameter(max_length=MOST)],
    dialer: DialerDep,
) -> ResultsKept:
    """All or none. Of each number the newest answer stands, so the same results again do no harm."""
    now = dialer.clock.now()
    found = []
    for place, each in enumerate(results):
        if each.checked_at > now:
            raise InvalidInputError(f"{place}.checked_at", "is in the future")
        try:
            phone = e164(each.phone, each.region)
        except InvalidInputError as error:
            raise InvalidInputError(f"{place}.{error.field}", error.problem) from None
        found.append(
            RegisterResult(
                register=register, phone=phone, checked_at=each.checked_at, listed=each.listed
            )
        )
    kept = await dialer.stores.registers.record(found)
    return ResultsKept(kept=kept, known=len(found) - kept)


@router.get(
    "/{register}/status",
    summary="How many waiting leads of a campaign have an answer that is young enough",
    responses=problems(404, 422, 503),
)
async def register_status(
    register: Register,
    campaign: Annotated[CampaignId, Query(pattern=ID_PATTERN)],
    dialer: DialerDep,
) -> RegisterStatus:
    """422 where the campaign's profile does not name the register."""
    found = await dialer.stores.campaigns.get(campaign)
    law = dialer.profiles.law(found.policy.profile, sector=found.policy.sector)
    since = law.results_since(register, dialer.clock.now())
    counts = await dialer.stores.registers.counts(
        register, campaign_id=campaign, obtained_after=since
    )
    return RegisterStatus(
        results_since=since,
        not_listed=counts.fresh,
        listed=counts.listed,
        too_old=counts.stale,
        never_asked=counts.never,
    )

"""Campaigns: their policy, state, live figures and lead counts."""

from datetime import datetime, time, timedelta
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from api.decision import Decision
from api.deps import DialerDep, LanguageDep
from api.errors import BODY_ERRORS, problems
from api.fields import ID_PATTERN, Answer, Body, CampaignIdPath, Line
from dialer.bootstrap import Dialer
from dialer.campaign import (
    DEFAULT_RETRY,
    Campaign,
    CampaignPolicy,
    CampaignState,
    Guard,
    PacingMode,
    PreviewEnd,
    TakeBack,
)
from dialer.config_caps import CapSettings
from dialer.config_dispositions import DispositionSettings, dispositions_of, shown
from dialer.config_retry import RetryRuleSettings, rules_of
from dialer.dispositions import Category
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import CampaignId, ClientId, TeamId, TrunkId
from dialer.leads import LeadState, Outcome
from dialer.ports import LeadCounts
from dialer.texts import Language
from dialer.views import CampaignView

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

_DEFAULT = CampaignPolicy(campaign_id=CampaignId(""), name="", team_id=TeamId(""))
_DAY = 86_400.0

TrunkName = Annotated[TrunkId, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
SoundName = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_./-]*$")]


def _default_retry() -> dict[Outcome, float]:
    return {outcome: delay.total_seconds() for outcome, delay in DEFAULT_RETRY.items()}


class Policy(Body):
    """All that a campaign's rules read. What is left out takes its default, also when the campaign is there already."""

    id: CampaignId = Field(pattern=ID_PATTERN)
    name: Line = Field(default="", description="Empty: the id")
    team: TeamId = Field(default=TeamId("main"), pattern=ID_PATTERN)
    client: ClientId = Field(
        default=_DEFAULT.client_id, pattern=ID_PATTERN, description="On whose behalf: see /clients"
    )
    purpose: str = Field(
        default=_DEFAULT.purpose,
        pattern="^(telemarketing|research|survey|service|debt)$",
        description="As the profiles name it",
    )
    sector: str = Field(
        default=_DEFAULT.sector,
        pattern=r"^[a-z_]{0,32}$",
        description="Where a law names it: energy",
    )
    check_registers: bool = Field(
        default=_DEFAULT.check_registers,
        description="Call nobody whose number has no fresh result of the profile's registers",
    )
    check_consents: bool = Field(
        default=_DEFAULT.check_consents,
        description="Where the profile wants a consent, call nobody without one that is kept here",
    )
    profile: str = Field(default=_DEFAULT.profile, max_length=64)
    mode: PacingMode = _DEFAULT.mode
    dial_ratio: float = Field(
        default=_DEFAULT.dial_ratio, ge=1, le=10, description="Lines per free agent, in mode ratio"
    )
    preview_seconds: float = Field(
        default=_DEFAULT.preview.total_seconds(),
        ge=3,
        le=120,
        description="How long an agent sees a lead before it is called, in mode preview",
    )
    preview_end: PreviewEnd = Field(
        default=_DEFAULT.preview_end,
        description="What becomes of a lead that the agent neither took nor skipped in that time",
    )
    abandon_target_ratio: float | None = Field(
        default=None, ge=0, le=1, description="null: just under the profile's limit"
    )
    guard: Guard = Field(
        default=_DEFAULT.guard,
        description="strict: under the limit at every moment, not only at the end of each window; cautious: steer to the "
        "profile's target, and dial progressively until enough people have answered",
    )
    works_until: time | None = Field(
        default=None,
        description="When the team stops for the day, by the profile's clock. Lets the pacing use the day's abandon allowance "
        "earlier in the day; null: the ratio is kept under the limit at every moment",
    )
    take_back: TakeBack = Field(
        default=_DEFAULT.take_back,
        description="Unanswered calls that predictive pacing may hang up when agents become fewer than it counted on: never; "
        "silent: for which no phone rings yet; rung: also those that have rung for as long as the law asks",
    )
    caller_id: str = Field(default=_DEFAULT.caller_id, pattern=r"^(\+?[0-9]{1,20})?$")
    trunks: list[TrunkName] = Field(
        default=[],
        max_length=100,
        description="Ids of trunks; an id that no trunk has is the PJSIP endpoint of that name, without limits. "
        "Empty: all trunks of the server's settings; where there are none, the endpoint dialer-trunk",
    )
    lines: int = Field(default=_DEFAULT.lines, ge=1, le=100_000)
    calls_per_second: float = Field(default=_DEFAULT.calls_per_second, gt=0, le=1000)
    ring_timeout_seconds: float = Field(default=_DEFAULT.ring_timeout.total_seconds(), ge=5, le=120)
    wrap_up_seconds: float = Field(default=_DEFAULT.wrap_up.total_seconds(), ge=0, le=3600)
    max_attempts: int = Field(default=_DEFAULT.max_attempts, ge=1, le=1000)
    max_never_rang: int = Field(default=_DEFAULT.max_never_rang, ge=1, le=1000)
    screen: bool = Field(default=_DEFAULT.screen, description="Answering-machine detection")
    noise: SoundName = Field(default=_DEFAULT.noise, description="Heard while waiting")
    message: SoundName = Field(default=_DEFAULT.message, description="Heard when abandoned")
    retry_seconds: dict[Outcome, Annotated[float, Field(gt=0, le=366 * _DAY)]] = Field(
        default_factory=_default_retry,
        description="Delay before the next try, by outcome; one that is not here ends the lead",
    )
    subject: str = Field(
        default=_DEFAULT.subject,
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="Where a law counts calls by subject; empty: all campaigns of the client are one",
    )
    caps: list[CapSettings] = Field(
        default=[CapSettings.of(cap) for cap in _DEFAULT.caps],
        max_length=20,
        description="How often one person may be called, beside the caps of the profile",
    )
    retry_rules: list[RetryRuleSettings] = Field(
        default=[],
        max_length=len(Outcome),
        description="How the delays of `retry_seconds` develop from try to try",
    )
    dispositions: list[DispositionSettings] = Field(
        default=[],
        max_length=200,
        description="What agents may say of a call. Empty: the default set",
    )
    callback_grace_seconds: float = Field(
        default=_DEFAULT.callback_grace.total_seconds(),
        ge=0,
        le=_DAY,
        description="So long after its time a callback waits for its own agent; then anyone of the team has it",
    )
    callback_tries: int = Field(
        default=_DEFAULT.callback_tries,
        ge=1,
        le=100,
        description="How often a person is called for one callback; then it has expired",
    )

    @classmethod
    def of(cls, policy: CampaignPolicy) -> Self:
        """Stored values are shown as they are, also those that would not be accepted any more."""
        return cls.model_construct(
            id=policy.campaign_id,
            name=policy.name,
            team=policy.team_id,
            client=policy.client_id,
            purpose=policy.purpose,
            sector=policy.sector,
            check_registers=policy.check_registers,
            check_consents=policy.check_consents,
            profile=policy.profile,
            mode=policy.mode,
            dial_ratio=policy.dial_ratio,
            preview_seconds=policy.preview.total_seconds(),
            preview_end=policy.preview_end,
            abandon_target_ratio=policy.abandon_target,
            guard=policy.guard,
            works_until=policy.works_until,
            take_back=policy.take_back,
            caller_id=policy.caller_id,
            trunks=list(policy.trunks),
            lines=policy.lines,
            calls_per_second=policy.calls_per_second,
            ring_timeout_seconds=policy.ring_timeout.total_seconds(),
            wrap_up_seconds=policy.wrap_up.total_seconds(),
            max_attempts=policy.max_attempts,
            max_never_rang=policy.max_never_rang,
            screen=policy.screen,
            noise=policy.noise,
            message=policy.message,
            retry_seconds={key: delay.total_seconds() for key, delay in policy.retry.items()},
            subject=policy.subject,
            caps=[CapSettings.of(cap) for cap in policy.caps],
            retry_rules=[
                RetryRuleSettings.of(outcome, rule) for outcome, rule in policy.retry_rules.items()
            ],
            dispositions=shown(policy.dispositions),
            callback_grace_seconds=policy.callback_grace.total_seconds(),
            callback_tries=policy.callback_tries,
        )

    def policy(self, all_trunks: tuple[TrunkId, ...]) -> CampaignPolicy:
        """`all_trunks`: what a campaign that names none dials by."""
        return CampaignPolicy(
            campaign_id=self.id,
            name=self.name or self.id,
            team_id=self.team,
            client_id=self.client,
            purpose=self.purpose,
            sector=self.sector,
            check_registers=self.check_registers,
            check_consents=self.check_consents,
            profile=self.profile,
            mode=self.mode,
            dial_ratio=self.dial_ratio,
            preview=timedelta(seconds=self.preview_seconds),
            preview_end=self.preview_end,
            abandon_target=self.abandon_target_ratio,
            guard=self.guard,
            works_until=self.works_until,
            take_back=self.take_back,
            caller_id=self.caller_id,
            trunks=tuple(dict.fromkeys(self.trunks)) or all_trunks,
            lines=self.lines,
            calls_per_second=self.calls_per_second,
            ring_timeout=timedelta(seconds=self.ring_timeout_seconds),
            wrap_up=timedelta(seconds=self.wrap_up_seconds),
            max_attempts=self.max_attempts,
            max_never_rang=self.max_never_rang,
            screen=self.screen,
            noise=self.noise,
            message=self.message,
            retry={key: timedelta(seconds=delay) for key, delay in self.retry_seconds.items()},
            subject=self.subject,
            caps=tuple(cap.cap() for cap in self.caps),
            retry_rules=rules_of(self.retry_rules),
            dispositions=dispositions_of(self.dispositions),
            callback_grace=timedelta(seconds=self.callback_grace_seconds),
            callback_tries=self.callback_tries,
        )


class CampaignAnswer(Answer):
    policy: Policy
    state: CampaignState
    held_at: datetime | None = Field(
        description="When the database was restored from a backup: paused since, until somebody starts it"
    )

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        return cls(
            policy=Policy.of(campaign.policy), state=campaign.state, held_at=campaign.held_at
        )


class LiveFigures(Answer):
    """A campaign at work, at this instant."""

    dialing: int = Field(description="Calls placed and not answered yet")
    waiting: int
    talking: int
    hopper: int = Field(description="Leads taken from the store, to be dialled next")
    answered: int = Field(description="Persons, in the legal window nearest to its limit")
    abandoned: int
    abandon_ratio: float
    abandon_limit_ratio: float
    risk_allowed_ratio: float
    braked: bool = Field(description="Held back by the abandon limit")
    decision: Decision | None = Field(description="null: it is not dialling")
    outcomes: dict[Outcome, int] = Field(description="Since the team was started")
    why: list[str] = Field(description="Codes; /campaigns/{id}/why explains them")

    @classmethod
    def of(cls, view: CampaignView, language: Language) -> Self:
        return cls(
            dialing=view.dialing,
            waiting=view.waiting,
            talking=view.talking,
            hopper=view.hopper,
            answered=view.answered,
            abandoned=view.abandoned,
            abandon_ratio=view.abandon_ratio,
            abandon_limit_ratio=view.abandon_limit,
            risk_allowed_ratio=view.theta,
            braked=view.braked,
            decision=Decision.of(view.decision, language) if view.decision else None,
            outcomes=view.outcomes,
            why=[item.code for item in view.why],
        )


class LeadFigures(Answer):
    """How many leads stand where."""

    by_state: dict[LeadState, int]
    due: int = Field(description="Of those in new and retry: may be asked for now")
    next_due_at: datetime | None

    @classmethod
    def of(cls, counts: LeadCounts) -> Self:
        by_state = {state: counts.by_state.get(state, 0) for state in LeadState}
        return cls(by_state=by_state, due=counts.due, next_due_at=counts.next_due_at)


class CampaignDetail(CampaignAnswer):
    live: LiveFigures | None = Field(description="null: nothing is known of its team yet")
    leads: LeadFigures
    outcomes: dict[Outcome, int] = Field(description="Of all attempts ever")


async def live_view(dialer: Dialer, policy: CampaignPolicy) -> CampaignView | None:
    picture = await dialer.overview.find(policy.team_id)
    views = picture.view.campaigns if picture is not None else ()
    return next((view for view in views if view.campaign_id == policy.campaign_id), None)


@router.get("", summary="All campaigns", responses=problems(503))
async def list_campaigns(dialer: DialerDep) -> list[CampaignAnswer]:
    return [CampaignAnswer.of(campaign) for campaign in await dialer.stores.campaigns.all()]


@router.post(
    "",
    summary="Create or replace a campaign's policy",
    responses=problems(*BODY_ERRORS, 409, 503),
)
async def save_campaign(policy: Policy, dialer: DialerDep) -> CampaignAnswer:
    """The client chooses the id; sending the same again changes nothing. A new campaign is paused."""
    try:
        dialer.profiles.get(policy.profile)
    except NotFoundError as error:
        raise InvalidInputError("profile", str(error)) from error
    return CampaignAnswer.of(await dialer.save_campaign(policy.policy(dialer.settings.all_trunks)))


@router.get(
    "/{campaign_id}",
    summary="One campaign, with its live figures",
    responses=problems(404, 422, 503),
)
async def get_campaign(
    campaign_id: CampaignIdPath, dialer: DialerDep, language: LanguageDep
) -> CampaignDetail:
    campaign = await dialer.stores.campaigns.get(campaign_id)
    counts = await dialer.stores.leads.counts(campaign_id, at=dialer.clock.now())
    view = await live_view(dialer, campaign.policy)
    return CampaignDetail(
        policy=Policy.of(campaign.policy),
        state=campaign.state,
        held_at=campaign.held_at,
        live=LiveFigures.of(view, language) if view else None,
        leads=LeadFigures.of(counts),
        outcomes=await dialer.stores.attempts.outcomes(campaign_id),
    )


class DispositionAnswer(Answer):
    """A choice for an agent."""

    code: str
    category: Category
    text: str = Field(description="In the language of Accept-Language (English, Italian)")
    asks_time: bool = Field(description="Send `callback_at` with it")
    final: bool


@router.get(
    "/{campaign_id}/dispositions",
    summary="What agents may say of a call",
    responses=problems(404, 422, 503),
)
async def list_dispositions(
    campaign_id: CampaignIdPath, dialer: DialerDep, language: LanguageDep
) -> list[DispositionAnswer]:
    """In the order of the campaign."""
    campaign = await dialer.stores.campaigns.get(campaign_id)
    return [
        DispositionAnswer(
            code=one.code,
            category=one.category,
            text=(one.it if language is Language.IT else one.en) or one.code,
            asks_time=one.asks_time,
            final=one.final,
        )
        for one in campaign.policy.dispositions
    ]


@router.post("/{campaign_id}/start", summary="Dial", responses=problems(403, 404, 409, 422, 503))
async def start_campaign(campaign_id: CampaignIdPath, dialer: DialerDep) -> CampaignAnswer:
    """A campaign that breaks its profile does not start: `error` and `field` name the first fault, `message` tells all."""
    state = CampaignState.RUNNING
    return CampaignAnswer.of(await dialer.set_campaign_state(campaign_id, state))


@router.post(
    "/{campaign_id}/pause", summary="Place no new calls", responses=problems(403, 404, 422, 503)
)
async def pause_campaign(campaign_id: CampaignIdPath, dialer: DialerDep) -> CampaignAnswer:
    """Calls that are up go on."""
    state = CampaignState.PAUSED
    return CampaignAnswer.of(await dialer.set_campaign_state(campaign_id, state))

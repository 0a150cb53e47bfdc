"""The settings of a campaign."""

from collections.abc import Sequence
from datetime import time, timedelta

from pydantic import Field, field_validator

from dialer.campaign import DEFAULT_CAPS, CampaignPolicy, Guard, PacingMode, TakeBack
from dialer.config_caps import CapSettings
from dialer.config_dispositions import DispositionSettings, dispositions_of
from dialer.config_retry import RetryRuleSettings, rules_of
from dialer.config_table import ID, ONE_TEAM, Strict, TrunkName, setting
from dialer.errors import InvalidInputError
from dialer.ids import MAIN_CLIENT, CampaignId, ClientId, TeamId, TrunkId
from dialer.trunks import DEFAULT_TRUNK


class CampaignSettings(Strict):
    """A campaign saved (or brought up to date) at start. Durations in seconds."""

    id: str = Field(pattern=ID, description="Its name in addresses of the API, labels and the log")
    name: str = setting("", "What people see; unique", "the id is shown")
    team: str = setting("main", "Whose agents talk; cannot change later", ONE_TEAM, pattern=ID)
    client: str = setting(
        MAIN_CLIENT,
        "On whose behalf people are called: the id of one of the clients",
        "a centre that calls for itself has no other",
        pattern=ID,
    )
    purpose: str = setting(
        "telemarketing",
        "Why people are called, as profiles name it: `telemarketing`, `research`, `survey`, `service` or `debt`",
        "the one with the most rules",
        pattern=r"^(telemarketing|research|survey|service|debt)$",
    )
    sector: str = setting(
        "",
        "What is offered, where a law names it (`energy`)",
        "few sectors have rules of their own",
        pattern=r"^[a-z_]{0,32}$",
    )
    check_registers: bool = setting(
        False,
        "Call nobody whose number has no fresh result of the registers that the profile names: see docs/howto/registers.md",
        "lists that were cleaned before they came in need nothing more; what is known to be listed is never called",
    )
    check_consents: bool = setting(
        False,
        "Where the profile wants a consent, call nobody without one that is kept here",
        "consents are often kept elsewhere; what is withdrawn here is never called",
    )
    profile: str = setting(
        "IT-GARANTE",
        "Whose law holds: limits, hours, blocks (docs/reference/profiles.md)",
        "the strictest of those that are shipped",
    )
    mode: PacingMode = setting(
        PacingMode.PREDICTIVE,
        "`predictive`, `progressive` (one line a free agent), `ratio`, `assured` (an agent is held first), `preview` or `manual`",
        "it keeps the abandon limit by itself, and agents busiest",
    )
    dial_ratio: float = setting(
        2.0,
        "Lines a free agent, in mode `ratio` only",
        "where half of the calls are answered, it gives each agent one person",
        ge=1.0,
        le=10.0,
    )
    abandon_target: float | None = setting(
        None,
        "A stricter abandon ratio than the profile's, 0 to 1",
        "0.97 of the profile's limit is aimed at, which leaves room for chance",
        ge=0.0,
        le=1.0,
    )
    guard: Guard = setting(
        Guard.STANDARD,
        "`strict`: under the limit at every moment, not only at the end of each window; `cautious`: steer to the profile's "
        "target, dial progressively until enough people have answered",
        "the limit is kept at the end of each window either way; the others cost talk time",
    )
    works_until: time | None = setting(
        None,
        "When the team stops for the day, by the profile's clock: lets the day's allowance be used earlier in the day",
        "a team that stops unannounced must not end its day over the limit",
    )
    take_back: TakeBack = setting(
        TakeBack.NEVER,
        "Unanswered calls that may be hung up when agents become fewer than was counted on: `never`; `silent`, no phone rings "
        "yet; `rung`, also what has rung for as long as the law asks",
        "it trades attempts for fewer abandoned calls; the limit is kept without it",
    )
    caller_id: str = setting(
        "",
        "What the person sees: yours, and one that can be called back",
        "nobody can guess it; a trunk may have its own",
        pattern=r"^\+?[0-9]*$",
    )
    trunks: list[TrunkName] = setting(
        [],
        "Where its calls may leave, by the ids of trunks",
        "all of the settings; without any, the PJSIP endpoint `dialer-trunk`",
    )
    lines: int = setting(
        60,
        "Calls up at once, at most",
        "two E1 lines: twenty agents at a third of calls answered",
        ge=1,
    )
    calls_per_second: float = setting(
        10.0,
        "New calls a second, at most",
        "a small contract with a carrier; more than it allows comes back as congestion",
        gt=0,
        le=1000,
    )
    ring_timeout_seconds: float = setting(
        25.0,
        "How long it rings; the profile may ask for more",
        "about five rings: who is at home has answered, most mailboxes have not",
        ge=5,
        le=120,
    )
    wrap_up_seconds: float = setting(
        15.0,
        "An agent's time between two calls, at most",
        "long enough to choose a disposition, short enough not to be a break",
        ge=0,
    )
    max_attempts: int = setting(
        6, "For one lead", "by then it was tried at different times of several days", ge=1
    )
    screen: bool = setting(
        False,
        "Answering-machine detection",
        "it keeps people waiting, and takes some of them for machines",
    )
    running: bool = setting(
        False,
        "Dial as soon as the server starts. Not after a restore: see docs/operations/backup.md",
        "the first call is somebody's decision; a state once chosen is kept",
    )

    subject: str = setting(
        "",
        "What it is about: campaigns of one client with the same word are one subject, where a law counts calls by subject",
        "all campaigns of the client count as one: the strictest reading",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
    )
    caps: list[CapSettings] = setting(
        [CapSettings.of(cap) for cap in DEFAULT_CAPS],
        "How often one person may be called, beside the profile's caps: tables `[[campaigns.caps]]`",
        "nobody wants the fifth call of a day",
    )
    retry_rules: list[RetryRuleSettings] = setting(
        [],
        "How the delays before the next try develop: tables `[[campaigns.retry_rules]]`",
        "they stay as they are from try to try",
    )
    callback_grace_seconds: float = setting(
        900.0,
        "A callback that an agent keeps for himself waits so long after its time for that agent, then anyone of the team has it",
        "an agent who is in a talk or at lunch comes back within it",
        ge=0,
        le=86400,
    )
    callback_tries: int = setting(
        3,
        "How often a person is called for one callback; then it has expired",
        "who asked for a call and misses three has been given their chance",
        ge=1,
        le=100,
    )
    dispositions: list[DispositionSettings] = setting(
        [],
        "What agents may say of a call: tables `[[campaigns.dispositions]]`",
        "the set of docs/reference/dispositions.md",
    )

    @field_validator("dispositions")
    @classmethod
    def _are_a_set(cls, value: list[DispositionSettings]) -> list[DispositionSettings]:
        try:
            dispositions_of(value)
        except InvalidInputError as error:
            raise ValueError(str(error)) from None
        return value

    def policy(self, all_trunks: Sequence[TrunkId] = (DEFAULT_TRUNK,)) -> CampaignPolicy:
        """`all_trunks`: what a campaign that names none dials by."""
        trunks = tuple(dict.fromkeys(map(TrunkId, self.trunks))) or tuple(all_trunks)
        return CampaignPolicy(
            campaign_id=CampaignId(self.id),
            name=self.name or self.id,
            team_id=TeamId(self.team),
            client_id=ClientId(self.client),
            purpose=self.purpose,
            sector=self.sector,
            check_registers=self.check_registers,
            check_consents=self.check_consents,
            profile=self.profile,
            mode=self.mode,
            dial_ratio=self.dial_ratio,
            abandon_target=self.abandon_target,
            guard=self.guard,
            works_until=self.works_until,
            take_back=self.take_back,
            caller_id=self.caller_id,
            trunks=trunks,
            lines=self.lines,
            calls_per_second=self.calls_per_second,
            ring_timeout=timedelta(seconds=self.ring_timeout_seconds),
            wrap_up=timedelta(seconds=self.wrap_up_seconds),
            max_attempts=self.max_attempts,
            screen=self.screen,
            subject=self.subject,
            caps=tuple(cap.cap() for cap in self.caps),
            retry_rules=rules_of(self.retry_rules),
            dispositions=dispositions_of(self.dispositions),
            callback_grace=timedelta(seconds=self.callback_grace_seconds),
            callback_tries=self.callback_tries,
        )

"""A campaign as data: what it dials, how fast, under which profile. Policy is data; no rule lives here."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from dialer.callbacks import DEFAULT_GRACE, DEFAULT_TRIES
from dialer.dispositions import DEFAULT_DISPOSITIONS, Disposition
from dialer.ids import MAIN_CLIENT, CampaignId, ClientId, TeamId, TrunkId
from dialer.leads import Outcome
from dialer.profiles import Cap, CapPer
from dialer.retry_rules import RetryRule


class PacingMode(StrEnum):
    PROGRESSIVE = "progressive"  # one line per free agent
    RATIO = "ratio"  # a fixed number of lines per free agent
    PREDICTIVE = "predictive"  # as many as the risk of an abandoned call allows
    ASSURED = "assured"  # one call per free agent, who is held for it before it is placed
    PREVIEW = "preview"  # as assured, but the agent is shown the lead first, and takes or skips it
    MANUAL = "manual"  # as assured, when an agent asks for a call; none otherwise

    @property
    def holds_agents(self) -> bool:
        """Nobody is called for whom no agent is held."""
        return self in (PacingMode.ASSURED, PacingMode.PREVIEW, PacingMode.MANUAL)


class Guard(StrEnum):
    """How near to the legal limit a campaign may go."""

    STANDARD = "standard"  # just under the profile's limit, at the end of each window
    STRICT = "strict"  # under it at every moment: nothing borrowed, and some calls kept in hand
    CAUTIOUS = "cautious"  # the profile's target, and progressive until enough people have answered


class PreviewEnd(StrEnum):
    """What becomes of a lead that its agent neither took nor skipped in time."""

    DIAL = "dial"
    SKIP = "skip"


DEFAULT_CAPS = (Cap(most=4, per=CapPer.CALLED_PERSON_AND_CLIENT, days=1),)
"""Nobody wants the fifth call of a day, from whichever of the client's campaigns."""


class TakeBack(StrEnum):
    """Which unanswered calls predictive pacing may hang up when agents have become fewer than it counted on."""

    NEVER = "never"
    SILENT = "silent"  # for which no phone rings yet, on trunks that are known to tell of ringing
    RUNG = "rung"  # these, and those that have rung for as long as the law asks (15 s at least)


class CampaignState(StrEnum):
    PAUSED = "paused"
    RUNNING = "running"
    FINISHED = "finished"


DEFAULT_RETRY: dict[Outcome, timedelta] = {
    Outcome.BUSY: timedelta(minutes=15),
    Outcome.NO_ANSWER: timedelta(hours=4),
    Outcome.MACHINE: timedelta(hours=6),
    Outcome.HUNG_UP: timedelta(hours=24),
    Outcome.ABANDONED: timedelta(days=5),
    Outcome.LOST: timedelta(hours=24),
    Outcome.CONGESTION: timedelta(minutes=10),
    Outcome.UNREACHABLE: timedelta(minutes=10),
    Outcome.FAILED: timedelta(minutes=10),
}
"""Delay before the next try, by outcome. An outcome that is not here ends the lead.

Busy clears fast; nobody at home is tried at another time of day; a person who was abandoned is left alone at least as
long as the strictest shipped profile demands (Garante 83/2014: five days)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignPolicy:
    """Everything a campaign's rules read. Durations are timedeltas; ratios 0..1."""

    campaign_id: CampaignId
    name: str
    team_id: TeamId
    client_id: ClientId = MAIN_CLIENT  # on whose behalf
    purpose: str = (
        "telemarketing"  # as the profiles name it: telemarketing, research, survey, service, debt
    )
    subject: str = ""  # what it is about, for laws that count calls by subject; empty: not said
    sector: str = ""  # what is offered, where a law names it (energy); empty: none of these
    check_registers: bool = (
        False  # nobody is called whose number was not asked of the profile's registers
    )
    check_consents: bool = (
        False  # nor, where the profile wants a consent, without one that stands here
    )
    profile: str = "IT-GARANTE"
    mode: PacingMode = PacingMode.PREDICTIVE
    dial_ratio: float = 2.0  # lines per free agent, for RATIO
    preview: timedelta = timedelta(seconds=30)  # how long an agent sees a lead, for PREVIEW
    preview_end: PreviewEnd = PreviewEnd.DIAL
    abandon_target: float | None = None  # None: 0.97 of the profile's limit
    guard: Guard = Guard.STANDARD
    works_until: time | None = (
        None  # by the profile's clock: when the team stops for the day; None: nobody has said
    )
    take_back: TakeBack = TakeBack.NEVER
    caller_id: str = ""  # empty: one of the trunk's
    trunks: tuple[TrunkId, ...] = (TrunkId("dialer-trunk"),)
    lines: int = 60  # channels this campaign may hold at once
    calls_per_second: float = 10.0
    ring_timeout: timedelta = timedelta(seconds=25)
    screen: bool = False  # answering-machine detection
    wrap_up: timedelta = timedelta(seconds=15)
    max_attempts: int = 6
    max_never_rang: int = 20
    noise: str = "dialer-noise"
    message: str = "dialer/message-it"
    retry: dict[Outcome, timedelta] = field(default_factory=lambda: dict(DEFAULT_RETRY))
    dispositions: tuple[Disposition, ...] = DEFAULT_DISPOSITIONS
    caps: tuple[Cap, ...] = DEFAULT_CAPS
    retry_rules: dict[Outcome, RetryRule] = field(default_factory=dict)
    callback_grace: timedelta = DEFAULT_GRACE  # so long a callback waits for its own agent
    callback_tries: int = DEFAULT_TRIES  # so often one person is called for one callback


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    policy: CampaignPolicy
    state: CampaignState
    held_at: datetime | None = None  # a restore holds it back: only a person starts it

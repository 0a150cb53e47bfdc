"""A jurisdiction profile as data: the limits, hours and duties that the rules read. Immutable once released (id@version).

The files are described in docs/reference/profile.schema.json; `dialer/adapters/profile_schema.py` reads them. Profiles that
hold for one call at the same time are merged in profile_merge.py.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dialer.abandonment import DEFAULT_FORMULA, AbandonFormula

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

CALLED_PARTY = "called_party"
"""As a holiday calendar: that of the called person's country."""

ANYWHERE = "*"
"""As a jurisdiction: countries that have no profile of their own."""

Interval = tuple[time, time]
"""Local wall-clock times, half-open: [start, end). An end of `time.max` is the next midnight."""


class NoAgentAction(StrEnum):
    """What the dialplan does by itself at the limit (profile: no_agent.action)."""

    HANG_UP = "hangup"
    MESSAGE = "message"


class Status(StrEnum):
    """How a profile was checked, best first."""

    PRIMARY_TEXT = "primary_text"
    SECONDARY_SOURCE = "secondary_source"
    UNVERIFIED = "unverified"
    DEMONSTRATION = "demonstration"  # nobody real is called under it


class Purpose(StrEnum):
    TELEMARKETING = "telemarketing"
    RESEARCH = "research"
    SURVEY = "survey"
    SERVICE = "service"
    DEBT = "debt"


class ConsentBasis(StrEnum):
    """Loosest first."""

    OPT_OUT = "opt_out"
    MIXED = "mixed"
    OPT_IN = "opt_in"


class Scope(StrEnum):
    """Whose calls a window counts together."""

    CAMPAIGN = "campaign"
    CLIENT = "client"  # all campaigns of the client company
    CALL_CENTRE = "call_centre"  # all campaigns


class WindowType(StrEnum):
    CAMPAIGN_TOTAL = "campaign_total"
    CALENDAR_DAY = "calendar_day"
    CALENDAR_MONTH = "calendar_month"
    CAMPAIGN_PERIOD = (
        "campaign_period"  # successive periods of fixed length from the campaign's start
    )
    ROLLING = "rolling"  # the latest `length`, at every instant


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonWindow:
    """One window over which abandoned / answered may not exceed `limit` (parts per million, compared in integers)."""

    type: WindowType
    limit_ppm: int
    length: timedelta | None
    scope: Scope = Scope.CAMPAIGN
    zone: ZoneInfo | None = None  # None: the profile's

    @property
    def name(self) -> str:
        """Among the windows of one profile."""
        return self.type.value if self.scope is Scope.CAMPAIGN else f"{self.scope}:{self.type}"

    @property
    def limit_ratio(self) -> float:
        return self.limit_ppm / 1_000_000

    @property
    def days(self) -> float | None:
        return self.length / timedelta(days=1) if self.length is not None else None


class CapPer(StrEnum):
    """Whose attempts a cap counts: those to one number, or to one person, on one subject or for one client company."""

    CALLED_NUMBER = "called_number"
    CALLED_PERSON = "called_person"
    CALLED_PERSON_AND_SUBJECT = "called_person_and_subject"
    CALLED_PERSON_AND_CLIENT = "called_person_and_client"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """At most `most` attempts in `length` (rolling) or in `days` local calendar days, today included; one of the two."""

    most: int
    per: CapPer
    length: timedelta | None = None
    days: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One profile; or several merged into one (profile_merge.py). None: the profile has no such rule."""

    id: str
    version: str
    jurisdiction: str  # ISO 3166 country, or country-subdivision; ANYWHERE
    zone: ZoneInfo  # of the calendar windows
    sector: str = ""  # not empty: laid over others for campaigns of this sector alone
    purposes: frozenset[Purpose] = frozenset({Purpose.TELEMARKETING})
    effective_from: date | None = None
    effective_to: date | None = None  # the last day
    status: Status = Status.UNVERIFIED

    # abandoned calls
    windows: tuple[
        AbandonWindow, ...
    ]  # of the campaign, with a beginning: its team counts them alone
    windows_beyond: tuple[
        AbandonWindow, ...
    ] = ()  # of a wider scope, or rolling: the store counts too
    target_ratio: float  # a house choice below the limits, for cautious campaigns
    min_sample: int  # answers in a window before a cautious campaign goes beyond progressive
    limit_kind: str = "none"  # legal_max, safe_harbour, benchmark, none
    formula: AbandonFormula = DEFAULT_FORMULA  # how they are counted

    # whoever answers
    limit: timedelta  # from answer to the end of the wait: the earliest that the law names
    allowance: timedelta | None = None
    allowance_reference: str = "answer"  # or greeting_start, greeting_end
    hard_drop: timedelta | None = None
    action: NoAgentAction
    noise_start: timedelta | None = None
    message_start: timedelta | None = None
    message_must_include: tuple[str, ...] = ()
    message_must_not_include: tuple[str, ...] = ()
    key_press_opt_out: bool = False

    # ringing, answering machines
    min_ring: timedelta
    min_rings: int | None = None
    seconds_only: bool = True  # rings do not count instead of seconds
    machine_hangup_allowed: bool = True
    machine_guaranteed: timedelta | None = None  # after a machine: so long only with a held agent

    # calling again
    abandon_block: timedelta
    abandon_then_guaranteed_agent: bool
    abandon_agent_exempt: bool = False  # with a held agent also inside the block
    refusal_block_days: int | None = None  # full calendar days
    caps: tuple[Cap, ...] = ()

    # hours
    weekly: tuple[tuple[Interval, ...], ...]  # Monday first
    holidays_blocked: bool
    holidays: frozenset[date]
    holiday_calendar: str = ""  # ISO 3166 country or subdivision; CALLED_PARTY
    pre_holiday: tuple[Interval, ...] | None
    legal_force: str = "none"  # statute, code, guidance, none

    # do-not-call, consent
    registries: tuple[str, ...] = ()
    scrub_max_age: timedelta | None = None
    check_before_campaign: bool = False
    internal_honour_within: timedelta = timedelta()
    internal_keep_days: int | None = None
    consent_basis: ConsentBasis = ConsentBasis.OPT_OUT
    consent_proof_keep_days: int | None = None
    sector_opt_in: tuple[str, ...] = ()

    # the number shown
    withhold_allowed: bool = True
    caller_id_callable: bool = False
    caller_id_assigned_to: str | None = None  # caller, client
    caller_id_allowed: tuple[str, ...] | None = None  # prefixes; None: all
    caller_id_forbidden: tuple[str, ...] = ()
    callback_reachable_days: int | None = None
    foreign_trunk_blocked: bool = False  # a caller id of the called country by a foreign trunk

    call_records_keep_days: int | None = None
    abandon_reports_keep_days: int | None = None
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.id}@{self.version}"

    @property
    def country(self) -> str:
        return self.jurisdiction.partition("-")[0]

    @property
    def strictest_limit(self) -> float:
        """The smallest limit of all windows; 1.0 where the law has none."""
        return min((window.limit_ratio for window in self.every_window), default=1.0)

    @property
    def every_window(self) -> tuple[AbandonWindow, ...]:
        return self.windows + self.windows_beyond

    def in_force(self, day: date) -> bool:
        since, until = self.effective_from, self.effective_to
        return (since is None or since <= day) and (until is None or day <= until)


def window_start(
    window: AbandonWindow, profile: Profile, started_at: datetime | None, now: datetime
) -> datetime | None:
    """When the window that holds `now` began; None: at the campaign's start."""
    zone = window.zone or profile.zone
    match window.type:
        case WindowType.CAMPAIGN_TOTAL:
            return None
        case WindowType.CALENDAR_DAY:
            return datetime.combine(now.astimezone(zone).date(), time(), zone)
        case WindowType.CALENDAR_MONTH:
            return datetime.combine(now.astimezone(zone).date().replace(day=1), time(), zone)
        case WindowType.CAMPAIGN_PERIOD:
            if started_at is None or window.length is None:
                return None
            return started_at + window.length * ((now - started_at) // window.length)
        case WindowType.ROLLING:
            return now - (window.length or timedelta())


def window_end(
    window: AbandonWindow, profile: Profile, started_at: datetime | None, now: datetime
) -> datetime | None:
    """When the window that holds `now` ends; None: with the campaign, or never."""
    start = window_start(window, profile, started_at, now)
    if start is None or window.type is WindowType.ROLLING:
        return None
    zone = window.zone or profile.zone
    if window.type is WindowType.CALENDAR_DAY:
        return datetime.combine(start.date() + timedelta(days=1), time(), zone)
    if window.type is WindowType.CALENDAR_MONTH:
        following = (start.date() + timedelta(days=31)).replace(day=1)
        return datetime.combine(following, time(), zone)
    return start + window.length if window.length is not None else None

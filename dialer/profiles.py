"""A jurisdiction profile as data: the limits, hours and duties that the rules read. Immutable once released (id@version).

`parse` turns the JSON of `dialer/profile_data/*.json` into a Profile and refuses what the rules cannot honour yet, by field.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from dialer.abandonment import DEFAULT_FORMULA, AbandonFormula, formula_of
from dialer.errors import InvalidInputError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Interval = tuple[time, time]
"""Local wall-clock times, half-open: [start, end)."""


class NoAgentAction(StrEnum):
    """What the dialplan does by itself at the limit (profile: no_agent.action)."""

    HANG_UP = "hangup"
    MESSAGE = "message"


class WindowType(StrEnum):
    CAMPAIGN_TOTAL = "campaign_total"
    CALENDAR_DAY = "calendar_day"
    CALENDAR_MONTH = "calendar_month"
    CAMPAIGN_PERIOD = (
        "campaign_period"  # successive periods of fixed length from the campaign's start
    )
    ROLLING = "rolling"  # the latest so long


class Scope(StrEnum):
    """Whose calls a window counts together."""

    CAMPAIGN = "campaign"
    CLIENT = "client"  # all campaigns of the client company
    CALL_CENTRE = "call_centre"  # all campaigns


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonWindow:
    """One window over which abandoned / answered may not exceed `limit` (parts per million, compared in integers)."""

    type: WindowType
    limit_ppm: int
    length: timedelta | None
    scope: Scope = Scope.CAMPAIGN

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    id: str
    version: str
    jurisdiction: str
    zone: ZoneInfo  # of the calendar windows
    windows: tuple[AbandonWindow, ...]
    target_ratio: float  # a house choice below the limits, for cautious campaigns
    min_sample: int  # answers in a window before a cautious campaign goes beyond progressive
    limit: timedelta  # from answer to the end of the wait
    action: NoAgentAction
    min_ring: timedelta
    abandon_block: timedelta
    abandon_then_guaranteed_agent: bool
    weekly: tuple[tuple[Interval, ...], ...]  # Monday first
    holidays_blocked: bool
    holidays: frozenset[date]
    pre_holiday: tuple[Interval, ...] | None
    sources: tuple[str, ...]
    formula: AbandonFormula = DEFAULT_FORMULA

    @property
    def name(self) -> str:
        return f"{self.id}@{self.version}"

    @property
    def strictest_limit(self) -> float:
        """The smallest limit of all windows; 1.0 where the law has none."""
        return min((window.limit_ratio for window in self.windows), default=1.0)


def window_start(
    window: AbandonWindow, profile: Profile, started_at: datetime | None, now: datetime
) -> datetime | None:
    """When the window that holds `now` began; None: at the campaign's start."""
    match window.type:
        case WindowType.CAMPAIGN_TOTAL:
            return None
        case WindowType.CALENDAR_DAY:
            local = now.astimezone(profile.zone)
            return datetime.combine(local.date(), time(), profile.zone)
        case WindowType.CALENDAR_MONTH:
            first = now.astimezone(profile.zone).date().replace(day=1)
            return datetime.combine(first, time(), profile.zone)
        case WindowType.ROLLING:
            return now - window.length if window.length is not None else None
        case WindowType.CAMPAIGN_PERIOD:
            if started_at is None or window.length is None:
                return None
            return started_at + window.length * ((now - started_at) // window.length)


def window_end(
    window: AbandonWindow, profile: Profile, started_at: datetime | None, now: datetime
) -> datetime | None:
    """When the window that holds `now` ends; None: with the campaign."""
    start = window_start(window, profile, started_at, now)
    if start is None:
        return None
    if window.type is WindowType.CALENDAR_DAY:
        return datetime.combine(start.date() + timedelta(days=1), time(), profile.zone)
    if window.type is WindowType.CALENDAR_MONTH:
        following = (start.date() + timedelta(days=31)).replace(day=1)
        return datetime.combine(following, time(), profile.zone)
    return start + window.length if window.length is not None else None


def parse(data: dict[str, Any], holidays: frozenset[date]) -> Profile:
    """A Profile from the JSON schema of docs/reference/profiles.md. Raises InvalidInputError, naming the field."""
    try:
        return _parse(data, holidays)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"profile {data.get('id', '?')}", f"{error!r}") from error


def _parse(data: dict[str, Any], holidays: frozenset[date]) -> Profile:
    _refuse_unsupported(data)
    hours, redial, no_agent = data["hours"], data["redial"], data["no_agent"]
    return Profile(
        id=data["id"],
        version=data["version"],
        jurisdiction=data["jurisdiction"],
        zone=ZoneInfo(data["zone"]),
        windows=tuple(_window(window) for window in data["abandon"]["windows"]),
        target_ratio=float(data["abandon"]["target_ratio"]),
        min_sample=int(data["abandon"]["min_sample_answered"]),
        limit=timedelta(milliseconds=_limit_ms(data["connect"], no_agent)),
        action=_ACTIONS[no_agent["action"]],
        min_ring=timedelta(seconds=data["ring"]["min_s"] or 0),
        abandon_block=timedelta(seconds=redial["after_abandon_block_s"]),
        abandon_then_guaranteed_agent=redial["after_abandon_then_guaranteed_agent"],
        weekly=tuple(_intervals(hours["weekly"][day]) for day in WEEKDAYS),
        holidays_blocked=hours["holidays"] == "blocked",
        holidays=holidays,
        pre_holiday=_intervals(hours["pre_holiday"]) if hours["pre_holiday"] else None,
        sources=tuple(data["sources"]),
        formula=formula_of(data["abandon"], data["connect"]["allowance_ms"]),
    )


_ACTIONS = {
    "hangup": NoAgentAction.HANG_UP,
    "comfort_noise_then_hangup": NoAgentAction.HANG_UP,
    "message_then_hangup": NoAgentAction.MESSAGE,
}

_SUPPORTED: dict[str, tuple[Any, ...]] = {
    "inherits": ([],),
    "no_agent.action": tuple(_ACTIONS),
    "amd.redial_agent_guaranteed_within_s": (None,),
    "redial.caps": ([],),
    "redial.after_refusal_block_days": (None,),
    "hours.tz_basis": ("called_party",),
    "hours.holidays": ("blocked", "as_weekday"),
}
"""By field, the values that the rules honour. A profile that says anything else must not be dialled with."""


def _refuse_unsupported(data: dict[str, Any]) -> None:
    for field, supported in _SUPPORTED.items():
        value: Any = data
        for part in field.split("."):
            value = value[part]
        if value not in supported:
            raise InvalidInputError(field, f"{value!r} is not supported yet")


def _limit_ms(connect: dict[str, Any], no_agent: dict[str, Any]) -> int:
    """The earliest of what the law names; counted from answer, which is never later than any other reference."""
    candidates = (connect["hard_drop_ms"], no_agent["message_start_ms"], connect["allowance_ms"])
    return min(int(value) for value in candidates if value is not None)


def _window(data: dict[str, Any]) -> AbandonWindow:
    if data["scope"] != Scope.CAMPAIGN:
        raise InvalidInputError("abandon.windows.scope", f"{data['scope']!r} is not supported yet")
    if data["type"] not in set(WindowType) - {WindowType.ROLLING}:
        raise InvalidInputError("abandon.windows.type", f"{data['type']!r} is not supported yet")
    length = data["length_s"]
    if length is None and data["type"] in (WindowType.ROLLING, WindowType.CAMPAIGN_PERIOD):
        raise InvalidInputError("abandon.windows.length_s", f"{data['type']} needs a length")
    return AbandonWindow(
        type=WindowType(data["type"]),
        scope=Scope(data["scope"]),
        limit_ppm=round(data["limit_ratio"] * 1_000_000),
        length=timedelta(seconds=length) if length is not None else None,
    )


def _intervals(pairs: list[list[str]]) -> tuple[Interval, ...]:
    return tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in pairs)

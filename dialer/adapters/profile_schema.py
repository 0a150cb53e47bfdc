"""The files of profiles: one JSON object each, checked whole. Unknown keys are refused; a value names its field.

`inherits`: start from the parents and replace what is given; objects are joined key by key, lists and `weekly` replaced whole.
"""

import json
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from dialer.abandonment import Denominator, formula_of
from dialer.errors import InvalidInputError
from dialer.profiles import (
    WEEKDAYS,
    AbandonWindow,
    Cap,
    CapPer,
    ConsentBasis,
    Interval,
    NoAgentAction,
    Profile,
    Purpose,
    Scope,
    Status,
    WindowType,
)

REPLACED_WHOLE = frozenset({"weekly"})

Ratio = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Prefix = Annotated[str, Field(pattern=r"^\+[1-9][0-9]*$")]
WallTime = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError):
        raise ValueError("is not an IANA time zone") from None


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WindowPart(Part):
    scope: Scope
    type: WindowType
    length_s: Count | None = Field(description="null for calendar types and campaign_total")
    limit_ratio: Ratio

    @model_validator(mode="after")
    def _length_where_needed(self) -> "WindowPart":
        needed = self.type in (WindowType.CAMPAIGN_PERIOD, WindowType.ROLLING)
        if needed != bool(self.length_s):
            raise ValueError(f"length_s: {'is needed' if needed else 'must be null'} here")
        return self


class AbandonPart(Part):
    limit_kind: Literal["legal_max", "safe_harbour", "benchmark", "none"]
    target_ratio: Ratio = Field(description="What a cautious campaign steers to: a house choice")
    windows: tuple[WindowPart, ...]
    denominator: Denominator
    late_connect_counts: bool = Field(description="An agent who joined after the allowance")
    waiting_hangup_counts: bool = Field(description="Hung up unconnected after the allowance")
    amd_fp_included: bool
    amd_fp_default_ratio: Ratio
    amd_fp_min_sample: Count
    machine_credit: bool = Field(description="Estimated machines among drops are taken off")
    min_sample_answered: Count


class ConnectPart(Part):
    allowance_ms: Count
    reference: Literal["answer", "greeting_start", "greeting_end"]
    hard_drop_ms: Count | None = Field(description="Drop at this time after answer, at the latest")


class NoAgentPart(Part):
    action: Literal["message_then_hangup", "comfort_noise_then_hangup", "hangup"]
    comfort_noise_start_ms: Count | None
    message_start_ms: Count | None = Field(description="Latest start, from connect.reference")
    message_must_include: tuple[Word, ...]
    message_must_not_include: tuple[Word, ...]
    key_press_opt_out: bool


class RingPart(Part):
    min_s: Count | None
    min_rings: Count | None
    mode: Literal["either", "seconds_only"]


class AmdPart(Part):
    hangup_on_machine_allowed: bool
    redial_agent_guaranteed_within_s: Count | None


class CapPart(Part):
    max: Annotated[int, Field(gt=0)]
    window_s: Annotated[int, Field(gt=0)] | None = Field(default=None, description="Rolling")
    window_days: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Local calendar days, the first one included"
    )
    counts: Literal["attempts"]
    per: CapPer

    @model_validator(mode="after")
    def _one_window(self) -> "CapPart":
        if (self.window_s is None) == (self.window_days is None):
            raise ValueError("window_s: either this or window_days")
        return self


class RedialPart(Part):
    after_abandon_block_s: Count
    after_abandon_then_guaranteed_agent: bool
    after_abandon_agent_exempt: bool
    after_refusal_block_days: Count | None
    caps: tuple[CapPart, ...]


Span = tuple[WallTime, WallTime]


class WeeklyPart(Part):
    mon: tuple[Span, ...]
    tue: tuple[Span, ...]
    wed: tuple[Span, ...]
    thu: tuple[Span, ...]
    fri: tuple[Span, ...]
    sat: tuple[Span, ...]
    sun: tuple[Span, ...]


class HoursPart(Part):
    tz_basis: Literal["called_party"]
    unknown_tz: Literal["intersection"]
    weekly: WeeklyPart
    holidays: Literal["blocked", "as_weekday"]
    holiday_calendar: str = Field(
        pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|called_party)$",
        description="ISO 3166 country or subdivision",
    )
    pre_holiday: tuple[Span, ...] | None
    legal_force: Literal["statute", "code", "guidance", "none"]


class DncPart(Part):
    registries: tuple[Word, ...]
    scrub_max_age_s: Count | None
    check_before_campaign: bool
    internal_honour_within_s: Count = Field(description="0: at once")
    internal_keep_days: Count | None


class ConsentPart(Part):
    basis: ConsentBasis
    proof_keep_days: Count | None
    sector_opt_in: tuple[Word, ...]


class CallerIdPart(Part):
    withhold_allowed: bool
    must_be_callable: bool
    assigned_to: Literal["caller", "client"] | None
    allowed_prefixes: tuple[Prefix, ...] = Field(description="Empty: all")
    forbidden_prefixes: tuple[Prefix, ...]
    callback_reachable_days: Count | None
    foreign_trunk_national_cli: Literal["blocked", "allowed"]


class RecordsPart(Part):
    call_records_keep_days: Count | None
    abandon_reports_keep_days: Count | None


class ProfileFile(Part):
    """Durations carry their unit in the name; ratios are 0 to 1; times are local, intervals half-open. null: no rule."""

    id: Word
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    jurisdiction: str = Field(
        pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|\*)$",
        description="ISO 3166 country or subdivision; *: countries without a profile of their own",
    )
    zone: Annotated[str, AfterValidator(_known_zone)] = Field(description="Of calendar windows")
    sector: Word | None = Field(
        default=None, description="Laid over others for campaigns of this sector alone"
    )
    inherits: tuple[str, ...]
    effective_from: date
    effective_to: date | None = Field(description="The last day")
    status: Status
    purposes: tuple[Purpose, ...]
    abandon: AbandonPart
    connect: ConnectPart
    no_agent: NoAgentPart
    ring: RingPart
    amd: AmdPart
    redial: RedialPart
    hours: HoursPart
    dnc: DncPart
    consent: ConsentPart
    caller_id: CallerIdPart
    records: RecordsPart
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


def checked(data: Mapping[str, Any]) -> ProfileFile:
    """A whole file, its inheritance resolved. Raises InvalidInputError, naming the field."""
    try:
        return ProfileFile.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(
            f"profile {data.get('id', '?')}", f"{place}: {first['msg']}"
        ) from None


def inherited(
    data: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]], below: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The file over its parents, which are found in `files` by id@version; a parent without a version has the child's."""
    name = f"{data.get('id')}@{data.get('version')}"
    whole: dict[str, Any] = {}
    for parent in data.get("inherits", ()):
        wanted = parent if "@" in str(parent) else f"{parent}@{data.get('version')}"
        if wanted not in files:
            raise InvalidInputError(f"profile {name}", f"inherits: there is no {wanted}")
        if wanted in (*below, name):
            raise InvalidInputError(f"profile {name}", f"inherits: {wanted} inherits this one")
        whole = _over(inherited(files[wanted], files, (*below, name)), whole)
    for personal in ("notes", "sector"):  # of one file, not of what it leads to
        whole.pop(personal, None)
    return _over(data, whole)


def _over(data: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(whole)
    for key, value in data.items():
        below = joined.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and key not in REPLACED_WHOLE:
            joined[key] = _over(value, below)
        else:
            joined[key] = value
    return joined


def profile_of(file: ProfileFile, holidays: frozenset[date]) -> Profile:
    """The rules' form of a file. `holidays`: of its calendar."""
    windows = [_window(each) for each in file.abandon.windows]
    counted = [each for each in windows if _is_counted(each)]
    return Profile(
        id=file.id,
        version=file.version,
        jurisdiction=file.jurisdiction,
        zone=ZoneInfo(file.zone),
        sector=file.sector or "",
        purposes=frozenset(file.purposes),
        effective_from=file.effective_from,
        effective_to=file.effective_to,
        status=file.status,
        windows=tuple(counted),
        windows_beyond=tuple(each for each in windows if not _is_counted(each)),
        holidays=holidays,
        sources=file.sources,
        notes=file.notes,
        target_ratio=file.abandon.target_ratio,
        min_sample=file.abandon.min_sample_answered,
        limit_kind=file.abandon.limit_kind,
        formula=formula_of(file.abandon.model_dump(mode="json"), file.connect.allowance_ms),
        **_answer(file.connect, file.no_agent),
        **_ringing(file.ring, file.amd),
        **_redial(file.redial),
        **_hours(file.hours),
        **_permission(file.dnc, file.consent),
        **_caller_id(file.caller_id),
        **file.records.model_dump(),
    )


def _is_counted(window: AbandonWindow) -> bool:
    return window.scope is Scope.CAMPAIGN and window.type is not WindowType.ROLLING


def _window(part: WindowPart) -> AbandonWindow:
    return AbandonWindow(
        scope=part.scope,
        type=part.type,
        limit_ppm=round(part.limit_ratio * 1_000_000),
        length=_seconds(part.length_s),
    )


_ACTIONS = {
    "hangup": NoAgentAction.HANG_UP,
    "comfort_noise_then_hangup": NoAgentAction.HANG_UP,
    "message_then_hangup": NoAgentAction.MESSAGE,
}


def _answer(connect: ConnectPart, no_agent: NoAgentPart) -> dict[str, Any]:
    """`limit`: the earliest of what the law names, from answer, which is never later than any other reference."""
    named = (connect.hard_drop_ms, no_agent.message_start_ms, connect.allowance_ms)
    return {
        "limit": timedelta(milliseconds=min(each for each in named if each is not None)),
        "allowance": timedelta(milliseconds=connect.allowance_ms),
        "allowance_reference": connect.reference,
        "hard_drop": _milliseconds(connect.hard_drop_ms),
        "action": _ACTIONS[no_agent.action],
        "noise_start": _milliseconds(no_agent.comfort_noise_start_ms),
        "message_start": _milliseconds(no_agent.message_start_ms),
        "message_must_include": no_agent.message_must_include,
        "message_must_not_include": no_agent.message_must_not_include,
        "key_press_opt_out": no_agent.key_press_opt_out,
    }


def _ringing(ring: RingPart, amd: AmdPart) -> dict[str, Any]:
    return {
        "min_ring": timedelta(seconds=ring.min_s or 0),
        "min_rings": ring.min_rings,
        "seconds_only": ring.mode == "seconds_only",
        "machine_hangup_allowed": amd.hangup_on_machine_allowed,
        "machine_guaranteed": _seconds(amd.redial_agent_guaranteed_within_s),
    }


def _redial(part: RedialPart) -> dict[str, Any]:
    return {
        "abandon_block": timedelta(seconds=part.after_abandon_block_s),
        "abandon_then_guaranteed_agent": part.after_abandon_then_guaranteed_agent,
        "abandon_agent_exempt": part.after_abandon_agent_exempt,
        "refusal_block_days": part.after_refusal_block_days,
        "caps": tuple(
            Cap(most=cap.max, per=cap.per, length=_seconds(cap.window_s), days=cap.window_days)
            for cap in part.caps
        ),
    }


def _hours(part: HoursPart) -> dict[str, Any]:
    return {
        "weekly": tuple(_intervals(getattr(part.weekly, day)) for day in WEEKDAYS),
        "holidays_blocked": part.holidays == "blocked",
        "holiday_calendar": part.holiday_calendar,
        "pre_holiday": _intervals(part.pre_holiday) if part.pre_holiday is not None else None,
        "legal_force": part.legal_force,
    }


def _permission(dnc: DncPart, consent: ConsentPart) -> dict[str, Any]:
    return {
        "registries": dnc.registries,
        "scrub_max_age": _seconds(dnc.scrub_max_age_s),
        "check_before_campaign": dnc.check_before_campaign,
        "internal_honour_within": timedelta(seconds=dnc.internal_honour_within_s),
        "internal_keep_days": dnc.internal_keep_days,
        "consent_basis": consent.basis,
        "consent_proof_keep_days": consent.proof_keep_days,
        "sector_opt_in": consent.sector_opt_in,
    }


def _caller_id(part: CallerIdPart) -> dict[str, Any]:
    return {
        "withhold_allowed": part.withhold_allowed,
        "caller_id_callable": part.must_be_callable,
        "caller_id_assigned_to": part.assigned_to,
        "caller_id_allowed": part.allowed_prefixes or None,
        "caller_id_forbidden": part.forbidden_prefixes,
        "callback_reachable_days": part.callback_reachable_days,
        "foreign_trunk_blocked": part.foreign_trunk_national_cli == "blocked",
    }


def _seconds(value: int | None) -> timedelta | None:
    return timedelta(seconds=value) if value is not None else None


def _milliseconds(value: int | None) -> timedelta | None:
    return timedelta(milliseconds=value) if value is not None else None


def _intervals(spans: tuple[Span, ...]) -> tuple[Interval, ...]:
    return tuple((time.fromisoformat(start), _end(end)) for start, end in spans)


def _end(text: str) -> time:
    return time.max if text == "24:00" else time.fromisoformat(text)

"""docs/reference/profiles.md and profile.schema.json, from the shipped profiles and the schema of their files."""

import json
from collections.abc import Iterable
from datetime import timedelta

from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.profile_schema import ProfileFile
from dialer.profiles import (
    WEEKDAYS,
    AbandonWindow,
    Cap,
    Interval,
    NoAgentAction,
    Profile,
    Scope,
    WindowType,
)
from dialer.texts import Language, text

INTRO = """\
A profile is data (`dialer/profile_data/*.json`): limits, hours and duties that the rules read. Its file is described in
[profile.schema.json](profile.schema.json); unknown keys are refused. A released file never changes: a change is a new
version, and `dialer/profile_data/released.sha256` holds the digest of each. `dialer profiles list` and
`dialer profiles show ID` print them.

**{counsel}.** The status of each says how it was checked.

For one call hold: the profile of the campaign; that of the called person's country and state, where it is another (an
American state is presumed by the area code); that of the country that the agents call from (setting `country`); and the
overlay of the campaign's sector. A country without a profile has GENERIC-STRICT. Where several hold, the strictest value of
each wins (`dialer/profile_merge.py`).

Not done by the dialler itself, whatever a profile says: what a recorded message has to name, an opt-out by key press
within it, whether a caller id can be called back and whose it is.
"""


def profiles_page(generated: str) -> str:
    shown = [each for each in ProfileFiles().all() if each.id.count("-") == 0 or _is_whole(each)]
    states = [each for each in ProfileFiles().all() if each not in shown]
    parts = [
        "# Jurisdiction profiles\n",
        generated,
        INTRO.format(counsel=text("law.counsel", Language.EN)),
    ]
    parts += [_profile(each) for each in shown]
    parts += ["## States of the United States\n", _states(states)]
    return "\n".join(parts)


def schema_page() -> str:
    schema = ProfileFile.model_json_schema()
    return json.dumps({"title": "A jurisdiction profile", **schema}, indent=1) + "\n"


def _is_whole(profile: Profile) -> bool:
    return not profile.jurisdiction.startswith("US-")


def _profile(profile: Profile) -> str:
    rows = {
        "place": profile.jurisdiction + (f", sector {profile.sector}" if profile.sector else ""),
        "status": text(f"law.status.{profile.status}", Language.EN),
        "in force": _force(profile),
        "abandoned calls": _windows(profile),
        "answer to end of the wait": f"{profile.limit.total_seconds():g} s at most",
        "then": _action(profile),
        "least ringing": _seconds(profile.min_ring, "none"),
        "after an abandoned call": _after_abandoned(profile),
        "after a machine": _after_machine(profile),
        "after a refusal": _after_refusal(profile),
        "attempts": _caps(profile),
        **_hours(profile),
        "holidays": _holidays(profile),
        "registers": _registers(profile),
        "consent": _consent(profile),
        "caller id": _caller_id(profile),
        "zone of the calendar windows": profile.zone.key,
    }
    table = [
        "| rule | value |",
        "|---|---|",
        *(f"| {rule} | {is_} |" for rule, is_ in rows.items()),
    ]
    sources = ["Sources:\n", *(f"- {source}" for source in profile.sources)]
    notes = ["\nNotes:\n", *(f"- {note}" for note in profile.notes)] if profile.notes else []
    return "\n".join([f"## {profile.id} ({profile.version})\n", *table, "", *sources, *notes, ""])


def _states(profiles: Iterable[Profile]) -> str:
    """What each has beyond US-FED."""
    rows = [
        "| profile | status | in force | hours | holidays | attempts | notes |",
        "|" + "---|" * 7,
    ]
    for each in profiles:
        hours = "; ".join(
            f"{name.removeprefix('hours, ')} {at}" for name, at in _hours(each).items()
        )
        status = text(f"law.status.{each.status}", Language.EN)
        cells = (each.name, status, _force(each), hours, _holidays(each), _caps(each))
        rows.append("| " + " | ".join((*cells, ". ".join(each.notes))) + " |")
    return "\n".join([*rows, ""])


def _force(profile: Profile) -> str:
    return f"{profile.effective_from} to {profile.effective_to or 'further notice'}"


def _windows(profile: Profile) -> str:
    return "; ".join(_window(each) for each in profile.every_window) or "no limit"


def _window(window: AbandonWindow) -> str:
    share = f"{100 * window.limit_ratio:g} % of persons who answer"
    over = {
        WindowType.CAMPAIGN_TOTAL: "over the campaign",
        WindowType.CALENDAR_DAY: "each calendar day",
        WindowType.CALENDAR_MONTH: "each calendar month",
        WindowType.CAMPAIGN_PERIOD: f"each {window.days or 0:g} days from the campaign's start",
        WindowType.ROLLING: f"over any {window.days or 0:g} days",
    }[window.type]
    whose = {
        Scope.CAMPAIGN: "",
        Scope.CLIENT: ", all campaigns of the client",
        Scope.CALL_CENTRE: ", all campaigns",
    }[window.scope]
    return f"{share}, {over}{whose}"


def _action(profile: Profile) -> str:
    if profile.action is NoAgentAction.HANG_UP:
        return "hang-up; a sound from the start" if profile.noise_start is not None else "hang-up"
    names = ", ".join(profile.message_must_include).replace("_", " ")
    return f"message, then hang-up (the message names: {names})"


def _after_abandoned(profile: Profile) -> str:
    block = profile.abandon_block
    words = f"not rung for {block / timedelta(days=1):g} days" if block else "no block"
    if profile.abandon_agent_exempt:
        words += ", but with a reserved agent"
    guaranteed = "; then only with a reserved agent"
    return words + guaranteed if profile.abandon_then_guaranteed_agent else words


def _after_machine(profile: Profile) -> str:
    if not profile.machine_hangup_allowed:
        return "may not be hung up on"
    lasts = profile.machine_guaranteed
    return f"{lasts / timedelta(hours=1):g} h only with a reserved agent" if lasts else "no block"


def _after_refusal(profile: Profile) -> str:
    days = profile.refusal_block_days
    return f"not rung for {days} full calendar days" if days is not None else "no block"


def _caps(profile: Profile) -> str:
    return "; ".join(_cap(each) for each in profile.caps) or "no limit"


def _cap(cap: Cap) -> str:
    span = f"{cap.days} calendar days" if cap.length is None else _span(cap.length)
    return f"{cap.most} in {span} to the {cap.per.removeprefix('called_').replace('_', ' ')}"


def _span(length: timedelta) -> str:
    return f"{length / timedelta(hours=1):g} h"


def _seconds(value: timedelta, otherwise: str) -> str:
    return f"{value.total_seconds():g} s" if value else otherwise


def _hours(profile: Profile) -> dict[str, str]:
    """Days of the same hours share a row."""
    days: dict[str, list[str]] = {}
    for name, intervals in zip(WEEKDAYS, profile.weekly, strict=True):
        days.setdefault(_intervals(intervals), []).append(name.capitalize())
    rows = {f"hours, {', '.join(names)}": hours for hours, names in days.items()}
    if profile.pre_holiday is not None:
        rows["hours, eve of a holiday"] = _intervals(profile.pre_holiday)
    return rows


def _intervals(intervals: tuple[Interval, ...]) -> str:
    return " and ".join(f"{start:%H:%M} to {_end(end)}" for start, end in intervals) or "closed"


def _end(end: object) -> str:
    shown = f"{end:%H:%M}"
    return "24:00" if shown == "23:59" else shown


def _holidays(profile: Profile) -> str:
    calendar = profile.holiday_calendar.replace("_", " ")
    return f"closed on those of {calendar}" if profile.holidays_blocked else "as on weekdays"


def _registers(profile: Profile) -> str:
    if not profile.registries:
        return "none"
    names = ", ".join(profile.registries).replace("_", " ")
    age = profile.scrub_max_age
    return f"{names}; results hold {age / timedelta(days=1):g} days" if age else names


def _consent(profile: Profile) -> str:
    words = profile.consent_basis.replace("_", "-")
    sectors = ", ".join(profile.sector_opt_in).replace("_", " ")
    return f"{words}; opt-in for {sectors}" if sectors else words


def _caller_id(profile: Profile) -> str:
    words = ["may be withheld" if profile.withhold_allowed else "never withheld"]
    if profile.caller_id_allowed is not None:
        words.append("only " + " ".join(profile.caller_id_allowed))
    if profile.caller_id_forbidden:
        words.append("never " + " ".join(profile.caller_id_forbidden))
    if profile.foreign_trunk_blocked:
        words.append("a national one by no foreign trunk")
    return "; ".join(words)

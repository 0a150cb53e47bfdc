"""Writes the parts of the reference that come from the sources: `python -m scripts.generate_docs`.

docs/reference/states.md from the tables of transitions, docs/reference/profiles.md from the shipped profiles,
docs/reference/settings.md from the settings, docs/reference/dispositions.md from the default set,
docs/reference/scenario-files.md from the scenario files of `dialer simulate`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from dialer import agents, calls, leads
from dialer.adapters.profile_files import ProfileFiles
from dialer.profiles import WEEKDAYS, AbandonWindow, Interval, Profile, WindowType
from scripts.dispositions_page import dispositions_page
from scripts.scenario_page import scenario_page
from scripts.settings_page import settings_page

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
GENERATED = (
    "Generated from the sources by `python -m scripts.generate_docs`; a test keeps it current.\n"
)

Edge = tuple[str, str, str]
"""(from, to, the events that do it)."""


def pages() -> dict[Path, str]:
    """Every generated page, as it should read."""
    return {
        FOLDER / "states.md": states(),
        FOLDER / "profiles.md": profiles(),
        FOLDER / "settings.md": settings_page(GENERATED),
        FOLDER / "dispositions.md": dispositions_page(GENERATED),
        FOLDER / "scenario-files.md": scenario_page(GENERATED),
    }


# --- states -----------------------------------------------------------------------------------------------------------


def states() -> str:
    parts = [
        "# States\n",
        GENERATED,
        "An event that a table does not have raises `IllegalTransitionError` and changes nothing; the call is then looked up on",
        "the exchange. Events that Asterisk may deliver late or twice are ignored by name: they are listed under each diagram.\n",
        "## Calls (`dialer/calls.py`)\n",
        "`CallMatched` is made by the team itself when the queue finds an agent.\n",
        _diagram(_edges(calls.TRANSITIONS), start="dialing", end="ended"),
        _late_table(calls.LATE),
        "## Agents (`dialer/agents.py`)\n",
        'An agent has two axes. "On break after this call" is status `on_break` in phase `talking`.\n',
        "### Status: what the person chose\n",
        _diagram(_edges(agents.STATUS_TRANSITIONS), start="logged_out"),
        "### Phase: what the system is doing\n",
        "An event of a call moves the agent only while that call is the agent's; being bridged is what makes it so.\n",
        _diagram(_edges(agents.PHASE_TRANSITIONS), start="idle"),
        _late_table(agents.PHASE_LATE),
        "## Leads (`dialer/leads.py`)\n",
        "`done -> retry` is an agreed callback.\n",
        _diagram(_lead_edges(), start="new", end="excluded"),
    ]
    return "\n".join(parts)


def _edges(table: Mapping[Any, Mapping[type[Any], Any]]) -> list[Edge]:
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    for state, row in table.items():
        for event, following in row.items():
            edges[(str(state), str(following))].append(event.__name__)
    return [(start, end, ", ".join(names)) for (start, end), names in edges.items()]


def _lead_edges() -> list[Edge]:
    return [
        (str(state), str(following), "")
        for state, row in leads.TRANSITIONS.items()
        for following in leads.LeadState
        if following in row
    ]


def _diagram(edges: Iterable[Edge], *, start: str, end: str | None = None) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    lines += [
        f"    {before} --> {after}" + (f": {names}" if names else "")
        for before, after, names in edges
    ]
    if end is not None:
        lines.append(f"    {end} --> [*]")
    return "\n".join([*lines, "```\n"])


def _late_table(late: Mapping[Any, frozenset[type[Any]]]) -> str:
    rows = [
        f"| `{state}` | {', '.join(sorted(f'`{event.__name__}`' for event in events))} |"
        for state, events in late.items()
        if events
    ]
    return "\n".join(["| in state | ignored, as late or told twice |", "|---|---|", *rows, ""])


# --- profiles ---------------------------------------------------------------------------------------------------------


def profiles() -> str:
    parts = [
        "# Jurisdiction profiles\n",
        GENERATED,
        "A profile is data (`dialer/profile_data/*.json`): limits, hours and duties that the rules read. Loading refuses, by",
        "field, whatever the rules do not honour yet. A profile is no legal advice; its status says how it was checked.\n",
    ]
    parts += [_profile(profile, _raw(profile.id)) for profile in ProfileFiles().all()]
    return "\n".join(parts)


def _raw(profile_id: str) -> dict[str, Any]:
    folder = resources.files("dialer") / "profile_data"
    data: dict[str, Any] = json.loads(
        (folder / f"{profile_id.lower()}.json").read_text(encoding="utf-8")
    )
    return data


def _profile(profile: Profile, raw: dict[str, Any]) -> str:
    rows = {
        "status": raw["status"].replace("_", " "),
        "in force": f"{raw['effective_from']} to {raw['effective_to'] or 'further notice'}",
        "abandoned calls": "; ".join(_window(window) for window in profile.windows) or "no limit",
        "answer to end of the wait": f"{profile.limit.total_seconds():g} s at most",
        "then": _action(raw),
        "least ringing": _seconds(profile.min_ring, "none"),
        "after an abandoned call": _after_abandoned(profile),
        **_hours(profile),
        "holidays": _holidays(profile, raw),
        "zone of the calendar windows": profile.zone.key,
    }
    table = [
        "| rule | value |",
        "|---|---|",
        *(f"| {rule} | {value} |" for rule, value in rows.items()),
    ]
    sources = ["Sources:\n", *(f"- {source}" for source in raw["sources"])]
    notes = ["\nNotes:\n", *(f"- {note}" for note in raw["notes"])] if raw["notes"] else []
    return "\n".join([f"## {profile.id} ({profile.version})\n", *table, "", *sources, *notes, ""])


def _window(window: AbandonWindow) -> str:
    share = f"{window.limit_ratio * 100:g} % of persons who answer"
    match window.type:
        case WindowType.CAMPAIGN_TOTAL:
            return f"{share}, over the campaign"
        case WindowType.CALENDAR_DAY:
            return f"{share}, each calendar day"
        case WindowType.CAMPAIGN_PERIOD:
            days = (window.length or timedelta()).days
            return f"{share}, each {days} days from the campaign's start"


def _action(raw: dict[str, Any]) -> str:
    no_agent = raw["no_agent"]
    action = str(no_agent["action"]).replace("_", " ")
    holds = ", ".join(word.replace("_", " ") for word in no_agent["message_must_include"])
    return f"{action} (the message names: {holds})" if holds else action


def _after_abandoned(profile: Profile) -> str:
    block = profile.abandon_block
    words = f"not rung for {block.days} days" if block else "no block"
    guaranteed = "; then only with a reserved agent"
    return words + guaranteed if profile.abandon_then_guaranteed_agent else words


def _hours(profile: Profile) -> dict[str, str]:
    """Days that have the same hours in one row."""
    days: dict[tuple[Interval, ...], list[str]] = defaultdict(list)
    for name, intervals in zip(WEEKDAYS, profile.weekly, strict=True):
        days[intervals].append(name.title())
    rows = {f"hours, {', '.join(names)}": _intervals(each) for each, names in days.items()}
    if profile.pre_holiday is not None:
        rows["hours, eve of a holiday"] = _intervals(profile.pre_holiday)
    return rows


def _intervals(intervals: tuple[Interval, ...]) -> str:
    if not intervals:
        return "closed"
    return ", ".join(f"{_wall(start)} to {_wall(end)}" for start, end in intervals)


def _wall(moment: Any) -> str:
    return "24:00" if moment.microsecond else f"{moment:%H:%M}"


def _holidays(profile: Profile, raw: dict[str, Any]) -> str:
    calendar = raw["hours"]["holiday_calendar"]
    return f"closed on those of {calendar}" if profile.holidays_blocked else "as on weekdays"


def _seconds(length: timedelta, nothing: str) -> str:
    return f"{length.total_seconds():g} s" if length else nothing


def main() -> None:
    for path, page in pages().items():
        path.write_text(page, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()

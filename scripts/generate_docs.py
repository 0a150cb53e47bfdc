"""Writes the parts of the reference that come from the sources: `python -m scripts.generate_docs`.

docs/reference/states.md from the tables of transitions, docs/reference/profiles.md and profile.schema.json from the shipped
profiles and the schema of their files, docs/reference/settings.md from the settings, docs/reference/dispositions.md from
the default set, docs/reference/scenario-files.md from the scenario files of `dialer simulate`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dialer import agents, callbacks, calls, leads
from scripts.dispositions_page import dispositions_page
from scripts.profiles_page import profiles_page, schema_page
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
        FOLDER / "profiles.md": profiles_page(GENERATED),
        FOLDER / "profile.schema.json": schema_page(),
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
        "## Callbacks (`dialer/callbacks.py`)\n",
        "`miss`: called and not reached, to be tried again. `cancelled -> booked`: its agent took another word back.\n",
        _diagram(_callback_edges(), start="booked", end="done"),
    ]
    return "\n".join(parts)


def _edges(table: Mapping[Any, Mapping[type[Any], Any]]) -> list[Edge]:
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    for state, row in table.items():
        for event, following in row.items():
            edges[(str(state), str(following))].append(event.__name__)
    return [(start, end, ", ".join(names)) for (start, end), names in edges.items()]


def _callback_edges() -> list[Edge]:
    return [
        (str(state), str(following), str(deed))
        for state, row in callbacks.TRANSITIONS.items()
        for deed, following in row.items()
    ]


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


def main() -> None:
    for path, page in pages().items():
        path.write_text(page, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()

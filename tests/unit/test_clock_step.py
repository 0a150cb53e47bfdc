"""The wall clock is put forward or back by an hour: a team says and does what it would have, at any point of its work."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dialer.commands import BridgeToAgent, Command, PlaceCall, RequestLeads
from dialer.events import ClockStepped, Event
from dialer.trunk_board import STRIKES
from tests.support.playbook import (
    answers,
    at,
    bridged,
    ends,
    floor,
    leads,
    leg_returns,
    of,
    rings,
    talk_ends,
    tick,
    timer,
    waits,
)

HOUR = timedelta(hours=1)
STEPS = [HOUR, -HOUR]


def ticks(begin: int, end: int) -> list[Event]:
    return [tick(second) for second in range(begin, end)]


A_TALK: list[Event] = [
    leads(0.5, "rossi", "bianchi", "verdi"),
    tick(1),
    rings("call-1", 2),
    answers("call-1", 3),
    waits("call-1", 3.1),
    bridged("call-1", "1001", 3.2),
    *ticks(4, 9),
    talk_ends("call-1", 9),
    leg_returns("1001", 9.1),
    ends("call-1", 9.2),
    *ticks(10, 24),
    timer("wrap:1001", 24),
    *ticks(24, 27),
    rings("call-2", 27),
    answers("call-2", 28),
    waits("call-2", 28.1),
    *ticks(29, 33),
]
NO_LEADS: list[Event] = [*ticks(1, 3), leads(3, "rossi"), *ticks(4, 6), leads(6), *ticks(7, 20)]
DEAD_TRUNK: list[Event] = [
    leads(0.5, *(f"lead-{n}" for n in range(12))),
    *(
        event
        for n in range(1, STRIKES + 3)
        for event in (tick(2 * n), ends(f"call-{n}", 2 * n + 1, cause=34))
    ),
    *ticks(20, 40),
]
CONVERSATIONS = [A_TALK, NO_LEADS, DEAD_TRUNK]


def said(events: list[Event]) -> list[list[dict[str, Any]]]:
    """What a team says to each event, every instant of it told by its distance from the event."""
    team = floor("1001", wrap_up=timedelta(seconds=15))
    return [[_relative(command, event.at) for command in team.handle(event)] for event in events]


def _relative(command: Command, now: datetime) -> dict[str, Any]:
    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: told(inner) for name, inner in value.items()}
        return value - now if isinstance(value, datetime) else value

    return {"command": type(command).__name__} | told(asdict(command))


def stepped(events: list[Event], cut: int, by: timedelta) -> list[Event]:
    """The clock is put forward by `by` before the event number `cut`."""
    later = [replace(event, at=event.at + by) for event in events[cut:]]
    return [*events[:cut], ClockStepped(by=by, at=later[0].at), *later]


@pytest.mark.parametrize("by", STEPS)
@pytest.mark.parametrize("events", CONVERSATIONS, ids=["a talk", "no leads", "a dead trunk"])
def test_a_step_at_any_point_changes_nothing_that_is_said(
    events: list[Event], by: timedelta
) -> None:
    expected = said(events)
    for cut in range(1, len(events)):
        found = said(stepped(events, cut, by))
        assert found.pop(cut) == []
        assert found == expected, f"stepped before event {cut}"


def test_the_conversations_say_what_they_are_for() -> None:
    assert [len(of_kind(events, BridgeToAgent)) for events in CONVERSATIONS] == [2, 0, 0]
    assert len(of_kind(NO_LEADS, RequestLeads)) == 2
    assert len(of_kind(DEAD_TRUNK, PlaceCall)) > STRIKES


def of_kind(events: list[Event], kind: type[Any]) -> list[Any]:
    team = floor("1001")
    return of(kind, [command for event in events for command in team.handle(event)])


@pytest.mark.parametrize(
    ("by", "seconds"), [(HOUR, 5.0), (-HOUR, 5.0)], ids=["put forward", "put back"]
)
def test_an_hour_that_was_none_counts_for_nobody(by: timedelta, seconds: float) -> None:
    team = floor("1001")
    for event in stepped([tick(1), tick(5)], 1, by):
        team.handle(event)
    assert team.time.staffed_seconds == pytest.approx(seconds)


def test_calling_hours_follow_the_new_clock() -> None:
    """At eleven in Rome the clock is put to half past eight in the evening: nobody is rung any more."""
    team = floor("1001")
    by = timedelta(hours=9, minutes=30)
    team.handle(leads(0.5, "rossi"))
    team.handle(ClockStepped(by=by, at=at(1) + by))
    assert of(PlaceCall, team.handle(replace(tick(2), at=at(2) + by))) == []

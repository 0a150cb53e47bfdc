"""No Originate is ever sent twice for one attempt id, no lead is lost, and dialling goes on: whatever fails, wherever it fails.

Whole servers (`Dialer`) work a short list of leads over a wire and a store that fail. A run without failures counts the points at
which something can fail: every write to the wire, from either side, every request to the store, every step of the server from one
await to the next. Then the story is told again, once for each point and each way to fail there.

The fast profile takes the most telling ways, and of the steps those that lead to an Originate and a share of the others;
HYPOTHESIS_PROFILE=deep takes all, which needs half an hour.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.broken_servers import loses_ends, rings_before_it_writes, sends_again
from tests.support.failures import Failure, Point, What, Where
from tests.support.whole_engine import Told, play, wrongs

DEEP = settings.default is not None and settings.default.max_examples > 1000
EVERY = 1 if DEEP else 16
"""Of the steps that lead to no Originate, one in so many."""

BYTES = (0, 1, 0.5, -2, -1, 1.0)
"""Shares of a write that arrive before a cut; below 0: all but so many bytes, which leaves the end of a message open."""

pytestmark = pytest.mark.timeout(3600 if DEEP else 120)

Ways = tuple[Failure, ...]


def ways(what: What, values: tuple[float, ...], few: tuple[float, ...], away: float = 0.0) -> Ways:
    return tuple(Failure(what, value, away) for value in (values if DEEP else few))


WIRE: dict[str, tuple[Where, Ways]] = {
    "an action is cut": (Where.SENT, ways(What.CUT, BYTES, (0.5, -1, 1.0))),
    "and nobody gets through for long": (Where.SENT, ways(What.CUT, BYTES, (1.0,), away=20.0)),
    "an action is stuck": (Where.SENT, ways(What.STALL, (1, 4, 12, 25, 60), (25,))),
    "the exchange sleeps": (Where.SENT, ways(What.ASLEEP, (1, 4, 12, 25, 60), (12,))),
    "an action is refused": (Where.SENT, ways(What.REFUSE, (0,), (0,))),
    "an answer is cut": (Where.TOLD, ways(What.CUT, BYTES, (0.5,))),
    "an answer is stuck": (Where.TOLD, ways(What.STALL, (1, 4, 12, 25, 60), ())),
    "garbage comes": (Where.TOLD, ways(What.GARBAGE, (0,), (0,))),
}
STORE: dict[str, tuple[Where, Ways]] = {
    "the store fails": (Where.STORED, ways(What.UNDONE, (0, 0.3, 8, 30), (8,))),
    "its answer is lost": (Where.STORED, ways(What.UNTOLD, (0, 0.3, 8, 30), (0.3,))),
    "it commits late": (Where.STORED, ways(What.SLOW, (1, 4, 10, 30), (4,))),
    "it answers late": (Where.STORED, ways(What.LATE, (1, 4, 10, 30), ())),
}
STEPS: dict[str, tuple[bool, Ways]] = {  # is there a second server?
    "the server is killed": (False, ways(What.DIE, (0.5, 10), (0.5,))),
    "it is killed, another takes over": (True, ways(What.DIE, (60,), ())),
    "it stands still, another takes over": (True, ways(What.FREEZE, (2, 4, 7, 15, 40), (15,))),
    "its clock is set back meanwhile": (True, ways(What.FREEZE, (15,), (15,), away=15.0)),
}


@cache
def undisturbed(standby: bool = False) -> Told:
    return play(standby=standby)


def points(where: Where) -> Iterator[Point]:
    return (point for point, _ in undisturbed().points if point.where is where)


def steps(standby: bool, every: int) -> list[Point]:
    """The steps between the request to commit attempts and the last byte of their Originates, and one in `every` others."""
    chosen, near = [], False
    for point, label in undisturbed(standby).points:
        near = label == "open" or (near and label != "Originate")
        if point.where is Where.STEP and (near or point.number % every == 0):
            chosen.append(point)
    return chosen


def failed(point: Point, failure: Failure, **how: Any) -> list[str]:
    return [f"{point} {failure}: {wrong}" for wrong in wrongs(play({point: failure}, **how))]


def test_the_story_without_failures_passes_every_kind_of_point() -> None:
    told = undisturbed()
    assert wrongs(told) == []
    assert set(told.left.values()) == {1}
    assert told.left == told.received
    labels = {label for _, label in told.points}
    assert {"Login", "CoreShowChannels", "Originate", "Redirect", "Ping"} <= labels
    assert {"reserve_due", "open", "record", "renew", "still_open"} <= labels
    assert sum(1 for _ in points(Where.STEP)) > 300


@pytest.mark.parametrize("way", [*WIRE, *STORE])
def test_it_fails_at_every_point(way: str) -> None:
    where, failures = (WIRE | STORE)[way]
    runs = [failed(point, failure) for point in points(where) for failure in failures]
    assert [wrong for run in runs for wrong in run] == []


@pytest.mark.parametrize("way", STEPS)
def test_the_server_is_stopped_at_any_step(way: str) -> None:
    standby, failures = STEPS[way]
    every = 10_000 if failures and failures[0].away and not DEEP else EVERY
    runs = [
        failed(point, failure, standby=standby)
        for point in steps(standby, every)
        for failure in failures
    ]
    assert [wrong for run in runs for wrong in run] == []


# --- several at once --------------------------------------------------------------------------------------------------


def _failures_at(where: Where) -> st.SearchStrategy[tuple[Point, Failure]]:
    kinds = {
        Where.SENT: (What.CUT, What.STALL, What.ASLEEP, What.REFUSE, What.GARBAGE),
        Where.TOLD: (What.CUT, What.STALL, What.GARBAGE),
        Where.STORED: (What.UNDONE, What.UNTOLD, What.SLOW, What.LATE),
        Where.STEP: (What.DIE, What.FREEZE),
    }[where]
    most = {Where.SENT: 40, Where.TOLD: 100, Where.STORED: 100, Where.STEP: 900}[where]
    seconds = st.sampled_from((0.1, 1.0, 2.5, 4.0, 7.0, 15.0, 30.0))
    value = {What.CUT: st.sampled_from(BYTES)}
    return st.builds(
        lambda number, failure: (Point(where, number), failure),
        st.integers(0, most),
        st.sampled_from(kinds).flatmap(
            lambda what: st.builds(
                Failure, st.just(what), value.get(what, seconds), st.sampled_from((0.0, 0.0, 10.0))
            )
        ),
    )


PLANS = st.lists(
    st.sampled_from(Where).flatmap(_failures_at),
    min_size=2,
    max_size=3,
    unique_by=lambda each: each[0],
).map(dict)


@settings(max_examples=5_000 if DEEP else 30)
@given(PLANS, st.booleans())
def test_two_or_three_failures_in_one_run(plan: dict[Point, Failure], standby: bool) -> None:
    assert wrongs(play(plan, standby=standby)) == []


# --- the property can fail --------------------------------------------------------------------------------------------


def test_a_server_that_sends_again_is_found_out() -> None:
    """At every Originate, where its answer is cut off and also where it is lost on the way."""
    originates = [
        point for point, label in undisturbed().points if label == "Originate" and point.number
    ]
    for share in (0.5, 1.0):
        found = [
            wrong
            for point in originates
            for wrong in wrongs(play({point: Failure(What.CUT, share)}, mutate=sends_again))
        ]
        assert any(wrong.startswith("left twice") for wrong in found)
    assert any(wrong.startswith("received twice") for wrong in found)


def test_a_server_that_rings_before_it_writes_is_found_out() -> None:
    found = wrongs(play(store_wrap=rings_before_it_writes))
    assert any(wrong.startswith("rung before it was committed") for wrong in found)


def test_leads_that_are_lost_are_found_out() -> None:
    found = wrongs(play(store_wrap=loses_ends))
    assert any(wrong.startswith("still open") for wrong in found)
    assert any(wrong.startswith("lead not dealt with") for wrong in found)

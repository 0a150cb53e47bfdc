"""The soak's judges: each rule can be broken, and a figure that creeps is seen."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.soak import Log
from bench.soak_checks import Limits, Look, broken, broken_at_the_end, disagreements
from bench.soak_exchange import Ledger
from bench.soak_store import Bucket, decided_at
from bench.soak_trend import percentile, slope, thirds
from dialer.ids import uuid7

LIMITS = Limits(agents=300, lines=700, leads=1000)
SOUND: dict[str, Any] = {
    "phase": "dialling",
    "log_errors": 0,
    "exchange": {"repeated": 0, "same_number": 0, "agents_with_two": 0, "peak_calls": 700},
    "server": {
        "agents_with_two": 0,
        "quarantined": 0,
        "stray": {},
        "failed_writes": 0,
        "reconnects": 0,
        "own_calls": 700,
        "agents_in": 300,
        "backlog": 3,
        "writes_waiting": 3,
        "hopper": 100,
        "answered": 1000,
        "abandon_ratio": 0.03,
        "abandon_limit": 0.03,
    },
    "store": {
        "twice": 0,
        "agents_with_two": 0,
        "without_call": 0,
        "without_attempt": 0,
        "over_rate": 0,
        "leads": {"new": 600, "done": 400},
        "wal_mib": 4.0,
    },
}


def test_a_sound_sample_breaks_nothing() -> None:
    assert broken(SOUND, LIMITS) == []


@pytest.mark.parametrize(
    ("place", "name", "value", "rule"),
    [
        ("exchange", "repeated", 1, "asked for twice"),
        ("exchange", "same_number", 1, "a number with a call up"),
        ("exchange", "agents_with_two", 1, "two calls at the exchange"),
        ("exchange", "peak_calls", 701, "lines at the exchange"),
        ("server", "agents_with_two", 1, "two calls in the team"),
        ("server", "own_calls", 701, "calls of the team"),
        ("server", "quarantined", 1, "illegal transitions"),
        ("server", "stray", {"CallEnded": 1}, "stray events"),
        ("server", "failed_writes", 1, "failed writes"),
        ("server", "reconnects", 1, "links lost"),
        ("server", "agents_in", 301, "agents in"),
        ("server", "backlog", 501, "events in line"),
        ("server", "writes_waiting", 501, "writes in line"),
        ("server", "hopper", 0, "ran dry"),
        ("server", "abandon_ratio", 0.0301, "abandon ratio"),
        ("store", "twice", 1, "two open attempts"),
        ("store", "agents_with_two", 1, "agents with two open attempts"),
        ("store", "without_call", 1, "without a call"),
        ("store", "without_attempt", 1, "without an open attempt"),
        ("store", "over_rate", 1, "calls-per-second"),
        ("store", "leads", {"new": 600, "done": 399}, "unaccounted"),
        ("store", "wal_mib", 65.0, "WAL"),
    ],
)
def test_every_rule_of_a_sample_can_be_broken(
    place: str, name: str, value: object, rule: str
) -> None:
    sample = deepcopy(SOUND)
    sample[place][name] = value
    (found,) = broken(sample, LIMITS)
    assert rule in found


def test_an_error_in_the_log_breaks_a_rule(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("2026-01-01 INFO x fine\n2026-01-01 ERROR x event_failed\nTraceback (most\n")
    log = Log(path)
    log.read()
    assert log.errors == 2
    (found,) = broken(SOUND | {"log_errors": log.errors}, LIMITS)
    assert "log" in found


def history() -> dict[str, Any]:
    return {
        "attempts": {"a": "talked", "b": "busy", "c": "failed"},
        "outcomes": {"talked": 970, "abandoned": 30, "busy": 1, "failed": 1},
        "after_a_talk": 0,
        "overlapping": 0,
    }


def at_the_end(
    change: Callable[[dict[str, Any]], object] = lambda _: None,
    asked: tuple[str, ...] = ("a", "b"),
    leads: dict[str, int] | None = None,
    up: int = 0,
) -> list[str]:
    told = history()
    change(told)
    counted = leads or {"new": 600, "retry": 100, "done": 300}
    return broken_at_the_end(told, asked, counted, up=up, limits=LIMITS, limit_ratio=0.03)


def test_a_sound_history_breaks_nothing_and_an_attempt_that_failed_need_not_have_rung() -> None:
    assert at_the_end() == []


def test_every_rule_of_the_end_can_be_broken() -> None:
    assert "no attempt tells of" in at_the_end(asked=("a", "b", "x"))[0]
    assert "never asked for" in at_the_end(asked=("a",))[0]
    assert "still up" in at_the_end(up=1)[0]
    assert "after its talk" in at_the_end(lambda h: h.update(after_a_talk=1))[0]
    assert "overlap" in at_the_end(lambda h: h.update(overlapping=1))[0]
    assert "still open" in at_the_end(lambda h: h["outcomes"].update(open=1))[0]
    assert "abandon" in at_the_end(lambda h: h["outcomes"].update(abandoned=31))[0]
    assert "still dialling" in at_the_end(leads={"new": 999, "dialing": 1})[0]
    assert "still reserved" in at_the_end(leads={"new": 999, "reserved": 1})[0]
    assert "unaccounted" in at_the_end(leads={"new": 999})[0]


def look(stored: str, up: str) -> Look:
    return Look(frozenset(stored), frozenset(up))


def test_store_and_exchange_disagree_only_in_what_two_looks_show_alike() -> None:
    assert disagreements(look("ab", "ab"), look("ab", "ab")) == (0, 0)
    assert disagreements(look("ab", "a"), look("ab", "ab")) == (0, 0)  # written, then rung
    assert disagreements(look("a", "a"), look("a", "")) == (0, 0)  # ended, not yet written
    assert disagreements(look("ab", "a"), look("ab", "a")) == (1, 0)
    assert disagreements(look("", "xy"), look("", "xy")) == (0, 2)


def test_the_ledger_counts_what_may_not_happen() -> None:
    ledger = Ledger()
    ledger.ordered("a", "1", [], 0.0)
    ledger.ordered("b", "2", ["1"], 0.5)
    assert (ledger.repeated, ledger.same_number, ledger.peak_calls) == (0, 0, 2)
    ledger.ordered("a", "3", ["1", "2"], 0.6)
    ledger.ordered("c", "2", ["2"], 2.0)
    assert (ledger.repeated, ledger.same_number, ledger.peak_calls) == (1, 1, 3)
    assert ledger.peak_second == 3


def test_the_bucket_holds_one_second_of_calls() -> None:
    bucket = Bucket(2.0)
    bucket.take([10.0, 10.0, 10.5, 11.0])
    assert bucket.over == 0
    bucket.take([11.0])
    assert bucket.over == 1
    bucket.take([10.9, 11.4])  # told late: no time has passed
    assert bucket.over == 3


def test_a_call_id_says_when_its_call_was_decided() -> None:
    at = datetime(2026, 1, 1, 10, 0, 0, 250_000, UTC)
    assert decided_at(uuid7(at, Random(1))) == at.timestamp()


def wobbling(slope_of: float, count: int = 200, seed: int = 3) -> tuple[list[float], list[float]]:
    """Two hours of memory around 120 MiB that drifts by `slope_of` MiB an hour; the noise lasts from sample to sample."""
    random = Random(seed)
    x, y, noise = [], [], 0.0
    for index in range(count):
        noise = 0.8 * noise + random.gauss(0, 0.1)
        x.append(index / 120)
        y.append(120 + slope_of * index / 120 + noise)
    return x, y


def test_a_creeping_memory_is_seen_and_a_flat_one_is_not() -> None:
    creeping, flat = slope(*wobbling(4.0)), slope(*wobbling(0.0))
    assert creeping.low > 2.0
    assert creeping.low <= 4.0 <= creeping.high
    assert flat.low <= 0.0 <= flat.high
    assert flat.high < 2.0


def test_a_few_wild_samples_do_not_turn_the_slope() -> None:
    x, y = wobbling(0.0)
    y[150] = y[151] = 400.0
    assert abs(slope(x, y).value) < 0.5


def test_slow_decisions_are_seen_in_the_thirds() -> None:
    assert thirds([2.0, 2.1, 1.9, 2.0, 2.0, 2.1]).value == pytest.approx(1.0, abs=0.06)
    slower = thirds([2.0, 2.1, 1.9, 2.4, 2.5, 2.6, 3.0, 3.1, 2.9])
    assert slower.low > 1.15
    assert percentile([5.0, 1.0, 3.0], 0.99) == 5.0

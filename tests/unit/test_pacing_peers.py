"""The formulas of the other pacing methods, and the book-keeping of the wide benchmark."""

import math
from dataclasses import replace

import pytest

from bench.pacing_cases import CASES, reported_seeds
from bench.pacing_cells import interval
from bench.pacing_figures import efficiency
from bench.pacing_oracle import Oracle, searched_theta
from bench.pacing_peers import EisWindow, eis_window, generous_cap, issabel_elapsed
from bench.pacing_risk import POINTS, calls_within, none_left
from bench.pacing_tuned import Trial, best
from bench.pacing_vicidial import Method, calls_wanted, clamped, hhmm, next_level
from dialer.simulator.lean import LeanWorld


@pytest.mark.parametrize(
    ("level", "difference", "target", "intensity", "expected"),
    [
        (1.0, 2.0, 0.0, 0, 1.2),  # two of ten idle: a fifth more
        (2.0, 2.0, 0.0, 50, 2.6),  # one and a half times as fast up
        (2.0, -2.0, 0.0, 50, 1.8),  # half as fast down
        (2.0, 2.0, -2.0, 0, 2.0),  # the wanted idle agents are there
        (2.9, 5.0, 0.0, 0, 3.0),  # the cap
        (1.1, -5.0, 0.0, 0, 1.0),  # never below one line an agent
    ],
)
def test_vicidials_level(
    level: float, difference: float, target: float, intensity: float, expected: float
) -> None:
    assert next_level(level, difference, 10, target, intensity, 3.0) == pytest.approx(expected)
    assert next_level(level, difference, 0, target, intensity, 3.0) == level


def test_vicidials_clamps() -> None:
    assert clamped(Method.HARD_LIMIT, 2.8, 1200) == 1.0
    assert clamped(Method.AVERAGE, 2.8, 1200) == 1.4
    assert clamped(Method.AVERAGE, 1.2, 1200) == 1.0
    assert clamped(Method.TAPERED, 2.0, 1059) == 2.0  # more than "1000" left
    assert clamped(Method.TAPERED, 2.0, 1745) == 1.0  # 355 left: 0.71
    assert clamped(Method.TAPERED, 2.0, 1200) == pytest.approx(1.8)
    assert clamped(Method.TAPERED, 3.0, 2130) == 1.0
    assert hhmm(17 * 3600 + 45 * 60 + 59) == 1745


@pytest.mark.parametrize(
    ("level", "active", "existing", "calls"),
    [(1.0, 3, 0, 3), (2.0, 10, 14, 6), (1.5, 3, 0, 5), (2.0, 2, 9, 0), (2.0, -1, 0, 0)],
)
def test_vicidials_calls(level: float, active: int, existing: int, calls: int) -> None:
    assert calls_wanted(level, active, existing) == calls


def test_issabel_waits_three_and_a_half_mean_talks() -> None:
    assert issabel_elapsed(100, 0.97) == pytest.approx(350.66, abs=0.01)


def test_the_window_of_eis() -> None:
    assert eis_window(10, 0.04, 0.03) == 8
    assert eis_window(10, 0.02, 0.03) == 11
    assert eis_window(59, 0.0, 0.03) == 60
    assert eis_window(0.5, 0.5, 0.03) == 0.5
    eis = EisWindow()
    assert eis.ends_within(5) == 0
    for seconds in (20.0, 5.0, 12.0, 14.0):
        eis.talk_left(seconds, 0)
    assert eis.ends_within(6) == pytest.approx(2 / 3)  # of 12, 14 and 20, two by 16 s


def test_the_generous_cap() -> None:
    assert generous_cap(CASES["S5"]) == pytest.approx(2 * (1 + 22 / (85 * 0.1)))


def test_the_risk_of_a_sure_agent_and_of_none() -> None:
    assert none_left(1.0, 0.0, 0.0) == 0.0
    assert none_left(0.0, 0.0, 0.0) == 1.0
    # ten agents free with 1/2 each: P(none) = 0.001
    assert none_left(5.0, 2.5, 0.0) == pytest.approx(0.5**10, abs=2e-3)
    call = [0.0] * POINTS + [0.0] * POINTS + [0.0] * POINTS
    weights = [1 / POINTS] * POINTS
    assert calls_within(1, [0.0] * 3 * POINTS, call, weights, 0.03, 4) == 4
    assert calls_within(0, [0.0] * 3 * POINTS, call, weights, 0.03, 4) == 0
    sure = [1.0] * POINTS + [0.0] * 2 * POINTS
    assert calls_within(3, [0.0] * 3 * POINTS, sure, weights, 0.0, 10) == 3


def test_the_best_setting_keeps_the_limit() -> None:
    trials = {
        ("RATIO", 1.0, 0.0): Trial(0.0, 0.60),
        ("RATIO", 1.5, 0.0): Trial(0.03, 0.70),
        ("RATIO", 2.0, 0.0): Trial(0.04, 0.80),
    }
    assert best(trials, trials.__getitem__, 0.03) == ("RATIO", 1.5, 0.0)
    # after a ratio above the limit no higher one is tried
    assert best(trials, trials.__getitem__, 0.035)[1] == 1.5
    with pytest.raises(ValueError, match="limit"):
        best(list(trials)[2:], trials.__getitem__, 0.03)


@pytest.mark.parametrize("target", [0.01, 0.027, 0.1])
def test_the_search_of_the_references_constant(target: float) -> None:
    tried: list[float] = []

    def abandoned(theta: float) -> float:
        tried.append(theta)
        return 0.5 * theta**0.8 + 0.0003 * math.sin(1e4 * theta)  # rises, not smoothly

    theta = searched_theta(abandoned, target, 0.0005)
    assert abs(abandoned(theta) - target) <= 0.0005
    assert len(tried) <= 8


def test_the_reference_abandons_more_with_a_higher_constant() -> None:
    scenario = replace(CASES["S2"], seconds=2_000.0)
    shares = [LeanWorld(scenario, Oracle(scenario, t), 1).run().abandon_ratio for t in (0.005, 0.3)]
    assert shares[0] < shares[1]


def test_intervals_of_student() -> None:
    middle, half = interval([1.0, 2.0, 3.0])
    assert middle == 2
    assert half == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert math.isnan(interval([1.0])[1])
    assert efficiency(34.3, 54.4, 29.1) == pytest.approx(0.794, abs=1e-3)


def test_reported_seeds_are_by_size() -> None:
    assert [len(reported_seeds(case)) for case in CASES] == [20, 20, 20, 12, 10, 10, 12, 20]
    assert min(reported_seeds("S1")) == 1000

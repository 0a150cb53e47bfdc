"""The production Team in virtual time and the lean world of the pacing benchmark tell the same of equal scenarios.

Otherwise the benchmark would judge something that does not dial. Same laws, 20 agents, half an hour, predictive; on one side the
Team with its queue, trunks, campaign and pacing board against the simulated exchange, on the other `bench.pacing_engine.Engine`
in `LeanWorld`. What remains different, all of it small:

- the persons are not the same ones: the worlds draw them in different ways, so the shifts are compared as samples, not seed by
  seed;
- a call that fails does so when it would ring, not a second (in the mean) later, and no answer is counted from the order, so
  that a slow dialling leaves less time to ring; the ring time-out is the lean one's mean;
- the last 80 ms of the limit are the dialplan's and the queue's guard, in which nobody is joined any more: the lean grace is
  as much shorter;
- the Team also keeps the limit of the calendar day (4 %), which does not bind before that of the campaign (3 %) does;
- agents' times are sampled four times a second here, and counted exactly there.

Error rates. Each comparison is a two-sided t-interval (Welch) of level 99.9 % over independent shifts: worlds that agree fail one
of the three for at most one choice of seeds in 300; seeds are fixed.

What it can see is coarse: the intervals are about 5 s of wait, .04 of talk share and .010 of abandoned share to either side, and
are bounded so. As controls, lean worlds with a quarter instead of a fifth answered, with talks of 75 s, a ring of 14 s or without
grace were not told apart by these three figures: pacing adapts to them. Only a gross difference would show.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import sqrt
from statistics import mean, variance

import pytest

from bench.pacing_engine import Engine
from dialer.adapters.profile_files import ProfileFiles
from dialer.campaign import PacingMode
from dialer.compliance import DIALPLAN_MARGIN
from dialer.queue import BRIDGE_GUARD
from dialer.simulator import lean_scenario
from dialer.simulator.distributions import Below, LogNormal, Shifted
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_result import LeanResult
from dialer.simulator.lean_scenario import LeanScenario
from dialer.simulator.scenario import LOSSLESS
from tests.support import shift
from tests.support.shift import START, ShiftResult

AGENTS, HOURS = 20, 0.5
FULL_SEEDS, LEAN_SEEDS = range(1, 9), range(1, 11)
T_999 = 5.408
"""Student, two-sided 99.9 %, at 7 degrees of freedom: the fewest that Welch's formula gives for these numbers of shifts."""

LIMIT = ProfileFiles(None).get("DEMO").limit

LEAN = LeanScenario(
    staffing=((0, AGENTS),),
    person=((0, 0.20),),
    failed=0.12,
    talk=lean_scenario.LogNormal(60.0, 1.0),
    wrap=lean_scenario.LogNormal(8.0, 0.7),
    seconds=HOURS * 3600,
    grace=(LIMIT - DIALPLAN_MARGIN - BRIDGE_GUARD).total_seconds(),
    calls_per_second=20.0,
)
FULL = replace(
    LOSSLESS,
    name="as the lean world",
    shares=replace(LOSSLESS.shares, person=0.20, busy=0.12),
    post_dial=Shifted(0.5, LogNormal(2.0, 0.4)),
    ring=Below(25.0, LogNormal(9.0, 0.55)),
    talk=LogNormal(60.0, 1.0),
    wrap_up=LogNormal(8.0, 0.7),
    login_spread=30.0,
)
RING_TIMEOUT = timedelta(seconds=25 + 2.5)
UNTIL = (START + timedelta(hours=1 + HOURS)).time()  # in Rome


def full(seed: int) -> ShiftResult:
    return shift.run(
        PacingMode.PREDICTIVE,
        agents=AGENTS,
        seed=seed,
        hours=HOURS,
        scenario=FULL,
        works_until=UNTIL,
        ring_timeout=RING_TIMEOUT,
        disposes=True,
    )


@pytest.fixture(scope="module")
def fulls() -> list[ShiftResult]:
    return [full(seed) for seed in FULL_SEEDS]


@pytest.fixture(scope="module")
def leans() -> list[LeanResult]:
    return [LeanWorld(LEAN, Engine(LEAN), seed).run() for seed in LEAN_SEEDS]


def half_width(one: Sequence[float], other: Sequence[float]) -> float:
    return T_999 * sqrt(variance(one) / len(one) + variance(other) / len(other))


def assert_agree(one: Sequence[float], other: Sequence[float], within: float) -> None:
    """The difference of the means is in its interval around 0, which is no wider than `within` to either side."""
    bound = half_width(one, other)
    assert bound < within
    assert mean(one) == pytest.approx(mean(other), abs=bound)


def test_agents_wait_as_long_in_both_worlds(
    fulls: list[ShiftResult], leans: list[LeanResult]
) -> None:
    assert_agree([each.wait_seconds for each in fulls], [each.wait for each in leans], within=5.0)


def test_agents_talk_as_much_in_both_worlds(
    fulls: list[ShiftResult], leans: list[LeanResult]
) -> None:
    talked = [each.talk_share for each in leans]
    assert_agree([each.talk_share for each in fulls], talked, within=0.05)


def test_as_many_are_abandoned_in_both_worlds(
    fulls: list[ShiftResult], leans: list[LeanResult]
) -> None:
    abandoned = [each.abandon_ratio for each in leans]
    assert_agree([each.abandon_ratio for each in fulls], abandoned, within=0.01)

"""The reference: who knows all distributions, and dials while the risk of the next call is within a constant.

Nobody has that knowledge: it shows what an engine could reach that learns at once. The constant is chosen so that the mean
abandoned share of other seeds is the limit.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.pacing_risk import EDGES, HORIZON, POINTS, calls_within, cumulants
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_scenario import (
    DIAL,
    MACHINE_RING,
    MACHINE_SCREEN,
    NO_ANSWER_SECONDS,
    PERSON_SCREEN,
    Floats,
    LeanScenario,
    LogNormal,
)

RING_BINS, RING_BIN = 90, 0.5
SCREEN_BINS, SCREEN_BIN = 32, 0.25
LONGEST, LATER = 1100, 60  # seconds of a talk or wrap-up that the tables hold, and beyond
SAMPLES = 1_000_000


def rose(low: float, high: float, at: NDArray[np.floating[Any]]) -> Floats:
    """Distribution function of the uniform law."""
    share: Floats = np.clip((at - low) / (high - low), 0.0, 1.0).astype(np.float64)
    return share


@cache
def rings(scenario: LeanScenario, person: float) -> tuple[Floats, Floats, Floats]:
    """By bins of age: P(a person picks up), P(a machine does), and P(still ringing) at the edges; sampled."""
    random, n = np.random.default_rng(7), SAMPLES
    chance, dial = random.random(n), 0.5 + DIAL.draw(random, n)
    law = LogNormal(scenario.ring_mean, scenario.ring_cv)
    ring = law.draw_below(random, n, NO_ANSWER_SECONDS)
    machine, fails = MACHINE_RING.draw(random, n), random.exponential(1.0, n)
    persons, machines = chance < person, chance < person + scenario.machine
    machines &= ~persons & (machine < NO_ANSWER_SECONDS)
    failed = (chance >= person + scenario.machine) & (
        chance < person + scenario.machine + scenario.failed
    )
    after = np.where(failed, fails, NO_ANSWER_SECONDS)
    age = dial + np.where(persons, ring, np.where(machines, machine, after))
    bins = np.minimum((age / RING_BIN).astype(int), RING_BINS - 1)
    by_person = np.bincount(bins[persons], minlength=RING_BINS) / n
    by_machine = np.bincount(bins[machines], minlength=RING_BINS) / n
    left = 1 - np.cumsum(np.bincount(bins, minlength=RING_BINS) / n)
    return by_person, by_machine, np.maximum(np.concatenate([[1.0], left]), 1e-12)


class Oracle:
    """`theta` is the risk allowed for one more call."""

    def __init__(self, scenario: LeanScenario, theta: float = 0.03) -> None:
        self._scenario, self._theta = scenario, theta
        self._regime: float | None = None
        self._tokens, self._tokens_at = 2.0, 0.0
        self._ringing = self._screening = np.zeros((1, 3 * POINTS))
        self._call: list[float] = []
        self._weights: list[float] = []
        self._talking, self._wrapping = agent_tables(scenario)

    def call_left(self, age: float, up: bool, now: float) -> None: ...

    def screen_left(self, age: float, person: bool, now: float, rang: float) -> None: ...

    def talk_left(self, seconds: float, now: float) -> None: ...

    def wrap_left(self, seconds: float, pauses: bool, now: float) -> None: ...

    def answered(self, abandoned: bool, now: float) -> None: ...

    def decide(self, world: LeanWorld) -> int:
        staffed = world.staffed
        if not staffed:
            return 0
        self._know(self._scenario.person_at(world.now))
        answers = _sum(self._ringing, world.ringing.ages(world.now) / RING_BIN)
        answers += _sum(self._screening, world.screening.ages(world.now) / SCREEN_BIN)
        free = _sum(self._talking, world.talking.ages(world.now))
        free += _sum(self._wrapping, world.wrapping.ages(world.now))
        answers[:POINTS] *= -1  # free less answers: odd cumulants change sign, variances add
        answers[2 * POINTS :] *= -1
        burst = max(2.0, staffed / 10 + 1)
        self._tokens = min(burst, self._tokens + 4 * burst * (world.now - self._tokens_at))
        self._tokens_at = world.now
        count = calls_within(
            world.idle - world.waiting.size,
            (free + answers).tolist(),
            self._call,
            self._weights,
            self._theta,
            int(self._tokens),
        )
        self._tokens -= count
        return count

    def _know(self, person: float) -> None:
        if person == self._regime:
            return
        self._regime = person
        chance, weights = call_table(self._scenario, person)
        self._ringing = cumulants(chance)
        self._call = self._ringing[0].tolist()
        self._weights = (weights / weights.sum()).tolist()
        if self._scenario.screened:
            self._screening = screen_table(self._scenario, person)


def _sum(rows: Floats, places: Floats) -> Floats:
    if not len(places):
        return np.zeros(rows.shape[1])
    where = np.minimum(places.astype(np.intp), len(rows) - 1)
    total: Floats = rows[where].sum(0)
    return total


@cache
def call_table(scenario: LeanScenario, person: float) -> tuple[Floats, Floats]:
    """P(an agent is asked for within each point | still ringing at each age), and of a new call, bin by bin."""
    by_person, by_machine, left = rings(scenario, person)
    steps = int(EDGES[-1] / RING_BIN) + 1
    after: Floats = np.arange(steps, dtype=np.float64) * RING_BIN
    passed = np.ones(steps), np.ones(steps)
    if scenario.screened:
        passed = rose(*PERSON_SCREEN, after), scenario.machine_passes * rose(*MACHINE_SCREEN, after)
    at_points = np.rint(HORIZON / RING_BIN).astype(int)
    at_edges = np.rint(EDGES / RING_BIN).astype(int)
    chance, new = np.zeros((RING_BINS, POINTS)), np.zeros(len(EDGES))
    for picked, share in zip((by_person, by_machine), passed, strict=True):
        padded = np.concatenate([picked, np.zeros(steps)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, steps)[:RING_BINS]
        chance += windows @ _shifted(share, at_points)
        new += padded[:steps] @ _shifted(share, at_edges)
    return np.clip(chance / left[:RING_BINS, None], 0, 1), np.diff(new)


def _shifted(share: Floats, ends: NDArray[np.int_]) -> Floats:
    """Row j, column k: the share that has come `ends[k] - j` bins after it began; 0 before."""
    lag = ends[None, :] - np.arange(len(share))[:, None]
    return np.where(lag > 0, share[np.maximum(lag, 0)], 0.0)


@cache
def screen_table(scenario: LeanScenario, person: float) -> Floats:
    """Cumulants of P(taken for a person within each point | screened for each age)."""
    by_person, by_machine, _ = rings(scenario, person)
    persons = by_person.sum() / (by_person.sum() + by_machine.sum())

    def passed(at: NDArray[np.floating[Any]]) -> Floats:
        machines = scenario.machine_passes * rose(*MACHINE_SCREEN, at)
        return np.asarray(persons * rose(*PERSON_SCREEN, at) + (1 - persons) * machines)

    age: Floats = (np.arange(SCREEN_BINS, dtype=np.float64)[:, None] + 0.5) * SCREEN_BIN
    left: Floats = persons * (1 - rose(*PERSON_SCREEN, age))
    left = left + (1 - persons) * (1 - rose(*MACHINE_SCREEN, age))
    gain: Floats = passed(age + HORIZON[None, :]) - passed(age)
    return cumulants(np.clip(gain / np.maximum(left, 1e-6), 0, 1))


@cache
def agent_tables(scenario: LeanScenario) -> tuple[Floats, Floats]:
    """Cumulants of P(free within each point and the grace | talk, or wrap-up, so far), by whole seconds."""
    seconds = np.arange(LONGEST + LATER, dtype=float)
    talk, wrap = scenario.talk.survival(seconds), scenario.wrap.survival(seconds)
    if scenario.screened:
        by_person, by_machine, _ = rings(scenario, scenario.person[0][1])
        machines = by_machine.sum() * scenario.machine_passes
        persons = by_person.sum() / (by_person.sum() + machines)
        talk = persons * talk + (1 - persons) * (seconds < scenario.machine_talk)
    until, steps = HORIZON + scenario.grace, 40
    rest = until[None, :] - np.arange(steps)[:, None] - 0.5  # left for the wrap-up
    wrapped = np.where(rest > 0, 1 - np.interp(np.maximum(rest, 0), seconds, wrap), 0.0)
    ends = np.lib.stride_tricks.sliding_window_view(talk[:-1] - talk[1:], steps)[:LONGEST]
    talking = ends @ wrapped / np.maximum(talk[: len(ends), None], 1e-12)
    age = np.arange(LONGEST)[:, None]
    later = np.interp(age + until[None, :], seconds, wrap)
    wrapping = 1 - later / np.maximum(wrap[:LONGEST, None], 1e-12)
    stays = 1 - scenario.pause_share
    return cumulants(np.clip(talking * stays, 0, 1)), cumulants(np.clip(wrapping * stays, 0, 1))


def searched_theta(
    abandoned: Callable[[float], float],
    target: float,
    tolerance: float,
    start: float = 0.03,
    steps: int = 7,
) -> float:
    """At which the mean abandoned share is within `tolerance` of `target`, or else the nearest that was tried.

    By secants on logarithms, between the nearest neighbours once there are two: the share of a few shifts rises with theta,
    but not smoothly.
    """
    tried: dict[float, float] = {}
    theta = start
    for _ in range(steps):
        theta = float(f"{theta:.4g}")
        if theta in tried:
            break
        tried[theta] = abandoned(theta)
        if abs(tried[theta] - target) <= tolerance:
            return theta
        theta = _next_theta(tried, target)
    return min(tried, key=lambda each: abs(tried[each] - target))


def _next_theta(tried: dict[float, float], target: float) -> float:
    below = [(theta, share) for theta, share in tried.items() if share < target]
    above = [(theta, share) for theta, share in tried.items() if share >= target]
    if below and above:
        (low, low_share), (high, high_share) = max(below), min(above)
        part = (target - low_share) / (high_share - low_share)
        return low * (high / low) ** min(max(part, 0.2), 0.8) if high > low else (low + high) / 2
    theta, share = max(below) if below else min(above)
    return min(max(theta * (target / max(share, 1e-3)) ** 1.2, theta / 3), theta * 3)

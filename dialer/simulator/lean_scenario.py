"""What a lean shift is made of: staffing, answers, durations, and the draws that do not depend on the policy."""

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NO_ANSWER_SECONDS = 25.0
CALL_BLOCK = 1024
AGENT_BLOCK = 256
PERSON_SCREEN = (0.8, 2.5)
MACHINE_SCREEN = (1.5, 4.5)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """By mean (seconds) and coefficient of variation."""

    mean: float
    cv: float

    def draw(self, random: np.random.Generator, count: int) -> Floats:
        variance = math.log(1 + self.cv**2)
        drawn: Floats = random.lognormal(
            math.log(self.mean) - variance / 2, math.sqrt(variance), count
        )
        return drawn

    def draw_below(self, random: np.random.Generator, count: int, limit: float) -> Floats:
        """Drawn again where it reaches `limit`."""
        drawn = self.draw(random, count)
        while (long := drawn >= limit).any():
            drawn[long] = self.draw(random, int(long.sum()))
        return drawn

    def survival(self, seconds: Floats) -> Floats:
        """P(longer than that)."""
        variance = math.log(1 + self.cv**2)
        middle, sd = math.log(self.mean) - variance / 2, math.sqrt(variance)
        logs = np.log(np.maximum(seconds, 1e-9)).tolist()
        return np.array([0.5 * math.erfc((each - middle) / sd / math.sqrt(2)) for each in logs])


@dataclass(frozen=True, slots=True)
class Mixture:
    """The share `first_share` by the first law, the others by the second: talks of two kinds."""

    first: LogNormal
    second: LogNormal
    first_share: float

    @property
    def mean(self) -> float:
        return self.first_share * self.first.mean + (1 - self.first_share) * self.second.mean

    def draw(self, random: np.random.Generator, count: int) -> Floats:
        first, second = self.first.draw(random, count), self.second.draw(random, count)
        return np.where(random.random(count) < self.first_share, first, second)

    def survival(self, seconds: Floats) -> Floats:
        first, second = self.first.survival(seconds), self.second.survival(seconds)
        return self.first_share * first + (1 - self.first_share) * second


DIAL = LogNormal(2.0, 0.4)  # beside half a second that every call takes
MACHINE_RING = LogNormal(17.0, 0.30)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeanScenario:
    """`staffing` and `person` (answer probability) are steps: (from second, value), the first at 0.

    A step of the staffing brings its new agents one by one over `ramp` seconds. `exponential` is the Markov case: the means
    of dial-to-outcome and of the talk, with no dialling time and no wrap-up. `event_lag` (least, most seconds) delays what
    the policy learns, in order; a share `lost_ends` of the "call ended" events is not told for `reconciled_after` seconds.
    """

    staffing: tuple[tuple[float, int], ...]
    person: tuple[tuple[float, float], ...]
    talk: LogNormal | Mixture
    wrap: LogNormal
    machine: float = 0.0
    failed: float = 0.12
    pause_share: float = 0.0
    pause: LogNormal = LogNormal(240, 0.8)
    screened: bool = False
    machine_talk: float = 6.0
    machine_passes: float = 0.08
    ring_mean: float = 9.0
    ring_cv: float = 0.55
    grace: float = 2.0
    seconds: float = 14_400.0
    ramp: float = 30.0
    calls_per_second: float = 100.0
    lines: int = 4000
    limit: float = 0.03
    exponential: tuple[float, float] | None = None
    event_lag: tuple[float, float] = (0.0, 0.0)
    lost_ends: float = 0.0
    reconciled_after: float = 60.0
    spread: float = 0.0
    leads: int | None = None
    holds: tuple[tuple[float, float], ...] = ()
    planned_seconds: float | None = None

    def __post_init__(self) -> None:
        for name, steps in (("staffing", self.staffing), ("person", self.person)):
            starts = [start for start, _ in steps]
            if not starts or starts[0] != 0 or starts != sorted(set(starts)):
                raise ValueError(f"{name}: steps start at 0 and rise, not {starts}")
        if not 0 <= self.event_lag[0] <= self.event_lag[1]:
            raise ValueError(f"event_lag: least, then most, not {self.event_lag}")

    def as_told(self) -> "LeanScenario":
        """What is known before the shift: the rules and the plan, none of its laws and probabilities."""
        seconds = self.seconds if self.planned_seconds is None else self.planned_seconds
        unknown = LogNormal(100.0, 1.0)
        return replace(
            self,
            seconds=seconds,
            planned_seconds=None,
            person=((0, 0.5),),
            talk=unknown,
            wrap=unknown,
            pause=unknown,
            pause_share=0.0,
            machine=0.0,
            failed=0.0,
            holds=(),
            lost_ends=0.0,
            event_lag=(0.0, 0.0),
        )

    @property
    def most_agents(self) -> int:
        return max(count for _, count in self.staffing)

    def person_at(self, now: float) -> float:
        return step_at(self.person, now)

    def staff_at(self, now: float) -> int:
        return int(step_at(self.staffing, now))

    def goes_out_at(self, dialled_at: float) -> float:
        """When the trunk lets the call go on."""
        return max(
            (end for start, end in self.holds if start <= dialled_at < end), default=dialled_at
        )


def step_at(steps: tuple[tuple[float, float], ...], now: float) -> float:
    """The value of the last step that has begun."""
    value = steps[0][1]
    for start, each in steps:
        if now >= start:
            value = each
    return value


HERMITE_POINTS = 40


@cache
def base_log_odds(chance: float, spread: float) -> float:
    """Such that the mean chance over leads, whose log-odds spread normally around it, is `chance`; bisection."""
    at, weight = np.polynomial.hermite_e.hermegauss(HERMITE_POINTS)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = float((weight / (1 + np.exp(-middle - spread * at))).sum() / weight.sum())
        low, high = (middle, high) if mean < chance else (low, middle)
    return (low + high) / 2


def lead_chance(chance: float, spread: float, score: float) -> float:
    """Of a lead whose log-odds stand `score` standard deviations above the middle of its list."""
    if not spread or not 0 < chance < 1:
        return chance
    return 1 / (1 + math.exp(-base_log_odds(chance, spread) - spread * score))


@dataclass(frozen=True, slots=True)
class CallDraw:
    """What one dialled call would come to. `chance`, `passes` are uniform on 0 to 1, `score` is normal, the others seconds."""

    chance: float
    dial: float
    ring: float
    machine: float
    fails: float
    passes: float
    person_screen: float
    machine_screen: float
    score: float


class CallDraws:
    """By the number of the dialled call, from 0: the same for every policy of one seed."""

    def __init__(self, scenario: LeanScenario, seed: int) -> None:
        self._scenario, self._seed = scenario, seed
        self._draws: list[CallDraw] = []
        self._block = 0

    def __getitem__(self, index: int) -> CallDraw:
        while index >= len(self._draws):
            self._more()
        return self._draws[index]

    def _more(self) -> None:
        s = self._scenario
        random = np.random.Generator(np.random.PCG64([self._seed, 1, self._block]))
        chance = random.random(CALL_BLOCK)
        dial = 0.5 + DIAL.draw(random, CALL_BLOCK)
        ring = LogNormal(s.ring_mean, s.ring_cv).draw_below(random, CALL_BLOCK, NO_ANSWER_SECONDS)
        machine = MACHINE_RING.draw(random, CALL_BLOCK)
        fails = random.exponential(1.0, CALL_BLOCK)
        passes = random.random(CALL_BLOCK)
        person_screen = random.uniform(*PERSON_SCREEN, CALL_BLOCK)
        machine_screen = random.uniform(*MACHINE_SCREEN, CALL_BLOCK)
        if s.exponential:
            dial = np.zeros(CALL_BLOCK)
            ring = random.exponential(s.exponential[0], CALL_BLOCK)
        score = random.standard_normal(CALL_BLOCK)
        screens = person_screen, machine_screen
        columns = (chance, dial, ring, machine, fails, passes, *screens, score)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self._draws += [CallDraw(*row) for row in rows]
        self._block += 1


@dataclass(frozen=True, slots=True)
class TalkDraw:
    """One call of an agent: seconds, and a uniform number that decides on the break after it."""

    talk: float
    wrap: float
    chance: float
    pause: float


class TalkDraws:
    """The calls of one agent, in their order: the same for every policy of one seed."""

    def __init__(self, scenario: LeanScenario, seed: int, agent: int) -> None:
        self._scenario, self._seed, self._agent = scenario, seed, agent
        self._draws: list[TalkDraw] = []
        self._next = self._block = 0

    def take(self) -> TalkDraw:
        if self._next >= len(self._draws):
            self._more()
        self._next += 1
        return self._draws[self._next - 1]

    def _more(self) -> None:
        s = self._scenario
        random = np.random.Generator(np.random.PCG64([self._seed, 2, self._agent, self._block]))
        talk, wrap = s.talk.draw(random, AGENT_BLOCK), s.wrap.draw(random, AGENT_BLOCK)
        if s.exponential:
            talk = random.exponential(s.exponential[1], AGENT_BLOCK)
            wrap = np.zeros(AGENT_BLOCK)
        columns = (talk, wrap, random.random(AGENT_BLOCK), s.pause.draw(random, AGENT_BLOCK))
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self._draws += [TalkDraw(*row) for row in rows]
        self._block += 1

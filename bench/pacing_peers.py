"""Other pacing methods for comparison, from their public descriptions: the simple ones, and the list of all.

A peer that dials to a rule at fixed intervals does nothing between them. All use a grace of the scenario, not their own.
"""

import bisect
import math
from collections.abc import Callable

from bench.pacing_vicidial import Method, Vicidial
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_scenario import LeanScenario
from dialer.simulator.lean_view import Pacer


class Silent:
    """A policy that learns nothing from what it is told."""

    def call_left(self, age: float, up: bool, now: float) -> None: ...

    def screen_left(self, age: float, person: bool, now: float, rang: float) -> None: ...

    def talk_left(self, seconds: float, now: float) -> None: ...

    def wrap_left(self, seconds: float, pauses: bool, now: float) -> None: ...

    def answered(self, abandoned: bool, now: float) -> None: ...


class Progressive(Silent):
    """One open call for each idle agent: nobody is ever abandoned."""

    def decide(self, world: LeanWorld) -> int:
        open_calls = world.ringing.size + world.screening.size + world.waiting.size
        return max(world.idle - open_calls, 0)


class OpenLoop(Silent):
    """Dials at a constant rate (calls a second), whatever happens: for the comparison with theory."""

    def __init__(self, rate: float) -> None:
        self._rate, self._dialled = rate, 0

    def decide(self, world: LeanWorld) -> int:
        due = int(self._rate * world.now) - self._dialled
        self._dialled += due
        return due


class Issabel(Silent):
    """The predictive dialer of the Issabel (Elastix) call center module, as its published source describes it.

    Every 3 s: free agents, with those whose call has lasted so long that an exponential talk would have ended with 97 %
    (after ten calls), less the callers queued and the calls without an outcome; then, with "overcommit", divided by the
    answered share of the last 30 min, which counts as 20 % at least. The division comes after the subtraction.
    """

    QOS, PERIOD, SPAN, FLOOR, FEWEST = 0.97, 3.0, 1800.0, 0.20, 10

    def __init__(self) -> None:
        self._next = 0.0
        self._talks = self._ups = 0
        self._talk_seconds = self._up_seconds = 0.0
        self._outcomes: list[tuple[float, bool]] = []
        self._from = self._goal = 0

    def call_left(self, age: float, up: bool, now: float) -> None:
        self._outcomes.append((now, up))
        if up:
            self._ups += 1
            self._up_seconds += age

    def talk_left(self, seconds: float, now: float) -> None:
        self._talks += 1
        self._talk_seconds += seconds

    def decide(self, world: LeanWorld) -> int:
        if world.now < self._next:
            return max(self._goal - world.dialled, 0)  # what calls per second have held back
        self._next = world.now + self.PERIOD
        wanted = max(world.idle + self._soon_free(world) - world.waiting.size, 0)
        wanted = max(wanted - world.ringing.size - world.screening.size, 0)
        share = self._answered_share(world.now)
        count = wanted if share is None else round(wanted / max(self.FLOOR, share))
        self._goal = world.dialled + count
        return count

    def _soon_free(self, world: LeanWorld) -> int:
        if self._talks < self.FEWEST or not self._ups:
            return 0
        needed = issabel_elapsed(self._talk_seconds / self._talks, self.QOS)
        answer = self._up_seconds / self._ups
        return int((world.talking.ages(world.now) + answer >= needed).sum())

    def _answered_share(self, now: float) -> float | None:
        while self._from < len(self._outcomes) and self._outcomes[self._from][0] < now - self.SPAN:
            self._from += 1
        recent = self._outcomes[self._from :]
        answered = sum(up for _, up in recent)
        return answered / len(recent) if len(recent) >= self.FEWEST and answered else None


def issabel_elapsed(mean_talk: float, quality: float) -> float:
    """Seconds after which 1 - exp(-elapsed / mean_talk) reaches `quality`."""
    return -mean_talk * math.log(1 - quality)


def erlang_b(agents: int, load: float) -> float:
    """Share of arrivals that find all agents busy (Erlang's loss formula, by its recursion)."""
    blocked = 1.0
    for count in range(1, agents + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def erlang_load(agents: int, blocked: float) -> float:
    """The offered load (erlangs) at which the share `blocked` is lost; bisection."""
    low, high = 0.0, 2.0 * agents + 2.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if erlang_b(agents, middle) < blocked else (low, middle)
    return (low + high) / 2


class ErlangRate(Progressive):
    """Smooth dialling at the rate from Erlang's loss formula, as D. A. Samuelson (Interfaces, 1999) suggests.

    Answers are to arrive so that 2.85 % find all agents busy; answer share and handling time are estimated as it goes, with
    a small prior; progressive while the abandoned share of the day is above the limit.
    """

    TARGET = 0.0285

    def __init__(self, limit: float = 0.03) -> None:
        self._limit = limit
        self._answers = self._abandoned = self._talks = 0
        self._busy_seconds = 0.0
        self._due, self._last = 0.0, 0.0
        self._loads: dict[int, float] = {}

    def talk_left(self, seconds: float, now: float) -> None:
        self._talks += 1
        self._busy_seconds += seconds

    def wrap_left(self, seconds: float, pauses: bool, now: float) -> None:
        self._busy_seconds += seconds

    def answered(self, abandoned: bool, now: float) -> None:
        self._answers += 1
        self._abandoned += abandoned

    def decide(self, world: LeanWorld) -> int:
        elapsed, self._last = world.now - self._last, world.now
        agents = world.staffed
        if not agents:
            return 0
        if self._abandoned > self._limit * max(self._answers, 1 / self._limit):
            self._due = 0.0
            return super().decide(world)
        if agents not in self._loads:
            self._loads[agents] = erlang_load(agents, self.TARGET)
        open_calls = world.ringing.size + world.screening.size
        share = (self._answers + 5) / (max(world.dialled - open_calls, 0) + 10)
        handling = (self._busy_seconds + 5 * 100) / (self._talks + 5)
        self._due += elapsed * self._loads[agents] / handling / share
        count = int(self._due)
        self._due -= count
        return count


class EisWindow(Silent):
    """Predicted free agents in a window, as US patents 5,640,445 and 5,907,601 (EIS) describe it.

    Every 2 s each busy agent counts with the probability that his call, of the age it has, ends within the window; the
    expected answers of the calls in flight are taken off, and what is left is divided by the answered share. Every 50
    answers the window becomes longer or shorter with the abandoned share of the shift.
    """

    PERIOD, BATCH = 2.0, 50
    SHORTEST, LONGEST = 0.5, 60.0

    def __init__(self, limit: float = 0.03) -> None:
        self._limit, self.window = limit, 10.0
        self._next = 0.0
        self._answers = self._abandoned = 0
        self._busy: list[float] = []

    def talk_left(self, seconds: float, now: float) -> None:
        bisect.insort(self._busy, seconds)

    def answered(self, abandoned: bool, now: float) -> None:
        self._answers += 1
        self._abandoned += abandoned
        if self._answers % self.BATCH == 0:
            self.window = eis_window(self.window, self._abandoned / self._answers, self._limit)

    def ends_within(self, age: float) -> float:
        """P(a talk ends within the window | it has lasted `age` seconds), from the talks so far."""
        beyond = len(self._busy) - bisect.bisect_right(self._busy, age)
        later = len(self._busy) - bisect.bisect_right(self._busy, age + self.window)
        return (beyond - later) / beyond if beyond else 0.0

    def decide(self, world: LeanWorld) -> int:
        if world.now < self._next:
            return 0
        self._next = world.now + self.PERIOD
        in_flight = world.ringing.size + world.screening.size
        share = (self._answers + 5) / (max(world.dialled - in_flight, 0) + 10)
        free = world.idle - world.waiting.size + 0.0
        if len(self._busy) >= self.BATCH:
            free += sum(self.ends_within(age) for age in world.talking.ages(world.now).tolist())
        return max(math.floor(free / share - in_flight), 0)


def eis_window(window: float, abandoned: float, limit: float) -> float:
    """A fifth shorter above the limit, a tenth longer below it, within 0.5 to 60 s."""
    changed = window * (0.8 if abandoned > limit else 1.1)
    return min(max(changed, EisWindow.SHORTEST), EisWindow.LONGEST)


def generous_cap(scenario: LeanScenario) -> float:
    """Lines per agent that no good policy needs more of: 2 (1 + 22 s / (handling time x lowest answer share))."""
    handling = scenario.talk.mean + scenario.wrap.mean
    lowest = min(share for _, share in scenario.person)
    return 2 * (1 + 22 / (handling * lowest))


def _ratio(level: float) -> Vicidial:
    return Vicidial(Method.RATIO, level=level)


PEERS: dict[str, Callable[[LeanScenario], Pacer]] = {
    "progressive": lambda s: Progressive(),
    "ratio-2": lambda s: _ratio(2.0),
    "vicidial-hard": lambda s: Vicidial(Method.HARD_LIMIT, limit=s.limit),
    "vicidial-average": lambda s: Vicidial(Method.AVERAGE, limit=s.limit),
    "vicidial-tapered": lambda s: Vicidial(Method.TAPERED, limit=s.limit),
    "vicidial-hard-generous": lambda s: Vicidial(
        Method.HARD_LIMIT, limit=s.limit, cap=generous_cap(s)
    ),
    "vicidial-tapered-generous": lambda s: Vicidial(
        Method.TAPERED, limit=s.limit, cap=generous_cap(s)
    ),
    "issabel": lambda s: Issabel(),
    "erlang-b": lambda s: ErlangRate(s.limit),
    "eis": lambda s: EisWindow(s.limit),
}

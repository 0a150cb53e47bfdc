"""VICIdial's outbound methods, from its public sources: the dialling loop and the level loop.

The level is lines per active agent, the one he talks on included. RATIO keeps it; the ADAPT methods change it every 15 s.
"""

import math
from collections import deque
from enum import Enum, auto

from dialer.simulator.lean import LeanWorld

DIAL_PERIOD = 2.5
SAMPLE_PERIOD = 1.0
SAMPLES = 15
LEVEL_PERIOD = 15.0
DROPS_PERIOD = 60.0
MINUTE = 60.0
FEWEST_CALLS = 50
SHIFT_STARTS = 9 * 3600.0
LATEST_TIME = 2100  # of the day, as an HHMM integer


class Method(Enum):
    RATIO = auto()
    HARD_LIMIT = auto()
    AVERAGE = auto()
    TAPERED = auto()


def next_level(
    level: float, difference: float, agents: float, target: float, intensity: float, cap: float
) -> float:
    """The level after one adaptation: it grows with the share of idle agents beyond `-target`, between 1 and `cap`.

    `difference` is mean idle agents less waiting calls, `target` and `agents` are counts, `intensity` is in percent.
    """
    share = (difference + target) / agents if agents and difference + target else 0.0
    factor = intensity / 100
    share = share * abs(factor - 1) if share < 0 else share * (factor + 1)
    return max(min(round(level * (1 + share), 3), cap), 1.0)


def hhmm(seconds_of_day: float) -> int:
    minutes = int(seconds_of_day // 60)
    return minutes // 60 * 100 + minutes % 60


def clamped(method: Method, level: float, time_of_day: int) -> float:
    """The level after the drop limit was passed. `time_of_day` and the latest time are subtracted as HHMM integers."""
    if method is Method.HARD_LIMIT:
        return 1.0
    if method is Method.AVERAGE:
        return max(level / 2, 1.0)
    left = LATEST_TIME - time_of_day
    if left < 0:
        return 1.0
    return max(level if left > 1000 else level * left / 1000, 1.0)


def calls_wanted(level: float, active: int, existing: int) -> int:
    """How many to dial: the level times the active agents, less the lines in use."""
    return max(math.floor(level * max(active, 0) + 0.5) - existing, 0)


class Vicidial:
    """`target` is the wanted change of idle agents (`dl_diff_target`), `cap` the highest level, `limit` a share."""

    def __init__(
        self,
        method: Method,
        *,
        level: float = 1.0,
        cap: float = 3.0,
        target: float = 0.0,
        intensity: float = 0.0,
        limit: float = 0.03,
    ) -> None:
        self.level = level
        self._method, self._cap, self._target = method, cap, target
        self._intensity, self._limit = intensity, limit
        self._dial_at = self._sample_at = 0.0
        self._level_at, self._drops_at = LEVEL_PERIOD, DROPS_PERIOD
        self._idle: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self._recent_drops: deque[float] = deque()
        self._answers = self._drops = 0
        self._known = (
            0,
            0,
            0,
            0,
        )  # answers, drops, dialled; drops of the last minute, as refreshed
        self._known_minute = 0

    def call_left(self, age: float, up: bool, now: float) -> None: ...

    def screen_left(self, age: float, person: bool, now: float, rang: float) -> None: ...

    def talk_left(self, seconds: float, now: float) -> None: ...

    def wrap_left(self, seconds: float, pauses: bool, now: float) -> None: ...

    def answered(self, abandoned: bool, now: float) -> None:
        self._answers += 1
        self._drops += abandoned
        if abandoned:
            self._recent_drops.append(now)

    def decide(self, world: LeanWorld) -> int:
        now = world.now
        if self._method is not Method.RATIO:
            self._adapt(world)
        if now < self._dial_at:
            return 0
        self._dial_at = now + DIAL_PERIOD
        talking = world.talking.size + world.leaving_talks.size
        lines = world.ringing.size + world.screening.size + world.waiting.size + talking
        return calls_wanted(self.level, world.idle + talking, lines)

    def _adapt(self, world: LeanWorld) -> None:
        now = world.now
        if now >= self._sample_at:
            self._sample_at = now + SAMPLE_PERIOD
            self._idle.append((world.idle - world.waiting.size, world.logged_in))
        if now >= self._drops_at:
            self._drops_at = now + DROPS_PERIOD
            self._refresh(world)
        if now >= self._level_at and world.logged_in:
            self._level_at = now + LEVEL_PERIOD
            count = len(self._idle)
            difference = sum(idle for idle, _ in self._idle) / count
            agents = sum(all_agents for _, all_agents in self._idle) / count
            level = next_level(
                self.level, difference, agents, self._target, self._intensity, self._cap
            )
            self.level = self._limited(level, now)

    def _refresh(self, world: LeanWorld) -> None:
        since = world.now - MINUTE
        while self._recent_drops and self._recent_drops[0] < since:
            self._recent_drops.popleft()
        self._known_minute = world.dialled - self._known[2]
        self._known = (self._answers, self._drops, world.dialled, len(self._recent_drops))

    def _limited(self, level: float, now: float) -> float:
        answers, drops, dialled, minute_drops = self._known
        if self._known_minute > 20 and minute_drops > 0.5 * self._known_minute:
            level = max(level / 2, 1.0)
        if dialled > FEWEST_CALLS and answers and drops / answers > self._limit:
            level = clamped(self._method, level, hhmm(SHIFT_STARTS + now))
        return level

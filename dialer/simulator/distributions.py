"""Durations drawn at random. Seconds throughout; every draw takes the Random it uses."""

from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random
from typing import Protocol

REDRAWS = 100


class Distribution(Protocol):
    def draw(self, random: Random) -> float:
        """One duration, not negative."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    seconds: float

    def draw(self, random: Random) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float
    high: float

    def draw(self, random: Random) -> float:
        return random.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Exponential:
    mean: float

    def draw(self, random: Random) -> float:
        return random.expovariate(1 / self.mean)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Log-normal with this mean and coefficient of variation."""

    mean: float
    cv: float

    def draw(self, random: Random) -> float:
        variance = log(1 + self.cv**2)
        return exp(random.gauss(log(self.mean) - variance / 2, sqrt(variance)))


@dataclass(frozen=True, slots=True)
class Shifted:
    """`by` seconds more than the inner distribution."""

    by: float
    inner: Distribution

    def draw(self, random: Random) -> float:
        return self.by + self.inner.draw(random)


@dataclass(frozen=True, slots=True)
class Below:
    """The inner distribution on condition of being below `limit` (drawn again until it is)."""

    limit: float
    inner: Distribution

    def draw(self, random: Random) -> float:
        for _ in range(REDRAWS):
            if (seconds := self.inner.draw(random)) < self.limit:
                return seconds
        return self.limit

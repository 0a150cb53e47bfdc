"""Durations drawn at random. Seconds throughout; every draw takes the Random it uses."""

from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random
from typing import Protocol

from dialer.errors import InvalidInputError

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


@dataclass(frozen=True, slots=True)
class Mixture:
    """Durations of several kinds: (share, distribution), the shares summing to 1. Two kinds far apart are bimodal."""

    parts: tuple[tuple[float, Distribution], ...]

    def __post_init__(self) -> None:
        shares = [share for share, _ in self.parts]
        if not shares or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
            raise InvalidInputError("parts", "their shares must be at least 0, and their sum 1")

    def draw(self, random: Random) -> float:
        left = random.random()
        for share, kind in self.parts:
            if left < share:
                return kind.draw(random)
            left -= share
        return self.parts[-1][1].draw(random)

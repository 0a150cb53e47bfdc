"""A distribution as it was measured: its quantiles, a straight line between neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

POINTS = 101
"""Quantiles kept of a large sample: every percent, with the least and the greatest."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`quantiles`: ascending, evenly spaced in probability from the least value to the greatest; at least two."""

    quantiles: tuple[float, ...]

    def draw(self, random: Random) -> float:
        place = random.random() * (len(self.quantiles) - 1)
        below = min(int(place), len(self.quantiles) - 2)
        low, high = self.quantiles[below], self.quantiles[below + 1]
        return low + (high - low) * (place - below)

    @property
    def mean(self) -> float:
        """Of what is drawn."""
        pairs = zip(self.quantiles, self.quantiles[1:], strict=False)
        return sum((low + high) / 2 for low, high in pairs) / (len(self.quantiles) - 1)


def measured(values: Sequence[float], points: int = POINTS) -> Measured:
    """The distribution of a sample (at least one value)."""
    ordered = sorted(values)
    last = len(ordered) - 1
    places = [last * index / (points - 1) for index in range(points)]
    return Measured(tuple(_between(ordered, place) for place in places))


def _between(ordered: Sequence[float], place: float) -> float:
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

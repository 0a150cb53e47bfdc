"""Whether a figure stays where it is: Theil-Sen slope and ratio of thirds, each with a bootstrap interval. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

ROUNDS = 1000
BLOCK = 10
"""Samples in one block of the bootstrap: memory moves in steps that last, so that neighbours are not independent."""


@dataclass(frozen=True, slots=True)
class Estimate:
    value: float
    low: float  # of the 95 % interval
    high: float


def slope(x: Sequence[float], y: Sequence[float], seed: int = 1) -> Estimate:
    """Theil-Sen: the median slope of all pairs (Sen 1968); interval by moving blocks of residuals (Künsch 1989)."""
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(xs) < 2:
        raise ValueError("a slope needs two points")
    first, second = np.triu_indices(len(xs), k=1)
    gaps = xs[second] - xs[first]

    def median_slope(values: np.ndarray) -> float:
        return float(np.median((values[second] - values[first]) / gaps))

    value = median_slope(ys)
    line = np.median(ys - value * xs) + value * xs
    residuals = ys - line
    block = max(1, min(BLOCK, len(xs) // 3))
    random = np.random.default_rng(seed)
    blocks = -(-len(xs) // block)
    found = []
    for _ in range(ROUNDS):
        starts = random.integers(0, len(xs) - block + 1, blocks)
        order = (starts[:, None] + np.arange(block)).ravel()[: len(xs)]
        found.append(median_slope(line + residuals[order]))
    low, high = np.quantile(found, (0.025, 0.975))
    return Estimate(value, float(low), float(high))


def thirds(values: Sequence[float], seed: int = 1) -> Estimate:
    """Median of the last third over the median of the first; interval by drawing within each third anew."""
    third = len(values) // 3
    if third == 0:
        raise ValueError("a ratio of thirds needs three values")
    first, last = list(values[:third]), list(values[-third:])
    random = Random(seed)
    found = sorted(
        _median(random.choices(last, k=third)) / _median(random.choices(first, k=third))
        for _ in range(ROUNDS)
    )
    value = _median(last) / _median(first)
    return Estimate(value, found[int(0.025 * ROUNDS)], found[int(0.975 * ROUNDS) - 1])


def percentile(values: Sequence[float], share: float) -> float:
    """Of at least one value: the smallest that `share` of them do not exceed."""
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))

"""The chance that one more call, if it is answered, finds no agent: counts of independent chances, by the normal law.

A table row holds, for each point of the horizon, q, q(1-q) and q(1-q)(1-2q): the first three cumulants of one chance.
"""

import math

import numpy as np

from dialer.simulator.lean_scenario import Floats

EDGES: Floats = np.array(
    [0.0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 29, 36]
)  # seconds from now
HORIZON: Floats = (EDGES[:-1] + EDGES[1:]) / 2
POINTS = len(HORIZON)
BEYOND = 6.0  # standard deviations after which a chance is taken as 0 or 1


def cumulants(chance: Floats) -> Floats:
    """Rows of chances (one column a point) to rows of their three cumulants, side by side."""
    variance = chance * (1 - chance)
    return np.concatenate([chance, variance, variance * (1 - 2 * chance)], axis=1)


def none_left(mean: float, variance: float, third: float) -> float:
    """P(free - answers <= 0), of an integer with these cumulants: normal, with continuity and skewness corrected."""
    if variance < 1e-9:
        return 1.0 if mean <= 0.5 else 0.0
    sd = math.sqrt(variance)
    z = (0.5 - mean) / sd
    if abs(z) > BEYOND:
        return 0.0 if z < 0 else 1.0
    density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    skew = third / (6 * variance * sd) * (z * z - 1) * density
    return min(max(0.5 * (1 + math.erf(z / math.sqrt(2))) - skew, 0.0), 1.0)


def calls_within(
    base: float, sums: list[float], call: list[float], weights: list[float], theta: float, most: int
) -> int:
    """How many calls may be added, at most `most`, while the risk of the next one stays within `theta`.

    `base` is idle agents less waiting calls, `sums` the cumulants of free agents less answers at each point, `call` those of
    a new call, `weights` the chance that its answer comes at each point, with a sum of 1.
    """
    points = [(k, weight) for k, weight in enumerate(weights) if weight > 1e-4]
    for count in range(most):
        risk = 0.0
        for k, weight in points:
            mean = base + sums[k] - count * call[k]
            variance = sums[POINTS + k] + count * call[POINTS + k]
            third = sums[2 * POINTS + k] - count * call[2 * POINTS + k]
            risk += weight * none_left(mean, variance, third)
            if risk > theta:
                return count
    return most

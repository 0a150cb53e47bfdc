"""What the pacing estimators share: horizons, and sums of independent yes/no variables.

Theory of operation. Every estimator is a hazard curve: the chance that a thing which has lasted to an age ends in the next bin
of age, which is events / exposure. The exposure counts what is *still going on* too; without that, the quick ends of a
start-up look like the whole truth. Each bin starts with a few pseudo-observations of a prior, and counts fade, so that
yesterday's list does not rule today's. Time is in seconds on any scale that does not jump; ages are differences of it.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HORIZON_EDGES: Floats = np.array(
    [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 29, 36], dtype=np.float64
)
HORIZONS: Floats = (HORIZON_EDGES[:-1] + HORIZON_EDGES[1:]) / 2
"""Seconds ahead at which the balance of agents and answers is looked at: the mid-points of 15 bins."""

SPAN = len(HORIZONS)
MEMORY_SECONDS = 1800.0
"""Time constant with which what was seen is forgotten."""


def cumulants(chance: Floats) -> Floats:
    """First three cumulants of yes/no variables, p, p(1-p), p(1-p)(1-2p), side by side on the last axis: they add up."""
    variance = chance * (1.0 - chance)
    result: Floats = np.concatenate([chance, variance, variance * (1.0 - 2.0 * chance)], axis=-1)
    return result


def fade(since: float | None, now: float, memory: float = MEMORY_SECONDS) -> float:
    """The factor by which counts of `since` are worth less at `now`; 1 before the first and when time stands."""
    if since is None or now <= since:
        return 1.0
    return math.exp(-(now - since) / memory)


def bins(ages: Floats, width: float, count: int) -> NDArray[np.intp]:
    """The bin of each age in seconds, the last one for all that are older."""
    index: NDArray[np.intp] = (ages * (1.0 / width)).astype(np.intp)
    np.minimum(index, count - 1, out=index)
    np.maximum(index, 0, out=index)
    return index


def at_most(counts: Floats) -> Floats:
    """Of things counted by the bin in which they left: how many reached each bin."""
    result: Floats = counts[::-1].cumsum()[::-1]
    return result

"""What the pacing estimators share: horizons, and sums of independent yes/no variables.

Theory of operation. Every estimator is a hazard curve: the chance that a thing which has lasted to an age ends in the next bin
of age, which is events / exposure. The exposure counts what is *still going on* too; without that, the quick ends of a
start-up look like the whole truth. Each bin starts with a few pseudo-observations of a prior, and counts fade, so that
yesterday's list does not rule today's. Time is in seconds on any scale that does not jump; ages are differences of it.
"""

import math
from functools import lru_cache

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
    width = chance.shape[-1]
    result: Floats = np.empty((*chance.shape[:-1], 3 * width))
    variance, third = result[..., width : 2 * width], result[..., 2 * width :]
    result[..., :width] = chance
    np.subtract(1.0, chance, out=variance)
    variance *= chance
    np.multiply(chance, -2.0, out=third)
    third += 1.0
    third *= variance
    return result


def as_chances(values: Floats) -> Floats:
    """Cut to 0 ... 1: what rounding has left outside."""
    result: Floats = np.maximum(values, 0.0)
    np.minimum(result, 1.0, out=result)
    return result


def fade(since: float | None, now: float, memory: float = MEMORY_SECONDS) -> float:
    """The factor by which counts of `since` are worth less at `now`; 1 before the first and when time stands."""
    if since is None or now <= since:
        return 1.0
    return math.exp(-(now - since) / memory)


def bins(ages: Floats, width: float, count: int) -> NDArray[np.intp]:
    """The bin of each age in seconds, the last one for all that are older."""
    return within((ages * (1.0 / width)).astype(np.intp), count)


def within(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Each number, or the nearest of 0 ... count - 1."""
    return _places(count).take(index, None, None, "clip")


@lru_cache(maxsize=16)
def _places(count: int) -> NDArray[np.intp]:
    return np.arange(count)


def at_most(counts: Floats) -> Floats:
    """Of things counted by the bin in which they left: how many reached each bin."""
    result: Floats = counts[::-1].cumsum()[::-1]
    return result

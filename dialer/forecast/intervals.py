"""Means and shares over replications, with their 95 % intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

# Student's t, two-sided 95 %, by degrees of freedom from 1
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
NORMAL = 1.959964


@dataclass(frozen=True, slots=True)
class Band:
    """The mean of some replications, and half the width of its 95 % interval; None: one replication has none."""

    mean: float
    half: float | None
    least: float
    most: float


def band(values: Sequence[float]) -> Band:
    """Student's interval for the mean. Raises ValueError for no values."""
    mean = fmean(values)
    half = None
    if len(values) > 1:
        half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Band(mean, half, min(values), max(values))


def student(freedom: int) -> float:
    """The two-sided 95 % quantile. Above 30 degrees of freedom by the expansion in 1 / freedom, right to four digits."""
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    z = NORMAL
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score: right also for none and for all."""
    share, z2 = hits / tries, NORMAL**2
    middle = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    spread = math.sqrt(share * (1 - share) / tries + z2 / (4 * tries**2))
    half = NORMAL * spread / (1 + z2 / tries)
    return max(middle - half, 0.0), min(middle + half, 1.0)

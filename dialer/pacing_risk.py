"""The marginal risk: how likely is it that one more call, if a person answers it, finds no agent?

Theory of operation. For horizons h ahead, the balance of agents and answers

    S(h) = idle - waiting + agents released by h - answers by h of calls in flight

is a sum of independent yes/no variables. For a large team its first three cumulants, which add up, give P(S(h) <= 0) by the
normal law with continuity correction, corrected for skewness (Edgeworth's first term); the answers' variance also holds the
error of their own level. For a small team the distribution itself is computed, by the discrete Fourier transform of its
characteristic function (Hong, Computational Statistics & Data Analysis 59, 2013). The risk of one more call weighs the
horizons by when that call would bring its person.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dialer.hazards import SPAN, Floats

_HALF = math.sqrt(0.5)
_erf, _exp, _sqrt = math.erf, math.exp, math.sqrt
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
_FAR = 6.0  # standard deviations beyond which a probability is 0 or 1
_LIGHT = 1e-4  # horizons with less weight are passed over
Complex = NDArray[np.complex128]

AGAINST: Floats = np.repeat([-1.0, 1.0, -1.0], SPAN)
"""The signs with which answers enter the cumulants of agents less answers."""


def no_agent(mean: float, variance: float, third: float) -> float:
    """P(S <= 0) of an integer S with these cumulants."""
    return weighed(((1.0, mean, variance, third, 0.0),), 0, (0, 0, 0), math.inf)


Horizon = tuple[float, float, float, float, float]
"""The new call's weight, three cumulants of S, and the new call's chance."""

Powers = tuple[float, float, float]


def weighed(horizons: Iterable[Horizon], surplus: float, more: Powers, enough: float) -> float:
    """The sum over the horizons of weight x P(surplus + S <= 0) once calls with these sums of powers are added, until it is
    above `enough`. One loop, since most of the time of a decision is spent here; dialer.compiled_curves compiles it as it is."""
    first, second, cubed = more
    total = 0.0
    for weight, mean, variance, third, q in horizons:
        if weight <= _LIGHT:
            continue
        mean += surplus
        if first:
            square = q * q
            mean = mean - first * q
            variance = variance + first * q - second * square
            third = third - first * q + 3.0 * second * square - 2.0 * cubed * square * q
        if variance < 1e-9:
            total += weight if mean <= 0.5 else 0.0
        else:
            sd = _sqrt(variance)
            z = (0.5 - mean) / sd
            if z < -_FAR:
                continue
            if z > _FAR:
                total += weight
            else:
                square = z * z
                skew = third / (6.0 * variance * sd) * (square - 1.0)
                chance = 0.5 + 0.5 * _erf(z * _HALF) - skew * _exp(-0.5 * square) * _DENSITY
                total += weight * (0.0 if chance < 0.0 else 1.0 if chance > 1.0 else chance)
        if total > enough:
            break
    return total


class Taken:
    """New calls to leads that answer with `weight` times an average lead's chance: the sums of the weights' powers."""

    __slots__ = ("powers",)

    def __init__(self) -> None:
        self.powers = (0.0, 0.0, 0.0)

    def add(self, weight: float) -> None:
        first, second, cubed = self.powers
        self.powers = (first + weight, second + weight**2, cubed + weight**3)


class Balance:
    """S(h) before any new call: its cumulants at each horizon, and the new call's chances q and weights g.

    `cumulants`: 3 x SPAN values of agents released less calls answered; `surplus`: idle agents less persons waiting.
    """

    __slots__ = ("_cumulants", "_new_call", "_surplus", "_weights")

    def __init__(
        self,
        surplus: int,
        cumulants: Sequence[float],
        new_call: Sequence[float],
        weights: Sequence[float],
    ) -> None:
        self._surplus, self._cumulants = surplus, cumulants
        self._new_call, self._weights = new_call, weights

    def risk(self, more: int | Taken, enough: float = 1.0) -> float:
        """Of a call placed after `more` new ones: so many of average leads (less than 0: as many of the last ones taken back),
        or those of Taken. Above `enough` any value above it may be returned."""
        cumulants = self._cumulants
        means, variances, thirds = (
            cumulants[:SPAN],
            cumulants[SPAN : 2 * SPAN],
            cumulants[2 * SPAN :],
        )
        horizons = zip(self._weights, means, variances, thirds, self._new_call, strict=True)
        powers = (more, more, more) if isinstance(more, int) else more.powers
        return weighed(horizons, self._surplus, powers, enough)


class ExactBalance:
    """The same question, answered from the distribution itself: for a few agents and calls.

    `surplus`: idle agents less persons waiting. `free`, `answers`: rows of chances, (agents or calls) x SPAN.
    """

    def __init__(self, surplus: int, free: Floats, answers: Floats) -> None:
        self._surplus, self._free, self._answers = surplus, free, answers

    def risks(self, new_call: Sequence[float], weights: Sequence[float], more: int) -> list[float]:
        """The risks of a call placed after 0, 1 ... `more` new ones."""
        calls = len(self._answers) + more
        size = len(self._free) + calls + 1
        turn = _turns(size)
        gone = np.conj(turn) - 1.0
        made = (1.0 + self._free[:, :, None] * (turn - 1.0)).prod(axis=0)
        made = made * (1.0 + self._answers[:, :, None] * gone).prod(axis=0)
        step = 1.0 + np.asarray(new_call)[:, None] * gone
        none_left, scale = _at_most_none(size, -calls, self._surplus), np.asarray(weights)
        found = []
        for _ in range(more + 1):
            found.append(float(scale @ np.clip((made @ none_left).real, 0.0, 1.0)))
            made = made * step
        return found


@lru_cache(maxsize=512)
def _turns(size: int) -> Complex:
    result: Complex = np.exp(2j * np.pi * np.arange(size) / size)
    return result


@lru_cache(maxsize=4096)
def _at_most_none(size: int, least: int, surplus: int) -> Complex:
    """Weights on the transform whose sum is P(surplus + D <= 0), where D takes the `size` values from `least` on."""
    values = np.arange(least, min(-surplus, least + size - 1) + 1)
    turn = np.exp(-2j * np.pi * np.outer(np.arange(size), values) / size)
    result: Complex = turn.sum(axis=1) / size
    return result

"""The curves with the inner loops of a decision as machine code, for shifts by the thousand: `pip install dialer[fast]`.

Every kernel does the operations of the plain code on the same numbers in the same order, without the liberties of "fast math":
each decision is the same to the last bit. The loop over the horizons is not written twice: it is the plain one, compiled. Each
process compiles for a second or two when it first decides. Nothing of it is kept on disk: numba looks only at the file of a
kernel to tell whether what it kept is out of date, and these hang on the constants and the loop of other files.

Only to be imported where numba is there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numba
import numpy as np

from dialer import answer_curve, release_curve
from dialer.answer_curve import AHEAD, BIN, BINS, AnswerCurve, AnswerTable, ever_and_per_bin
from dialer.hazards import SPAN, Floats
from dialer.pacing_risk import Balance, Taken, weighed
from dialer.release_curve import TALK_ROW, WRAP_ROW, ReleaseCurve, ReleaseTable

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
_PER_SECOND = 1.0 / BIN
_OLDEST = len(TALK_ROW) - 1


def _compiled(kernel: Kernel) -> Kernel:
    made: Kernel = numba.njit(kernel)
    return made


_weighed = _compiled(weighed)


@_compiled
def _risk(
    total: Floats,
    new: Floats,
    surplus: float,
    first: float,
    second: float,
    cubed: float,
    enough: float,
) -> float:
    horizons = zip(  # noqa: B905 (all of SPAN values; the compiler knows no `strict`)
        new[:SPAN], total[:SPAN], total[SPAN : 2 * SPAN], total[2 * SPAN :], new[SPAN:]
    )
    return _weighed(horizons, surplus, (first, second, cubed), enough)


@_compiled
def _answered(by_bin: Floats, ages: Floats, result: Floats) -> None:
    """Into `result`, the sum of the rows of these ages, one after the other. (An array given is cheaper than one returned.)"""
    result[:] = 0.0
    for call in range(len(ages)):
        row = by_bin[min(max(int(ages[call] * _PER_SECOND), 0), BINS - 1)]
        for place in range(3 * SPAN):
            result[place] += row[place]


@_compiled
def _counted(ages: Floats) -> Floats:
    result = np.zeros(BINS)
    for call in range(len(ages)):
        result[min(max(int(ages[call] * _PER_SECOND), 0), BINS - 1)] += 1.0
    return result


@_compiled
def _released(by_row: Floats, talking: Floats, wrapping: Floats, result: Floats) -> None:
    result[:] = 0.0
    for ages, rows in ((talking, TALK_ROW), (wrapping, WRAP_ROW)):
        for agent in range(len(ages)):
            row = by_row[rows[min(max(int(ages[agent]), 0), _OLDEST)]]
            for place in range(3 * SPAN):
                result[place] += row[place]


@_compiled
def _unsure(answers: Floats, evidence: float, result: Floats) -> None:
    for at in range(SPAN):
        result[at] = answers[at] * answers[at] / evidence


@_compiled
def _against(released: Floats, answers: Floats, unsure: Floats, result: Floats) -> None:
    for at in range(SPAN):
        result[at] = released[at] - answers[at]
        result[SPAN + at] = (answers[SPAN + at] + released[SPAN + at]) + unsure[at]
        result[2 * SPAN + at] = released[2 * SPAN + at] - answers[2 * SPAN + at]


@_compiled
def _reached(come: Floats, alive: Floats) -> tuple[Floats, Floats]:
    """(by_age, its cumulants)."""
    by_age, moments = np.empty((BINS, SPAN)), np.empty((BINS, 3 * SPAN))
    for age in range(BINS):
        for at in range(SPAN):
            chance = (come[AHEAD[age, at]] - come[age]) / alive[age]
            chance = min(max(chance, 0.0), 1.0)
            variance = (1.0 - chance) * chance
            by_age[age, at] = moments[age, at] = chance
            moments[age, SPAN + at] = variance
            moments[age, 2 * SPAN + at] = (chance * -2.0 + 1.0) * variance
    return by_age, moments


class CompiledBalance(Balance):
    """`new`: 2 x SPAN values, weights and chances of a call placed now."""

    __slots__ = ("_new", "_total")

    def __init__(self, surplus: int, total: Floats, new: Floats) -> None:
        self._surplus, self._total, self._new = surplus, total, new

    def risk(self, more: int | Taken, enough: float = 1.0) -> float:
        first, second, cubed = (more, more, more) if isinstance(more, int) else more.powers
        risk: float = _risk(self._total, self._new, self._surplus, first, second, cubed, enough)
        return risk


@dataclass(frozen=True, slots=True, eq=False)
class CompiledAnswerTable(AnswerTable):
    new: Floats = field(init=False)  # weights and new_call, 2 x SPAN values

    def __post_init__(self) -> None:
        object.__setattr__(self, "new", np.array((*self.weights, *self.new_call)))

    @classmethod
    def reached(cls, come: Floats, alive: Floats, evidence: float) -> AnswerTable:
        return cls.made(*_reached(come, alive), *ever_and_per_bin(come, alive), evidence)

    def total(self, ages: Floats, odds: Floats | None = None) -> Floats:
        if odds is not None:
            return AnswerTable.total(self, ages, odds)
        if len(ages) < answer_curve.MANY:
            result = np.empty(3 * SPAN)
            _answered(self.cumulants, ages, result)
        else:
            result = _counted(ages) @ self.cumulants
        return result

    def unsure(self, answers: Floats) -> Floats:
        result = np.empty(SPAN)
        _unsure(answers, self.evidence, result)
        return result

    def against(self, released: Floats, answers: Floats, unsure: Floats) -> Floats:
        result = np.empty(3 * SPAN)
        _against(released, answers, unsure, result)
        return result

    def balance(self, surplus: int, total: Floats) -> Balance:
        return CompiledBalance(surplus, total, self.new)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledReleaseTable(ReleaseTable):
    def total(self, talking: Floats, wrapping: Floats) -> Floats:
        if len(talking) + len(wrapping) >= release_curve.MANY:
            return ReleaseTable.total(self, talking, wrapping)
        result = np.empty(3 * SPAN)
        _released(self.cumulants, talking, wrapping, result)
        return result


class CompiledAnswerCurve(AnswerCurve):
    tables: ClassVar[type[AnswerTable]] = CompiledAnswerTable


class CompiledReleaseCurve(ReleaseCurve):
    tables: ClassVar[type[ReleaseTable]] = CompiledReleaseTable

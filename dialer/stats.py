"""Rolling estimators: when calls in flight will be answered, when talks will end.

Theory of operation. Both are hazard curves: the chance that a thing which has lasted to age a ends in the next bin.
A hazard is events / exposure, and the exposure counts what is *still going on* too; without that, the quick answers of a
start-up look like the whole truth. Each bin starts with a few pseudo-observations of a prior that is deliberately high for
answers (too high is safe: fewer calls are launched). Counts fade with a time constant, so that yesterday's list does not
rule today's. Tables are rebuilt at most every REBUILD seconds; reading one is a lookup.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dialer.clock_step import move

Floats = NDArray[np.float64]

HORIZON_EDGES: Floats = np.array(
    [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 29, 36], dtype=np.float64
)
HORIZONS: Floats = (HORIZON_EDGES[:-1] + HORIZON_EDGES[1:]) / 2
"""Seconds ahead at which the balance of agents and answers is looked at: the mid-points of 15 bins."""

_BIN = 0.5
_BINS = 120  # to 60 s after dialling
_TALK_SECONDS = 1200
MEMORY = timedelta(minutes=30)
REBUILD = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """P(a person has answered by a horizon | still in flight at an age): one row per age bin of half a second."""

    by_age: Floats  # (bins, horizons)
    per_bin: Floats  # (horizons): P(a new call is answered within the horizon's bin)

    def rows(self, ages: Sequence[float]) -> Floats:
        """One row of horizons per age in seconds."""
        index = np.minimum((np.asarray(ages, dtype=np.float64) / _BIN).astype(int), _BINS - 1)
        result: Floats = self.by_age[np.maximum(index, 0)]
        return result

    @property
    def new_call(self) -> Floats:
        result: Floats = self.by_age[0]
        return result


@dataclass(frozen=True, slots=True)
class ReleaseTable:
    """Survival of a talk by the second: P(it lasts longer than t)."""

    survival: Floats

    def ended_within(self, ages: Sequence[float], seconds: Floats) -> Floats:
        """P(a talk of an age ends within `seconds`), one row per age; 0 where `seconds` is negative."""
        start = np.clip(np.asarray(ages, dtype=np.float64), 0, _TALK_SECONDS - 1).astype(int)
        end = np.minimum(start[:, None] + np.maximum(seconds, 0.0)[None, :], _TALK_SECONDS - 1)
        ended = 1.0 - self.survival[end.astype(int)] / self.survival[start][:, None]
        result: Floats = np.where(seconds[None, :] > 0, ended, 0.0)
        return result


def _prior_hazard() -> Floats:
    """Zero before 2 s, a peak at 9 s, falling to the ring time-out; about half of the calls answered."""
    age = (np.arange(_BINS) + 0.5) * _BIN
    rise = np.clip((age - 2.0) / 7.0, 0.0, 1.0)
    fall = np.exp(-np.maximum(age - 9.0, 0.0) / 8.0)
    result: Floats = 0.035 * rise * fall
    return result


@dataclass
class AnswerCurve:
    """Learns when dialled calls are answered by somebody who needs an agent. Ages are seconds since the Originate."""

    pseudo_calls: float = 6.0
    _answered: Floats = field(default_factory=lambda: np.zeros(_BINS))
    _failed: Floats = field(default_factory=lambda: np.zeros(_BINS))
    _resolved: float = 0.0
    _answers: float = 0.0
    _faded_at: datetime | None = None
    _table: AnswerTable | None = None
    _built_at: datetime | None = None

    def observe(self, age: float, answered: bool, now: datetime) -> None:
        """One call left flight at this age: answered by a person, or ended in any other way."""
        self._fade(now)
        index = min(max(int(age / _BIN), 0), _BINS - 1)
        (self._answered if answered else self._failed)[index] += 1
        self._resolved += 1
        self._answers += answered

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step."""
        move(self, ("_faded_at", "_built_at"), by)

    @property
    def answer_ratio(self) -> float:
        """Share of resolved calls that a person answered, with the prior's weight."""
        return (self._answers + 3.0) / (self._resolved + 6.0)

    def table(self, in_flight: Sequence[float], now: datetime) -> AnswerTable:
        """The present table; `in_flight` are the ages of calls still unresolved, which count as exposure."""
        if self._table is None or self._built_at is None or now - self._built_at >= REBUILD:
            self._table, self._built_at = self._build(in_flight), now
        return self._table

    def _build(self, in_flight: Sequence[float]) -> AnswerTable:
        live = np.zeros(_BINS)
        if len(in_flight):
            index = np.minimum((np.asarray(in_flight) / _BIN).astype(int), _BINS - 1)
            np.add.at(live, np.maximum(index, 0), 1.0)
        leaving = self._answered + self._failed + live
        at_risk = leaving[::-1].cumsum()[::-1]
        kappa = self.pseudo_calls
        answer = (self._answered + kappa * _prior_hazard()) / (at_risk + kappa)
        failure = self._failed / (at_risk + kappa)
        return _answer_table(answer, failure)

    def _fade(self, now: datetime) -> None:
        factor = _fade_factor(self._faded_at, now)
        self._faded_at = now
        if factor < 1.0:
            self._answered *= factor
            self._failed *= factor
            self._resolved *= factor
            self._answers *= factor


def _fade_factor(since: datetime | None, now: datetime) -> float:
    if since is None or now <= since:
        return 1.0
    return float(np.exp(-(now - since) / MEMORY))


def _answer_table(answer: Floats, failure: Floats) -> AnswerTable:
    leave = np.minimum(answer + failure, 1.0)
    survival = np.concatenate(([1.0], np.cumprod(1.0 - leave)))
    incidence = np.concatenate(([0.0], np.cumsum(survival[:-1] * answer)))
    age = np.arange(_BINS)[:, None]
    ahead = np.minimum(age + np.rint(HORIZONS / _BIN).astype(int)[None, :], _BINS)
    by_age = (incidence[ahead] - incidence[age]) / np.maximum(survival[age], 1e-9)
    edges = np.minimum(np.rint(HORIZON_EDGES / _BIN).astype(int), _BINS)
    return AnswerTable(by_age=np.clip(by_age, 0.0, 1.0), per_bin=np.diff(incidence[edges]))


_FIRST_EDGES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 30, 38, 48, 60, 75, 95, 120, 150, 190)
_TALK_EDGES: Floats = np.array(
    (*_FIRST_EDGES, 240, 300, 380, 480, 600, 760, 960, 1200), dtype=float
)


@dataclass
class TalkCurve:
    """Learns how long talks last. Ages in seconds."""

    prior_mean: float = 90.0
    _ends: Floats = field(default_factory=lambda: np.zeros(len(_TALK_EDGES) - 1))
    _seconds: Floats = field(default_factory=lambda: np.zeros(len(_TALK_EDGES) - 1))
    _faded_at: datetime | None = None
    _table: ReleaseTable | None = None
    _built_at: datetime | None = None

    def observe(self, seconds: float, now: datetime) -> None:
        """One talk ended after so many seconds."""
        factor = _fade_factor(self._faded_at, now)
        self._faded_at = now
        self._ends *= factor
        self._seconds *= factor
        seconds = min(max(seconds, 0.0), _TALK_SECONDS - 1.0)
        self._seconds += _exposure(np.array([seconds]))
        self._ends[int(np.searchsorted(_TALK_EDGES, seconds, side="right")) - 1] += 1

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step."""
        move(self, ("_faded_at", "_built_at"), by)

    @property
    def mean_seconds(self) -> float:
        """Exposure over ends, with two pseudo-talks of the prior mean."""
        return float((self._seconds.sum() + 2 * self.prior_mean) / (self._ends.sum() + 2))

    def table(self, talking: Sequence[float], now: datetime) -> ReleaseTable:
        """The present table; `talking` are the ages of talks still going on, which count as exposure."""
        if self._table is None or self._built_at is None or now - self._built_at >= REBUILD:
            self._table, self._built_at = self._build(talking), now
        return self._table

    def _build(self, talking: Sequence[float]) -> ReleaseTable:
        exposure = self._seconds + _exposure(np.asarray(talking, dtype=np.float64))
        ends = float(self._ends.sum())
        mean = (float(exposure.sum()) + 2 * self.prior_mean) / (ends + 2)
        hazard = (self._ends + 2.0) / (exposure + 2.0 * mean)
        per_second = np.repeat(hazard, np.diff(_TALK_EDGES).astype(int))
        survival = np.exp(-np.concatenate(([0.0], np.cumsum(per_second))))
        return ReleaseTable(survival=np.maximum(survival[:_TALK_SECONDS], 1e-12))


def _exposure(ages: Floats) -> Floats:
    if not len(ages):
        return np.zeros(len(_TALK_EDGES) - 1)
    spent = np.clip(ages[:, None] - _TALK_EDGES[None, :-1], 0.0, np.diff(_TALK_EDGES)[None, :])
    result: Floats = spent.sum(axis=0)
    return result

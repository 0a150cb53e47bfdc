"""When busy agents will be free: how long talks and wrap-ups last, and who stays for another call.

Theory of operation. Both durations are piecewise-constant hazards on bins that widen with age; what still goes on is exposure.
An agent in a talk of an age is free by a horizon when the talk and the wrap-up after it have ended by then, and the agent does
not take a break; a person who answers may wait for the grace, so the horizons reach that much further.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dialer.hazards import HORIZONS, MEMORY_SECONDS, SPAN, Floats, cumulants, fade

_FINE = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 30, 38, 48, 60, 75, 95, 120, 150, 190)
EDGES: Floats = np.array((*_FINE, 240, 300, 380, 480, 600, 760, 960, 1200), dtype=np.float64)
_EDGES: list[float] = EDGES.tolist()
_WIDTHS: Floats = np.diff(EDGES)
AGES = 1200
"""Seconds that anything lasts at most, as far as this is concerned."""

_ROWS: Floats = np.concatenate(
    [
        np.arange(0, 60, 1),
        np.arange(60, 120, 2),
        np.arange(120, 300, 5),
        np.arange(300, AGES, 15),
    ]
).astype(np.float64)
"""Ages in seconds for which a table has a row: a young talk's chances change fast."""

TALK_ROW = (np.searchsorted(_ROWS, np.arange(AGES), side="right") - 1).astype(np.intp)
WRAP_ROW = TALK_ROW + len(_ROWS)
"""The row of each age in whole seconds; of those that are older, the last one."""

_BEYOND = 60  # seconds after the last age, at its hazard
_REACH = 48  # seconds; above the last horizon with any profile's grace
MANY = 60  # agents; from here on they are counted by age before the table is read
_WINDOWS = _ROWS.astype(np.intp)[:, None] + np.arange(_REACH)[None, :]
PSEUDO_ENDS = 2.0
EARLY_SECONDS = 600.0
REBUILD_SECONDS, REBUILD_EARLY = 20.0, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseTable:
    """P(free for the next person within each horizon): the rows of _ROWS for talks, then the same for wrap-ups."""

    cumulants: Floats  # (2 x rows, 3 x SPAN)

    def total(self, talking: Floats, wrapping: Floats) -> Floats:
        """Cumulants of how many of the agents are released by each horizon: 3 x SPAN values. Ages in seconds."""
        index = self._index(talking, wrapping)
        if len(index) < MANY:
            result: Floats = np.add.reduce(self.cumulants.take(index, 0, None, "clip"))
        else:
            result = np.bincount(index, minlength=2 * len(_ROWS)) @ self.cumulants
        return result

    def rows(self, talking: Floats, wrapping: Floats) -> Floats:
        """Chances by each horizon, a row for each agent."""
        result: Floats = self.cumulants[self._index(talking, wrapping), :SPAN]
        return result

    @staticmethod
    def _index(talking: Floats, wrapping: Floats) -> NDArray[np.intp]:
        talks = TALK_ROW.take(talking.astype(np.intp), None, None, "clip")
        if not len(wrapping):
            return talks
        wraps = WRAP_ROW.take(wrapping.astype(np.intp), None, None, "clip")
        return np.concatenate((talks, wraps))


@dataclass
class DurationCurve:
    """How long something lasts. Mutable; seconds. `limit`: it never lasts longer (a wrap-up with a timer)."""

    prior_mean: float
    limit: float | None = None
    ends: Floats = field(default_factory=lambda: np.zeros(len(_WIDTHS)))
    seconds: Floats = field(default_factory=lambda: np.zeros(len(_WIDTHS)))

    def ended(self, seconds: float) -> None:
        seconds = min(max(seconds, 0.0), AGES - 1.0)
        self.ends[bisect_right(_EDGES, seconds) - 1] += 1
        self.seconds += np.minimum(np.maximum(seconds - EDGES[:-1], 0.0), _WIDTHS)

    def fade(self, factor: float) -> None:
        self.ends *= factor
        self.seconds *= factor

    def mean(self, going_on: Floats) -> float:
        """Exposure over ends, with two pseudo-ends at the prior mean."""
        exposure = float((self.seconds + _exposure(going_on)).sum())
        return (exposure + PSEUDO_ENDS * self.prior_mean) / (float(self.ends.sum()) + PSEUDO_ENDS)

    def survival(self, going_on: Floats) -> Floats:
        """P(it lasts longer than t), t = 0, 1, 2 ... seconds."""
        exposure = self.seconds + _exposure(going_on)
        mean = self.mean(going_on)
        hazard = (self.ends + PSEUDO_ENDS) / (exposure + PSEUDO_ENDS * mean)
        per_second = np.repeat(hazard, _WIDTHS.astype(int))
        total = np.concatenate(([0.0], np.cumsum(per_second)))
        beyond = total[-1] + per_second[-1] * np.arange(1, _BEYOND)
        result: Floats = np.exp(-np.concatenate([total, beyond]))
        if self.limit is not None:
            result[int(np.ceil(self.limit)) :] = 0.0
        return result


@dataclass
class ReleaseCurve:
    """Mutable; what a team's talks and wrap-ups teach. `now` in seconds, never going back."""

    tables: ClassVar[type[ReleaseTable]] = ReleaseTable

    talk: DurationCurve = field(default_factory=lambda: DurationCurve(90.0))
    wrap: DurationCurve = field(default_factory=lambda: DurationCurve(15.0))
    stayed: float = 2.0  # agents who were free after a wrap-up, with the prior's two
    wrapped: float = 2.0
    started_at: float | None = None
    faded_at: float | None = None
    built_at: float | None = None
    grace: float = 0.0
    _table: ReleaseTable | None = None

    def talk_ended(self, seconds: float) -> None:
        self.talk.ended(seconds)

    def wrap_ended(self, seconds: float, stays: bool) -> None:
        """`stays`: free for another call after it, not on a break or gone."""
        self.wrap.ended(seconds)
        self.wrapped += 1
        self.stayed += stays

    def shift(self, seconds: float) -> None:
        """The scale of time was moved: what was seen is as old as before."""
        for name in ("started_at", "faded_at", "built_at"):
            at = getattr(self, name)
            setattr(self, name, at if at is None else at + seconds)

    def stale(self, now: float) -> bool:
        """Whether `table` will build anew, and so wants to know what goes on."""
        if self.built_at is None or self.started_at is None:
            return True
        early = now - self.started_at < EARLY_SECONDS
        return now - self.built_at >= (REBUILD_EARLY if early else REBUILD_SECONDS)

    def table(self, talking: Floats, wrapping: Floats, now: float) -> ReleaseTable:
        """The present table; the ages of what goes on count as exposure. Rebuilt every 20 s, every 5 s at first."""
        if self._table is None or self.stale(now):
            self.started_at = now if self.started_at is None else self.started_at
            factor = fade(self.faded_at, now, MEMORY_SECONDS)
            self.faded_at = now
            self.talk.fade(factor)
            self.wrap.fade(factor)
            self._table, self.built_at = self._build(talking, wrapping), now
        return self._table

    def _build(self, talking: Floats, wrapping: Floats) -> ReleaseTable:
        talks = self.talk.survival(np.asarray(talking, dtype=np.float64))
        wraps = self.wrap.survival(np.asarray(wrapping, dtype=np.float64))
        ahead = HORIZONS + self.grace
        stay = self.stayed / self.wrapped
        after = (
            ahead[None, :] - np.arange(_REACH)[:, None] - 0.5
        )  # left for the wrap-up, by the second the talk ends
        wrapped = np.where(after > 0, 1.0 - _at(wraps, np.maximum(after, 0.0)), 0.0)
        density = talks[:-1] - talks[1:]
        talked = (density[_WINDOWS] @ wrapped) / np.maximum(talks[_WINDOWS[:, :1]], 1e-12)
        ended = 1.0 - _at(wraps, _ROWS[:, None] + ahead[None, :]) / np.maximum(
            wraps[_WINDOWS[:, :1]], 1e-12
        )
        chance = np.concatenate([talked, ended]) * stay
        return self.tables(cumulants(np.clip(chance, 0.0, 1.0)))


def _at(survival: Floats, seconds: Floats) -> Floats:
    """Between whole seconds, along a line."""
    whole = seconds.astype(np.intp)
    part = seconds - whole
    result: Floats = survival[whole] * (1.0 - part) + survival[whole + 1] * part
    return result


def _exposure(ages: Floats) -> Floats:
    """Seconds spent in each bin."""
    if not len(ages):
        return np.zeros(len(_WIDTHS))
    result: Floats = np.clip(np.asarray(ages)[:, None] - EDGES[None, :-1], 0.0, _WIDTHS).sum(axis=0)
    return result

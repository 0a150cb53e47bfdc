"""When calls in flight will be picked up: learnt from each call that left flight, and from those that still ring.

Theory of operation. Two competing hazards by age since the Originate, picked up and ended, give the chance that a call of an
age is picked up within a horizon. A fast level factor (a Gamma-Poisson posterior of a few minutes) follows a list that
answers better or worse than its history; a sudden change for the better is believed at once (dialer.upturn). A lead's own
odds of answering move the odds that its call is one of those that will be picked up at all, at any age (Bayes' rule: what
rings on is as informative for likely leads as for others).
With answering-machine detection a pick-up is no person yet: dialer.screen_curve says when and whether it becomes one.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from dialer.hazards import (
    HORIZON_EDGES,
    HORIZONS,
    MEMORY_SECONDS,
    SPAN,
    Floats,
    as_chances,
    at_most,
    bins,
    cumulants,
    fade,
    within,
)
from dialer.pacing_risk import AGAINST, Balance
from dialer.screen_curve import ScreenCurve, ScreenTable
from dialer.stall import Stall
from dialer.upturn import Upturn

BIN = 0.5
BINS = 120  # to 60 s after dialling
MANY = 40  # calls; from here on they are counted by age before the table is read
REBUILD_SECONDS = 2.0
PSEUDO_CALLS = 6.0

LEVEL_PSEUDO = 15.0
LEVEL_MEMORY = 180.0
LEVEL_MAX = 3.0
SEGMENT_PSEUDO, SEGMENT_MEMORY = 15.0, 2700.0
SEGMENT_SPAN = 4.0
"""A segment of the list answers at most so many times likelier, or less likely, than the whole."""

SEGMENT_SAME = 1.05
"""Odds nearer to 1 than this are taken as 1."""

MATURE_CALLS, MATURE_SECONDS = 100.0, 60.0
"""Before so much is known the level stays at 1: the prior's error would be corrected twice."""

_STEPS = np.rint(HORIZONS / BIN).astype(int)
_EDGE_STEPS = np.rint(HORIZON_EDGES / BIN).astype(int)
AHEAD = np.minimum(np.arange(BINS)[:, None] + _STEPS[None, :], BINS)
"""The bin that each horizon reaches, by that of the age."""

_PER_SECOND = np.float64(1.0 / BIN)


@dataclass(frozen=True, slots=True, eq=False)
class AnswerTable:
    """P(a person is there for an agent by a horizon | still ringing at an age): one row per half second of age.

    `weights` say how likely a new call brings its person in each horizon's bin; their sum is 1, or 0 where none can.
    """

    by_age: Floats  # (BINS, SPAN)
    ever: Floats  # (BINS): the same without a horizon
    weights: tuple[float, ...]
    cumulants: Floats  # of by_age
    new_call: list[float]  # the first row: of a call placed now
    evidence: float  # answers that the present level rests on; its error is that of so many
    screen: ScreenTable | None = None

    @classmethod
    def of(
        cls,
        by_age: Floats,
        ever: Floats,
        per_bin: Floats,
        evidence: float,
        screen: ScreenTable | None = None,
    ) -> "AnswerTable":
        by_age = as_chances(by_age)
        return cls.made(by_age, cumulants(by_age), ever, per_bin, evidence, screen)

    @classmethod
    def reached(cls, come: Floats, alive: Floats, evidence: float) -> "AnswerTable":
        """`come`: (BINS + 1) P(a call placed now was picked up before a bin); `alive`: (BINS) P(it still rings then)."""
        by_age = come.take(AHEAD)
        by_age -= come[:-1, None]
        by_age /= alive[:, None]
        return cls.of(by_age, *ever_and_per_bin(come, alive), evidence)

    @classmethod
    def made(
        cls,
        by_age: Floats,
        moments: Floats,
        ever: Floats,
        per_bin: Floats,
        evidence: float,
        screen: ScreenTable | None = None,
    ) -> "AnswerTable":
        """Of chances from 0 to 1, and their cumulants."""
        total = float(per_bin.sum())
        weights = tuple((per_bin / total).tolist()) if total > 0 else (0.0,) * SPAN
        return cls(by_age, as_chances(ever), weights, moments, by_age[0].tolist(), evidence, screen)

    def rows(self, ages: Floats, odds: Floats | None = None) -> Floats:
        """Chances by each horizon, a row for each call. `odds` multiply each call's odds of ever being answered."""
        index = bins(ages, BIN, BINS)
        chances = self.by_age[index]
        if odds is not None:
            chances = chances * (odds / (1.0 + self.ever[index] * (odds - 1.0)))[:, None]
        return chances

    def total(self, ages: Floats, odds: Floats | None = None) -> Floats:
        """Cumulants of how many of the calls become a person by each horizon: 3 x SPAN values."""
        if odds is not None:
            result: Floats = np.add.reduce(cumulants(self.rows(ages, odds)))
            return result
        index = (ages * _PER_SECOND).astype(np.intp)
        if len(index) < MANY:
            result = np.add.reduce(self.cumulants.take(index, 0, None, "clip"))
        else:
            result = np.bincount(within(index, BINS), minlength=BINS) @ self.cumulants
        return result

    def unsure(self, answers: Floats) -> Floats:
        """(SPAN) variance that the error of the level adds to `answers`, as of `total`."""
        variance: Floats = np.square(answers[:SPAN])
        variance /= self.evidence
        return variance

    def against(self, released: Floats, answers: Floats, unsure: Floats) -> Floats:
        """Cumulants of agents released less answers; `unsure`: (SPAN) more variance of the answers."""
        total = answers * AGAINST
        total += released
        total[SPAN : 2 * SPAN] += unsure
        return total

    def balance(self, surplus: int, total: Floats) -> Balance:
        """Before a call of this table: `surplus` idle agents less persons waiting, and `total` as of `against`."""
        return Balance(surplus, total.tolist(), self.new_call, self.weights)

    def weight(self, odds: float) -> float:
        """How many times an average lead's chance one with these odds has, when the call is placed."""
        return odds / (1.0 + float(self.ever[0]) * (odds - 1.0))


def ever_and_per_bin(come: Floats, alive: Floats) -> tuple[Floats, Floats]:
    """Of `AnswerTable.reached`: chances without a horizon, and those of a new call in each horizon's bin."""
    by_edge = come[_EDGE_STEPS]
    return (come[-1] - come[:-1]) / alive, by_edge[1:] - by_edge[:-1]


def prior_hazard(level: float = 0.035) -> Floats:
    """Zero before 2 s, a peak at 9 s, falling to the ring time-out; about half of the calls answered: too high is safe."""
    age = (np.arange(BINS) + 0.5) * BIN
    rise = np.clip((age - 2.0) / 7.0, 0.0, 1.0)
    fall = np.exp(-np.maximum(age - 9.0, 0.0) / 8.0)
    result: Floats = level * rise * fall
    return result


_PSEUDO_UPS = PSEUDO_CALLS * prior_hazard()


def _empty() -> Floats:
    return np.zeros(BINS)


@dataclass
class Segment:
    """A part of the list against the whole (a Gamma-Poisson posterior): answers seen, and expected of the same calls."""

    observed: float = 0.0
    expected: float = 0.0
    at: float | None = None

    def seen(self, up: bool, expected: float, now: float) -> None:
        factor = fade(self.at, now, SEGMENT_MEMORY)
        self.observed = self.observed * factor + up
        self.expected = self.expected * factor + expected
        self.at = now if self.at is None else max(self.at, now)

    @property
    def ratio(self) -> float:
        found = (SEGMENT_PSEUDO + self.observed) / (SEGMENT_PSEUDO + self.expected)
        return min(max(found, 1.0 / SEGMENT_SPAN), SEGMENT_SPAN)


@dataclass
class AnswerCurve:
    """Mutable. Ages in seconds since the Originate; `now` in seconds, never going back."""

    tables: ClassVar[type[AnswerTable]] = AnswerTable

    screen: ScreenCurve | None = None
    ups: Floats = field(default_factory=_empty)
    ends: Floats = field(default_factory=_empty)
    resolved: float = 0.0
    observed: float = 0.0  # answers of the last minutes
    expected: float = 0.0  # and what the slow hazards made of the same calls
    started_at: float | None = None
    faded_at: float | None = None
    built_at: float | None = None
    segments: dict[str, Segment] = field(default_factory=dict)
    stall: Stall = field(default_factory=Stall)
    upturn: Upturn = field(default_factory=Upturn)
    _fresh: float = 0.0  # answers since the last build
    _live: Floats = field(default_factory=_empty)
    _hoped: Floats | None = None  # answers expected of a call by the age at which it left
    _hazard: Floats | None = None
    _leaving: Floats | None = None  # picked up or ended
    _table: AnswerTable | None = None

    def left(self, age: float, up: bool, now: float, segment: str = "") -> None:
        """One call left flight at this age: picked up (without detection: by a person), or ended in any other way."""
        if self.started_at is None:
            self.started_at = now
        if self.stall.began_at is not None:
            age = float(self.stall.ages(np.array([age]), now)[0])
        self.stall.end_seen(now)
        place = min(max(int(age / BIN), 0), BINS - 1)
        (self.ups if up else self.ends)[place] += 1
        if segment and self._hoped is not None:
            known = self.segments.setdefault(segment, Segment())
            known.seen(up, float(self._hoped[place]), now)
        self.resolved += 1
        self.observed += up
        self._fresh += up

    def settle(self) -> None:
        """What was told so far is history: no sign of how it goes at present."""
        self.observed = self.expected = self._fresh = 0.0
        self.upturn = Upturn()
        self.started_at = None

    def shift(self, seconds: float) -> None:
        """The scale of time was moved: what was seen is as old as before."""
        for name in ("started_at", "faded_at", "built_at"):
            at = getattr(self, name)
            setattr(self, name, at if at is None else at + seconds)
        self.stall.shift(seconds)
        for segment in self.segments.values():
            segment.at = None if segment.at is None else segment.at + seconds

    def odds(self, segment: str) -> float:
        """How much larger the odds are that a lead of this segment answers than those of an average one."""
        if segment not in self.segments or self._table is None:
            return 1.0
        chance = min(float(self._table.ever[0]), 0.9)
        ratio = min(self.segments[segment].ratio, 0.95 / max(chance, 1e-6))
        odds = ratio * (1.0 - chance) / (1.0 - chance * ratio)
        return odds if max(odds, 1.0 / odds) > SEGMENT_SAME else 1.0

    @property
    def answer_ratio(self) -> float:
        """Share of resolved calls that were picked up, with the prior's weight."""
        return (float(self.ups.sum()) + 3.0) / (float(self.ups.sum() + self.ends.sum()) + 6.0)

    @property
    def level(self) -> float:
        """How much likelier than its history a call is answered at present."""
        return min((LEVEL_PSEUDO + self.observed) / (LEVEL_PSEUDO + self.expected), LEVEL_MAX)

    def stale(self, now: float) -> bool:
        return self.built_at is None or now - self.built_at >= REBUILD_SECONDS

    def table(self, ringing: Floats, now: float) -> AnswerTable:
        """The present table, rebuilt every REBUILD_SECONDS; `ringing` are the ages of calls unresolved, which are exposure."""
        if self._table is None or self.stale(now):
            ages = self.stall.ages(np.asarray(ringing, dtype=np.float64), now)
            self._table = self._build(ages, now)
            self.built_at = now
        return self._table

    def _build(self, ringing: Floats, now: float) -> AnswerTable:
        live = np.bincount(bins(ringing, BIN, BINS), minlength=BINS).astype(np.float64)
        self._follow(live, now)
        self._fade(now)
        at_risk = at_most(self.ups + self.ends + live) + PSEUDO_CALLS
        up = (self.ups + _PSEUDO_UPS) / at_risk
        end = self.ends / at_risk
        self._hazard, self._leaving, self._live = up, np.minimum(up + end, 1.0), live
        mature = (
            self.resolved >= MATURE_CALLS
            and self.started_at is not None
            and now - self.started_at >= MATURE_SECONDS
        )
        if not mature:
            self.observed = self.expected = 0.0
        present = np.minimum(up * self.level, 0.95)
        self._hoped = present.cumsum() if mature else None
        return self._incidence(present, end)

    def _follow(self, live: Floats, now: float) -> None:
        """What was to be expected since the last build goes by the calls that rang at its two ends. Both sums of the level fade
        in minutes, and stand still while a trunk holds its calls."""
        fresh, self._fresh = self._fresh, 0.0
        if self._hazard is None or self._leaving is None or self.built_at is None:
            return
        spent = now - self.built_at
        if self.resolved >= MATURE_CALLS and spent < MATURE_SECONDS:
            leaving = float((self._live + live) @ self._leaving) / 2
            self.stall.wait(leaving * spent / BIN, spent, now)
        if self.stall.goes_on:
            return
        factor = fade(self.built_at, now, LEVEL_MEMORY)
        self.observed *= factor
        self.expected *= factor
        if spent < MATURE_SECONDS:
            per_bin = float((self._live + live) @ self._hazard) / 2
            expected = per_bin * spent / BIN
            self.expected += expected
            if self.resolved >= MATURE_CALLS and self.stall.began_at is None:
                self._look_for_upturn(fresh, expected)

    def _look_for_upturn(self, answered: float, expected: float) -> None:
        """The level that an upturn shows takes the place of what was seen before it."""
        since = self.upturn.look(answered, expected, self.level, self.expected * self.level)
        if since is None:
            return
        found = min(since.answered / max(since.expected, 1e-9), LEVEL_MAX)
        if found > self.level:
            self.expected = min(self.expected, since.expected)
            self.observed = found * (LEVEL_PSEUDO + self.expected) - LEVEL_PSEUDO

    def _fade(self, now: float) -> None:
        factor = fade(self.faded_at, now, MEMORY_SECONDS)
        self.faded_at = now
        self.ups *= factor
        self.ends *= factor
        if self.screen is not None:
            self.screen.fade(factor)

    def _incidence(self, up: Floats, end: Floats) -> AnswerTable:
        survival = np.ones(BINS)  # to the beginning of each bin
        (1.0 - np.minimum(up + end, 1.0))[:-1].cumprod(out=survival[1:])
        density = survival * up
        alive = np.maximum(survival, 1e-9)
        evidence = LEVEL_PSEUDO + self.observed
        if self.screen is not None:
            by_age, ever, per_bin, table = self.screen.presented(density, alive)
            return self.tables.of(by_age, ever, per_bin, evidence, table)
        come = np.zeros(BINS + 1)
        density.cumsum(out=come[1:])
        return self.tables.reached(come, alive, evidence)

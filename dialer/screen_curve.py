"""Answering-machine detection: how long it takes, and how likely a person comes out of it.

Theory of operation. Persons pick up sooner than machines, so the share of persons is learnt by how long the call rang. Each of
the two has its own distribution of the detection's time; a call still being screened is a person with the share of its ring
age, moved by how long the detection has taken already (Bayes' rule).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dialer.hazards import HORIZON_EDGES, HORIZONS, Floats, as_chances, bins, cumulants

RING_BIN = 0.5
RING_BINS = 120
BIN = 0.25
BINS = 32  # to 8 s of detection

_KERNEL: Floats = np.array([1, 2, 3, 4, 3, 2, 1]) / 4.0
_SHARE_PSEUDO = 8.0
_TIME_PSEUDO = 4.0
_REACH = int(HORIZON_EDGES[-1] / RING_BIN) + 1
_STEPS = np.rint(HORIZONS / RING_BIN).astype(int)
_EDGE_STEPS = np.rint(HORIZON_EDGES / RING_BIN).astype(int)
_ENDS = np.minimum(
    np.arange(BINS)[:, None] + np.rint(HORIZONS / BIN).astype(int)[None, :], BINS
)  # the bin of each horizon, by that of the age


def _evenly(first: int, last: int) -> Floats:
    made = np.zeros(BINS)
    made[first:last] = 1.0 / (last - first)
    return made


_PERSON_PRIOR = _evenly(3, 11)
_MACHINE_PRIOR = _evenly(5, 19)


@dataclass(frozen=True, slots=True, eq=False)
class ScreenTable:
    """Chances of calls that are being screened."""

    share: Floats  # (RING_BINS): a person, by how long it rang
    person_by: Floats  # (BINS + 1): the detection of a person has ended
    machine_by: Floats

    def rows(self, ages: Floats, rang: Floats) -> Floats:
        """Chances to be found a person by each horizon, a row for each call.

        `ages`: seconds since the pick-up, `rang`: seconds from the Originate to it.
        """
        index = bins(ages, BIN, BINS)
        share = self.share[bins(rang, RING_BIN, RING_BINS)]
        person = share * (1.0 - self.person_by[index])
        either = person + (1.0 - share) * (1.0 - self.machine_by[index])
        found = self.person_by[_ENDS[index]] - self.person_by[index][:, None]
        return as_chances(share[:, None] * found / np.maximum(either, 1e-6)[:, None])

    def total(self, ages: Floats, rang: Floats) -> Floats:
        """Cumulants of how many of the calls are found to be persons by each horizon: 3 x SPAN values."""
        result: Floats = np.add.reduce(cumulants(self.rows(ages, rang)))
        return result


@dataclass
class ScreenCurve:
    """Mutable. Counts of what the detection said, by its time and by how long the call had rung; seconds."""

    person_time: Floats = field(default_factory=lambda: np.zeros(BINS))
    machine_time: Floats = field(default_factory=lambda: np.zeros(BINS))
    person_ring: Floats = field(default_factory=lambda: np.zeros(RING_BINS))
    machine_ring: Floats = field(default_factory=lambda: np.zeros(RING_BINS))

    def left(self, age: float, person: bool, rang: float) -> None:
        """The detection took `age` seconds on a call that had rung for `rang`."""
        time = self.person_time if person else self.machine_time
        time[min(max(int(age / BIN), 0), BINS - 1)] += 1
        self.rang(rang, person)

    def rang(self, rang: float, person: bool) -> None:
        """A call that had rung for `rang` was a person's, or a machine's; how long the detection took is not known."""
        ring = self.person_ring if person else self.machine_ring
        ring[min(max(int(rang / RING_BIN), 0), RING_BINS - 1)] += 1

    def fade(self, factor: float) -> None:
        for counts in (self.person_time, self.machine_time, self.person_ring, self.machine_ring):
            counts *= factor

    @property
    def person_share(self) -> float:
        """Of what is picked up, with the weight of a generous prior."""
        persons, machines = float(self.person_ring.sum()), float(self.machine_ring.sum())
        return (persons + 3.0) / (persons + machines + 4.0)

    def table(self) -> ScreenTable:
        persons = np.convolve(self.person_ring, _KERNEL, "same")
        machines = np.convolve(self.machine_ring, _KERNEL, "same")
        share = (persons + _SHARE_PSEUDO * self.person_share) / (persons + machines + _SHARE_PSEUDO)
        return ScreenTable(
            share, _by(self.person_time, _PERSON_PRIOR), _by(self.machine_time, _MACHINE_PRIOR)
        )

    def presented(
        self, density: Floats, alive: Floats
    ) -> tuple[Floats, Floats, Floats, ScreenTable]:
        """From P(picked up in a ring bin) and P(still ringing at it): (by_age, ever, per_bin, table) of persons."""
        table = self.table()
        persons = density * table.share
        # the detection has ended so many ring bins after the pick-up; last: never
        ended = np.append(table.person_by[_SCREENED], 0.0)
        padded = np.concatenate([persons, np.zeros(_REACH)])
        window = np.lib.stride_tricks.sliding_window_view(padded, _REACH)[: len(persons)]
        by_age = (window @ ended[_BY_HORIZON]) / alive[:, None]
        ever = persons[::-1].cumsum()[::-1] / alive
        per_bin = np.diff(padded[:_REACH] @ ended[_BY_EDGE])
        return by_age, ever, per_bin, table


def _by(times: Floats, prior: Floats) -> Floats:
    share = (times + _TIME_PSEUDO * prior) / (times.sum() + _TIME_PSEUDO)
    result: Floats = np.concatenate([[0.0], np.cumsum(share)])
    return result


def _delays(marks: NDArray[np.int_]) -> NDArray[np.intp]:
    """Ring bins from a pick-up to a mark: row j, column k, of a pick-up j bins from now. _REACH where the mark is before it."""
    lag = marks[None, :] - np.arange(_REACH)[:, None]
    return np.where(lag >= 0, lag, _REACH).astype(np.intp)


_BY_HORIZON, _BY_EDGE = _delays(_STEPS), _delays(_EDGE_STEPS)
_SCREENED = np.minimum((np.arange(_REACH) * RING_BIN / BIN).astype(int), BINS)

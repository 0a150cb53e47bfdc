"""Whether the real run is what the simulator predicted. Pure: figures in, verdict out.

Theory of operation. The K replications of the prediction and the real run are K + 1 draws of one law when the simulator tells the
truth. The band in which the next draw falls with 95 % is mean ± t(K - 1) * s * sqrt(1 + 1/K), Student's prediction interval.
The negative control asks the same question of a simulator whose people take half as long to the answer: the real run must lie
outside of *its* band, or the comparison could not have failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from statistics import fmean, stdev

from dialer.forecast.intervals import student

WIDEST = 0.05
FEWEST_ANSWERS = 600
CLOSEST = 0.01
"""By how much the server's own occupancy and the PBX's may differ."""

NEAREST = 0.03
"""By how much the real occupancy may differ from the simulator's mean for the very list in its own order."""


@dataclass(frozen=True, slots=True)
class Band:
    """Where one more run falls with 95 %."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    @property
    def width(self) -> float:
        return 2 * self.half

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def as_dict(self) -> dict[str, float]:
        values = {"mean": self.mean, "low": self.low, "high": self.high, "width": self.width}
        return {name: round(value, 4) for name, value in values.items()}


def band(values: Sequence[float]) -> Band:
    """The 95 % prediction interval of one more value. Raises ValueError for fewer than two."""
    if len(values) < 2:
        raise ValueError("a band needs at least two replications")
    t = student(len(values) - 1)
    return Band(fmean(values), t * stdev(values) * sqrt(1 + 1 / len(values)))


def power(truth: Sequence[float], control: Band) -> float:
    """How probable it is that a run of the true law lies outside of the control's band (normal law): 0..1."""
    mean, sd = fmean(truth), stdev(truth)

    def below(value: float) -> float:
        return 0.5 * (1 + erf((value - mean) / (sd * sqrt(2))))

    return 1 - (below(control.high) - below(control.low))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The real run, with what the witnesses say of it. Ratios 0..1."""

    occupancy: float
    abandon_ratio: float
    answered: int
    pbx_occupancy: float
    disagreements: int
    rung_twice: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """What the simulator says of occupancy."""

    any_order: Band
    own_order: Band
    halved: Band  # the negative control, in any order


def faults(real: Measured, said: Predicted, limit: float) -> list[str]:
    """What speaks against the simulator, the server or the comparison itself, in words; empty: all bars hold."""
    found = [
        (
            not said.any_order.holds(real.occupancy),
            f"occupancy {real.occupancy:.4f} is outside {_span(said.any_order)}",
        ),
        (
            abs(real.occupancy - said.own_order.mean) > NEAREST,
            f"the simulator made {said.own_order.mean:.4f} of the very same list",
        ),
        (
            said.halved.holds(real.occupancy),
            f"control: halved ring delays fit as well, {_span(said.halved)}",
        ),
        (real.abandon_ratio > limit, f"abandon ratio {real.abandon_ratio:.4f} is over {limit}"),
        (real.rung_twice > 0, f"{real.rung_twice} persons were rung twice"),
        (
            real.disagreements > 0,
            f"{real.disagreements} stored outcomes are not what the far end saw",
        ),
        (
            abs(real.occupancy - real.pbx_occupancy) > CLOSEST,
            f"the PBX saw an occupancy of {real.pbx_occupancy:.4f}",
        ),
    ]
    return [words for wrong, words in found if wrong]


def too_small(real: Measured, predicted: Band) -> list[str]:
    """Why the run is no full one."""
    found = [
        (
            real.answered < FEWEST_ANSWERS,
            f"{real.answered} answers are fewer than {FEWEST_ANSWERS}",
        ),
        (predicted.width > WIDEST, f"the band is {100 * predicted.width:.1f} points wide"),
    ]
    return [words for wrong, words in found if wrong]


def _span(band: Band) -> str:
    return f"[{band.low:.4f}, {band.high:.4f}]"

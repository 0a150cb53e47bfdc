"""From cells to the figures of the report: one row for each policy in each scenario."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from bench.pacing_cells import Cell, interval

Pair = tuple[float, float]
"""Mean, and half the width of its 95 % interval."""


@dataclass(kw_only=True, slots=True)
class Row:
    """Units are those of `Cell`. `slower` is by how many seconds the agents waited longer than under the engine, `more` by what
    share more was abandoned, shift by shift on the seeds that both have.

    `efficiency` is None where it says nothing: more abandoned than the limit, or no reference to compare with.
    """

    case: str
    peer: str
    spec: str
    shifts: int
    talk_share: Pair
    occupancy: Pair
    wait: Pair
    abandoned: Pair
    worst_shift: float
    over_limit: float
    worst_hour: Pair
    worst_after_200: float
    most_excess: float
    dials_per_connect: float
    most_lines: int
    cancelled: float
    decide_p50_ms: float
    decide_p99_ms: float
    cpu_seconds: float
    slower: Pair | None = None
    more: Pair | None = None
    efficiency: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def row_of(cells: list[Cell], spec: str, limit: float, engine: Iterable[Cell] = ()) -> Row:
    waits = {cell.seed: (cell.wait, cell.abandoned) for cell in engine}
    both = [(cell, *waits[cell.seed]) for cell in cells if cell.seed in waits]
    rates = [cell.abandoned for cell in cells]
    return Row(
        case=cells[0].case,
        peer=cells[0].peer,
        spec=spec,
        shifts=len(cells),
        talk_share=rounded([cell.talk_share for cell in cells]),
        occupancy=rounded([cell.occupancy for cell in cells]),
        wait=rounded([cell.wait for cell in cells]),
        abandoned=rounded(rates),
        worst_shift=max(rates),
        over_limit=sum(rate > limit for rate in rates) / len(rates),
        worst_hour=rounded([cell.worst_hour for cell in cells]),
        worst_after_200=max(cell.worst_after_200 for cell in cells),
        most_excess=max(cell.most_excess for cell in cells),
        dials_per_connect=round(mean(cell.dials_per_connect for cell in cells), 2),
        most_lines=max(cell.most_lines for cell in cells),
        cancelled=round(mean(cell.cancelled for cell in cells), 1),
        decide_p50_ms=round(mean(cell.decide_p50_ms for cell in cells), 4),
        decide_p99_ms=round(mean(cell.decide_p99_ms for cell in cells), 4),
        cpu_seconds=round(mean(cell.cpu_seconds for cell in cells), 2),
        slower=rounded([cell.wait - wait for cell, wait, _ in both]) if both else None,
        more=rounded([cell.abandoned - share for cell, _, share in both]) if both else None,
    )


def rounded(values: list[float]) -> Pair:
    middle, half = interval(values)
    return round(middle, 6), round(half, 6) if half == half else 0.0


def efficiency(wait: float, progressive: float, oracle: float) -> float:
    """1 is the oracle's wait, 0 that of progressive dialling."""
    return (progressive - wait) / (progressive - oracle)

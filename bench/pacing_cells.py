"""One shift of the wide pacing benchmark is a cell: a JSON line, so that a long run goes on where it stopped."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.pacing_cases import CASES
from dialer.simulator.lean_result import LeanResult

ROOT = Path(__file__).parent.parent
# two-sided 95 % quantiles of Student's t, by degrees of freedom from 1
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Shares from 0 to 1, times in seconds, decisions in milliseconds of elapsed time."""

    case: str
    peer: str
    seed: int
    version: str
    talk_share: float
    occupancy: float
    wait: float
    abandoned: float
    worst_hour: float
    worst_after_200: float
    dials_per_connect: float
    most_lines: int
    decide_p50_ms: float
    decide_p99_ms: float
    cpu_seconds: float

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.case, self.peer, self.seed, self.version


def cell_of(
    case: str, peer: str, seed: int, version: str, result: LeanResult, cpu_seconds: float
) -> Cell:
    return Cell(
        case=case,
        peer=peer,
        seed=seed,
        version=version,
        talk_share=result.talk_share,
        occupancy=result.occupancy,
        wait=result.wait,
        abandoned=result.abandon_ratio,
        worst_hour=result.worst_hour,
        worst_after_200=result.worst_after_200,
        dials_per_connect=result.dials_per_connect,
        most_lines=result.most_lines,
        decide_p50_ms=1000 * result.decide_percentile(0.50),
        decide_p99_ms=1000 * result.decide_percentile(0.99),
        cpu_seconds=cpu_seconds,
    )


def version_of(case: str, sources: Iterable[Path]) -> str:
    """Changes with the scenario and with the text of the sources that make the figures."""
    digest = hashlib.sha256(repr(CASES[case]).encode())
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def world_sources() -> list[Path]:
    return list((ROOT / "dialer" / "simulator").glob("lean*.py"))


def peer_sources() -> list[Path]:
    return list((ROOT / "bench").glob("pacing_*.py"))


def read_cells(path: Path) -> Iterator[Cell]:
    """A last line cut short by a stop is left out."""
    if not path.is_file():
        return
    for line in path.read_text().splitlines():
        try:
            yield Cell(**json.loads(line))
        except json.JSONDecodeError:
            continue


def append_cell(path: Path, cell: Cell) -> None:
    """On a line of its own, even after a line cut short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cut = path.is_file() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("a") as lines:
        lines.write(("\n" if cut else "") + json.dumps(asdict(cell)) + "\n")


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % t-interval; the second is nan for one value."""
    if len(values) < 2:
        return values[0], math.nan
    quantile = STUDENT[len(values) - 2] if len(values) - 2 < len(STUDENT) else 1.960
    return mean(values), quantile * stdev(values) / math.sqrt(len(values))


def efficiency(wait: float, progressive: float, oracle: float) -> float:
    """1 is the oracle's wait, 0 that of progressive dialling."""
    return (progressive - wait) / (progressive - oracle)


def row_of(cells: list[Cell], limit: float) -> dict[str, Any]:
    """The figures of one policy in one scenario: (mean, half width) or plain numbers."""
    rates = [cell.abandoned for cell in cells]
    return {
        "talk_share": interval([cell.talk_share for cell in cells]),
        "occupancy": interval([cell.occupancy for cell in cells]),
        "wait": interval([cell.wait for cell in cells]),
        "abandoned": interval(rates),
        "worst_seed": max(rates),
        "over_limit": sum(rate > limit for rate in rates) / len(rates),
        "worst_hour": interval([cell.worst_hour for cell in cells]),
        "worst_after_200": max(cell.worst_after_200 for cell in cells),
        "dials_per_connect": mean(cell.dials_per_connect for cell in cells),
        "most_lines": max(cell.most_lines for cell in cells),
        "decide_p50_ms": mean(cell.decide_p50_ms for cell in cells),
        "decide_p99_ms": mean(cell.decide_p99_ms for cell in cells),
        "cpu_seconds": mean(cell.cpu_seconds for cell in cells),
        "seeds": len(cells),
    }

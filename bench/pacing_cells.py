"""One shift of the wide pacing benchmark is a cell: a JSON line, so that a long run goes on where it stopped."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from bench.pacing_own_cases import ALL
from dialer.forecast.intervals import band
from dialer.simulator.lean_result import LeanResult

FEWEST_ANSWERS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Shares from 0 to 1, times in seconds, decisions in milliseconds of CPU time.

    `most_excess` is by how many calls the abandoned were ever above the limit's share, from the 50th answer on.
    """

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
    answered: int
    dialled: int
    cancelled: int
    most_excess: float

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
        talk_share=round(result.talk_share, 5),
        occupancy=round(result.occupancy, 5),
        wait=round(result.wait, 4),
        abandoned=round(result.abandon_ratio, 6),
        worst_hour=round(result.worst_hour, 5),
        worst_after_200=round(result.worst_after_200, 5),
        dials_per_connect=round(result.dials_per_connect, 3),
        most_lines=result.most_lines,
        decide_p50_ms=round(1000 * result.decide_percentile(0.50), 4),
        decide_p99_ms=round(1000 * result.decide_percentile(0.99), 4),
        cpu_seconds=round(cpu_seconds, 2),
        answered=result.answered,
        dialled=result.dialled,
        cancelled=result.cancelled,
        most_excess=round(most_excess(result.history, ALL[case].limit), 3),
    )


def most_excess(history: list[tuple[float, bool]], limit: float) -> float:
    """Abandoned calls above `limit` of the answers, at its highest from the 50th answer on; 0 when never above."""
    abandoned, most = 0, 0.0
    for count, (_, lost) in enumerate(history, start=1):
        abandoned += lost
        if count >= FEWEST_ANSWERS:
            most = max(most, abandoned - limit * count)
    return most


def version_of(case: str, sources: Iterable[Path], more: str = "") -> str:
    """Changes with the scenario and with the text of the sources that make the figures."""
    digest = hashlib.sha256((repr(ALL[case]) + more).encode())
    for path in sorted(sources):
        digest.update(_text_of(path))
    return digest.hexdigest()[:12]


@cache
def _text_of(path: Path) -> bytes:
    """As it was when first asked for: a long run is of one version."""
    return path.read_bytes()


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
    found = band(values)
    return found.mean, math.nan if found.half is None else found.half

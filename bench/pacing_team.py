"""What the pacing modes make of a shift: the production team in virtual time, persons and agents as in Italy by day.

The same seeds for every mode, so that each meets the same persons. Beside the measured occupancy stand what theory gives for
dialling one at a time (progressive), and the square-root law of the best possible pacing at this limit.

    python -m bench.pacing_team [--agents 5 10 20 50] [--seeds 5] [--hours 4] [--jobs 1] [--resume] [--reduced]
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from bench import report
from bench.pacing_cells import interval
from dialer.campaign import PacingMode
from tests.support import shift

FIRST_SEED = 1000

DELAY, CYCLE = 11.5, 107.0
"""Mean seconds from the order to a person's answer, and of talk with wrap-up, in the scenario."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    agents: int
    mode: PacingMode
    seed: int
    hours: float

    @property
    def key(self) -> tuple[int, str, int, float]:
        return self.agents, self.mode.value, self.seed, self.hours


def work(one: Shift) -> dict[str, Any]:
    result = shift.run(one.mode, agents=one.agents, seed=one.seed, hours=one.hours)
    return asdict(result) | {"mode": one.mode.value, "abandon_ratio": result.abandon_ratio}


def best_idle_share(agents: int) -> float:
    """The square-root law: what remains idle under the best pacing at a limit of 3 %, two seconds of grace."""
    return max(0.95 * math.sqrt(2 * DELAY / (agents * CYCLE)) - 0.7 * 2.0 / CYCLE, 0.0)


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line per team size and mode."""
    lines = []
    for agents in sorted({row["agents"] for row in rows}):
        for mode in PacingMode:
            own = [row for row in rows if (row["agents"], row["mode"]) == (agents, mode.value)]
            if own:
                lines.append(_line(agents, mode, own))
    return lines


def _line(agents: int, mode: PacingMode, rows: list[dict[str, Any]]) -> dict[str, Any]:
    line: dict[str, Any] = {"agents": agents, "mode": mode.value, "shifts": len(rows)}
    for name in ("talk_share", "occupancy", "wait_seconds", "abandon_ratio", "braked_share"):
        mean, half = interval([row[name] for row in rows])
        line[name], line[f"{name}_pm"] = round(mean, 5), round(half, 5)
    line["worst_abandon_ratio"] = round(max(row["abandon_ratio"] for row in rows), 5)
    line["shifts_over_limit"] = sum(row["abandon_ratio"] > row["limit"] for row in rows)
    line["theta_end"] = round(statistics.fmean(row["theta"] for row in rows), 4)
    line["best_occupancy_by_theory"] = round(1 - best_idle_share(agents), 3)
    return line


def show(lines: Iterable[dict[str, Any]]) -> None:
    head = f"{'N':>3} {'mode':12} {'talk':>13} {'occupancy':>13} {'(best)':>6} "
    head += f"{'wait s':>10} {'abandoned %':>12} {'worst %':>7} {'braked':>6}"
    print(head)
    for line in lines:
        print(
            f"{line['agents']:>3} {line['mode']:12} "
            f"{line['talk_share']:.3f} ± {line['talk_share_pm']:.3f} "
            f"{line['occupancy']:.3f} ± {line['occupancy_pm']:.3f} "
            f"{line['best_occupancy_by_theory']:>6.3f} "
            f"{line['wait_seconds']:5.1f} ± {line['wait_seconds_pm']:3.1f} "
            f"{100 * line['abandon_ratio']:5.2f} ± {100 * line['abandon_ratio_pm']:4.2f} "
            f"{100 * line['worst_abandon_ratio']:>7.2f} {line['braked_share']:>6.2f}"
        )


def done_before(name: str) -> list[dict[str, Any]]:
    path = report.RESULTS / name
    rows = json.loads(path.read_text())["rows"] if path.is_file() else []
    return [dict(row) for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[5, 10, 20, 50])
    parser.add_argument("--modes", nargs="+", default=[mode.value for mode in PacingMode])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--resume", action="store_true", help="keep the shifts of the last run")
    parser.add_argument("--reduced", action="store_true", help="2 seeds, half an hour, N up to 10")
    options = parser.parse_args()
    if options.reduced:
        options.agents, options.seeds, options.hours = [5, 10], 2, 0.5
    rows = done_before(f"pacing_team{'-reduced' * options.reduced}.json") if options.resume else []
    known = {(row["agents"], row["mode"], row["seed"], row["hours"]) for row in rows}
    shifts = [
        Shift(agents=agents, mode=PacingMode(mode), seed=FIRST_SEED + seed, hours=options.hours)
        for agents in options.agents
        for mode in options.modes
        for seed in range(options.seeds)
    ]
    left = [one for one in shifts if one.key not in known]
    written = None
    with ProcessPoolExecutor(options.jobs) as pool:
        for row in pool.map(work, left):
            rows.append(row)
            written = report.write(
                "pacing_team", {"lines": table(rows), "rows": rows}, reduced=options.reduced
            )
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    lines = table(rows)
    show(lines)
    if written is not None:
        print(written)
    predictive = [row for row in rows if row["mode"] == PacingMode.PREDICTIVE.value]
    return 0 if all(row["abandon_ratio"] <= row["limit"] for row in predictive) else 1


if __name__ == "__main__":
    sys.exit(main())

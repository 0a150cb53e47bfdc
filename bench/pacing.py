"""The wide pacing benchmark: policies x scenarios x seeds in the lean world.

    python -m bench.pacing --cases S1,S2 --peers progressive,eis --seeds 4 --jobs 1 --resume

Every shift is written to the cells file as it ends; --resume leaves out those that are there, of the same code.
"""

import argparse
import importlib
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.pacing_cases import CASES, reported_seeds
from bench.pacing_cells import (
    Cell,
    append_cell,
    cell_of,
    peer_sources,
    read_cells,
    row_of,
    version_of,
    world_sources,
)
from bench.pacing_oracle import tuned_oracle
from bench.pacing_peers import PEERS
from bench.pacing_tuned import GRIDS, pacer_of, tuned
from bench.report import RESULTS
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_scenario import LeanScenario
from dialer.simulator.lean_view import Pacer

Job = tuple[str, str, int, str, Path]
NAMES = (*PEERS, *GRIDS, "oracle")


def maker(peer: str, case: str, version: str, cache: Path) -> Callable[[LeanScenario], Pacer]:
    """By name, or `module:callable` for a policy from elsewhere; the callable takes the scenario."""
    if peer in PEERS:
        return PEERS[peer]
    if peer in GRIDS:
        setting = tuned(peer, case, version, cache)
        return lambda scenario: pacer_of(setting, scenario)
    if peer == "oracle":
        return tuned_oracle(case, version, cache)
    module, _, name = peer.partition(":")
    if not name:
        raise SystemExit(f"--peers: {peer} is none of {', '.join(NAMES)}, nor module:callable")
    made: Callable[[LeanScenario], Pacer] = getattr(importlib.import_module(module), name)
    return made


def run_cell(job: Job) -> Cell:
    case, peer, seed, version, cache = job
    pacer = maker(peer, case, version, cache)(CASES[case])
    began = time.process_time()
    result = LeanWorld(CASES[case], pacer, seed, time.perf_counter_ns).run()
    return cell_of(case, peer, seed, version, result, time.process_time() - began)


def wanted(options: argparse.Namespace) -> list[Job]:
    jobs: list[Job] = []
    for case in options.cases.split(","):
        if case not in CASES:
            raise SystemExit(f"--cases: {case} is none of {', '.join(CASES)}")
        version = version_of(case, world_sources() + peer_sources())
        seeds = reported_seeds(case)[: options.seeds]
        cache = options.cells.with_name("pacing-tuned.json")
        jobs += [(case, p, s, version, cache) for p in options.peers.split(",") for s in seeds]
    return jobs


def table(cells: list[Cell]) -> str:
    """Markdown, a part for each scenario."""
    lines: list[str] = []
    for case in dict.fromkeys(cell.case for cell in cells):
        lines += ["", f"**{case}**", "", *_head()]
        here = [cell for cell in cells if cell.case == case]
        lines += [
            _row(peer, [cell for cell in here if cell.peer == peer], CASES[case].limit)
            for peer in dict.fromkeys(cell.peer for cell in here)
        ]
    return "\n".join(lines)


def _head() -> list[str]:
    names = ["policy", "talk share", "occupancy", "wait s", "abandoned %", "worst seed %"]
    names += ["over limit", "worst 60 min %", "worst after 200 %", "dials/connect", "lines"]
    names += ["decide p50/p99 ms", "CPU s", "seeds"]
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def _row(peer: str, cells: list[Cell], limit: float) -> str:
    row = row_of(cells, limit)

    def pair(name: str, factor: float, digits: int) -> str:
        middle, half = row[name]
        return f"{factor * middle:.{digits}f} ± {factor * half:.{digits}f}"

    columns = [peer, pair("talk_share", 1, 3), pair("occupancy", 1, 3), pair("wait", 1, 1)]
    columns += [pair("abandoned", 100, 2), f"{100 * row['worst_seed']:.2f}"]
    columns += [f"{100 * row['over_limit']:.0f} %", pair("worst_hour", 100, 1)]
    columns += [f"{100 * row['worst_after_200']:.2f}", f"{row['dials_per_connect']:.1f}"]
    columns += [f"{row['most_lines']}", f"{row['decide_p50_ms']:.3f} / {row['decide_p99_ms']:.3f}"]
    columns += [f"{row['cpu_seconds']:.2f}", f"{row['seeds']}"]
    return "| " + " | ".join(columns) + " |"


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--peers", default=",".join(NAMES))
    parser.add_argument("--seeds", type=int, default=None, help="at most so many a scenario")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--cells", type=Path, default=RESULTS / "pacing-cells-reduced.jsonl")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parsed(arguments)
    jobs = wanted(options)
    if not options.resume:
        options.cells.unlink(missing_ok=True)
    done = {cell.key: cell for cell in read_cells(options.cells)}
    todo = [job for job in jobs if job[:4] not in done]
    for case, peer, version, cache in dict.fromkeys((j[0], j[1], j[3], j[4]) for j in todo):
        maker(peer, case, version, cache)  # tunes once, before the shifts are shared out
    with ProcessPoolExecutor(options.jobs) as pool:
        for cell in pool.map(run_cell, todo) if options.jobs > 1 else map(run_cell, todo):
            append_cell(options.cells, cell)
            done[cell.key] = cell
    print(table([done[job[:4]] for job in jobs]))


if __name__ == "__main__":
    main()

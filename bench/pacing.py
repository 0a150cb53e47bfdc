"""The wide pacing benchmark: policies x scenarios x shifts in the lean world, its bars, and the page that shows them.

    python -m bench.pacing [--quick] [--cases S1,S2] [--peers engine,eis] [--seeds 4] [--jobs 2] [--minutes 170]

Every shift is kept as it ends, and is not run again while its scenario and the code that made it are the same (`--again`
starts anew). The whole run takes up to three hours on two cores; `--quick` takes ten minutes: four shifts a scenario, without
the choices in hindsight, in bench/results/pacing-reduced.json and on no page.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import pacing_page, report
from bench.pacing_bars import Bar, Figures, bars
from bench.pacing_cases import CASES, MANY, REPORTED_FROM, reported_seeds
from bench.pacing_choices import Choices
from bench.pacing_figures import Row, efficiency, row_of
from bench.pacing_own_cases import ALL, OWN_SHIFTS, SCORED
from bench.pacing_policies import NAMES, SEARCHED, exists
from bench.pacing_run import OutOfTimeError, Run, version

QUICK_SHIFTS, QUICK_MINUTES, QUICK_LARGE = 4, 10.0, 1
EVERYWHERE = ("engine", "progressive", "eis")
SOMEWHERE = {
    "engine-scores": tuple(SCORED),
    "engine-revokes": (
        *("S1", "S2", "S3", "S4", "S5", "S7", "S8"),
        *("cold-to-hot", "half-leave", "held-trunk"),
    ),
}
"""The scenarios of a policy that is neither in all of them nor in the eight. In those with scores there is only the engine."""
LARGE_TEAM = 100
Part = tuple[str, str]  # case, peer


def seeds_of(case: str, most: int | None) -> range:
    seeds = (
        reported_seeds(case) if case in CASES else range(REPORTED_FROM, REPORTED_FROM + OWN_SHIFTS)
    )
    return seeds[:most]


def parts(cases: list[str], peers: list[str]) -> Iterator[Part]:
    """The engine first, then what it is compared with; large teams, which take longest, last of each."""
    by_cost = sorted(cases, key=lambda case: ALL[case].most_agents >= LARGE_TEAM)
    for peer in peers:
        for case in by_cost:
            if case in SCORED and not peer.startswith("engine"):
                continue
            if peer in EVERYWHERE or case in SOMEWHERE.get(peer, CASES):
                yield case, peer


class Bench:
    def __init__(self, run: Run, choices: Choices, most: int | None, quick: bool) -> None:
        self._run, self._choices, self._most, self._quick = run, choices, most, quick
        self.specs: dict[Part, str] = {}

    def seeds(self, case: str) -> range:
        if self._quick:
            large = ALL[case].most_agents >= LARGE_TEAM
            return seeds_of(case, QUICK_LARGE if large else QUICK_SHIFTS)
        return seeds_of(case, self._most)

    def work(self, todo: list[Part]) -> bool:
        """False when time was over before the end; parts that were done before are known all the same."""
        done = [self._part(case, peer) for case, peer in todo]
        return all(done)

    def _part(self, case: str, peer: str) -> bool:
        if peer == "oracle-equal" and not exists("engine"):
            return True
        try:
            spec = self._choices.spec(case, peer, self.seeds(case))
            self.specs[case, peer] = spec
            self._run.cells(case, peer, spec, self.seeds(case))
        except OutOfTimeError:
            if (spec_so_far := self._choices.so_far(case, peer, self.seeds(case))) is not None:
                self.specs[case, peer] = spec_so_far
            return False
        print(f"{case} {peer}", file=sys.stderr, flush=True)
        return True

    def thousand(self) -> bool:
        """As `work`, of the engine's further shifts."""
        try:
            for case, count in MANY.items():
                seeds = range(REPORTED_FROM, REPORTED_FROM + count)
                self._run.cells(case, "engine", "engine", seeds)
                print(f"{case} engine, {count} shifts", file=sys.stderr, flush=True)
        except OutOfTimeError:
            return False
        return True

    def figures(self, todo: list[Part]) -> Figures:
        """Of the shifts that are there."""
        rows = {part: row for part in todo if (row := self._row(*part)) is not None}
        for row in rows.values():
            row.efficiency = efficiency_of(row, rows)
        every = range(REPORTED_FROM, REPORTED_FROM + max(MANY.values()))
        engine = [c for case in ALL for c in self._run.known(case, "engine", "engine", every)]
        name = "engine-strict"
        strict = [c for case in CASES for c in self._run.known(case, name, name, every)]
        return Figures(rows, engine, strict)

    def _row(self, case: str, peer: str) -> Row | None:
        seeds, spec = self.seeds(case), self.specs.get((case, peer))
        cells = self._run.known(case, peer, spec, seeds) if spec else []
        engine = self._run.known(case, "engine", "engine", seeds)
        return row_of(cells, spec, ALL[case].limit, engine) if spec and cells else None


def efficiency_of(row: Row, rows: dict[Part, Row]) -> float | None:
    """By differences from the engine, shift by shift, so that the rows need not be of as many shifts."""
    progressive = rows.get((row.case, "progressive"))
    oracle = rows.get((row.case, "oracle-equal")) or rows.get((row.case, "oracle"))
    if not progressive or not oracle or row.abandoned[0] > ALL[row.case].limit:
        return None
    if not (row.slower and progressive.slower and oracle.slower):
        return None
    slower = row.slower[0], progressive.slower[0], oracle.slower[0]
    return round(efficiency(*slower), 3)


def as_json(figures: Figures, held: list[Bar]) -> dict[str, Any]:
    return {
        "bars": [asdict(bar) for bar in held],
        "rows": [row.as_json() for row in figures.rows.values()],
    }


def names(text: str, known: list[str], option: str) -> list[str]:
    chosen = text.split(",")
    for name in chosen:
        if name not in known and ":" not in name:
            raise SystemExit(f"{option}: {name} is none of {', '.join(known)}")
    return chosen


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", default=",".join(ALL), help=", ".join(ALL))
    parser.add_argument("--peers", default=",".join(filter(exists, NAMES)), help=", ".join(NAMES))
    parser.add_argument("--seeds", type=int, default=None, help="at most so many shifts a scenario")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument(
        "--minutes", type=float, help="starts nothing after them; 0: shows what is there"
    )
    parser.add_argument("--thousand", action="store_true", help="the engine's thousand shifts too")
    parser.add_argument("--quick", action="store_true", help="ten minutes")
    parser.add_argument("--again", action="store_true", help="forget the shifts that are there")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the shifts")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    cases = names(options.cases, list(ALL), "--cases")
    peers = names(options.peers, list(NAMES), "--peers")
    if options.quick:
        options.minutes = QUICK_MINUTES if options.minutes is None else options.minutes
        peers = [peer for peer in peers if peer not in SEARCHED]
    todo = list(parts(cases, peers))
    for spec in (*filter(exists, NAMES), "oracle@", "vicidial@"):
        version("S1", spec)  # the texts of all that runs, before any of them can change
    files = [options.results / f"pacing-{name}.jsonl" for name in ("cells", "tuning")]
    if options.again:
        for file in files:
            file.unlink(missing_ok=True)
    minutes = float("inf") if options.minutes is None else options.minutes
    until = time.monotonic() + 60 * minutes
    with Run(*files, options.jobs, until) as run:
        choices = Choices(run, options.results / "pacing-tuned.json")
        bench = Bench(run, choices, options.seeds, options.quick)
        in_time = bench.work(todo)
        if options.thousand and exists("engine"):
            in_time &= bench.thousand()
        if not in_time:
            print("out of time: what is done is kept", file=sys.stderr)
        figures = bench.figures(todo)
    return finish(figures, options)


def finish(figures: Figures, options: argparse.Namespace) -> int:
    held = bars(figures)
    whole = set(options.cases.split(",")) == set(ALL)
    for case in dict.fromkeys(row.case for row in figures.rows.values()):
        rows = [row.as_json() for row in figures.rows.values() if row.case == case]
        print("\n".join(["", f"{case}: {pacing_page.ABOUT[case]}", *pacing_page.table(rows)]))
    for bar in held:
        if bar.holds is not None:
            print(f"{'PASS' if bar.holds else 'FAIL'}  {bar.name}: {bar.asked}: {bar.found}")
    if options.results == report.RESULTS and (whole or options.quick):
        written = as_json(figures, held)
        print(report.write("pacing", written, reduced=options.quick))
        if not options.quick:
            pacing_page.main()
    return 1 if any(bar.holds is False for bar in held) else 0


if __name__ == "__main__":
    sys.exit(main())

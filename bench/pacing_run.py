"""Runs cells that are not there yet, on as many processes as asked for, and writes each as it ends."""

import hashlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

from bench.pacing_cells import Cell, append_cell, cell_of, read_cells, version_of
from bench.pacing_own_cases import ALL
from bench.pacing_policies import ENGINES, WORLD, build, sources
from dialer.simulator.lean import LeanWorld

Job = tuple[str, str, str, int, str]  # case, peer, spec, seed, version


class OutOfTimeError(Exception):
    """The minutes given are over; what is done is kept."""


def run_cell(job: Job) -> Cell:
    case, peer, spec, seed, version = job
    pacer = build(spec, ALL[case])
    began = time.process_time()
    result = LeanWorld(ALL[case], pacer, seed, time.thread_time_ns).run()
    return cell_of(case, peer, seed, version, result, time.process_time() - began)


TRIAL_SECONDS = 900.0
TRIALS = {
    **{case: ALL[case] for case in ("S1", "S2", "S5", "S8", "one-percent", "scored")},
    "hot": replace(ALL["cold-to-hot"], person=((0, 0.08), (600, 0.5))),
    "held": replace(ALL["held-trunk"], holds=((600, 660),)),
}
"""Short shifts in which all that an engine can do comes about."""


def version(case: str, spec: str) -> str:
    """Of scenario, world and policy: the text of a peer, the deeds of the engine."""
    if spec in ENGINES:
        return f"{version_of(case, sources(WORLD), deeds(spec))} {spec}"
    return f"{version_of(case, sources(spec))} {spec}"


@cache
def deeds(spec: str) -> str:
    """What an engine does in short shifts, each to its end: its text changes more often than what it decides."""
    done = []
    for seed, trial in enumerate(TRIALS.values(), start=1):
        scenario = replace(trial, seconds=TRIAL_SECONDS)
        result = LeanWorld(scenario, build(spec, scenario), seed).run()
        done.append(repr((result.dialled, result.cancelled, result.history, result.idle_seconds)))
    return hashlib.sha256("".join(done).encode()).hexdigest()


class Run:
    """`cells` and `tuning` are the files of reported and of tuning seeds; `until` ends it (elapsed seconds of `clock`)."""

    def __init__(
        self,
        cells: Path,
        tuning: Path,
        jobs: int = 1,
        until: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = {False: cells, True: tuning}
        self._done = {c.key: c for path in (cells, tuning) for c in read_cells(path)}
        self._until, self._clock = until, clock
        self._pool = ProcessPoolExecutor(jobs) if jobs > 1 else None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def cells(
        self, case: str, peer: str, spec: str, seeds: Iterable[int], *, tuning: bool = False
    ) -> list[Cell]:
        """In the order of the seeds; those missing are run."""
        text = version(case, spec)
        jobs: list[Job] = [(case, peer, spec, seed, text) for seed in seeds]
        todo = [job for job in jobs if _key(job) not in self._done]
        if self._pool is not None and self._clock() < self._until:
            for cell in self._pool.map(run_cell, todo):
                self._keep(cell, tuning)
        else:
            for job in todo:
                if self._clock() >= self._until:
                    raise OutOfTimeError
                self._keep(run_cell(job), tuning)
        return [self._done[_key(job)] for job in jobs]

    def known(self, case: str, peer: str, spec: str, seeds: Iterable[int]) -> list[Cell]:
        """Those that are there, of the present code."""
        keys = [(case, peer, seed, version(case, spec)) for seed in seeds]
        return [self._done[key] for key in keys if key in self._done]

    def _keep(self, cell: Cell, tuning: bool) -> None:
        append_cell(self._files[tuning], cell)
        self._done[cell.key] = cell


def _key(job: Job) -> tuple[str, str, int, str]:
    case, peer, _, seed, text = job
    return case, peer, seed, text

"""What the pacing log costs: bytes on the disk for a call and an hour, and CPU time beside the decisions that it records.

    python -m bench.pacing_log [--reduced]

Size: a shift in virtual time against simulated people, after ten minutes of start-up, with call ids as they are; the file is
played again at the end, and must agree. CPU: the same busy board recorded and not, in turns: ten decisions a second with all that
a team of that size tells between them; ratio and difference are medians over the pairs.
"""

import argparse
import sys
import time
from datetime import datetime, timedelta
from random import Random
from statistics import median
from typing import Any

from bench import report
from bench.pacing_cost import Floor
from dialer.adapters.this_build import log_header
from dialer.campaign import PacingMode
from dialer.ids import CallId, uuid7
from dialer.pacing_frames import MARK, FrameWriter
from dialer.pacing_recorder import RecordedBoard
from dialer.pacing_replay import replay
from tests.support.shift import START, TEAM, Shift

CARRY = timedelta(seconds=2)
WARM_UP = timedelta(minutes=10)
MOST_MS = 0.1
"""The bar: CPU time a decision more, with the records of all that led to it."""


class RecordedShift:
    """A shift and its log; bytes and CPU time of the frames."""

    def __init__(self, agents: int) -> None:
        self.board, random = RecordedBoard(), Random(agents)
        self.shift = Shift(
            PacingMode.PREDICTIVE,
            agents=agents,
            seed=1,
            board=self.board,
            new_call_id=lambda at: CallId(uuid7(at, random)),
        )
        self.frames, self.log = FrameWriter(), bytearray(MARK)
        self.raw, self.frames_cpu, self.now = 0, 0.0, START
        self.board.record(log_header(TEAM, START))

    def until(self, end: datetime) -> None:
        while self.now < end:
            self.now += CARRY
            self.shift.until(self.now)
            block = self.board.take()
            began = time.process_time()
            self.log += self.frames.frame(block)
            self.frames_cpu += time.process_time() - began
            self.raw += len(block)


def size(agents: int, minutes: float) -> dict[str, Any]:
    recorded = RecordedShift(agents)
    recorded.until(START + WARM_UP)
    before = (len(recorded.log), recorded.raw, recorded.shift.dialled, recorded.frames_cpu)
    recorded.until(START + WARM_UP + timedelta(minutes=minutes))
    grown, raw = len(recorded.log) - before[0], recorded.raw - before[1]
    calls, frames_cpu = recorded.shift.dialled - before[2], recorded.frames_cpu - before[3]
    began = time.process_time()
    played = replay(bytes(recorded.log))
    hours = minutes / 60
    return {
        "agents": agents,
        "minutes": minutes,
        "calls": calls,
        "bytes": grown,
        "bytes_uncompressed": raw,
        "bytes_a_call": round(grown / calls, 1),
        "megabytes_an_hour": round(grown / hours / 1e6, 3),
        "compression_cpu_seconds_an_hour": round(frames_cpu / hours, 2),
        "decisions_replayed": played.decisions,
        "replay_cpu_seconds": round(time.process_time() - began, 2),
        "agrees": played.exit_code == 0,
    }


def _cpu(agents: int, steps: int, seed: int, *, recorded: bool) -> float:
    """Seconds for so many decisions and all that is told between them."""
    board = RecordedBoard()
    floor = Floor(agents, seed, board)
    for _ in range(50):
        floor.step(0.1)
        floor.decide()
    if recorded:
        board.record(log_header(TEAM, START))
        board.take()
    began = time.process_time()
    for _ in range(steps):
        floor.step(0.1)
        floor.decide()
    return time.process_time() - began


def cost(agents: int, pairs: int, steps: int) -> dict[str, Any]:
    """Side by side, in turns: whatever else the machine does falls on both."""
    found = []
    for seed in range(pairs):
        plain = _cpu(agents, steps, seed, recorded=False)
        found.append((plain, _cpu(agents, steps, seed, recorded=True)))
    ratio = median(recorded / plain for plain, recorded in found)
    more = median(recorded - plain for plain, recorded in found) / steps * 1000
    return {
        "agents": agents,
        "pairs": pairs,
        "decisions_each": steps,
        "cpu_ms_a_decision": round(median(plain for plain, _ in found) / steps * 1000, 4),
        "ratio": round(ratio, 4),
        "ms_more": round(more, 4),
        "kept": more <= MOST_MS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--reduced", action="store_true")
    options = parser.parse_args()
    pairs, steps = (3, 200) if options.reduced else (7, 500)
    costs = [cost(agents, pairs, steps) for agents in (20, 500)]
    sizes = [
        size(20, 2 if options.reduced else 30),
        size(500, 0.5 if options.reduced else 5),
    ]
    for row in (*costs, *sizes):
        print(" ".join(f"{name} {value}" for name, value in row.items()))
    ok = all(row["agrees"] for row in sizes) and all(row["kept"] for row in costs)
    figures = {"ok": ok, "most_ms": MOST_MS, "cost": costs, "size": sizes}
    print(report.write("pacing_log", figures, reduced=options.reduced))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a shift of the wide benchmark costs: the lean world with the product's engine, one process.

CPU seconds for four hours of up to 50 agents (S4: a list that turns from cold to hot and back; S7: a staffing that changes),
split into the world with what it tells the engine, and the engine's decisions. Each shift is run `--runs` times and the least is
taken: other work on the machine only ever adds. Bar: 3 CPU seconds, with the extra `fast` (dialer.compiled_curves), which decides
the same to the last bit; `--plain` measures without it. What compiling costs comes before the first shift and is stated apart.

    python -m bench.lean_speed [--cases S4,S7] [--runs 3] [--plain] [--reduced]
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench import report
from bench.pacing_cases import CASES
from bench.pacing_engine import COMPILED, Engine
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_scenario import LeanScenario

BAR = 3.0
SEED = 1000
REDUCED_SECONDS = 300.0
FIRST_USE_SECONDS = 180.0  # until every kernel was used


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftCost:
    """CPU seconds. `shift`: all of it, not timed within; `deciding`: of a second run, each of whose decisions was timed."""

    shift: float
    deciding: float
    decisions: int
    dialled: int

    @classmethod
    def of(cls, case: str, seconds: float | None = None, compiled: bool = COMPILED) -> "ShiftCost":
        """`seconds`: simulated; None: the whole shift."""
        scenario = CASES[case] if seconds is None else replace(CASES[case], seconds=seconds)
        untimed = _world(scenario, compiled)
        began = time.process_time()
        result = untimed.run()
        shift = time.process_time() - began
        timed = _world(scenario, compiled, time.thread_time_ns).run()
        assert timed.history == result.history
        return cls(
            shift=shift,
            deciding=sum(timed.decide_seconds) - _watching(len(timed.decide_seconds)),
            decisions=result.decisions,
            dialled=result.dialled,
        )


def _world(
    scenario: LeanScenario, compiled: bool, stopwatch: Callable[[], int] | None = None
) -> LeanWorld:
    return LeanWorld(scenario, Engine(scenario.as_told(), compiled=compiled), SEED, stopwatch)


def first_use(compiled: bool) -> float:
    """CPU seconds of loading, and with `compiled` of compiling, what the engine runs: once a process."""
    began = time.process_time()
    _world(replace(CASES["S4"], seconds=FIRST_USE_SECONDS), compiled).run()
    return time.process_time() - began


def _watching(decisions: int) -> float:
    """CPU seconds that looking at the watch has added to so many decisions."""
    began = time.thread_time_ns()
    for _ in range(1000):
        time.thread_time_ns()
    return (time.thread_time_ns() - began) / 1e9 / 1000 * decisions


def measure(
    case: str, runs: int, seconds: float | None = None, compiled: bool = COMPILED
) -> dict[str, Any]:
    costs = [ShiftCost.of(case, seconds, compiled) for _ in range(runs)]
    shift = min(cost.shift for cost in costs)
    deciding = min(min(cost.deciding for cost in costs), shift)
    decisions = costs[0].decisions
    return {
        "case": case,
        "agents": CASES[case].most_agents,
        "simulated_seconds": seconds or CASES[case].seconds,
        "decisions": decisions,
        "calls": costs[0].dialled,
        "cpu_seconds": round(shift, 3),
        "cpu_seconds_world": round(shift - deciding, 3),
        "cpu_seconds_decisions": round(deciding, 3),
        "cpu_microseconds_per_decision": round(deciding / decisions * 1e6, 1),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="S4,S7")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="without the extra `fast`")
    parser.add_argument("--reduced", action="store_true", help="five simulated minutes, once")
    options = parser.parse_args(arguments)
    runs, seconds = (1, REDUCED_SECONDS) if options.reduced else (options.runs, None)
    compiled = COMPILED and not options.plain
    loading = first_use(compiled)
    print(f"compiled {compiled} first_use_cpu_seconds {loading:.3f}")
    rows = [measure(case, runs, seconds, compiled) for case in options.cases.split(",")]
    for row in rows:
        print(" ".join(f"{name} {value}" for name, value in row.items()))
    kept = all(row["cpu_seconds"] <= BAR for row in rows)
    figures = {
        "bar_cpu_seconds": BAR,
        "compiled": compiled,
        "first_use_cpu_seconds": round(loading, 3),
        "runs": runs,
        "ok": kept,
        "rows": rows,
    }
    print(report.write("lean-speed", figures, reduced=options.reduced))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

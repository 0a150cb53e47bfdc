"""What one pacing decision costs: 500 agents with 1,000 calls in flight, and 2,000 with 4,000, table rebuilds included.

    python -m bench.pacing_cost [--reduced]

The pacing board is fed as a busy team feeds it; every decision of some minutes of its time is timed. Wall and CPU time of one
process; the figures are percentiles over the decisions.
"""

import argparse
import time
from typing import Any

import numpy as np

from bench import report
from dialer.brake import WindowState
from dialer.campaign import PacingMode
from dialer.pacing import Binding, PacingPolicy
from dialer.pacing_board import Duty, PacingBoard
from dialer.pacing_question import PacingQuestion

CAMPAIGN, NODE = "spring", "pbx"
BARS_MS = {500: {"p50": 1.0, "p99": 1.0}, 2000: {"p99": 3.0}}
POLICY = PacingPolicy(mode=PacingMode.PREDICTIVE)
WINDOWS = tuple(
    WindowState(name=name, limit=0.03, answered=40_000, abandoned=1_150, to_come=4_000.0)
    for name in ("calendar_day", "campaign_total")
)


class Floor:
    """A steady team: talks of 120 s, a fifth of the calls answered, about twice as many calls in flight as agents."""

    def __init__(self, agents: int, seed: int, board: PacingBoard | None = None) -> None:
        self.random = np.random.default_rng(seed)
        self.board = board or PacingBoard()
        self.board.campaign(CAMPAIGN, screened=False, grace=2.0, wrap_limit=15.0)
        self.now = 1_000_000.0
        self.calls: list[str] = []
        self.agents = [f"agent-{number}" for number in range(agents)]
        self.placed = 0
        for position, agent in enumerate(self.agents):
            since = self.now - float(self.random.exponential(120.0))
            talks = position % 20 != 0
            self._duty(agent, Duty.TALKING if talks else Duty.IDLE, since)
        for _ in range(2 * agents):
            self._place(self.now - float(self.random.uniform(0.0, 25.0)))

    def step(self, seconds: float) -> None:
        """Some calls end or are answered, some talks end; as many calls are placed anew."""
        self.now += seconds
        for _ in range(self.random.poisson(len(self.agents) * seconds / 12.0)):
            call = self.calls.pop(int(self.random.integers(len(self.calls))))
            self.board.moved(call, None, self.now, person=bool(self.random.random() < 0.2))
            self._place(self.now)
        for _ in range(self.random.poisson(len(self.agents) * seconds / 120.0)):
            agent = self.agents[int(self.random.integers(len(self.agents)))]
            self._duty(agent, Duty.WRAP_UP, self.now)
            self._duty(agent, Duty.TALKING, self.now)

    def _place(self, at: float) -> None:
        self.placed += 1
        call = f"call-{self.placed}"
        self.calls.append(call)
        self.board.placed(call, CAMPAIGN, NODE, at)

    def _duty(self, agent: str, duty: Duty, since: float) -> None:
        self.board.agent(agent, NODE, duty, since, staffed=True, campaign=CAMPAIGN)

    def decide(self) -> int:
        asked = PacingQuestion(
            campaign=CAMPAIGN,
            node=NODE,
            at=self.now,
            policy=POLICY,
            theta=0.02,
            windows=WINDOWS,
            elsewhere=0.0,
            doomed=0.0,
            own_in_flight=0,
            rate_tokens=1_000_000,
            trunk_room=1_000_000,
            trunk_binding=Binding.TRUNK_LINES,
        )
        return self.board.decide(asked).calls_to_place


def measure(agents: int, decisions: int) -> dict[str, Any]:
    floor = Floor(agents, seed=1)
    for _ in range(200):
        floor.step(0.1)
        floor.decide()
    wall, cpu = [], []
    for _ in range(decisions):
        floor.step(0.1)  # ten decisions a second: events, and the tick
        began, used = time.perf_counter_ns(), time.process_time_ns()
        floor.decide()
        wall.append((time.perf_counter_ns() - began) / 1e6)
        cpu.append((time.process_time_ns() - used) / 1e6)
    return {
        "agents": agents,
        "in_flight": len(floor.calls),
        "decisions": decisions,
        **{
            f"{name}_p{p}_ms": round(float(np.percentile(values, p)), 3)
            for name, values in (("wall", wall), ("cpu", cpu))
            for p in (50, 99, 99.9)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--reduced", action="store_true")
    options = parser.parse_args()
    rows = [measure(agents, 500 if options.reduced else 6000) for agents in BARS_MS]
    for row in rows:
        kept = all(row[f"cpu_{name}_ms"] < bar for name, bar in BARS_MS[row["agents"]].items())
        figures = " ".join(f"{name} {value}" for name, value in row.items())
        print(f"{'kept' if kept else 'NOT KEPT'}: {figures}")
    path = report.write("pacing-cost", {"bars_ms": BARS_MS, "rows": rows}, reduced=options.reduced)
    print(path)


if __name__ == "__main__":
    main()

"""How fast virtual time runs: the production team against the simulated exchange, one process.

A predictive shift of 50 agents, persons as in Italy by day. CPU seconds for one simulated hour, how many times real time that
is, and which share of it the exchange takes (the rest is the team with its pacing, and the driver). Bar: 100 times real time.

    python -m bench.world_speed [--agents 50] [--hours 1] [--reduced]
"""

import argparse
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from bench import report
from dialer.campaign import PacingMode
from dialer.commands import BridgeToAgent, PlaceCall
from dialer.events import Event
from dialer.simulator.virtual import VirtualExchange
from tests.support.shift import START, Shift

BAR = 100.0
WARM_UP = timedelta(minutes=5)
"""Of the simulated shift, not counted: the agents' arrival, and what is computed once."""


class Stopwatch:
    """CPU seconds spent in the exchange."""

    def __init__(self, exchange: VirtualExchange) -> None:
        self._exchange, self.seconds = exchange, 0.0

    @property
    def now(self) -> datetime:
        return self._exchange.now

    def next_at(self) -> datetime | None:
        began = time.process_time()
        due = self._exchange.next_at()
        self.seconds += time.process_time() - began
        return due

    def advance_to(self, instant: datetime) -> list[Event]:
        began = time.process_time()
        events = self._exchange.advance_to(instant)
        self.seconds += time.process_time() - began
        return events

    def take(self) -> list[Event]:
        return self._exchange.take()

    def place(self, call: PlaceCall) -> None:
        began = time.process_time()
        self._exchange.place(call)
        self.seconds += time.process_time() - began

    def bridge(self, order: BridgeToAgent) -> None:
        self._exchange.bridge(order)

    def hang_up(self, channel: str) -> None:
        self._exchange.hang_up(channel)


def measure(agents: int, hours: float, seed: int, *, timed: bool) -> dict[str, Any]:
    """One shift. `timed` splits the seconds, and costs some itself."""
    shift = Shift(PacingMode.PREDICTIVE, agents=agents, seed=seed)
    shift.until(START + WARM_UP)
    watch = Stopwatch(shift.exchange)
    if timed:
        shift.driver.exchange = watch  # type: ignore[assignment]
    began = time.process_time()
    shift.until(START + WARM_UP + timedelta(hours=hours))
    seconds = time.process_time() - began
    return {
        "cpu_seconds_per_hour": seconds / hours,
        "times_real_time": 3600 * hours / seconds,
        "exchange_share": watch.seconds / seconds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--reduced", action="store_true", help="six simulated minutes")
    options = parser.parse_args()
    hours = 0.1 if options.reduced else options.hours
    plain = measure(options.agents, hours, 1, timed=False)
    split = measure(options.agents, hours, 1, timed=True)
    figures = {
        "agents": options.agents,
        "hours": hours,
        "cpu_seconds_per_hour": round(plain["cpu_seconds_per_hour"], 2),
        "times_real_time": round(plain["times_real_time"]),
        "exchange_share": round(split["exchange_share"], 3),
        "bar_times_real_time": BAR,
        "ok": plain["times_real_time"] >= BAR,
    }
    for name, value in figures.items():
        print(f"{name:22} {value}")
    print(report.write("world_speed", figures, reduced=options.reduced))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

"""The soak's telephone exchange, a process of its own: the simulated AMI server, and a ledger of what it was asked.

Answers one line of JSON to each line of its input: `sample`, `ids` (every call ever asked for), `stop`.

    python -m bench.soak_exchange PLAN.json
"""

import asyncio
import sys
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.soak_plan import Plan, scenario_of
from bench.soak_talk import answer_lines
from dialer.adapters.system_clock import SystemClock
from dialer.ports import Clock
from dialer.simulator.ami_actions import order_of
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.ami_session import Action, Session
from dialer.simulator.switch import Channel


class Ledger:
    """What the exchange was asked to dial. Pure: told of each order, with the calls that were up just before."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}
        self.repeated = 0  # an id that was asked for before
        self.same_number = 0  # a number that had a call up
        self.peak_calls = 0
        self.peak_second = 0  # the most orders in any second
        self._latest: deque[float] = deque()

    def ordered(self, call_id: str, number: str, up: Iterable[str], at: float) -> None:
        """`up`: the numbers of the calls that are up. `at`: seconds."""
        numbers = list(up)
        self.repeated += call_id in self.ids
        self.ids[call_id] = None
        self.same_number += number in numbers
        self.peak_calls = max(self.peak_calls, len(numbers) + 1)
        self._latest.append(at)
        while at - self._latest[0] >= 1.0:
            self._latest.popleft()
        self.peak_second = max(self.peak_second, len(self._latest))


class CountingExchange(SimulatedExchange):
    """The simulated exchange, with its ledger."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        super().__init__(scenario_of(plan), clock=clock, seed=plan.seed)
        self.ledger = Ledger()

    def act(self, session: Session, action: Action) -> None:
        if session.logged_in and action.name.lower() == "originate":
            self.advance()  # the calls that are up at this very instant
            order = order_of(action, "unnamed")
            numbers = [each.order.number for each in self.world.channels() if each.order]
            now = asyncio.get_running_loop().time()
            self.ledger.ordered(order.unique_id, order.number, numbers, now)
        super().act(session, action)

    def sample(self) -> dict[str, Any]:
        self.advance()
        channels = list(self.world.channels())
        return {
            "originates": len(self.ledger.ids) + self.ledger.repeated,
            "repeated": self.ledger.repeated,
            "same_number": self.ledger.same_number,
            "peak_calls": self.ledger.peak_calls,
            "peak_second": self.ledger.peak_second,
            "calls": [each.unique_id for each in channels if each.order is not None],
            "agents": sum(bool(each.agent) for each in channels),
            "agents_with_two": with_two(channels),
        }


def with_two(channels: Iterable[Channel]) -> int:
    """Agents who are in a talk with more than one call, as the calls tell it."""
    talks = Counter(
        each.talk.other(each).agent
        for each in channels
        if each.order is not None and each.talk is not None
    )
    return sum(count > 1 for count in talks.values())


async def run(plan: Plan) -> None:
    async with CountingExchange(plan, SystemClock()) as exchange:
        print(f'{{"port": {exchange.port}}}', flush=True)
        async for word, answer in answer_lines():
            match word:
                case "sample":
                    answer(exchange.sample())
                case "ids":
                    answer({"ids": list(exchange.ledger.ids)})
                case _:
                    return


if __name__ == "__main__":
    asyncio.run(run(Plan.read(Path(sys.argv[1]))))

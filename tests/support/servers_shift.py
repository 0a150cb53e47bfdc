"""A shift whose agents are on several Asterisk servers: one team, one campaign, one abandon budget.

.venv/bin/python -m tests.support.servers_shift     # two hours each of 1 x 30, 2 x 15 and 3 x 10 agents; three minutes
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dialer.campaign import PacingMode
from dialer.commands import BridgeToAgent, PlaceCall
from dialer.events import Event
from dialer.ids import AgentId, NodeId
from dialer.simulator.scenario import ITALY
from dialer.simulator.virtual import VirtualExchange
from tests.support.shift import START, Shift, ShiftResult


class Exchanges:
    """Several, as a Shift sees one: each command goes to the server that it names."""

    def __init__(self, by_node: Mapping[NodeId, VirtualExchange]) -> None:
        self.by_node = by_node

    @property
    def now(self) -> datetime:
        return max(each.now for each in self.by_node.values())

    def next_at(self) -> datetime | None:
        due = (each.next_at() for each in self.by_node.values())
        return min((at for at in due if at is not None), default=None)

    def advance_to(self, instant: datetime) -> list[Event]:
        told = [event for each in self.by_node.values() for event in each.advance_to(instant)]
        return sorted(told, key=lambda event: event.at)

    def take(self) -> list[Event]:
        return [event for each in self.by_node.values() for event in each.take()]

    def place(self, call: PlaceCall) -> None:
        self.by_node[call.node].place(call)

    def bridge(self, order: BridgeToAgent) -> None:
        self.by_node[order.node].bridge(order)

    def hang_up(self, channel: str) -> None:
        for each in self.by_node.values():
            each.hang_up(channel)


def run(servers: int, *, agents_each: int, seed: int, hours: float) -> ShiftResult:
    """A predictive shift from an empty abandon budget."""
    nodes = [NodeId(f"server-{number}") for number in range(servers)]
    codes = [str(ITALY.first_code + 1000 * number) for number in range(servers)]
    exchanges: dict[NodeId, VirtualExchange] = {}
    for number, (node, first) in enumerate(zip(nodes, codes, strict=True)):
        scenario = replace(ITALY, agents=agents_each, first_code=int(first))
        exchanges[node] = VirtualExchange(scenario, seed=10 * seed + number, start=START, node=node)
    shift = Shift(
        PacingMode.PREDICTIVE,
        agents=servers * agents_each,
        seed=seed,
        nodes=nodes,
        exchange=Exchanges(exchanges),  # type: ignore[arg-type]
    )
    shift.team.agents.clear()
    for first in codes:
        for index in range(agents_each):
            shift.team.add_agent(AgentId(str(int(first) + index)), "")
    return shift.work(hours)


def main() -> None:
    for servers, agents in ((1, 30), (2, 15), (3, 10)):
        for seed in (1, 2, 3):
            result = run(servers, agents_each=agents, seed=seed, hours=2.0)
            print(
                f"{servers} x {agents} agents, seed {seed}: talk {result.talk_share:.1%}, "
                f"abandoned {result.abandon_ratio:.2%} of {result.answered} (limit {result.limit:.0%})"
            )


if __name__ == "__main__":
    main()

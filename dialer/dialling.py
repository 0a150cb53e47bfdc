"""A team's turn to dial: for each campaign and Asterisk server the decision, the leads it takes, the trunks they leave by.

Works on what the team owns (its campaigns, calls, leads); nothing is remembered here.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer import pacing, pacing_feed
from dialer.agents import Agent
from dialer.calls import Call
from dialer.campaign_run import PASSED_OVER, CampaignRun, HopperLead
from dialer.commands import Command, StartTimer
from dialer.ids import CallId, CampaignId, NodeId, TrunkId
from dialer.nodes import Nodes
from dialer.pacing_board import PacingBoard
from dialer.trunk_board import NoTrunk, TrunkBoard
from dialer.trunks import Trunk

GUARD = timedelta(seconds=15)
"""This long after its ring time-out a call that nobody answered must have told its end; else we look on the exchange."""


@dataclass
class Dialling:
    """`calls` and `leads` gain what is dialled. Owned by one Team."""

    runs: dict[CampaignId, CampaignRun]
    calls: dict[CallId, Call]
    leads: dict[CallId, HopperLead]
    nodes: Nodes
    trunks: TrunkBoard
    board: PacingBoard
    new_call_id: Callable[[datetime], CallId]

    def pace(self, agents: Collection[Agent], now: datetime) -> list[Command]:
        """Campaigns share the team's agents evenly: the one that has fewest of them is asked first."""
        commands: list[Command] = []
        staffed = sum(agent.is_staffed and self.nodes.is_up(agent.node) for agent in agents)
        taken = Counter(call.order.trunk for call in self.calls.values())
        self._count_lines(now)
        running = [run for run in self.runs.values() if run.running]
        for run in sorted(running, key=lambda run: self.board.at_work(run.policy.campaign_id)):
            commands += run.refill(staffed, now)
            commands += self._pace_run(run, taken, now)
        return commands

    def _pace_run(self, run: CampaignRun, taken: Counter[TrunkId], now: datetime) -> list[Command]:
        commands: list[Command] = []
        kept = run.decisions
        run.decisions = {}
        for node in self.nodes.neediest_first(self.board.free_less_calls):
            if node in kept and run.rate_tokens(now) < 1:  # whatever is decided, none may leave now
                run.decisions[node] = kept[node]
                continue
            decision = run.decisions[node] = self._decide(run, node, taken, now)
            commands += self._place(run, decision.calls_to_place, taken, node, now)
        return commands

    def _decide(
        self, run: CampaignRun, node: NodeId, taken: Counter[TrunkId], now: datetime
    ) -> pacing.PacingDecision:
        room = self.trunks.room([t for t in run.trunks if t.is_on(node)], taken, now)
        snapshot = pacing_feed.snapshot(self.board, run, node, room, now)
        return pacing.decide(snapshot, pacing_feed.policy_of(run))

    def _count_lines(self, now: datetime) -> None:
        """Calls of each campaign that hold a line."""
        held = Counter(
            call.order.campaign_id
            for call in self.calls.values()
            if self.nodes.holds_lines(call.order.node, now)
        )
        for campaign_id, run in self.runs.items():
            run.lines_in_use = held[campaign_id]

    def _place(
        self, run: CampaignRun, count: int, taken: Counter[TrunkId], node: NodeId, now: datetime
    ) -> list[Command]:
        commands: list[Command] = []
        passed_over: list[tuple[HopperLead, NoTrunk]] = []
        placed = 0
        while placed < count and run.hopper and len(passed_over) < PASSED_OVER:
            entry = run.hopper.popleft()
            lead = entry.lead
            refusal = run.refusal(lead, now)
            if refusal is not None:
                commands.append(refusal)
                continue
            trunk = self.trunks.choose(
                run.trunks, lead.phone, taken=taken, now=now, lead_id=lead.lead_id, node=node
            )
            if isinstance(trunk, NoTrunk):
                passed_over.append((entry, trunk))
                continue
            commands += self._dial(run, entry, trunk, node, now)
            taken[trunk.trunk_id] += 1
            placed += 1
        return commands + run.pass_over(passed_over, now)

    def _dial(
        self, run: CampaignRun, entry: HopperLead, trunk: Trunk, node: NodeId, now: datetime
    ) -> list[Command]:
        order = run.order(entry.lead, trunk, self.new_call_id(now), now, node)
        call = self.calls[order.call_id] = Call(order=order)
        self.leads[order.call_id] = entry
        pacing_feed.placed(self.board, call, entry.lead)
        self.trunks.placed(trunk, order.call_id, now)
        run.lines_in_use += 1
        run.tokens -= 1
        run.budget.begin(now)
        due = now + order.ring_timeout + GUARD
        return [order, StartTimer(key=f"guard:{order.call_id}", due_at=due)]

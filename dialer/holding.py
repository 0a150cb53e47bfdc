"""Agents held for one call each, before it is placed: nobody else is given to them until that call has ended.

Theory of operation. The hold is the agent's own state: phase RESERVED with the id of the call; the call names its agent. Such
a call is none of the calls in flight that the pacing board knows, and its agent none of the free ones: whoever answers has an
agent, so there is nothing to pace. A call that loses its agent (the phone was dropped) goes on as any other, and the next agent
who is free on its server is held for it. When the process dies, holds die with it; the calls are found again and go on as any
other.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer import agents as agent_rules
from dialer import pacing_feed
from dialer.agents import Agent, AgentPhase
from dialer.calls import UNANSWERED, Call, CallState
from dialer.events import AgentReleased, AgentReserved, CallEvent, Event
from dialer.ids import AgentId, CallId, CampaignId, NodeId
from dialer.nodes import Nodes
from dialer.pacing_board import PacingBoard

GUARD = timedelta(seconds=15)
"""This long after its ring time-out a call that nobody answered must have told its end; else we look on the exchange, and its
agent, if one was held, is free again."""


@dataclass
class Holding:
    """Works on what the team owns; nothing is remembered here."""

    agents: dict[AgentId, Agent]
    calls: dict[CallId, Call]
    nodes: Nodes
    board: PacingBoard

    def free(self, node: NodeId, now: datetime) -> list[Agent]:
        """Agents of one server who can be held: longest idle first, less those whom waiting persons will get."""
        found = [
            agent
            for agent in self.agents.values()
            if agent.is_free and agent.node == node and agent.is_counted_on(now)
        ]
        if not found:
            return []
        found.sort(key=lambda agent: (agent.phase_since or now, agent.agent_id))
        waiting = sum(
            call.state is CallState.WAITING and call.order.node == node
            for call in self.calls.values()
        )
        return found[: max(len(found) - waiting, 0)]

    def held(self, campaign_id: CampaignId, node: NodeId) -> int:
        """Agents who are held for calls of the campaign that nobody has answered yet."""
        return sum(
            call.agent_id is not None
            and call.state in UNANSWERED
            and (call.order.campaign_id, call.order.node) == (campaign_id, node)
            for call in self.calls.values()
        )

    def hold(self, call: Call, agent_id: AgentId, now: datetime) -> None:
        """`agent_id`, who is free, for this call, which nobody has answered. The call is the team's from now on."""
        order = call.order
        event = AgentReserved(agent_id=agent_id, call_id=order.call_id, at=now)
        agent = agent_rules.apply(self.agents[agent_id], event)
        self.agents[agent_id] = agent
        self.calls[order.call_id] = replace(call, agent_id=agent_id)
        self.board.unplaced(order.call_id)
        pacing_feed.agent(self.board, agent, order.campaign_id, now)

    def release(self, call: Call, now: datetime) -> None:
        """The call rang for too long: its agent is free, and it goes on as any other."""
        agent = self.agents.get(call.agent_id) if call.agent_id else None
        self.lose(call, now)
        if agent is not None and _is_held_for(agent, call):
            event = AgentReleased(agent_id=agent.agent_id, at=now)
            released = self.agents[agent.agent_id] = agent_rules.apply(agent, event)
            pacing_feed.agent(self.board, released, None, now)

    def lose(self, call: Call, now: datetime) -> None:
        """Nobody is held for the call any more: from now on it competes with the others for whoever is free."""
        if call.agent_id is None or call.state not in (*UNANSWERED, CallState.WAITING):
            return
        lost = self.calls[call.order.call_id] = replace(call, agent_id=None)
        if not self.board.knows(call.order.call_id):
            pacing_feed.adopted(self.board, lost, now)

    def follow(self, before: Agent, after: Agent, event: Event) -> None:
        """Something happened to an agent. Where that ended a hold, and it was not its call that told, the call has nobody."""
        held = before.phase is AgentPhase.RESERVED and after.call_id != before.call_id
        call = self.calls.get(before.call_id) if held and before.call_id else None
        its_own = isinstance(event, CallEvent) and event.call_id == before.call_id
        if call is not None and call.agent_id == before.agent_id and not its_own:
            self.lose(call, event.at)

    def take_up(self, now: datetime) -> None:
        """Calls that have lost their agents get others, as far as agents are free."""
        for call in list(self.calls.values()):
            order = call.order
            young = now < order.at + order.ring_timeout + GUARD
            lost = order.agent_id is not None and call.agent_id is None
            if lost and young and call.state in UNANSWERED and self.nodes.is_up(order.node):
                free = self.free(order.node, now)
                if free:
                    self.hold(call, free[0].agent_id, now)


def _is_held_for(agent: Agent, call: Call) -> bool:
    return agent.phase is AgentPhase.RESERVED and agent.call_id == call.order.call_id

"""What queue.match reads, gathered from a team's agents and calls: only of servers that are up."""

from collections.abc import Mapping
from datetime import datetime

from dialer.agents import Agent
from dialer.calls import Call, CallState
from dialer.ids import AgentId, CallId
from dialer.nodes import Nodes
from dialer.queue import FreeAgent, Waiting


def waiting(calls: Mapping[CallId, Call], nodes: Nodes) -> list[Waiting]:
    """People who can be bridged."""
    return [
        Waiting(
            call_id=call_id,
            since=call.answered_at,
            limit_at=call.limit_at,
            node=call.order.node,
            agent_id=call.agent_id,
        )
        for call_id, call in calls.items()
        if call.state is CallState.WAITING
        and call.answered_at
        and call.limit_at
        and nodes.is_up(call.order.node)
    ]


def free(agents: Mapping[AgentId, Agent], nodes: Nodes, now: datetime) -> list[FreeAgent]:
    """Agents who can be given a person."""
    return [
        FreeAgent(agent_id=agent.agent_id, idle_since=agent.phase_since or now, node=agent.node)
        for agent in agents.values()
        if agent.is_free and agent.node is not None and nodes.is_up(agent.node)
    ]

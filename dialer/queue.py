"""CallQueue: people who answered and wait, matched with free agents.

The person who has waited longest goes to the agent who has been idle longest. A person too near the limit is left to the
dialplan: a Bridge sent in the last instants could meet the limit half-way. Both are on one server: legs of two servers cannot
be joined. A person for whom an agent is held goes to that agent, and the agent to nobody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.ids import ONLY_NODE, AgentId, CallId, NodeId

BRIDGE_GUARD = timedelta(milliseconds=30)
"""No join is asked for later than this before the limit. The dialplan decides the race by itself and joins nobody after the
limit; the guard only spares an agent the reservation for a join that can hardly come in time (1 to 13 ms, p99, when busy)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    call_id: CallId
    since: datetime  # answered
    limit_at: datetime
    node: NodeId = ONLY_NODE
    agent_id: AgentId | None = None  # who is held for this person, and not in `free`


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeAgent:
    agent_id: AgentId
    idle_since: datetime
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    call_id: CallId
    agent_id: AgentId


def match(
    waiting: list[Waiting],
    free: list[FreeAgent],
    now: datetime,
    failed: frozenset[tuple[CallId, AgentId]] = frozenset(),
) -> list[Match]:
    """Pair people with agents of the same server: with the agent who is held, else longest wait with longest idle.

    People nearer to their limit than BRIDGE_GUARD are left out; a pair in `failed` is not made again.
    """
    people = sorted(
        (person for person in waiting if person.limit_at - now > BRIDGE_GUARD),
        key=lambda person: (person.since, person.call_id),
    )
    agents = sorted(free, key=lambda agent: (agent.idle_since, agent.agent_id))
    matches = [
        Match(call_id=person.call_id, agent_id=person.agent_id)
        for person in people
        if person.agent_id is not None
    ]
    for person in people:
        if person.agent_id is not None:
            continue
        for agent in agents:
            if agent.node == person.node and (person.call_id, agent.agent_id) not in failed:
                agents.remove(agent)
                matches.append(Match(call_id=person.call_id, agent_id=agent.agent_id))
                break
    return matches

"""What pacing.decide reads, gathered from a team's campaigns, agents and calls, for one Asterisk server.

Theory of operation. Who is free, who waits and what is in flight is counted on the one server: only its agents can take its
calls. What is learnt, the lines, the calls-per-second limit and the abandon budget are the campaign's, over all servers: the law
knows one ratio, so the risk in flight on every server counts against it. On a server that is away nobody can be joined to an
agent: whoever waits there, and whoever answers of the calls that it had in flight, counts as abandoned until it is known better.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from dialer.agents import Agent, AgentPhase
from dialer.calls import UNANSWERED, Call, CallState
from dialer.campaign_run import CampaignRun
from dialer.ids import CampaignId, NodeId
from dialer.nodes import Nodes
from dialer.pacing import Binding, CallGroup, PacingPolicy, PacingSnapshot
from dialer.trunk_board import Room, Shortage

_BINDING = {
    None: Binding.TRUNK_LINES,
    Shortage.TRUNKS_FULL: Binding.TRUNK_LINES,
    Shortage.TRUNK_RATE: Binding.TRUNK_RATE,
    Shortage.TRUNKS_DOWN: Binding.TRUNKS_DOWN,
    Shortage.NO_TRUNK_SERVES: Binding.TRUNK_LINES,
    Shortage.TRUNK_ELSEWHERE: Binding.TRUNK_LINES,
}


def of(
    run: CampaignRun,
    runs: Iterable[CampaignRun],
    agents: Iterable[Agent],
    calls: Collection[Call],
    room: Room,
    now: datetime,
    *,
    nodes: Nodes,
    node: NodeId,
) -> PacingSnapshot:
    """The snapshot for one campaign on `node`; the calls of all campaigns of the team compete for its agents."""
    everybody = [agent for agent in agents if agent.is_staffed]
    staffed = [agent for agent in everybody if agent.node == node]
    talking_anywhere = [_age(a, now) for a in everybody if a.phase is AgentPhase.TALKING]
    groups = {each.policy.campaign_id: _groups(each, calls, nodes, now) for each in runs}
    expected, doomed = _answers_to_come(groups.values(), calls, nodes)
    campaign_id = run.policy.campaign_id
    return PacingSnapshot(
        idle=sum(agent.is_free for agent in staffed),
        waiting=_waiting(calls, node),
        reserved=sum(agent.phase is AgentPhase.RESERVED for agent in staffed),
        talking=tuple(_age(a, now) for a in staffed if a.phase is AgentPhase.TALKING),
        wrapping=tuple(_wrap_left(a, now) for a in staffed if a.phase is AgentPhase.WRAP_UP),
        in_flight=tuple(group[node] for group in groups.values() if node in group),
        answers=run.answers.table((), now),
        release=run.talks.table(talking_anywhere, now),
        own_in_flight=_lines_in_use(campaign_id, calls, nodes, now),
        rate_tokens=run.rate_tokens(now),
        theta=run.budget.theta,
        braked=run.budget.braked(expected, now, doomed),
        over_limit=run.budget.over_limit,
        trunk_room=room.calls,
        trunk_binding=_BINDING[room.shortage],
    )


def policy_of(run: CampaignRun) -> PacingPolicy:
    return PacingPolicy(
        mode=run.policy.mode,
        dial_ratio=run.policy.dial_ratio,
        lines=run.policy.lines,
        wrap_up_seconds=run.policy.wrap_up.total_seconds(),
    )


def _groups(
    run: CampaignRun, calls: Iterable[Call], nodes: Nodes, now: datetime
) -> dict[NodeId, CallGroup]:
    """The campaign's calls in flight, by server. Ages stand still from when a server was lost."""
    ages: dict[NodeId, list[float]] = {}
    for call in calls:
        order = call.order
        if call.state in UNANSWERED and order.campaign_id == run.policy.campaign_id:
            age = (nodes.seen_until(order.node, now) - order.at).total_seconds()
            ages.setdefault(order.node, []).append(age)
    table = run.answers.table([age for each in ages.values() for age in each], now)
    return {node: CallGroup(table=table, ages=tuple(each)) for node, each in ages.items()}


def _answers_to_come(
    groups: Iterable[Mapping[NodeId, CallGroup]], calls: Iterable[Call], nodes: Nodes
) -> tuple[float, float]:
    """(people whom an agent may still reach, people whom none can): who waits now, and who is likely to answer."""
    hoped = {True: 0.0, False: 0.0}
    for by_node in groups:
        for node, group in by_node.items():
            hoped[nodes.is_up(node)] += float(group.table.rows(group.ages)[:, -1].sum())
    for call in calls:
        if call.state is CallState.WAITING:
            hoped[nodes.is_up(call.order.node)] += 1.0
    return hoped[True], hoped[False]


def _waiting(calls: Iterable[Call], node: NodeId) -> int:
    return sum(call.state is CallState.WAITING and call.order.node == node for call in calls)


def _lines_in_use(
    campaign_id: CampaignId, calls: Iterable[Call], nodes: Nodes, now: datetime
) -> int:
    return sum(
        call.order.campaign_id == campaign_id and nodes.holds_lines(call.order.node, now)
        for call in calls
    )


def _age(agent: Agent, now: datetime) -> float:
    return (now - agent.phase_since).total_seconds() if agent.phase_since else 0.0


def _wrap_left(agent: Agent, now: datetime) -> float:
    return max((agent.wrap_until - now).total_seconds(), 0.0) if agent.wrap_until else 0.0

"""What pacing.decide reads, gathered from a team's campaigns, agents and calls."""

from collections.abc import Collection, Iterable
from datetime import datetime

from dialer.agents import Agent, AgentPhase
from dialer.calls import UNANSWERED, Call, CallState
from dialer.campaign_run import CampaignRun
from dialer.ids import CampaignId
from dialer.pacing import Binding, CallGroup, PacingPolicy, PacingSnapshot
from dialer.trunk_board import Room, Shortage

_BINDING = {
    None: Binding.TRUNK_LINES,
    Shortage.TRUNKS_FULL: Binding.TRUNK_LINES,
    Shortage.TRUNK_RATE: Binding.TRUNK_RATE,
    Shortage.TRUNKS_DOWN: Binding.TRUNKS_DOWN,
    Shortage.NO_TRUNK_SERVES: Binding.TRUNK_LINES,
}


def of(
    run: CampaignRun,
    runs: Iterable[CampaignRun],
    agents: Iterable[Agent],
    calls: Collection[Call],
    room: Room,
    now: datetime,
) -> PacingSnapshot:
    """The snapshot for one campaign; the calls of all campaigns of the team compete for its agents."""
    staffed = [agent for agent in agents if agent.is_staffed]
    groups = {each.policy.campaign_id: _group(each, calls, now) for each in runs}
    expected = sum(
        float(group.table.rows(group.ages)[:, -1].sum()) for group in groups.values() if group.ages
    )
    talking = tuple(_age(a, now) for a in staffed if a.phase is AgentPhase.TALKING)
    waiting = sum(call.state is CallState.WAITING for call in calls)
    campaign_id = run.policy.campaign_id
    return PacingSnapshot(
        idle=sum(agent.is_free for agent in staffed),
        waiting=waiting,
        reserved=sum(agent.phase is AgentPhase.RESERVED for agent in staffed),
        talking=talking,
        wrapping=tuple(_wrap_left(a, now) for a in staffed if a.phase is AgentPhase.WRAP_UP),
        in_flight=tuple(groups.values()),
        answers=groups[campaign_id].table,
        release=run.talks.table(talking, now),
        own_in_flight=sum(call.order.campaign_id == campaign_id for call in calls),
        rate_tokens=run.rate_tokens(now),
        theta=run.budget.theta,
        braked=run.budget.braked(expected + waiting, now),
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


def _group(run: CampaignRun, calls: Iterable[Call], now: datetime) -> CallGroup:
    ages = _ages(run.policy.campaign_id, calls, now)
    return CallGroup(table=run.answers.table(ages, now), ages=tuple(ages))


def _ages(campaign_id: CampaignId, calls: Iterable[Call], now: datetime) -> list[float]:
    return [
        (now - call.order.at).total_seconds()
        for call in calls
        if call.state in UNANSWERED and call.order.campaign_id == campaign_id
    ]


def _age(agent: Agent, now: datetime) -> float:
    return (now - agent.phase_since).total_seconds() if agent.phase_since else 0.0


def _wrap_left(agent: Agent, now: datetime) -> float:
    return max((agent.wrap_until - now).total_seconds(), 0.0) if agent.wrap_until else 0.0

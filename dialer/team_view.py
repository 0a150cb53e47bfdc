"""A frozen picture of a team at one instant, for whoever looks from outside."""

from collections import Counter
from datetime import datetime

from dialer.agents import Agent, AgentStatus
from dialer.calls import UNANSWERED, Call, CallState
from dialer.campaign_run import CampaignRun
from dialer.team import Team
from dialer.views import AgentView, CampaignView, NodeView, TeamView
from dialer.why import explain


def view(team: Team, now: datetime) -> TeamView:
    unanswered = sum(call.state in UNANSWERED for call in team.calls.values())
    up = [agent for agent in team.agents.values() if team.nodes.is_up(agent.node)]
    free = sum(agent.is_free for agent in up)
    return TeamView(
        team_id=team.team_id,
        at=now,
        telephony_up=bool(team.nodes.up),
        nodes=_nodes(team),
        store_up=team.store_up,
        draining=team.draining,
        agents=tuple(agent_view(agent) for agent in team.agents.values()),
        calls=dict(Counter(call.state for call in team.calls.values())),
        campaigns=tuple(_campaign(team, run, now) for run in team.runs.values()),
        lines_per_free_agent=unanswered / free if free else None,
        talk_share=team.time.talk_share,
        answered_to_bridged_ms=tuple(team.connect_times),
    )


def _nodes(team: Team) -> tuple[NodeView, ...]:
    agents = Counter(agent.node for agent in team.agents.values())
    calls = Counter(call.order.node for call in team.calls.values())
    away = team.nodes.away
    return tuple(
        NodeView(
            node=node,
            up=node not in away,
            reason=away.get(node, ""),
            agents=agents[node],
            calls=calls[node],
        )
        for node in team.nodes
    )


def at_rest(team: Team) -> bool:
    """Another server could run the team from here and nobody would notice: no call is up, and every agent is logged out or
    free, which is what the exchange tells about them too."""
    agents = team.agents.values()
    out = AgentStatus.LOGGED_OUT
    return not team.calls and all(agent.status is out or agent.is_free for agent in agents)


def agent_view(agent: Agent) -> AgentView:
    return AgentView(
        agent_id=agent.agent_id,
        name=agent.name,
        status=agent.status,
        phase=agent.phase,
        since=agent.phase_since,
        pause_code=agent.pause_code,
        call_id=agent.call_id,
        node=agent.node,
        lead_id=agent.lead_id,
        offer_until=agent.offer_until,
        shift_ends_at=agent.shift_ends_at,
    )


def _campaign(team: Team, run: CampaignRun, now: datetime) -> CampaignView:
    own: list[Call] = [
        call for call in team.calls.values() if call.order.campaign_id == run.policy.campaign_id
    ]
    count, _ = run.budget.nearest()
    ratio, limit = run.budget.worst()
    down = sum(team.trunks.of(trunk.trunk_id).is_down for trunk in run.trunks)
    return CampaignView(
        campaign_id=run.policy.campaign_id,
        name=run.policy.name,
        state=run.campaign.state,
        mode=run.policy.mode,
        dialing=sum(call.state in UNANSWERED for call in own),
        waiting=sum(call.state is CallState.WAITING for call in own),
        talking=sum(call.state is CallState.TALKING for call in own),
        hopper=len(run.hopper) + len(run.guaranteed),
        answered=count.answered,
        abandoned=count.abandoned,
        abandon_ratio=ratio,
        abandon_limit=limit,
        theta=run.budget.theta,
        braked=run.braked,
        decision=run.decision,
        outcomes=dict(run.outcomes),
        why=explain(team, run, now),
        windows=run.budget.windows(now),
        trunks_up=len(run.trunks) - down,
        trunks_down=down,
    )

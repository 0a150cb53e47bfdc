"""A frozen picture of a team at one instant, for whoever looks from outside."""

from collections import Counter
from datetime import datetime

from dialer.agents import Agent
from dialer.calls import UNANSWERED, Call, CallState
from dialer.campaign_run import CampaignRun
from dialer.team import Team
from dialer.views import AgentView, CampaignView, TeamView
from dialer.why import explain


def view(team: Team, now: datetime) -> TeamView:
    unanswered = sum(call.state in UNANSWERED for call in team.calls.values())
    free = sum(agent.is_free for agent in team.agents.values())
    staffed = team.staffed_seconds
    return TeamView(
        team_id=team.team_id,
        at=now,
        telephony_up=team.telephony_up,
        store_up=team.store_up,
        draining=team.draining,
        agents=tuple(_agent(agent) for agent in team.agents.values()),
        calls=dict(Counter(call.state for call in team.calls.values())),
        campaigns=tuple(_campaign(team, run, now) for run in team.runs.values()),
        lines_per_free_agent=unanswered / free if free else None,
        talk_share=team.talk_seconds / staffed if staffed else None,
        answered_to_bridged_ms=tuple(team.connect_times),
    )


def _agent(agent: Agent) -> AgentView:
    return AgentView(
        agent_id=agent.agent_id,
        name=agent.name,
        status=agent.status,
        phase=agent.phase,
        since=agent.phase_since,
        pause_code=agent.pause_code,
        call_id=agent.call_id,
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
        hopper=len(run.hopper),
        answered=count.answered,
        abandoned=count.abandoned,
        abandon_ratio=ratio,
        abandon_limit=limit,
        theta=run.budget.theta,
        braked=run.budget.braked(0.0, now),
        decision=run.decision,
        outcomes=dict(run.outcomes),
        why=explain(team, run, now),
        trunks_up=len(run.trunks) - down,
        trunks_down=down,
    )

"""A team's wall clock was put forward or back: all that the team remembers stays as old as it was (see clock_step)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from dialer.agent_time import AgentTime
from dialer.agents import Agent
from dialer.calls import Call
from dialer.campaign_run import CampaignRun, HopperLead
from dialer.clock_step import moved
from dialer.ids import AgentId, CallId
from dialer.nodes import Nodes
from dialer.trunk_board import TrunkBoard


def step(
    by: timedelta,
    calls: dict[CallId, Call],
    leads: dict[CallId, HopperLead],
    agents: dict[AgentId, Agent],
    runs: Iterable[CampaignRun],
    *others: TrunkBoard | Nodes | AgentTime,
) -> None:
    """Move every instant of these by `by`, in place."""
    for call_id, call in calls.items():
        calls[call_id] = replace(moved(call, by), order=moved(call.order, by))
    for call_id, lead in leads.items():
        leads[call_id] = moved(lead, by)
    for agent_id, agent in agents.items():
        agents[agent_id] = replace(
            moved(agent, by), shift_ends_at=agent.shift_ends_at
        )  # by the clock
    for run in runs:
        run.clock_stepped(by)
    for other in others:
        other.clock_stepped(by)

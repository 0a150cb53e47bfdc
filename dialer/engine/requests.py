"""What people ask of a team, where the team runs: checked against the present state, then posted to its runner."""

from dialer import agents as agent_rules
from dialer.agents import Agent
from dialer.calls import Call
from dialer.campaign_run import HOPPER_LEASE
from dialer.engine.facts import with_facts
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.errors import ConflictError, NotFoundError
from dialer.events import CallRequested, LeadTaken
from dialer.ids import CallId
from dialer.leads import Lead
from dialer.live_ports import AgentRequest, Done
from dialer.ports import Stores
from dialer.team_view import agent_view
from dialer.views import CallView


def tell_agent(switchboard: Switchboard, event: AgentRequest) -> Done:
    """The agent as it is at this instant; the team applies the event in its turn. Raises NotFoundError, and
    IllegalTransitionError when the agent's present state does not take the event."""
    runner = switchboard.runner_of_agent(event.agent_id)
    agent = runner.team.agents[event.agent_id]
    agent_rules.apply(agent, event)
    runner.post(event)
    return done(runner, agent)


async def request_call(switchboard: Switchboard, stores: Stores, event: CallRequested) -> Done:
    """Reserve the lead for the agent's team, which then holds the agent and calls. Raises NotFoundError, and ConflictError
    with a word of what is against it."""
    runner = switchboard.runner_of_agent(event.agent_id)
    agent = runner.team.agents[event.agent_id]
    _agree(runner, event, await stores.leads.get(event.lead_id))
    lead = await stores.leads.reserve(
        event.lead_id, owner=runner.owner, lease=HOPPER_LEASE, at=event.at
    )
    if lead is None:
        raise ConflictError(
            "lead_not_to_be_had: being called, over, on the do-not-call list or another team's"
        )
    campaign = await stores.campaigns.get(lead.campaign_id)
    (lead,) = await with_facts(stores, [lead], campaign.policy.client_id, event.at)
    runner.post(LeadTaken(agent_id=event.agent_id, lead=lead, at=event.at))
    return done(runner, agent)


def _agree(runner: TeamRunner, event: CallRequested, lead: Lead) -> None:
    refusal = runner.team.refusal_for(event.agent_id, lead, event.at)
    if refusal is not None:
        raise ConflictError(refusal)


def done(runner: TeamRunner, agent: Agent) -> Done:
    return Done(team_id=runner.team.team_id, agent=agent_view(agent))


def call_up(switchboard: Switchboard, call_id: CallId) -> Call:
    """Raises NotFoundError."""
    for runner in switchboard.runners.values():
        if call_id in runner.team.calls:
            return runner.team.calls[call_id]
    raise NotFoundError("no such call is up")


def call_view(call: Call) -> CallView:
    return CallView(
        call_id=call.order.call_id,
        campaign_id=call.order.campaign_id,
        lead_id=call.order.lead_id,
        agent_id=call.agent_id,
        state=call.state,
    )

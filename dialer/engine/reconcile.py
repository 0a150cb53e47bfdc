"""What is really up on one Asterisk server, against what the team and the store believe of it: the missing events.

Run after a lost link, after a start, and when a call does not tell its end. Nothing is sent again and nothing is hung up:
only facts are told to the team. What one server says is nothing about the calls and legs of another.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.agents import Agent, AgentPhase
from dialer.calls import CallState
from dialer.events import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentReturned,
    CallAdopted,
    CallAnswered,
    CallLost,
    Event,
    OldLegFound,
)
from dialer.ids import NodeId
from dialer.ports import AgentLeg, AttemptStore, ChannelsUp, OpenAttempt, Telephony
from dialer.team import Team

SETTLING = timedelta(seconds=5)
"""A call placed less than this ago, and not heard of since, may not have become a channel yet."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: the events that bring the team in line. `unsettled`: an attempt that the team does not know was
    passed over, being younger than SETTLING by the clock (which may have been set back): look again."""

    events: list[Event]
    unsettled: bool


async def look(
    team: Team, node: NodeId, telephony: Telephony, attempts: AttemptStore, now: datetime
) -> Look:
    """Compare team and store with the server `node`. Raises TelephonyError, StoreUnavailableError.

    To be called when everything decided so far is written: an attempt that is open in the store, older than SETTLING and
    unknown to the team is then one of an earlier life of the server, or one whose writing was not confirmed. So is one
    that began in the future: the clock was put back since.
    """
    known_before = {call_id: call.state for call_id, call in team.calls.items()}
    unknown = [
        attempt
        for attempt in await attempts.still_open(list(team.runs))
        if attempt.call_id not in known_before and team.nodes.home(attempt.node) == node
    ]
    still_open = [attempt for attempt in unknown if abs(now - attempt.started_at) > SETTLING]
    young = {attempt.call_id for attempt in unknown} - {one.call_id for one in still_open}
    unsettled = not young <= team.calls.keys()
    up = await telephony.channels_up()
    events = _agents(team, node, up)
    events += _adopted(team, node, still_open, up)
    calls_up = {leg.call_id for leg in up.calls}
    # What was decided since then may not be written yet, however old the event is that brought it about.
    known = {
        call_id: team.calls[call_id].order.at
        for call_id in known_before
        if call_id in team.calls and team.calls[call_id].order.node == node
    }
    known |= {attempt.call_id: attempt.started_at for attempt in still_open}
    for call_id, placed_at in known.items():
        was_up = known_before.get(call_id, CallState.DIALING) is not CallState.DIALING
        if call_id not in calls_up and (was_up or placed_at < up.at - SETTLING):
            fate = await telephony.fate(call_id)
            events.append(CallLost(call_id=call_id, fate=fate, at=up.at))
    events += _answered(team, up)
    return Look(events, unsettled)


def _agents(team: Team, node: NodeId, up: ChannelsUp) -> list[Event]:
    legs = {leg.agent_id: leg for leg in up.agents}
    told = (
        _of_agent(team, agent, legs.get(agent.agent_id), node, up) for agent in team.agents.values()
    )
    return [event for event in told if event is not None]


def _of_agent(
    team: Team, agent: Agent, leg: AgentLeg | None, node: NodeId, up: ChannelsUp
) -> Event | None:
    """What the team does not know of the agent's leg on this server."""
    here, id = agent.node == node, agent.agent_id
    if leg is None:
        left = agent.leg_id if here else None
        return AgentLoggedOut(agent_id=id, leg_id=left, node=node, at=up.at) if left else None
    if here and leg.leg_id == agent.leg_id:
        back = leg.waiting and not agent.leg_waiting and not _talks(agent, up)
        return AgentReturned(agent_id=id, leg_id=leg.leg_id, node=node, at=up.at) if back else None
    if not here and team.nodes.is_up(agent.node):  # which would have told if that leg were gone
        return OldLegFound(agent_id=id, leg=leg.leg, node=node, at=up.at)
    return AgentLoggedIn(agent_id=id, leg=leg.leg, leg_id=leg.leg_id, node=node, at=up.at)


def _talks(agent: Agent, up: ChannelsUp) -> bool:
    """By our word, which may be newer than the list that shows the leg waiting; a call that is gone has no talk."""
    return agent.phase is AgentPhase.TALKING and any(c.call_id == agent.call_id for c in up.calls)


def _adopted(
    team: Team, node: NodeId, still_open: list[OpenAttempt], up: ChannelsUp
) -> list[Event]:
    legs = {leg.call_id: leg for leg in up.calls}
    events: list[Event] = []
    for attempt in still_open:
        if attempt.call_id in team.calls:
            continue
        leg = legs.get(attempt.call_id)
        agent_id = leg.agent_id if leg else attempt.agent_id
        answered_at = attempt.answered_at or (up.at if leg and leg.answered else None)
        talking = leg is not None and leg.agent_id is not None
        events.append(
            CallAdopted(
                call_id=attempt.call_id,
                campaign_id=attempt.campaign_id,
                lead_id=attempt.lead_id,
                trunk=attempt.trunk,
                attempts=attempt.attempts,
                started_at=attempt.started_at,
                answered_at=answered_at,
                bridged_at=attempt.bridged_at or (up.at if talking else None),
                agent_id=agent_id,
                talking=talking,
                node=node,
                at=up.at,
            )
        )
    return events


def _answered(team: Team, up: ChannelsUp) -> list[Event]:
    """Calls that were answered while nobody watched: the dialplan ends their wait by itself."""
    unanswered = (CallState.DIALING, CallState.RINGING)
    return [
        CallAnswered(call_id=leg.call_id, at=up.at)
        for leg in up.calls
        if leg.answered
        and (call := team.calls.get(leg.call_id)) is not None
        and call.state in unanswered
    ]

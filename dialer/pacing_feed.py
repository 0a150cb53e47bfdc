"""From a team's calls, agents and campaigns to the pacing board, and back: every step told once, every decision asked in full.

Theory of operation. The law knows one ratio per campaign, so the risk in flight on every server counts against it. On a server
that is away nobody can be joined to an agent: whoever waits there, and whoever answers of the calls that it had in flight,
counts as abandoned until it is known better.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from dialer.agents import Agent, AgentPhase
from dialer.calls import Call, CallState
from dialer.campaign import PacingMode, TakeBack
from dialer.campaign_run import CampaignRun
from dialer.events import PastCall
from dialer.ids import CampaignId, NodeId
from dialer.leads import Lead
from dialer.pacing import Binding, PacingPolicy
from dialer.pacing_board import Duty, PacingBoard, Stage
from dialer.pacing_question import PacingQuestion
from dialer.trunk_board import Room, Shortage

GRACE = timedelta(seconds=2)
"""A person can wait a moment: agents released this long after the answer still count; less where the law leaves less."""

MOST_ODDS = 60
"""Leads looked at one by one in a decision: a burst of 500 agents; further ones are taken for average."""

GRACE_MARGIN = timedelta(seconds=0.25)
"""Of the legal limit, for the bridge to be made."""

_BINDING = {
    None: Binding.TRUNK_LINES,
    Shortage.TRUNKS_FULL: Binding.TRUNK_LINES,
    Shortage.TRUNK_RATE: Binding.TRUNK_RATE,
    Shortage.TRUNKS_DOWN: Binding.TRUNKS_DOWN,
    Shortage.NO_TRUNK_SERVES: Binding.TRUNK_LINES,
    Shortage.TRUNK_ELSEWHERE: Binding.TRUNK_LINES,
}

_DUTY = {
    AgentPhase.IDLE: Duty.IDLE,
    AgentPhase.PREVIEWING: Duty.RESERVED,
    AgentPhase.RESERVED: Duty.RESERVED,
    AgentPhase.TALKING: Duty.TALKING,
    AgentPhase.WRAP_UP: Duty.WRAP_UP,
}


def campaign(board: PacingBoard, run: CampaignRun) -> None:
    """A campaign was loaded, or its policy has changed."""
    grace = min(GRACE, run.profile.limit - GRACE_MARGIN)
    board.campaign(
        run.policy.campaign_id,
        screened=run.policy.screen,
        grace=max(grace.total_seconds(), 0.0),
        wrap_limit=run.policy.wrap_up.total_seconds(),
    )


def recall(board: PacingBoard, run: CampaignRun, past: Sequence[PastCall], at: datetime) -> None:
    """A campaign that is new to the team begins with what its earlier calls taught."""
    board.recall(run.policy.campaign_id, past, at.timestamp())


def stage_of(call: Call) -> Stage | None:
    match call.state:
        case CallState.DIALING | CallState.RINGING:
            return Stage.RINGING
        case CallState.ANSWERED:  # without detection it is a moment on the way to the queue
            return Stage.SCREENING if call.order.answer_rule.screen else Stage.RINGING
        case CallState.WAITING:
            return Stage.WAITING
        case _:
            return None


def placed(board: PacingBoard, run: CampaignRun, call: Call, lead: Lead) -> None:
    """A call for whoever is free. One for which an agent is held concerns nobody else: the board hears of it when somebody
    waits, or when it has lost its agent."""
    order = call.order
    at, segment = order.at.timestamp(), segment_of(lead)
    odds = run.odds.of(lead)
    board.placed(order.call_id, order.campaign_id, order.node, at, odds, segment)
    run.odds.placed(lead, board.answer_ratio(order.campaign_id))


def segment_of(lead: Lead) -> str:
    """Leads that were tried before answer otherwise than fresh ones."""
    return "again" if lead.attempts else "first"


def adopted(board: PacingBoard, call: Call, at: datetime) -> None:
    """A call of an earlier life of the server: how it came here is nothing to learn from."""
    stage = stage_of(call)
    if stage is not None:
        order = call.order
        since = order.at if stage is Stage.RINGING else call.answered_at or at
        key, of, node = order.call_id, order.campaign_id, order.node
        board.adopted(key, of, node, stage, since.timestamp())


def moved(board: PacingBoard, call: Call, at: datetime) -> None:
    """The call as it is after an event. Whoever waits again after a Bridge that failed is nothing to learn from."""
    if call.state is CallState.WAITING and not board.knows(call.order.call_id):
        adopted(board, call, at)
        return
    person = call.waiting_at is not None or call.bridged_at is not None or call.abandoned
    board.moved(call.order.call_id, stage_of(call), at.timestamp(), person=person)


def agent(board: PacingBoard, one: Agent, of: CampaignId | None, at: datetime) -> None:
    """The agent as it is after an event; `of`: the campaign of the agent's call, where there is one."""
    if one.node is None or one.phase_since is None:
        board.agent_gone(one.agent_id, at.timestamp())
        return
    ready = one.phase is not AgentPhase.IDLE or one.leg_waiting
    board.agent(
        one.agent_id,
        one.node,
        _DUTY[one.phase],
        one.phase_since.timestamp(),
        staffed=one.is_counted_on(at) and ready,
        campaign=of or "",
    )


def question(
    board: PacingBoard,
    run: CampaignRun,
    node: NodeId,
    room: Room,
    now: datetime,
    revocable: int = 0,
) -> PacingQuestion:
    """What is asked for one campaign on `node`; the calls of all campaigns of the team compete for its agents.
    `revocable`: how many of the campaign's may be taken back."""
    name, at = run.policy.campaign_id, now.timestamp()
    elsewhere, doomed = board.hope(name, node, at)
    return PacingQuestion(
        campaign=name,
        node=node,
        at=at,
        policy=policy_of(run),
        theta=run.budget.theta,
        windows=run.budget.windows(now, doomed, _answers_left(board, run)),
        elsewhere=elsewhere,
        doomed=doomed,
        own_in_flight=run.lines_in_use,
        rate_tokens=run.rate_tokens(now),
        trunk_room=room.calls,
        trunk_binding=_BINDING[room.shortage],
        revocable=revocable,
        next_odds=_next_odds(board, run),
    )


def _next_odds(board: PacingBoard, run: CampaignRun) -> tuple[float, ...]:
    """Of the leads next in turn. Empty where nothing is known of any: then they are average, in a decision that costs less."""
    if run.odds.average is None or run.policy.mode is not PacingMode.PREDICTIVE:
        return ()
    leads = [entry.lead for entry in islice(run.hopper, MOST_ODDS)]
    if all(lead.answer_odds is None for lead in leads):
        return ()
    of = {name: board.segment_odds(run.policy.campaign_id, name) for name in map(segment_of, leads)}
    return tuple(run.odds.of(lead) * of[segment_of(lead)] for lead in leads)


def _answers_left(board: PacingBoard, run: CampaignRun) -> float:
    """Answers that a list which runs out can still bring; without limit while the store has more leads."""
    left = run.leads_left
    return math.inf if left is None else board.answers_of(run.policy.campaign_id, left)


def policy_of(run: CampaignRun) -> PacingPolicy:
    return PacingPolicy(
        mode=run.policy.mode,
        dial_ratio=run.policy.dial_ratio,
        lines=run.policy.lines,
        revokes=run.policy.take_back is not TakeBack.NEVER,
    )

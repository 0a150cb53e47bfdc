"""Why is this campaign not dialling, or not faster? The ordered answer: what must be mended first comes first."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from dialer.agents import Agent, AgentPhase
from dialer.callbacks import anyone_from
from dialer.calls import UNANSWERED
from dialer.campaign import CampaignState
from dialer.campaign_run import CampaignRun
from dialer.compliance import Reason
from dialer.pacing import Binding
from dialer.team import Team
from dialer.views import WhyItem

_BY_BINDING = {
    Binding.BUDGET: "abandon_budget",
    Binding.LINES: "lines_in_use",
    Binding.CALLS_PER_SECOND: "calls_per_second",
    Binding.TRUNK_LINES: "trunk_lines",
    Binding.TRUNK_RATE: "trunk_rate",
    Binding.RISK: "pacing_risk",
    Binding.START_UP: "start_up",
    Binding.FREE_AGENTS: "free_agents_served",
    Binding.ON_REQUEST: "on_request",
}


PACE_CODES = frozenset((*_BY_BINDING.values(), "abandon_budget_start"))
"""Codes of what the pacing decision itself says; dialer.explain tells it in a sentence."""


_BY_LAW = tuple(
    reason.value
    for reason in Reason
    if reason
    not in (
        Reason.CALLING_HOURS,
        Reason.ABANDON_BLOCK,
        Reason.GUARANTEED_AGENT,
        Reason.ATTEMPTS_USED,
        Reason.DO_NOT_CALL,
    )
)


def explain(team: Team, run: CampaignRun, now: datetime) -> tuple[WhyItem, ...]:
    """Reasons in order. Codes are stable; their texts are in dialer.texts. An empty answer: it dials freely."""
    return (
        *_stops(team, run),
        *_leads(run, now),
        *_callbacks(run, now),
        *_agents(team),
        *_trunks(team, run, now),
        *_pace(run),
    )


def _stops(team: Team, run: CampaignRun) -> list[WhyItem]:
    items = []
    if run.campaign.state is CampaignState.PAUSED:
        since = run.campaign.held_at
        held = (
            WhyItem(code="campaign_held", detail=f"{since:%Y-%m-%d %H:%M} UTC") if since else None
        )
        items.append(held or WhyItem(code="campaign_paused"))
    if run.campaign.state is CampaignState.FINISHED:
        items.append(WhyItem(code="campaign_finished"))
    items += _away(team)
    if not team.store_up:
        items.append(WhyItem(code="store_down"))
    if team.draining:
        items.append(WhyItem(code="draining"))
    return items


def _away(team: Team) -> list[WhyItem]:
    """No server at all; or those that are away, with the agents who wait for them."""
    if not team.nodes.up:
        return [WhyItem(code="telephony_down", detail=team.nodes.reason)]
    legs = Counter(agent.node for agent in team.agents.values())
    return [WhyItem(code="node_down", count=legs[node], detail=node) for node in team.nodes.away]


def _leads(run: CampaignRun, now: datetime) -> list[WhyItem]:
    if run.hopper or run.requested:
        return []
    items = []
    if run.hours_open_at is not None and run.hours_open_at > now:
        count = run.denied.count("calling_hours", now)
        items.append(WhyItem(code="calling_hours", count=count, until=run.hours_open_at))
    if run.ask_at is not None and run.ask_at > now:
        items.append(WhyItem(code="no_leads_due", until=run.next_due_at))
    items += _held(run, ("abandon_block",), now)
    guaranteed = len(run.guaranteed) + run.denied.count("guaranteed_agent", now)
    if guaranteed:
        items.append(WhyItem(code="guaranteed_agent", count=guaranteed))
    ended = ("attempts_used", "do_not_call", "number_blocked")
    return items + _held(run, _BY_LAW, now) + _held(run, ended, now)


def _callbacks(run: CampaignRun, now: datetime) -> list[WhyItem]:
    """Those that are due: for anyone, and for agents of their own."""
    since = [
        anyone_from(entry.lead.callback, entry.lead.next_attempt_at)
        for entry in run.promised
        if entry.lead.callback is not None
    ]
    own = [at for at in since if at is None or at > now]
    items = []
    if own:
        until = min((at for at in own if at is not None), default=None)
        items.append(WhyItem(code="callback_agent", count=len(own), until=until))
    if len(own) < len(since):
        items.append(WhyItem(code="callbacks_due", count=len(since) - len(own)))
    return items


def _held(run: CampaignRun, reasons: Iterable[str], now: datetime) -> list[WhyItem]:
    """Leads that these reasons hold back."""
    counts = [(reason, run.denied.count(reason, now)) for reason in reasons]
    return [WhyItem(code=reason, count=count) for reason, count in counts if count]


def _agents(team: Team) -> list[WhyItem]:
    legs = [agent for agent in team.agents.values() if agent.leg is not None]
    here = [agent for agent in legs if team.nodes.is_up(agent.node)]
    staffed = [agent for agent in here if agent.is_staffed]
    if not staffed and len(legs) > len(here):
        return []  # they are on a server that is away, which was said first
    if not staffed:
        logged_in = len(here)
        code = "agents_on_break" if logged_in else "no_agents"
        return [WhyItem(code=code, count=logged_in)]
    if any(agent.is_free for agent in staffed):
        return []
    return _occupied(team, staffed)


def _occupied(team: Team, staffed: Sequence[Agent]) -> list[WhyItem]:
    """Nobody is free: who talks or writes, who is held for a call that rings, who looks at a lead."""
    busy = sum(agent.phase in (AgentPhase.TALKING, AgentPhase.WRAP_UP) for agent in staffed)
    ringing = {call.agent_id for call in team.calls.values() if call.state in UNANSWERED}
    held = sum(agent.agent_id in ringing for agent in staffed)
    looking = sum(agent.phase is AgentPhase.PREVIEWING for agent in staffed)
    found = {"agents_held": held, "agents_previewing": looking}
    items = [WhyItem(code=code, count=count) for code, count in found.items() if count]
    return [WhyItem(code="agents_busy", count=busy), *items] if busy or not items else items


def _trunks(team: Team, run: CampaignRun, now: datetime) -> list[WhyItem]:
    """Those of the campaign's trunks that are down, each with its next probe; leads that wait for a trunk of their own."""
    states = [(trunk.trunk_id, team.trunks.of(trunk.trunk_id)) for trunk in run.trunks]
    failing = [
        WhyItem(
            code="trunk_failing", count=len(state.failed), until=state.probe_at, detail=trunk_id
        )
        for trunk_id, state in states
        if state.is_down
    ]
    return failing + _held(
        run, ("no_trunk_serves", "trunks_down", "trunks_full", "trunk_elsewhere"), now
    )


def _pace(run: CampaignRun) -> list[WhyItem]:
    if run.decision is None or run.decision.limited_by not in _BY_BINDING:
        return []
    if run.decision.limited_by is Binding.BUDGET:
        return [_budget(run)]
    return [WhyItem(code=_BY_BINDING[run.decision.limited_by])]


def _budget(run: CampaignRun) -> WhyItem:
    """The budget is used up; or, early in a window, there is none yet: one abandoned call of few is over any limit."""
    count, limit = run.budget.nearest()
    if count.abandoned == 0:
        wanted = math.ceil(1 / limit) if limit else 0
        return WhyItem(code="abandon_budget_start", count=max(wanted - count.answered, 0))
    ratio, limit = run.budget.worst()
    return WhyItem(code="abandon_budget", detail=f"{ratio:.2%} / {limit:.2%}")

"""Tests of a team read as the conversation: short makers of events, their instants in seconds after START, and `play`."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from dialer.abandonment import AbandonFormula
from dialer.agents import Agent
from dialer.campaign import Campaign, CampaignPolicy, CampaignState, PacingMode
from dialer.commands import AnswerRule, Command, PlaceCall, RequestLeads
from dialer.events import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentReturned,
    BreakEnded,
    BreakRequested,
    BridgeFailed,
    CallAbandoned,
    CallAdopted,
    CallAnswered,
    CallBridged,
    CallEnded,
    CallLost,
    CallNotPlaced,
    CallRefused,
    CallRinging,
    CallScreened,
    CallWaiting,
    CampaignLoaded,
    DispositionChosen,
    DrainRequested,
    Event,
    Fate,
    LeadsForgotten,
    LeadsReserved,
    LeadTaken,
    OfferAccepted,
    OfferSkipped,
    OldLegFound,
    Screening,
    ShiftEndSet,
    StoreDown,
    StoreUp,
    TalkEnded,
    TelephonyDown,
    TelephonyUp,
    Ticked,
    TimerFired,
    WindowCount,
    WrapUpEnded,
)
from dialer.ids import ONLY_NODE, AgentId, CallId, CampaignId, LeadId, NodeId, TeamId, TrunkId
from dialer.leads import Lead, LeadState
from dialer.pacing_board import PacingBoard
from dialer.profiles import AbandonWindow, NoAgentAction, Profile, WindowType
from dialer.team import Team
from dialer.trunks import Trunk, named

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
"""A Tuesday, 11:00 in Rome."""

ROME = ZoneInfo("Europe/Rome")
SPRING = CampaignId("spring")
SALES = TeamId("sales")

ITALY = Profile(
    id="ITALY",
    version="1",
    jurisdiction="IT",
    zone=ROME,
    windows=(
        AbandonWindow(type=WindowType.CAMPAIGN_TOTAL, limit_ppm=30_000, length=None),
        AbandonWindow(type=WindowType.CALENDAR_DAY, limit_ppm=40_000, length=None),
    ),
    target_ratio=0.02,
    min_sample=100,
    limit=timedelta(seconds=3),
    formula=AbandonFormula(allowance=timedelta(seconds=3)),
    action=NoAgentAction.HANG_UP,
    min_ring=timedelta(),
    abandon_block=timedelta(days=5),
    abandon_then_guaranteed_agent=True,
    weekly=(((time(9), time(20)),),) * 5 + (((time(10), time(19)),), ()),
    holidays_blocked=True,
    holidays=frozenset({date(2026, 12, 8), date(2026, 12, 25)}),
    pre_holiday=((time(10), time(19)),),
    sources=("a literal of the tests",),
)

AnyCommand = TypeVar("AnyCommand", bound=Command)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# --- things -----------------------------------------------------------------------------------------------------------


def policy(**changes: Any) -> CampaignPolicy:
    base = CampaignPolicy(
        campaign_id=SPRING,
        name="Spring",
        team_id=SALES,
        profile="ITALY",
        mode=PacingMode.PROGRESSIVE,
    )
    return replace(base, **changes)


def lead(name: str, **changes: Any) -> Lead:
    base = Lead(
        lead_id=LeadId(name),
        campaign_id=SPRING,
        phone="+39069000" + str(sum(name.encode()) % 10000).zfill(4),
        name=name,
        zone="Europe/Rome",
        priority=0,
        state=LeadState.RESERVED,
        attempts=0,
        never_rang=0,
        last_attempt_at=None,
        last_outcome=None,
        last_abandoned_at=None,
        next_attempt_at=None,
    )
    return replace(base, **changes)


def order(call: str = "call-1", **changes: Any) -> PlaceCall:
    base = PlaceCall(
        call_id=CallId(call),
        campaign_id=SPRING,
        lead_id=LeadId("rossi"),
        phone="+390690000001",
        caller_id="",
        trunk=TrunkId("dialer-trunk"),
        dial="PJSIP/+390690000001@dialer-trunk",
        ring_timeout=timedelta(seconds=25),
        answer_rule=AnswerRule(
            limit=timedelta(seconds=2.95),
            action=NoAgentAction.HANG_UP,
            noise="dialer-noise",
            message="dialer/message-it",
            screen=False,
        ),
        at=START,
    )
    return replace(base, **changes)


def new_team(*nodes: str, board: PacingBoard | None = None) -> Team:
    """Nobody logged in, no link, no campaign. Its calls are call-1, call-2, ... One server, if none is named."""
    numbers = count(1)
    names = [NodeId(node) for node in nodes] or [ONLY_NODE]
    return Team(SALES, lambda _now: CallId(f"call-{next(numbers)}"), names, board)


def floor(*agents: str, **changes: Any) -> Team:
    """A team that dials: its campaign runs, the link is up, the agents are logged in. Its hopper is empty."""
    team = new_team()
    play(team, campaign(**changes), link_up(0))
    for agent in agents:
        team.add_agent(AgentId(agent), agent.title())
        play(team, logs_in(agent, 0))
    return team


def agent(team: Team, name: str) -> Agent:
    return team.agents[AgentId(name)]


# --- the conversation -------------------------------------------------------------------------------------------------


def play(team: Team, *events: Event) -> list[Command]:
    """Everything the team says to these events, but for its asking for leads."""
    return [command for command in play_all(team, *events) if not isinstance(command, RequestLeads)]


def play_all(team: Team, *events: Event) -> list[Command]:
    return [command for event in events for command in team.handle(event)]


def of(kind: type[AnyCommand], commands: list[Command]) -> list[AnyCommand]:
    return [command for command in commands if isinstance(command, kind)]


def dialled(commands: list[Command]) -> list[str]:
    """The leads that are rung by these commands."""
    return [command.lead_id for command in of(PlaceCall, commands)]


# --- a customer's call ------------------------------------------------------------------------------------------------


def rings(call: str, seconds: float) -> CallRinging:
    return CallRinging(call_id=CallId(call), at=at(seconds))


def answers(call: str, seconds: float) -> CallAnswered:
    return CallAnswered(call_id=CallId(call), at=at(seconds))


def screened(call: str, verdict: Screening, seconds: float) -> CallScreened:
    return CallScreened(call_id=CallId(call), verdict=verdict, at=at(seconds))


def waits(call: str, seconds: float) -> CallWaiting:
    return CallWaiting(call_id=CallId(call), at=at(seconds))


def bridged(call: str, agent: str, seconds: float) -> CallBridged:
    return CallBridged(call_id=CallId(call), agent_id=AgentId(agent), at=at(seconds))


def bridge_fails(call: str, agent: str, seconds: float, reason: str = "NOAGENT") -> BridgeFailed:
    return BridgeFailed(
        call_id=CallId(call), agent_id=AgentId(agent), reason=reason, at=at(seconds)
    )


def talk_ends(call: str, seconds: float) -> TalkEnded:
    return TalkEnded(call_id=CallId(call), at=at(seconds))


def is_abandoned(call: str, seconds: float) -> CallAbandoned:
    return CallAbandoned(call_id=CallId(call), at=at(seconds))


def ends(call: str, seconds: float, cause: int = 16) -> CallEnded:
    return CallEnded(call_id=CallId(call), cause=cause, at=at(seconds))


def is_refused(call: str, seconds: float) -> CallRefused:
    return CallRefused(call_id=CallId(call), reason="no_channel", at=at(seconds))


def is_not_placed(call: str, seconds: float) -> CallNotPlaced:
    return CallNotPlaced(call_id=CallId(call), reason="not_reserved", at=at(seconds))


def is_lost(call: str, seconds: float, fate: Fate = Fate.UNKNOWN) -> CallLost:
    return CallLost(call_id=CallId(call), fate=fate, at=at(seconds))


def is_adopted(
    call: str,
    seconds: float,
    *,
    answered: float | None = None,
    talking_since: float | None = None,
    agent: str | None = None,
    node: str = ONLY_NODE,
) -> CallAdopted:
    return CallAdopted(
        call_id=CallId(call),
        campaign_id=SPRING,
        lead_id=LeadId(f"lead-of-{call}"),
        trunk=TrunkId("dialer-trunk"),
        attempts=0,
        started_at=at(seconds - 60),
        answered_at=None if answered is None else at(answered),
        bridged_at=None if talking_since is None else at(talking_since),
        agent_id=None if agent is None else AgentId(agent),
        talking=agent is not None,
        node=NodeId(node),
        at=at(seconds),
    )


# --- agents -----------------------------------------------------------------------------------------------------------


def logs_in(agent: str, seconds: float, leg: int = 1, node: str = ONLY_NODE) -> AgentLoggedIn:
    return AgentLoggedIn(
        agent_id=AgentId(agent),
        leg=f"PJSIP/{agent}-{leg:08}",
        leg_id=f"{agent}.{leg}",
        node=NodeId(node),
        at=at(seconds),
    )


def leg_returns(agent: str, seconds: float, leg: int = 1, node: str = ONLY_NODE) -> AgentReturned:
    return AgentReturned(
        agent_id=AgentId(agent), leg_id=f"{agent}.{leg}", node=NodeId(node), at=at(seconds)
    )


def phone_drops(agent: str, seconds: float, leg: int = 1, node: str = ONLY_NODE) -> AgentLoggedOut:
    return AgentLoggedOut(
        agent_id=AgentId(agent), leg_id=f"{agent}.{leg}", node=NodeId(node), at=at(seconds)
    )


def old_leg_found(agent: str, seconds: float, leg: int, node: str) -> OldLegFound:
    return OldLegFound(
        agent_id=AgentId(agent), leg=f"PJSIP/{agent}-{leg:08}", node=NodeId(node), at=at(seconds)
    )


def asks_break(agent: str, seconds: float) -> BreakRequested:
    return BreakRequested(agent_id=AgentId(agent), pause_code="coffee", at=at(seconds))


def ends_break(agent: str, seconds: float) -> BreakEnded:
    return BreakEnded(agent_id=AgentId(agent), at=at(seconds))


def stops_at(agent: str, seconds: float, ends: float | None) -> ShiftEndSet:
    ends_at = None if ends is None else at(ends)
    return ShiftEndSet(agent_id=AgentId(agent), ends_at=ends_at, at=at(seconds))


def ends_wrap_up(agent: str, seconds: float) -> WrapUpEnded:
    return WrapUpEnded(agent_id=AgentId(agent), at=at(seconds))


def takes(agent: str, lead: Lead, seconds: float) -> LeadTaken:
    """The lead that the agent asked for is reserved."""
    return LeadTaken(agent_id=AgentId(agent), lead=lead, at=at(seconds))


def accepts(agent: str, seconds: float) -> OfferAccepted:
    return OfferAccepted(agent_id=AgentId(agent), at=at(seconds))


def skips(agent: str, seconds: float) -> OfferSkipped:
    return OfferSkipped(agent_id=AgentId(agent), at=at(seconds))


def says(agent: str, call: str, disposition: str, seconds: float) -> DispositionChosen:
    return DispositionChosen(
        agent_id=AgentId(agent), call_id=CallId(call), disposition=disposition, at=at(seconds)
    )


# --- leads, campaigns, the world --------------------------------------------------------------------------------------


def campaign(
    state: CampaignState = CampaignState.RUNNING,
    *,
    profile: Profile = ITALY,
    counts: tuple[WindowCount, ...] | None = None,
    seconds: float = 0,
    trunks: tuple[Trunk, ...] = (),
    **changes: Any,
) -> CampaignLoaded:
    if trunks:
        changes["trunks"] = tuple(trunk.trunk_id for trunk in trunks)
    return CampaignLoaded(
        campaign=Campaign(policy=policy(**changes), state=state),
        profile=profile,
        trunks=trunks or named(policy(**changes).trunks, ()),
        started_at=None,
        counts=counts if counts is not None else (WindowCount(),) * len(profile.every_window),
        at=at(seconds),
    )


def pause(seconds: float) -> CampaignLoaded:
    return campaign(CampaignState.PAUSED, seconds=seconds)


def leads(seconds: float, *names: str) -> LeadsReserved:
    return LeadsReserved(
        campaign_id=SPRING,
        leads=tuple(lead(name) for name in names),
        next_due_at=None,
        at=at(seconds),
    )


def forget(seconds: float, *names: str) -> LeadsForgotten:
    return LeadsForgotten(lead_ids=tuple(LeadId(name) for name in names), at=at(seconds))


def link_up(seconds: float, node: str = ONLY_NODE) -> TelephonyUp:
    return TelephonyUp(node=NodeId(node), at=at(seconds))


def link_down(seconds: float, node: str = ONLY_NODE) -> TelephonyDown:
    return TelephonyDown(reason="connection reset", node=NodeId(node), at=at(seconds))


def store_fails(seconds: float) -> StoreDown:
    return StoreDown(reason="disk full", at=at(seconds))


def store_works(seconds: float) -> StoreUp:
    return StoreUp(at=at(seconds))


def drain(seconds: float) -> DrainRequested:
    return DrainRequested(at=at(seconds))


def timer(key: str, seconds: float) -> TimerFired:
    return TimerFired(key=key, at=at(seconds))


def tick(seconds: float) -> Ticked:
    return Ticked(at=at(seconds))

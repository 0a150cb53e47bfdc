"""What a team shows of itself: frozen snapshots for the API, the terminal and the metrics. No phone numbers."""

from dataclasses import dataclass
from datetime import datetime

from dialer.agents import AgentPhase, AgentStatus
from dialer.brake import WindowState
from dialer.calls import CallState
from dialer.campaign import CampaignState, PacingMode
from dialer.ids import AgentId, CallId, CampaignId, LeadId, NodeId, TeamId
from dialer.leads import Outcome
from dialer.pacing import PacingDecision


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentView:
    agent_id: AgentId
    name: str
    status: AgentStatus
    phase: AgentPhase
    since: datetime | None
    pause_code: str | None
    call_id: CallId | None
    node: NodeId | None  # the Asterisk server that holds the leg
    lead_id: LeadId | None = None  # that is shown to the agent, to be taken or skipped
    offer_until: datetime | None = None
    shift_ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeView:
    """One Asterisk server, and what it holds of the team."""

    node: NodeId
    up: bool  # its link is up and reconciled
    reason: str  # why it is not
    agents: int  # legs
    calls: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CallView:
    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    agent_id: AgentId | None
    state: CallState


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyItem:
    """One reason why a campaign is not dialling (or not faster), with its count and the instant it may change."""

    code: str
    count: int | None = None
    until: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignView:
    campaign_id: CampaignId
    name: str
    state: CampaignState
    mode: PacingMode
    dialing: int  # calls placed and not answered yet
    waiting: int
    talking: int
    hopper: int
    answered: int  # persons, in the legal window nearest to its limit
    abandoned: int
    abandon_ratio: float
    abandon_limit: float
    theta: float
    braked: bool
    decision: PacingDecision | None
    outcomes: dict[Outcome, int]  # since the team was started
    why: tuple[WhyItem, ...]
    windows: tuple[WindowState, ...] = ()  # the legal ones, at this instant
    trunks_up: int = 0  # of the campaign's trunks
    trunks_down: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamView:
    team_id: TeamId
    at: datetime
    telephony_up: bool  # at least one of `nodes`
    nodes: tuple[NodeView, ...]
    store_up: bool
    draining: bool
    agents: tuple[AgentView, ...]
    calls: dict[CallState, int]
    campaigns: tuple[CampaignView, ...]
    lines_per_free_agent: float | None  # calls not answered yet / free agents; None: nobody is free
    talk_share: float | None  # of the logged-in time off break, since the team was started
    answered_to_bridged_ms: tuple[float, ...]  # the latest ones

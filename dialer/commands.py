"""Decisions, for the engine to carry out. Frozen; imperative."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dialer.dispositions import Ruling
from dialer.events import Screening
from dialer.ids import (
    MAIN_CLIENT,
    ONLY_NODE,
    AgentId,
    CallbackId,
    CallId,
    CampaignId,
    ClientId,
    LeadId,
    NodeId,
    TrunkId,
)
from dialer.leads import LeadState, LeadUpdate, Outcome
from dialer.profiles import Cap, NoAgentAction


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerRule:
    """What the dialplan must do with a person who answered; travels with the call as channel variables."""

    limit: timedelta  # from answer to the end of the wait, margin already taken off
    action: NoAgentAction
    noise: str  # music-on-hold class from the moment of answer; empty: silence
    message: str  # sound file, when the action is MESSAGE
    screen: bool  # answering-machine detection


UTC = ZoneInfo("UTC")


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLimits:
    """How often this person may be called, counted again in the transaction that writes the attempt; and whom it is counted
    for. `person`: the client's name for the person, or the number; `subject`: what the campaign is about, empty: not said."""

    client_id: ClientId = MAIN_CLIENT
    person: str = ""
    subject: str = ""
    zone: ZoneInfo = UTC  # of the calendar days
    caps: tuple[Cap, ...] = ()
    refusal_days: int | None = None  # so many full days after a refusal the person is left alone


NO_LIMITS = CallLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceCall:
    """Commit the attempt, then ring. All PlaceCalls of one decision are committed in one transaction."""

    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    phone: str
    caller_id: str
    trunk: TrunkId
    dial: str  # Asterisk's dial string, the number in it as the trunk wants it
    ring_timeout: timedelta
    answer_rule: AnswerRule
    at: datetime
    node: NodeId = ONLY_NODE  # the server that it leaves on: where the agents' legs are
    agent_id: AgentId | None = (
        None  # who is held for this call; None: whoever is free when it is answered
    )
    profile: str = ""  # id@version of the rules that it was placed under
    trunk_country: str = ""  # ISO 3166; empty: not known
    checks: tuple[str, ...] = ()  # ids of what was looked up before (registers, consent)
    limits: CallLimits = NO_LIMITS


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgeToAgent:
    """Join the two legs, once. Never repeated."""

    call_id: CallId
    agent_id: AgentId
    leg: str
    limit_at: (
        datetime  # when the dialplan ends the wait: what is left is restored if the bridge fails
    )
    node: NodeId = ONLY_NODE  # that holds both legs


@dataclass(frozen=True, kw_only=True, slots=True)
class HangUp:
    call_id: CallId
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class HangUpLeg:
    """An old leg of an agent who has logged in on another server."""

    leg: str
    node: NodeId


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseAttempt:
    """The attempt's end and what it does to the lead, in one transaction."""

    call_id: CallId
    campaign_id: CampaignId
    lead_update: LeadUpdate
    outcome: Outcome
    ended_at: datetime
    cause: int | None
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    agent_id: AgentId | None
    screened: bool = False  # detection was asked for
    screening: Screening | None = None  # what it said; None: nothing
    screened_at: datetime | None = None
    waiting_at: datetime | None = None
    talk_ended_at: datetime | None = None
    dropped_at: datetime | None = None  # the limit came, no agent was there
    message: bool = False  # and the message was played then


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkAnswered:
    """A person or machine answered: kept at once, so that a crash does not lose the fact."""

    call_id: CallId
    answered_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkBridged:
    """The talk has begun: kept at once, so that a crash does not turn a talk into a call to be made again."""

    call_id: CallId
    bridged_at: datetime
    agent_id: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckCalls:
    """These calls should have told their end by now: look on their server."""

    call_ids: tuple[CallId, ...]
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordDisposition:
    """The agent's word. Without a ruling, the lead is tried again at `callback_at`, or stays as the outcome leaves it."""

    call_id: CallId
    agent_id: AgentId
    disposition: str
    callback_at: datetime | None
    at: datetime
    ruling: Ruling | None = None

    @property
    def lead_state(self) -> LeadState | None:
        if self.ruling is not None:
            return self.ruling.lead_state
        return LeadState.RETRY if self.callback_at is not None else None

    @property
    def next_at(self) -> datetime | None:
        return self.ruling.next_at if self.ruling is not None else self.callback_at


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestLeads:
    """The hopper runs low."""

    campaign_id: CampaignId
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestCallbacks:
    """Callbacks of the campaign may be tried now."""

    campaign_id: CampaignId
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalateCallback:
    """Its agent did not come in time: it is for anyone of the team."""

    callback_id: CallbackId
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DeferLead:
    """A lead in the hopper may not be rung now: back to the store with the instant before which not to ask again."""

    lead_id: LeadId
    campaign_id: CampaignId
    reason: str
    not_before: datetime | None  # None: never (excluded)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseLeads:
    lead_ids: tuple[LeadId, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartTimer:
    key: str
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelTimer:
    key: str


CallRecord = MarkAnswered | MarkBridged | CloseAttempt | RecordDisposition
"""What happened on a call, to be kept."""

Command = (
    PlaceCall
    | BridgeToAgent
    | HangUp
    | HangUpLeg
    | CloseAttempt
    | MarkAnswered
    | MarkBridged
    | CheckCalls
    | RecordDisposition
    | RequestLeads
    | RequestCallbacks
    | EscalateCallback
    | DeferLead
    | ReleaseLeads
    | StartTimer
    | CancelTimer
)

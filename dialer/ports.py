"""What the engine needs of the world, as Protocols. Every port has a real adapter and a memory twin that runs the same tests."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from dialer.campaign import Campaign, CampaignPolicy, CampaignState
from dialer.commands import BridgeToAgent, CloseAttempt, PlaceCall, RecordDisposition
from dialer.events import Event, Fate
from dialer.ids import AgentId, CallId, CampaignId, LeadId, TeamId
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.profiles import Profile


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...

    async def wait_until(self, instant: datetime) -> None:
        """Return at `instant`, at once when it is past."""
        ...


# --- the telephone exchange -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentLeg:
    agent_id: AgentId
    leg: str
    leg_id: str
    waiting: bool  # in its own holding bridge (else: in a talk)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLeg:
    call_id: CallId
    answered: bool
    agent_id: AgentId | None  # in a talk with this agent


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelsUp:
    """What is really up on the exchange at one instant."""

    calls: tuple[CallLeg, ...]
    agents: tuple[AgentLeg, ...]
    at: datetime


class Telephony(Protocol):
    """The exchange. Nothing is ever sent twice.

    Methods raise TelephonyRefusedError when it certainly was not done, TelephonyDownError when its fate is unknown.
    """

    async def place(self, call: PlaceCall) -> None:
        """Ask for the call; returns when the exchange has taken it. What follows comes as events."""
        ...

    async def bridge(self, order: BridgeToAgent) -> None:
        """Join the legs, once. Raises where they were not joined."""
        ...

    async def hang_up(self, channel: str) -> None:
        """Hang up a channel by name or unique id; one that is gone already is no error."""
        ...

    async def channels_up(self) -> ChannelsUp: ...

    async def fate(self, call_id: CallId) -> Fate:
        """What the exchange's own database remembers of a call that ended while nobody watched."""
        ...


EventSink = Callable[[Event], None]


# --- the store --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    added: int
    duplicates: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadCounts:
    """How many leads of a campaign stand where. `due` of those in NEW and RETRY may be asked for now."""

    by_state: dict[LeadState, int]
    due: int
    next_due_at: datetime | None


class LeadStore(Protocol):
    async def add(self, leads: Sequence[NewLead], *, at: datetime) -> ImportReport:
        """Add leads; a number that the campaign has already is counted as a duplicate and changes nothing."""
        ...

    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        """Up to `count` leads that may be tried at `at` (NEW, or RETRY whose time has come, or RESERVED whose lease has
        run out), by priority then age, never a number on the do-not-call list nor one with an open attempt; they become
        RESERVED for `owner` until at + lease. Two callers never get the same lead."""
        ...

    async def release(self, lead_ids: Collection[LeadId], *, owner: str) -> None:
        """Give reserved leads back as they were (NEW, or RETRY when they have attempts). Others' are left alone."""
        ...

    async def release_owner(self, owner: str) -> int:
        """Give back everything that `owner` holds; returns how many."""
        ...

    async def defer(
        self, lead_id: LeadId, *, owner: str, state: LeadState, not_before: datetime | None
    ) -> None:
        """A reserved lead may not be rung now: RETRY with next_attempt_at, or EXCLUDED / DONE for good."""
        ...

    async def get(self, lead_id: LeadId) -> Lead:
        """Raises NotFoundError."""
        ...

    async def page(
        self, campaign_id: CampaignId, *, after: LeadId | None, limit: int, state: LeadState | None
    ) -> list[Lead]:
        """Leads by id, for paging."""
        ...

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> LeadCounts: ...

    async def add_do_not_call(self, phone: str, *, reason: str, at: datetime) -> None:
        """From now on nobody rings this E.164 number; leads that wait with it become EXCLUDED."""
        ...

    async def do_not_call(self, phones: Collection[str]) -> set[str]:
        """Those of `phones` that are on the list."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAttempt:
    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    started_at: datetime
    answered_at: datetime | None
    bridged_at: datetime | None
    agent_id: AgentId | None
    attempts: int  # of the lead, this one not counted


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try, as stored."""

    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    started_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    cause: int | None
    agent_id: AgentId | None
    disposition: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonCount:
    """Abandoned and person-answered calls since an instant: the two numbers of the abandon ratio."""

    abandoned: int = 0
    answered: int = 0


class AttemptStore(Protocol):
    async def open(self, calls: Sequence[PlaceCall], *, owner: str) -> set[CallId]:
        """Commit attempts before anything rings, in one transaction; the leads become DIALING. Returns the ids that were
        written; one is left out when its lead is not reserved by `owner`, or its lead or number has an open attempt."""
        ...

    async def mark_answered(self, call_id: CallId, *, at: datetime) -> None: ...

    async def mark_bridged(self, call_id: CallId, *, at: datetime, agent_id: AgentId) -> None: ...

    async def close(self, close: CloseAttempt) -> None:
        """Close the attempt and update its lead in one transaction. Closing a closed attempt changes nothing."""
        ...

    async def record_disposition(self, record: RecordDisposition) -> None:
        """Raises NotFoundError."""
        ...

    async def still_open(self, campaign_ids: Collection[CampaignId]) -> list[OpenAttempt]: ...

    async def of_lead(self, lead_id: LeadId) -> list[Attempt]:
        """Oldest first."""
        ...

    async def outcomes(self, campaign_id: CampaignId) -> dict[Outcome, int]: ...

    async def first_started_at(self, campaign_id: CampaignId) -> datetime | None:
        """When the campaign's first attempt was opened; None: none yet."""
        ...

    async def abandon_count(
        self, campaign_id: CampaignId, *, since: datetime | None
    ) -> AbandonCount:
        """Of attempts answered at or after `since` (None: ever). Closed ones by their outcome; see leads.PERSON_ANSWERED."""
        ...


class CampaignStore(Protocol):
    async def save(self, policy: CampaignPolicy) -> None:
        """Insert or replace; a new campaign is PAUSED."""
        ...

    async def set_state(self, campaign_id: CampaignId, state: CampaignState) -> None:
        """Raises NotFoundError."""
        ...

    async def get(self, campaign_id: CampaignId) -> Campaign:
        """Raises NotFoundError."""
        ...

    async def by_name(self, name: str) -> Campaign | None: ...

    async def all(self) -> list[Campaign]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRecord:
    agent_id: AgentId
    name: str
    team_id: TeamId


class AgentDirectory(Protocol):
    async def save(self, agent: AgentRecord) -> None: ...

    async def get(self, agent_id: AgentId) -> AgentRecord:
        """Raises NotFoundError."""
        ...

    async def all(self) -> list[AgentRecord]: ...


class StoreHealth(Protocol):
    async def ping(self) -> None:
        """Raises StoreUnavailableError."""
        ...


# --- what the engine tells the outside --------------------------------------------------------------------------------


class ProfileBook(Protocol):
    def get(self, profile_id: str) -> Profile:
        """Raises NotFoundError."""
        ...


class Metrics(Protocol):
    def event_handled(self, team_id: TeamId, event: Event, seconds: float) -> None: ...

    def call_quarantined(self, team_id: TeamId, state: str, event: str) -> None: ...

    def attempt_closed(self, campaign_id: CampaignId, outcome: Outcome) -> None: ...

    def answered_to_bridged(self, campaign_id: CampaignId, seconds: float) -> None: ...

    def store_write(self, what: str, seconds: float, ok: bool) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Stores:
    """The store's ports together: one database behind them."""

    leads: LeadStore
    attempts: AttemptStore
    campaigns: CampaignStore
    agents: AgentDirectory
    health: StoreHealth
    close: Callable[[], Awaitable[None]] = field(repr=False)

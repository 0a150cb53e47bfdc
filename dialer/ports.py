"""What the engine needs of the world, as Protocols. Every port has a real adapter and a memory twin that runs the same tests."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from dialer.abandonment import AbandonFormula, EventClass
from dialer.callback_ports import CallbackStore
from dialer.campaign import Campaign, CampaignPolicy, CampaignState
from dialer.clients import Client
from dialer.commands import BridgeToAgent, CallRecord, CloseAttempt, PlaceCall, RecordDisposition
from dialer.dispositions import Category
from dialer.errors import DialerError
from dialer.events import Event, Fate, NotOpened
from dialer.ids import AgentId, CallId, CampaignId, LeadId, ListId, NodeId, TeamId, TrunkId
from dialer.law import Law
from dialer.lead_lists import LeadList, ListSettings
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.ledger_ports import LedgerStore, MachineAudits
from dialer.number_ports import ConsentStore, DoNotCallStore, RegisterStore
from dialer.profiles import Profile
from dialer.trunks import Trunk


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
    """What is really up on one server at one instant."""

    calls: tuple[CallLeg, ...]
    agents: tuple[AgentLeg, ...]
    at: datetime


class Telephony(Protocol):
    """One Asterisk server. Nothing is ever sent twice.

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

    by_state: dict[LeadState, int]  # names every state
    due: int
    next_due_at: datetime | None  # of the leads in RETRY, the earliest time that is still to come


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldLeads:
    """So many leads of a list that are in one state for one reason."""

    list_id: ListId
    state: LeadState
    reason: str  # `held_by`, else the last outcome; empty: nothing holds them
    number: int
    wakes_at: (
        datetime | None
    )  # the whole hour in which the delay of all of them ends; None: no delay

    @property
    def order(self) -> tuple[int, str, str, str]:
        """A store gives them in this order."""
        wakes = self.wakes_at.isoformat() if self.wakes_at else ""
        return self.list_id, self.state, self.reason, wakes


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadHoldings:
    """What holds a campaign's leads back, at one instant."""

    counted_at: datetime
    held: tuple[HeldLeads, ...]
    due: int  # of NEW and RETRY, those that may be asked for now
    next_hour: int  # further ones that fall due within the next hour
    next_due_at: datetime | None

    @property
    def counts(self) -> LeadCounts:
        by_state = dict.fromkeys(LeadState, 0)
        for each in self.held:
            by_state[each.state] += each.number
        return LeadCounts(by_state=by_state, due=self.due, next_due_at=self.next_due_at)


class LeadStore(Protocol):
    """The people to call.

    `owner` is any name, or the `fenced_owner` of a team: one whose fence is not the team's any more reserves nothing,
    and holds nothing either. Every method is one transaction and raises StoreUnavailableError when the database cannot
    be reached, InvalidInputError when it cannot hold a value.
    """

    async def add(self, leads: Sequence[NewLead], *, at: datetime) -> ImportReport:
        """Add leads, all of them or none in one transaction; a number that the campaign has already is counted as a
        duplicate and changes nothing. Raises NotFoundError when one is of an unknown campaign."""
        ...

    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        """Up to `count` leads that may be tried at `at` (NEW, or RETRY whose time has come, or RESERVED whose lease has
        run out), never a number on the do-not-call list nor one with an open attempt; they become
        RESERVED for `owner` until at + lease. Two callers never get the same lead. The lists of the campaign are mixed by
        their weights (`list_mix`), each in its own order (`lead_lists`)."""
        ...

    async def reserve(
        self, lead_id: LeadId, *, owner: str, lease: timedelta, at: datetime
    ) -> Lead | None:
        """This one lead, due or not: RESERVED for `owner` until at + lease, also where `owner` holds it already. None where
        it is not to be had: over, being dialled, somebody else's whose lease runs, its number on the do-not-call list or in
        an open attempt. Raises NotFoundError."""
        ...

    async def release(self, lead_ids: Collection[LeadId], *, owner: str) -> None:
        """Give reserved leads back as they were (NEW, or RETRY when they have attempts). Others' are left alone."""
        ...

    async def release_owner(self, owner: str) -> int:
        """Give back everything that `owner` holds; returns how many."""
        ...

    async def defer(
        self,
        lead_id: LeadId,
        *,
        owner: str,
        state: LeadState,
        not_before: datetime | None,
        reason: str | None = None,
    ) -> None:
        """A reserved lead may not be rung now: RETRY with next_attempt_at, or EXCLUDED / DONE for good. `reason`: a word
        of at most 40 letters, kept as `held_by`. A lead that
        `owner` does not hold is left alone. Raises IllegalTransitionError for any other state."""
        ...

    async def get(self, lead_id: LeadId) -> Lead:
        """Raises NotFoundError."""
        ...

    async def with_number(self, campaign_id: CampaignId, phone: str) -> Lead | None:
        """The campaign's lead with this E.164 number."""
        ...

    async def page(
        self, campaign_id: CampaignId, *, after: LeadId | None, limit: int, state: LeadState | None
    ) -> list[Lead]:
        """Leads by id, for paging."""
        ...

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> LeadCounts:
        """At `at`. Every state is named, also where no lead is in it; `next_due_at` is the earliest next_attempt_at
        after `at` of a lead in RETRY (None: there is none)."""
        ...

    async def holdings(self, campaign_id: CampaignId, *, at: datetime) -> LeadHoldings:
        """Exact at `at`, and at no cost that grows with the number of leads."""
        ...

    async def peek(self, campaign_id: CampaignId, count: int, *, at: datetime) -> list[Lead]:
        """The leads that `reserve_due` would give; they stay as they are."""
        ...

    async def add_do_not_call(self, phone: str, *, reason: str, at: datetime) -> None:
        """From now on nobody rings this E.164 number; leads that wait with it become EXCLUDED. Short for `DoNotCallStore.add`."""
        ...

    async def do_not_call(self, phones: Collection[str]) -> set[str]:
        """Those of `phones` that nobody rings; see DoNotCallStore.matching for those of one client."""
        ...


class ListStore(Protocol):
    """The lists of each campaign. Methods raise StoreUnavailableError when the database cannot be reached."""

    async def put(self, wanted: ListSettings, *, at: datetime) -> LeadList:
        """Make a list, or change the one that has this name in its campaign. A new order holds for all of its leads when this
        returns. Raises NotFoundError for an unknown campaign, InvalidInputError for settings that cannot be."""
        ...

    async def all(self, campaign_id: CampaignId) -> list[LeadList]:
        """By number; the unnamed one first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAttempt:
    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    trunk: TrunkId
    started_at: datetime
    answered_at: datetime | None
    bridged_at: datetime | None
    agent_id: AgentId | None
    attempts: int  # of the lead, this one not counted
    node: NodeId | None = None  # where it was placed; None: noted before there were several servers


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try, as stored."""

    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    trunk: TrunkId
    started_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    cause: int | None
    agent_id: AgentId | None
    disposition: str | None
    category: Category | None = None  # of the disposition, when it was said
    blocks_number: bool = False
    disposed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerDisposition:
    """What was said of an attempt before it was said otherwise."""

    call_id: CallId
    agent_id: AgentId | None  # who had said it
    disposition: str
    category: Category | None
    said_at: datetime | None
    replaced_at: datetime
    replaced_by: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenResult:
    """Which attempts were written, and why each of the others was not."""

    written: frozenset[CallId] = frozenset()
    refused: dict[CallId, NotOpened] = field(default_factory=dict)
    free_at: dict[CallId, datetime] = field(default_factory=dict)
    """Of those above a cap, or in the block after a refusal: when they may be made."""


class AttemptStore(Protocol):
    """The tries. Every method is one transaction and raises StoreUnavailableError when the database cannot be reached.

    Only `open`, which makes telephones ring, asks who the caller is. What happened on a call may be told by anybody: a
    server that lost its team a moment ago still knows how its calls ended, and the first to tell is believed.
    """

    async def open(self, calls: Sequence[PlaceCall], *, owner: str) -> OpenResult:
        """Commit attempts before anything rings, in one transaction; the leads become DIALING. One is left out when its
        lead is not reserved by `owner` or is of another campaign than the call, when its lead or number has an open
        attempt, when its number is on the do-not-call list or blocked by a
        disposition, or when its call id was used before; all are, when `owner`
        is a `fenced_owner` whose fence is not the team's any more.

        The `limits` of a call hold over all lists and campaigns, counted under locks, so that two writers cannot both make
        the last call that a cap allows: attempts that rang, or may have, to the number or the person.

        The limits of a trunk that the store knows hold over all teams and servers, at every instant: never more open
        attempts than its `lines`, never more that began within its `rate`. The calls above them, in the order of
        `calls`, are left out; their leads stay reserved."""
        ...

    async def mark_answered(self, call_id: CallId, *, at: datetime) -> None:
        """The first mark stands; an attempt that is closed or unknown is left alone."""
        ...

    async def mark_bridged(self, call_id: CallId, *, at: datetime, agent_id: AgentId) -> None:
        """The first mark stands, with its agent; an attempt that is closed or unknown is left alone."""
        ...

    async def close(self, close: CloseAttempt) -> None:
        """Close the attempt and update its lead in one transaction. What the close does not know (None) of answer,
        bridge and agent stays as it was marked. Closing a closed attempt changes nothing. Raises NotFoundError for an
        unknown attempt, ConflictError when the update is of another lead, IllegalTransitionError when the lead may not
        go where the update sends it; then nothing was changed."""
        ...

    async def record_disposition(self, record: RecordDisposition) -> None:
        """Keep the agent's word, and what it rules, in one transaction; another word that was said before stays among the
        former ones. The lead moves once the attempt is closed. A do-not-call is on the list when this returns. Raises
        NotFoundError for an unknown attempt, and IllegalTransitionError (nothing was changed) when the lead is to be
        tried again but is EXCLUDED or being dialled again; one that is to end, and is being dialled again, is left alone."""
        ...

    async def get(self, call_id: CallId) -> Attempt:
        """Raises NotFoundError."""
        ...

    async def former_dispositions(self, lead_id: LeadId) -> list[FormerDisposition]:
        """Of all attempts of the lead, in the order in which they were replaced."""
        ...

    async def record(self, records: Sequence[CallRecord]) -> dict[int, DialerError]:
        """Each as by the method above that keeps it alone, in this order, all in one transaction. One that is refused
        changes nothing and holds up none of the others; returned is the refusal of each, by its place."""
        ...

    async def still_open(self, campaign_ids: Collection[CampaignId]) -> list[OpenAttempt]: ...

    async def of_lead(self, lead_id: LeadId) -> list[Attempt]:
        """Oldest first."""
        ...

    async def last_ended(self, campaign_id: CampaignId, count: int) -> list[Attempt]:
        """The `count` ended attempts of the campaign that were started last, newest first."""
        ...

    async def outcomes(self, campaign_id: CampaignId) -> dict[Outcome, int]: ...

    async def first_started_at(self, campaign_id: CampaignId) -> datetime | None:
        """When the campaign's first attempt was opened; None: none yet."""
        ...

    async def closed_since(
        self, campaign_id: CampaignId, *, since: datetime, most: int
    ) -> list[Attempt]:
        """Closed attempts started at or after `since`, the latest first, at most `most`."""
        ...

    async def event_counts(
        self,
        campaign_ids: Collection[CampaignId],
        formula: AbandonFormula,
        *,
        since: datetime | None,
        until: datetime | None = None,
    ) -> Counter[EventClass]:
        """Closed attempts of these campaigns that were answered in [since, until), by their class as of now, with all late
        facts; None: no bound. Open ones are not counted. Where nobody saw the answer (no answered_at), ended_at counts."""
        ...


class ClientStore(Protocol):
    """Who people are called for. MAIN_CLIENT is there from the start; none is ever removed."""

    async def save(self, client: Client) -> None:
        """Insert or replace."""
        ...

    async def all(self) -> list[Client]:
        """By id."""
        ...


class CampaignStore(Protocol):
    async def save(self, policy: CampaignPolicy) -> None:
        """Insert or replace; a new campaign is PAUSED. Raises ConflictError when another campaign has its name,
        NotFoundError when its client is unknown."""
        ...

    async def set_state(self, campaign_id: CampaignId, state: CampaignState) -> None:
        """RUNNING also ends a hold. Raises NotFoundError."""
        ...

    async def hold_all(self, *, at: datetime) -> None:
        """Every campaign is PAUSED, and held until somebody sets it RUNNING."""
        ...

    async def get(self, campaign_id: CampaignId) -> Campaign:
        """Raises NotFoundError."""
        ...

    async def by_name(self, name: str) -> Campaign | None: ...

    async def all(self) -> list[Campaign]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRecord:
    """`shift_ends_at`: what `set_shift_end` said last, past or not; `save` leaves it as it is."""

    agent_id: AgentId
    name: str
    team_id: TeamId
    shift_ends_at: datetime | None = None


class TrunkStore(Protocol):
    async def save(self, trunk: Trunk) -> None:
        """Insert or replace; its limits hold from the next `open` on."""
        ...

    async def all(self) -> list[Trunk]:
        """By id."""
        ...


class AgentDirectory(Protocol):
    async def save(self, agent: AgentRecord) -> None: ...

    async def set_shift_end(self, agent_id: AgentId, ends_at: datetime | None) -> None:
        """None: not known any more. Raises NotFoundError."""
        ...

    async def get(self, agent_id: AgentId) -> AgentRecord:
        """Raises NotFoundError."""
        ...

    async def all(self) -> list[AgentRecord]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamLease:
    """Who runs a team, and until when nobody else may."""

    team_id: TeamId
    owner: str
    fence: int
    until: datetime


class Lease(Protocol):
    """At most one server runs a team. `owner` names one life of one server, so that a restarted one is another.

    Each acquisition of a team has a greater number, its fence, than all before; it never goes back. What keeps a server
    that lost its team from dialling is the fence, which the stores compare in the transaction that would dial
    (`fenced_owner`). Clocks decide only when a team may be taken from a server that is silent: `at` is the caller's
    time, so the servers' clocks must differ by less than the time to live less the interval of renewal. Where they do
    not, a team changes hands for no reason, or late; still nobody is rung twice.

    Every method is one transaction and raises StoreUnavailableError when the database cannot be reached.
    """

    async def acquire(
        self, team_id: TeamId, *, owner: str, ttl: timedelta, at: datetime
    ) -> int | None:
        """Run the team until at + ttl. Returns the new fence; None while another owner's lease runs. Leads that were
        reserved under the fence before go back at once; open attempts stay. An owner that holds the team already gets
        a new fence too."""
        ...

    async def renew(self, team_id: TeamId, *, fence: int, ttl: timedelta, at: datetime) -> bool:
        """Run the team until at + ttl, also when the lease had run out and nobody took the team. False: the fence is
        not the team's any more (taken over or released); stop dialling for it."""
        ...

    async def release(self, team_id: TeamId, *, fence: int) -> None:
        """Anybody may run the team from now on; reserved leads go back. A fence that is not the team's changes nothing."""
        ...

    async def held_by(self, team_id: TeamId, *, at: datetime) -> TeamLease | None:
        """None: nobody's, or the lease has run out."""
        ...

    async def running(self, *, at: datetime) -> list[TeamLease]:
        """All that are somebody's at that instant, by team."""
        ...


def fenced_owner(team_id: TeamId, fence: int) -> str:
    """The owner that reserves leads and opens attempts for a team under this fence."""
    return f"team:{team_id}#{fence}"


def fence_of(owner: str) -> tuple[TeamId, int] | None:
    """Team and fence of a `fenced_owner`; None for any other name, which the stores do not check."""
    found = _FENCED.fullmatch(owner)
    return (TeamId(found["team"]), int(found["fence"])) if found else None


_FENCED = re.compile(r"team:(?P<team>.+)#(?P<fence>[0-9]+)", re.DOTALL)


class StoreHealth(Protocol):
    async def ping(self) -> None:
        """Raises StoreUnavailableError."""
        ...


# --- what the engine tells the outside --------------------------------------------------------------------------------


class ProfileBook(Protocol):
    def get(self, profile_id: str) -> Profile:
        """By id, the latest version; or by id@version. Raises NotFoundError."""
        ...

    @property
    def sectors(self) -> frozenset[str]:
        """Those of which any profile says something."""
        ...

    def law(self, profile_id: str, *, sector: str = "", centre: str = "") -> Law:
        """What holds for a campaign under this profile, called from the country `centre`. Raises NotFoundError."""
        ...


class Metrics(Protocol):
    def event_handled(self, team_id: TeamId, event: Event, seconds: float) -> None: ...

    def decided(self, team_id: TeamId, cpu_seconds: float) -> None:
        """A tick was handled: match, pace, orders. CPU time of the thread, so that a busy machine does not show."""
        ...

    def call_quarantined(self, team_id: TeamId, state: str, event: str) -> None: ...

    def attempt_closed(self, campaign_id: CampaignId, outcome: Outcome) -> None: ...

    def answered_to_bridged(self, campaign_id: CampaignId, seconds: float) -> None: ...

    def store_write(self, what: str, seconds: float, ok: bool) -> None: ...

    def pacing_logged(self, team_id: TeamId, size: int) -> None:
        """So many bytes more on the disk."""
        ...

    def pacing_log_stopped(self, team_id: TeamId) -> None:
        """It could not be written on; tried again later."""
        ...


class PacingLogs(Protocol):
    """Where the pacing logs of this server's teams are kept: one open log a team. One call at a time for each team.

    Methods raise PacingLogDownError; then that log has ended, and the next call for the team is `begin`.
    """

    async def begin(self, team_id: TeamId, at: datetime) -> None:
        """A new log, after the one before has ended. Makes room by removing the oldest."""
        ...

    async def append(self, team_id: TeamId, block: bytes) -> int:
        """To the open log. The bytes that it takes by now."""
        ...

    async def end(self, team_id: TeamId) -> None:
        """Nothing more comes; no fault where none is open."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Stores:
    """The store's ports together: one database behind them."""

    leads: LeadStore
    lists: ListStore
    attempts: AttemptStore
    campaigns: CampaignStore
    clients: ClientStore
    do_not_call: DoNotCallStore
    registers: RegisterStore
    consents: ConsentStore
    trunks: TrunkStore
    agents: AgentDirectory
    leases: Lease
    health: StoreHealth
    ledger: LedgerStore
    audits: MachineAudits
    callbacks: CallbackStore
    close: Callable[[], Awaitable[None]] = field(repr=False)

"""What the memory stores hold together, as the tables of a database do."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush

from dialer.adapters.lead_changes import excluded
from dialer.callbacks import Callback
from dialer.campaign import Campaign
from dialer.clients import MAIN, Client
from dialer.commands import CloseAttempt, PlaceCall
from dialer.consents import ConsentKey, ConsentRecord
from dialer.do_not_call import (
    EVERYBODY,
    DncBook,
    DncChange,
    DncKey,
    DoNotCall,
    addition,
    beginnings,
)
from dialer.errors import NotFoundError
from dialer.ids import (
    AgentId,
    CallbackId,
    CallId,
    CampaignId,
    ClientId,
    LeadId,
    ListId,
    NodeId,
    TeamId,
    TrunkId,
)
from dialer.lead_lists import LeadList, rank_of, tries_of, unnamed_list
from dialer.leads import DEFAULT_LIST, Lead, LeadState
from dialer.ledger import ChainHead, LedgerRow
from dialer.ledger_ports import Audited
from dialer.list_mix import Credit
from dialer.ports import AgentRecord, Attempt, FormerDisposition, TeamLease, fence_of
from dialer.trunks import Trunk

LONG_AGO = datetime.min.replace(tzinfo=UTC)
WAITING = frozenset({LeadState.NEW, LeadState.RETRY, LeadState.RESERVED})


Entry = tuple[int, int, LeadId]
"""Rank, priority upside down, id: in this order are leads taken."""


@dataclass(frozen=True, slots=True)
class StoredLead:
    lead: Lead
    rank: int = 0  # lead_lists.rank_of
    owner: str | None = None  # while RESERVED
    lease_until: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """From when on it may be reserved, if it waits; None: now."""
        state = self.lead.state
        if state is LeadState.RESERVED:
            return self.lease_until
        return self.lead.next_attempt_at if state is LeadState.RETRY else None


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    attempt: Attempt
    phone: str
    node: NodeId
    ruled: LeadState | None = None  # what its disposition makes of the lead, when it closes
    ruled_at: datetime | None = None
    order: PlaceCall | None = None
    close: CloseAttempt | None = None


@dataclass(slots=True)
class WaitingLine:
    """The order in which a campaign's leads are taken, list by list. Entries may be out of date: whoever pops one checks the
    lead."""

    ready: defaultdict[ListId, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    asleep: list[tuple[datetime, LeadId, ListId, Entry]] = field(default_factory=list)
    woken_at: datetime = LONG_AGO
    credit: Credit = field(default_factory=dict)  # of the lists

    def put(self, stored: StoredLead) -> None:
        lead = stored.lead
        entry = (stored.rank, -lead.priority, lead.lead_id)
        if stored.due_at is None:
            heappush(self.ready[lead.list_id], entry)  # best first
        else:
            heappush(self.asleep, (stored.due_at, lead.lead_id, lead.list_id, entry))

    def wake(self, at: datetime) -> None:
        """Sleepers whose time has come are ready from now on, even for a caller whose clock is behind."""
        self.woken_at = max(self.woken_at, at)
        while self.asleep and self.asleep[0][0] <= self.woken_at:
            _, _, list_id, entry = heappop(self.asleep)
            heappush(self.ready[list_id], entry)


class MemoryTables:
    def __init__(self) -> None:
        self.clients: dict[ClientId, Client] = {MAIN.client_id: MAIN}
        self.campaigns: dict[CampaignId, Campaign] = {}
        self.agents: dict[AgentId, AgentRecord] = {}
        self.trunks: dict[TrunkId, Trunk] = {}
        self.lists: dict[CampaignId, dict[ListId, LeadList]] = {}
        self.leads: dict[LeadId, StoredLead] = {}
        self.leads_of: defaultdict[CampaignId, list[LeadId]] = defaultdict(list)
        self.numbers: defaultdict[str, dict[CampaignId, LeadId]] = defaultdict(dict)
        self.dnc: dict[DncKey, DoNotCall] = {}
        self.dnc_changes: list[DncChange] = []
        self.consents: dict[ConsentKey, ConsentRecord] = {}
        self.attempts: dict[CallId, StoredAttempt] = {}
        self.ledger: defaultdict[str, list[LedgerRow]] = defaultdict(list)  # by chain
        self.heads: dict[str, ChainHead] = {}
        self.salts: dict[LeadId, str] = {}
        self.audits: dict[CallId, Audited] = {}
        self.open_leads: dict[LeadId, CallId] = {}
        self.open_numbers: dict[str, CallId] = {}
        self.tried: defaultdict[str, list[CallId]] = defaultdict(list)  # by number and by person
        self.blocked: set[str] = set()  # numbers that a disposition blocks
        self.former_dispositions: list[FormerDisposition] = []
        self.callbacks: dict[CallbackId, Callback] = {}
        self.promised: dict[LeadId, CallbackId] = {}  # those that wait
        self.held: defaultdict[str, set[LeadId]] = defaultdict(set)  # by owner
        self.leases: dict[TeamId, TeamLease] = {}  # also those that were released
        self.released: set[TeamId] = set()
        self.lines: defaultdict[CampaignId, WaitingLine] = defaultdict(WaitingLine)

    def put_lead(
        self,
        lead: Lead,
        *,
        owner: str | None = None,
        lease_until: datetime | None = None,
        tried: bool = False,
    ) -> None:
        """Store a lead, new or changed; who held it lets go of it unless `owner` says so. `tried`: an attempt has ended."""
        known = self.leads.get(lead.lead_id)
        if known is None:
            self.leads_of[lead.campaign_id].append(lead.lead_id)
            for phone in lead.every_phone:
                self.numbers[phone][lead.campaign_id] = lead.lead_id
        elif known.owner is not None:
            self.held[known.owner].discard(lead.lead_id)
        rank = self.rank(lead) if known is None or tried else known.rank
        stored = StoredLead(lead, rank, owner, lease_until)
        self.leads[lead.lead_id] = stored
        if owner is not None:
            self.held[owner].add(lead.lead_id)
        if lead.state in WAITING:
            self.lines[lead.campaign_id].put(stored)

    def put_callback(self, callback: Callback) -> None:
        """Store one, new or changed; of one lead, one waits."""
        self.callbacks[callback.callback_id] = callback
        if callback.waits:
            self.promised[callback.lead_id] = callback.callback_id
        elif self.promised.get(callback.lead_id) == callback.callback_id:
            del self.promised[callback.lead_id]

    def bar(self, entry: DoNotCall) -> bool:
        """As DoNotCallStore.add; whether it is new or lasts longer."""
        known = self.dnc.get(entry.key)
        fresh = known is None or entry.outlasts(known)
        if fresh:
            self.dnc[entry.key] = entry
            self.dnc_changes.append(addition(entry))
        if entry.expires_at is None:
            self._exclude(entry)
        return fresh

    def _exclude(self, entry: DoNotCall) -> None:
        book = DncBook([entry])
        about = self.leads if entry.by_prefix else self.numbers[entry.digits].values()
        for lead in [self.leads[lead_id].lead for lead_id in about]:
            client_id = self.campaigns[lead.campaign_id].policy.client_id
            phones = (lead.phone,) if entry.by_prefix else lead.every_phone
            if lead.state in WAITING and any(book.bars(phone, client_id) for phone in phones):
                self.put_lead(excluded(lead))

    def rank(self, lead: Lead) -> int:
        of = self.lists_of(lead.campaign_id)[lead.list_id].settings
        return rank_of(of.order, of.seed, lead.lead_id, zone=lead.zone, tries=tries_of(lead))

    def lists_of(self, campaign_id: CampaignId) -> dict[ListId, LeadList]:
        """By number; the unnamed one is among them."""
        return {DEFAULT_LIST: unnamed_list(campaign_id)} | self.lists.get(campaign_id, {})

    def is_barred(self, phone: str, campaign_id: CampaignId, at: datetime | None = None) -> bool:
        """Whether the number is on the do-not-call list for the campaign's client, at an instant; None: for good."""
        if not self.dnc:
            return False
        client_id = self.campaigns[campaign_id].policy.client_id
        keys = (
            DncKey(client, part, by_prefix)
            for part in beginnings(phone)
            for client in (EVERYBODY, client_id)
            for by_prefix in (True, False)
        )
        book = DncBook(self.dnc[key] for key in keys if key in self.dnc)
        return book.bars(phone, client_id) if at is None else bool(book.of(phone, client_id, at))

    def bars_one_of(self, lead: Lead) -> bool:
        """For good: one of the lead's numbers."""
        return any(self.is_barred(phone, lead.campaign_id) for phone in lead.every_phone)

    def holds(self, owner: str) -> bool:
        """False for an owner whose fence is not its team's any more."""
        fenced = fence_of(owner)
        return fenced is None or self.lease(*fenced) is not None

    def lease(self, team_id: TeamId, fence: int) -> TeamLease | None:
        """The team's lease, where it is held under this fence."""
        lease = self.leases.get(team_id)
        standing = lease is not None and lease.fence == fence and team_id not in self.released
        return lease if standing else None

    def chain_of(self, campaign_id: CampaignId) -> str:
        """Of the ledger: the client company of the campaign."""
        return self.campaigns[campaign_id].policy.client_id

    def attempt(self, call_id: CallId) -> StoredAttempt:
        """Raises NotFoundError."""
        if call_id not in self.attempts:
            raise NotFoundError("no such attempt")
        return self.attempts[call_id]

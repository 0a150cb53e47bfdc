"""LeadStore in memory."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import islice
from random import Random

from dialer.adapters.lead_changes import SETTLED, after_deferral, after_release, excluded
from dialer.adapters.memory_tables import WAITING, Entry, MemoryTables, StoredLead, WaitingLine
from dialer.do_not_call import EVERYBODY, DncKey, DoNotCall
from dialer.errors import NotFoundError
from dialer.ids import CampaignId, LeadId, ListId, uuid7
from dialer.lead_lists import LeadList, LeadOrder, ListSettings, checked_list, spans
from dialer.leads import Lead, LeadState, NewLead
from dialer.list_mix import ListMix
from dialer.ports import HeldLeads, ImportReport, LeadCounts, LeadHoldings

HOUR = timedelta(hours=1)


class MemoryLeadStore:
    def __init__(self, tables: MemoryTables, random: Random) -> None:
        self._tables = tables
        self._random = random

    async def add(self, leads: Sequence[NewLead], *, at: datetime) -> ImportReport:
        if any(new.campaign_id not in self._tables.campaigns for new in leads):
            raise NotFoundError("no such campaign")
        ids = sorted(uuid7(at, self._random) for _ in leads)  # the order of the list is their age
        added = 0
        if any(new.list_id not in self._tables.lists_of(new.campaign_id) for new in leads):
            raise NotFoundError("no such list")
        for key, new in zip(ids, leads, strict=True):
            lead = _lead_of(LeadId(key), new)
            if any(new.campaign_id in self._tables.numbers[one] for one in lead.every_phone):
                continue
            self._tables.put_lead(excluded(lead) if self._tables.bars_one_of(lead) else lead)
            added += 1
        return ImportReport(added=added, duplicates=len(leads) - added)

    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        if not self._tables.holds(owner):
            return []
        line = self._tables.lines[campaign_id]
        line.wake(at)
        lists = self._tables.lists_of(campaign_id)
        weights = {list_id: each.settings.weight for list_id, each in lists.items()}
        mix: ListMix[Lead] = ListMix(weights, line.credit, count)
        while wanted := mix.wanted():
            finds = {
                list_id: self._take(lists[list_id], wanted[list_id], owner, at + lease, at)
                for list_id in sorted(wanted)
            }
            mix.found(finds)
        line.credit = mix.credit
        return mix.mixed

    def _take(
        self, of: LeadList, most: int, owner: str, until: datetime, at: datetime
    ) -> list[Lead]:
        """The first ready leads of a list, in its order."""
        line = self._tables.lines[of.settings.campaign_id]
        ready = line.ready[of.list_id]
        first = spans(of.settings.order, at)[0][0]
        if of.settings.order is LeadOrder.BEST_HOUR:
            ready[:] = [((rank - first) % 24, more, key) for rank, more, key in ready]
            heapify(ready)
        taken: list[Lead] = []
        busy: list[Entry] = []  # their number is being rung, or may not be for a while
        while ready and len(taken) < most:
            entry = heappop(ready)
            stored = self._tables.leads[entry[-1]]
            if not _takeable(stored, line.woken_at):
                continue
            barred = self._tables.is_barred(stored.lead.phone, of.settings.campaign_id, at)
            if barred or stored.lead.phone in self._tables.open_numbers:
                busy.append(entry)
                continue
            lead = replace(stored.lead, state=LeadState.RESERVED)
            self._tables.put_lead(lead, owner=owner, lease_until=until)
            taken.append(lead)
        for entry in busy:
            heappush(ready, entry)
        if of.settings.order is LeadOrder.BEST_HOUR:
            ready[:] = [((rank + first) % 24, more, key) for rank, more, key in ready]
        return taken

    async def reserve(
        self, lead_id: LeadId, *, owner: str, lease: timedelta, at: datetime
    ) -> Lead | None:
        known = await self.get(lead_id)
        stored = self._tables.leads[lead_id]
        woken_at = max(at, self._tables.lines[known.campaign_id].woken_at)
        free = known.state is not LeadState.RESERVED or stored.owner == owner
        barred = self._tables.is_barred(known.phone, known.campaign_id, at)
        barred = barred or known.phone in self._tables.open_numbers
        to_be_had = known.state in WAITING and (free or _takeable(stored, woken_at))
        if barred or not to_be_had or not self._tables.holds(owner):
            return None
        lead = replace(known, state=LeadState.RESERVED)
        self._tables.put_lead(lead, owner=owner, lease_until=at + lease)
        return lead

    async def release(self, lead_ids: Collection[LeadId], *, owner: str) -> None:
        for lead_id in self._tables.held[owner].intersection(lead_ids):
            self._tables.put_lead(after_release(self._tables.leads[lead_id].lead))

    async def release_owner(self, owner: str) -> int:
        held = set(self._tables.held[owner])
        await self.release(held, owner=owner)
        return len(held)

    async def defer(
        self,
        lead_id: LeadId,
        *,
        owner: str,
        state: LeadState,
        not_before: datetime | None,
        reason: str | None = None,
    ) -> None:
        if lead_id in self._tables.held[owner]:
            lead = self._tables.leads[lead_id].lead
            self._tables.put_lead(after_deferral(lead, state, not_before, reason=reason))

    async def get(self, lead_id: LeadId) -> Lead:
        if lead_id not in self._tables.leads:
            raise NotFoundError("no such lead")
        return self._tables.leads[lead_id].lead

    async def with_number(self, campaign_id: CampaignId, phone: str) -> Lead | None:
        lead_id = self._tables.numbers[phone].get(campaign_id)
        return None if lead_id is None else self._tables.leads[lead_id].lead

    async def page(
        self, campaign_id: CampaignId, *, after: LeadId | None, limit: int, state: LeadState | None
    ) -> list[Lead]:
        leads = [
            lead
            for lead in self._of(campaign_id)
            if (after is None or lead.lead_id > after) and (state is None or lead.state is state)
        ]
        return sorted(leads, key=lambda lead: lead.lead_id)[: max(limit, 0)]

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> LeadCounts:
        leads = self._of(campaign_id)
        found = Counter(lead.state for lead in leads)
        later = [
            lead.next_attempt_at
            for lead in leads
            if lead.state is LeadState.RETRY and lead.next_attempt_at and lead.next_attempt_at > at
        ]
        return LeadCounts(
            by_state={state: found[state] for state in LeadState},
            due=found[LeadState.NEW] + found[LeadState.RETRY] - len(later),
            next_due_at=min(later, default=None),
        )

    async def holdings(self, campaign_id: CampaignId, *, at: datetime) -> LeadHoldings:
        counts = await self.counts(campaign_id, at=at)
        later = await self.counts(campaign_id, at=at + HOUR)
        held = Counter(_hold_of(lead) for lead in self._of(campaign_id))
        return LeadHoldings(
            counted_at=at,
            held=tuple(
                sorted(
                    (replace(each, number=number) for each, number in held.items()),
                    key=lambda each: each.order,
                )
            ),
            due=counts.due,
            next_hour=later.due - counts.due,
            next_due_at=counts.next_due_at,
        )

    async def peek(self, campaign_id: CampaignId, count: int, *, at: datetime) -> list[Lead]:
        line = self._tables.lines[campaign_id]
        line.wake(at)
        lists = self._tables.lists_of(campaign_id)
        ready = {list_id: iter(self._ready(each, at)) for list_id, each in lists.items()}
        weights = {list_id: each.settings.weight for list_id, each in lists.items()}
        mix: ListMix[Lead] = ListMix(weights, line.credit, count)
        while wanted := mix.wanted():
            mix.found({key: [*islice(ready[key], most)] for key, most in wanted.items()})
        return mix.mixed

    def _ready(self, of: LeadList, at: datetime) -> list[Lead]:
        """The leads of a list that may be taken, in its order."""
        line, tables = self._tables.lines[of.settings.campaign_id], self._tables
        first = spans(of.settings.order, at)[0][0]
        turn = 24 if of.settings.order is LeadOrder.BEST_HOUR else 2**60
        entries = sorted(
            {((rank - first) % turn, more, key) for rank, more, key in line.ready[of.list_id]}
        )
        stored = [tables.leads[entry[-1]] for entry in entries]
        return [
            each.lead
            for each in stored
            if _takeable(each, line.woken_at)
            and each.lead.phone not in tables.open_numbers
            and not tables.is_barred(each.lead.phone, of.settings.campaign_id, at)
        ]

    async def add_do_not_call(self, phone: str, *, reason: str, at: datetime) -> None:
        self._tables.bar(DoNotCall(digits=phone, reason=reason, added_at=at))

    async def do_not_call(self, phones: Collection[str]) -> set[str]:
        return {phone for phone in phones if DncKey(EVERYBODY, phone, False) in self._tables.dnc}

    def _of(self, campaign_id: CampaignId) -> list[Lead]:
        return [self._tables.leads[key].lead for key in self._tables.leads_of[campaign_id]]


class MemoryListStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def put(self, wanted: ListSettings, *, at: datetime) -> LeadList:
        checked_list(wanted)
        campaign_id = wanted.campaign_id
        if campaign_id not in self._tables.campaigns:
            raise NotFoundError("no such campaign")
        known = self._tables.lists_of(campaign_id)
        before = next((each for each in known.values() if each.settings.name == wanted.name), None)
        list_id = before.list_id if before else ListId(max(known) + 1)
        created_at = before.created_at if before and before.created_at else at
        stored = LeadList(list_id=list_id, settings=wanted, created_at=created_at)
        self._tables.lists.setdefault(campaign_id, {})[list_id] = stored
        self._rank(stored)
        return stored

    async def all(self, campaign_id: CampaignId) -> list[LeadList]:
        known = self._tables.lists_of(campaign_id)
        return [known[list_id] for list_id in sorted(known)]

    def _rank(self, changed: LeadList) -> None:
        """Its leads get new ranks, and stand in the line anew."""
        tables, campaign_id = self._tables, changed.settings.campaign_id
        line = WaitingLine(
            woken_at=tables.lines[campaign_id].woken_at, credit=tables.lines[campaign_id].credit
        )
        for lead_id in tables.leads_of[campaign_id]:
            stored = tables.leads[lead_id]
            if stored.lead.list_id == changed.list_id:
                stored = tables.leads[lead_id] = replace(stored, rank=tables.rank(stored.lead))
            if stored.lead.state in WAITING:
                line.put(stored)
        line.wake(line.woken_at)
        tables.lines[campaign_id] = line


def _hold_of(lead: Lead) -> HeldLeads:
    """One lead's count."""
    waits = lead.state is LeadState.RETRY and lead.next_attempt_at is not None
    settled = lead.state in SETTLED
    return HeldLeads(
        list_id=lead.list_id,
        state=lead.state,
        reason=(lead.held_by or lead.last_outcome or "") if settled else "",
        number=1,
        wakes_at=_hour_of(lead.next_attempt_at) if waits else None,
    )


def _hour_of(at: datetime | None) -> datetime | None:
    return at and at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _takeable(stored: StoredLead, at: datetime) -> bool:
    return stored.lead.state in WAITING and (stored.due_at is None or stored.due_at <= at)


def _lead_of(lead_id: LeadId, new: NewLead) -> Lead:
    return Lead(
        lead_id=lead_id,
        campaign_id=new.campaign_id,
        phone=new.phone,
        name=new.name,
        zone=new.zone,
        priority=new.priority,
        state=LeadState.NEW,
        attempts=0,
        never_rang=0,
        last_attempt_at=None,
        last_outcome=None,
        last_abandoned_at=None,
        next_attempt_at=None,
        external_id=new.external_id,
        list_id=new.list_id,
        answer_odds=new.answer_odds,
        attributes=new.attributes,
        numbers=new.numbers,
    )

"""DoNotCallStore, RegisterStore and ConsentStore in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from dialer.adapters.memory_tables import WAITING, MemoryTables
from dialer.adapters.person_numbers import whole_leads
from dialer.consents import WITHDRAWN, ConsentRecord, barred_by_withdrawal
from dialer.do_not_call import EVERYBODY, DncAction, DncBook, DncChange, DncKey, DoNotCall
from dialer.errors import NotFoundError
from dialer.ids import CampaignId, ClientId, LeadId
from dialer.leads import Lead
from dialer.registers import RegisterCounts, RegisterResult


class MemoryDoNotCallStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def add(self, entries: Sequence[DoNotCall]) -> int:
        check_clients(self._tables, {entry.client_id for entry in entries} - {EVERYBODY})
        return sum(self._tables.bar(entry) for entry in entries)

    async def remove(self, key: DncKey, *, who: str, at: datetime) -> bool:
        if self._tables.dnc.pop(key, None) is None:
            return False
        self._tables.dnc_changes.append(
            DncChange(action=DncAction.REMOVED, key=key, at=at, who=who, reason="", source="")
        )
        return True

    async def matching(
        self, phones: Collection[str], *, client_id: ClientId, at: datetime
    ) -> dict[str, tuple[DoNotCall, ...]]:
        book = DncBook(self._tables.dnc.values())
        found = {phone: book.of(phone, client_id, at) for phone in phones}
        return {phone: entries for phone, entries in found.items() if entries}

    async def page(self, *, after: DncKey | None, limit: int) -> list[DoNotCall]:
        keys = sorted(self._tables.dnc, key=_place)
        beyond = [key for key in keys if after is None or _place(key) > _place(after)]
        return [self._tables.dnc[key] for key in beyond[:limit]]

    async def changes(self, *, limit: int) -> list[DncChange]:
        return self._tables.dnc_changes[::-1][:limit]


class MemoryRegisterStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._results: dict[tuple[str, str], RegisterResult] = {}

    async def record(self, results: Sequence[RegisterResult]) -> int:
        kept: set[tuple[str, str]] = set()
        for each in results:
            key = (each.phone, each.register)
            known = self._results.get(key)
            if known is None or known.checked_at < each.checked_at:
                self._results[key] = each
                kept.add(key)
        return len(kept)

    async def results(self, phones: Collection[str]) -> dict[str, tuple[RegisterResult, ...]]:
        found: dict[str, tuple[RegisterResult, ...]] = {}
        for phone, register in sorted(self._results):
            if phone in phones:
                found[phone] = (*found.get(phone, ()), self._results[phone, register])
        return found

    async def due(
        self,
        register: str,
        *,
        campaign_id: CampaignId,
        obtained_after: datetime,
        after: LeadId | None,
        limit: int,
    ) -> list[tuple[LeadId, str]]:
        found = [
            (lead.lead_id, phone)
            for lead in self._waiting(campaign_id)
            for phone in lead.every_phone
            if (after is None or lead.lead_id > after)
            and not self._is_fresh(phone, register, obtained_after)
        ]
        return whole_leads(sorted(found), limit)

    async def counts(
        self, register: str, *, campaign_id: CampaignId, obtained_after: datetime
    ) -> RegisterCounts:
        counted = {"never": 0, "listed": 0, "stale": 0, "fresh": 0}
        for lead in self._waiting(campaign_id):
            known = self._results.get((lead.phone, register))
            if known is None:
                counted["never"] += 1
            elif known.listed:
                counted["listed"] += 1
            else:
                counted["fresh" if known.is_fresh(obtained_after) else "stale"] += 1
        return RegisterCounts(**counted)

    def _waiting(self, campaign_id: CampaignId) -> list[Lead]:
        mine = (self._tables.leads[key].lead for key in self._tables.leads_of[campaign_id])
        return [lead for lead in mine if lead.state in WAITING]

    def _is_fresh(self, phone: str, register: str, obtained_after: datetime) -> bool:
        known = self._results.get((phone, register))
        return known is not None and known.is_fresh(obtained_after)


class MemoryConsentStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._list = MemoryDoNotCallStore(tables)

    async def add(self, consents: Sequence[ConsentRecord]) -> int:
        check_clients(self._tables, {record.client_id for record in consents})
        known = self._tables.consents
        given = {record.key: record for record in consents}
        before = len(known)
        for key in sorted(given):
            record, standing = given[key], known.setdefault(key, given[key])
            if standing.withdrawn_at is None and record.withdrawn_at is not None:
                known[key] = replace(standing, withdrawn_at=record.withdrawn_at)
            await self._end_withdrawal(record)
        for record in given.values():
            if record.withdrawn_at is not None:
                await self._bar(
                    record.phone, record.client_id, at=record.withdrawn_at, who=record.who
                )
        return len(known) - before

    async def withdraw(self, phone: str, *, client_id: ClientId, at: datetime, who: str) -> int:
        check_clients(self._tables, {client_id})
        await self._bar(phone, client_id, at=at, who=who)
        standing = [
            record
            for record in self._tables.consents.values()
            if (record.phone, record.client_id) == (phone, client_id)
            and record.withdrawn_at is None
        ]
        for record in standing:
            self._tables.consents[record.key] = replace(record, withdrawn_at=at)
        return len(standing)

    async def of(
        self, phones: Collection[str], *, client_id: ClientId
    ) -> dict[str, tuple[ConsentRecord, ...]]:
        found: dict[str, tuple[ConsentRecord, ...]] = {}
        mine = (r for r in self._tables.consents.values() if r.client_id == client_id)
        for record in sorted(mine, key=lambda r: (r.obtained_at, r.purpose, r.sector)):
            if record.phone in phones:
                found[record.phone] = (*found.get(record.phone, ()), record)
        return found

    async def _bar(self, phone: str, client_id: ClientId, *, at: datetime, who: str) -> None:
        await self._list.add([barred_by_withdrawal(phone, client_id, at, who)])

    async def _end_withdrawal(self, record: ConsentRecord) -> None:
        key = DncKey(record.client_id, record.phone, False)
        entry = self._tables.dnc.get(key)
        if entry is None or entry.source != WITHDRAWN or record.withdrawn_at is not None:
            return
        if entry.added_at < record.obtained_at:
            await self._list.remove(key, who=record.who, at=record.obtained_at)


def check_clients(tables: MemoryTables, wanted: Collection[ClientId]) -> None:
    """Raises NotFoundError."""
    if not tables.clients.keys() >= set(wanted):
        raise NotFoundError("no such client")


def _place(key: DncKey) -> tuple[bool, DncKey]:
    """What holds for everybody comes first."""
    return (key.client_id != EVERYBODY or key.by_prefix, key)

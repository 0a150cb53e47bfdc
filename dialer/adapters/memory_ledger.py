"""LedgerStore and MachineAudits in memory."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from random import Random

from dialer.abandonment import AuditLabel, is_audited
from dialer.adapters.memory_tables import MemoryTables
from dialer.commands import CloseAttempt, RecordDisposition
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import CallId, CampaignId, LeadId
from dialer.leads import LeadState, Outcome
from dialer.ledger import ChainHead, Draft, LedgerRow, PersonalFacts, chained, personal_hash
from dialer.ledger_ports import Audited, AuditTally
from dialer.ledger_records import (
    Opened,
    of_call,
    of_disposition,
    of_erasure,
    of_label,
    of_pruning,
)


class MemoryLedger:
    def __init__(self, tables: MemoryTables, random: Random) -> None:
        self._tables = tables
        self._random = random

    # --- for the AttemptStore -----------------------------------------------------------------------------------------

    def closed(self, opened: Opened, phone: str, close: CloseAttempt) -> None:
        """An attempt has ended."""
        if opened.lead_id not in self._tables.salts:
            self._tables.salts[opened.lead_id] = f"{self._random.getrandbits(128):032x}"
        salt = self._tables.salts[opened.lead_id]
        self._add(of_call(opened, close, personal_hash(salt, "phone", phone)))
        if close.outcome is Outcome.MACHINE and is_audited(opened.call_id):
            answered_at = close.answered_at or opened.answered_at or close.ended_at
            self._tables.audits[opened.call_id] = Audited(
                call_id=opened.call_id, campaign_id=opened.campaign_id, answered_at=answered_at
            )

    def disposed(self, record: RecordDisposition, campaign_id: CampaignId) -> None:
        self._add(of_disposition(record, self._tables.chain_of(campaign_id)))

    def labelled(self, audited: Audited) -> None:
        assert audited.label is not None
        assert audited.labelled_at is not None
        chain, by = self._tables.chain_of(audited.campaign_id), audited.labelled_by or ""
        draft = of_label(audited.call_id, audited.label, by, audited.labelled_at, chain)
        self._add(draft)

    def _add(self, draft: Draft) -> None:
        head = self._tables.heads.get(draft.chain, ChainHead(chain=draft.chain))
        rows, self._tables.heads[draft.chain] = chained(head, [draft])
        self._tables.ledger[draft.chain].extend(rows)

    # --- the port -----------------------------------------------------------------------------------------------------

    async def heads(self) -> list[ChainHead]:
        return [self._tables.heads[chain] for chain in sorted(self._tables.heads)]

    async def page(self, chain: str, *, after: int, limit: int) -> list[LedgerRow]:
        return [row for row in self._tables.ledger[chain] if row.seq > after][:limit]

    async def between(
        self, chain: str, *, since: datetime, until: datetime, after: int, limit: int
    ) -> list[LedgerRow]:
        later = (row for row in self._tables.ledger[chain] if row.seq > after)
        return [row for row in later if since <= row.at < until][:limit]

    async def persons(self, call_ids: Collection[CallId]) -> dict[CallId, PersonalFacts]:
        found: dict[CallId, PersonalFacts] = {}
        for call_id in call_ids:
            if (stored := self._tables.attempts.get(call_id)) is not None:
                salt = self._tables.salts.get(stored.attempt.lead_id)
                found[call_id] = PersonalFacts(salt=salt, phone=stored.phone or None)
        return found

    async def erase(self, lead_id: LeadId, *, at: datetime) -> int:
        tables = self._tables
        if lead_id not in tables.leads:
            raise NotFoundError("no such lead")
        if lead_id in tables.open_leads:
            raise ConflictError("the lead is being called")
        lead = tables.leads[lead_id].lead
        mine = [s for s in tables.attempts.values() if s.attempt.lead_id == lead_id]
        for stored in mine:
            tables.attempts[stored.attempt.call_id] = replace(stored, phone="")
        for phone in lead.every_phone:
            tables.numbers[phone].pop(lead.campaign_id, None)
        blank = f"x{lead_id.replace('-', '')[-19:]}"
        tables.numbers[blank][lead.campaign_id] = lead_id
        gone = replace(lead, phone=blank, name="", external_id=None, next_attempt_at=None)
        gone = replace(gone, attributes=(), numbers=(), state=LeadState.EXCLUDED)
        tables.put_lead(gone)
        for callback in [c for c in tables.callbacks.values() if c.lead_id == lead_id]:
            tables.put_callback(replace(callback, note=""))  # notes say personal things
        tables.salts.pop(lead_id, None)
        self._add(of_erasure(lead_id, len(mine), at, tables.chain_of(lead.campaign_id)))
        return len(mine)

    async def prune(self, chain: str, *, before: datetime, at: datetime) -> int:
        head = self._tables.heads.get(chain, ChainHead(chain=chain))
        rows = self._tables.ledger[chain]
        first = min((row.seq for row in rows if row.at >= before), default=head.count)
        gone = [row for row in rows if row.seq < first]
        if not gone:
            return 0
        self._tables.ledger[chain] = rows[len(gone) :]
        last = gone[-1].hash
        self._tables.heads[chain] = replace(head, first_seq=first, first_prev=last)
        self._add(of_pruning(first, last, before, at, chain))
        return len(gone)


class MemoryMachineAudits:
    def __init__(self, tables: MemoryTables, ledger: MemoryLedger) -> None:
        self._audits = tables.audits
        self._ledger = ledger

    async def to_label(self, campaign_id: CampaignId, limit: int) -> list[Audited]:
        open_ones = (
            one
            for one in self._audits.values()
            if one.campaign_id == campaign_id and one.label is None
        )
        return sorted(open_ones, key=lambda one: (one.answered_at, one.call_id))[:limit]

    async def label(self, call_id: CallId, label: AuditLabel, *, by: str, at: datetime) -> None:
        if call_id not in self._audits:
            raise NotFoundError("no such call in the audit")
        said = replace(self._audits[call_id], label=label, labelled_by=by, labelled_at=at)
        self._audits[call_id] = said
        self._ledger.labelled(said)

    async def tally(self, campaign_ids: Collection[CampaignId], *, most: int) -> AuditTally:
        labelled = [
            one
            for one in self._audits.values()
            if one.campaign_id in campaign_ids and one.label is not None
        ]
        latest = sorted(labelled, key=lambda one: (one.answered_at, one.call_id))[::-1][:most]
        persons = sum(one.label is not AuditLabel.MACHINE for one in latest)
        return AuditTally(labelled=len(latest), persons=persons)

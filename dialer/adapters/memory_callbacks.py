"""CallbackStore in memory."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from dialer.adapters.callback_changes import lead_let_go, lead_moved, with_lead_over
from dialer.adapters.memory_tables import WAITING, MemoryTables
from dialer.callback_ports import CallbackCounts, CallbackFilter
from dialer.callbacks import Callback, CallbackDeed, CallbackState, apply, moved_to
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import AgentId, CallbackId, CampaignId, ClientId, LeadId
from dialer.leads import Lead, LeadState


class MemoryCallbackStore:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def get(self, callback_id: CallbackId) -> Callback:
        if callback_id not in self._tables.callbacks:
            raise NotFoundError("no such callback")
        return self._tables.callbacks[callback_id]

    async def page(
        self,
        campaign_id: CampaignId,
        wanted: CallbackFilter,
        *,
        after: CallbackId | None,
        limit: int,
    ) -> list[Callback]:
        found = [
            each
            for each in self._tables.callbacks.values()
            if each.campaign_id == campaign_id
            and each.client_id == self._tables.campaigns[campaign_id].policy.client_id
            and (after is None or each.callback_id > after)
            and wanted.takes(each)
        ]
        return sorted(found, key=lambda each: each.callback_id)[: max(limit, 0)]

    async def waiting_of(self, lead_ids: Collection[LeadId]) -> dict[LeadId, Callback]:
        waiting = self._tables.promised
        return {
            lead_id: self._tables.callbacks[waiting[lead_id]]
            for lead_id in lead_ids
            if lead_id in waiting
        }

    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        if not self._tables.holds(owner):
            return []
        found = sorted(self._of(campaign_id), key=lambda each: (each.due_at, each.callback_id))
        taken: list[Lead] = []
        for callback in found:
            stored = self._tables.leads[callback.lead_id]
            lead = stored.lead
            ready = stored.due_at is None or stored.due_at <= self._woken_at(campaign_id, at)
            barred = self._tables.is_barred(lead.phone, campaign_id, at)
            rung = lead.phone in self._tables.open_numbers
            if len(taken) >= count or lead.state not in WAITING or not ready or barred or rung:
                continue
            lead = replace(lead, state=LeadState.RESERVED)
            self._tables.put_lead(lead, owner=owner, lease_until=at + lease)
            taken.append(replace(lead, callback=callback))
        return taken

    def _woken_at(self, campaign_id: CampaignId, at: datetime) -> datetime:
        """Sleepers that were woken stay awake."""
        return max(at, self._tables.lines[campaign_id].woken_at)

    async def next_at(self, campaign_id: CampaignId, *, at: datetime) -> datetime | None:
        waiting = list(self._of(campaign_id))
        if not waiting:
            return None
        instants: list[datetime] = []
        for callback in waiting:
            stored = self._tables.leads[callback.lead_id]
            if stored.lead.state in (LeadState.DONE, LeadState.EXCLUDED):
                self._tables.put_callback(with_lead_over(callback, stored.lead, at))
            elif stored.lead.state in WAITING:
                instants.append(max(stored.due_at or at, at))
        return min(instants, default=at)

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> CallbackCounts:
        waiting = list(self._of(campaign_id))
        overdue = sum(each.due_at < at for each in waiting)
        first = min((each.due_at for each in waiting), default=None)
        return CallbackCounts(waiting=len(waiting), overdue=overdue, first_due_at=first)

    async def escalate(self, callback_id: CallbackId, *, at: datetime) -> None:
        known = self._tables.callbacks.get(callback_id)
        if known is not None and known.state is CallbackState.BOOKED:
            self._tables.put_callback(apply(known, CallbackDeed.ESCALATE, at))

    async def move(
        self,
        callback_id: CallbackId,
        *,
        client_id: ClientId,
        due_at: datetime,
        agent_id: AgentId | None,
        at: datetime,
    ) -> Callback:
        callback, lead = await self._known(callback_id, client_id)
        moved = moved_to(callback, due_at, agent_id, at)
        self._tables.put_lead(lead_moved(lead, due_at))
        self._tables.put_callback(moved)
        return moved

    async def cancel(
        self, callback_id: CallbackId, *, client_id: ClientId, reason: str, at: datetime
    ) -> Callback:
        callback, lead = await self._known(callback_id, client_id)
        if callback.state is CallbackState.CANCELLED:
            return callback
        if not callback.waits:
            raise ConflictError(f"the callback is {callback.state.value}")
        cancelled = apply(callback, CallbackDeed.CANCEL, at, reason)
        self._tables.put_lead(lead_let_go(lead, reason))
        self._tables.put_callback(cancelled)
        return cancelled

    async def _known(self, callback_id: CallbackId, client_id: ClientId) -> tuple[Callback, Lead]:
        callback = await self.get(callback_id)
        if callback.client_id != client_id:
            raise NotFoundError("no such callback")
        return callback, self._tables.leads[callback.lead_id].lead

    def _of(self, campaign_id: CampaignId) -> Iterator[Callback]:
        """Those that wait."""
        for callback_id in list(self._tables.promised.values()):
            callback = self._tables.callbacks[callback_id]
            if callback.campaign_id == campaign_id:
                yield callback

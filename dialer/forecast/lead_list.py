"""A finite list of leads for a simulated shift: the memory stores, so reservation, retries and caps are the product's own."""

from collections.abc import Coroutine
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from dialer.adapters.memory import memory_stores
from dialer.campaign import CampaignPolicy
from dialer.campaign_run import HOPPER_LEASE
from dialer.commands import (
    CloseAttempt,
    Command,
    DeferLead,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
    ReleaseLeads,
    RequestLeads,
)
from dialer.events import CallNotPlaced, LeadsReserved
from dialer.ids import LeadId
from dialer.leads import LeadState, NewLead, Outcome
from dialer.ports import Stores
from dialer.simulator.shift import phone_of

OWNER = "forecast"
OVER = frozenset({LeadState.DONE, LeadState.EXCLUDED})
ResultT = TypeVar("ResultT")


def at_once(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of a coroutine that awaits nothing outside itself, as those of the memory stores are."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: ResultT = done.value
        return result
    raise AssertionError("a memory store waits for nothing")


class LeadList:
    """`count` new leads of one campaign; `left` of them may still be tried, `untried` never were. A person who was abandoned is
    left alone for days, and rung again with a reserved agent only: not counted as left until it is rung again."""

    def __init__(self, policy: CampaignPolicy, count: int, *, zone: str, at: datetime) -> None:
        self.stores: Stores = memory_stores(random=Random(1))
        at_once(self.stores.campaigns.save(policy))
        leads = [
            NewLead(campaign_id=policy.campaign_id, phone=phone_of(number), zone=zone)
            for number in range(1, count + 1)
        ]
        at_once(self.stores.leads.add(leads, at=at))
        self.count = count
        self._tried: set[LeadId] = set()
        self._over: set[LeadId] = set()

    @property
    def left(self) -> int:
        return self.count - len(self._over)

    @property
    def untried(self) -> int:
        return self.count - len(self._tried)

    def reserve(self, request: RequestLeads, at: datetime) -> LeadsReserved:
        store = self.stores.leads
        leads = at_once(
            store.reserve_due(
                request.campaign_id, request.count, owner=OWNER, lease=HOPPER_LEASE, at=at
            )
        )
        next_due_at = None
        if not leads:
            next_due_at = at_once(store.counts(request.campaign_id, at=at)).next_due_at
        return LeadsReserved(
            campaign_id=request.campaign_id, leads=tuple(leads), next_due_at=next_due_at, at=at
        )

    def open(self, call: PlaceCall, at: datetime) -> CallNotPlaced | None:
        found = at_once(self.stores.attempts.open([call], owner=OWNER))
        reason = found.refused.get(call.call_id)
        if reason is None:
            self._tried.add(call.lead_id)
            self._over.discard(call.lead_id)
            return None
        until = found.free_at.get(call.call_id)
        return CallNotPlaced(call_id=call.call_id, reason=reason, not_before=until, at=at)

    def keep(self, command: Command, at: datetime) -> None:
        attempts, leads = self.stores.attempts, self.stores.leads
        match command:
            case CloseAttempt():
                at_once(attempts.close(command))
                abandoned = command.outcome is Outcome.ABANDONED
                state = LeadState.DONE if abandoned else command.lead_update.state
                self._note(command.lead_update.lead_id, state)
            case MarkAnswered() | MarkBridged() | RecordDisposition():
                at_once(attempts.record([command]))
            case DeferLead():
                self._defer(command)
            case ReleaseLeads(lead_ids=lead_ids):
                at_once(leads.release(lead_ids, owner=OWNER))
            case _:  # concerns channels and timers
                pass

    def _defer(self, command: DeferLead) -> None:
        state = LeadState.RETRY if command.not_before is not None else LeadState.DONE
        at_once(
            self.stores.leads.defer(
                command.lead_id, owner=OWNER, state=state, not_before=command.not_before
            )
        )
        self._note(command.lead_id, state)

    def _note(self, lead_id: LeadId, state: LeadState) -> None:
        if state in OVER:
            self._tried.add(lead_id)
            self._over.add(lead_id)

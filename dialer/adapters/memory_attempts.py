"""AttemptStore in memory."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from dialer.abandonment import (
    MACHINE_LABEL,
    AbandonFormula,
    AnsweredCall,
    EventClass,
    class_of,
)
from dialer.adapters.call_limits import Tried, looked_at, refused_at, since
from dialer.adapters.callback_changes import after_close, after_word
from dialer.adapters.lead_changes import after_attempt, after_ruling
from dialer.adapters.memory_ledger import MemoryLedger
from dialer.adapters.memory_tables import LONG_AGO, MemoryTables, StoredAttempt
from dialer.adapters.opening import CLOCKS_APART, OpeningFacts, TrunkUse, admitted, none, result
from dialer.adapters.said import barred_by_agent, former_of, said_of, wrong_number_of
from dialer.callbacks import Callback
from dialer.commands import (
    NO_LIMITS,
    CallRecord,
    CloseAttempt,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
)
from dialer.dispositions import Category
from dialer.errors import ConflictError, DialerError
from dialer.events import NotOpened, Screening
from dialer.ids import AgentId, CallbackId, CallId, CampaignId, LeadId
from dialer.leads import LeadState, Outcome
from dialer.ledger_records import Opened
from dialer.ports import Attempt, FormerDisposition, OpenAttempt, OpenResult
from dialer.trunks import Trunk


class MemoryAttemptStore:
    def __init__(self, tables: MemoryTables, ledger: MemoryLedger) -> None:
        self._tables = tables
        self._ledger = ledger

    async def open(self, calls: Sequence[PlaceCall], *, owner: str) -> OpenResult:
        if not self._tables.holds(owner):
            return none(calls, NotOpened.TEAM_LOST)
        room, refused = admitted(calls, self._opening_facts(calls, owner))
        written: set[CallId] = set()
        for call in sorted(room, key=lambda call: call.phone):
            if self._is_taken(call):
                continue
            lead = self._tables.leads[call.lead_id].lead
            self._tables.put_lead(replace(lead, state=LeadState.DIALING, last_attempt_at=call.at))
            self._tables.attempts[call.call_id] = StoredAttempt(
                _attempt_of(call), call.phone, call.node, order=call
            )
            for name in {call.phone, call.limits.person} - {""}:
                self._tables.tried[name].append(call.call_id)
            self._tables.open_leads[call.lead_id] = call.call_id
            self._tables.open_numbers[call.phone] = call.call_id
            written.add(call.call_id)
        return result(calls, written, refused)

    def _opening_facts(self, calls: Sequence[PlaceCall], owner: str) -> OpeningFacts:
        tables = self._tables
        names = {call.trunk for call in calls}
        limited = {name: tables.trunks[name] for name in names & tables.trunks.keys()}
        at = max((call.at for call in calls), default=LONG_AGO)
        return OpeningFacts(
            held={
                call.lead_id: tables.leads[call.lead_id].lead.campaign_id
                for call in calls
                if call.lead_id in tables.held[owner]
                and tables.leads[call.lead_id].lead.phone == call.phone
            },
            barred={
                call.call_id
                for call in calls
                if call.campaign_id in tables.campaigns
                and tables.is_barred(call.phone, call.campaign_id, call.at)
            },
            blocked=tables.blocked,
            tried=self._tried(calls),
            limited=limited,
            uses={name: self._use_of(trunk, at) for name, trunk in limited.items()},
        )

    def _tried(self, calls: Sequence[PlaceCall]) -> list[Tried]:
        limited = looked_at(calls)
        start = since(limited)
        if start is None:
            return []
        names = {name for call in limited for name in (call.phone, call.limits.person)}
        ids = {call_id for name in names for call_id in self._tables.tried[name]}
        found = [self._tables.attempts[call_id] for call_id in ids]
        return [_tried_of(one) for one in found if one.attempt.started_at > start]

    def _note_blocked(self, phone: str) -> None:
        blocked = any(self._attempt(one).blocks_number for one in self._tables.tried[phone])
        change = self._tables.blocked.add if blocked else self._tables.blocked.discard
        change(phone)

    def _use_of(self, trunk: Trunk, at: datetime) -> TrunkUse:
        if not trunk.is_limited:
            return TrunkUse()
        mine = [
            stored.attempt
            for stored in self._tables.attempts.values()
            if stored.attempt.trunk == trunk.trunk_id
        ]
        since = at - trunk.rate[1] if trunk.rate is not None else at
        return TrunkUse(
            open=sum(attempt.ended_at is None for attempt in mine),
            recent=sum(since < attempt.started_at <= at + CLOCKS_APART for attempt in mine),
        )

    def _is_taken(self, call: PlaceCall) -> bool:
        tables = self._tables
        used = call.call_id in tables.attempts or call.lead_id in tables.open_leads
        return used or call.phone in tables.open_numbers

    async def mark_answered(self, call_id: CallId, *, at: datetime) -> None:
        stored = self._open_one(call_id)
        if stored is not None and stored.attempt.answered_at is None:
            self._put(stored, replace(stored.attempt, answered_at=at))

    async def mark_bridged(self, call_id: CallId, *, at: datetime, agent_id: AgentId) -> None:
        stored = self._open_one(call_id)
        if stored is not None and stored.attempt.bridged_at is None:
            self._put(stored, replace(stored.attempt, bridged_at=at, agent_id=agent_id))

    async def close(self, close: CloseAttempt) -> None:
        stored = self._tables.attempt(close.call_id)
        attempt = stored.attempt
        if attempt.ended_at is not None:
            return
        if attempt.lead_id != close.lead_update.lead_id:
            raise ConflictError("the update is of another lead than the attempt")
        lead = self._tables.leads[attempt.lead_id].lead
        lead = after_attempt(
            lead,
            close.lead_update,
            ruled=stored.ruled,
            ruled_at=stored.ruled_at,
            barred=self._tables.bars_one_of(lead),
            wrong_number=close.ended_at if attempt.category is Category.WRONG_NUMBER else None,
        )
        self._tables.put_lead(lead, tried=True)
        waiting = self._promised(attempt.lead_id)
        if waiting is not None:
            self._tables.put_callback(after_close(waiting, close, lead))
        self._put(replace(stored, close=close), _closed(attempt, close))
        self._ledger.closed(self._opened(stored), stored.phone, close)
        del self._tables.open_leads[attempt.lead_id]
        del self._tables.open_numbers[stored.phone]

    async def record_disposition(self, record: RecordDisposition) -> None:
        stored = self._tables.attempt(record.call_id)
        attempt, ruling = stored.attempt, record.ruling
        if attempt.ended_at is None:
            stored = replace(stored, ruled=record.lead_state, ruled_at=record.next_at)
        elif record.lead_state is not None:
            lead = self._tables.leads[attempt.lead_id].lead
            after = after_ruling(
                lead,
                record.lead_state,
                record.next_at,
                barred=self._tables.bars_one_of(lead),
                wrong_number=wrong_number_of(record),
            )
            if after is not None:
                self._tables.put_lead(after)
        mine = self._tables.callbacks.get(CallbackId(record.call_id))
        client_id = self._tables.campaigns[attempt.campaign_id].policy.client_id
        promised = self._promised(attempt.lead_id)
        for callback in after_word(mine, promised, record, attempt, client_id):
            self._tables.put_callback(callback)
        if ruling is not None and ruling.do_not_call:
            lead = self._tables.leads[attempt.lead_id].lead
            for phone in dict.fromkeys((stored.phone, *lead.every_phone)):
                self._tables.bar(barred_by_agent(phone, record))
        former = former_of(attempt, record)
        if former is not None:
            self._tables.former_dispositions.append(former)
        self._put(stored, said_of(attempt, record))
        self._ledger.disposed(record, attempt.campaign_id)
        self._note_blocked(stored.phone)

    async def record(self, records: Sequence[CallRecord]) -> dict[int, DialerError]:
        refused: dict[int, DialerError] = {}
        for place, record in enumerate(records):
            try:
                await self._keep(record)
            except DialerError as error:
                refused[place] = error
        return refused

    async def _keep(self, record: CallRecord) -> None:
        match record:
            case MarkAnswered(call_id=call_id, answered_at=at):
                await self.mark_answered(call_id, at=at)
            case MarkBridged(call_id=call_id, bridged_at=at, agent_id=agent_id):
                await self.mark_bridged(call_id, at=at, agent_id=agent_id)
            case CloseAttempt():
                await self.close(record)
            case RecordDisposition():
                await self.record_disposition(record)

    async def get(self, call_id: CallId) -> Attempt:
        return self._tables.attempt(call_id).attempt

    async def former_dispositions(self, lead_id: LeadId) -> list[FormerDisposition]:
        found = self._tables.former_dispositions
        return [each for each in found if self._attempt(each.call_id).lead_id == lead_id]

    async def still_open(self, campaign_ids: Collection[CampaignId]) -> list[OpenAttempt]:
        found = [
            self._open_attempt_of(attempt)
            for attempt in map(self._attempt, self._tables.open_leads.values())
            if attempt.campaign_id in campaign_ids
        ]
        return sorted(found, key=lambda attempt: (attempt.started_at, attempt.call_id))

    async def of_lead(self, lead_id: LeadId) -> list[Attempt]:
        found = [
            stored.attempt
            for stored in self._tables.attempts.values()
            if stored.attempt.lead_id == lead_id
        ]
        return sorted(found, key=lambda attempt: (attempt.started_at, attempt.call_id))

    async def last_ended(self, campaign_id: CampaignId, count: int) -> list[Attempt]:
        found = [attempt for attempt in self._of(campaign_id) if attempt.ended_at is not None]
        newest = sorted(found, key=lambda attempt: (attempt.started_at, attempt.call_id))[::-1]
        return newest[: max(count, 0)]

    async def outcomes(self, campaign_id: CampaignId) -> dict[Outcome, int]:
        return dict(Counter(outcome for outcome, _ in self._closed_of(campaign_id)))

    async def first_started_at(self, campaign_id: CampaignId) -> datetime | None:
        started = (attempt.started_at for attempt in self._of(campaign_id))
        return min(started, default=None)

    async def closed_since(
        self, campaign_id: CampaignId, *, since: datetime, most: int
    ) -> list[Attempt]:
        closed = [a for a in self._of(campaign_id) if a.ended_at and a.started_at >= since]
        return sorted(closed, key=lambda a: (a.started_at, a.call_id), reverse=True)[:most]

    async def event_counts(
        self,
        campaign_ids: Collection[CampaignId],
        formula: AbandonFormula,
        *,
        since: datetime | None,
        until: datetime | None = None,
    ) -> Counter[EventClass]:
        found: Counter[EventClass] = Counter()
        for stored in self._tables.attempts.values():
            attempt = stored.attempt
            at = attempt.answered_at or attempt.ended_at
            if attempt.campaign_id not in campaign_ids or attempt.ended_at is None or at is None:
                continue
            if (since is not None and at < since) or (until is not None and at >= until):
                continue
            of = class_of(_answered_call(stored), formula)
            if of is not None:
                found[of] += 1
        return found

    # --- inside -------------------------------------------------------------------------------------------------------

    def _attempt(self, call_id: CallId) -> Attempt:
        return self._tables.attempts[call_id].attempt

    def _open_one(self, call_id: CallId) -> StoredAttempt | None:
        stored = self._tables.attempts.get(call_id)
        return stored if stored is not None and stored.attempt.ended_at is None else None

    def _promised(self, lead_id: LeadId) -> Callback | None:
        """What the lead waits for."""
        callback_id = self._tables.promised.get(lead_id)
        return None if callback_id is None else self._tables.callbacks[callback_id]

    def _put(self, stored: StoredAttempt, attempt: Attempt) -> None:
        self._tables.attempts[attempt.call_id] = replace(stored, attempt=attempt)

    def _of(self, campaign_id: CampaignId) -> Iterator[Attempt]:
        attempts = (stored.attempt for stored in self._tables.attempts.values())
        return (attempt for attempt in attempts if attempt.campaign_id == campaign_id)

    def _closed_of(self, campaign_id: CampaignId) -> Iterator[tuple[Outcome, datetime]]:
        """Outcome and instant of answer of the closed ones; the end, where nobody saw the answer."""
        for attempt in self._of(campaign_id):
            if attempt.ended_at is not None and attempt.outcome is not None:
                yield attempt.outcome, attempt.answered_at or attempt.ended_at

    def _opened(self, stored: StoredAttempt) -> Opened:
        attempt, order = stored.attempt, stored.order
        assert order is not None
        return Opened(
            call_id=attempt.call_id,
            campaign_id=attempt.campaign_id,
            lead_id=attempt.lead_id,
            chain=self._tables.chain_of(attempt.campaign_id),
            caller_id=order.caller_id,
            trunk=order.trunk,
            trunk_country=order.trunk_country or None,
            node=order.node,
            profile=order.profile or None,
            checks=" ".join(order.checks) or None,
            started_at=attempt.started_at,
            answered_at=attempt.answered_at,
            bridged_at=attempt.bridged_at,
            agent_id=attempt.agent_id,
        )

    def _open_attempt_of(self, attempt: Attempt) -> OpenAttempt:
        return OpenAttempt(
            call_id=attempt.call_id,
            campaign_id=attempt.campaign_id,
            lead_id=attempt.lead_id,
            trunk=attempt.trunk,
            started_at=attempt.started_at,
            answered_at=attempt.answered_at,
            bridged_at=attempt.bridged_at,
            agent_id=attempt.agent_id,
            attempts=self._tables.leads[attempt.lead_id].lead.attempts,
            node=self._tables.attempts[attempt.call_id].node,
        )


def _tried_of(stored: StoredAttempt) -> Tried:
    attempt, limits = stored.attempt, stored.order.limits if stored.order else NO_LIMITS
    return Tried(
        call_id=attempt.call_id,
        phone=stored.phone,
        client_id=limits.client_id,
        person=limits.person or stored.phone,
        subject=limits.subject,
        started_at=attempt.started_at,
        outcome=attempt.outcome,
        refused_at=refused_at(attempt.category, attempt.disposed_at),
    )


def _answered_call(stored: StoredAttempt) -> AnsweredCall:
    attempt, close = stored.attempt, stored.close
    assert attempt.outcome is not None
    assert attempt.ended_at is not None
    assert close is not None
    waited = None
    if attempt.answered_at is not None:
        waited = (attempt.bridged_at or attempt.ended_at) - attempt.answered_at
    said = attempt.category is Category.MACHINE or (
        attempt.category is None and attempt.disposition == MACHINE_LABEL
    )
    heard = close.screening is Screening.MACHINE and attempt.outcome is Outcome.LOST
    return AnsweredCall(
        outcome=attempt.outcome,
        answered=attempt.answered_at is not None,
        waited=waited,
        screened=close.screened,
        message=close.message,
        machine=said or heard,
    )


def _attempt_of(call: PlaceCall) -> Attempt:
    return Attempt(
        call_id=call.call_id,
        campaign_id=call.campaign_id,
        lead_id=call.lead_id,
        trunk=call.trunk,
        started_at=call.at,
        ringing_at=None,
        answered_at=None,
        bridged_at=None,
        ended_at=None,
        outcome=None,
        cause=None,
        agent_id=None,
        disposition=None,
    )


def _closed(attempt: Attempt, close: CloseAttempt) -> Attempt:
    """What was marked while the call was up stays where the close does not know it."""
    return replace(
        attempt,
        ringing_at=close.ringing_at,
        answered_at=close.answered_at or attempt.answered_at,
        bridged_at=close.bridged_at or attempt.bridged_at,
        ended_at=close.ended_at,
        outcome=close.outcome,
        cause=close.cause,
        agent_id=close.agent_id or attempt.agent_id,
    )

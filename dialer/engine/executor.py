"""Carries out a team's commands. A command that failed comes back as an event, so that the rulebook decides what follows.

Write, then ring: the attempts of one decision are committed in one transaction before the first Originate leaves. Bridges
and hang-ups do not wait behind writes.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer.campaign_run import HOPPER_LEASE
from dialer.commands import (
    BridgeToAgent,
    CallRecord,
    CancelTimer,
    CheckCalls,
    CloseAttempt,
    Command,
    DeferLead,
    EscalateCallback,
    HangUp,
    HangUpLeg,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
    ReleaseLeads,
    RequestCallbacks,
    RequestLeads,
    StartTimer,
)
from dialer.engine.facts import with_facts
from dialer.engine.tasks import TaskSet
from dialer.engine.writer import StoreWriter
from dialer.errors import StoreUnavailableError, TelephonyDownError, TelephonyError
from dialer.events import (
    STORE_SLOW,
    WRITTEN_TOO_LATE,
    BridgeFailed,
    CallbacksReserved,
    CallNotPlaced,
    CallRefused,
    Event,
    LeadsReserved,
)
from dialer.ids import CampaignId, NodeId
from dialer.leads import Lead, LeadState
from dialer.logs import get_logger
from dialer.ports import Clock, Metrics, Stores, Telephony

logger = get_logger(__name__)

TOO_LATE = timedelta(seconds=3)
"""A call that was decided longer ago is not rung: what allowed it (a free agent, the hours) may have passed, and reconciliation,
ours or that of the server which has taken the team over, would soon take it for lost. Shorter than reconcile.SETTLING and
than what is left of a lease at any renewal, so that a server that stood still in between rings nobody when it wakes."""

WAITED = timedelta(seconds=1)
"""A call that waited longer for its turn to be written is not written at all: its lead goes back to the hopper."""

AT_ONCE = 200
"""Entries in one transaction; bounds how long the others wait."""

_LeadChange = RequestLeads | RequestCallbacks | EscalateCallback | DeferLead | ReleaseLeads


@dataclass(frozen=True, slots=True)
class _Order:
    call: PlaceCall
    decided: float  # by the event loop's clock


class Executor:
    """Of one team; what concerns a call goes to the server that it is on.

    `start_timer`, `cancel_timer` and `check` belong to the runner.
    """

    def __init__(
        self,
        *,
        owner: str,
        stores: Stores,
        telephony: Mapping[NodeId, Telephony],
        writer: StoreWriter,
        clock: Clock,
        metrics: Metrics,
        post: Callable[[Event], None],
        start_timer: Callable[[str, datetime], None],
        cancel_timer: Callable[[str], None],
        check: Callable[[NodeId], None],
    ) -> None:
        self._owner = owner
        self._stores = stores
        self._telephony = telephony
        self._clock = clock
        self._metrics = metrics
        self._post = post
        self._start_timer = start_timer
        self._cancel_timer = cancel_timer
        self._check = check
        self._tasks = TaskSet()
        # In the order in which they are served. A record speaks of a call that rings or rang, an order of a lead that is
        # reserved: neither can overtake anything that it depends on.
        self._records = writer.line("record", self._record, most=AT_ONCE)
        self._opens = writer.line(
            "open", self._open_and_ring, give_up=self._not_written, most=AT_ONCE
        )
        self._lead_changes = writer.line("lead", self._change_lead)
        self._reserving = False  # leads were asked for, and the answer has not come

    async def close(self) -> None:
        await self._tasks.close()

    def execute(self, commands: list[Command]) -> None:
        """Begin to carry out the commands, in their order. Returns at once."""
        calls = [command for command in commands if isinstance(command, PlaceCall)]
        for command in commands:
            if not isinstance(command, PlaceCall):
                self._begin(command)
        if calls:
            self._begin_calls(calls)

    def _begin(self, command: Command) -> None:
        match command:
            case BridgeToAgent():
                self._tasks.spawn(self._bridge(command), "bridge")
            case HangUp(call_id=channel, node=node) | HangUpLeg(leg=channel, node=node):
                self._tasks.spawn(self._hang_up(channel, node), "hang_up")
            case StartTimer(key=key, due_at=due_at):
                self._start_timer(key, due_at)
            case CancelTimer(key=key):
                self._cancel_timer(key)
            case CheckCalls(node=node):
                self._check(node)
            case PlaceCall():
                self._begin_calls([command])
            case _:
                self._write(command)

    def _write(self, command: CallRecord | _LeadChange) -> None:
        match command:
            case MarkAnswered() | MarkBridged() | CloseAttempt() | RecordDisposition():
                if isinstance(command, CloseAttempt):
                    self._metrics.attempt_closed(command.campaign_id, command.outcome)
                self._records.put(command)
            case _:
                self._lead_changes.put(command)

    async def _record(self, records: list[CallRecord]) -> None:
        attempts = self._stores.attempts
        try:
            refused = await attempts.record(records)
        except StoreUnavailableError:
            raise
        except Exception:
            if len(records) == 1:
                raise
            logger.exception("records_failed", records=len(records))
            for (
                record
            ) in records:  # the one that cannot be written must not take the others with it
                await self._record_alone(record)
            return
        for error in refused.values():
            logger.error("write_refused", what="record", reason=error)

    async def _record_alone(self, record: CallRecord) -> None:
        try:
            await self._record([record])
        except StoreUnavailableError:
            raise
        except Exception:
            logger.exception("write_failed", what=type(record).__name__)

    async def _change_lead(self, commands: list[_LeadChange]) -> None:
        for command in commands:
            match command:
                case RequestLeads():
                    await self._reserve(command)
                case RequestCallbacks():
                    await self._reserve_callbacks(command)
                case EscalateCallback(callback_id=callback_id, at=at):
                    await self._stores.callbacks.escalate(callback_id, at=at)
                case DeferLead():
                    await self._defer(command)
                case ReleaseLeads(lead_ids=lead_ids):
                    await self._stores.leads.release(lead_ids, owner=self._owner)

    # --- write, then ring ---------------------------------------------------------------------------------------------

    def _begin_calls(self, calls: list[PlaceCall]) -> None:
        now = asyncio.get_running_loop().time()
        for call in calls:
            self._opens.put(_Order(call, now))

    def _not_written(self, orders: list[_Order]) -> None:
        """Their leads go back as soon as the store takes it, which is also how its return is noticed. An attempt that was
        written all the same keeps its lead: reconciliation closes it."""
        calls = [order.call for order in orders]
        self._not_placed(calls, "store_unavailable")
        self._write(ReleaseLeads(lead_ids=tuple(call.lead_id for call in calls)))

    async def _open_and_ring(self, orders: list[_Order]) -> None:
        waited = [order.call for order in orders if self._is_older(order, WAITED)]
        orders = [order for order in orders if order.call not in waited]
        # The attempt begins when it is written, not when it was decided: a trunk's calls per second are counted by that.
        beginning = [replace(order.call, at=self._clock.now()) for order in orders]
        result = await self._stores.attempts.open(beginning, owner=self._owner)
        self._not_placed(waited, STORE_SLOW)
        for call_id, reason in result.refused.items():
            self._post(
                CallNotPlaced(
                    call_id=call_id,
                    reason=reason,
                    not_before=result.free_at.get(call_id),
                    at=self._clock.now(),
                )
            )
        for order in orders:
            if order.call.call_id in result.written:
                self._tasks.spawn(self._place(order), "place")

    def _is_older(self, order: _Order, age: timedelta) -> bool:
        """By either clock: one may be set back, the other stands still while a machine sleeps."""
        passed = asyncio.get_running_loop().time() - order.decided
        return self._clock.now() - order.call.at > age or passed > age.total_seconds()

    def _not_placed(self, calls: list[PlaceCall], reason: str) -> None:
        for call in calls:
            self._post(CallNotPlaced(call_id=call.call_id, reason=reason, at=self._clock.now()))

    async def _place(self, order: _Order) -> None:
        """Between the look at the clocks and the first byte there is no await: a process that is stopped anywhere before
        rings nobody when it goes on."""
        call = order.call
        if self._is_older(order, TOO_LATE):
            now = self._clock.now()
            self._post(CallRefused(call_id=call.call_id, reason=WRITTEN_TOO_LATE, at=now))
            return
        try:
            await self._telephony[call.node].place(call)
        except TelephonyDownError:
            # Its fate is unknown: it may ring. Reconciliation finds out; nothing is sent again.
            logger.warning("place_unknown", call=call.call_id)
        except TelephonyError as error:
            logger.warning("place_refused", call=call.call_id, reason=error)
            now = self._clock.now()
            self._post(CallRefused(call_id=call.call_id, reason=str(error), at=now))

    async def _bridge(self, order: BridgeToAgent) -> None:
        try:
            await self._telephony[order.node].bridge(order)
        except TelephonyDownError:
            # It may have been done: the events, or reconciliation, will tell.
            logger.warning("bridge_unknown", call=order.call_id)
        except TelephonyError as error:
            self._post(
                BridgeFailed(
                    call_id=order.call_id,
                    agent_id=order.agent_id,
                    reason=str(error),
                    at=self._clock.now(),
                )
            )

    async def _hang_up(self, channel: str, node: NodeId) -> None:
        try:
            await self._telephony[node].hang_up(channel)
        except TelephonyError as error:
            logger.warning("hang_up_failed", reason=error)

    # --- leads --------------------------------------------------------------------------------------------------------

    async def _reserve(self, request: RequestLeads) -> None:
        now = self._clock.now()
        await self._begin_reserving()
        leads = await self._stores.leads.reserve_due(
            request.campaign_id, request.count, owner=self._owner, lease=HOPPER_LEASE, at=now
        )
        next_due_at = None
        if not leads:
            counts = await self._stores.leads.counts(request.campaign_id, at=now)
            next_due_at = counts.next_due_at
        promised = await self._stores.callbacks.waiting_of({lead.lead_id for lead in leads})
        leads = [replace(lead, callback=promised.get(lead.lead_id)) for lead in leads]
        known = await self._known(request.campaign_id, leads, now)
        self._reserving = False
        self._post(
            LeadsReserved(
                campaign_id=request.campaign_id,
                leads=known,
                next_due_at=next_due_at,
                at=self._clock.now(),
            )
        )

    async def _reserve_callbacks(self, request: RequestCallbacks) -> None:
        now, callbacks = self._clock.now(), self._stores.callbacks
        await self._begin_reserving()
        leads = await callbacks.reserve_due(
            request.campaign_id, request.count, owner=self._owner, lease=HOPPER_LEASE, at=now
        )
        next_at = await callbacks.next_at(request.campaign_id, at=now)
        known = await self._known(request.campaign_id, leads, now)
        self._reserving = False
        self._post(
            CallbacksReserved(
                campaign_id=request.campaign_id, leads=known, next_at=next_at, at=self._clock.now()
            )
        )

    async def _begin_reserving(self) -> None:
        if self._reserving:
            # It was tried before, and may have been done: those leads are in no hopper. What is, is reserved again or let go.
            await self._stores.leads.release_owner(self._owner)
        self._reserving = True

    async def _known(
        self, campaign_id: CampaignId, leads: list[Lead], now: datetime
    ) -> tuple[Lead, ...]:
        """With what the law asks of their numbers."""
        policy = (await self._stores.campaigns.get(campaign_id)).policy
        return tuple(await with_facts(self._stores, leads, policy.client_id, now))

    async def _defer(self, command: DeferLead) -> None:
        final = LeadState.EXCLUDED if command.reason == "do_not_call" else LeadState.DONE
        await self._stores.leads.defer(
            command.lead_id,
            owner=self._owner,
            state=LeadState.RETRY if command.not_before is not None else final,
            not_before=command.not_before,
            reason=command.reason,
        )

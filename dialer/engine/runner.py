"""Runs one team: one task, one inbox, one event at a time. Everybody else only posts events."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from dialer.agents import AgentPhase
from dialer.commands import Command
from dialer.engine.clock_watch import ClockWatch, restamped
from dialer.engine.executor import Executor
from dialer.engine.pacing_tape import PacingTape
from dialer.engine.reconcile import SETTLING, look
from dialer.engine.tasks import TaskSet
from dialer.engine.writer import StoreWriter
from dialer.errors import DialerError, IllegalTransitionError
from dialer.events import (
    CallBridged,
    CallEvent,
    ClockStepped,
    Event,
    StoreDown,
    StoreUp,
    TelephonyDown,
    TelephonyUp,
    Ticked,
    TimerFired,
)
from dialer.ids import NodeId
from dialer.logs import get_logger
from dialer.ports import Clock, Metrics, Stores, Telephony
from dialer.team import Team
from dialer.team_view import view
from dialer.views import TeamView

logger = get_logger(__name__)

TICK_SECONDS = 0.25
CHECK_DELAY_SECONDS = 1.0
"""Requests to look on the exchange are gathered this long: one look serves them all."""

RETRY_SECONDS = 2.0
SETTLED_SECONDS = SETTLING.total_seconds() + 0.5
SETTLED_CHECK = "check:settled"


class TeamRunner:
    """Owns a Team. `post` from the event loop's thread only. `telephony`: every server that the team knows.
    `tape`: of the team's board, where it is recorded."""

    def __init__(
        self,
        team: Team,
        *,
        stores: Stores,
        telephony: Mapping[NodeId, Telephony],
        clock: Clock,
        metrics: Metrics,
        owner: str,
        tape: PacingTape | None = None,
    ) -> None:
        self.team = team
        self.owner = owner  # of the leads that it reserves
        self._tape = tape
        self.writer = StoreWriter(metrics, self._store_down, self._store_up)
        self._clock = clock
        self._metrics = metrics
        self._telephony = telephony
        self._stores = stores
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._due: dict[str, datetime] = {}
        self._watch = ClockWatch(clock)
        self._tasks = TaskSet()
        self._checking: dict[NodeId, asyncio.Task[None]] = {}
        self._check_wanted: set[NodeId] = set()
        self._links: Counter[NodeId] = Counter()  # how often each link came up or went down
        self._ticks_waiting = 0
        self._changed = asyncio.Event()  # set after every event
        self._executor = Executor(
            owner=owner,
            stores=stores,
            telephony=telephony,
            writer=self.writer,
            clock=clock,
            metrics=metrics,
            post=self.post,
            start_timer=self._start_timer,
            cancel_timer=self._cancel_timer,
            check=self._check_soon,
        )

    # --- from outside -------------------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        self._inbox.put_nowait(event)

    @property
    def backlog(self) -> int:
        return self._inbox.qsize()

    def view(self) -> TeamView:
        return view(self.team, self._clock.now())

    def start(self) -> None:
        if self._tape is not None:
            self._tape.start()
        self._tasks.spawn(self._run(), "runner")
        self._tasks.spawn(self.writer.run(), "writer")
        self._tasks.spawn(self._tick(), "tick")

    async def settle(self) -> None:
        """Wait until every event posted so far is applied and every write that followed is done."""
        while True:
            await self._inbox.join()
            await self.writer.flush()
            if self._inbox.empty() and self.writer.idle:
                return  # a write's own events, and the writes that follow from them, are done too

    async def quiet(self) -> None:
        """Wait until no call is up and nobody wraps one up; give it a deadline. Useful once the team drains."""
        await self.settle()
        while self.team.calls or any(
            agent.phase is AgentPhase.WRAP_UP for agent in self.team.agents.values()
        ):
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        for handle in self._timers.values():
            handle.cancel()
        await self._tasks.close()  # first: nothing more is decided
        await self._executor.close()
        if self._tape is not None:
            await self._tape.close()

    def link_up(self, node: NodeId) -> None:
        """The server can be reached again: reconcile, then dial there."""
        self._links[node] += 1
        self._tasks.spawn(self._reconcile_until_done(node, self._links[node]), "reconcile")

    def link_down(self, node: NodeId, reason: str) -> None:
        self._links[node] += 1
        self.post(TelephonyDown(node=node, reason=reason, at=self._clock.now()))

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            event = await self._inbox.get()
            try:
                self._handle(event)
            except Exception:
                logger.exception("event_failed", team=self.team.team_id, what=type(event).__name__)
            finally:
                self._inbox.task_done()
                self._changed.set()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Ticked):
            self._ticks_waiting -= 1
        if (by := self._watch.step()) is not None:
            event = self._clock_stepped(by, event)
        started = asyncio.get_running_loop().time()
        campaigns = len(self.team.runs)
        try:
            commands = self._decided(event)
        except IllegalTransitionError as error:
            self._metrics.call_quarantined(self.team.team_id, error.state, error.event)
            logger.error(
                "illegal_transition",
                team=self.team.team_id,
                thing=error.thing,
                state=error.state,
                what=error.event,
                call=getattr(event, "call_id", None),
                agent=getattr(event, "agent_id", None),
            )
            commands = self.team.quarantine(event) if isinstance(event, CallEvent) else []
        if len(self.team.runs) > campaigns:
            self._check_all()  # for an earlier life's calls: the look when the link came up passed them over
            self._check_settled()
        self._executor.execute(commands)
        seconds = asyncio.get_running_loop().time() - started
        self._metrics.event_handled(self.team.team_id, event, seconds)
        if isinstance(event, CallBridged):
            self._note_bridged(event)

    def _decided(self, event: Event) -> list[Command]:
        if not isinstance(event, Ticked):
            return self.team.handle(event)
        cpu = time.thread_time()
        commands = self.team.handle(event)
        self._metrics.decided(self.team.team_id, time.thread_time() - cpu)
        return commands

    def _note_bridged(self, event: CallBridged) -> None:
        call = self.team.calls.get(event.call_id)
        if call is not None and call.answered_at and call.bridged_at == event.at:
            wait = (event.at - call.answered_at).total_seconds()
            self._metrics.answered_to_bridged(call.order.campaign_id, wait)

    async def _tick(self) -> None:
        while True:
            if self._ticks_waiting == 0:
                self._ticks_waiting += 1
                self.post(Ticked(at=self._clock.now()))
            await asyncio.sleep(TICK_SECONDS)

    # --- timers -------------------------------------------------------------------------------------------------------

    def _start_timer(self, key: str, due_at: datetime) -> None:
        self._cancel_timer(key)
        delay = max((due_at - self._clock.now()).total_seconds(), 0.0)
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(delay, self._fire, key)
        self._due[key] = due_at

    def _cancel_timer(self, key: str) -> None:
        self._due.pop(key, None)
        handle = self._timers.pop(key, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, key: str) -> None:
        self._timers.pop(key, None)
        self.post(TimerFired(key=key, at=max(self._clock.now(), self._due.pop(key))))

    def _clock_stepped(self, by: timedelta, event: Event) -> Event:
        """Tell the team, and set right what waits: timers, the inbox, and the event at hand, which is returned."""
        now = self._clock.now()
        logger.warning("clock_stepped", team=self.team.team_id, seconds=by.total_seconds())
        self._executor.execute(self.team.handle(ClockStepped(by=by, at=now)))
        self._due = {key: due_at + by for key, due_at in self._due.items()}
        for _ in range(self._inbox.qsize()):
            self._inbox.put_nowait(restamped(self._inbox.get_nowait(), by, now))
            self._inbox.task_done()
        return restamped(event, by, now)

    # --- the truth ----------------------------------------------------------------------------------------------------

    def _store_down(self, reason: str) -> None:
        self.post(StoreDown(reason=reason, at=self._clock.now()))

    def _store_up(self) -> None:
        self.post(StoreUp(at=self._clock.now()))
        self._check_settled()  # a write may have been done though its answer was lost

    def _check_settled(self) -> None:
        """Look once what is younger than SETTLING has come of age: until then reconciliation passes it over."""
        self._cancel_timer(SETTLED_CHECK)
        loop = asyncio.get_running_loop()
        self._timers[SETTLED_CHECK] = loop.call_later(SETTLED_SECONDS, self._check_all)

    def _check_all(self) -> None:
        for node in self.team.nodes.up:
            self._check_soon(node)

    def _check_soon(self, node: NodeId) -> None:
        self._check_wanted.add(node)
        checking = self._checking.get(node)
        if checking is None or checking.done():
            self._checking[node] = self._tasks.spawn(self._check(node), "check")

    async def _check(self, node: NodeId) -> None:
        """Look until a look that began after the last request has succeeded."""
        while node in self._check_wanted:
            await asyncio.sleep(CHECK_DELAY_SECONDS)
            self._check_wanted.discard(node)
            try:
                await self._reconcile(node)
            except DialerError as error:
                logger.warning("check_failed", team=self.team.team_id, node=node, reason=error)
                if self.team.nodes.is_up(node):  # else the link's return brings a look
                    self._check_wanted.add(node)
                await asyncio.sleep(RETRY_SECONDS)

    async def _reconcile_until_done(self, node: NodeId, link: int) -> None:
        """Until it is done, or the link has gone down meanwhile: its return begins anew."""
        while link == self._links[node]:
            try:
                await self._reconcile(node)
            except Exception as error:
                # Also for a fault of ours: without this the team would never dial again.
                known = isinstance(error, DialerError)
                logger.warning(
                    "reconcile_failed",
                    team=self.team.team_id,
                    node=node,
                    reason=error,
                    exc_info=not known,
                )
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if link == self._links[node]:
                    self.post(TelephonyUp(node=node, at=self._clock.now()))
                    self._check_settled()
                return

    async def _reconcile(self, node: NodeId) -> None:
        await self.settle()
        found = await look(
            self.team, node, self._telephony[node], self._stores.attempts, self._clock.now()
        )
        if found.events:
            logger.info("reconciled", team=self.team.team_id, node=node, events=len(found.events))
        for event in found.events:
            self.post(event)
        if found.unsettled:
            self._check_settled()

"""The supervisor of one Asterisk: two links, kept up for as long as `run` lasts.

Theory of operation
-------------------
Asterisk works a session's actions off one by one and holds its events back meanwhile. So there are two
links: *events* carries events and sends nothing but Ping; *actions* is logged in with `Events: off`
and carries everything else. They live and die together: whatever ends one of them ends the session.

A session: connect and log in both, wait until Asterisk has booted (`FullyBooted`, or an answer to
`CoreStatus` where that event does not come), then `on_up(generation)`. From there to
`on_down(reason)` the events go to `on_event(event, generation)`; never outside of that span. The
owner reconciles in answer to `on_up`: what happened before is not told, and no action is sent again.
`generation` is a number that grows with every session, so that what an older session said or was
asked for can be told from what this one says.

A try that does not come up is told by `on_failed(reason)`.

Between sessions the node waits: 0.5 s doubled up to 30 s, each shortened by chance so that many nodes
do not come back in step; from the start again after a session that held. `Event: Shutdown` ends the
session as a lost link does, once.
"""

import asyncio
import contextlib
import errno
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from dialer.ami import (
    ActionIds,
    AsyncManager,
    Ev,
    ManagerAuthException,
    ManagerException,
    ManagerSocketException,
    Msg,
    log_callback_error,
)
from dialer.ami_protocol import Headers
from dialer.ami_stats import AmiStats
from dialer.logs import get_logger

logger = get_logger(__name__)

DEFAULT_EVENTS: Final = "system,call,agent,user"
_CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class AmiEndpoint:
    """Where an Asterisk listens and how to log in. The repr does not show the secret."""

    host: str
    username: str
    secret: str = field(repr=False)
    port: int = 5038
    md5: bool = True
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    server_hostname: str | None = None
    name: str = "asterisk"


@dataclass(frozen=True, slots=True)
class AmiTimings:
    """Deadlines in seconds."""

    connect: float = 10.0
    login: float = 10.0
    action: float = 10.0
    ping_interval: float = 10.0
    ping_deadline: float = 5.0
    booted_event: float = 2.0  # wait this long for FullyBooted, then ask CoreStatus
    booted: float = 60.0  # give the session up when Asterisk has not booted by then
    stable: float = 10.0  # a session that held this long starts the back-off anew


class Backoff:
    """Delays that double from `first` to `most`; each is cut by chance to between half and all of it."""

    def __init__(self, rng: random.Random, first: float = 0.5, most: float = 30.0) -> None:
        self._rng = rng
        self._first = first
        self._most = most
        self._ceiling = first

    def next(self) -> float:
        """The delay before the next try."""
        ceiling, self._ceiling = self._ceiling, min(self._ceiling * 2, self._most)
        return ceiling * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """The next delay is the first one again."""
        self._ceiling = self._first


class _Session:
    """One pair of links, with what ends it."""

    def __init__(self, events: AsyncManager, actions: AsyncManager, generation: int) -> None:
        self.events = events
        self.actions = actions
        self.generation = generation
        self.booted = asyncio.Event()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)


class AmiNode:
    """Keeps the links to one Asterisk up; see the head of this file for what is called when.

    Callbacks are synchronous and short; what they raise is logged and counted. Use either
    ``await node.run()`` in a task of yours, or ``node.start()`` ... ``await node.close()``.
    """

    def __init__(
        self,
        endpoint: AmiEndpoint,
        *,
        on_event: Callable[[Ev, int], object],
        on_up: Callable[[int], object],
        on_down: Callable[[str], object],
        rng: random.Random,
        on_failed: Callable[[str], object] = lambda reason: None,
        events: str = DEFAULT_EVENTS,
        backoff: Backoff | None = None,
        timings: AmiTimings | None = None,
        stats: AmiStats | None = None,
        action_ids: ActionIds | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.stats = AmiStats() if stats is None else stats
        self.generation = 0
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._on_failed = on_failed
        self._mask = events
        self._backoff = Backoff(rng) if backoff is None else backoff
        self._timings = AmiTimings() if timings is None else timings
        self._action_ids = ActionIds() if action_ids is None else action_ids
        self._session: _Session | None = None  # set while up
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Both links are logged in, Asterisk has booted, and nothing is known to be wrong."""
        return self._session is not None and not self._session.ended.done()

    @property
    def pending(self) -> int:
        """How many actions wait for their answer."""
        return 0 if self._session is None else self._session.actions.pending

    async def wait_up(self) -> int:
        """Wait until the node is up; its generation. Give it a deadline with `asyncio.timeout`."""
        await self._up.wait()
        return self.generation

    def start(self) -> None:
        """Begin to run in a task of this object's own. Harmless when it runs."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(
                self.run(), name=f"ami-{self.endpoint.name}"
            )
            self._task.add_done_callback(self._ran)

    async def close(self) -> None:
        """Stop what `start` began: links closed, `on_down("closed")` called if the node was up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def _ran(self, task: "asyncio.Task[None]") -> None:
        """The task of `start` has ended: by `close`, or by a fault of ours that must be seen."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log_callback_error(logger, "supervisor", error)

    async def action(self, headers: Headers, *, timeout: float | None = None) -> Msg:
        """Send one action on the actions link; its response, also when that is an Error.

        Raises ManagerSocketException (down, or lost before the answer: the fate is unknown),
        ActionTimeoutError (fate unknown), UnsafeActionError (nothing was sent). Never sends twice.
        """
        session = self._session
        if session is None or session.ended.done():
            raise ManagerSocketException(errno.ENOTCONN, "the node is down")
        return await session.actions.send_action(headers, timeout=timeout)

    async def list_action(self, headers: Headers, *, timeout: float | None = None) -> list[Ev]:
        """Send an action that is answered by a list; its items, all of them.

        Raises as `action` does, and ManagerException when Asterisk refuses or breaks the list off.
        """
        response = await self.action(headers, timeout=timeout)
        if not response.ok:
            why = "broken off" if response.cancelled else response.first("message", "refused")
            raise ManagerException(f"list action: {why}")
        return response.events

    # -- running ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the node up until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            session = self._new_session()
            up_at: float | None = None
            reason = _CLOSED
            try:
                await self._bring_up(session)
                up_at = loop.time()
                reason = await session.ended
            except ManagerAuthException:
                reason = "login refused"
            except (ManagerException, OSError, ValueError) as error:
                reason = _describe(error)
            finally:
                await self._bring_down(session, reason)
            if up_at is None:
                self._tell_failed(reason)
            elif loop.time() - up_at >= self._timings.stable:
                self._backoff.reset()
            delay = self._backoff.next()
            logger.warning(
                "node_down", node=self.endpoint.name, reason=reason, next_try_seconds=delay
            )
            await asyncio.sleep(delay)

    def _tell_failed(self, reason: str) -> None:
        self._call("on_failed", lambda: self._on_failed(reason))

    def _new_session(self) -> _Session:
        self.generation += 1
        session = _Session(self._new_link(True), self._new_link(False), self.generation)
        session.events.register_event("*", lambda event, _manager: self._take_event(session, event))
        return session

    def _new_link(self, receive_events: bool) -> AsyncManager:
        return AsyncManager(
            action_ids=self._action_ids,
            stats=self.stats,
            action_timeout=self._timings.action,
            ping_interval=self._timings.ping_interval,
            ping_timeout=self._timings.ping_deadline,
            receive_events=receive_events,
        )

    async def _bring_up(self, session: _Session) -> None:
        """From nothing to up. Raises what stands in the way."""
        await self._log_in(session, session.events, self._mask)
        await self._log_in(session, session.actions, "off")
        await self._wait_booted(session)
        if session.ended.done():
            raise ManagerSocketException(errno.ECONNRESET, session.ended.result())
        self._session = session
        self._up.set()
        if self.stats.ups:
            self.stats.reconnects += 1
        self.stats.ups += 1
        logger.info("node_up", node=self.endpoint.name, generation=session.generation)
        self._call("on_up", lambda: self._on_up(session.generation))

    async def _log_in(self, session: _Session, link: AsyncManager, mask: str) -> None:
        endpoint = self.endpoint
        try:
            await link.connect(
                endpoint.host,
                endpoint.port,
                ssl_context=endpoint.ssl_context,
                server_hostname=endpoint.server_hostname,
                timeout=self._timings.connect,
            )
            link.when_lost(session.end)
            await link.login(
                endpoint.username,
                endpoint.secret,
                events=mask,
                md5=endpoint.md5,
                timeout=self._timings.login,
            )
        except (ManagerException, OSError):
            self.stats.connect_failures += 1
            raise

    async def _wait_booted(self, session: _Session) -> None:
        """Until FullyBooted; where it does not come in time, until CoreStatus is answered well."""
        timings = self._timings
        if {"system", "on", "all"}.intersection(self._mask.split(",")):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timings.booted_event):
                    await session.booted.wait()
                    return
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + timings.booted
        while not session.booted.is_set():
            answer = await session.actions.send_action({"Action": "CoreStatus"})
            if answer.ok:
                return
            if loop.time() > give_up_at:
                raise ManagerException("Asterisk does not finish booting")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timings.booted_event):
                    await session.booted.wait()

    async def _bring_down(self, session: _Session, reason: str) -> None:
        """Close both links; tell `on_down` before anything else, if `on_up` was told."""
        was_up, self._session = self._session is session, None
        self._up.clear()
        session.end(reason)
        if was_up:
            self._call("on_down", lambda: self._on_down(reason))
        for link in (session.actions, session.events):
            if reason != _CLOSED:
                link.abort(reason)
            await link.close()

    def _take_event(self, session: _Session, event: Ev) -> None:
        if event.name == "FullyBooted":
            session.booted.set()
        if self._session is session:
            self._on_event(event, session.generation)
        if event.name == "Shutdown":
            session.end("Asterisk shuts down")

    def _call(self, name: str, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:
            self.stats.callback_errors += 1
            log_callback_error(logger, name, error)


def _describe(error: Exception) -> str:
    """An error in a few words, free of values."""
    told = isinstance(error, ManagerException | OSError) and error.args
    return f"{type(error).__name__}: {error.args[-1]}" if told else type(error).__name__

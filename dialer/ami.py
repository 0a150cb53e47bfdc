"""One connection to Asterisk's manager interface: pyst2's vocabulary on an asyncio transport.

Theory of operation
-------------------
`AsyncManager` is a pyst2 `Manager`: same callbacks, exceptions, message classes and action helpers
(``await manager.hangup(channel)``). pyst2's threads, queues, socket and parser are not used; bytes go
through `dialer.ami_protocol`. All runs on the event loop, in `data_received`:

* A block with `Event` is an event, whatever else it holds (`OriginateResponse` has a `Response` too).
  Items of a list action that is in progress are kept for its result; the rest goes to the callbacks.
* Any other block is a response, matched by `ActionID` only. Ids are never used twice, so a response
  that comes after its deadline finds nobody and is counted and dropped.
* Each action has a deadline. When the link goes, all pending actions fail at once with
  `ManagerSocketException`. Nothing is ever sent again: an Originate of unknown fate must be looked up.
* After login a Ping goes out every 10 s; no answer within 5 s and the link is dropped.

Asterisk ends a session whose reader stalls, so reading never stops: callbacks are short, and what they
keep must be bounded by them. An object lives for one connection; `dialer.ami_node` makes new ones.
Neither logs nor exceptions hold header values, which may be phone numbers or secrets.
"""

import asyncio
import contextlib
import errno
import hashlib
import itertools
import secrets
import socket
import ssl
import struct
import traceback
from collections.abc import Callable, Mapping
from typing import Final, cast

from asterisk.manager import (
    Manager,
    ManagerAuthException,
    ManagerException,
    ManagerSocketException,
)
from structlog.stdlib import BoundLogger

from dialer.ami_messages import Ev, Msg
from dialer.ami_protocol import (
    AmiCodec,
    AmiProtocolError,
    Headers,
    HeaderValue,
    Message,
    UnsafeActionError,
    encode_action,
)
from dialer.ami_stats import AmiStats
from dialer.logs import get_logger

__all__ = [
    "ActionIds",
    "ActionTimeoutError",
    "AmiStats",
    "AsyncManager",
    "Ev",
    "ManagerAuthException",
    "ManagerException",
    "ManagerSocketException",
    "Msg",
    "UnsafeActionError",
]

logger = get_logger(__name__)

MAX_PENDING: Final = 10_000
MAX_LIST_ITEMS: Final = 50_000
MAX_UNSENT_BYTES: Final = 4 * 1024 * 1024
_MAX_DROPPED_LISTS: Final = 1024
_DISCARD: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: when the link is dropped, or the process dies, what the network has not taken yet is dropped too. Otherwise the
kernel goes on sending, and an Originate arrives long after it was given up and its lead was freed."""

_DELIVER: Final = struct.pack("ii", 0, 0)
"""SO_LINGER: what was written arrives, also after the socket is closed."""


class ActionTimeoutError(ManagerException):  # type: ignore[misc]
    """No answer within the deadline. The action may have been executed all the same."""


def _pairs(cdict: Headers, more: dict[str, str]) -> list[tuple[str, HeaderValue]]:
    """The headers of an action as pairs; `more` replaces what a mapping holds under the same name."""
    if isinstance(cdict, Mapping):
        return list({**cdict, **more}.items())
    return [*cdict, *more.items()]


class ActionIds:
    """Endless ActionIDs ``dlr-<boot id>-<n>``; share one between the links to one Asterisk."""

    def __init__(self, boot_id: str | None = None) -> None:
        self._prefix = f"dlr-{boot_id or secrets.token_hex(6)}-"
        self._count = itertools.count(1)

    def __call__(self) -> str:
        return f"{self._prefix}{next(self._count)}"


class _Pending:
    """An action that waits for its answer."""

    __slots__ = ("action", "events", "future", "head", "sent_at", "timer")

    def __init__(self, action: str, future: "asyncio.Future[Msg]", sent_at: float) -> None:
        self.action = action
        self.future = future
        self.sent_at = sent_at
        self.head: Message | None = None
        self.events: list[Ev] = []
        self.timer: asyncio.TimerHandle | None = None


class _Wire(asyncio.Protocol):
    """Hands the transport's calls to the manager."""

    def __init__(self, manager: "AsyncManager") -> None:
        self._manager = manager
        self.data_received = manager._received  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._manager._made(cast(asyncio.Transport, transport))

    def connection_lost(self, exc: Exception | None) -> None:
        self._manager._gone(exc)


class AsyncManager(Manager):  # type: ignore[misc]
    """pyst2's Manager on asyncio. Every inherited action helper returns an awaitable `Msg`.

    Callbacks (`register_event(name or "*", function)`) are called as ``function(event, manager)`` on
    the loop; a true return value stops the chain; an exception is logged, counted, and stops nothing.
    With ``receive_events=False`` events outside lists are dropped uncounted.
    """

    def __init__(
        self,
        *,
        action_ids: ActionIds | None = None,
        stats: AmiStats | None = None,
        action_timeout: float = 10.0,
        ping_interval: float = 10.0,
        ping_timeout: float = 5.0,
        receive_events: bool = True,
        codec: AmiCodec | None = None,
    ) -> None:
        self.title: str | None = None
        self.version: str | None = None
        self.hostname = socket.gethostname()
        self.stats = AmiStats() if stats is None else stats
        self.next_seq = ActionIds() if action_ids is None else action_ids
        self._event_callbacks: dict[str, list[Callable[[Ev, AsyncManager], object]]] = {}
        self._action_timeout = action_timeout
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._receive_events = receive_events
        self._codec = AmiCodec() if codec is None else codec
        self._pending: dict[str, _Pending] = {}
        self._lists: dict[str, _Pending | None] = {}  # None: nobody waits for it any more
        self._transport: asyncio.Transport | None = None
        self._greeted: asyncio.Future[None] | None = None
        self._lost: asyncio.Future[str] | None = None
        self._ping_timer: asyncio.TimerHandle | None = None
        self._reason = ""

    def __del__(self) -> None:
        """Nothing: pyst2 logs off over the network here."""

    def __repr__(self) -> str:
        return f"<AsyncManager {'connected' if self.connected() else 'not connected'}>"

    # -- the link ---------------------------------------------------------------------------------

    async def connect(
        self,
        host: str,
        port: int = 5038,
        *,
        ssl_context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        timeout: float = 10.0,
    ) -> Msg:
        """Open the connection and wait for the banner, which is returned in `data` as pyst2 does.

        Raises ManagerSocketException; ManagerException when this object was connected before.
        """
        if self._lost is not None:
            raise ManagerException("Already connected to manager")
        loop = asyncio.get_running_loop()
        self._lost = loop.create_future()
        self._greeted = loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                await loop.create_connection(
                    lambda: _Wire(self),
                    host,
                    int(port),
                    ssl=ssl_context,
                    server_hostname=server_hostname if ssl_context else None,
                )
                await self._greeted
        except TimeoutError:
            self.abort("no banner in time")
            raise ManagerSocketException(errno.ETIMEDOUT, "no manager banner in time") from None
        except OSError as error:
            self.abort("connection failed")
            raise ManagerSocketException(
                error.errno or errno.EIO, error.strerror or type(error).__name__
            ) from error
        except BaseException:
            self.abort("connecting was given up")
            raise
        finally:
            self._greeted.cancel()
        return Msg(Message([("response", "Generated Header")], self._codec.banner or ""))

    def connected(self) -> bool:
        """The link is up (logged in or not)."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def pending(self) -> int:
        """How many actions wait for their answer."""
        return len(self._pending)

    async def wait_lost(self) -> str:
        """Wait until the link is gone; the reason in a few words. Not before `connect`."""
        if self._lost is None:
            raise ManagerException("Not connected")
        return await asyncio.shield(self._lost)

    def when_lost(self, function: Callable[[str], object]) -> None:
        """Have `function(reason)` called by the loop once the link is gone. Not before `connect`."""
        if self._lost is None:
            raise ManagerException("Not connected")
        self._lost.add_done_callback(lambda lost: function(lost.result()))

    def abort(self, reason: str) -> None:
        """Drop the link now; pending actions fail when the loop comes round. Harmless if it is gone."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()
        elif self._lost is not None and not self._lost.done():
            self._lost.set_result(self._reason)

    async def close(self) -> None:
        """Log off without waiting for the answer, flush, close. Idempotent."""
        transport, lost = self._transport, self._lost
        if transport is None or lost is None or lost.done():
            return
        self._reason = self._reason or "closed"
        if not transport.is_closing():
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DELIVER)
            with contextlib.suppress(ManagerException):
                self.send_action({"Action": "Logoff"}).cancel()
            transport.close()
        await asyncio.wait({lost}, timeout=2.0)
        if not lost.done():
            transport.abort()
            await asyncio.wait({lost})

    async def login(
        self,
        username: str,
        secret: str,
        *,
        events: str | None = None,
        md5: bool = False,
        timeout: float | None = None,
    ) -> Msg:
        """Log in, by challenge with `md5`; `events` is the event mask. Starts the keep-alive.

        Raises ManagerAuthException with Asterisk's reason and drops the link; never holds the secret.
        """
        headers = {"Action": "Login", "Username": username}
        if md5:
            challenge = await self.send_action(
                {"Action": "Challenge", "AuthType": "MD5"}, timeout=timeout
            )
            text = challenge.first("challenge") + secret
            headers["AuthType"] = "MD5"
            headers["Key"] = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        else:
            headers["Secret"] = secret
        if events is not None:
            headers["Events"] = events
        response = await self.send_action(headers, timeout=timeout)
        if not response.ok:
            self.abort("login refused")
            raise ManagerAuthException(response.first("message") or "login refused")
        self._schedule_ping()
        return response

    # -- actions ----------------------------------------------------------------------------------

    def send_action(
        self, cdict: Headers | None = None, *, timeout: float | None = None, **kwargs: str
    ) -> "asyncio.Future[Msg]":
        """Send one action at once; the future gives its response, of a list action with all items.

        ``Response: Error`` is a result, not an exception. The future fails with ActionTimeoutError at
        the deadline, with ManagerSocketException as soon as the link is lost. Raises on the spot:
        UnsafeActionError (nothing was sent), ManagerSocketException (not connected),
        ManagerException (too much unanswered or unsent).
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ManagerSocketException(errno.ENOTCONN, "not connected to the manager")
        if len(self._pending) >= MAX_PENDING:
            raise ManagerException("too many unanswered actions")
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise ManagerException("too much unsent data")
        pairs = _pairs(cdict or {}, kwargs)
        action_id = self.next_seq()
        frame = encode_action(pairs, action_id)
        loop = asyncio.get_running_loop()
        name = next(str(value) for key, value in pairs if key.lower() == "action")
        pending = _Pending(name, loop.create_future(), loop.time())
        self._pending[action_id] = pending
        deadline = self._action_timeout if timeout is None else timeout
        pending.timer = loop.call_later(deadline, self._expire, action_id)
        transport.write(frame)
        self.stats.actions += 1
        return pending.future

    def _expire(self, action_id: str) -> None:
        pending = self._pending.pop(action_id)
        if action_id in self._lists:
            self._drop_list(action_id)
        if not pending.future.done():
            self.stats.timeouts += 1
            pending.future.set_exception(
                ActionTimeoutError(f"no answer in time to {pending.action[:40]} {action_id}")
            )

    def _drop_list(self, action_id: str) -> None:
        """Items of this list that are still to come concern nobody."""
        self._lists[action_id] = None
        if len(self._lists) > _MAX_DROPPED_LISTS:
            stale = next((key for key, waiting in self._lists.items() if waiting is None), None)
            if stale is not None:
                del self._lists[stale]

    # -- what comes in ----------------------------------------------------------------------------

    def _made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
        if self._reason:  # given up while connecting
            transport.abort()

    def _received(self, data: bytes) -> None:
        self.stats.bytes_received += len(data)
        try:
            messages = self._codec.feed(data)
        except AmiProtocolError as error:
            self.stats.parse_errors += 1
            self.abort(f"protocol error: {error}")
            return
        if self.title is None and self._codec.banner is not None:
            self._greet(self._codec.banner)
        for message in messages:
            if dict.__contains__(message, "event"):
                self._take_event(message)
            else:
                self._take_response(message)
            if self._reason:
                break

    def _greet(self, banner: str) -> None:
        title, _, version = banner.partition("/")
        self.title, self.version = title.strip(), version.strip()
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_result(None)

    def _take_event(self, message: Message) -> None:
        event = Ev(message)
        if self._lists:
            action_id = message.first("actionid")
            if action_id in self._lists:
                self._take_item(action_id, event)
                return
        if not self._receive_events:
            return
        name = event.name
        if message.data:
            self.stats.parse_errors += 1
        self.stats.count_event(name)
        table = self._event_callbacks
        for callback in table.get(name, []) + table.get("*", []):
            try:
                if callback(event, self):
                    break
            except (Exception, asyncio.CancelledError) as error:
                self.stats.callback_errors += 1
                log_callback_error(logger, name, error)

    def _take_item(self, action_id: str, event: Ev) -> None:
        """One event of a list: kept, or the end of the list."""
        pending = self._lists[action_id]
        end = event.first("eventlist").lower()
        if end in ("complete", "cancelled"):
            del self._lists[action_id]
            if pending is None or pending.head is None:
                return
            expected = event.first("listitems")
            if expected.isdecimal() and int(expected) != len(pending.events):
                self.stats.list_mismatches += 1
            self._settle(action_id, Msg(pending.head, pending.events, cancelled=end == "cancelled"))
        elif pending is not None:
            pending.events.append(event)
            if len(pending.events) > MAX_LIST_ITEMS:
                self._drop_list(action_id)
                self._settle(action_id, ManagerException("a list of too many items"))

    def _take_response(self, message: Message) -> None:
        action_id = message.first("actionid")
        is_list = message.first("eventlist").lower() == "start"
        pending = self._pending.get(action_id)
        if pending is None or pending.head is not None:
            self.stats.stray_responses += 1
            logger.info("response_dropped", reason="no action waits for it")
            if is_list and action_id and pending is None:
                self._drop_list(action_id)
        elif is_list:
            pending.head = message
            self._lists[action_id] = pending
        else:
            self._settle(action_id, Msg(message))

    def _settle(self, action_id: str, outcome: Msg | ManagerException) -> None:
        pending = self._pending.pop(action_id)
        if pending.timer is not None:
            pending.timer.cancel()
        self.stats.observe(asyncio.get_running_loop().time() - pending.sent_at)
        if pending.future.done():
            return
        if isinstance(outcome, Msg):
            pending.future.set_result(outcome)
        else:
            pending.future.set_exception(outcome)

    def _gone(self, exc: Exception | None) -> None:
        reason = self._reason or (type(exc).__name__ if exc else "closed by Asterisk")
        self._reason = reason
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        pending, self._pending = self._pending, {}
        self._lists.clear()
        for one in pending.values():
            if one.timer is not None:
                one.timer.cancel()
            if not one.future.done():
                one.future.set_exception(
                    ManagerSocketException(errno.ECONNRESET, f"the link was lost: {reason}")
                )
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(ConnectionResetError(errno.ECONNRESET, reason))
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    # -- keep-alive -------------------------------------------------------------------------------

    def _schedule_ping(self) -> None:
        loop = asyncio.get_running_loop()
        self._ping_timer = loop.call_later(self._ping_interval, self._ping)

    def _ping(self) -> None:
        try:
            answer = self.send_action({"Action": "Ping"}, timeout=self._ping_timeout)
        except ManagerException:
            self.abort("Ping could not be sent")
            return
        self.stats.pings += 1
        answer.add_done_callback(self._pinged)

    def _pinged(self, answer: "asyncio.Future[Msg]") -> None:
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, ActionTimeoutError):
            self.abort("no answer to Ping")
        elif error is None and self.connected():
            self._schedule_ping()


def log_callback_error(log: BoundLogger, event: str, error: BaseException) -> None:
    """Log where and what type, not the error's own text: it may quote a phone number."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("callback_failed", what=event[:64], error=type(error).__name__, exception=where)

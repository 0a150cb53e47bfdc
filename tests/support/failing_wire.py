"""A network in memory for a ProcessLoop: connections that carry bytes with a delay, and fail where a plan says so.

`loop.create_connection` and `loop.create_server` of a WireLoop end here, so that the client and the server run as they are. Every
Originate that leaves a client, whole or in part, is noted, and every one that reaches a server whole.
"""

import asyncio
import contextvars
import errno
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from tests.support.failures import Failure, Plan, What, Where
from tests.support.processes import Process, ProcessLoop, current

DELAY = 0.0005
"""Seconds that bytes take from one end to the other."""

GARBAGE = b"Response Success without a colon\x00\xff\r\n: :\r\n\r\n"
_CHANNEL_ID = re.compile(rb"\r\nChannelId: ([^\r\n]+)\r\n")
_ACTION = re.compile(rb"(?:^|\n)Action: ([^\r\n]+)")
_ACTION_ID = re.compile(rb"(?:^|\n)ActionID: ([^\r\n]+)")
_FIRST = re.compile(rb"^([^:\r\n]+: ?[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Left:
    """An Originate of which at least one byte has left a client."""

    call_id: str
    at: float
    process: Process | None


class End(asyncio.Transport):
    """One end of a link: the transport of the protocol on this side."""

    def __init__(self, link: "Link", protocol: asyncio.Protocol, port: int) -> None:
        super().__init__()
        self.link, self.protocol, self.port = link, protocol, port
        self.context = contextvars.copy_context()
        self.other: End
        self._closing = self._told = False
        self._coming: deque[bytes | None] = deque()  # None: the other end has closed

    # --- what a protocol asks -------------------------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", self.port) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        if not self._closing:
            self.link.carry(self, bytes(data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.other.coming(None)
            self.lose(None)

    def abort(self) -> None:
        """What the network has not carried yet is dropped with the link."""
        if not self._closing:
            self.other.forget()
        self.close()

    # --- what the link does ---------------------------------------------------------------------------------------

    def coming(self, data: bytes | None) -> None:
        """To arrive after the delay, in order."""
        self._coming.append(data)
        self.link.later(DELAY, self._arrive)

    def _arrive(self) -> None:
        if self.link.stalled or not self._coming:
            return
        data = self._coming.popleft()
        if data is None:
            self.close()
        elif not self._told:
            self._in_context(self._read, data)

    def _read(self, data: bytes) -> None:
        if not self._told:
            self.link.arrived(self, data)
            self.protocol.data_received(data)

    def forget(self) -> None:
        """The other end has dropped the link: what a stalled network holds never comes."""
        if self.link.stalled:
            self._coming.clear()

    def move_on(self) -> None:
        """After a stall: what waits arrives."""
        for _ in range(len(self._coming)):
            self._arrive()

    def lose(self, error: Exception | None) -> None:
        """The protocol learns, once, that the link is gone."""
        self._closing = True
        if not self._told:
            self._told = True
            self._in_context(self.protocol.connection_lost, error)

    def _in_context(self, function: Callable[..., object], *args: Any) -> None:
        self.link.network.loop.call_soon(function, *args, context=self.context)


class Link:
    """Two ends. `client` belongs to a process."""

    def __init__(self, network: "Network", process: Process | None) -> None:
        self.network, self.process = network, process
        self.client: End
        self.server: End
        self.stalled = False
        self._read = b""

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        self.network.later(seconds, function)

    def carry(self, end: End, data: bytes) -> None:
        """One write of one end."""
        network = self.network
        where = Where.SENT if end is self.client else Where.TOLD
        failure = network.plan.at(where, label_of(data))
        share = _share(failure, len(data))
        if end is self.client and share:
            network.leaves(self.process, data)
        match failure:
            case None:
                end.other.coming(data)
            case Failure(what=What.CUT, away=away):
                if share:
                    end.other.coming(data[:share])
                self.later(2 * DELAY, self.cut)
                network.refuse_for(away)
            case Failure(what=What.STALL, value=seconds):
                self.stalled = True
                end.other.coming(data)
                self.later(seconds, self._move_on)
            case Failure(what=What.ASLEEP, value=seconds):
                end.other.coming(data)
                network.on_asleep(seconds)
            case Failure(what=What.GARBAGE):
                end.other.coming(GARBAGE + data)
            case Failure(what=What.REFUSE):
                end.coming(refusal_of(data))

    def arrived(self, end: End, data: bytes) -> None:
        """Bytes that one end reads: whole Originates are noted at the server's."""
        if end is self.client:
            return
        *whole, self._read = (self._read + data).split(b"\r\n\r\n")
        for message in whole:
            if (call_id := originated(message + b"\r\n")) is not None:
                self.network.received.append(call_id)
                self.network.on_arriving(call_id)

    def cut(self) -> None:
        """The link breaks; both ends learn it. What has not arrived is gone."""
        self.client.lose(ConnectionResetError(errno.ECONNRESET, "cut"))
        self.server.lose(ConnectionResetError(errno.ECONNRESET, "cut"))

    def _move_on(self) -> None:
        self.stalled = False
        self.client.move_on()
        self.server.move_on()


class Listener:
    """What `create_server` returns."""

    def __init__(self, network: "Network", factory: Callable[[], Any], port: int) -> None:
        self._network, self.factory, self.port = network, factory, port
        self.context = contextvars.copy_context()
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def is_serving(self) -> bool:
        return self._network.listeners.get(self.port) is self

    def close(self) -> None:
        if self.is_serving():
            del self._network.listeners[self.port]

    async def wait_closed(self) -> None:
        """Closed at once."""


@dataclass
class Network:
    """Of one loop."""

    loop: asyncio.AbstractEventLoop
    plan: Plan = field(default_factory=Plan)
    listeners: dict[int, Listener] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    on_leaving: Callable[[str], None] = lambda call_id: None
    on_arriving: Callable[[str], None] = lambda call_id: None
    on_asleep: Callable[[float], None] = lambda seconds: None
    _refused_until: float = 0.0

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """From outside of every process."""
        self.loop.call_later(seconds, function, context=contextvars.Context())

    def refuse_for(self, seconds: float) -> None:
        """Nobody gets through for so long."""
        self._refused_until = max(self._refused_until, self.loop.time() + seconds)

    def leaves(self, process: Process | None, data: bytes) -> None:
        """The first byte of a client's write, or more, is on its way."""
        if (call_id := originated(data)) is not None:
            self.left.append(Left(call_id, self.loop.time(), process))
            self.on_leaving(call_id)

    async def connect(self, factory: Callable[[], Any], port: int) -> tuple[End, Any]:
        await asyncio.sleep(DELAY)
        listener = self.listeners.get(port)
        if listener is None or self.loop.time() < self._refused_until:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")
        link = Link(self, current())
        link.client = End(link, factory(), port)
        server = listener.context.run(listener.factory)
        link.server = listener.context.run(End, link, server, port)
        link.client.other, link.server.other = link.server, link.client
        self.links.append(link)
        self.loop.call_soon(
            link.client.protocol.connection_made, link.client, context=link.client.context
        )
        self.loop.call_soon(server.connection_made, link.server, context=link.server.context)
        await asyncio.sleep(0)
        return link.client, link.client.protocol

    def killed(self, process: Process) -> None:
        """The operating system closes what a dead process had open; what was written before still arrives."""
        for link in self.links:
            if link.process is process and not link.client.is_closing():
                link.server.forget()
                link.server.coming(None)


class WireLoop(ProcessLoop):
    """A loop whose network is in memory."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.network = Network(self, plan)

    async def create_connection(self, factory: Any, host: Any, port: Any, **_: Any) -> Any:  # type: ignore[override]
        return await self.network.connect(factory, port)

    async def create_server(self, factory: Any, host: Any, port: Any, **_: Any) -> Any:  # type: ignore[override]
        listener = Listener(self.network, factory, port)
        self.network.listeners[port] = listener
        return listener


def network() -> Network:
    """Of the running loop."""
    return cast(WireLoop, asyncio.get_running_loop()).network


def originated(message: bytes) -> str | None:
    """The ChannelId of an Originate."""
    found = _CHANNEL_ID.search(message) if b"Action: Originate" in message else None
    return found[1].decode() if found else None


def label_of(data: bytes) -> str:
    """An action's name, or the first header of what the exchange tells."""
    found = _ACTION.search(data) or _FIRST.search(data)
    return found[1].decode(errors="replace") if found else "?"


def refusal_of(data: bytes) -> bytes:
    action_id = _ACTION_ID.search(data)
    mark = b"ActionID: " + action_id[1] + b"\r\n" if action_id else b""
    return b"Response: Error\r\n" + mark + b"Message: Refused by the plan\r\n\r\n"


def _share(failure: Failure | None, length: int) -> int:
    """How many bytes of a write leave. `value` of a cut: a share, or a count from the end where it is negative."""
    if failure is None or failure.what is not What.CUT:
        return 0 if failure is not None and failure.what is What.REFUSE else length
    if failure.value < 0:
        return max(length + int(failure.value), 0)
    return int(length * failure.value) if failure.value <= 1 else min(int(failure.value), length)

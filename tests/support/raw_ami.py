"""A bare AMI link for tests against a real Asterisk: nothing of the product's own client."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol


class Access(Protocol):
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def username(self) -> str: ...
    @property
    def secret(self) -> str: ...


class Message(dict[str, str]):
    """One AMI message; a header that comes twice keeps its first value, `lines` has them all."""

    def __init__(self, raw: str) -> None:
        self.lines = raw.split("\r\n")
        pairs = (line.partition(":")[::2] for line in self.lines)
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, value.strip())

    @property
    def name(self) -> str:
        """The event's name; for a UserEvent the user's own."""
        event = self.get("Event", "")
        return self.get("UserEvent", event) if event == "UserEvent" else event

    @property
    def at(self) -> float:
        return float(self["Timestamp"])


def matches(name: str, **headers: str) -> Callable[[Message], bool]:
    return lambda m: m.name == name and all(m.get(k) == v for k, v in headers.items())


@dataclass
class RawAmi:
    """All events so far are in `events`; `event(...)` waits for one, seen already or still to come."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[Message] = field(default_factory=list)
    replies: dict[str, Message] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))
    closed: bool = False

    async def read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].decode(errors="replace")
                message = Message(raw)
                async with self.changed:
                    if "Event" in message:
                        self.events.append(message)
                    else:
                        self.replies[message.get("ActionID", "")] = message
                    self.changed.notify_all()
        async with self.changed:
            self.closed = True
            self.changed.notify_all()

    def post(self, action: str, *headers: tuple[str, str]) -> str:
        """Write an action without waiting for its reply."""
        number = f"t{next(iter(self.numbers))}"
        lines = [("Action", action), ("ActionID", number), *headers]
        text = "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
        self.writer.write(text.encode())
        return number

    async def send(self, action: str, *headers: tuple[str, str], timeout: float = 10) -> Message:
        number = self.post(action, *headers)
        async with asyncio.timeout(timeout), self.changed:
            await self.changed.wait_for(lambda: number in self.replies or self.closed)
        return self.replies.pop(number)

    async def event(
        self, name: str, *, timeout: float = 15, after: int = 0, **headers: str
    ) -> Message:
        """The first such event at or after index `after`."""
        fits = matches(name, **headers)
        found: list[Message] = []

        def seen() -> bool:
            found[:] = [m for m in self.events[after:] if fits(m)][:1]
            return bool(found) or self.closed

        try:
            async with asyncio.timeout(timeout), self.changed:
                await self.changed.wait_for(seen)
        except TimeoutError:
            names = [m.name for m in self.events[-30:]]
            raise AssertionError(f"no {name} {headers} in {timeout} s; last: {names}") from None
        assert found, f"link closed while waiting for {name}"
        return found[0]

    def all(self, name: str, **headers: str) -> list[Message]:
        fits = matches(name, **headers)
        return [m for m in self.events if fits(m)]


@contextlib.asynccontextmanager
async def connected(access: Access, events: str = "on") -> AsyncIterator[RawAmi]:
    """A logged-in link."""
    reader, writer = await asyncio.open_connection(access.host, access.port, limit=2**20)
    await reader.readline()
    ami = RawAmi(reader, writer)
    reading = asyncio.create_task(ami.read())
    try:
        login = (("Username", access.username), ("Secret", access.secret), ("Events", events))
        reply = await ami.send("Login", *login)
        assert reply["Response"] == "Success", reply
        yield ami
    finally:
        reading.cancel()
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()
            await reading

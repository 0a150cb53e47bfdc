"""One AMI session: lines in, messages out, log-in. What the actions do is in `ami_actions`."""

import asyncio
import hashlib
from typing import Protocol

BANNER = "Asterisk Call Manager/11.0.0\r\n"
LINE_LIMIT = 1024
HEADER_LIMIT = 128
UNSENT_LIMIT = 16 * 1024 * 1024
CLASSES = frozenset({"system", "call", "agent", "user", "reporting"})


class Action:
    """One action as received. Header names are case-insensitive; a header may come more than once."""

    def __init__(self, lines: list[str]) -> None:
        self._headers: dict[str, list[str]] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                self._headers.setdefault(name.strip().lower(), []).append(value.strip())

    def get(self, name: str) -> str:
        """The header's first value, or nothing."""
        return self.all(name)[0] if self.all(name) else ""

    def all(self, name: str) -> list[str]:
        return self._headers.get(name.lower(), [])

    @property
    def name(self) -> str:
        return self.get("Action")


class Exchange(Protocol):
    """What a session needs of the server it belongs to."""

    def joined(self, session: "Session") -> None: ...

    def gone(self, session: "Session") -> None: ...

    def act(self, session: "Session", action: Action) -> None: ...


class Session(asyncio.Protocol):
    """A connected client. `events` is the set of event classes that it asked for; empty before log-in."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._lines: list[str] = []
        self._too_long = False
        self._outbox: list[bytes] = []
        self.logged_in = False
        self.challenge = ""
        self.events: frozenset[str] = frozenset()

    # --- the wire -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(BANNER.encode())
        self._exchange.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._exchange.gone(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for raw in lines:
            if line := raw.removesuffix(b"\r"):
                self._too_long |= len(raw) >= LINE_LIMIT or len(self._lines) >= HEADER_LIMIT
                self._lines.append(line.decode("utf-8", "surrogateescape"))
            elif self._lines:
                self._complete()

    def _complete(self) -> None:
        action, too_long = Action(self._lines), self._too_long
        self._lines, self._too_long = [], False
        if too_long:
            self.error(action, "Failed to parse message: line too long")
            self.flush()
        elif self._transport is not None:
            self._exchange.act(self, action)

    def queue(self, data: bytes) -> None:
        """To be sent with the next flush."""
        self._outbox.append(data)

    def flush(self) -> None:
        if self._transport is None or not self._outbox:
            self._outbox.clear()
            return
        self._transport.write(b"".join(self._outbox))
        self._outbox.clear()
        if self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            self._transport.abort()

    def close(self) -> None:
        """Send what is due, then end the connection."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- replies --------------------------------------------------------------------------------------------------

    def reply(self, action: Action, *lines: str, response: str = "Success") -> None:
        action_id = action.get("ActionID")
        head = [f"Response: {response}", *([f"ActionID: {action_id}"] if action_id else [])]
        self.queue(_message([*head, *lines]))

    def error(self, action: Action, message: str) -> None:
        self.reply(action, f"Message: {message}", response="Error")

    def reply_list(
        self, action: Action, start: str, event: str, items: list[list[str]], end: str
    ) -> None:
        """A list: response, one event an item, and the event that ends it. These come whatever the event mask."""
        action_id = action.get("ActionID")
        mark = [f"ActionID: {action_id}"] if action_id else []
        self.reply(action, "EventList: start", f"Message: {start}")
        for item in items:
            self.queue(_message([f"Event: {event}", *mark, *item]))
        tail = ["EventList: Complete", f"ListItems: {len(items)}"]
        self.queue(_message([f"Event: {end}", *mark, *tail]))


def _message(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def event_classes(mask: str) -> frozenset[str]:
    """What an event mask (`on`, `off`, or a list of classes) lets through."""
    words = {word.strip().lower() for word in mask.split(",")}
    if words & {"on", "all", "yes", "true", "1", ""}:
        return CLASSES
    return CLASSES & words


def key_for(challenge: str, secret: str) -> str:
    """The MD5 answer to a challenge, as the protocol has it."""
    return hashlib.md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()

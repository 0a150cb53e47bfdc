"""A scripted manager interface on 127.0.0.1, for tests of the client.

It greets, checks logins (plain and MD5), answers Ping, Logoff and CoreStatus, and hands every other
action to the test: ``action = await link.expect("Originate")``, then ``link.answer(action, ...)``.
"""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
CHALLENGE = "421337"
USERNAME = "dialer"
SECRET = "s3cret-of-the-test"


class Action(dict[str, str]):
    """A received action, names in lower case; `raw` holds its lines as they came."""

    raw: list[str]

    def __init__(self, block: bytes) -> None:
        self.raw = block.decode("utf-8", "surrogateescape").split("\r\n")
        pairs = (line.partition(": ") for line in self.raw)
        super().__init__((name.lower(), value) for name, _, value in pairs)

    @property
    def name(self) -> str:
        return self["action"]

    @property
    def id(self) -> str:
        return self["actionid"]


async def turn() -> None:
    """Let the loop go round once."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Let the loop go round until the condition holds."""
    async with asyncio.timeout(timeout):
        while not condition():
            await turn()


def block(*lines: str | bytes) -> bytes:
    """Lines as one message on the wire."""
    wire = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join(wire) + b"\r\n\r\n"


class Link:
    """One connection, seen from the server."""

    def __init__(self, server: "FakeAmi", writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.mask: str | None = None  # set by a login that went well
        self.actions: list[Action] = []
        self._inbox: asyncio.Queue[Action] = asyncio.Queue()
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def answer(self, action: Action, *lines: str | bytes) -> None:
        """A message that begins with these lines and bears the action's id."""
        self.send(block(lines[0], f"ActionID: {action.id}", *lines[1:]))

    async def expect(self, name: str, timeout: float = 10.0) -> Action:
        """The next action that is not answered by itself; it must have this name."""
        async with asyncio.timeout(timeout):
            action = await self._inbox.get()
        assert action.name == name
        return action

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    def take(self, action: Action) -> None:
        self.actions.append(action)
        reply = None if action.name in self.server.silent else self.server.reply(self, action)
        if reply is None:
            self._inbox.put_nowait(action)
            return
        self.answer(action, *reply)
        if action.name == "Login" and reply[0] == "Response: Success":
            self.mask = action.get("events", "on")
            if "system" in self.mask and self.server.fully_booted:
                self.send(
                    block("Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted")
                )
        if action.name == "Login" and reply[0] == "Response: Error":
            self.close()
        if action.name == "Logoff":
            self.close()


class FakeAmi:
    """The server; `links` are its connections in the order of their arrival."""

    def __init__(
        self,
        *,
        banner: bytes = BANNER,
        fully_booted: bool = True,
        silent: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.banner = banner
        self.fully_booted = fully_booted
        self.silent = set(silent)
        self.links: list[Link] = []
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.shut()

    async def open(self) -> None:
        """Listen: at first on any free port, later on the same one again."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Stop to listen and cut all connections."""
        assert self._server is not None
        self._server.close()
        for link in self.links:
            link.abort()
        await self._server.wait_closed()
        await turn()

    async def link(self, number: int = 0) -> Link:
        """The connection of this number, once it is logged in."""
        await until(lambda: len(self.links) > number and self.links[number].mask is not None)
        return self.links[number]

    def reply(self, link: Link, action: Action) -> tuple[str, ...] | None:
        """What is answered by itself; None leaves the action to the test."""
        match action.name:
            case "Login":
                key = hashlib.md5((CHALLENGE + SECRET).encode()).hexdigest()
                secret_ok = action.get("secret") == SECRET or action.get("key") == key
                if action.get("username") == USERNAME and secret_ok:
                    return ("Response: Success", "Message: Authentication accepted")
                return ("Response: Error", "Message: Authentication failed")
            case "Challenge":
                return ("Response: Success", f"Challenge: {CHALLENGE}")
            case "Ping":
                return ("Response: Success", "Ping: Pong", "Timestamp: 1763841600.000000")
            case "Logoff":
                return ("Response: Goodbye", "Message: Thanks for all the fish.")
            case "CoreStatus":
                return ("Response: Success", "CoreStartupTime: 20:00:00", "CoreCurrentCalls: 0")
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, writer)
        self.links.append(link)
        writer.write(self.banner)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                message = await reader.readuntil(b"\r\n\r\n")
                link.take(Action(message[:-4]))
        writer.close()

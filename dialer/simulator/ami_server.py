"""Face B: the world behind an AMI server on TCP that plays an Asterisk 22, in real time."""

import asyncio
import hmac
from collections import deque
from types import TracebackType
from typing import Self

from dialer.ports import Clock
from dialer.simulator.ami_actions import Actions
from dialer.simulator.ami_session import Action, Session, event_classes, key_for
from dialer.simulator.ami_text import AmiNarrator
from dialer.simulator.people import People
from dialer.simulator.scenario import Scenario
from dialer.simulator.world import World

FAILED_LOGIN_SECONDS = 1.0


class SimulatedExchange:
    """An Asterisk's manager interface with a world behind it, while the context lasts.

    `clock` is read once, at the start, for the events' time stamps; from there on the loop's own time counts. `port` 0
    takes a free one: the attribute `port` says which. The knobs of a test: `drop_links`, `refuse_logins`, `answer_pings`,
    `behind` (seconds by which all events come late but OriginateResponse, which overtakes them: an Asterisk under load),
    and `world`, whose commands may be used after `advance` (which brings the world to the present).
    """

    def __init__(
        self,
        scenario: Scenario,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Clock,
        seed: int = 1,
        username: str = "dialer",
        secret: str = "dialer",
        people: People | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.username, self._secret = username, secret
        self.refuse_logins = False
        self.answer_pings = True
        self.behind = 0.0
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._clock, self._seed = clock, seed
        self._scenario, self._people = scenario, people
        self._sessions: set[Session] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._challenges = 0

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._epoch = self._clock.now().timestamp()
        self._empty = asyncio.Event()
        self._empty.set()
        narrator = AmiNarrator(self._broadcast)
        self.world = World(
            self._scenario,
            narrator,
            seed=self._seed,
            people=self._people,
            epoch=int(self._epoch),
        )
        self._actions = Actions(self.world, self._stamp)
        self._server = await self._loop.create_server(
            lambda: Session(self), self.host, self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.advance()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.drop_links()
        await self._empty.wait()
        await self._server.wait_closed()

    # --- time -----------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Bring the world to the present, send what happened, and wake when the next thing is due."""
        self.world.advance_to(self._loop.time() - self._origin)
        self._settle()

    def staff(self, count: int) -> None:
        """From now on `count` agents are at the phones (see AgentFloor.staff)."""
        self.world.advance_to(self._loop.time() - self._origin)
        self.world.agents.staff(count)
        self._settle()

    def _settle(self) -> None:
        for session in list(self._sessions):
            session.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due := self.world.next_at()) is not None and self._server.is_serving():
            self._timer = self._loop.call_at(self._origin + due, self.advance)

    def _stamp(self) -> str:
        return f"{self._epoch + self.world.now:.6f}"

    # --- sessions -------------------------------------------------------------------------------------------------

    def joined(self, session: Session) -> None:
        self._sessions.add(session)
        self._empty.clear()

    def gone(self, session: Session) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()

    def drop_links(self) -> None:
        """Every connection breaks, as when a cable is pulled. New ones are taken."""
        for session in list(self._sessions):
            session.abort()

    def _broadcast(self, privilege: str, event: str, body: str) -> None:
        if event == "OriginateResponse" or not (self.behind or self._waiting):
            self._send(privilege, event, body)
        else:
            self._waiting.append((privilege, event, body))
            self._loop.call_later(self.behind, self._catch_up)

    def _catch_up(self) -> None:
        self._send(*self._waiting.popleft())
        for session in list(self._sessions):
            session.flush()

    def _send(self, privilege: str, event: str, body: str) -> None:
        listeners = [each for each in self._sessions if privilege in each.events]
        if not listeners:
            return
        text = f"Event: {event}\r\nPrivilege: {privilege},all\r\nTimestamp: {self._stamp()}\r\n{body}\r\n"
        data = text.encode("utf-8", "surrogateescape")
        for session in listeners:
            session.queue(data)

    def act(self, session: Session, action: Action) -> None:
        """One action of one session, at the present instant."""
        self.world.advance_to(self._loop.time() - self._origin)
        if not action.name:
            session.error(action, "Missing action in request")
        elif session.logged_in:
            if self.answer_pings or action.name.lower() != "ping":
                self._actions.act(session, action)
        else:
            self._greet(session, action)
        self._settle()

    # --- log-in ---------------------------------------------------------------------------------------------------

    def _greet(self, session: Session, action: Action) -> None:
        match action.name.lower():
            case "challenge" if action.get("AuthType").upper() == "MD5":
                self._challenges += 1
                session.challenge = str(100_000_000 + self._challenges)
                session.reply(action, f"Challenge: {session.challenge}")
            case "challenge":
                session.error(action, "Must specify AuthType")
            case "login":
                self._log_in(session, action)
            case _:
                session.error(action, "Permission denied")

    def _log_in(self, session: Session, action: Action) -> None:
        if self.refuse_logins or not self._authentic(session, action):
            session.error(action, "Authentication failed")
            self._loop.call_later(FAILED_LOGIN_SECONDS, session.close)
            return
        session.logged_in = True
        session.reply(action, "Message: Authentication accepted")
        session.events = event_classes(action.get("Events"))
        if "system" in session.events:
            uptime = int(self.world.now)
            session.queue(
                f"Event: FullyBooted\r\nPrivilege: system,all\r\nTimestamp: {self._stamp()}\r\n"
                f"Uptime: {uptime}\r\nLastReload: {uptime}\r\nStatus: Fully Booted\r\n\r\n".encode()
            )

    def _authentic(self, session: Session, action: Action) -> bool:
        if action.get("Username") != self.username:
            return False
        if action.get("AuthType").upper() == "MD5":
            expected = key_for(session.challenge, self._secret)
            return bool(session.challenge) and _same(action.get("Key"), expected)
        return _same(action.get("Secret"), self._secret)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())

"""The other servers: requests to the one that runs a team, and what they tell of changes in the store.

A request ends in one of two ways: the server that runs the team confirmed it, or whoever asked is told that nobody did.
"""

import asyncio
from collections.abc import Awaitable, Callable

from dialer.errors import (
    NotDeliveredError,
    NotFoundError,
    NotHereError,
    StoreUnavailableError,
)
from dialer.ids import TeamId
from dialer.live_ports import Done, EventBus, Notice, Request
from dialer.logs import get_logger
from dialer.ports import Clock, Lease

logger = get_logger(__name__)

ASK_SECONDS = 2.0
"""Then whoever asked is told that nobody confirmed."""

LOOK_AGAIN_SECONDS = 0.1
GATHER_SECONDS = 0.1
"""Notices are gathered this long: the same one, told many times, is followed once."""


class Colleagues:
    """`me`: the owner of this server's leases."""

    def __init__(self, bus: EventBus, leases: Lease, clock: Clock, me: str) -> None:
        self._bus = bus
        self._leases = leases
        self._clock = clock
        self._me = me
        self._notices: dict[Notice, None] = {}
        self._noticed = asyncio.Event()

    async def runner_of(self, team_id: TeamId) -> str | None:
        """The other server that runs the team; None: nobody does, or we do."""
        lease = await self._leases.held_by(team_id, at=self._clock.now())
        return lease.owner if lease is not None and lease.owner != self._me else None

    async def ask_runner(self, team_id: TeamId, request: Request) -> Done:
        """Raises what the server that runs the team raised; NotDeliveredError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ASK_SECONDS
        while (left := deadline - loop.time()) > 0:
            server = await self.runner_of(team_id)
            if server is not None:
                try:
                    return await self._bus.ask(server, request, seconds=left)
                except NotHereError:
                    pass  # the team changed hands meanwhile
            await asyncio.sleep(min(LOOK_AGAIN_SECONDS, left))
        raise NotDeliveredError(f"no server that runs team {team_id!r} confirmed it; ask again")

    async def ask_all(self, request: Request) -> Done | None:
        """Ask every other server; one of them knows. None: all say that they do not. Raises what the one that knows
        raised; NotDeliveredError when none does it and not all have answered."""
        leases = await self._leases.running(at=self._clock.now())
        servers = sorted({lease.owner for lease in leases} - {self._me})
        asked = [self._bus.ask(server, request, seconds=ASK_SECONDS) for server in servers]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        done = next((answer for answer in answers if isinstance(answer, Done)), None)
        faults = [one for one in answers if isinstance(one, BaseException)]
        told = [one for one in faults if not isinstance(one, NotFoundError | NotHereError)]
        if done is None and told:
            raise told[0]
        return done

    # --- notices ------------------------------------------------------------------------------------------------------

    def noticed(self, notice: Notice) -> None:
        self._notices[notice] = None
        self._noticed.set()

    async def follow(self, handle: Callable[[Notice], Awaitable[None]]) -> None:
        """Have every notice handled, one after the other. One that fails is left to the next look at the store."""
        while True:
            await self._noticed.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._noticed.clear()
            notices, self._notices = self._notices, {}
            for notice in notices:
                try:
                    await handle(notice)
                except (StoreUnavailableError, NotFoundError) as error:
                    logger.warning("notice_not_followed", reason=error)
                except Exception:  # one notice must not stop the line of all the others
                    logger.exception("notice_failed", notice=type(notice).__name__)

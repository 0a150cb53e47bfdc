"""Writes to the store, in lines: each is written in the order in which it was decided, many entries in one transaction.

A slow disk makes a transaction long, and what arrives meanwhile goes into the next one together: the more there is to write,
the fewer transactions it takes. Lines are served in turn, so that none waits behind another for longer than one transaction
of each. When the database does not take what must be written, the writer waits and tries again (facts must not be lost) and
says so, so that nothing new is dialled meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from dialer.errors import DialerError, StoreUnavailableError
from dialer.logs import get_logger
from dialer.ports import Metrics

logger = get_logger(__name__)

FIRST_DELAY, LAST_DELAY = 0.2, 5.0  # seconds between tries

T = TypeVar("T")


class Line(Generic[T]):
    """Entries of one kind. `write` is given up to `most` at once; `give_up` what was not written because the store was away
    (None: it must be written). Made by `StoreWriter.line`."""

    def __init__(
        self,
        what: str,
        write: Callable[[list[T]], Awaitable[None]],
        give_up: Callable[[list[T]], None] | None,
        most: int,
        on_put: Callable[[], None],
    ) -> None:
        self.what = what
        self.write = write
        self.give_up = give_up
        self.waiting: deque[T] = deque()
        self._most = most
        self._on_put = on_put

    def put(self, entry: T) -> None:
        """Never waits."""
        self.waiting.append(entry)
        self._on_put()

    def take(self) -> list[T]:
        return [self.waiting.popleft() for _ in range(min(self._most, len(self.waiting)))]

    def give_up_waiting(self) -> None:
        """What waits behind a write that is not taken would be done too late."""
        if self.give_up is not None and self.waiting:
            entries = list(self.waiting)
            self.waiting.clear()
            self.give_up(entries)


class StoreWriter:
    """`run` in a task of the owner; `flush` waits until everything put so far, and meanwhile, is done."""

    def __init__(
        self, metrics: Metrics, on_down: Callable[[str], None], on_up: Callable[[], None]
    ) -> None:
        self._metrics = metrics
        self._on_down = on_down
        self._on_up = on_up
        self._lines: list[Line[Any]] = []
        self._filled, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self.up = True

    def line(
        self,
        what: str,
        write: Callable[[list[T]], Awaitable[None]],
        *,
        give_up: Callable[[list[T]], None] | None = None,
        most: int = 1,
    ) -> Line[T]:
        """A new line. `what` names it in metrics and logs."""
        line = Line(what, write, give_up, most, self._note_put)
        self._lines.append(line)
        return line

    @property
    def idle(self) -> bool:
        """Nothing is in line nor being written."""
        return self._empty.is_set()

    @property
    def backlog(self) -> int:
        """Entries in line."""
        return sum(len(line.waiting) for line in self._lines)

    async def flush(self) -> None:
        await self._empty.wait()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            for line in self._lines:
                if entries := line.take():
                    await self._finish(line, entries)
            self._note_done()

    def _note_put(self) -> None:
        self._empty.clear()
        self._filled.set()

    def _note_done(self) -> None:
        if self.backlog == 0:
            self._filled.clear()
            self._empty.set()

    async def _finish(self, line: Line[T], entries: list[T]) -> None:
        delay = FIRST_DELAY
        while not await self._try(line, entries):
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY)

    async def _try(self, line: Line[T], entries: list[T]) -> bool:
        """True: done with them, one way or the other."""
        started = asyncio.get_running_loop().time()
        try:
            await line.write(entries)
        except StoreUnavailableError as error:
            self._note(line.what, started, ok=False)
            self._went_down(line.what, error)
            for each in self._lines:
                each.give_up_waiting()
            if line.give_up is None:
                return False
            line.give_up(entries)
            return True
        except DialerError as error:
            self._note(line.what, started, ok=False)
            logger.error("write_refused", what=line.what, reason=error)
            return True
        except Exception:
            # A fault of ours in one write must not stop the line of all the others.
            self._note(line.what, started, ok=False)
            logger.exception("write_failed", what=line.what)
            return True
        self._note(line.what, started, ok=True)
        if not self.up:
            self.up = True
            logger.info("store_up")
            self._on_up()
        return True

    def _went_down(self, what: str, error: StoreUnavailableError) -> None:
        if self.up:
            self.up = False
            logger.error("store_down", what=what, reason=error)
            self._on_down(str(error))

    def _note(self, what: str, started: float, *, ok: bool) -> None:
        seconds = asyncio.get_running_loop().time() - started
        self._metrics.store_write(what, seconds, ok)

"""One ordered line of writes to the store.

What must be written is written in the order in which it was decided. When the database does not take it, the writer waits
and tries again (facts must not be lost) and says so, so that nothing new is dialled meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dialer.errors import DialerError, StoreUnavailableError
from dialer.logs import get_logger
from dialer.ports import Metrics

logger = get_logger(__name__)

FIRST_DELAY, LAST_DELAY = 0.2, 5.0  # seconds between tries


@dataclass(frozen=True, slots=True)
class Job:
    what: str
    run: Callable[[], Awaitable[None]]
    on_unavailable: Callable[[], None] | None = None  # None: must be written, try again


class StoreWriter:
    """`put` never waits; `run` in a task of the owner; `flush` waits until everything put so far is done."""

    def __init__(
        self, metrics: Metrics, on_down: Callable[[str], None], on_up: Callable[[], None]
    ) -> None:
        self._metrics = metrics
        self._on_down = on_down
        self._on_up = on_up
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._optional: dict[int, Job] = {}  # those in line that need not be written, by id()
        self._unfinished = 0
        self.up = True

    @property
    def idle(self) -> bool:
        """Nothing is in line nor being written."""
        return self._unfinished == 0

    @property
    def backlog(self) -> int:
        return self._queue.qsize()

    def put(self, job: Job) -> None:
        if job.on_unavailable is not None:
            self._optional[id(job)] = job
        self._unfinished += 1
        self._queue.put_nowait(job)

    async def flush(self) -> None:
        await self._queue.join()

    async def run(self) -> None:
        while True:
            job = await self._queue.get()
            given_up = job.on_unavailable is not None and self._optional.pop(id(job), None) is None
            try:
                if not given_up:
                    await self._finish(job)
            finally:
                self._unfinished -= 1
                self._queue.task_done()

    async def _finish(self, job: Job) -> None:
        delay = FIRST_DELAY
        while not await self._try(job):
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY)

    async def _try(self, job: Job) -> bool:
        """True: done with it, one way or the other."""
        started = asyncio.get_running_loop().time()
        try:
            await job.run()
        except StoreUnavailableError as error:
            self._note(job, started, ok=False)
            if self.up:
                self.up = False
                logger.error("store_down", what=job.what, reason=error)
                self._on_down(str(error))
            self._give_up_optional()
            if job.on_unavailable is None:
                return False
            job.on_unavailable()
            return True
        except DialerError as error:
            self._note(job, started, ok=False)
            logger.error("write_refused", what=job.what, reason=error)
            return True
        except Exception:
            # A fault of ours in one write must not stop the line of all the others.
            self._note(job, started, ok=False)
            logger.exception("write_failed", what=job.what)
            return True
        self._note(job, started, ok=True)
        if not self.up:
            self.up = True
            logger.info("store_up")
            self._on_up()
        return True

    def _give_up_optional(self) -> None:
        """What waits behind a write that is not taken would be done too late."""
        for job in self._optional.values():
            if job.on_unavailable is not None:
                job.on_unavailable()
        self._optional.clear()

    def _note(self, job: Job, started: float, *, ok: bool) -> None:
        seconds = asyncio.get_running_loop().time() - started
        self._metrics.store_write(job.what, seconds, ok)

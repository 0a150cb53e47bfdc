"""Carries what a team's board records to the pacing logs, a little behind the team, and never in its way.

Every few seconds: take what was recorded, append it. A log that is large enough, or of yesterday, is followed by a new one, which
begins with the whole board. Where a log cannot be written it ends there, and nothing is recorded until a new one can begin.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

from dialer.engine.tasks import TaskSet
from dialer.errors import PacingLogDownError
from dialer.ids import TeamId
from dialer.logs import get_logger
from dialer.pacing_log import LogHeader
from dialer.pacing_recorder import RecordedBoard
from dialer.ports import Clock, Metrics, PacingLogs

logger = get_logger(__name__)

CARRY_SECONDS = 2.0
"""What a crash can lose."""

TRY_AGAIN = timedelta(seconds=60)
CLOSE_SECONDS = 5.0
"""A disk that hangs keeps no server from stopping."""


class PacingTape:
    """Of one team. `start` once; `close` once."""

    def __init__(
        self,
        team_id: TeamId,
        board: RecordedBoard,
        logs: PacingLogs,
        *,
        header: Callable[[TeamId, datetime], LogHeader],
        file_bytes: int,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._team_id = team_id
        self._board = board
        self._logs = logs
        self._header = header
        self._file_bytes = file_bytes
        self._clock = clock
        self._metrics = metrics
        self._tasks = TaskSet()
        self._closing = asyncio.Event()
        self._done = asyncio.Event()
        self._began: datetime | None = None  # the log that is open
        self._size = 0
        self._again_at: datetime | None = None  # after a fault
        self._told = False  # of the fault, in the log of events

    def start(self) -> None:
        self._record(self._clock.now())
        self._tasks.spawn(self._run(), "pacing_tape")

    async def close(self) -> None:
        """What was recorded so far is written, if the disk takes it in time."""
        self._closing.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), timeout=CLOSE_SECONDS)
        self._board.stop()
        await self._tasks.close()

    async def _run(self) -> None:
        try:
            while not self._closing.is_set():
                await self._carry()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), timeout=CARRY_SECONDS)
            await self._carry()
            await self._end()
        finally:
            self._done.set()

    async def _carry(self) -> None:
        """One round. Raises nothing."""
        now = self._clock.now()
        try:
            if self._board.recorded or self._began is not None:
                await self._write(now)
            elif self._again_at is None or now >= self._again_at:
                self._record(now)
                await self._write(now)
        except PacingLogDownError as error:
            self._stopped(error, now)
        except Exception as error:  # a fault of ours must not end the task, nor fill the memory
            logger.exception("pacing_log_failed", team=self._team_id)
            self._stopped(error, now)

    def _record(self, now: datetime) -> None:
        self._board.record(self._header(self._team_id, now))

    async def _write(self, now: datetime) -> None:
        if self._board.fault is not None:
            raise self._board.fault
        rest = self._board.take()  # of the log that is open, or the beginning of a new one
        if self._began is None:
            await self._begin(now)
        await self._append(rest)
        if self._size >= self._file_bytes or now.date() != self._began_on(now):
            await self._turn(now)

    def _began_on(self, now: datetime) -> object:
        return self._began.date() if self._began is not None else now.date()

    async def _turn(self, now: datetime) -> None:
        """A new log. What was recorded while the last block was being written still belongs to the old one."""
        rest = self._board.take()
        self._record(now)
        await self._append(rest)
        await self._begin(now)
        await self._append(self._board.take())

    async def _begin(self, now: datetime) -> None:
        await self._logs.begin(self._team_id, now)
        self._began, self._size = now, 0
        self._again_at = None
        if self._told:
            self._told = False
            logger.info("pacing_log_up", team=self._team_id)

    async def _append(self, block: bytes) -> None:
        if not block:
            return
        before, self._size = self._size, await self._logs.append(self._team_id, block)
        self._metrics.pacing_logged(self._team_id, self._size - before)

    def _stopped(self, error: Exception, now: datetime) -> None:
        self._board.stop()
        self._board.fault = None
        self._began = None
        self._again_at = now + TRY_AGAIN
        self._metrics.pacing_log_stopped(self._team_id)
        if not self._told:
            self._told = True
            logger.error("pacing_log_stopped", team=self._team_id, reason=error)

    async def _end(self) -> None:
        with contextlib.suppress(PacingLogDownError):
            await self._logs.end(self._team_id)

"""The pacing log of a team that works: nothing that happens to the log reaches the team, and no log says what was not so."""

import asyncio
from datetime import timedelta

import pytest

from dialer.adapters.memory_pacing import MemoryPacingLogs
from dialer.adapters.this_build import log_header
from dialer.engine.pacing_tape import PacingTape
from dialer.ids import TeamId
from dialer.pacing_recorder import RecordedBoard
from dialer.pacing_replay import Replay, replay
from dialer.team import Team
from tests.engine.floor import Floor, Public, WallClock
from tests.support.playbook import SALES
from tests.support.virtual_loop import in_virtual_time

LARGE = 10_000_000


class SlowLogs(MemoryPacingLogs):
    """Each block takes so many seconds."""

    takes = 0.0

    async def append(self, team_id: TeamId, block: bytes) -> int:
        await asyncio.sleep(self.takes)
        return await super().append(team_id, block)


class RecordedFloor(Floor):
    """Its team is recorded."""

    def __init__(self, file_bytes: int = LARGE, most_waiting: int = LARGE) -> None:
        super().__init__(4, Public())
        self.logs, self.board = SlowLogs(), RecordedBoard(most_waiting)
        tape = PacingTape(
            SALES,
            self.board,
            self.logs,
            header=log_header,
            file_bytes=file_bytes,
            clock=WallClock(self.faults),
            metrics=self.metrics,
        )
        self.take_over(self.new_team(Team, self.board), tape)

    @property
    def talks(self) -> int:
        return len(self.metrics.waits)

    def played(self) -> list[Replay]:
        """Every log agrees as far as it goes."""
        played = [replay(bytes(log)) for log in self.logs.logs.get(SALES, [])]
        assert {each.exit_code for each in played} <= {0}
        assert not any(each.cut_short for each in played)
        return played


@in_virtual_time
async def test_a_team_that_works_leaves_a_log_that_agrees() -> None:
    at = RecordedFloor()
    async with at.working(400):
        await asyncio.sleep(120)
    (played,) = at.played()
    assert played.decisions > 200
    assert at.talks > 10
    assert at.metrics.logged > 1000
    assert at.metrics.log_stopped == 0


@in_virtual_time
async def test_logs_of_a_size_follow_each_other_without_a_gap() -> None:
    decisions = []
    for file_bytes in (LARGE, 2_500):
        at = RecordedFloor(file_bytes)
        async with at.working(400):
            await asyncio.sleep(120)
        decisions.append(sum(played.decisions for played in at.played()))
    assert len(at.played()) > 2
    assert abs(decisions[0] - decisions[1]) < 10  # ticks fall otherwise on the other's clock


@in_virtual_time
async def test_a_new_day_has_a_new_log() -> None:
    at = RecordedFloor()
    async with at.working(2):
        at.faults.clock_ahead = timedelta(hours=13.99)  # of 10:00
        await asyncio.sleep(60)
    assert len(at.played()) == 2
    assert min(played.decisions for played in at.played()) > 20


@in_virtual_time
async def test_a_full_disk_stops_the_log_and_not_the_dialling(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = RecordedFloor()
    async with at.working(400):
        await asyncio.sleep(30)
        at.logs.full = True
        before = at.talks
        await asyncio.sleep(150)
        assert at.talks > before + 10
        assert at.board.take() == b""
        at.logs.full = False
        await asyncio.sleep(90)
    assert caplog.text.count("pacing_log_stopped") == 1
    assert at.metrics.log_stopped >= 2
    first, last = at.played()
    assert min(first.decisions, last.decisions) > 20
    assert first.until is not None
    assert last.header is not None
    assert last.header.started_at > first.until + 140


@in_virtual_time
async def test_what_was_not_taken_in_time_ends_the_log_where_it_is_whole() -> None:
    at = RecordedFloor(most_waiting=2_500)
    async with at.working(400):
        await asyncio.sleep(30)
        at.logs.takes = 120.0
        await asyncio.sleep(150)
        at.logs.takes = 0.0
        await asyncio.sleep(60)
        talks = at.talks
        await asyncio.sleep(60)
        assert at.talks > talks + 3
    assert at.metrics.log_stopped == 1
    first, last = at.played()
    assert first.until is not None
    assert last.header is not None
    assert last.header.started_at > first.until + 60
    assert last.decisions > 20


@in_virtual_time
async def test_a_clock_that_is_put_forward_and_back_leaves_logs_that_agree() -> None:
    at = RecordedFloor()
    async with at.working(400):
        for ahead in (0, 3600, -1800):
            at.faults.clock_ahead = timedelta(seconds=ahead)
            await asyncio.sleep(40)
    assert sum(played.decisions for played in at.played()) > 200

"""Pacing logs without files: what a recorded board wrote, as its files would be, and what playing them again comes to."""

from dialer.pacing_frames import MARK, FrameWriter
from dialer.pacing_log import LogHeader
from dialer.pacing_recorder import RecordedBoard
from dialer.pacing_replay import Replay, replay

HEADER = LogHeader(
    product="1.0", rules="abc", numpy="2", machine="x86_64", team="sales", started_at=1000.5
)


class Recording:
    """Of one board: `turn` begins another log, as at midnight; `flush` writes a frame, as every few seconds."""

    def __init__(self, board: RecordedBoard) -> None:
        self.board = board
        self.logs: list[bytearray] = []
        self._frames = FrameWriter()
        self.turn()

    def turn(self) -> None:
        if self.logs:
            self.flush()
        self.board.record(HEADER)
        self.logs.append(bytearray(MARK))
        self._frames = FrameWriter()
        self.flush()

    def flush(self) -> None:
        assert self.board.fault is None
        self.logs[-1] += self._frames.frame(self.board.take())

    def played(self) -> list[Replay]:
        """All logs, each alone, to their ends."""
        self.flush()
        return [replay(bytes(log)) for log in self.logs]

    def decisions_that_agree(self) -> int:
        """All do; how many there are."""
        played = self.played()
        assert [each.difference for each in played] == [None] * len(played)
        assert {each.exit_code for each in played} == {0}
        assert not any(each.cut_short for each in played)
        return sum(each.decisions for each in played)

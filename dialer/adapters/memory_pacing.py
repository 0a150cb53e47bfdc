"""The PacingLogs port in memory: every log as its file would be."""

from dataclasses import dataclass, field
from datetime import datetime

from dialer.errors import PacingLogDownError
from dialer.ids import TeamId
from dialer.pacing_frames import MARK, FrameWriter


@dataclass
class MemoryPacingLogs:
    """`full`: the disk takes nothing more."""

    logs: dict[TeamId, list[bytearray]] = field(default_factory=dict)
    full: bool = False
    _open: dict[TeamId, FrameWriter] = field(default_factory=dict)

    async def begin(self, team_id: TeamId, at: datetime) -> None:
        await self.end(team_id)
        self._check(team_id)
        self.logs.setdefault(team_id, []).append(bytearray(MARK))
        self._open[team_id] = FrameWriter()

    async def append(self, team_id: TeamId, block: bytes) -> int:
        self._check(team_id)
        if team_id not in self._open:
            raise PacingLogDownError("no log is open")
        log = self.logs[team_id][-1]
        log += self._open[team_id].frame(block)
        return len(log)

    async def end(self, team_id: TeamId) -> None:
        self._open.pop(team_id, None)

    def _check(self, team_id: TeamId) -> None:
        if self.full:
            self._open.pop(team_id, None)
            raise PacingLogDownError("no space left on device")

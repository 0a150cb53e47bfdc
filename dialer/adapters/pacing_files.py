"""The PacingLogs port in a folder: one file a log, written and compressed in threads, the oldest removed for the newest.

A file is named by its team and the instant of its beginning, `main.20261123T083000-123456Z.pacing`. Nothing is flushed through to
the disk: a crash of the server loses nothing of what was appended, one of the machine some seconds.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from pathlib import Path
from urllib.parse import quote

from dialer.adapters.sql.sqlite_files import file_of
from dialer.errors import InvalidInputError, PacingLogDownError
from dialer.ids import TeamId
from dialer.pacing_frames import MARK, FrameWriter

SUFFIX = ".pacing"
FOLDER = "pacing-log"


@dataclass
class _Log:
    file: FileIO
    frames: FrameWriter = field(default_factory=FrameWriter)
    size: int = 0

    def write(self, data: bytes) -> None:
        """All of it: a disk that is nearly full may take a part first."""
        left = memoryview(data)
        while len(left):
            left = left[self.file.write(left) :]
        self.size += len(data)


class PacingFiles:
    """`most_bytes`: of all files in the folder together, those of other servers included; `file_bytes`: of one, about."""

    def __init__(self, folder: Path, *, most_bytes: int, file_bytes: int) -> None:
        self._folder = folder
        self._most, self._each = most_bytes, file_bytes
        self._open: dict[TeamId, _Log] = {}

    async def begin(self, team_id: TeamId, at: datetime) -> None:
        await self.end(team_id)
        with _border():
            self._open[team_id] = await asyncio.to_thread(self._begin, team_id, at)

    async def append(self, team_id: TeamId, block: bytes) -> int:
        log = self._open.get(team_id)
        if log is None:
            raise PacingLogDownError("no log is open")
        try:
            with _border():
                return await asyncio.to_thread(_append, log, block)
        except PacingLogDownError:
            await self.end(team_id)
            raise

    async def end(self, team_id: TeamId) -> None:
        log = self._open.pop(team_id, None)
        if log is not None:
            with _border():
                await asyncio.to_thread(log.file.close)

    def _begin(self, team_id: TeamId, at: datetime) -> _Log:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._make_room()
        name = f"{quote(team_id, safe='')}.{at:%Y%m%dT%H%M%S-%fZ}{SUFFIX}"
        log = _Log(FileIO(self._folder / name, "xb"))
        try:
            log.write(MARK)
        except OSError:
            log.file.close()
            raise
        return log

    def _make_room(self) -> None:
        """For one more file of the usual size; those that are being written here stay."""
        held = {Path(str(log.file.name)) for log in self._open.values()}
        files = sorted(set(self._folder.glob(f"*{SUFFIX}")) - held, key=_began)
        room = self._most - self._each - sum(map(_size, held))
        sizes = [_size(file) for file in files]
        total = sum(sizes)
        for file, size in zip(files, sizes, strict=True):
            if total <= room:
                return
            file.unlink(missing_ok=True)
            total -= size


def folder_of(chosen: Path | None, database_url: str) -> Path:
    """Where the logs lie: unless somebody has chosen, beside the database's file, where it is one."""
    if chosen is not None:
        return chosen
    try:
        return file_of(database_url).parent / FOLDER
    except InvalidInputError:
        return Path(FOLDER)


def _append(log: _Log, block: bytes) -> int:
    log.write(log.frames.frame(block))
    return log.size


def _began(file: Path) -> str:
    return file.name.removesuffix(SUFFIX).rpartition(".")[2]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another server has removed it
        return 0


@contextlib.contextmanager
def _border() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PacingLogDownError(error.strerror or str(error)) from error

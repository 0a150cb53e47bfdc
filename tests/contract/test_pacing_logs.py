"""The PacingLogs port: in files and in memory."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from dialer.adapters.memory_pacing import MemoryPacingLogs
from dialer.adapters.pacing_files import SUFFIX, PacingFiles, folder_of
from dialer.errors import PacingLogDownError
from dialer.ids import TeamId
from dialer.pacing_frames import FrameReader
from dialer.ports import PacingLogs
from tests.support.playbook import START

SALES, CARE = TeamId("sales"), TeamId("care/../x")
NIGHT = START + timedelta(days=1)
Look = Callable[[TeamId], list[bytes]]


@pytest.fixture(params=["memory", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[PacingLogs, Look]:
    """The port, and what can be seen of a team's logs, the oldest first."""
    if request.param == "memory":
        memory = MemoryPacingLogs()
        return memory, lambda team: [bytes(log) for log in memory.logs.get(team, [])]
    folder = tmp_path / "new" / "pacing-log"
    files = PacingFiles(folder, most_bytes=1_000_000, file_bytes=100_000)

    def look(team: TeamId) -> list[bytes]:
        names = sorted(folder.glob(f"{team[:4]}*{SUFFIX}"))
        return [name.read_bytes() for name in names]

    return files, look


async def test_what_is_appended_is_read_back_in_its_order(world: tuple[PacingLogs, Look]) -> None:
    logs, look = world
    await logs.begin(SALES, START)
    sizes = [await logs.append(SALES, block) for block in (b"one", b"two" * 50, b"three")]
    (log,) = look(SALES)  # before its end: nothing of it waits anywhere
    assert list(FrameReader(log)) == [b"one", b"two" * 50, b"three"]
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(log)
    await logs.end(SALES)


async def test_each_log_is_readable_by_itself(world: tuple[PacingLogs, Look]) -> None:
    logs, look = world
    for at, block in ((START, b"first"), (NIGHT, b"second")):
        await logs.begin(SALES, at)
        await logs.append(SALES, block)
    assert [list(FrameReader(log)) for log in look(SALES)] == [[b"first"], [b"second"]]
    await logs.end(SALES)


async def test_teams_do_not_meet(world: tuple[PacingLogs, Look]) -> None:
    logs, look = world
    for team in (SALES, CARE):
        await logs.begin(team, START)
    await logs.append(SALES, b"sales")
    await logs.append(CARE, b"care")
    await logs.end(SALES)
    await logs.append(CARE, b"more")
    assert list(FrameReader(look(SALES)[0])) == [b"sales"]
    assert list(FrameReader(look(CARE)[0])) == [b"care", b"more"]
    await logs.end(CARE)


async def test_nothing_is_appended_where_no_log_is_open(world: tuple[PacingLogs, Look]) -> None:
    logs, _ = world
    with pytest.raises(PacingLogDownError):
        await logs.append(SALES, b"lost")
    await logs.begin(SALES, START)
    await logs.end(SALES)
    await logs.end(SALES)
    with pytest.raises(PacingLogDownError):
        await logs.append(SALES, b"late")


# --- files alone ------------------------------------------------------------------------------------------------------


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*{SUFFIX}"))


async def test_the_oldest_files_make_room_for_the_newest_and_open_ones_stay(tmp_path: Path) -> None:
    logs = PacingFiles(tmp_path, most_bytes=5_000, file_bytes=1_000)
    (tmp_path / "notes.txt").write_text("x" * 9_000)
    await logs.begin(CARE, START - timedelta(days=9))
    for day in range(8):
        await logs.begin(SALES, START + timedelta(days=day))
        await logs.append(SALES, Random(day).randbytes(1000))
    left = _names(tmp_path)
    days = [f"{START + timedelta(days=day):%Y%m%d}" for day in range(8)]
    kept = [
        name.removesuffix(SUFFIX).rpartition(".")[2][:8]
        for name in left
        if name.startswith("sales")
    ]
    assert kept == days[-len(kept) :]
    assert 1 < len(kept) < 8
    assert [name for name in left if name.startswith("care")], "a file that is being written"
    assert sum((tmp_path / name).stat().st_size for name in left) <= 5_000
    assert (tmp_path / "notes.txt").exists()
    for team in (SALES, CARE):
        await logs.end(team)


@pytest.mark.parametrize("in_the_way", ["file", "same name"])
async def test_a_folder_that_takes_nothing_is_a_log_that_is_down(
    tmp_path: Path, in_the_way: str
) -> None:
    folder = tmp_path / "log"
    logs = PacingFiles(folder, most_bytes=1_000_000, file_bytes=100_000)
    if in_the_way == "file":
        folder.write_text("")
    else:
        await logs.begin(SALES, START)
    with pytest.raises(PacingLogDownError):
        await logs.begin(SALES, START)
    with pytest.raises(PacingLogDownError):
        await logs.append(SALES, b"lost")


def test_logs_lie_beside_the_database_where_it_is_a_file(tmp_path: Path) -> None:
    assert folder_of(None, f"sqlite:///{tmp_path}/dialer.sqlite3") == tmp_path / "pacing-log"
    assert folder_of(None, "sqlite+aiosqlite:///dialer.sqlite3") == Path("pacing-log")
    assert folder_of(Path("elsewhere"), "postgresql://dialer@localhost/dialer") == Path("elsewhere")
    assert folder_of(None, "postgresql://dialer@localhost/dialer") == Path("pacing-log")

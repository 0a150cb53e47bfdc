"""The server's wall clock steps by an hour; the monotonic clock runs on, as on a real machine. It stays where it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.faults.catalogue import Fault

if TYPE_CHECKING:
    from bench.faults.floor import Floor

HOUR = 3600


def library() -> Path | None:
    """libfaketime, where it is installed (Debian: faketime)."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def environment(offset: Path) -> dict[str, str]:
    """What makes a process read its wall clock through the offset in the file `offset`."""
    found = library()
    assert found is not None, "libfaketime is not installed (Debian: apt-get install faketime)"
    offset.write_text("+0\n")
    return {
        "LD_PRELOAD": str(found),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def _step(floor: Floor, seconds: int) -> None:
    floor.clock_offset.write_text(f"{seconds:+d}\n")


FAULTS = (
    Fault(
        "clock-ahead",
        "server's clock: steps one hour ahead",
        lambda floor: _step(floor, HOUR),
        hold_seconds=2,
        sign="clock_stepped",
        clock_step_seconds=HOUR,
    ),
    Fault(
        "clock-back",
        "server's clock: steps one hour back",
        lambda floor: _step(floor, -HOUR),
        hold_seconds=2,
        sign="clock_stepped",
        clock_step_seconds=-HOUR,
    ),
)

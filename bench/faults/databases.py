"""Where the server writes: PostgreSQL, Redis, and disks that are full."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

from bench.faults.catalogue import Database, Fault

if TYPE_CHECKING:
    from bench.faults.floor import Floor


def _fill(floor: Floor) -> None:
    """Not a byte is left."""
    with floor.ballast.open("wb", buffering=0) as file:
        for size in (2**20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _free(floor: Floor) -> None:
    """Room again; a PostgreSQL that gave up is started, as its supervisor would."""
    floor.ballast.unlink()
    floor.revive_database()


def _stop_database(floor: Floor) -> None:
    floor.cluster.stop(signal.SIGINT)


def _crash_database(floor: Floor) -> None:
    floor.cluster.stop(signal.SIGQUIT)


def _start_database(floor: Floor) -> None:
    floor.cluster.start()


FAULTS = (
    Fault(
        "postgresql-restarted",
        "PostgreSQL: crashed (SIGQUIT) and started",
        _crash_database,
        _start_database,
    ),
    Fault(
        "postgresql-away",
        "PostgreSQL: stopped for 10 s",
        _stop_database,
        _start_database,
        hold_seconds=10,
        sign="store_down",
    ),
    Fault(
        "redis-restarted",
        "Redis: `kill -9`, started again after 5 s with nothing in it",
        lambda floor: floor.redis.kill(),
        lambda floor: floor.redis.start(),
        hold_seconds=5,
        redis=True,
        sign="redis_down",
    ),
    Fault(
        "disk-full-postgresql",
        "PostgreSQL's disk full for 20 s",
        _fill,
        _free,
        hold_seconds=20,
        sign="store_down",
        database=Database.POSTGRESQL_ON_SMALL_DISK,
    ),
    Fault(
        "disk-full-sqlite",
        "disk of the SQLite file and of the server's log full for 15 s",
        _fill,
        _free,
        hold_seconds=15,
        database=Database.SQLITE_ON_SMALL_DISK,
    ),
)

"""Copies of an SQLite database: made while servers work, checked, whole or not there at all. They hold phone numbers, so
only the owner may read them."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from dialer.adapters.sql.engine import address_of
from dialer.errors import InvalidInputError, StoreUnavailableError

NOT_SQLITE = "is PostgreSQL: use pg_dump and pg_restore (docs/operations/backup.md)"
BESIDE = ("", "-wal", "-shm")
"""The files of one database."""


def file_of(url: str) -> Path:
    """The database's file. Raises InvalidInputError."""
    address = address_of(url)
    if address.get_backend_name() != "sqlite":
        raise InvalidInputError("database url", NOT_SQLITE)
    return Path(str(address.database))


def back_up(source: Path, target: Path) -> int:
    """A consistent copy of a database in use; writers are not kept waiting. Returns its size in bytes. `target` must not
    exist. Raises InvalidInputError, StoreUnavailableError."""
    if not source.exists():
        raise InvalidInputError("database url", "there is no such file")
    with _whole(target) as fresh, _sqlite_errors():
        with closing(sqlite3.connect(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(fresh),))
        check(fresh)
        return fresh.stat().st_size


def check(file: Path) -> None:
    """Raises InvalidInputError unless it is a database of ours, and undamaged."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            (found,) = copy.execute("PRAGMA integrity_check").fetchone()
            copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise InvalidInputError(str(file), f"is no backup of a dialer: {error}") from error
    if found != "ok":
        raise InvalidInputError(str(file), "is damaged")


@contextmanager
def put_in_place(backup: Path, target: Path, *, at: datetime) -> Iterator[Path]:
    """Yields a copy of the backup to be made ready; then it becomes the database. The files that were there are put
    aside, under names with the instant. Raises InvalidInputError."""
    if not backup.exists():
        raise InvalidInputError(str(backup), "there is no such file")
    check(backup)
    with _whole(target, aside=f".before-{at:%Y%m%dT%H%M%SZ}") as fresh:
        shutil.copyfile(backup, fresh)
        yield fresh
        with _sqlite_errors(), closing(sqlite3.connect(fresh)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # one file holds everything


@contextmanager
def _whole(target: Path, *, aside: str | None = None) -> Iterator[Path]:
    """A file that gets its name when it is complete and on the disk."""
    if target.exists() and aside is None:
        raise InvalidInputError(str(target), "exists already")
    fresh = target.with_name(f".{target.name}.new")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()  # of a copy that was killed
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield fresh
        _to_disk(fresh)
        for end in BESIDE if aside is not None else ():
            with suppress(FileNotFoundError):
                Path(f"{target}{end}").rename(f"{target}{aside}{end}")
        fresh.rename(target)
        _to_disk(target.parent)
    except OSError as error:
        raise InvalidInputError(str(target), error.strerror or "cannot be written") from error
    finally:
        for end in BESIDE:
            Path(f"{fresh}{end}").unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _sqlite_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailableError from error

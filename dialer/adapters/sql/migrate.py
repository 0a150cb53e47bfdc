"""Bringing a database's schema up to date."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from dialer.adapters.sql.engine import address_of, connect
from dialer.adapters.sql.faults import store_errors
from dialer.errors import StoreUnavailableError

SCRIPTS = Path(__file__).parent / "migrations"
_ALONE = threading.Lock()
LOCK = 0x6469616C  # "dial": one process at a time


async def migrate(url: str, *, to: str = "head") -> None:
    """Apply the migrations that the database does not have (up to the revision `to`), in one transaction; safe to call
    from several processes at once. Raises StoreUnavailableError, InvalidInputError."""
    address = address_of(url)
    if address.get_backend_name() == "sqlite" and address.database:
        _create_file(Path(address.database))
    await asyncio.to_thread(_migrate_alone, url, to)


def _migrate_alone(url: str, to: str) -> None:
    """Alembic keeps what it works on in globals: one database at a time in a process. In a thread, so that whoever waits
    for another's migration does not stop the event loop that this one may need."""
    with _ALONE:
        asyncio.run(_migrate(url, to))


async def _migrate(url: str, to: str) -> None:
    database = connect(url, patient=True)
    try:
        async with database.write() as connection:
            await connection.run_sync(_upgrade, to)
    finally:
        await database.close()


def _create_file(path: Path) -> None:
    """A new SQLite file appears with write-ahead logging already on. Two processes that switch it on in the same file at
    once would wait for each other until one gives up."""
    if path.exists():
        return
    with store_errors(), TemporaryDirectory(dir=path.parent, prefix=".dialer-") as folder:
        fresh = Path(folder) / "fresh.db"
        try:
            with closing(sqlite3.connect(fresh)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            raise StoreUnavailableError from error
        with suppress(
            OSError
        ):  # another process was first, or this disk has no links: then it is switched on later
            os.link(fresh, path)


def _upgrade(connection: Connection, to: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    command.upgrade(config, to)

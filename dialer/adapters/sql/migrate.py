"""Bringing a database's schema up to date."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from dialer.adapters.sql.engine import address_of, connect
from dialer.adapters.sql.faults import COLLISIONS, code_of, store_errors
from dialer.adapters.sql.tables import schema_support
from dialer.errors import DialerError, StoreUnavailableError
from dialer.logs import get_logger

logger = get_logger(__name__)

SCRIPTS = Path(__file__).parent / "migrations"
_ALONE = threading.Lock()
LOCK = 0x6469616C  # "dial": one process at a time
LOCK_TIMEOUT = "1s"
STATEMENT_TIMEOUT = "2s"
QUERY_CANCELED = "57014"
BUSY = COLLISIONS | {"55P03"}  # and lock_not_available
TRIES, PAUSE_SECONDS = 30, 0.5
"""A migration that waits for a table keeps all who come after it waiting too. So it waits for a moment only, lets the
others work, and tries again. Nor may one statement keep a table for longer than the servers wait for a lock (3 s)."""


class SchemaTooNewError(DialerError):
    """The database was brought up to date by a version that this one cannot work beside; upgrade this server"""


class MigrationBlockedError(DialerError):
    """The schema cannot be brought up to date while servers work: stop them, then run `dialer database migrate --patient`"""


@dataclass(frozen=True, slots=True)
class Migration:
    """`to`: the last revision. `patient`: statements and locks may take as long as they need. `beside`: a further folder
    of migrations."""

    url: str
    to: str = "head"
    patient: bool = False
    beside: Path | None = None


async def migrate(
    url: str, *, to: str = "head", patient: bool = False, beside: Path | None = None
) -> None:
    """Apply the migrations that the database does not have (up to the revision `to`), in one transaction; safe to call
    from several processes at once, and while servers work. A schema that is newer than this code is left as it is if its
    migrations say that this code may work on it.

    Raises StoreUnavailableError, InvalidInputError, SchemaTooNewError, MigrationBlockedError."""
    address = address_of(url)
    if address.get_backend_name() == "sqlite" and address.database:
        _create_file(Path(address.database))
    await asyncio.to_thread(_migrate_alone, Migration(url, to, patient, beside))


def _migrate_alone(migration: Migration) -> None:
    """Alembic keeps what it works on in globals: one database at a time in a process. In a thread, so that whoever waits
    for another's migration does not stop the event loop that this one may need."""
    with _ALONE:
        asyncio.run(_migrate(migration))


async def _migrate(migration: Migration) -> None:
    database = connect(migration.url, patient=True)
    try:
        for _ in range(TRIES):
            try:
                async with database.write() as connection:
                    await connection.run_sync(_upgrade, migration)
                return
            except StoreUnavailableError as error:
                _check_may_try_again(error)
            logger.info("migration_waits", seconds=PAUSE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await database.close()
    raise MigrationBlockedError


def _check_may_try_again(error: StoreUnavailableError) -> None:
    cause = error.__cause__ or error.__context__
    code = code_of(cause) if isinstance(cause, DBAPIError) else ""
    if code == QUERY_CANCELED:
        raise MigrationBlockedError from error
    if code not in BUSY:
        raise error


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


def _upgrade(connection: Connection, migration: Migration) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        if not migration.patient:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
    config = _config(connection, migration.beside)
    scripts = ScriptDirectory.from_config(config)
    before = MigrationContext.configure(connection).get_current_revision()
    if before is not None and before not in {each.revision for each in scripts.walk_revisions()}:
        _check_supported(connection, scripts)
        return
    command.upgrade(config, migration.to)
    after = MigrationContext.configure(connection).get_current_revision()
    if after != before:
        logger.info("schema_upgraded", before=before, after=after)
        _note_support(connection, scripts, after)


def _config(connection: Connection, beside: Path | None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _escaped(SCRIPTS))
    if beside is not None:
        config.set_main_option("path_separator", "newline")
        folders = f"{_escaped(SCRIPTS / 'versions')}\n{_escaped(beside)}"
        config.set_main_option("version_locations", folders)
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


# --- which code may work on which schema ------------------------------------------------------------------------------


def _note_support(connection: Connection, scripts: ScriptDirectory, revision: str | None) -> None:
    """The newest migration that a server must know to work on this schema. A migration that does not say is for servers
    that know it."""
    applied = scripts.iterate_revisions(revision, "base")
    oldest = max(getattr(each.module, "oldest_code", each.revision) for each in applied)
    if not inspect(connection).has_table(schema_support.name):
        return  # not that far yet
    connection.execute(delete(schema_support))
    connection.execute(insert(schema_support).values(id=1, oldest_code=oldest))


def _check_supported(connection: Connection, scripts: ScriptDirectory) -> None:
    oldest = connection.execute(select(schema_support.c.oldest_code)).scalar_one()
    newest_known = scripts.get_current_head() or ""
    if oldest > newest_known:
        raise SchemaTooNewError(
            "the database's schema needs a server that knows migration "
            f"{oldest}, and this one knows {newest_known}: upgrade this server"
        )
    logger.warning("schema_newer", known=newest_known)

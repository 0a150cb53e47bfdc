"""The way to the database: engines, transactions, and the translation of the driver's errors.

SQLite allows one writer at a time, so there are two engines on one file: a writer with a single connection, where tasks
queue in order and every transaction is BEGIN IMMEDIATE (a transaction that reads first and writes later can then never
deadlock), and a reader that write-ahead logging lets run beside it. `synchronous` is FULL: a committed attempt survives
not only a killed process but a power cut, since an attempt that is forgotten is a person who is rung twice.

On PostgreSQL both are the same engine.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialer.errors import InvalidInputError, StoreUnavailableError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
BUSY_TIMEOUT_SECONDS = 10
READERS = 4
CHUNK = 500
"""Rows or values in one statement: far under the limits on bound values of both databases."""

T = TypeVar("T")


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns "the database cannot be reached, is busy or is damaged" into StoreUnavailableError. A fault of the statement
    passes as it is."""
    try:
        yield
    except (IntegrityError, DataError, ProgrammingError):
        raise
    except (DBAPIError, PoolTimeoutError, OSError) as error:
        raise StoreUnavailableError from error


@dataclass(frozen=True, slots=True)
class Database:
    """One database. Use `write` and `read`; each is one transaction."""

    writer: AsyncEngine
    reader: AsyncEngine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end, rolls back when anything is raised. Raises StoreUnavailableError."""
        with store_errors():
            async with self.writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view. Raises StoreUnavailableError."""
        with store_errors():
            async with self.reader.begin() as connection:
                yield connection

    async def close(self) -> None:
        await self.writer.dispose()
        await self.reader.dispose()


def connect(url: str) -> Database:
    """The database at `url` ("sqlite:///file" or "postgresql://..."); nothing is opened yet.
    Raises InvalidInputError for a URL that cannot be used."""
    address = address_of(url)
    if address.get_backend_name() != "sqlite":
        engine = create_async_engine(address, hide_parameters=True, pool_pre_ping=True)
        return Database(engine, engine)
    writer = _sqlite_engine(address, connections=1, begin="BEGIN IMMEDIATE")
    reader = _sqlite_engine(address, connections=READERS, begin="BEGIN")
    return Database(writer, reader)


def address_of(url: str) -> URL:
    """`url` with its driver. Raises InvalidInputError."""
    try:
        address = make_url(url)
        backend = address.get_backend_name()
        if address.drivername == backend:
            address = address.set(drivername=DRIVERS[backend])
        address.get_dialect()
    except (ArgumentError, KeyError, NoSuchModuleError) as error:
        raise InvalidInputError("database url", "not an SQLite or PostgreSQL address") from error
    if backend not in DRIVERS:
        raise InvalidInputError("database url", "not an SQLite or PostgreSQL address")
    if backend == "sqlite":
        _check_file(address.database)
    return address


def _check_file(path: str | None) -> None:
    if not path or path == ":memory:":
        raise InvalidInputError("database url", "an SQLite database must be a file")
    if not Path(path).parent.is_dir():
        raise InvalidInputError("database url", "the folder of the database does not exist")


def _sqlite_engine(address: URL, *, connections: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        address,
        hide_parameters=True,  # an error's text must not hold a phone number
        pool_size=connections,
        max_overflow=0,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS},
    )

    def prepare(connection: DBAPIConnection, _record: object) -> None:
        try:
            cursor = connection.cursor()
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.close()  # the pool does not know it yet
            raise

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", start)
    return engine


# --- statements that the two databases spell differently --------------------------------------------------------------


def insert_or_skip(connection: AsyncConnection, table: Table) -> Insert:
    """INSERT that leaves out a row which breaks a unique rule."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_update(
    connection: AsyncConnection, table: Table, values: Mapping[str, Any], *, keep: frozenset[str]
) -> Insert:
    """INSERT; where the primary key is there already, UPDATE all but the columns in `keep`."""
    key = [column.name for column in table.primary_key]
    changes = {name: value for name, value in values.items() if name not in keep.union(key)}
    if connection.dialect.name == "postgresql":
        stored = postgresql.insert(table).values(**values)
        return stored.on_conflict_do_update(index_elements=key, set_=changes)
    row = sqlite.insert(table).values(**values)
    return row.on_conflict_do_update(index_elements=key, set_=changes)


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk

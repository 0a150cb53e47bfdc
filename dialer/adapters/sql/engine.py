"""The way to the database: engines, transactions, and the translation of the driver's errors.

SQLite allows one writer at a time, so there are two engines on one file: a writer with a single connection, where tasks
queue in order and every transaction is BEGIN IMMEDIATE (a transaction that reads first and writes later can then never
deadlock), and a reader that write-ahead logging lets run beside it. `synchronous` is FULL: a committed attempt survives
not only a killed process but a power cut, since an attempt that is forgotten is a person who is rung twice.

On PostgreSQL both use one pool. Writers run at READ COMMITTED: every statement sees what was committed before it began, so
that a check made after a lock was got is a check of the present. Readers run at REPEATABLE READ: one view for all their
statements. A server that hangs in mid-transaction is cut off by PostgreSQL, else its locks would keep the others from
taking its team over.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialer.adapters.sql.faults import before_commit, store_errors
from dialer.errors import InvalidInputError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
BUSY_TIMEOUT_SECONDS = 10
READERS = 4
THREAD_SECONDS = 2.0

QUERY = frozenset({"host", "port", "ssl", "passfile", "target_session_attrs"})
CONNECTIONS = 10
CONNECT_SECONDS = 5
COMMAND_SECONDS = 30
SESSION = {
    "application_name": "dialer",
    "jit": "off",  # short statements only
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
IMPATIENT = {
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "10s",
}
"""How PostgreSQL deals with our sessions; all but migrations are also impatient."""

CHUNK = 500
"""Rows or values in one statement: far under the limits on bound values of both databases."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Database:
    """One database. Use `write` and `read`; each is one transaction."""

    writer: AsyncEngine
    reader: AsyncEngine
    threads: list[Thread] = field(default_factory=list, repr=False)  # of SQLite connections

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end, rolls back when anything is raised. Raises StoreUnavailableError; UndoneError, which is
        one, where the transaction is sure to be worth another try."""
        with store_errors():
            async with self.writer.connect() as connection:
                with before_commit():
                    await connection.begin()
                    yield connection
                await connection.commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view. Raises StoreUnavailableError."""
        with store_errors():
            async with self.reader.begin() as connection:
                yield connection

    async def close(self) -> None:
        await self.writer.dispose()
        await self.reader.dispose()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        """A statement whose caller was cancelled still runs in its connection's thread, which answers to the event loop:
        the loop must not be gone by then."""
        for thread in self.threads:
            thread.join(timeout=THREAD_SECONDS)


def connect(url: str, *, patient: bool = False) -> Database:
    """The database at `url` ("sqlite:///file" or "postgresql://..."); nothing is opened yet. `patient`: a statement may
    wait and run as long as it takes. Raises InvalidInputError for a URL that cannot be used."""
    address = address_of(url)
    if address.get_backend_name() == "postgresql":
        writer = _postgresql_engine(address, patient=patient)
        reads = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return Database(writer, writer.execution_options(**reads))
    threads: list[Thread] = []
    writer = _sqlite_engine(address, threads, connections=1, begin="BEGIN IMMEDIATE")
    reader = _sqlite_engine(address, threads, connections=READERS, begin="BEGIN")
    return Database(writer, reader, threads)


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
    if address.drivername != DRIVERS.get(backend):
        raise InvalidInputError("database url", "not an SQLite or PostgreSQL address")
    if backend == "sqlite":
        _check_file(address.database)
        return address
    return _checked_query(address)


def _checked_query(address: URL) -> URL:
    """PostgreSQL's own tools say `sslmode`, the driver says `ssl`, and it would fail on words that it does not know."""
    query = dict(address.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    unknown = query.keys() - QUERY
    if unknown:
        known = ", ".join(sorted(QUERY))
        raise InvalidInputError("database url", f"of its query only these are known: {known}")
    return address.set(query=query)


def _check_file(path: str | None) -> None:
    if not path or path == ":memory:":
        raise InvalidInputError("database url", "an SQLite database must be a file")
    if not Path(path).parent.is_dir():
        raise InvalidInputError("database url", "the folder of the database does not exist")


def _sqlite_engine(
    address: URL, threads: list[Thread], *, connections: int, begin: str
) -> AsyncEngine:
    engine = create_async_engine(
        address,
        hide_parameters=True,  # an error's text must not hold a phone number
        pool_size=connections,
        max_overflow=0,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS},
    )

    def prepare(connection: Any, _record: object) -> None:
        threads[:] = [thread for thread in threads if thread.is_alive()]
        threads.append(connection.driver_connection._thread)
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


def _postgresql_engine(address: URL, *, patient: bool) -> AsyncEngine:
    settings = SESSION if patient else SESSION | IMPATIENT
    engine = create_async_engine(
        address,
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=COMMAND_SECONDS,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": None if patient else COMMAND_SECONDS,
            "server_settings": settings,
        },
    )

    def check(connection: Any, _record: object, _proxy: object) -> None:
        """Costs no round trip, unlike a ping: the driver knows by itself when the other end has hung up."""
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    event.listen(engine.sync_engine, "checkout", check)
    return engine


# --- statements that the two databases spell differently --------------------------------------------------------------


def insert_into(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """INSERT that can be told what to do about a row that is there already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_or_skip(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """INSERT that leaves out a row which breaks a unique rule."""
    return insert_into(connection, table).on_conflict_do_nothing()


def insert_or_update(
    connection: AsyncConnection, table: Table, values: Mapping[str, Any], *, keep: frozenset[str]
) -> postgresql.Insert | sqlite.Insert:
    """INSERT; where the primary key is there already, UPDATE all but the columns in `keep`."""
    key = [column.name for column in table.primary_key]
    changes = {name: value for name, value in values.items() if name not in keep.union(key)}
    row = insert_into(connection, table).values(**values)
    return row.on_conflict_do_update(index_elements=key, set_=changes)


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def padded(values: Iterable[T]) -> list[T]:
    """`values` in their order, the last one repeated until there are 1, 2, 4, 8 ... of them: for IN, where one that stands twice
    says nothing more. Every other number of them is another text to SQLAlchemy and to the drivers, which keep what they have
    made of a hundred texts and more: memory that grows for hours, and is made anew again and again."""
    found = list(values)
    if found:
        found += [found[-1]] * (_power_of_two(len(found), up=True) - len(found))
    return found


def in_powers(items: Sequence[T], most: int = CHUNK) -> Iterator[Sequence[T]]:
    """`items` in pieces of 1, 2, 4, 8 ... of them, the longest first, none over `most`: as `padded`, for rows to insert."""
    start = 0
    while left := len(items) - start:
        size = _power_of_two(min(left, most), up=False)
        yield items[start : start + size]
        start += size


def _power_of_two(number: int, *, up: bool) -> int:
    """The nearest one that is not less, or not more. `number` is at least 1."""
    return 1 << ((number - 1).bit_length() if up else number.bit_length() - 1)

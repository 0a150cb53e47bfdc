"""Looks at our own side: the database, the disk under it, the pacing log's folder, and the API's port. It changes nothing."""

import asyncio
import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from redis.exceptions import AuthenticationError, ResponseError
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from dialer.adapters.redis_line import FAULTS, client, told
from dialer.adapters.sql.engine import Database, address_of, connect
from dialer.adapters.sql.migrate import SCRIPTS
from dialer.doctor_facts import ApiFacts, DatabaseFacts, PacingLogFacts, RedisFacts
from dialer.errors import DialerError

ANSWER_SECONDS = 2.0
TRIAL_BYTES = 65_536
"""Some seconds of a large team: a disk with less room is full."""


class _Undo(Exception):
    """Ends a trial write."""


async def look_at_database(url: str) -> DatabaseFacts:
    try:
        address = address_of(url)
    except DialerError as error:
        return DatabaseFacts(place="[database] url", problem=str(error))
    place = _place(address)
    file = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
    free = shutil.disk_usage(file.parent).free if file else None
    facts = DatabaseFacts(place=place, free_bytes=free, newest=_scripts().get_current_head() or "")
    if file is not None and not file.exists():
        writable = os.access(file.parent, os.W_OK)
        return replace(facts, exists=False, write_problem="" if writable else "folder")
    database = connect(url)
    try:
        facts = await _read(database, facts)
        return facts if facts.problem else await _write(database, facts)
    finally:
        await database.close()


def _place(address: URL) -> str:
    return address.database or "" if address.host is None else f"{address.host}/{address.database}"


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


async def _read(database: Database, facts: DatabaseFacts) -> DatabaseFacts:
    try:
        async with database.read() as connection:
            revision = await connection.run_sync(_revision)
    except (DialerError, SQLAlchemyError, OSError) as error:
        return replace(facts, problem=_told(error))
    return replace(facts, revision=revision, known=_is_known(revision))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _is_known(revision: str | None) -> bool:
    try:
        return revision is None or _scripts().get_revision(revision) is not None
    except CommandError:
        return False


async def _write(database: Database, facts: DatabaseFacts) -> DatabaseFacts:
    """A write that is rolled back."""
    trial = "UPDATE alembic_version SET version_num = version_num"
    if facts.revision is None:
        trial = "CREATE TABLE dialer_doctor (id INTEGER)"
    try:
        async with database.write() as connection:
            await connection.execute(text(trial))
            raise _Undo
    except _Undo:
        return facts
    except (DialerError, SQLAlchemyError, OSError) as error:
        return replace(facts, write_problem=_told(error))


def look_at_pacing_log(folder: Path) -> PacingLogFacts:
    """A trial file that has no name and is gone at once, in the folder, or where the folder is to be made."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    facts = PacingLogFacts(folder=str(folder))
    try:
        with TemporaryFile(dir=there) as trial:
            trial.write(bytes(TRIAL_BYTES))
    except OSError as error:
        return replace(facts, problem=error.strerror or type(error).__name__)
    return facts


def _told(error: BaseException) -> str:
    """What the driver itself said, in one line; it holds no values of ours."""
    cause = error.__cause__ or error
    original = getattr(cause, "orig", None) or cause
    return (str(original) or type(original).__name__).splitlines()[0]


async def look_at_redis(url: str, prefix: str) -> RedisFacts | None:
    """Everything that the server does there, once. None: there is no URL."""
    if not url:
        return None
    redis = client(url)
    options = redis.connection_pool.connection_kwargs
    place = options.get("path") or f"{options.get('host')}:{options.get('port', 6379)}"
    facts = RedisFacts(place=place)
    name = f"{prefix}:doctor"
    try:
        async with asyncio.timeout(ANSWER_SECONDS), redis.pubsub() as pubsub:
            await redis.set(name, b"", px=1000)
            await redis.mget([name])
            await redis.publish(name, b"")
            await pubsub.subscribe(name)
            await pubsub.get_message(timeout=ANSWER_SECONDS)
            await pubsub.ping()
            await pubsub.unsubscribe(name)
    except FAULTS as error:
        refused = isinstance(error, AuthenticationError | ResponseError)
        return replace(facts, problem=told(error), refused=refused)
    finally:
        await redis.aclose()
    return facts


async def look_at_api(host: str, port: int) -> ApiFacts:
    """Whether the server could listen there now."""
    facts = ApiFacts(host=host, port=port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except (OSError, OverflowError) as error:
        problem = getattr(error, "strerror", None) or type(error).__name__
        return replace(facts, problem=problem, served_by_us=await _is_ours(host, port))
    return facts


async def _is_ours(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET /healthz HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            answer = await reader.read(4096)
            writer.close()
    except (OSError, TimeoutError):
        return False
    return b'"status":"alive"' in answer

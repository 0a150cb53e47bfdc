"""Bringing a database's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from dialer.adapters.sql.engine import connect

SCRIPTS = Path(__file__).parent / "migrations"
LOCK = 0x6469616C  # "dial": one process at a time


async def migrate(url: str) -> None:
    """Apply the migrations that the database does not have, in one transaction; safe to call from several processes at
    once. Raises StoreUnavailableError, InvalidInputError."""
    database = connect(url)
    try:
        async with database.write() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await database.close()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")

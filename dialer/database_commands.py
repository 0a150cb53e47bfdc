"""`dialer database ...`: backup, restore, and the schema. What a person does when no server should."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.restored import Restored, is_in_use, mark_restored
from dialer.adapters.sql.sqlite_files import back_up, file_of, put_in_place
from dialer.adapters.system_clock import SystemClock
from dialer.config import read_settings
from dialer.errors import ConflictError, StoreUnavailableError

database_app = typer.Typer(no_args_is_help=True, help="The database: backup, restore, schema.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DIALER_* variables win over it.")
]


@database_app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to; must not exist.")],
    config: ConfigOption = None,
) -> None:
    """Copy an SQLite database that may be in use. The copy is whole and checked, or not there."""
    size = back_up(file_of(read_settings(config).database.url), file)
    typer.echo(f"{file}: {size} bytes, checked")


@database_app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `backup` made.")],
    config: ConfigOption = None,
) -> None:
    """Put a copy in place of an SQLite database, and mark it restored. Servers must be stopped."""
    asyncio.run(_restore(read_settings(config).database.url, file))


async def _restore(url: str, file: Path) -> None:
    target, at = file_of(url), SystemClock().now()
    if target.exists():
        await _refuse_while_running(url)
    with put_in_place(file, target, at=at) as fresh:
        _tell(await _mark(f"sqlite:///{fresh.absolute()}"))


@database_app.command("mark-restored")
def mark(config: ConfigOption = None) -> None:
    """After pg_restore: hold every campaign, and shut out servers of the time before."""
    _tell(asyncio.run(_mark(read_settings(config).database.url)))


@database_app.command("migrate")
def bring_up_to_date(
    config: ConfigOption = None,
    patient: Annotated[
        bool, typer.Option("--patient", help="Take as long as it needs; with servers stopped.")
    ] = False,
) -> None:
    """Bring the schema up to date, also while servers of the release before work."""
    asyncio.run(migrate(read_settings(config).database.url, patient=patient))
    typer.echo("up to date")


async def _refuse_while_running(url: str) -> None:
    database = connect(url)
    try:
        with suppress(StoreUnavailableError):  # a damaged file is no obstacle
            if await is_in_use(database, at=SystemClock().now()):
                raise ConflictError("a server works on this database: stop it first")
    finally:
        await database.close()


async def _mark(url: str) -> Restored:
    await migrate(url)
    database = connect(url)
    try:
        return await mark_restored(database, at=SystemClock().now())
    finally:
        await database.close()


def _tell(done: Restored) -> None:
    newest = done.newest_attempt_at
    typer.echo(f"campaigns held: {done.campaigns_held}; start each when you have looked")
    typer.echo(f"leads given back: {done.leads_given_back}; attempts open: {done.open_attempts}")
    typer.echo(f"newest attempt: {newest.isoformat(timespec='seconds') if newest else 'none'}")
    typer.echo("calls and do-not-call requests after that are forgotten: docs/operations/backup.md")

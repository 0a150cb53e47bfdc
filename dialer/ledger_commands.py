"""`dialer ledger ...`: is it whole, what to remember of it elsewhere, what an authority gets to see."""

import asyncio
import csv
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from dialer.adapters import checkpoint_files
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import Settings, read_settings
from dialer.engine.ledger_check import checkpoint as taken
from dialer.engine.ledger_check import verify as verified
from dialer.errors import InvalidInputError
from dialer.ids import LeadId
from dialer.ledger import Checkpoint, Finding
from dialer.ports import Stores
from dialer.texts import Language, text

ledger_app = typer.Typer(no_args_is_help=True, help="The ledger: verify, checkpoint, export.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DIALER_* variables win over it.")
]
LanguageOption = Annotated[Language, typer.Option(help="Of what is said.")]
PAGE = 1000
SHOWN = 50


class Format(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"


COLUMNS = (
    *("chain", "seq", "hash", "kind", "at", "call", "campaign", "lead", "phone", "caller_id"),
    *("trunk", "trunk_country", "server", "profile", "checks", "placed_at", "ringing_at"),
    *("answered_at", "screened", "screening", "screened_at", "waiting_at", "bridged_at"),
    *("talk_ended_at", "dropped_at", "message", "ended_at", "outcome", "cause", "agent"),
    *("disposition", "category", "callback_at", "label", "by", "attempts"),
    *("first_seq", "first_prev", "before"),
)


@ledger_app.command()
def verify(
    config: ConfigOption = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="Signed before; may be said again.")
    ] = None,
    public_key: Annotated[Path | None, typer.Option(help="Of the checkpoints.")] = None,
    language: LanguageOption = Language.EN,
) -> None:
    """Read every row and say whether the ledger is whole. Exit codes: 0 it is; 1 it is not."""
    if checkpoint and public_key is None:
        raise InvalidInputError("public-key", "is needed to believe a checkpoint")
    known = [checkpoint_files.read(path, public_key) for path in checkpoint or () if public_key]
    findings, rows = asyncio.run(_verify(read_settings(config), known))
    for finding in findings[:SHOWN]:
        typer.echo(_told(finding, language), err=True)
    if findings:
        typer.echo(text("ledger.broken", language, count=len(findings)), err=True)
        raise typer.Exit(1)
    key = "ledger.whole_checked" if known else "ledger.whole"
    typer.echo(text(key, language, count=rows, checkpoints=len(known)))


def _told(finding: Finding, language: Language) -> str:
    words = text(f"ledger.{finding.fault.value}", language)
    return text("ledger.finding", language, chain=finding.chain, seq=finding.seq, words=words)


async def _verify(settings: Settings, known: list[Checkpoint]) -> tuple[list[Finding], int]:
    async with opened(settings) as stores:
        rows = sum(head.count - head.first_seq + 1 for head in await stores.ledger.heads())
        return await verified(stores.ledger, known), rows


@ledger_app.command()
def key(file: Annotated[Path, typer.Argument(help="The private key; must not exist.")]) -> None:
    """Make a key pair for checkpoints. Keep the private one away from the database."""
    typer.echo(checkpoint_files.make_key(file))


@ledger_app.command()
def checkpoint(
    file: Annotated[Path, typer.Argument(help="Where to; must not exist.")],
    key: Annotated[Path, typer.Option(help="The private key that signs.")],
    config: ConfigOption = None,
) -> None:
    """Write down, signed, where every chain stands: to be kept elsewhere than the database."""
    made = asyncio.run(_checkpoint(read_settings(config)))
    checkpoint_files.write(file, made, key)
    for head in made.heads:
        typer.echo(f"{head.chain}: {head.count} {head.hash}")


async def _checkpoint(settings: Settings) -> Checkpoint:
    async with opened(settings) as stores:
        return await taken(stores.ledger, at=SystemClock().now())


@ledger_app.command()
def export(
    since: Annotated[str, typer.Option("--from", help="Day or instant, ISO 8601; UTC.")],
    until: Annotated[
        str, typer.Option("--to", help="Day or instant; a day is meant with all of it.")
    ],
    config: ConfigOption = None,
    client: Annotated[str | None, typer.Option(help="Only this client company.")] = None,
    form: Annotated[Format, typer.Option("--format")] = Format.CSV,
    output: Annotated[Path | None, typer.Option(help="[default: standard output]")] = None,
) -> None:
    """The records of a span of time, with their hashes. Numbers stand as salted hashes."""
    begin, end = instant_of("from", since), instant_of("to", until, whole_day=True)
    settings = read_settings(config)
    if output is None:
        asyncio.run(_export(settings, begin, end, client, form, sys.stdout))
        return
    with output.open("x", encoding="utf-8", newline="") as file:
        asyncio.run(_export(settings, begin, end, client, form, file))


async def _export(
    settings: Settings,
    since: datetime,
    until: datetime,
    client: str | None,
    form: Format,
    file: TextIO,
) -> None:
    async with opened(settings) as stores:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        if form is Format.CSV:
            writer.writeheader()
        async for row in _records(stores, since, until, client):
            if form is Format.CSV:
                writer.writerow({name: _cell(value) for name, value in row.items()})
            else:
                file.write(json.dumps(row, sort_keys=True) + "\n")


async def _records(
    stores: Stores, since: datetime, until: datetime, client: str | None
) -> AsyncIterator[dict[str, Any]]:
    for head in await stores.ledger.heads():
        if client not in (None, head.chain):
            continue
        after = 0
        while rows := await stores.ledger.between(
            head.chain, since=since, until=until, after=after, limit=PAGE
        ):
            for row in rows:
                yield json.loads(row.body) | {"hash": row.hash}
            after = rows[-1].seq


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


@ledger_app.command()
def erase(
    lead: Annotated[str, typer.Argument(help="The lead's id.")], config: ConfigOption = None
) -> None:
    """Erase what is personal of a lead; the ledger still verifies."""
    number = asyncio.run(_erase(read_settings(config), LeadId(lead)))
    typer.echo(f"erased; attempts: {number}")


async def _erase(settings: Settings, lead_id: LeadId) -> int:
    async with opened(settings) as stores:
        return await stores.ledger.erase(lead_id, at=SystemClock().now())


@ledger_app.command()
def prune(
    before: Annotated[str, typer.Option(help="Day or instant, ISO 8601; UTC.")],
    client: Annotated[str, typer.Option(help="The client company.")] = "main",
    config: ConfigOption = None,
) -> None:
    """Remove records that are older, where every profile in use lets them go. The ledger says so, and verifies on."""
    number = asyncio.run(_prune(read_settings(config), instant_of("before", before), client))
    typer.echo(f"removed: {number}")


async def _prune(settings: Settings, before: datetime, client: str) -> int:
    now = SystemClock().now()
    async with opened(settings) as stores:
        book = ProfileFiles(settings.profiles_folder)
        names = {each.policy.profile for each in await stores.campaigns.all()}
        keep = max((book.get(name).call_records_keep_days or 0 for name in names), default=0)
        if before > now - timedelta(days=keep):
            raise InvalidInputError("before", f"records must be kept for {keep} days")
        return await stores.ledger.prune(client, before=before, at=now)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    stores = await open_stores(settings.database.url)
    try:
        yield stores
    finally:
        await stores.close()


def instant_of(name: str, said: str, *, whole_day: bool = False) -> datetime:
    """An instant; a day alone is its begin in UTC, or its end. Raises InvalidInputError."""
    try:
        if len(said) == len("2026-11-23"):
            day = date.fromisoformat(said) + timedelta(days=whole_day)
            return datetime.combine(day, time(), UTC)
        found = datetime.fromisoformat(said)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(name, f"{said!r} is neither a day nor an instant") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)

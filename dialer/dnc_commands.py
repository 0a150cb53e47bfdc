"""`dialer dnc ...`: the do-not-call list from the command line. Who does it is kept in the list's history."""

import asyncio
import csv
import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from dialer.adapters.number_rows import (
    BATCH,
    SHOWN,
    Cells,
    Tally,
    Wrong,
    instant,
    read_rows,
    yes_or_no,
)
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import read_settings
from dialer.do_not_call import EVERYBODY, DncKey, DoNotCall, checked_prefix
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import ClientId
from dialer.phones import e164
from dialer.ports import Stores

T = TypeVar("T")

dnc_app = typer.Typer(no_args_is_help=True, help="The do-not-call list.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DIALER_* variables win over it.")
]
ClientOption = Annotated[
    str, typer.Option(help="For calls on behalf of this client only.  [default: all]")
]
WhoOption = Annotated[str, typer.Option(help="Who does it.  [default: the login name]")]
RegionOption = Annotated[str, typer.Option(help="Country of numbers without a prefix.")]
PrefixFlag = Annotated[bool, typer.Option("--prefix", help="All numbers that begin so: +39899")]

COLUMNS = {
    "phone": ("number", "numero", "telefono"),
    "by_prefix": ("prefix", "prefisso"),
    "client": ("cliente",),
    "reason": ("motivo",),
    "source": ("fonte", "origine"),
    "added_at": ("since", "dal"),
    "expires_at": ("until", "expires", "scadenza"),
}
EXPORTED = (*COLUMNS, "who")
PAGE = 5000


def run_with_stores(config: Path | None, work: Callable[[Stores], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with _stores(config) as stores:
            return await work(stores)

    return asyncio.run(whole())


@asynccontextmanager
async def _stores(config: Path | None) -> AsyncIterator[Stores]:
    settings = read_settings(config)
    stores = await open_stores(settings.database.url)
    try:
        for client in settings.clients:
            await stores.clients.save(client.client())
        yield stores
    finally:
        await stores.close()


def told_by(who: str) -> str:
    return who or getpass.getuser()


@dnc_app.command()
def add(
    phone: str,
    reason: Annotated[str, typer.Option(help="Why.")] = "asked",
    client: ClientOption = "",
    prefix: PrefixFlag = False,
    until: Annotated[str, typer.Option(help="An instant; without one it holds for good.")] = "",
    source: Annotated[str, typer.Option(help="Where the wish came from.")] = "command line",
    who: WhoOption = "",
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """Nobody rings the number from now on: no server opens an attempt after this command has ended."""
    entry = DoNotCall(
        **_key(phone, client, prefix, region)._asdict(),
        reason=reason,
        source=source,
        who=told_by(who),
        added_at=SystemClock().now(),
        expires_at=instant(until, "until") if until else None,
    )
    changed = run_with_stores(config, lambda stores: stores.do_not_call.add([entry]))
    typer.echo("added" if changed else "was on the list already")


@dnc_app.command()
def remove(
    phone: str,
    client: ClientOption = "",
    prefix: PrefixFlag = False,
    who: WhoOption = "",
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """Take a number off the list. Leads that were excluded stay so."""
    key, at = _key(phone, client, prefix, region), SystemClock().now()
    name = told_by(who)
    if not run_with_stores(config, lambda s: s.do_not_call.remove(key, who=name, at=at)):
        raise NotFoundError("no such entry")
    typer.echo("removed")


@dnc_app.command("list")
def list_entries(
    limit: Annotated[int, typer.Option(min=1)] = 100,
    history: Annotated[bool, typer.Option("--history", help="Who added and removed what.")] = False,
    config: ConfigOption = None,
) -> None:
    """What is on the list, as CSV; or its history, the latest first."""
    writer = csv.writer(sys.stdout)
    if history:
        writer.writerow(("at", "action", "phone", "by_prefix", "client", "who", "reason", "source"))
        for c in run_with_stores(config, lambda stores: stores.do_not_call.changes(limit=limit)):
            mark = "yes" if c.key.by_prefix else "no"
            row = (c.at.isoformat(), c.action.value, c.key.digits, mark, c.key.client_id)
            writer.writerow((*row, c.who, c.reason, c.source))
        return
    writer.writerow(EXPORTED)
    page = run_with_stores(config, lambda s: s.do_not_call.page(after=None, limit=limit))
    writer.writerows(map(_row, page))


@dnc_app.command("export")
def export_entries(file: Path, config: ConfigOption = None) -> None:
    """The whole list as CSV, in the form that `import` reads."""

    async def export(stores: Stores) -> int:
        count, after = 0, None
        with file.open("x", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(EXPORTED)
            while page := await stores.do_not_call.page(after=after, limit=PAGE):
                writer.writerows(map(_row, page))
                count, after = count + len(page), page[-1].key
        return count

    try:
        typer.echo(f"{file}: {run_with_stores(config, export)} entries")
    except OSError as error:
        raise InvalidInputError("file", error.strerror or "cannot be written") from None


@dnc_app.command("import")
def import_entries(
    file: Annotated[Path, typer.Argument(help="CSV with a header: phone, client, reason, ...")],
    client: ClientOption = "",
    who: WhoOption = "",
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """Add the entries of a file. Cut short? The same command again: what is there already is not added twice.

    Exit codes: 0 every row could be used; 3 some were rejected; 1 nothing could be done.
    """
    now, name = SystemClock().now(), told_by(who)

    def entry_of(cells: Cells) -> DoNotCall:
        return _entry_of(cells, client=client, who=name, region=region, now=now)

    async def add_all(stores: Stores) -> Tally:
        return await add_in_batches(read_rows(file, COLUMNS, entry_of), stores.do_not_call.add)

    finish(run_with_stores(config, add_all), "added", "were there already")


async def add_in_batches(
    rows: Iterable[T | Wrong], put: Callable[[list[T]], Awaitable[int]]
) -> Tally:
    """Each batch is one transaction. `rows`: things to put, and rows that are wrong."""
    tally, source = Tally(), iter(rows)
    while batch := list(islice(source, BATCH)):
        tally.wrong += [row for row in batch if isinstance(row, Wrong)]
        good = [row for row in batch if not isinstance(row, Wrong)]
        if good:
            changed = await put(good)
            tally.changed += changed
            tally.unchanged += len(good) - changed
    return tally


def finish(tally: Tally, changed: str, unchanged: str) -> None:
    """Tell what came of a file, and end with its exit code."""
    for wrong in tally.wrong[:SHOWN]:
        typer.echo(f"line {wrong.line}: {wrong.field}: {wrong.problem}", err=True)
    if len(tally.wrong) > SHOWN:
        typer.echo(f"... {len(tally.wrong)} rejected in all", err=True)
    typer.echo(
        f"{tally.changed} {changed}, {tally.unchanged} {unchanged}, {len(tally.wrong)} rejected"
    )
    raise typer.Exit(tally.exit_code())


def _key(phone: str, client: str, by_prefix: bool, region: str) -> DncKey:
    digits = checked_prefix(phone) if by_prefix else e164(phone, region)
    return DncKey(ClientId(client) if client else EVERYBODY, digits, by_prefix)


def _entry_of(cells: Cells, *, client: str, who: str, region: str, now: datetime) -> DoNotCall:
    by_prefix = yes_or_no(cells["by_prefix"], "by_prefix")
    expires = cells["expires_at"]
    return DoNotCall(
        **_key(cells["phone"], cells["client"] or client, by_prefix, region)._asdict(),
        reason=cells["reason"] or "imported",
        source=cells["source"] or "file",
        who=who,
        added_at=instant(cells["added_at"], "added_at") if cells["added_at"] else now,
        expires_at=instant(expires, "expires_at") if expires else None,
    )


def _row(entry: DoNotCall) -> tuple[str, ...]:
    until = entry.expires_at.isoformat() if entry.expires_at else ""
    mark = "yes" if entry.by_prefix else "no"
    told = (entry.reason, entry.source, entry.added_at.isoformat(), until, entry.who)
    return (entry.digits, mark, entry.client_id, *told)

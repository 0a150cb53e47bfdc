"""`dialer registers ...`: which numbers a public register must be asked about, and what it said. docs/howto/registers.md."""

import csv
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from dialer.adapters.number_rows import Cells, Tally, instant, read_rows, yes_or_no
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.system_clock import SystemClock
from dialer.campaign import Campaign
from dialer.config import read_settings
from dialer.dnc_commands import (
    ConfigOption,
    RegionOption,
    add_in_batches,
    finish,
    run_with_stores,
)
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import LeadId
from dialer.phones import e164
from dialer.ports import Stores
from dialer.registers import RegisterCounts, RegisterResult

registers_app = typer.Typer(
    no_args_is_help=True, help="Public registers of people who want no calls: RPO, TPS and so on."
)

RegisterOption = Annotated[str, typer.Option(help="As the profiles name it: RPO, TPS, BLOCTEL")]
CampaignOption = Annotated[str, typer.Option(help="The campaign's name or id.")]

COLUMNS = {
    "phone": ("number", "numero", "telefono", "numerazione"),
    "listed": ("iscritto", "result", "esito"),
    "checked_at": ("date", "data"),
}
PAGE = 5000


@registers_app.command("export")
def export_due(
    folder: Annotated[Path, typer.Argument(help="Where the batches go: one file each.")],
    campaign: CampaignOption,
    register: RegisterOption = "RPO",
    batch: Annotated[int, typer.Option(min=1, help="Numbers in one file.")] = 50_000,
    ahead_days: Annotated[
        float, typer.Option(help="Also what becomes too old within so many days.", min=0)
    ] = 3,
    config: ConfigOption = None,
) -> None:
    """Write the numbers that the register must be asked about: waiting leads whose result is missing or too old."""
    now = SystemClock().now()

    async def export(stores: Stores) -> list[tuple[Path, int]]:
        found = await campaign_named(stores, campaign)
        since = obtained_after(config, found, register, now) + timedelta(days=ahead_days)
        numbers = _due(stores, found, register, min(since, now))
        stamp = now.strftime("%Y%m%dT%H%M%S")
        return await _write(numbers, folder, f"{register}-{stamp}", batch)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = run_with_stores(config, export)
    except OSError as error:
        raise InvalidInputError("folder", error.strerror or "cannot be written") from None
    for path, number in written:
        typer.echo(f"{path}: {number} numbers")
    if not written:
        typer.echo("nothing is due")


@registers_app.command("import")
def import_results(
    file: Annotated[Path, typer.Argument(help="CSV with a header: phone, listed, checked_at")],
    register: RegisterOption = "RPO",
    checked_at: Annotated[
        str, typer.Option(help="When the register was asked, for rows that do not say; ISO 8601.")
    ] = "",
    asked: Annotated[
        Path | None,
        typer.Option(help="The batch that was sent: who is in it but not in FILE is listed."),
    ] = None,
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """Keep what the register said. Its age counts from the time of the answer, not of this command. Part of the answers, or
    the same file again, do no harm: of each number the newest answer stands.

    Exit codes: 0 every row could be used; 3 some were rejected; 1 nothing could be done.
    """
    told = instant(checked_at, "checked_at") if checked_at else None
    now = SystemClock().now()

    def result_of(cells: Cells) -> RegisterResult:
        at = instant(cells["checked_at"], "checked_at") if cells["checked_at"] else told
        if at is None:
            raise InvalidInputError("checked_at", "is missing: say --checked-at")
        if at > now:
            raise InvalidInputError("checked_at", "is in the future")
        listed = _listed(cells["listed"], cleaned=asked is not None)
        phone = e164(cells["phone"], region)
        return RegisterResult(register=register, phone=phone, checked_at=at, listed=listed)

    async def keep(stores: Stores) -> Tally:
        rows = read_rows(file, COLUMNS, result_of)
        if asked is None:
            return await add_in_batches(rows, stores.registers.record)
        if told is None:
            raise InvalidInputError("checked_at", "is missing: with --asked say --checked-at")
        back = list(rows)
        known = {row.phone for row in back if isinstance(row, RegisterResult)}
        sent = read_rows(asked, COLUMNS, lambda cells: e164(cells["phone"], region))
        missing = [
            RegisterResult(register=register, phone=phone, checked_at=told, listed=True)
            for phone in sent
            if isinstance(phone, str) and phone not in known
        ]
        return await add_in_batches([*back, *missing], stores.registers.record)

    finish(run_with_stores(config, keep), "kept", "not newer than what is known")


@registers_app.command()
def status(
    campaign: CampaignOption,
    register: RegisterOption = "RPO",
    config: ConfigOption = None,
) -> None:
    """How many of a campaign's waiting leads have a result that is young enough."""
    now = SystemClock().now()

    async def look(stores: Stores) -> tuple[RegisterCounts, datetime]:
        found = await campaign_named(stores, campaign)
        since = obtained_after(config, found, register, now)
        counts = await stores.registers.counts(
            register, campaign_id=found.policy.campaign_id, obtained_after=since
        )
        return counts, since

    counts, since = run_with_stores(config, look)
    typer.echo(f"{register}, results since {since.isoformat(timespec='minutes')}:")
    typer.echo(f"not listed: {counts.fresh}; listed: {counts.listed}")
    typer.echo(f"to be asked: {counts.due} (too old: {counts.stale}, never asked: {counts.never})")


async def campaign_named(stores: Stores, name: str) -> Campaign:
    """By name or id. Raises NotFoundError."""
    found = await stores.campaigns.by_name(name)
    if found is None:
        found = next(
            (c for c in await stores.campaigns.all() if c.policy.campaign_id == name), None
        )
    if found is None:
        raise NotFoundError(f"no campaign {name!r}")
    return found


def obtained_after(
    config: Path | None, campaign: Campaign, register: str, now: datetime
) -> datetime:
    """A result from before this instant is too old by the campaign's profile. Raises InvalidInputError where the profile
    does not name the register."""
    settings = read_settings(config)
    law = ProfileFiles(settings.profiles_folder).law(
        campaign.policy.profile, sector=campaign.policy.sector
    )
    return law.results_since(register, now)


async def _due(
    stores: Stores, campaign: Campaign, register: str, since: datetime
) -> AsyncIterator[str]:
    after: LeadId | None = None
    while page := await stores.registers.due(
        register,
        campaign_id=campaign.policy.campaign_id,
        obtained_after=since,
        after=after,
        limit=PAGE,
    ):
        for _, phone in page:
            yield phone
        after = page[-1][0]


async def _write(
    numbers: AsyncIterator[str], folder: Path, stem: str, batch: int
) -> list[tuple[Path, int]]:
    """Files of at most `batch` numbers, each whole or not there."""
    written: list[tuple[Path, int]] = []
    part: list[str] = []
    names = (folder / f"{stem}-{number:04}.csv" for number in count(1))
    async for phone in numbers:
        part.append(phone)
        if len(part) == batch:
            written.append(_write_one(next(names), part))
            part = []
    if part:
        written.append(_write_one(next(names), part))
    return written


def _write_one(path: Path, numbers: list[str]) -> tuple[Path, int]:
    fresh = path.with_suffix(".part")
    with fresh.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["phone"])
        writer.writerows([phone] for phone in numbers)
    fresh.replace(path)
    return path, len(numbers)


def _listed(text: str, *, cleaned: bool) -> bool:
    """In a cleaned list, whoever comes back is not listed."""
    if not text and not cleaned:
        raise InvalidInputError("listed", "is missing; in a cleaned list say --asked")
    return yes_or_no(text, "listed")

"""`dialer consents ...`: who agreed to be called, by which client, and who took it back. docs/howto/registers.md."""

import csv
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dialer.adapters.number_rows import Cells, instant, read_rows
from dialer.adapters.system_clock import SystemClock
from dialer.consents import ConsentRecord
from dialer.dnc_commands import (
    ConfigOption,
    RegionOption,
    WhoOption,
    add_in_batches,
    finish,
    run_with_stores,
    told_by,
)
from dialer.errors import InvalidInputError
from dialer.ids import MAIN_CLIENT, ClientId
from dialer.phones import e164

consents_app = typer.Typer(no_args_is_help=True, help="Consents to be called.")

ClientOption = Annotated[str, typer.Option(help="Whom it was given to: the id of a client.")]

COLUMNS = {
    "phone": ("number", "numero", "telefono"),
    "client": ("cliente",),
    "obtained_at": ("given", "data", "dal"),
    "basis": ("base",),
    "purpose": ("finalita", "scopo"),
    "sector": ("settore",),
    "text_version": ("text", "testo"),
    "expires_at": ("until", "expires", "scadenza"),
    "withdrawn_at": ("revoked", "revocato"),
    "proof": ("prova",),
}
BASES = ("consent", "request", "contract")


@consents_app.command("import")
def import_consents(
    file: Annotated[Path, typer.Argument(help="CSV with a header: phone, obtained_at, basis, ...")],
    client: ClientOption = MAIN_CLIENT,
    who: WhoOption = "",
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """Add consents. A row that says withdrawn_at takes one back. Cut short? The same command again.

    Exit codes: 0 every row could be used; 3 some were rejected; 1 nothing could be done.
    """
    now, name = SystemClock().now(), told_by(who)

    def consent_of(cells: Cells) -> ConsentRecord:
        return _consent_of(cells, client=client, who=name, region=region, now=now)

    done = run_with_stores(
        config,
        lambda stores: add_in_batches(read_rows(file, COLUMNS, consent_of), stores.consents.add),
    )
    finish(done, "added", "were there already")


@consents_app.command()
def withdraw(
    phone: str,
    client: ClientOption = MAIN_CLIENT,
    who: WhoOption = "",
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """Take back all that the number's owner gave the client, and never call it for this client from now on."""
    at, name, number = SystemClock().now(), told_by(who), e164(phone, region)
    ended = run_with_stores(
        config,
        lambda stores: stores.consents.withdraw(
            number, client_id=ClientId(client), at=at, who=name
        ),
    )
    typer.echo(f"withdrawn: {ended}; on the client's do-not-call list")


@consents_app.command("list")
def list_consents(
    phone: str,
    client: ClientOption = MAIN_CLIENT,
    region: RegionOption = "IT",
    config: ConfigOption = None,
) -> None:
    """What a number's owner gave a client, as CSV; the oldest first."""
    number = e164(phone, region)
    found = run_with_stores(
        config, lambda stores: stores.consents.of([number], client_id=ClientId(client))
    )
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    for each in found.get(number, ()):
        writer.writerow(_cells_of(each))


def _consent_of(
    cells: Cells, *, client: str, who: str, region: str, now: datetime
) -> ConsentRecord:
    phone = e164(cells["phone"], region)
    if not cells["obtained_at"]:
        raise InvalidInputError("obtained_at", "is missing")
    obtained_at = instant(cells["obtained_at"], "obtained_at")
    if obtained_at > now:
        raise InvalidInputError("obtained_at", "is in the future")
    basis = cells["basis"] or "consent"
    if basis not in BASES:
        raise InvalidInputError("basis", f"must be one of {', '.join(BASES)}")
    return ConsentRecord(
        phone=phone,
        client_id=ClientId(cells["client"] or client),
        obtained_at=obtained_at,
        basis=basis,
        purpose=cells["purpose"] or "telemarketing",
        sector=cells["sector"],
        text_version=cells["text_version"],
        expires_at=_instant_or_none(cells, "expires_at"),
        withdrawn_at=_instant_or_none(cells, "withdrawn_at"),
        proof=cells["proof"],
        who=who,
    )


def _instant_or_none(cells: Cells, name: str) -> datetime | None:
    return instant(cells[name], name) if cells[name] else None


def _cells_of(consent: ConsentRecord) -> list[str]:
    def text(at: datetime | None) -> str:
        return at.isoformat() if at else ""

    return [
        consent.phone,
        consent.client_id,
        text(consent.obtained_at),
        consent.basis,
        consent.purpose,
        consent.sector,
        consent.text_version,
        text(consent.expires_at),
        text(consent.withdrawn_at),
        consent.proof,
    ]

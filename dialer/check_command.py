"""`dialer check NUMBER --campaign NAME --at TIME`: may it be called then, rule by rule."""

from typing import Annotated

import typer

from dialer.adapters.number_rows import instant
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.system_clock import SystemClock
from dialer.config import read_settings
from dialer.dnc_commands import ConfigOption, RegionOption, run_with_stores
from dialer.engine import checking
from dialer.number_check import NumberCheck, lines_of
from dialer.phones import e164
from dialer.ports import Stores
from dialer.register_commands import CampaignOption, campaign_named
from dialer.texts import Language


def check_number(
    number: str,
    campaign: CampaignOption,
    at: Annotated[str, typer.Option(help="An instant, ISO 8601; UTC without an offset.")] = "",
    region: RegionOption = "IT",
    language: Annotated[Language, typer.Option(help="Of what is said.")] = Language.EN,
    config: ConfigOption = None,
) -> None:
    """Say whether a campaign may call a number at a time, and what each rule says of it.

    Exit codes: 0 it may; 3 it may not; 1 it could not be looked up.
    """
    settings = read_settings(config)
    moment = instant(at, "at") if at else SystemClock().now()
    phone, profiles = e164(number, region), ProfileFiles(settings.profiles_folder)

    async def look(stores: Stores) -> NumberCheck:
        found = await campaign_named(stores, campaign)
        return await checking.check_number(
            stores, profiles, found, phone, at=moment, centre=settings.country
        )

    check = run_with_stores(config, look)
    for line in lines_of(check, language):
        typer.echo(line)
    raise typer.Exit(0 if check.allowed else 3)

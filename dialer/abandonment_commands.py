"""`dialer abandonment CAMPAIGN`, `dialer machines ...`: how a campaign stands with the law; the audit of "machine" verdicts."""

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any

import typer

from dialer.abandonment import SYMBOLS, AuditLabel
from dialer.abandonment_report import WindowReport, lines
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.system_clock import SystemClock
from dialer.config import Settings, read_settings
from dialer.engine.abandonment_reports import AbandonmentReport, abandonment_report
from dialer.ids import CallId, CampaignId
from dialer.ledger_commands import ConfigOption, LanguageOption, instant_of, opened
from dialer.ledger_ports import Audited
from dialer.ports import Stores
from dialer.texts import Language, text

machines_app = typer.Typer(
    no_args_is_help=True, help='The audit of "machine" verdicts: what a human heard.'
)


def abandonment(
    campaign: Annotated[str, typer.Argument(help="The campaign's name or id.")],
    config: ConfigOption = None,
    profile: Annotated[str | None, typer.Option(help="Count as this profile does.")] = None,
    at: Annotated[str | None, typer.Option(help="The windows that hold this instant.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    language: LanguageOption = Language.EN,
) -> None:
    """How many calls were abandoned, by every window of the law, the formula written out. Exits 1 over a limit."""
    settings = read_settings(config)
    when = instant_of("at", at) if at else SystemClock().now()
    report = asyncio.run(_report(settings, campaign, profile, when))
    if as_json:
        typer.echo(json.dumps([as_data(each) for each in report.windows], indent=1))
    else:
        name = report.campaign.policy.name
        typer.echo(text("abandonment.head", language, campaign=name, profile=report.profile.name))
        for each in report.windows:
            typer.echo("\n".join(lines(each, language)))
        if not report.windows:
            typer.echo(text("abandonment.no_windows", language))
    if any(each.verdict == "over" for each in report.windows):
        raise typer.Exit(1)


def as_data(report: WindowReport) -> dict[str, Any]:
    found = report.ratio
    return {
        "window": report.window.type.value,
        "scope": report.window.scope.value,
        "since": report.since.isoformat() if report.since else None,
        "until": report.until.isoformat() if report.until else None,
        "counts": {SYMBOLS[of]: number for of, number in sorted(report.counts.items())},
        "machine_error": str(report.machine_error),
        "abandoned": str(found.abandoned),
        "answered": str(found.answered),
        "ratio": str(found.ratio) if found.ratio is not None else None,
        "limit_ppm": report.window.limit_ppm,
        "verdict": report.verdict,
        "message_ok": report.message_ok,
        "formula": report.written_out,
    }


async def _report(
    settings: Settings, name: str, profile: str | None, at: datetime
) -> AbandonmentReport:
    book = ProfileFiles(settings.profiles_folder)
    async with opened(settings) as stores:
        campaign = await stores.campaigns.by_name(name)
        if campaign is None:
            campaign = await stores.campaigns.get(CampaignId(name))
        if profile is not None:
            counted = book.get(profile)
        else:
            policy = campaign.policy
            law = book.law(policy.profile, sector=policy.sector, centre=settings.country)
            counted = law.of_campaign(at).values
        return await abandonment_report(stores, campaign, counted, at)


@machines_app.command("list")
def to_label(
    campaign: Annotated[str, typer.Argument(help="The campaign's name or id.")],
    config: ConfigOption = None,
    most: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
) -> None:
    """The calls of the sample that nobody has listened to yet, the oldest first."""
    for one in asyncio.run(_to_label(read_settings(config), campaign, most)):
        typer.echo(f"{one.call_id} {one.answered_at.isoformat(timespec='seconds')}")


@machines_app.command("label")
def label(
    call: Annotated[str, typer.Argument(help="The call's id.")],
    heard: Annotated[AuditLabel, typer.Argument(help="What you heard.")],
    by: Annotated[str, typer.Option(help="Who has listened.")],
    config: ConfigOption = None,
) -> None:
    """Say what a call was that detection took for a machine."""
    asyncio.run(_label(read_settings(config), CallId(call), heard, by))


async def _to_label(settings: Settings, name: str, most: int) -> list[Audited]:
    async with opened(settings) as stores:
        return await stores.audits.to_label(await _id_of(stores, name), most)


async def _label(settings: Settings, call_id: CallId, heard: AuditLabel, by: str) -> None:
    async with opened(settings) as stores:
        await stores.audits.label(call_id, heard, by=by, at=SystemClock().now())


async def _id_of(stores: Stores, name: str) -> CampaignId:
    campaign = await stores.campaigns.by_name(name)
    return campaign.policy.campaign_id if campaign else CampaignId(name)

"""`dialer why`: what holds a campaign's leads back, read from the database; no server is needed.

What the team does (agents, trunks, pacing) only the server knows: GET /campaigns/{id}/why.
"""

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.sql.engine import Database, connect
from dialer.adapters.sql.lead_counts import held_leads, recounted
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import stores_on
from dialer.adapters.system_clock import SystemClock
from dialer.callback_ports import CallbackCounts
from dialer.config import Settings, read_settings
from dialer.holdings import HeldReason, by_reason, rehearsed, resting, sentence
from dialer.ids import CampaignId
from dialer.lead_file import find_campaign
from dialer.ports import LeadHoldings, Stores
from dialer.rehearsal import Rehearsal, rehearse
from dialer.texts import Language, text


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    holdings: LeadHoldings
    held: list[HeldReason]
    rehearsal: Rehearsal
    zone: ZoneInfo
    callbacks: CallbackCounts
    recount_agrees: bool | None = None  # None: not asked


def why(
    campaign: Annotated[str, typer.Argument(help="The campaign's name or id.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file; DIALER_* variables win over it.")
    ] = None,
    look_at: Annotated[
        int, typer.Option(min=1, max=10_000, help="Leads in the dry run of the next hour.")
    ] = 500,
    recount: Annotated[
        bool, typer.Option("--recount", help="Count all leads too, and compare.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    language: Annotated[Language, typer.Option(help="Of what is said.")] = Language.EN,
) -> None:
    """How many leads each reason holds back, when the next is free, and what would be dialled in the next hour.

    Rings nobody. Exit codes: 0; 1 nothing could be read, or a recount differs.
    """
    found = asyncio.run(_look(read_settings(config), campaign, look_at, recount))
    typer.echo(json.dumps(_document(found)) if as_json else "\n".join(_lines(found, language)))
    raise typer.Exit(1 if found.recount_agrees is False else 0)


async def _look(settings: Settings, campaign: str, look_at: int, recount: bool) -> Found:
    await migrate(settings.database.url)
    database = connect(settings.database.url)
    try:
        stores = stores_on(database, SystemRandom())
        found = await _find(stores, settings, campaign, look_at)
        if not recount:
            return found
        campaign_id = await find_campaign(stores, campaign)
        return replace(found, recount_agrees=await _agrees(database, campaign_id))
    finally:
        await database.close()


async def _find(stores: Stores, settings: Settings, campaign: str, look_at: int) -> Found:
    campaign_id = await find_campaign(stores, campaign)
    policy = (await stores.campaigns.get(campaign_id)).policy
    profiles, now = ProfileFiles(settings.profiles_folder), SystemClock().now()
    law = profiles.law(policy.profile, sector=policy.sector, centre=settings.country)
    holdings = await stores.leads.holdings(campaign_id, at=now)
    leads = await stores.leads.peek(campaign_id, look_at, at=now)
    return Found(
        holdings=holdings,
        held=by_reason(holdings, resting(await stores.lists.all(campaign_id))),
        rehearsal=rehearse(leads, policy, law, now),
        zone=law.base.zone,
        callbacks=await stores.callbacks.counts(campaign_id, at=now),
    )


async def _agrees(database: Database, campaign_id: CampaignId) -> bool:
    async with database.read() as connection:
        counted = await held_leads(connection, campaign_id)
        return counted == await recounted(connection, campaign_id)


def _lines(found: Found, language: Language) -> list[str]:
    holdings, rehearsal = found.holdings, found.rehearsal
    next_at = holdings.next_due_at
    when = f"{next_at.astimezone(found.zone):%Y-%m-%d %H:%M}" if next_at else None
    counted = f"{holdings.counted_at.astimezone(found.zone):%Y-%m-%d %H:%M:%S}"
    looked = {"looked_at": rehearsal.looked_at, "allowed": len(rehearsal.allowed)}
    lines = [
        text("holdings.due", language, due=holdings.due, next_hour=holdings.next_hour, when=when),
        *(f"  {sentence(each, language, found.zone)}" for each in found.held),
        *_promised(found, language),
        text("holdings.rehearsal", language, **looked, later=rehearsal.later),
        *(f"  {line}" for line in rehearsed(rehearsal.held, language)),
        text("holdings.counted", language, when=counted),
    ]
    if found.recount_agrees is not None:
        word = "recount" if found.recount_agrees else "differs"
        lines.append(text(f"holdings.{word}", language))
    return lines


def _promised(found: Found, language: Language) -> list[str]:
    """What people were promised, where they were."""
    counts = found.callbacks
    if counts.first_due_at is None:
        return []
    when = f"{counts.first_due_at.astimezone(found.zone):%Y-%m-%d %H:%M}"
    told = {"waiting": counts.waiting, "overdue": counts.overdue, "when": when}
    return [text("holdings.callbacks", language, **told)]


def _document(found: Found) -> dict[str, Any]:
    holdings, rehearsal = found.holdings, found.rehearsal
    due_at = holdings.next_due_at
    return {
        "counted_at": holdings.counted_at.isoformat(),
        "due": holdings.due,
        "next_hour": holdings.next_hour,
        "next_due_at": due_at.isoformat() if due_at else None,
        "held": [
            asdict(each) | {"from_at": each.from_at.isoformat() if each.from_at else None}
            for each in found.held
        ],
        "rehearsal": {
            "looked_at": rehearsal.looked_at,
            "allowed": len(rehearsal.allowed),
            "later": rehearsal.later,
            "held": dict(rehearsal.held),
        },
        "callbacks": {
            "waiting": found.callbacks.waiting,
            "overdue": found.callbacks.overdue,
            "first_due_at": _iso(found.callbacks.first_due_at),
        },
        "recount_agrees": found.recount_agrees,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None

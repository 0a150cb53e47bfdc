"""CampaignStore on SQL. A policy is kept as one document; a setting that an older row does not have takes its default."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from dialer.adapters.campaign_rules import rules_document, rules_of
from dialer.adapters.sql.clients import check_clients
from dialer.adapters.sql.engine import Database, insert_or_update
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import campaigns
from dialer.campaign import (
    Campaign,
    CampaignPolicy,
    CampaignState,
    Guard,
    PacingMode,
    PreviewEnd,
    TakeBack,
)
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import CampaignId, ClientId, TeamId, TrunkId
from dialer.leads import Outcome

OWN_COLUMNS = frozenset(
    {
        "campaign_id",
        "name",
        "team_id",
        "client_id",
        "purpose",
        "sector",
        "check_registers",
        "check_consents",
    }
)
HOLD = update(campaigns).values(state=CampaignState.PAUSED, held_at=bindparam("since"))
DURATIONS = frozenset({"ring_timeout", "wrap_up", "preview"})


class SqlCampaignStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def save(self, policy: CampaignPolicy) -> None:
        values = {
            "id": policy.campaign_id,
            "name": policy.name,
            "team_id": policy.team_id,
            "state": CampaignState.PAUSED,
            "policy": document_of(policy),
            "client_id": policy.client_id,
            "purpose": policy.purpose,
            "sector": policy.sector,
            "check_registers": policy.check_registers,
            "check_consents": policy.check_consents,
        }
        async with self._database.write() as connection:
            await check_clients(connection, {policy.client_id})
            statement = insert_or_update(
                connection, campaigns, values, keep=frozenset({"state", "held_at"})
            )
            try:
                await connection.execute(statement)
            except IntegrityError as error:
                raise ConflictError("another campaign has this name") from error

    @again
    async def set_state(self, campaign_id: CampaignId, state: CampaignState) -> None:
        change = update(campaigns).where(campaigns.c.id == campaign_id).values(state=state)
        if state is CampaignState.RUNNING:
            change = change.values(held_at=None)
        async with self._database.write() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise NotFoundError("no such campaign")

    @again
    async def hold_all(self, *, at: datetime) -> None:
        async with self._database.write() as connection:
            await connection.execute(HOLD, {"since": at})

    async def get(self, campaign_id: CampaignId) -> Campaign:
        found = await self._find(select(campaigns).where(campaigns.c.id == campaign_id))
        if not found:
            raise NotFoundError("no such campaign")
        return found[0]

    async def by_name(self, name: str) -> Campaign | None:
        found = await self._find(select(campaigns).where(campaigns.c.name == name))
        return found[0] if found else None

    async def all(self) -> list[Campaign]:
        return await self._find(select(campaigns).order_by(campaigns.c.id))

    async def _find(self, query: Select[Any]) -> list[Campaign]:
        async with self._database.read() as connection:
            return [_campaign_of(row) for row in await connection.execute(query)]


def document_of(policy: CampaignPolicy) -> dict[str, Any]:
    """The policy's settings as JSON: durations in seconds, enums as words. What has a column of its own is left out."""
    return {
        "profile": policy.profile,
        "mode": policy.mode.value,
        "dial_ratio": policy.dial_ratio,
        "preview": policy.preview.total_seconds(),
        "preview_end": policy.preview_end.value,
        "abandon_target": policy.abandon_target,
        "guard": policy.guard.value,
        "works_until": policy.works_until.isoformat() if policy.works_until else None,
        "take_back": policy.take_back.value,
        "caller_id": policy.caller_id,
        "trunks": list(policy.trunks),
        "lines": policy.lines,
        "calls_per_second": policy.calls_per_second,
        "ring_timeout": policy.ring_timeout.total_seconds(),
        "screen": policy.screen,
        "wrap_up": policy.wrap_up.total_seconds(),
        "max_attempts": policy.max_attempts,
        "max_never_rang": policy.max_never_rang,
        "noise": policy.noise,
        "message": policy.message,
        "retry": {
            outcome.value: delay.total_seconds() for outcome, delay in sorted(policy.retry.items())
        },
        **rules_document(policy),
    }


def policy_of(
    campaign_id: CampaignId, name: str, team_id: TeamId, document: dict[str, Any]
) -> CampaignPolicy:
    """The policy that `document_of` wrote."""
    settings = dict(document)
    settings.update((key, timedelta(seconds=settings[key])) for key in DURATIONS & document.keys())
    if "trunks" in settings:
        settings["trunks"] = tuple(TrunkId(name) for name in settings["trunks"])
    if "mode" in settings:
        settings["mode"] = PacingMode(settings["mode"])
    if "preview_end" in settings:
        settings["preview_end"] = PreviewEnd(settings["preview_end"])
    if "take_back" in settings:
        settings["take_back"] = TakeBack(settings["take_back"])
    if "guard" in settings:
        settings["guard"] = Guard(settings["guard"])
    if settings.get("works_until"):
        settings["works_until"] = time.fromisoformat(settings["works_until"])
    if "retry" in settings:
        delays = settings["retry"].items()
        settings["retry"] = {Outcome(word): timedelta(seconds=delay) for word, delay in delays}
    settings |= rules_of(settings)
    return CampaignPolicy(campaign_id=campaign_id, name=name, team_id=team_id, **settings)


def _campaign_of(row: Row[Any]) -> Campaign:
    policy = policy_of(CampaignId(row.id), row.name, TeamId(row.team_id), row.policy)
    policy = replace(
        policy,
        client_id=ClientId(row.client_id),
        purpose=row.purpose,
        sector=row.sector,
        check_registers=row.check_registers,
        check_consents=row.check_consents,
    )
    return Campaign(policy=policy, state=row.state, held_at=row.held_at)

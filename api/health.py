"""Whether the process lives, whether it can work, and what it counts."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from api.deps import DialerDep
from api.fields import Answer
from dialer.bootstrap import Dialer
from dialer.errors import StoreUnavailableError
from dialer.ids import TeamId
from dialer.views import TeamView

router = APIRouter(tags=["operations"])

PING_SECONDS = 2.0


class Health(Answer):
    status: Literal["alive"] = "alive"


class NotReady(Answer):
    code: Literal["store_down", "telephony_down", "draining"]
    team: TeamId | None = Field(description="null: the whole server")


class Readiness(Answer):
    ready: bool
    reasons: list[NotReady]


class MetricsResponse(PlainTextResponse):
    media_type = CONTENT_TYPE_LATEST


@router.get("/healthz", summary="The process is alive")
async def healthz() -> Health:
    return Health()


@router.get(
    "/readyz",
    summary="The server can work",
    responses={503: {"model": Readiness, "description": "It cannot; the reasons say why"}},
)
async def readyz(dialer: DialerDep, response: Response) -> Readiness:
    reasons = [] if await _store_answers(dialer) else [NotReady(code="store_down", team=None)]
    if dialer.draining:
        reasons.append(NotReady(code="draining", team=None))
    for runner in dialer.switchboard.runners.values():
        reasons += _team(runner.view())
    if not dialer.switchboard.runners and not dialer.exchanges.up:
        reasons.append(NotReady(code="telephony_down", team=None))
    response.status_code = 503 if reasons else 200
    return Readiness(ready=not reasons, reasons=reasons)


@router.get(
    "/metrics",
    summary="Metrics, for Prometheus",
    response_class=MetricsResponse,
    responses={200: {"description": "Prometheus text exposition format"}},
)
async def metrics(dialer: DialerDep) -> MetricsResponse:
    return MetricsResponse(generate_latest(dialer.registry))


async def _store_answers(dialer: Dialer) -> bool:
    try:
        async with asyncio.timeout(PING_SECONDS):
            await dialer.stores.health.ping()
    except (StoreUnavailableError, TimeoutError):
        return False
    return True


def _team(view: TeamView) -> list[NotReady]:
    reasons = []
    if not view.store_up:
        reasons.append(NotReady(code="store_down", team=view.team_id))
    if not view.telephony_up:
        reasons.append(NotReady(code="telephony_down", team=view.team_id))
    if view.draining:
        reasons.append(NotReady(code="draining", team=view.team_id))
    return reasons

"""Callbacks: what people were promised; to look at, to move, to cancel. They are booked with a disposition."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import (
    CODE_PATTERN,
    UUID_PATTERN,
    Answer,
    Body,
    CallbackIdPath,
    CampaignIdPath,
    Instant,
    LocalInstant,
)
from dialer.callback_ports import CallbackFilter
from dialer.callbacks import Callback, CallbackKind, CallbackState
from dialer.engine import calling_back
from dialer.ids import AgentId, CallbackId, CampaignId, LeadId

router = APIRouter(tags=["callbacks"])

_CHANGED = problems(*BODY_ERRORS, 404, 409, 503)


class CallbackAnswer(Answer):
    id: CallbackId = Field(description="That of the call in which it was agreed")
    campaign_id: CampaignId
    lead_id: LeadId
    kind: CallbackKind
    state: CallbackState
    due_at: datetime = Field(description="As agreed; the law may put the call off")
    agent: AgentId | None = Field(description="null: for anyone of the team")
    grace_seconds: float | None = Field(
        description="So long after its time it waits for its agent; null: however long it takes"
    )
    tries: int = Field(description="Calls that did not reach the person")
    most_tries: int
    note: str
    booked_at: datetime
    booked_by: AgentId
    changed_at: datetime
    reason: str = Field(description="Why it is over", examples=["tries_used"])

    @classmethod
    def of(cls, callback: Callback) -> Self:
        return cls(
            id=callback.callback_id,
            campaign_id=callback.campaign_id,
            lead_id=callback.lead_id,
            kind=callback.kind,
            state=callback.state,
            due_at=callback.due_at,
            agent=callback.agent_id,
            grace_seconds=None if callback.grace is None else callback.grace.total_seconds(),
            tries=callback.tries,
            most_tries=callback.most_tries,
            note=callback.note,
            booked_at=callback.booked_at,
            booked_by=callback.booked_by,
            changed_at=callback.changed_at,
            reason=callback.reason,
        )


class CallbackPage(Answer):
    items: list[CallbackAnswer]
    next_after: CallbackId | None = Field(
        description="Ask for the next page with it; null: no more"
    )


class MoveBody(Body):
    due_at: LocalInstant | None = Field(
        default=None,
        description="null: as it is. Without an offset: by the clocks of the person's zone",
    )
    agent: AgentId | None = Field(
        default=None,
        pattern=CODE_PATTERN,
        description="Whom it is for; null: anyone of the team; left out: as it is",
    )


@router.get(
    "/campaigns/{campaign_id}/callbacks",
    summary="A campaign's callbacks, page by page",
    responses=problems(404, 422, 503),
)
async def list_callbacks(
    campaign_id: CampaignIdPath,
    dialer: DialerDep,
    state: CallbackState | None = None,
    agent: Annotated[AgentId | None, Query(pattern=CODE_PATTERN)] = None,
    due_from: Instant | None = None,
    due_before: Instant | None = None,
    after: Annotated[CallbackId | None, Query(pattern=UUID_PATTERN)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CallbackPage:
    """In the order in which they were agreed."""
    await dialer.stores.campaigns.get(campaign_id)
    wanted = CallbackFilter(state=state, agent_id=agent, due_from=due_from, due_before=due_before)
    found = await dialer.stores.callbacks.page(campaign_id, wanted, after=after, limit=limit + 1)
    page = found[:limit]
    return CallbackPage(
        items=[CallbackAnswer.of(each) for each in page],
        next_after=page[-1].callback_id if len(found) > limit else None,
    )


@router.post("/callbacks/{callback_id}/move", summary="Another time, or agent", responses=_CHANGED)
async def move_callback(
    callback_id: CallbackIdPath, body: MoveBody, dialer: DialerDep
) -> CallbackAnswer:
    """Its grace begins anew. A time that the law would not let ring is refused, with the next that it would."""
    known = await dialer.stores.callbacks.get(callback_id)
    moved = await calling_back.move_callback(
        dialer.stores,
        dialer.profiles,
        callback_id,
        due_at=body.due_at,
        agent_id=body.agent if "agent" in body.model_fields_set else known.agent_id,
        centre=dialer.settings.country,
        now=dialer.clock.now(),
    )
    await dialer.callbacks.look()
    return CallbackAnswer.of(moved)


@router.post(
    "/callbacks/{callback_id}/cancel",
    summary="The person is not called for it",
    responses=problems(403, 404, 409, 422, 503),
)
async def cancel_callback(callback_id: CallbackIdPath, dialer: DialerDep) -> CallbackAnswer:
    """Its lead is over. Cancelling it again changes nothing."""
    return CallbackAnswer.of(
        await calling_back.cancel_callback(dialer.stores, callback_id, now=dialer.clock.now())
    )

"""Calls in progress."""

from typing import Self

from fastapi import APIRouter

from api.deps import DialerDep
from api.errors import problems
from api.fields import Answer, CallIdPath
from dialer.calls import CallState
from dialer.ids import AgentId, CallId, CampaignId, LeadId
from dialer.views import CallView

router = APIRouter(prefix="/calls", tags=["calls"])


class CallAnswer(Answer):
    id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    agent: AgentId | None
    state: CallState

    @classmethod
    def of(cls, call: CallView) -> Self:
        return cls(
            id=call.call_id,
            campaign_id=call.campaign_id,
            lead_id=call.lead_id,
            agent=call.agent_id,
            state=call.state,
        )


@router.post(
    "/{call_id}/hang-up",
    status_code=202,
    summary="Hang up",
    responses=problems(403, 404, 422, 502, 503),
)
async def hang_up(call_id: CallIdPath, dialer: DialerDep) -> CallAnswer:
    """The customer's leg is hung up; the agent's comes back to wait. Answers with the call as it was."""
    done = await dialer.hang_up(call_id)
    assert done.call is not None
    return CallAnswer.of(done.call)

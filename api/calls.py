"""Calls in progress."""

from typing import Self

from fastapi import APIRouter

from api.deps import DialerDep
from api.errors import problems
from api.fields import Answer, CallIdPath
from dialer.bootstrap import Dialer
from dialer.calls import Call, CallState
from dialer.errors import NotFoundError, TelephonyDownError
from dialer.ids import AgentId, CallId, CampaignId, LeadId

router = APIRouter(prefix="/calls", tags=["calls"])


class CallAnswer(Answer):
    id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    agent: AgentId | None
    state: CallState

    @classmethod
    def of(cls, call: Call) -> Self:
        return cls(
            id=call.order.call_id,
            campaign_id=call.order.campaign_id,
            lead_id=call.order.lead_id,
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
    call = _call(dialer, call_id)
    telephony = dialer.exchanges[call.order.node]
    if not telephony.up:
        raise TelephonyDownError
    await telephony.hang_up(call_id)
    return CallAnswer.of(call)


def _call(dialer: Dialer, call_id: CallId) -> Call:
    """Raises NotFoundError."""
    for runner in dialer.switchboard.runners.values():
        if call_id in runner.team.calls:
            return runner.team.calls[call_id]
    raise NotFoundError("no such call is up")

"""Agents: who they are, what they do now, and what they ask for.

What is asked for is posted to the agent's team, which applies it in its turn: hence 202 with the view of this instant.
"""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import (
    ID_PATTERN,
    AgentCode,
    Answer,
    Body,
    CallIdPath,
    Instant,
    Line,
    LocalInstant,
    Word,
)
from dialer.agents import AgentPhase, AgentStatus
from dialer.bootstrap import Dialer
from dialer.callbacks import MOST_NOTE, CallbackKind, CallbackWish
from dialer.events import (
    BreakEnded,
    BreakRequested,
    CallRequested,
    DispositionChosen,
    OfferAccepted,
    OfferSkipped,
    ShiftEndSet,
    WrapUpEnded,
)
from dialer.ids import AgentId, CallId, LeadId, NodeId, TeamId
from dialer.live_ports import AgentRequest, Done
from dialer.ports import AgentRecord
from dialer.views import AgentView

router = APIRouter(prefix="/agents", tags=["agents"])

_ASKED = problems(403, 404, 409, 422, 503)
_ASKED_WITH_BODY = problems(*BODY_ERRORS, 404, 409, 503)


class AgentBody(Body):
    name: Line = Field(default="", description="Empty: the code")
    team: TeamId = Field(default=TeamId("main"), pattern=ID_PATTERN)


class BreakBody(Body):
    pause_code: Word


class ShiftEndBody(Body):
    ends_at: Instant | None = Field(description="null: not known any more")


class CallBody(Body):
    lead_id: UUID


class DispositionBody(Body):
    disposition: Word
    callback_at: LocalInstant | None = Field(
        default=None,
        description="When to call again. Without an offset: by the clocks of the person's zone",
    )
    callback_kind: CallbackKind = Field(
        default=CallbackKind.RECALL,
        description="recall: the person asked for it; follow_up: the centre promised it",
    )
    callback_own: bool = Field(
        default=False, description="For the agent who says so; else for anyone of the team"
    )
    callback_note: str = Field(
        default="", max_length=MOST_NOTE, description="What the next agent should know"
    )


class AgentAnswer(Answer):
    code: AgentId
    name: str
    team: TeamId
    status: AgentStatus
    phase: AgentPhase
    since: datetime | None = Field(description="In this phase")
    pause_code: str | None
    call_id: CallId | None = Field(description="The present call; in wrap-up the one just talked")
    asterisk: NodeId | None = Field(description="The server that holds the agent's leg; null: none")

    lead_id: LeadId | None = Field(description="Shown to the agent, to be taken or skipped")
    offer_until: datetime | None = Field(description="Then the campaign's `preview_end` decides")
    shift_ends_at: datetime | None = Field(
        description="When the agent stops for the day; null: not said"
    )

    @classmethod
    def of(cls, view: AgentView, team_id: TeamId) -> Self:
        return cls(
            code=view.agent_id,
            name=view.name,
            team=team_id,
            status=view.status,
            phase=view.phase,
            since=view.since,
            pause_code=view.pause_code,
            call_id=view.call_id,
            asterisk=view.node,
            lead_id=view.lead_id,
            offer_until=view.offer_until,
            shift_ends_at=view.shift_ends_at,
        )


@router.get("", summary="All agents, as they are now")
async def list_agents(dialer: DialerDep) -> list[AgentAnswer]:
    """Of teams that other servers run, as those servers last showed them."""
    views = [picture.view for picture in await dialer.overview.teams()]
    found = [AgentAnswer.of(agent, view.team_id) for view in views for agent in view.agents]
    return sorted(found, key=lambda agent: agent.code)


@router.put(
    "/{code}",
    summary="Create an agent, or change name or team",
    responses=problems(*BODY_ERRORS, 409, 503),
)
async def save_agent(code: AgentCode, body: AgentBody, dialer: DialerDep) -> AgentAnswer:
    """Only an agent who is logged out can change the team."""
    record = AgentRecord(agent_id=code, name=body.name or code, team_id=body.team)
    return _answer(await dialer.save_agent(record))


@router.post("/{code}/break", status_code=202, summary="Go on break", responses=_ASKED_WITH_BODY)
async def start_break(code: AgentCode, body: BreakBody, dialer: DialerDep) -> AgentAnswer:
    """At once when idle, otherwise after the present call."""
    now = dialer.clock.now()
    return await _tell(dialer, BreakRequested(agent_id=code, pause_code=body.pause_code, at=now))


@router.post("/{code}/ready", status_code=202, summary="End the break", responses=_ASKED)
async def end_break(code: AgentCode, dialer: DialerDep) -> AgentAnswer:
    return await _tell(dialer, BreakEnded(agent_id=code, at=dialer.clock.now()))


@router.post(
    "/{code}/shift-end",
    status_code=202,
    summary="Say when the agent stops for the day",
    responses=_ASKED_WITH_BODY,
)
async def set_shift_end(code: AgentCode, body: ShiftEndBody, dialer: DialerDep) -> AgentAnswer:
    """From half a minute before, no call is placed for the agent, who stays available for those that are on their way. It is
    forgotten by the first log-in after it. 503 when the database is away."""
    now = dialer.clock.now()
    return await _tell(dialer, ShiftEndSet(agent_id=code, ends_at=body.ends_at, at=now))


@router.post("/{code}/wrap-up/end", status_code=202, summary="End the wrap-up", responses=_ASKED)
async def end_wrap_up(code: AgentCode, dialer: DialerDep) -> AgentAnswer:
    """Changes nothing when the agent is not in wrap-up."""
    return await _tell(dialer, WrapUpEnded(agent_id=code, at=dialer.clock.now()))


@router.post(
    "/{code}/offer/accept", status_code=202, summary="Call the lead that is shown", responses=_ASKED
)
async def accept_offer(code: AgentCode, dialer: DialerDep) -> AgentAnswer:
    """In mode preview. 409 when no lead is shown to the agent."""
    return await _tell(dialer, OfferAccepted(agent_id=code, at=dialer.clock.now()))


@router.post("/{code}/offer/skip", status_code=202, summary="Show another lead", responses=_ASKED)
async def skip_offer(code: AgentCode, dialer: DialerDep) -> AgentAnswer:
    """The lead is put off for 15 minutes. 409 when no lead is shown, or after three in a row without a call."""
    return await _tell(dialer, OfferSkipped(agent_id=code, at=dialer.clock.now()))


@router.post(
    "/{code}/calls",
    status_code=202,
    summary="Call a lead for this agent",
    responses=_ASKED_WITH_BODY,
)
async def call_lead(code: AgentCode, body: CallBody, dialer: DialerDep) -> AgentAnswer:
    """The agent is held first (phase `reserved`, with the call), then the lead is called. The agent must be free, the lead of
    a running campaign of the team, and the call allowed now: else 409, whose message names what is against it. Leads whose
    time has not come may be asked for. Where trunks or calls per second leave no room at this instant, no call is placed."""
    now = dialer.clock.now()
    asked = CallRequested(agent_id=code, lead_id=LeadId(str(body.lead_id)), at=now)
    return _answer(await dialer.request_call(asked))


@router.post(
    "/{code}/calls/{call_id}/disposition",
    status_code=202,
    summary="Say what a call came to",
    responses=_ASKED_WITH_BODY,
)
async def choose_disposition(
    code: AgentCode, call_id: CallIdPath, body: DispositionBody, dialer: DialerDep
) -> AgentAnswer:
    """During the talk, in wrap-up or within a day; the last one stands, and the ones before are kept with the attempt. The code
    is one of the campaign's (`/campaigns/{id}/dispositions`). A do-not-call is on the list as soon as it is written."""
    chosen = DispositionChosen(
        agent_id=code,
        call_id=call_id,
        disposition=body.disposition,
        callback_at=body.callback_at,
        wish=CallbackWish(kind=body.callback_kind, own=body.callback_own, note=body.callback_note),
        at=dialer.clock.now(),
    )
    return _answer(await dialer.dispose(chosen))


async def _tell(dialer: Dialer, event: AgentRequest) -> AgentAnswer:
    return _answer(await dialer.tell_agent(event))


def _answer(done: Done) -> AgentAnswer:
    assert done.agent is not None
    assert done.team_id is not None
    return AgentAnswer.of(done.agent, done.team_id)

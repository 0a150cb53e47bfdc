"""Leads: lists in, pages out, one with its attempts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, NamedTuple, Self
from zoneinfo import available_timezones

from fastapi import APIRouter, Query
from fastapi import Body as BodyParameter
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import UUID_PATTERN, Answer, Body, CampaignIdPath, LeadIdPath, Line
from api.lists import list_named
from api.phones import Region, e164
from dialer.adapters.lead_pages import Export
from dialer.adapters.lead_writers import MEDIA_TYPES, Format
from dialer.dispositions import Category
from dialer.errors import InvalidInputError
from dialer.ids import AgentId, CallId, CampaignId, LeadId, ListId
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.persons import MOST_NUMBERS, PersonNumber, new_numbers
from dialer.ports import Attempt, FormerDisposition

router = APIRouter(tags=["leads"])

MAX_LEADS = 10_000
PIECE = 1000
"""Leads in one transaction: the writer of the calls in progress gets its turn between two of them."""

PRIORITY_LIMIT = 2**31 - 1
_BINARY = {"schema": {"type": "string", "format": "binary"}}


class NewLeadBody(Body):
    phone: str = Field(max_length=64, description="As people write it; stored as E.164")
    other_phones: list[Annotated[str, Field(max_length=64)]] = Field(
        default=[],
        max_length=MOST_NUMBERS - 1,
        description="Further numbers of the same person, in the order in which they are tried",
    )
    name: Line = ""
    zone: str = Field(default="Europe/Rome", max_length=64, description="IANA time zone")
    priority: int = Field(
        default=0, ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT, description="Higher is dialled earlier"
    )
    external_id: Line | None = Field(default=None, description="The id in the client's system")
    answer_odds: float | None = Field(
        default=None, ge=0, le=1, description="How likely the person answers, as you think"
    )


class RejectedLead(Answer):
    index: int = Field(description="Place in the list that was sent, from 0")
    field: str
    problem: str = Field(examples=["is not a valid telephone number"])


class ImportAnswer(Answer):
    added: int
    duplicates: int = Field(description="Numbers that the campaign has already; nothing is changed")
    rejected: list[RejectedLead]


class NumberAnswer(Answer):
    phone: str
    zone: str
    tries: int = Field(description="Those that count")
    last_outcome: Outcome | None
    not_before: datetime | None = Field(description="When it may be rung; null: in its turn")
    over: bool = Field(description="It is not rung any more")

    @classmethod
    def of(cls, number: PersonNumber) -> Self:
        return cls(
            phone=number.phone,
            zone=number.zone,
            tries=number.tries,
            last_outcome=None if number.last_outcome is None else Outcome(number.last_outcome),
            not_before=number.not_before,
            over=number.over,
        )


class LeadAnswer(Answer):
    id: LeadId
    campaign_id: CampaignId
    phone: str = Field(description="Of several, the one that is rung next, or is being rung")
    numbers: list[NumberAnswer] = Field(description="All of the person's; empty: `phone` only")
    name: str
    zone: str
    priority: int
    state: LeadState
    attempts: int = Field(description="Those that count: failures of the network do not")
    last_attempt_at: datetime | None
    last_outcome: Outcome | None
    last_abandoned_at: datetime | None
    next_attempt_at: datetime | None
    external_id: str | None
    list_id: ListId
    answer_odds: float | None
    attributes: dict[str, str | int | bool] = Field(
        description="What the client's list says beside; decimals and dates as text"
    )

    @classmethod
    def of(cls, lead: Lead) -> Self:
        return cls(
            id=lead.lead_id,
            campaign_id=lead.campaign_id,
            phone=lead.phone,
            numbers=[NumberAnswer.of(number) for number in lead.numbers],
            name=lead.name,
            zone=lead.zone,
            priority=lead.priority,
            state=lead.state,
            attempts=lead.attempts,
            last_attempt_at=lead.last_attempt_at,
            last_outcome=lead.last_outcome,
            last_abandoned_at=lead.last_abandoned_at,
            next_attempt_at=lead.next_attempt_at,
            external_id=lead.external_id,
            list_id=lead.list_id,
            answer_odds=lead.answer_odds,
            attributes=dict(lead.attributes),
        )


class LeadPage(Answer):
    items: list[LeadAnswer]
    next_after: LeadId | None = Field(description="`after` of the next page; null: the last one")


class FormerAnswer(Answer):
    disposition: str
    category: Category | None
    agent: AgentId | None
    said_at: datetime | None
    replaced_at: datetime
    replaced_by: AgentId

    @classmethod
    def of(cls, former: FormerDisposition) -> Self:
        return cls(
            disposition=former.disposition,
            category=former.category,
            agent=former.agent_id,
            said_at=former.said_at,
            replaced_at=former.replaced_at,
            replaced_by=former.replaced_by,
        )


class AttemptAnswer(Answer):
    call_id: CallId
    started_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None = Field(description="null: the attempt is open")
    cause: int | None = Field(description="Q.850")
    agent: AgentId | None
    disposition: str | None
    category: Category | None = Field(description="Of the disposition")
    disposed_at: datetime | None
    former_dispositions: list[FormerAnswer] = Field(description="That were replaced, oldest first")

    @classmethod
    def of(cls, attempt: Attempt, former: Sequence[FormerDisposition]) -> Self:
        return cls(
            call_id=attempt.call_id,
            started_at=attempt.started_at,
            ringing_at=attempt.ringing_at,
            answered_at=attempt.answered_at,
            bridged_at=attempt.bridged_at,
            ended_at=attempt.ended_at,
            outcome=attempt.outcome,
            cause=attempt.cause,
            agent=attempt.agent_id,
            disposition=attempt.disposition,
            category=attempt.category,
            disposed_at=attempt.disposed_at,
            former_dispositions=[
                FormerAnswer.of(one) for one in former if one.call_id == attempt.call_id
            ],
        )


class LeadDetail(Answer):
    lead: LeadAnswer
    attempts: list[AttemptAnswer] = Field(description="Oldest first")


class _Source(NamedTuple):
    """Where the leads of one request belong."""

    campaign_id: CampaignId
    list_id: ListId
    region: str


@router.post(
    "/campaigns/{campaign_id}/leads",
    summary="Add leads",
    responses=problems(*BODY_ERRORS, 404, 503),
)
async def add_leads(
    campaign_id: CampaignIdPath,
    leads: Annotated[list[NewLeadBody], BodyParameter(max_length=MAX_LEADS)],
    dialer: DialerDep,
    region: Annotated[Region, Query()] = "IT",
    list_name: Annotated[
        Line, Query(alias="list", description="The list they belong to; new or not")
    ] = "",
) -> ImportAnswer:
    """Sending a list again adds nothing twice. Usable leads are added even when others are rejected."""
    await dialer.stores.campaigns.get(campaign_id)
    source = _Source(campaign_id, await list_named(dialer, campaign_id, list_name), region)
    added = duplicates = 0
    rejected: list[RejectedLead] = []
    for start in range(0, len(leads), PIECE):
        piece = leads[start : start + PIECE]
        # In a thread, since the event loop has calls to connect meanwhile.
        read = await asyncio.to_thread(_read, piece, start, source)
        rejected += [lead for lead in read if isinstance(lead, RejectedLead)]
        usable = [lead for lead in read if isinstance(lead, NewLead)]
        report = await dialer.stores.leads.add(usable, at=dialer.clock.now())
        added += report.added
        duplicates += report.duplicates
        if report.added:
            dialer.leads_added(campaign_id)
    return ImportAnswer(added=added, duplicates=duplicates, rejected=rejected)


@router.get(
    "/campaigns/{campaign_id}/leads",
    summary="A campaign's leads, page by page",
    responses=problems(404, 422, 503),
)
async def list_leads(
    campaign_id: CampaignIdPath,
    dialer: DialerDep,
    state: LeadState | None = None,
    after: Annotated[LeadId | None, Query(pattern=UUID_PATTERN)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> LeadPage:
    """Oldest first."""
    await dialer.stores.campaigns.get(campaign_id)
    found = await dialer.stores.leads.page(campaign_id, after=after, limit=limit + 1, state=state)
    page = found[:limit]
    more = len(found) > limit
    return LeadPage(
        items=[LeadAnswer.of(lead) for lead in page], next_after=page[-1].lead_id if more else None
    )


@router.get(
    "/campaigns/{campaign_id}/leads/export",
    summary="A campaign's leads as a file",
    response_class=StreamingResponse,
    responses={
        200: {"content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY)},
        **problems(404, 422, 503),
    },
)
async def export_leads(
    campaign_id: CampaignIdPath,
    dialer: DialerDep,
    form: Annotated[Format, Query(alias="format")] = Format.CSV,
    list_name: Annotated[
        Line | None, Query(alias="list", description="Of this list only; empty: the unnamed one")
    ] = None,
    state: LeadState | None = None,
) -> StreamingResponse:
    """Oldest first, however many. Should the database go away meanwhile, the answer breaks off: it has no regular end then."""
    await dialer.stores.campaigns.get(campaign_id)
    export = Export(campaign_id, form, list_name, state)
    pieces = export.pieces(dialer.stores)
    first = await anext(pieces)  # what is not there is told before the answer begins
    name = {"Content-Disposition": f'attachment; filename="leads.{form.value}"'}
    return StreamingResponse(_all(first, pieces), media_type=MEDIA_TYPES[form], headers=name)


@router.get(
    "/leads/{lead_id}", summary="One lead, with its attempts", responses=problems(404, 422, 503)
)
async def get_lead(lead_id: LeadIdPath, dialer: DialerDep) -> LeadDetail:
    lead = await dialer.stores.leads.get(lead_id)
    attempts = await dialer.stores.attempts.of_lead(lead_id)
    former = await dialer.stores.attempts.former_dispositions(lead_id)
    return LeadDetail(
        lead=LeadAnswer.of(lead),
        attempts=[AttemptAnswer.of(attempt, former) for attempt in attempts],
    )


async def _all(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


def _read(piece: list[NewLeadBody], start: int, source: _Source) -> list[NewLead | RejectedLead]:
    """In the order of the piece, whose first lead has the index `start`."""
    read: list[NewLead | RejectedLead] = []
    for index, body in enumerate(piece, start):
        try:
            read.append(_new_lead(body, source))
        except InvalidInputError as error:
            read.append(RejectedLead(index=index, field=error.field, problem=error.problem))
    return read


def _new_lead(body: NewLeadBody, source: _Source) -> NewLead:
    """Raises InvalidInputError."""
    if body.zone not in _zones():
        raise InvalidInputError("zone", "is not an IANA time zone")
    phone = e164(body.phone, source.region)
    others = [_further(other, source.region) for other in body.other_phones]
    return NewLead(
        campaign_id=source.campaign_id,
        list_id=source.list_id,
        phone=phone,
        numbers=new_numbers([(one, body.zone) for one in (phone, *others)]),
        name=body.name,
        zone=body.zone,
        priority=body.priority,
        external_id=body.external_id or None,
        answer_odds=body.answer_odds,
    )


def _further(phone: str, region: str) -> str:
    try:
        return e164(phone, region)
    except InvalidInputError as error:
        raise InvalidInputError("other_phones", error.problem) from None


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())

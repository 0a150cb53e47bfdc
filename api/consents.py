"""Consents to be called, and their withdrawal. Numbers stand in bodies only: an address is written into logs."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter
from fastapi import Body as BodyParameter
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import ID_PATTERN, Answer, Body, Instant, Line
from api.phones import Region, e164
from dialer.consents import ConsentRecord
from dialer.errors import InvalidInputError
from dialer.ids import MAIN_CLIENT, ClientId

router = APIRouter(prefix="/consents", tags=["consents"])

MOST = 5000
Client = Annotated[ClientId, Field(pattern=ID_PATTERN, description="Whom it was given to")]


class NumberOf(Body):
    phone: str = Field(max_length=64)
    client: Client = MAIN_CLIENT
    region: Region = "IT"


class ConsentBody(NumberOf):
    obtained_at: Instant
    basis: Literal["consent", "request", "contract"] = "consent"
    purpose: Line = Field(default="telemarketing", min_length=1)
    sector: Line = Field(default="", description="What it is for; empty: calls in general")
    text_version: Line = Field(default="", description="Of what the person was shown")
    expires_at: Instant | None = Field(default=None, description="null: it holds until withdrawn")
    withdrawn_at: Instant | None = None
    proof: Line = Field(default="", description="Where the proof is kept")
    who: Line = Field(default="", description="Who enters it")


class ConsentsAdded(Answer):
    added: int
    known: int = Field(description="Were there already; a withdrawal of theirs was taken over")


class WithdrawalBody(NumberOf):
    who: Line = ""


class Withdrawn(Answer):
    withdrawn: int = Field(description="Consents that were in force")


class ConsentAnswer(Answer):
    obtained_at: Instant
    basis: str
    purpose: str
    sector: str
    text_version: str
    expires_at: Instant | None
    withdrawn_at: Instant | None
    proof: str
    who: str

    @classmethod
    def of(cls, consent: ConsentRecord) -> Self:
        return cls(**{name: getattr(consent, name) for name in cls.model_fields})


@router.post("", summary="Add consents", responses=problems(*BODY_ERRORS, 404, 503))
async def add_consents(
    consents: Annotated[list[ConsentBody], BodyParameter(max_length=MOST)], dialer: DialerDep
) -> ConsentsAdded:
    """All of them or none. A withdrawn one puts its number on the client's do-not-call list."""
    now = dialer.clock.now()
    records = []
    for place, each in enumerate(consents):
        if each.obtained_at > now:
            raise InvalidInputError(f"{place}.obtained_at", "is in the future")
        phone = _number(each, place)
        given = each.model_dump(exclude={"phone", "client", "region"})
        records.append(ConsentRecord(phone=phone, client_id=each.client, **given))
    added = await dialer.stores.consents.add(records)
    return ConsentsAdded(added=added, known=len(records) - added)


@router.post(
    "/withdrawals",
    summary="A person takes it all back",
    responses=problems(*BODY_ERRORS, 404, 503),
)
async def withdraw_consents(body: WithdrawalBody, dialer: DialerDep) -> Withdrawn:
    """From now on the client's campaigns do not call the number, hoppers included. A call that is up goes on."""
    phone, at = e164(body.phone, body.region), dialer.clock.now()
    ended = await dialer.stores.consents.withdraw(phone, client_id=body.client, at=at, who=body.who)
    return Withdrawn(withdrawn=ended)


@router.post(
    "/lookups",
    summary="What a number's owner gave a client",
    responses=problems(*BODY_ERRORS, 503),
)
async def look_up_consents(body: NumberOf, dialer: DialerDep) -> list[ConsentAnswer]:
    """The oldest first."""
    phone = e164(body.phone, body.region)
    found = await dialer.stores.consents.of([phone], client_id=body.client)
    return [ConsentAnswer.of(each) for each in found.get(phone, ())]


def _number(body: NumberOf, place: int) -> str:
    try:
        return e164(body.phone, body.region)
    except InvalidInputError as error:
        raise InvalidInputError(f"{place}.{error.field}", error.problem) from None

"""Client companies: on whose behalf campaigns call."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import ID_PATTERN, Answer, Body, Line
from dialer.clients import Client
from dialer.ids import ClientId

router = APIRouter(prefix="/clients", tags=["clients"])


class ClientBody(Body):
    id: ClientId = Field(pattern=ID_PATTERN)
    name: Line = Field(default="", description="Empty: the id")


class ClientAnswer(Answer):
    id: ClientId
    name: str

    @classmethod
    def of(cls, client: Client) -> Self:
        return cls(id=client.client_id, name=client.name)


@router.get("", summary="All clients", responses=problems(503))
async def list_clients(dialer: DialerDep) -> list[ClientAnswer]:
    """`main` is there from the start."""
    return [ClientAnswer.of(client) for client in await dialer.stores.clients.all()]


@router.post("", summary="Add a client, or rename it", responses=problems(*BODY_ERRORS, 503))
async def save_client(body: ClientBody, dialer: DialerDep) -> ClientAnswer:
    """A client cannot be removed."""
    client = Client(client_id=body.id, name=body.name or body.id)
    await dialer.stores.clients.save(client)
    return ClientAnswer.of(client)

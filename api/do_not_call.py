"""The do-not-call list. Numbers stand in bodies only: an address is written into logs."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from api.deps import DialerDep
from api.errors import BODY_ERRORS, problems
from api.fields import ID_PATTERN, Answer, Body, Instant, Line
from api.phones import Region, e164
from dialer.do_not_call import EVERYBODY, DncAction, DncChange, DncKey, DoNotCall, checked_prefix
from dialer.errors import NotFoundError
from dialer.ids import ClientId

router = APIRouter(prefix="/do-not-call", tags=["do not call"])


class NumberBody(Body):
    phone: str = Field(max_length=64, description="A number, or with by_prefix how numbers begin")
    by_prefix: bool = Field(default=False, description="All numbers that begin so: +39899")
    client: ClientId | None = Field(
        default=None, pattern=ID_PATTERN, description="For calls on behalf of this one; null: all"
    )
    region: Region = "IT"

    @property
    def key(self) -> DncKey:
        """Raises InvalidInputError."""
        digits = checked_prefix(self.phone) if self.by_prefix else e164(self.phone, self.region)
        return DncKey(self.client or EVERYBODY, digits, self.by_prefix)


class DoNotCallBody(NumberBody):
    reason: Line = Field(min_length=1)
    source: Line = Field(default="", description="Where the wish came from: a call, a letter")
    who: Line = Field(default="", description="Who enters it; kept in the history")
    expires_at: Instant | None = Field(default=None, description="null: it holds for good")


class DoNotCallAnswer(Answer):
    phone: str = Field(description="E.164, or the prefix")
    changed: bool = Field(description="false: an entry was there that lasts as long")


class RemovalBody(NumberBody):
    who: Line = ""


class ChangeAnswer(Answer):
    at: Instant
    action: DncAction
    phone: str
    by_prefix: bool
    client: ClientId | None
    who: str
    reason: str
    source: str

    @classmethod
    def of(cls, change: DncChange) -> Self:
        return cls(
            at=change.at,
            action=change.action,
            phone=change.key.digits,
            by_prefix=change.key.by_prefix,
            client=change.key.client_id or None,
            who=change.who,
            reason=change.reason,
            source=change.source,
        )


@router.post("", summary="Never ring this number again", responses=problems(*BODY_ERRORS, 404, 503))
async def do_not_call(body: DoNotCallBody, dialer: DialerDep) -> DoNotCallAnswer:
    """From now on, hoppers included. A call that is up goes on."""
    key = body.key
    entry = DoNotCall(
        **key._asdict(),
        reason=body.reason,
        source=body.source,
        who=body.who,
        added_at=dialer.clock.now(),
        expires_at=body.expires_at,
    )
    return DoNotCallAnswer(phone=key.digits, changed=bool(await dialer.bar([entry])))


@router.post(
    "/removals",
    summary="Take a number off the list",
    responses=problems(*BODY_ERRORS, 404, 503),
)
async def remove_do_not_call(body: RemovalBody, dialer: DialerDep) -> DoNotCallAnswer:
    """Leads that were excluded stay so. The history keeps who did it."""
    key = body.key
    removed = await dialer.stores.do_not_call.remove(key, who=body.who, at=dialer.clock.now())
    if not removed:
        raise NotFoundError("no such entry")
    return DoNotCallAnswer(phone=key.digits, changed=True)


@router.get("/changes", summary="What was added and removed, by whom", responses=problems(422, 503))
async def do_not_call_changes(
    dialer: DialerDep, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[ChangeAnswer]:
    """The latest first."""
    changes = await dialer.stores.do_not_call.changes(limit=limit)
    return [ChangeAnswer.of(change) for change in changes]

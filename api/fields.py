"""Field types that several resources share."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from dialer.ids import AgentId, CallbackId, CallId, CampaignId, LeadId, TeamId

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
UUID_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
CODE_PATTERN = r"^[0-9]{1,12}$"

CampaignIdPath = Annotated[CampaignId, Path(pattern=ID_PATTERN, examples=["spring"])]
TeamIdPath = Annotated[TeamId, Path(pattern=ID_PATTERN, examples=["main"])]
AgentCode = Annotated[
    AgentId, Path(pattern=CODE_PATTERN, description="The digits that the agent dials to log in")
]
LeadIdPath = Annotated[LeadId, Path(pattern=UUID_PATTERN)]
CallIdPath = Annotated[CallId, Path(pattern=UUID_PATTERN)]
CallbackIdPath = Annotated[CallbackId, Path(pattern=UUID_PATTERN)]

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line of text."""

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""A code that an organisation chooses, such as a pause code or a disposition."""


def _of_this_century(value: datetime) -> datetime:
    if not 2000 <= value.year < 2100:
        raise ValueError("the year must be between 2000 and 2099")
    return value


def _in_utc(value: datetime) -> datetime:
    return _of_this_century(value).astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant as it is sent: RFC 3339 with its offset; UTC from here on."""

LocalInstant = Annotated[datetime, AfterValidator(_of_this_century)]
"""As Instant, or without an offset: what the clocks of a zone show that is known elsewhere."""


class Body(BaseModel):
    """What is sent: unknown fields are refused, and so are numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """What is answered. Instants in UTC, durations in seconds, ratios 0 to 1."""

    model_config = ConfigDict(frozen=True)

"""What every table of settings is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

ID = r"^[A-Za-z0-9_-]{1,64}$"
TRUNK_ID = r"^[A-Za-z0-9_.-]{1,64}$"
DIAL = r"^[A-Za-z0-9]+/[A-Za-z0-9_.:;=+*#@/{}-]+$"
"""No comma, blank or line break: a dial string goes into an AMI header."""

TrunkName = Annotated[str, Field(pattern=TRUNK_ID)]
CallerId = Annotated[str, Field(pattern=r"^\+?[0-9]{1,20}$")]
Prefix = Annotated[str, Field(pattern=r"^\+[0-9]*$")]

ONE_TEAM = "most installations have one team"


def setting(default: Any, what: str, why: str, **limits: Any) -> Any:
    """A setting with its default, and why that is the default: both stand in docs/reference/settings.md."""
    return Field(default, description=what, json_schema_extra={"why": why}, **limits)


class Strict(BaseModel):
    """A table of settings: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

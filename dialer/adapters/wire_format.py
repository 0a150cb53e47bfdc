"""What travels between servers, as JSON: one place that writes it and reads it.

Every message says its kind and the name of what it carries; a reader ignores fields that it does not know, so that servers
of two versions can work side by side while one is being replaced.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from dialer import errors
from dialer.errors import DialerError, IllegalTransitionError, InvalidInputError
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
from dialer.ids import CampaignId
from dialer.live_ports import (
    AgentChanged,
    CampaignChanged,
    Done,
    DoNotCallChanged,
    HangUpCall,
    LiveTeam,
    SaveAgent,
    TeamReleased,
)


@dataclass(frozen=True, slots=True)
class Refused:
    """An error of the tree, by name, and what it was made of."""

    error: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wake:
    campaign_id: CampaignId


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message. `id` names a request and its answer; `sender` is a server."""

    kind: str
    sender: str
    id: str
    thing: Any


class GarbledError(DialerError):
    """A message on the wire could not be read"""


ASK, ANSWER, NOTICE, WAKE = "ask", "answer", "notice", "wake"

_CARRIED: dict[str, dict[str, TypeAdapter[Any]]] = {
    kind: {one.__name__: TypeAdapter(one) for one in carried}
    for kind, carried in (
        (
            ASK,
            (
                BreakRequested,
                BreakEnded,
                ShiftEndSet,
                WrapUpEnded,
                DispositionChosen,
                OfferAccepted,
                OfferSkipped,
                CallRequested,
                SaveAgent,
                HangUpCall,
            ),
        ),
        (ANSWER, (Done, Refused)),
        (NOTICE, (CampaignChanged, AgentChanged, DoNotCallChanged, TeamReleased)),
        (WAKE, (Wake,)),
    )
}
_LIVE = TypeAdapter(LiveTeam)


def pack(kind: str, thing: object, *, sender: str, id: str = "") -> bytes:
    name = type(thing).__name__
    return to_json({"kind": kind, "id": id, "from": sender, "type": name, "body": thing})


def unpack(message: bytes) -> Envelope:
    """Raises GarbledError."""
    try:
        data = from_json(message)
        kind = data["kind"]
        thing = _CARRIED[kind][data["type"]].validate_python(data["body"])
        return Envelope(kind, str(data["from"]), str(data["id"]), thing)
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        raise GarbledError from error


def pack_live(team: LiveTeam) -> bytes:
    return to_json(team, inf_nan_mode="constants")


def unpack_live(value: bytes) -> LiveTeam:
    """Raises GarbledError."""
    try:
        return _LIVE.validate_json(value)
    except ValidationError as error:
        raise GarbledError from error


# --- errors -----------------------------------------------------------------------------------------------------------


def refusal(error: DialerError) -> Refused:
    """The error as it travels."""
    match error:
        case IllegalTransitionError():
            words: tuple[str, ...] = (error.thing, error.state, error.event)
        case InvalidInputError():
            words = (error.field, error.problem)
        case _:
            words = (str(error),)
    return Refused(type(error).__name__, words)


def error_of(refused: Refused) -> DialerError:
    """The error that the other server raised; one that this version does not know is a DialerError."""
    kind = getattr(errors, refused.error, DialerError)
    if not (isinstance(kind, type) and issubclass(kind, DialerError)):
        kind = DialerError
    try:
        return kind(*refused.words)
    except TypeError:
        return DialerError(" ".join(refused.words))

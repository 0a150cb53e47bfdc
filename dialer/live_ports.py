"""The wire between servers, as Protocols: requests to the server that runs a team, its live picture, and wake-ups.

The database is the truth. Whatever is lost here is read again from there a little later, and whoever asked for something
that nobody confirmed is told so. No phone number travels on the wire.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

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
from dialer.ids import AgentId, CallId, CampaignId, TeamId
from dialer.ports import AgentRecord
from dialer.views import AgentView, CallView, TeamView

# --- requests: one server asks another, which answers -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class SaveAgent:
    """Create the agent, or change name or team."""

    record: AgentRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class HangUpCall:
    call_id: CallId


AgentRequest = (
    BreakRequested | BreakEnded | ShiftEndSet | WrapUpEnded | OfferAccepted | OfferSkipped
)
Request = AgentRequest | DispositionChosen | CallRequested | SaveAgent | HangUpCall


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The request was taken by the server that runs the team; what it concerns, as it is now."""

    team_id: TeamId | None = None
    agent: AgentView | None = None
    call: CallView | None = None


# --- notices: told to every server, confirmed by nobody ---------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignChanged:
    """Its policy or state in the store."""

    campaign_id: CampaignId


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentChanged:
    """Name or team in the store."""

    agent_id: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class DoNotCallChanged:
    """The list in the store is longer; which numbers, only the store says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamReleased:
    """The team is nobody's now."""

    team_id: TeamId


Notice = CampaignChanged | AgentChanged | DoNotCallChanged | TeamReleased


class EventBus(Protocol):
    """Between servers; each has a name of its own for each of its lives (the `owner` of its leases)."""

    def listen(
        self, on_request: Callable[[Request], Awaitable[Done]], on_notice: Callable[[Notice], None]
    ) -> None:
        """Who answers requests to this server, and who hears other servers' notices. To be called once, before the start.

        A DialerError that `on_request` raises is the answer.
        """
        ...

    async def ask(self, server: str, request: Request, *, seconds: float) -> Done:
        """Have `server` do it, at most once. Raises what the server's handler raised; NotDeliveredError when nothing was
        confirmed within `seconds`: then it was not done, or only its confirmation was lost."""
        ...

    def tell(self, notice: Notice) -> None:
        """Tell all other servers. Never waits; what cannot be sent is dropped."""
        ...


# --- the live picture -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTeam:
    """A team as the server that runs it sees it. Of two pictures the one with the greater (fence, sequence) is newer."""

    view: TeamView
    server: str
    host: str
    fence: int
    sequence: int


class LiveState(Protocol):
    def show(self, team: LiveTeam) -> None:
        """Put the picture where every server finds it, for LIVE_SECONDS. Never waits; what cannot be put is dropped."""
        ...

    async def shown(self, team_ids: Collection[TeamId]) -> list[LiveTeam]:
        """The pictures of those teams that are there. Raises WireDownError."""
        ...


LIVE_SECONDS = 6.0

# --- wake-ups ---------------------------------------------------------------------------------------------------------


class WakeUps(Protocol):
    """Leads of a campaign may be due: whoever runs it need not wait until it asks by itself."""

    def listen(self, on_wake: Callable[[CampaignId], None]) -> None:
        """Who hears the other servers' wake-ups. To be called once, before the start."""
        ...

    def wake(self, campaign_id: CampaignId) -> None:
        """Wake the other servers. Many within a moment are told as one. Never waits; what cannot be sent is dropped."""
        ...


# --- all of it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class WireStats:
    up: bool
    dropped: int  # messages that could not be sent, since the start
    garbled: int  # messages that could not be read


@dataclass(frozen=True, kw_only=True, slots=True)
class Wires:
    """The ports together: one wire behind them. `shared`: other servers can be at its other ends."""

    server: str
    shared: bool
    bus: EventBus
    live: LiveState
    wake_ups: WakeUps
    start: Callable[[Callable[[], None]], None] = field(repr=False)
    """Connect in the background, for good; the argument is called each time the wire is there (again)."""
    stats: Callable[[], WireStats] = field(repr=False)
    close: Callable[[], Awaitable[None]] = field(repr=False)
    """What was sent so far leaves, if it can at once."""

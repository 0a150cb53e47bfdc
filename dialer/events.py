"""Facts that have happened, each stamped with the instant it happened (`at`, aware UTC). Frozen; past tense.

Where an event comes from: Asterisk (through ami_events), the API, a timer, the store (refill), reconciliation after a lost link.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from dialer.callbacks import CallbackWish
from dialer.campaign import Campaign
from dialer.dispositions import Ruling
from dialer.ids import ONLY_NODE, AgentId, CallId, CampaignId, LeadId, NodeId, TrunkId
from dialer.law import Law
from dialer.leads import Lead
from dialer.profiles import Profile
from dialer.trunks import Trunk


class Screening(StrEnum):
    """What answering-machine detection said. UNSURE is treated as a person."""

    HUMAN = "human"
    MACHINE = "machine"
    UNSURE = "unsure"


class Fate(StrEnum):
    """What the telephone exchange remembers of a call that ended while nobody watched."""

    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


class NotOpened(StrEnum):
    """Why the store did not write an attempt."""

    TEAM_LOST = "team_lost"  # another server runs the team
    NOT_RESERVED = "not_reserved"  # the lead is not the team's, or not of this campaign
    DO_NOT_CALL = "do_not_call"
    ALREADY_OPEN = (
        "already_open"  # its lead or number has an open attempt, or the id was used before
    )
    CALL_CAP = "call_cap"  # the person or the number was called as often as is allowed
    REFUSAL_BLOCK = "refusal_block"  # the person has refused, and is left alone for a while
    NUMBER_BLOCKED = "number_blocked"  # an agent has said that it is a wrong one
    TRUNK_LINES = "trunk_lines"  # all lines of the trunk are taken, by whatever team
    TRUNK_RATE = "trunk_rate"  # the trunk's calls per second are used


PUT_OFF = frozenset({NotOpened.CALL_CAP, NotOpened.REFUSAL_BLOCK, NotOpened.NUMBER_BLOCKED})
"""The call may not be made now, whatever the trunk."""

NO_CHANNEL = "no_channel"
WRITTEN_TOO_LATE = "written_too_late"

STORE_SLOW = "store_slow"
"""Of a CallNotPlaced: writes were so far behind that the attempt was not written; its lead is still ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    at: datetime


# --- a customer's call ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class CallEvent(Event):
    call_id: CallId


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRinging(CallEvent):
    """The far end rings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallAnswered(CallEvent):
    """Somebody or something picked up: the clock of the legal limit starts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallScreened(CallEvent):
    """Answering-machine detection has spoken."""

    verdict: Screening


@dataclass(frozen=True, kw_only=True, slots=True)
class CallWaiting(CallEvent):
    """The person waits (hearing comfort noise) and can be bridged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallMatched(CallEvent):
    """The queue chose an agent for the waiting person. Made by the team itself."""

    agent_id: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class CallBridged(CallEvent):
    """Both legs are in one bridge: they can talk."""

    agent_id: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgeFailed(CallEvent):
    """The bridge that was asked for did not come about; the person still waits, or is gone."""

    agent_id: AgentId
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkEnded(CallEvent):
    """The customer's leg left the talk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallAbandoned(CallEvent):
    """The dialplan reached the limit with no agent. Its word is final."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallEnded(CallEvent):
    """The channel is gone. `cause` is the Q.850 cause of the hang-up; 0 means none was given."""

    cause: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRefused(CallEvent):
    """The call never became a channel. `reason`: NO_CHANNEL (the exchange took it and could not make one),
    WRITTEN_TOO_LATE (it was not sent), or the exchange's words."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallNotPlaced(CallEvent):
    """The attempt was not written, so nothing rang and nothing is to be closed. `reason`: a NotOpened, or the store's
    failure. With TRUNK_LINES and TRUNK_RATE the team still holds the lead; with those of PUT_OFF it puts the lead off until
    `not_before` (None: for good)."""

    reason: str
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallAdopted(CallEvent):
    """Reconciliation found an open attempt of an earlier life of the server; whether its channel is still up is told next."""

    campaign_id: CampaignId
    lead_id: LeadId
    trunk: TrunkId
    attempts: int
    started_at: datetime
    answered_at: datetime | None
    bridged_at: datetime | None
    agent_id: AgentId | None  # who talks or talked
    talking: bool = False  # both legs are in one bridge now
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLost(CallEvent):
    """Reconciliation found no channel for a call that was thought to be up: it ended while nobody watched."""

    fate: Fate


# --- agents -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentEvent(Event):
    agent_id: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentLoggedIn(AgentEvent):
    """The agent's leg is up and waits. `leg` is the channel's name, `leg_id` its unique id, both on that one server."""

    leg: str
    leg_id: str
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentReturned(AgentEvent):
    """The agent's leg came back from a talk and waits again."""

    leg_id: str
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentLoggedOut(AgentEvent):
    """The agent's leg is gone."""

    leg_id: str
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class OldLegFound(AgentEvent):
    """Reconciliation found a leg of an agent who works on another server now."""

    leg: str
    node: NodeId


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakRequested(AgentEvent):
    """The agent (or a supervisor) asked for a break: after this call, or at once when idle."""

    pause_code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakEnded(AgentEvent):
    """The agent is available again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftEndSet(AgentEvent):
    """Somebody has said when the agent stops for the day; None: not known any more."""

    ends_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WrapUpEnded(AgentEvent):
    """Wrap-up is over: by the agent's word or by the timer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DispositionChosen(AgentEvent):
    """What the agent says of the call that was talked. `ruling`: what follows from it, once the server that runs the team has
    looked at the campaign's set."""

    call_id: CallId
    disposition: str
    callback_at: datetime | None = None
    wish: CallbackWish | None = None  # beside that time
    ruling: Ruling | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentReserved(AgentEvent):
    """The agent is held for one call, which is placed next: nobody else is given to the agent. Made by the team itself."""

    call_id: CallId


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentReleased(AgentEvent):
    """The agent is held no more, though the call may still ring; or is shown the lead no more. Made by the team itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadOffered(AgentEvent):
    """The agent is shown a lead, to be called when the agent takes it. Made by the team itself."""

    lead_id: LeadId
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferAccepted(AgentEvent):
    """The agent takes the lead that is shown; or the time is over, and the campaign calls it then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferSkipped(AgentEvent):
    """The agent wants another lead; or the time is over."""

    by_timer: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRequested(AgentEvent):
    """The agent wants to call this lead now. Asked of the server that runs the team; the lead is not reserved yet."""

    lead_id: LeadId


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadTaken(AgentEvent):
    """The lead that the agent asked for is reserved for the team: call it, or give it back."""

    lead: Lead


# --- leads and campaigns ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowCount:
    """What one legal window has seen so far: persons who answered, and those of them who were abandoned."""

    answered: int = 0
    abandoned: int = 0
    machines: int = 0  # dropped on the word of detection; some were people, by estimate

    def __add__(self, other: "WindowCount") -> "WindowCount":
        return WindowCount(
            answered=self.answered + other.answered,
            abandoned=self.abandoned + other.abandoned,
            machines=self.machines + other.machines,
        )

    def __sub__(self, other: "WindowCount") -> "WindowCount":
        return WindowCount(
            answered=self.answered - other.answered,
            abandoned=self.abandoned - other.abandoned,
            machines=self.machines - other.machines,
        )


NOTHING_SEEN = WindowCount()


@dataclass(frozen=True, kw_only=True, slots=True)
class PastCall:
    """A call of an earlier day or life of the server, as far as pacing learns from it. Seconds."""

    rang: float  # from the order to the pick-up, or to the end
    picked_up: bool
    person: bool
    talked: float | None  # None: no agent had it


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignLoaded(Event):
    """A campaign is attached to the team, or its policy or state has changed. `counts`: of this campaign's own calls, one per
    window of the profile (Profile.every_window); `elsewhere`: see CountsElsewhere; empty: nothing.

    `profile`: what holds for the campaign as a whole. `law`: what holds for each call; None: the profile, wherever people are.
    """

    campaign: Campaign
    profile: Profile
    trunks: tuple[Trunk, ...]  # those that the campaign names
    started_at: datetime | None  # first attempt ever; None: none yet
    counts: tuple[WindowCount, ...]
    machine_error: Fraction = Fraction(0)  # the share of `machines` that were people
    past: tuple[
        PastCall, ...
    ] = ()  # what pacing begins with; read when the campaign is new to the team
    law: Law | None = None
    elsewhere: tuple[WindowCount, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CountsElsewhere(Event):
    """What the windows of a campaign's profile have seen besides what its team counts itself: the calls of the other campaigns
    of a wider scope, and what a rolling window saw before the campaign was loaded. One per window; read from the store now
    and then. `profile`: whose windows they are."""

    campaign_id: CampaignId
    profile: str
    counts: tuple[WindowCount, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadsReserved(Event):
    """The store's answer to RequestLeads."""

    campaign_id: CampaignId
    leads: tuple[Lead, ...]
    next_due_at: (
        datetime | None
    )  # when there were fewer than asked for: when the next one may be due


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadsDue(Event):
    """Leads of the campaign may have come due in the store: no need to wait before asking again."""

    campaign_id: CampaignId


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbacksExpected(Event):
    """The store has callbacks of the campaign that wait. `next_at`: the first may be tried then."""

    campaign_id: CampaignId
    next_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbacksReserved(Event):
    """The store's answer to RequestCallbacks: leads with their callbacks. `next_at`: when another one may be tried; None: no
    other waits."""

    campaign_id: CampaignId
    leads: tuple[Lead, ...]
    next_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadsForgotten(Event):
    """These leads may not be dialled from the hopper any more (do-not-call)."""

    lead_ids: tuple[LeadId, ...]


# --- the world --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class TelephonyUp(Event):
    """The link to one server is up and reconciled: dialling may go on there."""

    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class TelephonyDown(Event):
    """The link to one server is lost: nothing new may be dialled there; its calls are in the dialplan's hands."""

    reason: str
    node: NodeId = ONLY_NODE


@dataclass(frozen=True, kw_only=True, slots=True)
class TimerFired(Event):
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticked(Event):
    """Time passed: the pacing loop decides at least every 250 ms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockStepped(Event):
    """The wall clock was put forward (or back, `by` negative); `at` and all later instants are the new clock's."""

    by: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreDown(Event):
    """The database does not take writes: nothing new may be dialled, since nothing may ring that is not written."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreUp(Event):
    """The database takes writes again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DrainRequested(Event):
    """Place no new calls; let talks end."""

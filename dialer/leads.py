"""Leads: the people to call. States, one table of transitions, and what becomes of a lead after an attempt (`Outcome`)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dialer.attributes import Attributes
from dialer.callbacks import Callback
from dialer.ids import CampaignId, LeadId, ListId
from dialer.number_facts import NumberFacts
from dialer.persons import Numbers, NumberTry

DEFAULT_LIST = ListId(0)
"""The list of leads that were given none."""


class LeadState(StrEnum):
    NEW = "new"  # never tried
    RESERVED = "reserved"  # in a team's hopper, under a lease
    DIALING = "dialing"  # an attempt is open
    RETRY = "retry"  # to be tried again, not before next_attempt_at
    DONE = "done"  # talked to, or given up: final
    EXCLUDED = "excluded"  # may not be rung (do-not-call, refused): final


class Outcome(StrEnum):
    """What one attempt came to. Stored and shown as the same word."""

    TALKED = "talked"  # a person was bridged to an agent
    ABANDONED = "abandoned"  # a person answered, no agent in time
    HUNG_UP = "hung_up"  # a person answered and hung up before the limit, unbridged
    MACHINE = "machine"  # answering machine or fax
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    INVALID_NUMBER = "invalid_number"
    REJECTED = "rejected"  # the called side declined (SIP 603)
    CONGESTION = (
        "congestion"  # the network or the trunk could not carry it; says nothing of the lead
    )
    UNREACHABLE = "unreachable"  # no reply from the network at all
    FAILED = "failed"  # the exchange refused the call before anything rang
    LOST = "lost"  # ended while nobody watched; may have rung
    CANCELLED = "cancelled"  # taken back by us before any phone rang


CALLBACK = "callback"
DO_NOT_CALL = "do_not_call"
DISPOSITION = "disposition"  # an agent said that it is over
"""Words for `Lead.held_by`; others are those of compliance.Reason and of DeferLead."""

PERSON_ANSWERED = frozenset({Outcome.TALKED, Outcome.ABANDONED, Outcome.HUNG_UP})
"""Outcomes in which a person picked up: the denominator of the abandon ratio."""

NEVER_RANG = frozenset({Outcome.CONGESTION, Outcome.UNREACHABLE, Outcome.FAILED, Outcome.CANCELLED})
"""Outcomes that are not the lead's: they burn no attempt."""

TRANSITIONS: dict[LeadState, frozenset[LeadState]] = {
    LeadState.NEW: frozenset({LeadState.RESERVED, LeadState.EXCLUDED}),
    LeadState.RETRY: frozenset({LeadState.RESERVED, LeadState.EXCLUDED, LeadState.DONE}),
    LeadState.RESERVED: frozenset(
        {LeadState.DIALING, LeadState.NEW, LeadState.RETRY, LeadState.EXCLUDED, LeadState.DONE}
    ),
    LeadState.DIALING: frozenset({LeadState.RETRY, LeadState.DONE, LeadState.EXCLUDED}),
    LeadState.DONE: frozenset({LeadState.RETRY, LeadState.EXCLUDED}),
    LeadState.EXCLUDED: frozenset(),
}
"""From each state, the states that may follow. DONE -> RETRY is the agent's disposition (a callback)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLead:
    """A lead as imported: number already E.164, zone an IANA name."""

    campaign_id: CampaignId
    phone: str
    name: str = ""
    zone: str = "Europe/Rome"
    priority: int = 0
    external_id: str | None = None
    list_id: ListId = DEFAULT_LIST
    answer_odds: float | None = None
    attributes: Attributes = ()
    numbers: Numbers = ()  # persons.new_numbers, `phone` being the first of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Lead:
    """A lead as stored, with the facts that the rules read."""

    lead_id: LeadId
    campaign_id: CampaignId
    phone: str  # the one that is rung next, or is being rung
    name: str
    zone: str
    priority: int
    state: LeadState
    attempts: int  # attempts that count (not the never-rang ones)
    never_rang: int  # failures in a row that were not a trunk's, of this number
    last_attempt_at: datetime | None
    last_outcome: Outcome | None
    last_abandoned_at: datetime | None
    next_attempt_at: datetime | None
    external_id: str | None = None
    list_id: ListId = DEFAULT_LIST
    answer_odds: float | None = None  # 0..1, as whoever made the list thinks; None: not said
    attributes: Attributes = ()
    held_by: str | None = None  # what holds it back, where that is not its last outcome
    facts: NumberFacts | None = None  # of its number; None: nobody has looked
    callback: Callback | None = None  # what the person was promised, if it was reserved for that
    numbers: Numbers = ()  # all of the person's, if there are several

    @property
    def first_phone(self) -> str:
        """Who is meant, whichever number comes next."""
        return self.numbers[0].phone if self.numbers else self.phone

    @property
    def every_phone(self) -> tuple[str, ...]:
        return tuple(one.phone for one in self.numbers) or (self.phone,)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadUpdate:
    """What an attempt changes in its lead; applied in the transaction that closes the attempt."""

    lead_id: LeadId
    state: LeadState
    next_attempt_at: datetime | None
    counts_as_attempt: bool
    outcome: Outcome
    abandoned_at: datetime | None = None
    blames_number: bool = (
        True  # what burns no attempt counts as never rung; False: a trunk's fault, nothing counts
    )
    others_from: datetime | None = (
        None  # see NumberTry: from when other numbers of the person may be rung
    )

    def of_number(self, phone: str) -> NumberTry:
        """The same of one number."""
        return NumberTry(
            phone=phone,
            outcome=self.outcome,
            counts=self.counts_as_attempt,
            blames_number=self.blames_number,
            again_at=self.next_attempt_at if self.state is LeadState.RETRY else None,
            others_from=self.others_from,
        )


def adopted_lead(lead_id: LeadId, campaign_id: CampaignId, *, attempts: int) -> Lead:
    """What the rules need of the lead of an open attempt that an earlier life of the server left; nothing to dial."""
    return Lead(
        lead_id=lead_id,
        campaign_id=campaign_id,
        phone="",
        name="",
        zone="UTC",
        priority=0,
        state=LeadState.DIALING,
        attempts=attempts,
        never_rang=0,
        last_attempt_at=None,
        last_outcome=None,
        last_abandoned_at=None,
        next_attempt_at=None,
    )

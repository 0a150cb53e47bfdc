"""Lists: the parts of a campaign's leads that are mixed with each other, each in an order of its own.

Theory of operation. The order of a list is kept as a number on each lead, its `rank`: the store takes the lowest first, then
the highest priority, then the oldest, all of it in the order of one index. So the rank is worked out when a lead is written
and never when leads are asked for. For BEST_HOUR it is an hour of the day in UTC, and the store begins at the present one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from zoneinfo import ZoneInfo

from dialer.errors import InvalidInputError
from dialer.ids import CampaignId, LeadId, ListId
from dialer.leads import DEFAULT_LIST, PERSON_ANSWERED, Lead, Outcome

MOST_WEIGHT = 1000
MOST_NAME = 200
SPREAD_HOURS = (18, 10, 13, 20, 11, 16, 19, 12, 9, 17)
"""Hours of the called person's day at which tries without an answer are made, one after the other: far from each other, the
early evening first."""

DAY_MINUTES = 24 * 60


class LeadOrder(StrEnum):
    """Which leads of a list come first. Among equals the higher priority, then the older."""

    PRIORITY = "priority"
    NEWEST = "newest"
    LEAST_ATTEMPTED = "least_attempted"
    BEST_HOUR = "best_hour"  # whose best hour it is now, then those whose comes next
    RANDOM = "random"  # the same for the same seed


@dataclass(frozen=True, kw_only=True, slots=True)
class ListSettings:
    """`weight`: the list's share among the lists of the campaign that have leads; 0: it rests."""

    campaign_id: CampaignId
    name: str  # empty: of the leads that were given no list
    weight: int = 1
    order: LeadOrder = LeadOrder.PRIORITY
    seed: int = 0  # for RANDOM


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadList:
    """A list as stored."""

    list_id: ListId  # counts from 0 in each campaign
    settings: ListSettings
    created_at: datetime | None = None  # None: the unnamed list of a campaign, never changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Tries:
    """What a lead's tries so far say."""

    attempts: int = 0
    last_outcome: Outcome | None = None
    last_attempt_at: datetime | None = None


NEVER_TRIED = Tries()


def tries_of(lead: Lead) -> Tries:
    return Tries(
        attempts=lead.attempts,
        last_outcome=lead.last_outcome,
        last_attempt_at=lead.last_attempt_at,
    )


def unnamed_list(campaign_id: CampaignId) -> LeadList:
    """Every campaign has it, stored or not."""
    return LeadList(list_id=DEFAULT_LIST, settings=ListSettings(campaign_id=campaign_id, name=""))


def checked_list(settings: ListSettings) -> ListSettings:
    """Raises InvalidInputError."""
    if len(settings.name) > MOST_NAME:
        raise InvalidInputError("name", f"is longer than {MOST_NAME} characters")
    if not 0 <= settings.weight <= MOST_WEIGHT:
        raise InvalidInputError("weight", f"is not between 0 and {MOST_WEIGHT}")
    if abs(settings.seed) >= 2**63:
        raise InvalidInputError("seed", "is too large")
    return settings


def rank_of(
    order: LeadOrder, seed: int, lead_id: LeadId, *, zone: str, tries: Tries = NEVER_TRIED
) -> int:
    """Where the lead stands in its list: the lowest is taken first. At least -2^48, less than 2^48. `lead_id`: a UUIDv7."""
    match order:
        case LeadOrder.PRIORITY:
            return 0
        case LeadOrder.NEWEST:
            return -_created_ms(lead_id)
        case LeadOrder.LEAST_ATTEMPTED:
            return tries.attempts
        case LeadOrder.BEST_HOUR:
            return _best_hour(lead_id, ZoneInfo(zone), tries)
        case LeadOrder.RANDOM:
            digest = blake2b(f"{seed}/{lead_id}".encode(), digest_size=6)
            return int.from_bytes(digest.digest())


def spans(order: LeadOrder, at: datetime) -> tuple[tuple[int, int], ...]:
    """The ranks from which leads are taken at `at`, first and last of each span, one span after the other."""
    if order is not LeadOrder.BEST_HOUR:
        return ((-(2**48), 2**48),)
    hour = at.astimezone(UTC).hour
    return ((hour, 23), (0, hour - 1)) if hour else ((0, 23),)


def _created_ms(lead_id: LeadId) -> int:
    return int(lead_id[:8] + lead_id[9:13], 16)


def _best_hour(lead_id: LeadId, zone: ZoneInfo, tries: Tries) -> int:
    """In UTC, by the clocks of the last try: the hour at which a person last answered, else the next of SPREAD_HOURS."""
    last_at = tries.last_attempt_at
    if last_at is not None and tries.last_outcome in PERSON_ANSWERED:
        return last_at.astimezone(UTC).hour
    by = last_at or datetime.fromtimestamp(_created_ms(lead_id) / 1000, UTC)
    offset = by.astimezone(zone).utcoffset()
    assert offset is not None
    local = SPREAD_HOURS[tries.attempts % len(SPREAD_HOURS)] * 60
    return (local - int(offset.total_seconds()) // 60) % DAY_MINUTES // 60

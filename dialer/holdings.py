"""What holds a campaign's leads back, reason by reason, in words."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dialer.ids import ListId
from dialer.lead_lists import LeadList
from dialer.leads import LeadState
from dialer.ports import LeadHoldings
from dialer.texts import TEXTS, Language, text

RESTS = "list_rests"
"""The reason of leads in a list whose weight is 0."""

WAITING = (LeadState.NEW, LeadState.RETRY)
ORDER = (*WAITING, LeadState.RESERVED, LeadState.DIALING, LeadState.EXCLUDED, LeadState.DONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldReason:
    """`from_at`: the hour in which the first of them falls due; None: at once, or never."""

    state: LeadState
    reason: str
    count: int
    from_at: datetime | None


def by_reason(found: LeadHoldings, resting: Collection[ListId]) -> list[HeldReason]:
    """Over all lists; `resting`: lists with weight 0. Waiting leads first, the most of one reason before fewer."""
    counts: Counter[tuple[LeadState, str]] = Counter()
    first: dict[tuple[LeadState, str], datetime] = {}
    for each in found.held:
        rests = each.state in WAITING and each.list_id in resting
        key = (each.state, RESTS if rests else each.reason)
        counts[key] += each.number
        if each.wakes_at is not None:
            first[key] = min(each.wakes_at, first.get(key, each.wakes_at))
    reasons = [
        HeldReason(state=key[0], reason=key[1], count=count, from_at=first.get(key))
        for key, count in counts.items()
    ]
    return sorted(reasons, key=lambda one: (ORDER.index(one.state), -one.count, one.reason))


def resting(lists: Collection[LeadList]) -> set[ListId]:
    return {each.list_id for each in lists if each.settings.weight == 0}


def sentence(held: HeldReason, language: Language, zone: ZoneInfo) -> str:
    when = f"{held.from_at.astimezone(zone):%Y-%m-%d %H:%M}" if held.from_at else None
    key = f"held.{held.state}" + (".from" if when else "")
    return text(
        key, language, count=held.count, reason=reason_words(held.reason, language), when=when
    )


def rehearsed(held: Mapping[str, int], language: Language) -> list[str]:
    """Of a dry run: what holds leads back beyond the next hour."""
    return [f"{count}: {reason_words(reason, language)}" for reason, count in held.items()]


def reason_words(reason: str, language: Language) -> str:
    """A reason that has no text of its own reads as its word."""
    if not reason:
        return ""
    keys = [key for key in (f"reason.{reason}", f"outcome.{reason}") if key in TEXTS]
    return text(keys[0], language) if keys else reason.replace("_", " ")

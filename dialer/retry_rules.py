"""How the delay before the next try develops from try to try, as data of the campaign. The first delay is the outcome's own."""

from dataclasses import dataclass
from datetime import timedelta
from math import log

from dialer.leads import Outcome

AFTER_REJECTED = timedelta(hours=24)
"""Whoever declined the call (SIP 603) is not rung again sooner, whatever the campaign says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryRule:
    """The delay after the n-th try of a lead is `delay * growth**(n-1) + shift * (n-1)`, at most `longest` (never less than the
    outcome's own delay). A shift of some hours moves the tries through the day. `most`: after so many tries of the lead, this
    outcome ends it; None: the campaign's `max_attempts` alone."""

    growth: float = 1.0
    shift: timedelta = timedelta()
    longest: timedelta = timedelta(days=7)
    most: int | None = None


STEADY = RetryRule()


def delay_after(
    outcome: Outcome, delay: timedelta, rule: RetryRule, *, attempts: int
) -> timedelta | None:
    """`attempts`: of the lead, this one not counted. None: the lead ends."""
    if rule.most is not None and attempts + 1 >= rule.most:
        return None
    grown = rule.longest
    if attempts * log(rule.growth) <= log(
        rule.longest / delay
    ):  # else it is longer, and perhaps no number
        grown = delay * rule.growth**attempts + rule.shift * attempts
    grown = max(min(grown, rule.longest), delay)
    return max(grown, AFTER_REJECTED) if outcome is Outcome.REJECTED else grown

"""Public registers of people who want no calls (the Italian RPO, TPS and so on): results, number by number; pure.

What a register said counts from the instant at which it said so, not from the one at which we were told: how long it is
good for stands in the profile (`scrub_max_age_s`). The register itself is never here, only the answers for our numbers.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterResult:
    register: str  # as the profiles name it: RPO, TPS, US-NATIONAL-DNC
    phone: str
    checked_at: datetime  # when the register was asked
    listed: bool

    def is_fresh(self, obtained_after: datetime) -> bool:
        return self.checked_at >= obtained_after


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterCounts:
    """Leads that wait, by what the register said of their numbers."""

    fresh: int = 0  # not listed, and the answer is young enough
    listed: int = 0
    stale: int = 0  # not listed, but the answer is too old
    never: int = 0  # nobody asked

    @property
    def due(self) -> int:
        return self.stale + self.never

"""What is known of one number, and why it may not be rung: the words of compliance.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dialer.profiles import Cap, CapPer

ALL_CONFIGURED = "ALL_CONFIGURED"
"""As a register: every one of which there is a result."""


class Reason(StrEnum):
    DO_NOT_CALL = "do_not_call"
    ATTEMPTS_USED = "attempts_used"
    CALLING_HOURS = "calling_hours"
    ABANDON_BLOCK = "abandon_block"
    GUARANTEED_AGENT = "guaranteed_agent"
    MACHINE_BLOCK = "machine_block"
    REFUSAL_BLOCK = "refusal_block"
    CALL_CAP = "call_cap"
    REGISTER_LISTED = "register_listed"
    REGISTER_UNCHECKED = "register_unchecked"
    REGISTER_STALE = "register_stale"
    CONSENT_MISSING = "consent_missing"
    CONSENT_EXPIRED = "consent_expired"
    CALLER_ID_WITHHELD = "caller_id_withheld"
    CALLER_ID_PREFIX = "caller_id_prefix"
    CALLER_ID_NOT_CALLABLE = "caller_id_not_callable"
    CALLER_ID_FOREIGN_TRUNK = "caller_id_foreign_trunk"
    PROFILE_EXPIRED = "profile_expired"
    FACTS_STALE = "facts_stale"


FINAL = frozenset({Reason.DO_NOT_CALL, Reason.ATTEMPTS_USED})
"""Reasons that, without an instant, never pass. The others pass when somebody does something: asks a register, holds an agent."""


@dataclass(frozen=True, slots=True)
class Allowed:
    pass


@dataclass(frozen=True, slots=True)
class Denied:
    reason: Reason
    not_before: datetime | None  # None: no instant will make this reason pass

    @property
    def is_final(self) -> bool:
        return self.not_before is None and self.reason in FINAL


Verdict = Allowed | Denied


class DncScope(StrEnum):
    GLOBAL = "global"
    CLIENT = "client"


@dataclass(frozen=True, kw_only=True, slots=True)
class DncEntry:
    """An entry of the organisation's own list that matches the number, whole or by prefix."""

    scope: DncScope = DncScope.GLOBAL
    by_prefix: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterCheck:
    """What a public register said of the number. `checked_at`: when the result was obtained; a date where only the day of the
    register's version is known: then whole local days are counted."""

    registry: str
    checked_at: datetime | date
    listed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """A consent or a request to be called. `sector`: what it is for; empty: calls in general."""

    given_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    sector: str = ""

    def holds(self, now: datetime) -> bool:
        return self.given_at <= now and not self.is_over(now)

    def is_over(self, now: datetime) -> bool:
        ends = (self.expires_at, self.revoked_at)
        return any(end is not None and end <= now for end in ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class CapCount:
    """Attempts under one cap, where they were counted by a store. `free_at`: when the count falls below the cap."""

    cap: Cap
    used: int
    free_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ComplianceSnapshot:
    """The facts about one number that the rule reads. None: nobody has looked it up."""

    zone: ZoneInfo
    attempts: int
    max_attempts: int
    zones: tuple[ZoneInfo, ...] = ()  # where the zone is not known: every one that it may be
    ring: timedelta = timedelta()  # how long it will ring
    sector: str = ""  # of the campaign

    last_abandoned_at: datetime | None = None
    last_machine_at: datetime | None = None  # a machine was heard, and the call ended
    last_refused_at: datetime | None = None  # the person said no
    agent_reserved: bool = False  # an agent is held for this very call before it is placed
    full_days: bool = False  # blocks are counted in full calendar days: the cautious reading
    attempts_at: Mapping[CapPer, tuple[datetime, ...]] | None = None
    """Attempts over all lists, campaigns and channels, by whose they are. Where one is not there, those that were looked up of
    the person, or else of the number, are counted instead."""
    cap_counts: tuple[CapCount, ...] = ()

    do_not_call: bool = False
    dnc: tuple[DncEntry, ...] = ()
    registers: tuple[RegisterCheck, ...] | None = None
    consents: tuple[Consent, ...] | None = None

    caller_id: str | None = None  # E.164; empty: withheld
    caller_id_callable: bool | None = None
    caller_id_country: str = ""  # ISO 3166; empty: not known
    called_country: str = ""
    trunk_country: str = ""

    facts_at: datetime | None = None  # when the oldest of these facts was looked up

    @property
    def all_zones(self) -> tuple[ZoneInfo, ...]:
        return self.zones or (self.zone,)

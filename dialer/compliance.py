"""May this number be rung now? A pure rule over facts; asked when a lead enters the hopper and again when it is taken.

The profiles that hold for the call (docs/reference/profiles.md) are merged first: profile_merge.py. A fact that nobody has
looked up (None) is not judged; `explain` says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dialer.campaign import CampaignPolicy, Guard
from dialer.commands import AnswerRule
from dialer.compliance_facts import (
    Allowed,
    CapCount,
    ComplianceSnapshot,
    Consent,
    Denied,
    DncEntry,
    DncScope,
    Reason,
    RegisterCheck,
    Verdict,
)
from dialer.compliance_rules import RULES, Rule
from dialer.do_not_call import EVERYBODY, DoNotCall
from dialer.leads import Lead, Outcome
from dialer.number_facts import NumberFacts
from dialer.profile_merge import Rules, rules_of
from dialer.profiles import CapPer, Profile

__all__ = [
    "Allowed",
    "CapCount",
    "ComplianceSnapshot",
    "Consent",
    "Denied",
    "DncEntry",
    "DncScope",
    "Reason",
    "RegisterCheck",
    "RuleResult",
    "State",
    "Verdict",
    "answer_rule",
    "check",
    "earliest",
    "explain",
    "snapshot_of",
]

DIALPLAN_MARGIN = timedelta(milliseconds=50)
"""Taken off the legal limit before it is sent to the dialplan, so that the end of the wait is never later than the law's."""


def snapshot_of(lead: Lead, policy: CampaignPolicy) -> ComplianceSnapshot:
    """The facts that a lead carries by itself, and those of its number, where they were looked up."""
    machine = lead.last_outcome is Outcome.MACHINE
    tried = (lead.last_attempt_at,) if lead.last_attempt_at is not None else ()
    return ComplianceSnapshot(
        zone=ZoneInfo(lead.zone),
        attempts=lead.attempts,
        max_attempts=policy.max_attempts,
        ring=policy.ring_timeout,
        sector=policy.sector,
        last_abandoned_at=lead.last_abandoned_at,
        last_machine_at=lead.last_attempt_at if machine else None,
        full_days=policy.guard is Guard.CAUTIOUS,
        attempts_at={CapPer.CALLED_NUMBER: tried},
        dnc=tuple(map(_entry_of, lead.facts.dnc)) if lead.facts else (),
        registers=_registers_of(lead.facts, policy) if lead.facts else None,
        consents=_consents_of(lead.facts, policy) if lead.facts else None,
    )


def _entry_of(entry: DoNotCall) -> DncEntry:
    return DncEntry(
        scope=DncScope.GLOBAL if entry.client_id == EVERYBODY else DncScope.CLIENT,
        by_prefix=entry.by_prefix,
        expires_at=entry.expires_at,
    )


def _registers_of(facts: NumberFacts, policy: CampaignPolicy) -> tuple[RegisterCheck, ...] | None:
    """Where a campaign does not ask for results, its lists were cleaned elsewhere; what is known to be listed counts anyway."""
    known = tuple(
        RegisterCheck(registry=each.register, checked_at=each.checked_at, listed=each.listed)
        for each in facts.registers
    )
    if policy.check_registers:
        return known
    return tuple(each for each in known if each.listed) or None


def _consents_of(facts: NumberFacts, policy: CampaignPolicy) -> tuple[Consent, ...] | None:
    """Those given for the campaign's purpose. Where a campaign does not ask for them, they are kept elsewhere."""
    if not policy.check_consents:
        return None
    return tuple(
        Consent(
            given_at=each.obtained_at,
            expires_at=each.expires_at,
            revoked_at=each.withdrawn_at,
            sector=each.sector,
        )
        for each in facts.consents
        if each.purpose == policy.purpose
    )


Profiles = Rules | Profile | Sequence[Profile]
"""What holds for the call. Rules that were merged once are the quickest."""


def check(snapshot: ComplianceSnapshot, profiles: Profiles, now: datetime) -> Verdict:
    """Allowed, or Denied with the first reason that holds and the instant before which asking again is useless."""
    rules = rules_of(profiles)
    for each in RULES:
        denied = each.judge(snapshot, rules, now)
        if denied is not None:
            return denied
    return Allowed()


def earliest(snapshot: ComplianceSnapshot, profiles: Profiles, now: datetime) -> datetime | None:
    """The first instant, not before `now`, at which these facts allow the call; None: no instant within reach."""
    rules, at = rules_of(profiles), now
    for _ in range(len(RULES) * 4):
        verdict = check(snapshot, rules, at)
        if isinstance(verdict, Allowed):
            return at
        if verdict.not_before is None:
            return None
        at = verdict.not_before
    return None


# --- rule by rule -----------------------------------------------------------------------------------------------------


class State(StrEnum):
    PASSED = "passed"
    DENIED = "denied"
    UNKNOWN = "unknown"  # the fact has not been looked up
    NO_RULE = "no_rule"  # the profiles say nothing of it


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleResult:
    """What one rule says. `profiles`: id@version of those that the rule comes from; empty: the organisation's own."""

    rule: str
    state: State
    reason: Reason | None = None
    not_before: datetime | None = None
    profiles: tuple[str, ...] = ()


def explain(
    snapshot: ComplianceSnapshot, profiles: Profiles, now: datetime
) -> tuple[RuleResult, ...]:
    """Every rule, in the order in which `check` asks them. Texts: `law.rule.<rule>` and `law.reason.<reason>`."""
    rules = rules_of(profiles)
    return tuple(_result(each, snapshot, rules, now) for each in RULES)


def _result(rule: Rule, snapshot: ComplianceSnapshot, rules: Rules, now: datetime) -> RuleResult:
    origin = tuple(dict.fromkeys(name for field in rule.fields for name in rules.origin(field)))
    denied = rule.judge(snapshot, rules, now)
    if denied is not None:
        return RuleResult(
            rule=rule.name,
            state=State.DENIED,
            reason=denied.reason,
            not_before=denied.not_before,
            profiles=origin,
        )
    if not rule.binds(rules.values, snapshot):
        return RuleResult(rule=rule.name, state=State.NO_RULE)
    state = State.PASSED if rule.known(snapshot) else State.UNKNOWN
    return RuleResult(rule=rule.name, state=state, profiles=origin)


def answer_rule(profile: Profile, policy: CampaignPolicy) -> AnswerRule:
    """What the dialplan is to do with whoever answers a call of this campaign."""
    return AnswerRule(
        limit=profile.limit - DIALPLAN_MARGIN,
        action=profile.action,
        noise=policy.noise,
        message=policy.message,
        screen=policy.screen,
    )

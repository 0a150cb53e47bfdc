"""The rules of compliance.py, one function each: Denied, or None where the rule has nothing against the call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dialer.calling_hours import block_end, days_after
from dialer.caps import free_at
from dialer.compliance_facts import (
    ALL_CONFIGURED,
    CapCount,
    ComplianceSnapshot,
    Denied,
    Reason,
    RegisterCheck,
)
from dialer.profile_merge import Rules
from dialer.profiles import Cap, CapPer, ConsentBasis, Profile

FACTS_MAX_AGE = timedelta(minutes=15)
"""Facts of a check that were gathered longer ago must be gathered again."""


def _do_not_call(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    if facts.do_not_call:
        return Denied(Reason.DO_NOT_CALL, None)
    ends = [each.expires_at for each in facts.dnc if not _past(each.expires_at, now)]
    if not ends:
        return None
    return Denied(Reason.DO_NOT_CALL, _last(ends))


def _past(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now


def _last(ends: Sequence[datetime | None]) -> datetime | None:
    """None: one of them has no end."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _attempts(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    used = facts.attempts >= facts.max_attempts
    return Denied(Reason.ATTEMPTS_USED, None) if used else None


def _in_force(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    until = rules.values.effective_to
    if until is None or now.astimezone(rules.values.zone).date() <= until:
        return None
    return Denied(Reason.PROFILE_EXPIRED, None)


def _facts_age(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    stale = facts.facts_at is not None and now - facts.facts_at > FACTS_MAX_AGE
    return Denied(Reason.FACTS_STALE, None) if stale else None


def _registers(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    if facts.registers is None or not rules.values.registries:
        return None
    every = ALL_CONFIGURED in rules.values.registries
    asked = [each for each in facts.registers if every or each.registry in rules.values.registries]
    newest = _newest(asked)
    if any(each.listed for each in newest):
        return Denied(Reason.REGISTER_LISTED, None)
    known = {each.registry for each in newest} | {ALL_CONFIGURED}
    if not known.issuperset(rules.values.registries):
        return Denied(Reason.REGISTER_UNCHECKED, None)
    if any(_stale(each, rules, facts.all_zones, now) for each in newest):
        return Denied(Reason.REGISTER_STALE, None)
    return None


def _newest(checks: Sequence[RegisterCheck]) -> list[RegisterCheck]:
    """The last result of each register."""
    return list({each.registry: each for each in sorted(checks, key=_moment)}.values())


def _moment(result: RegisterCheck) -> str:
    return result.checked_at.isoformat()


def _stale(result: RegisterCheck, rules: Rules, zones: Sequence[ZoneInfo], now: datetime) -> bool:
    most = rules.values.scrub_max_age
    if most is None:
        return False
    if isinstance(result.checked_at, datetime):
        return now > result.checked_at + most
    return any(now.astimezone(zone).date() > result.checked_at + most for zone in zones)


def _consent(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    if facts.consents is None or not _needs_consent(rules.values, facts):
        return None
    special = facts.sector in rules.values.sector_opt_in
    fitting = [each for each in facts.consents if not special or each.sector == facts.sector]
    if any(each.holds(now) for each in fitting):
        return None
    over = any(each.is_over(now) for each in fitting)
    return Denied(Reason.CONSENT_EXPIRED if over else Reason.CONSENT_MISSING, None)


def _needs_consent(values: Profile, facts: ComplianceSnapshot) -> bool:
    return values.consent_basis is ConsentBasis.OPT_IN or facts.sector in values.sector_opt_in


def _refusal(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    days, refused = rules.values.refusal_block_days, facts.last_refused_at
    if days is None or refused is None:
        return None
    return _until(
        Reason.REFUSAL_BLOCK, max(days_after(refused, days, z) for z in facts.all_zones), now
    )


def _until(reason: Reason, end: datetime, now: datetime) -> Denied | None:
    return Denied(reason, end) if now < end else None


def _abandoned(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    if facts.last_abandoned_at is None:
        return None
    values = rules.values
    if values.abandon_block and not (values.abandon_agent_exempt and facts.agent_reserved):
        until = _abandon_block_end(facts, facts.last_abandoned_at, values.abandon_block)
        if now < until:
            return Denied(Reason.ABANDON_BLOCK, until)
    if values.abandon_then_guaranteed_agent and not facts.agent_reserved:
        return Denied(Reason.GUARANTEED_AGENT, None)
    return None


def _abandon_block_end(
    facts: ComplianceSnapshot, abandoned_at: datetime, block: timedelta
) -> datetime:
    ends = [block_end(abandoned_at, block, zone) for zone in facts.all_zones]
    if facts.full_days:
        days = -(-block // timedelta(days=1))  # rounded up
        ends += [days_after(abandoned_at, days, zone) for zone in facts.all_zones]
    return max(ends)


def _machine(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    lasts, heard = rules.values.machine_guaranteed, facts.last_machine_at
    if lasts is None or heard is None or facts.agent_reserved:
        return None
    return _until(Reason.MACHINE_BLOCK, heard + lasts, now)


_INSTEAD = {
    CapPer.CALLED_PERSON_AND_SUBJECT: CapPer.CALLED_PERSON,
    CapPer.CALLED_PERSON_AND_CLIENT: CapPer.CALLED_PERSON,
    CapPer.CALLED_PERSON: CapPer.CALLED_NUMBER,
}


def _caps(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    """The latest instant of all caps that are used up."""
    if not rules.values.caps:
        return None
    zones = facts.all_zones
    ends = [free_at(cap, _attempts_under(facts, cap), zones, now) for cap in rules.values.caps]
    held = [end for end in ends if end is not None]
    counted = [each for each in facts.cap_counts if _is_used_up(each, rules, now)]
    if any(each.free_at is None for each in counted):
        return Denied(Reason.CALL_CAP, None)
    held += [each.free_at for each in counted if each.free_at is not None]
    return Denied(Reason.CALL_CAP, max(held)) if held else None


def _is_used_up(count: CapCount, rules: Rules, now: datetime) -> bool:
    bound = count.cap in rules.values.caps and count.used >= count.cap.most
    return bound and not _past(count.free_at, now)


def _attempts_under(facts: ComplianceSnapshot, cap: Cap) -> tuple[datetime, ...]:
    known: Mapping[CapPer, tuple[datetime, ...]] = facts.attempts_at or {}
    per: CapPer | None = cap.per
    while per is not None and per not in known:
        per = _INSTEAD.get(per)
    return known[per] if per is not None else ()


def _caller_id(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    shown, values = facts.caller_id, rules.values
    if shown is None:
        return None
    if not shown and not values.withhold_allowed:
        return Denied(Reason.CALLER_ID_WITHHELD, None)
    if not may_show(shown, values):
        return Denied(Reason.CALLER_ID_PREFIX, None)
    if values.caller_id_callable and facts.caller_id_callable is False:
        return Denied(Reason.CALLER_ID_NOT_CALLABLE, None)
    if crosses_border(values, facts.called_country, facts.caller_id_country, facts.trunk_country):
        return Denied(Reason.CALLER_ID_FOREIGN_TRUNK, None)
    return None


def crosses_border(values: Profile, called: str, caller_id: str, trunk: str) -> bool:
    """Whether a caller id of the called country would come in from abroad, where networks block that. Countries as ISO 3166;
    empty: not known."""
    national = caller_id == called != ""
    return values.foreign_trunk_blocked and national and trunk not in ("", called)


def may_show(caller_id: str, values: Profile) -> bool:
    """Whether its prefix is one that the law lets people see; of a number that is withheld nothing is said."""
    if not caller_id:
        return True
    if caller_id.startswith(values.caller_id_forbidden):
        return False
    return values.caller_id_allowed is None or caller_id.startswith(values.caller_id_allowed)


def _hours(facts: ComplianceSnapshot, rules: Rules, now: datetime) -> Denied | None:
    ring = max(facts.ring, rules.values.min_ring) if facts.ring else facts.ring
    opening = rules.hours.opening(facts.all_zones, now, ring)
    if opening is None or opening > now:
        return Denied(Reason.CALLING_HOURS, opening)
    return None


def _always(values: Profile, facts: ComplianceSnapshot) -> bool:
    return True


def _is_known(facts: ComplianceSnapshot) -> bool:
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """`binds`: whether the profiles say anything of it; `known`: whether its facts were looked up; `fields`: of Profile."""

    name: str
    judge: Callable[[ComplianceSnapshot, Rules, datetime], Denied | None]
    fields: tuple[str, ...] = ()
    binds: Callable[[Profile, ComplianceSnapshot], bool] = _always
    known: Callable[[ComplianceSnapshot], bool] = _is_known


RULES = (
    Rule(name="do_not_call", judge=_do_not_call),
    Rule(name="attempts", judge=_attempts),
    Rule(name="in_force", judge=_in_force, fields=("effective_to",)),
    Rule(
        name="facts_age",
        judge=_facts_age,
        known=lambda facts: facts.facts_at is not None,
    ),
    Rule(
        name="registers",
        judge=_registers,
        fields=("registries", "scrub_max_age"),
        binds=lambda values, facts: bool(values.registries),
        known=lambda facts: facts.registers is not None,
    ),
    Rule(
        name="consent",
        judge=_consent,
        fields=("consent_basis", "sector_opt_in"),
        binds=_needs_consent,
        known=lambda facts: facts.consents is not None,
    ),
    Rule(
        name="caller_id",
        judge=_caller_id,
        fields=("caller_id_allowed", "caller_id_forbidden", "foreign_trunk_blocked"),
        known=lambda facts: facts.caller_id is not None,
    ),
    Rule(
        name="refusal",
        judge=_refusal,
        fields=("refusal_block_days",),
        binds=lambda values, facts: values.refusal_block_days is not None,
    ),
    Rule(
        name="abandoned",
        judge=_abandoned,
        fields=("abandon_block", "abandon_then_guaranteed_agent"),
        binds=lambda values, facts: (
            bool(values.abandon_block) or values.abandon_then_guaranteed_agent
        ),
    ),
    Rule(
        name="machine",
        judge=_machine,
        fields=("machine_guaranteed",),
        binds=lambda values, facts: values.machine_guaranteed is not None,
    ),
    Rule(
        name="caps",
        judge=_caps,
        fields=("caps",),
        binds=lambda values, facts: bool(values.caps),
        known=lambda facts: facts.attempts_at is not None or bool(facts.cap_counts),
    ),
    Rule(name="hours", judge=_hours, fields=("weekly", "pre_holiday", "holidays_blocked")),
)
"""In the order in which they are asked: what never passes first, the hours last."""

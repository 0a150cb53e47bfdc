"""What a campaign breaks of the law that holds for it: such a campaign does not start, and says why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.campaign import CampaignPolicy
from dialer.compliance import DIALPLAN_MARGIN
from dialer.compliance_rules import may_show
from dialer.errors import ConflictError
from dialer.profile_merge import Rules
from dialer.profiles import NoAgentAction, Profile
from dialer.trunks import Trunk

ANALYSIS_ENDS = timedelta(milliseconds=250)
"""So long before the limit the dialplan ends its answering-machine detection (docs/reference/dialplan-protocol.md)."""

LEAST_ANALYSIS = timedelta(milliseconds=1500)
"""A shorter detection never hears the end of a greeting."""


class FaultCode(StrEnum):
    PROFILE_EXPIRED = "profile_expired"
    PROFILE_NOT_YET = "profile_not_yet"
    PURPOSE_WITHOUT_PROFILE = "purpose_without_profile"
    SECTOR_WITHOUT_PROFILE = "sector_without_profile"
    ABANDON_TARGET_OVER_LIMIT = "abandon_target_over_limit"
    RING_TOO_SHORT = "ring_too_short"
    MESSAGE_MISSING = "message_missing"
    MESSAGE_TOO_LATE = "message_too_late"
    NOISE_MISSING = "noise_missing"
    SCREEN_FORBIDDEN = "screen_forbidden"
    SCREEN_DOES_NOT_FIT = "screen_does_not_fit"
    CALLER_ID_PREFIX = "caller_id_prefix"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`field`: of the campaign's policy. `wanted`: what the law says, in a word or two. `profiles`: id@version."""

    code: FaultCode
    field: str
    wanted: str = ""
    profiles: tuple[str, ...] = ()


def campaign_faults(
    policy: CampaignPolicy,
    rules: Rules,
    trunks: Collection[Trunk],
    *,
    now: datetime,
    sectors: Collection[str] = (),
) -> tuple[Fault, ...]:
    """`rules`: what holds for the campaign as a whole; `trunks`: those that it names; `sectors`: those that a profile knows."""
    return (
        *_force(rules, now),
        *_kind(policy, rules, sectors),
        *_limits(policy, rules),
        *_answer(policy, rules),
        *_screen(policy, rules),
        *_caller_ids(policy, rules, trunks),
    )


def _fault(rules: Rules, code: FaultCode, field: str, wanted: str, *origins: str) -> Fault:
    names = dict.fromkeys(name for origin in origins for name in rules.origin(origin))
    return Fault(code=code, field=field, wanted=wanted, profiles=tuple(names))


def _force(rules: Rules, now: datetime) -> list[Fault]:
    found = []
    for each in rules.profiles:
        day = now.astimezone(each.zone).date()
        if each.effective_to is not None and day > each.effective_to:
            code, when = FaultCode.PROFILE_EXPIRED, each.effective_to
        elif each.effective_from is not None and day < each.effective_from:
            code, when = FaultCode.PROFILE_NOT_YET, each.effective_from
        else:
            continue
        found.append(
            Fault(code=code, field="profile", wanted=when.isoformat(), profiles=(each.name,))
        )
    return found


def _kind(policy: CampaignPolicy, rules: Rules, sectors: Collection[str]) -> list[Fault]:
    found = []
    if policy.purpose not in rules.values.purposes:
        words = ", ".join(sorted(rules.values.purposes))
        code = FaultCode.PURPOSE_WITHOUT_PROFILE
        found.append(_fault(rules, code, "purpose", words, "purposes"))
    if policy.sector and policy.sector not in sectors:
        words = ", ".join(sorted(sectors))
        found.append(Fault(code=FaultCode.SECTOR_WITHOUT_PROFILE, field="sector", wanted=words))
    return found


def _limits(policy: CampaignPolicy, rules: Rules) -> list[Fault]:
    values, found = rules.values, []
    target = policy.abandon_target
    if target is not None and target > values.strictest_limit:
        words = f"{100 * values.strictest_limit:g} %"
        code = FaultCode.ABANDON_TARGET_OVER_LIMIT
        found.append(_fault(rules, code, "abandon_target", words, "windows"))
    if policy.ring_timeout < values.min_ring:
        words = f"{values.min_ring.total_seconds():g} s"
        found.append(_fault(rules, FaultCode.RING_TOO_SHORT, "ring_timeout", words, "min_ring"))
    return found


def _answer(policy: CampaignPolicy, rules: Rules) -> list[Fault]:
    values, found = rules.values, []
    if values.action is NoAgentAction.MESSAGE and not policy.message:
        words = ", ".join(values.message_must_include)
        code = FaultCode.MESSAGE_MISSING
        found.append(_fault(rules, code, "message", words, "action", "message_must_include"))
    if values.action is NoAgentAction.MESSAGE and _begins_late(values):
        found.append(_fault(rules, FaultCode.MESSAGE_TOO_LATE, "profile", "", "message_start"))
    if values.noise_start is not None and not policy.noise:
        found.append(_fault(rules, FaultCode.NOISE_MISSING, "noise", "", "noise_start"))
    return found


def _begins_late(values: Profile) -> bool:
    """The dialplan begins the message at the limit less a margin; a limit within the margin leaves it no time."""
    start = values.message_start
    return values.limit <= DIALPLAN_MARGIN or (start is not None and values.limit > start)


def _screen(policy: CampaignPolicy, rules: Rules) -> list[Fault]:
    if not policy.screen:
        return []
    values = rules.values
    if not values.machine_hangup_allowed:
        code = FaultCode.SCREEN_FORBIDDEN
        return [_fault(rules, code, "screen", "", "machine_hangup_allowed")]
    if values.limit - DIALPLAN_MARGIN - ANALYSIS_ENDS < LEAST_ANALYSIS:
        words = f"{values.limit.total_seconds():g} s"
        return [_fault(rules, FaultCode.SCREEN_DOES_NOT_FIT, "screen", words, "limit")]
    return []


def _caller_ids(policy: CampaignPolicy, rules: Rules, trunks: Collection[Trunk]) -> list[Fault]:
    """The campaign's own goes before those of the trunks."""
    values = rules.values
    if policy.caller_id:
        shown = {"caller_id": [policy.caller_id]}
    else:
        shown = {"trunks": [number for trunk in trunks for number in trunk.caller_ids]}
    words = ", ".join(values.caller_id_allowed or ())
    origins = ("caller_id_allowed", "caller_id_forbidden")
    return [
        _fault(rules, FaultCode.CALLER_ID_PREFIX, field, words, *origins)
        for field, numbers in shown.items()
        if any(not may_show(number, values) for number in numbers)
    ]


class CampaignFaultsError(ConflictError):
    """The campaign breaks its profile and does not start"""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(told(faults))
        self.faults = tuple(faults)


def told(faults: Sequence[Fault]) -> str:
    """For logs: the fields and codes, without any value of the campaign's."""
    return "; ".join(f"{each.field}: {each.code}" for each in faults)

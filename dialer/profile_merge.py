"""Several profiles hold for one call: the called person's country, the centre's own, the campaign's sector. The strictest wins.

By kind of field: of limits and allowances the least, of minima the greatest, of hours the intersection; a duty holds if one
profile has it, a permission if all have it; lists of duties are joined. What cannot be merged (whose number is shown, what is
done when no agent is there, what abandoned calls are divided by) is the called country's: that of the first profile.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Any

from dialer.abandonment import AbandonFormula
from dialer.calling_hours import CallingHours, intersection
from dialer.profiles import AbandonWindow, ConsentBasis, Interval, Profile, Status

NAME_LENGTH = 64

Merge = Callable[[Sequence[Any]], Any]


def _least(values: Sequence[Any]) -> Any:
    return min((each for each in values if each is not None), default=None)


def _greatest(values: Sequence[Any]) -> Any:
    return max((each for each in values if each is not None), default=None)


def _first(values: Sequence[Any]) -> Any:
    return values[0]


def _joined(values: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(item for each in values for item in each))


def _versions(values: Sequence[str]) -> str:
    return "+".join(values if len(set(values)) > 1 else values[:1])


def _in_all(values: Sequence[frozenset[Any]]) -> frozenset[Any]:
    return frozenset.intersection(*values)


def _strictest(order: Sequence[Any]) -> Merge:
    """`order`: loosest first."""
    return lambda values: max(values, key=order.index)


def _weekly(values: Sequence[tuple[tuple[Interval, ...], ...]]) -> tuple[tuple[Interval, ...], ...]:
    return tuple(intersection(days) for days in zip(*values, strict=True))


def _eves(values: Sequence[tuple[Interval, ...] | None]) -> tuple[Interval, ...] | None:
    given = [each for each in values if each is not None]
    return intersection(given) if given else None


def _prefixes(values: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Prefixes of numbers that begin as every one of the sets wants."""
    found: tuple[str, ...] | None = None
    for each in values:
        if each is not None:
            found = each if found is None else _common(found, each)
    return found


def _common(these: tuple[str, ...], those: tuple[str, ...]) -> tuple[str, ...]:
    longer = [max(one, other, key=len) for one in these for other in those if _agree(one, other)]
    return tuple(dict.fromkeys(longer))


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _formula(values: Sequence[AbandonFormula]) -> AbandonFormula:
    return AbandonFormula(
        denominator=values[0].denominator,
        allowance=min(each.allowance for each in values),
        late_connect_counts=any(each.late_connect_counts for each in values),
        waiting_hangup_counts=any(each.waiting_hangup_counts for each in values),
        amd_fp_included=any(each.amd_fp_included for each in values),
        amd_fp_default=max(each.amd_fp_default for each in values),
        amd_fp_min_sample=max(each.amd_fp_min_sample for each in values),
        machine_credit=all(each.machine_credit for each in values),
    )


MERGES: dict[str, Merge] = {
    "id": "+".join,
    "version": _versions,
    "jurisdiction": _first,
    "zone": _first,
    "sector": _greatest,
    "purposes": _in_all,
    "effective_from": _greatest,
    "effective_to": _least,
    "status": _strictest(list(Status)),
    "target_ratio": _least,
    "min_sample": _greatest,
    "limit_kind": _strictest(["none", "benchmark", "safe_harbour", "legal_max"]),
    "formula": _formula,
    "limit": _least,
    "allowance": _least,
    "allowance_reference": _strictest(["greeting_end", "greeting_start", "answer"]),
    "hard_drop": _least,
    "action": _first,
    "noise_start": _least,
    "message_start": _least,
    "message_must_include": _joined,
    "message_must_not_include": _joined,
    "key_press_opt_out": any,
    "min_ring": _greatest,
    "min_rings": _greatest,
    "seconds_only": any,
    "machine_hangup_allowed": all,
    "machine_guaranteed": _greatest,
    "abandon_block": _greatest,
    "abandon_then_guaranteed_agent": any,
    "abandon_agent_exempt": all,
    "refusal_block_days": _greatest,
    "caps": _joined,
    "weekly": _weekly,
    "holidays_blocked": any,
    "holiday_calendar": _first,
    "pre_holiday": _eves,
    "legal_force": _strictest(["none", "guidance", "code", "statute"]),
    "registries": _joined,
    "scrub_max_age": _least,
    "check_before_campaign": any,
    "internal_honour_within": _least,
    "internal_keep_days": _greatest,
    "consent_basis": _strictest(list(ConsentBasis)),
    "consent_proof_keep_days": _greatest,
    "sector_opt_in": _joined,
    "withhold_allowed": all,
    "caller_id_callable": any,
    "caller_id_assigned_to": _first,
    "caller_id_allowed": _prefixes,
    "caller_id_forbidden": _joined,
    "callback_reachable_days": _greatest,
    "foreign_trunk_blocked": any,
    "call_records_keep_days": _greatest,
    "abandon_reports_keep_days": _greatest,
    "sources": _joined,
    "notes": _joined,
}
"""By field of Profile; windows and holidays are put together by `_windows` and `_holidays`."""


class Rules:
    """What holds for a call: the profiles (the called country's first), and their merged values as one Profile.

    Hours are asked of `hours`: every profile keeps its own holidays there, which one week of merged hours cannot tell.
    """

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self.profiles = tuple(profiles)
        self.values = merged(self.profiles)
        self.hours = CallingHours(self.profiles)

    @cached_property
    def name(self) -> str:
        """All of them as one short word for records: ids and version; what is too long ends in a digest of itself."""
        name = self.values.name
        if len(name) <= NAME_LENGTH:
            return name
        digest = sha256(name.encode()).hexdigest()[:12]
        return f"{name[: NAME_LENGTH - len(digest) - 1]}#{digest}"

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.profiles)

    def origin(self, field: str) -> tuple[str, ...]:
        """The profiles (id@version) from which the value of this field comes."""
        value = getattr(self.values, field)
        same = [each.name for each in self.profiles if getattr(each, field) == value]
        if same and not isinstance(value, tuple):
            return tuple(same)
        saying = [each.name for each in self.profiles if getattr(each, field)]
        return tuple(saying or same)


def merged(profiles: Sequence[Profile]) -> Profile:
    """One profile that is as strict as all of them together; one alone is itself."""
    if len(profiles) == 1:
        return profiles[0]
    values = {name: merge([getattr(p, name) for p in profiles]) for name, merge in MERGES.items()}
    return Profile(
        windows=_windows(profiles, "windows"),
        windows_beyond=_windows(profiles, "windows_beyond"),
        holidays=_holidays(profiles),
        **values,
    )


def _windows(profiles: Sequence[Profile], name: str) -> tuple[AbandonWindow, ...]:
    """Every window of every profile. Days and months of another zone than the first profile's keep their own."""
    home = profiles[0].zone
    found = [
        window if (window.zone or each.zone) == home else replace(window, zone=each.zone)
        for each in profiles
        for window in getattr(each, name)
    ]
    return tuple(dict.fromkeys(found))


def _holidays(profiles: Sequence[Profile]) -> frozenset[date]:
    """Those that mean something to the profile that has them."""
    told = [p.holidays for p in profiles if p.holidays_blocked or p.pre_holiday is not None]
    return frozenset().union(*told)


_MOST_KEPT = 64
_kept: dict[int, tuple[Profile, Rules]] = {}


def rules_of(profiles: "Rules | Profile | Sequence[Profile]") -> Rules:
    """As rules, whichever way they are given. Those of a single profile are made once."""
    if isinstance(profiles, Rules):
        return profiles
    if not isinstance(profiles, Profile):
        return Rules(profiles)
    found = _kept.get(id(profiles))
    if found is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        found = _kept[id(profiles)] = (profiles, Rules((profiles,)))
    return found[1]


FIELDS = frozenset(field.name for field in fields(Profile))

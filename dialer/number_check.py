"""May this one number be called now, and what does each rule say? In words, English or Italian; pure."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dialer.compliance import Allowed, Denied, RuleResult, State, Verdict
from dialer.profiles import Profile
from dialer.texts import Language, text


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberCheck:
    """`zone`: of the called person. `known`: whether the campaign has a lead with the number."""

    at: datetime
    zone: ZoneInfo
    known: bool
    verdict: Verdict
    rules: tuple[RuleResult, ...]
    profiles: tuple[Profile, ...]

    @property
    def allowed(self) -> bool:
        return isinstance(self.verdict, Allowed)


def lines_of(check: NumberCheck, language: Language) -> list[str]:
    """The verdict, then rule by rule, then the profiles and how far they can be trusted. Never the number."""
    lines = [headline(check, language), text("check.at", language, at=_local(check.at, check.zone))]
    if not check.known:
        lines.append(text("check.no_lead", language))
    lines += [rule_line(check, result, language) for result in check.rules]
    for profile in check.profiles:
        status = text(f"law.status.{profile.status.value}", language)
        lines.append(f"{profile.name}: {text('law.status', language)}: {status}")
    return [*lines, text("law.counsel", language)]


def headline(check: NumberCheck, language: Language) -> str:
    if not isinstance(check.verdict, Denied):
        return text("check.allowed", language)
    reason = text(f"law.reason.{check.verdict.reason.value}", language)
    until = check.verdict.not_before
    if until is None:
        return text("check.denied", language, reason=reason)
    at = _local(until, check.zone)
    return text("check.denied_until", language, reason=reason, at=at)


def rule_line(check: NumberCheck, result: RuleResult, language: Language) -> str:
    name = text(f"law.rule.{result.rule}", language)
    line = f"{name}: {text(f'law.state.{result.state.value}', language)}"
    if result.state is State.DENIED and result.reason is not None:
        line += f", {text(f'law.reason.{result.reason.value}', language)}"
    if result.not_before is not None:
        until = _local(result.not_before, check.zone)
        line += f" ({text('check.not_before', language, at=until)})"
    return f"{line} [{', '.join(result.profiles)}]" if result.profiles else line


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone).strftime('%Y-%m-%d %H:%M')} {zone.key}"

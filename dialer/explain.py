"""Why so many calls and no more: a pacing decision as one plain sentence, and as figures.

Pure. Nothing here is worked out while dialling: the decision carries counts and cumulants, and whoever looks pays for the rest.
"""

import math
from dataclasses import dataclass

from dialer.brake import WindowState
from dialer.campaign import PacingMode
from dialer.pacing import SMALL_TEAM, Binding, Facts, PacingDecision
from dialer.pacing_risk import no_agent
from dialer.texts import Language, text

LIKELY = 0.8
"""The sentence counts the agents who are free within 10 s with at least this probability."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A number of agents or of answers to come: `mean`, standard deviation."""

    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowDetails:
    """One legal window when it was decided. `limit_ratio` 0: nothing is allowed yet (guard cautious). `used_ratio`: the
    abandon ratio over the limit, None without a limit. `room`: abandoned calls that may still happen, calls in flight and
    what is lent counted; None: no figure."""

    name: str
    days: float | None
    limit_ratio: float
    answered: int
    abandoned: int
    abandon_ratio: float
    used_ratio: float | None
    room: float | None
    binding: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What a decision was made from. Counts are of the servers decided for, all campaigns of the team together."""

    idle: int
    waiting: int
    reserved: int
    busy: int
    ringing: int
    screening: int
    likely_free: int  # the most agents of whom P(at least so many free within 10 s) >= LIKELY
    free: Spread  # agents within 10 s, idle ones included
    answers: Spread  # of calls in flight, within 10 s
    theta_ratio: float  # the controller's
    allowed_ratio: float | None  # what the brake leaves of it; None: the mode has none
    room: float | None  # in the window nearest to its limit
    windows: tuple[WindowDetails, ...]


def details(decision: PacingDecision) -> Explanation | None:
    """None of a decision that does not tell what it was made from."""
    facts, allowed = decision.facts, decision.allowed
    if facts is None:
        return None
    binding = held_by(decision)
    return Explanation(
        idle=facts.idle,
        waiting=facts.waiting,
        reserved=facts.reserved,
        busy=facts.busy,
        ringing=facts.ringing,
        screening=facts.screening,
        likely_free=likely_free(facts),
        free=_spread(facts.idle + facts.released[0], facts.released[1]),
        answers=_spread(decision.expected_answers, facts.answers_variance),
        theta_ratio=facts.theta,
        allowed_ratio=allowed.theta if allowed else None,
        room=_finite(allowed.room) if allowed else None,
        windows=tuple(_window(window, facts, window == binding) for window in facts.windows),
    )


def held_by(decision: PacingDecision) -> WindowState | None:
    """The window that lowers the risk allowed, or for which a ratio is given up."""
    if decision.allowed is None:
        return None
    if decision.limited_by is not Binding.BUDGET or decision.allowed.binding is not None:
        return decision.allowed.binding
    facts = decision.facts
    if facts is None:
        return None
    return min(
        facts.windows,
        key=lambda window: (not window.over_limit, window.room(facts.theta, facts.expected)),
        default=None,
    )


def likely_free(facts: Facts) -> int:
    """Of a few busy agents by the binomial law of the same mean, which never promises more than the true one does up to the
    mean (Hoeffding, 1956); of many by the corrected normal law."""
    mean, variance, third = facts.released
    for more in range(min(facts.busy, math.ceil(mean)), 0, -1):
        if facts.busy <= SMALL_TEAM:
            chance = _at_least(more, facts.busy, mean / facts.busy)
        else:
            chance = 1.0 - no_agent(mean - (more - 1), variance, third)
        if chance >= LIKELY:
            return facts.idle + more
    return facts.idle


def _at_least(more: int, of: int, chance: float) -> float:
    p = min(chance, 1.0)
    return sum(math.comb(of, k) * p**k * (1.0 - p) ** (of - k) for k in range(more, of + 1))


def _spread(mean: float, variance: float) -> Spread:
    return Spread(mean=mean, deviation=math.sqrt(max(variance, 0.0)))


def _window(window: WindowState, facts: Facts, binding: bool) -> WindowDetails:
    ratio = _share(window)
    return WindowDetails(
        name=window.name,
        days=window.days,
        limit_ratio=window.limit,
        answered=window.answered,
        abandoned=window.abandoned,
        abandon_ratio=ratio,
        used_ratio=ratio / window.limit if window.limit > 0 else None,
        room=_finite(window.room(facts.theta, facts.expected)),
        binding=binding,
    )


def _share(window: WindowState) -> float:
    return window.abandoned / window.answered if window.answered else 0.0


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --- the sentence -----------------------------------------------------------------------------------------------------


def explain(decision: PacingDecision, language: Language) -> str:
    """One plain sentence: how many calls, who is there for them, what kept it from being more."""
    calls = [_counted("calls", decision.calls_to_place, language)]
    if decision.calls_to_revoke:
        calls.append(_counted("revoked", decision.calls_to_revoke, language))
    there = ", ".join(_people(decision, language))
    limit = _limit(decision, language)
    told = "; ".join(part for part in (there, limit) if part)
    return f"{', '.join(calls)}: {told}."


def _people(decision: PacingDecision, language: Language) -> list[str]:
    nobody = decision.limited_by is Binding.NO_AGENTS
    parts = [text("explain.no_agents", language)] if nobody else []
    facts = decision.facts
    if facts is None:
        return parts
    if not nobody:
        present = facts.policy.mode is not PacingMode.PREDICTIVE or not facts.busy
        key, free = ("free_now", facts.idle) if present else ("free_soon", likely_free(facts))
        parts.append(_counted(key, free, language))
    if facts.waiting:
        parts.append(_counted("waiting", facts.waiting, language))
    parts.append(_counted("ringing", facts.ringing, language))
    if facts.screening:
        parts.append(_counted("screening", facts.screening, language))
    return parts


def _limit(decision: PacingDecision, language: Language) -> str:
    match decision.limited_by:
        case Binding.NO_AGENTS:
            return ""
        case Binding.FREE_AGENTS:
            return _each(decision.facts, language)
        case Binding.RISK:
            return _risk(decision, language)
        case Binding.BUDGET:
            return _budget(held_by(decision), language)
        case Binding.LINES:
            lines = decision.facts.policy.lines if decision.facts else None
            return text("explain.lines", language, lines=lines)
        case other:
            return text(f"explain.{other.value}", language)


def _each(facts: Facts | None, language: Language) -> str:
    policy = facts.policy if facts else None
    if policy is not None and policy.mode is PacingMode.ASSURED:
        return text("explain.agent_held", language)
    if policy is not None and policy.mode is PacingMode.PREVIEW:
        return text("explain.agent_shown", language)
    if policy is None or policy.mode is not PacingMode.RATIO or policy.dial_ratio == 1.0:
        return text("explain.one_line_each", language)
    return text("explain.lines_each", language, lines=_decimal(policy.dial_ratio, language))


def _risk(decision: PacingDecision, language: Language) -> str:
    window, allowed = held_by(decision), decision.allowed
    values = {
        "risk": _percent(decision.risk, language),
        "allowed": _percent(allowed.theta if allowed else 0.0, language),
    }
    if window is None:
        return text("explain.risk", language, **values)
    return text("explain.risk_near_limit", language, **values, **_figures(window, language))


def _budget(window: WindowState | None, language: Language) -> str:
    if window is None:
        return text("explain.budget", language)
    figures = _figures(window, language)
    if window.limit <= 0.0:
        return text("explain.cautious", language, **figures, count=window.answered)
    if not window.abandoned and window.limit * (window.answered + 1) < 1.0:
        return _counted("budget_start", window.answered, language, **figures)
    return text(f"explain.budget_{'over' if window.over_limit else 'used'}", language, **figures)


def _figures(window: WindowState, language: Language) -> dict[str, str]:
    return {
        "window": window_name(window.name, window.days, language),
        "ratio": _percent(_share(window), language),
        "limit": _percent(window.limit, language),
    }


def window_name(name: str, days: float | None, language: Language) -> str:
    """A legal window in plain words."""
    if days is not None:
        unit, count = ("days", days) if days == int(days) else ("hours", days * 24.0)
        return _counted(f"window.{unit}", round(count), language)
    scope, _, kind = name.rpartition(":")
    if kind not in ("campaign_total", "calendar_day", "calendar_month"):
        return text("explain.window.other", language, name=name)
    window = text(f"explain.window.{kind}", language)
    return text(f"explain.window.{scope}", language, window=window) if scope else window


def _counted(key: str, count: int, language: Language, **values: object) -> str:
    form = {0: "none", 1: "one"}.get(count, "many")
    return text(f"explain.{key}.{form}", language, count=count, **values)


def _percent(ratio: float, language: Language) -> str:
    return f"{_decimal(100.0 * ratio, language)} %"


def _decimal(value: float, language: Language) -> str:
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return shown.replace(".", ",") if language is Language.IT else shown

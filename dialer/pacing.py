"""How many calls to place now: `decide(PacingSnapshot, PacingPolicy) -> PacingDecision`.

Theory of operation (predictive mode: marginal-risk pacing). One more call is placed while the probability that this very
call, if it is answered, finds no agent stays at or under theta. For horizons h ahead, the balance of agents and answers

    S(h) = idle - waiting + agents released by h - answers by h of calls in flight

is a sum of independent yes/no variables; its first three moments are additive, and a normal approximation corrected for
skewness gives P(S(h) <= 0). The risk of one more call weighs the horizons by when that call would be answered.

theta is found by a slow dual controller on the answers seen (dialer.budget): too many abandoned calls lower it, none for a
while raises it. When one more abandoned call would put a legal window over its limit, theta falls to THETA_BRAKE; a campaign
that is over its limit dials as in progressive mode, one line per free agent, until it is back under it.

Modes are plain functions in PACERS. Nothing here reads a clock, a store or a random number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from dialer.campaign import PacingMode
from dialer.stats import HORIZONS, AnswerTable, Floats, ReleaseTable

THETA_BRAKE = 0.002
"""Risk allowed when the budget is used up: little more than one line per free agent. With none at all, simulated
hours of 30 agents had less talk (70 % for 74 %) and no fewer abandoned calls."""

SMALL_TEAM = 10
"""Below so many agents even THETA_BRAKE is too much: with few answers in a window one unlucky call ends it over the limit."""

GRACE_SECONDS = 1.0
"""A person can wait a moment: agents released this long after the answer still count. Well under every profile's limit."""


class Binding(StrEnum):
    """What kept the number of calls from being larger."""

    NO_AGENTS = "no_agents"
    FREE_AGENTS = "free_agents"  # progressive and ratio: the lines per free agent are used
    RISK = "risk"
    BUDGET = "budget"
    LINES = "lines"
    CALLS_PER_SECOND = "calls_per_second"
    TRUNK_LINES = "trunk_lines"
    TRUNK_RATE = "trunk_rate"
    TRUNKS_DOWN = "trunks_down"
    START_UP = "start_up"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallGroup:
    """Calls in flight that share an answer table. Ages are seconds since the Originate."""

    table: AnswerTable
    ages: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingSnapshot:
    """What the decision reads. Agents on break or logged out are in none of these."""

    idle: int
    waiting: int  # people who answered and have no agent yet
    reserved: int  # agents to whom a Bridge is under way
    talking: tuple[float, ...]  # seconds each staffed agent has talked
    wrapping: tuple[float, ...]  # seconds of wrap-up each staffed agent has left
    in_flight: tuple[CallGroup, ...]  # the whole team's calls
    answers: AnswerTable  # of this campaign
    release: ReleaseTable
    own_in_flight: int  # this campaign's calls that hold a line
    rate_tokens: int  # calls that the calls-per-second limit allows now
    theta: float
    braked: bool  # one more abandoned call would put a legal window over its limit
    over_limit: bool  # a legal window is over its limit
    trunk_room: int  # calls that the campaign's trunks can take now
    trunk_binding: Binding = Binding.TRUNK_LINES  # what keeps trunk_room from being more

    @property
    def agents(self) -> int:
        return self.idle + self.reserved + len(self.talking) + len(self.wrapping)

    @property
    def unanswered(self) -> int:
        """Calls of the team that nobody has answered yet."""
        return sum(len(group.ages) for group in self.in_flight)


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingPolicy:
    mode: PacingMode
    dial_ratio: float
    lines: int
    wrap_up_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingDecision:
    calls_to_place: int
    limited_by: Binding
    risk: float  # of the next call that is not placed; 0 where the mode has none
    expected_free: float  # agents released within 10 s, idle ones included
    expected_answers: float  # of calls in flight, within 10 s

    def as_dict(self) -> dict[str, Any]:
        return {
            "calls_to_place": self.calls_to_place,
            "limited_by": self.limited_by.value,
            "risk": round(self.risk, 4),
            "expected_free": round(self.expected_free, 2),
            "expected_answers": round(self.expected_answers, 2),
        }


def decide(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """Calls to place now, 0 or more, with what limited them. Pure: same arguments, same decision."""
    if snapshot.agents == 0:
        return PacingDecision(
            calls_to_place=0,
            limited_by=Binding.NO_AGENTS,
            risk=0.0,
            expected_free=0.0,
            expected_answers=0.0,
        )
    return _cap(PACERS[policy.mode](snapshot, policy), snapshot, policy)


def together(decisions: Sequence[PacingDecision]) -> PacingDecision | None:
    """One picture of the decisions for several servers: sums, the greatest risk, and what holds back the first of them that
    has agents. None when there are none."""
    if len(decisions) < 2:
        return decisions[0] if decisions else None
    staffed = [each for each in decisions if each.limited_by is not Binding.NO_AGENTS]
    return PacingDecision(
        calls_to_place=sum(each.calls_to_place for each in decisions),
        limited_by=staffed[0].limited_by if staffed else Binding.NO_AGENTS,
        risk=max(each.risk for each in decisions),
        expected_free=sum(each.expected_free for each in decisions),
        expected_answers=sum(each.expected_answers for each in decisions),
    )


def _cap(
    decision: PacingDecision, snapshot: PacingSnapshot, policy: PacingPolicy
) -> PacingDecision:
    caps = (
        (policy.lines - snapshot.own_in_flight, Binding.LINES),
        (snapshot.rate_tokens, Binding.CALLS_PER_SECOND),
        (snapshot.trunk_room, snapshot.trunk_binding),
    )
    calls, limited_by = decision.calls_to_place, decision.limited_by
    for cap, binding in caps:
        if calls > max(cap, 0):
            calls, limited_by = max(cap, 0), binding
    return PacingDecision(
        calls_to_place=calls,
        limited_by=limited_by,
        risk=decision.risk,
        expected_free=decision.expected_free,
        expected_answers=decision.expected_answers,
    )


def progressive(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """One line per free agent: never more possible answers than agents who are free now."""
    return _per_free_agent(snapshot, 1.0, Binding.FREE_AGENTS)


def ratio(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """`dial_ratio` lines per free agent; one when the budget is used up."""
    if (snapshot.braked or snapshot.over_limit) and policy.dial_ratio > 1.0:
        return _per_free_agent(snapshot, 1.0, Binding.BUDGET)
    return _per_free_agent(snapshot, policy.dial_ratio, Binding.FREE_AGENTS)


def _per_free_agent(
    snapshot: PacingSnapshot, lines_each: float, limited_by: Binding
) -> PacingDecision:
    wanted = int(lines_each * max(snapshot.idle - snapshot.waiting, 0)) - snapshot.unanswered
    balance = _Balance.of(snapshot, 0.0)
    return PacingDecision(
        calls_to_place=max(wanted, 0),
        limited_by=limited_by,
        risk=0.0,
        expected_free=balance.free_soon,
        expected_answers=balance.answers_soon,
    )


def predictive(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """As many calls as keep the marginal risk at or under theta; never fewer than progressive mode would place, and
    over the limit (a small team: near it) never more."""
    strict = snapshot.over_limit or (snapshot.braked and snapshot.agents < SMALL_TEAM)
    theta = THETA_BRAKE if snapshot.braked else snapshot.theta
    balance = _Balance.of(snapshot, policy.wrap_up_seconds)
    burst = max(2, snapshot.agents // 10 + 1)
    floor = max(snapshot.idle - snapshot.waiting - snapshot.unanswered, 0)
    placed = min(floor, burst)
    risk = balance.risk(placed)
    while not strict and placed < burst and risk <= theta:
        placed += 1
        risk = balance.risk(placed)
    spent = snapshot.braked or snapshot.over_limit
    held_back = Binding.BUDGET if spent else Binding.RISK
    return PacingDecision(
        calls_to_place=placed,
        limited_by=Binding.START_UP if placed >= burst else held_back,
        risk=risk,
        expected_free=balance.free_soon,
        expected_answers=balance.answers_soon,
    )


PACERS: dict[PacingMode, Callable[[PacingSnapshot, PacingPolicy], PacingDecision]] = {
    PacingMode.PROGRESSIVE: progressive,
    PacingMode.RATIO: ratio,
    PacingMode.PREDICTIVE: predictive,
}

_SOON = int(np.searchsorted(HORIZONS, 10.0))


@dataclass(frozen=True, slots=True)
class _Balance:
    """Mean, variance and third central moment of S(h), one value per horizon, before any new call."""

    mean: Floats
    variance: Floats
    third: Floats
    new_call: Floats
    weights: Floats
    free_soon: float
    answers_soon: float

    @classmethod
    def of(cls, snapshot: PacingSnapshot, wrap_up_seconds: float) -> "_Balance":
        ahead = HORIZONS + GRACE_SECONDS
        talking = snapshot.release.ended_within(snapshot.talking, ahead - wrap_up_seconds)
        wrapping = np.asarray(snapshot.wrapping, dtype=np.float64)[:, None] <= ahead[None, :]
        answers = [group.table.rows(group.ages) for group in snapshot.in_flight if group.ages]
        releases = np.vstack([talking, wrapping.astype(np.float64)])
        calls = np.vstack(answers) if answers else np.zeros((0, len(HORIZONS)))
        free = snapshot.idle + releases.sum(axis=0)
        answered = calls.sum(axis=0)
        per_bin = snapshot.answers.per_bin
        total = float(per_bin.sum())
        return cls(
            mean=free - answered - snapshot.waiting,
            variance=_variance(releases) + _variance(calls),
            third=_third(releases) - _third(calls),
            new_call=snapshot.answers.new_call,
            weights=per_bin / total if total > 0 else np.full(len(HORIZONS), 1 / len(HORIZONS)),
            free_soon=float(free[_SOON]),
            answers_soon=float(answered[_SOON]),
        )

    def risk(self, more: int) -> float:
        """P(a further call, if answered, finds no agent) with `more` new calls placed before it."""
        q = self.new_call
        mean = self.mean - more * q
        variance = self.variance + more * q * (1 - q)
        third = self.third - more * q * (1 - q) * (1 - 2 * q)
        return float((self.weights * _no_agent(mean, variance, third)).sum())


def _variance(rows: Floats) -> Floats:
    result: Floats = (rows * (1 - rows)).sum(axis=0)
    return result


def _third(rows: Floats) -> Floats:
    result: Floats = (rows * (1 - rows) * (1 - 2 * rows)).sum(axis=0)
    return result


def _no_agent(mean: Floats, variance: Floats, third: Floats) -> Floats:
    """P(S <= 0) by the normal law with continuity correction and first-order skewness (Cornish-Fisher / Edgeworth)."""
    certain = variance < 1e-9
    sd = np.sqrt(np.where(certain, 1.0, variance))
    z = (0.5 - mean) / sd
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    probability = _normal_cdf(z) - third / (6 * sd**3) * (z * z - 1) * density
    exact = (mean <= 0.5).astype(np.float64)
    result: Floats = np.where(certain, exact, np.clip(probability, 0.0, 1.0))
    return result


def _normal_cdf(z: Floats) -> Floats:
    """The standard normal distribution function; absolute error under 7.5e-8 (Abramowitz and Stegun, 26.2.17)."""
    x = np.abs(z)
    t = 1.0 / (1.0 + 0.2316419 * x)
    series = t * (
        0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
    )
    tail = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi) * series
    result: Floats = np.where(z >= 0, 1.0 - tail, tail)
    return result

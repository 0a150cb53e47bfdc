"""How many calls to place now: `decide(PacingSnapshot, PacingPolicy) -> PacingDecision`.

Theory of operation (predictive mode: marginal-risk pacing). One more call is placed while the probability that this very
call, if it is answered, finds no agent stays at or under theta (dialer.pacing_risk). theta is found by a slow controller on the
answers seen, and eased towards progressive dialling as the room under a legal limit shrinks (dialer.brake). When calls will be
answered and agents be free is learnt from the campaign itself (answer_curve, screen_curve, release_curve).

Modes are plain functions in PACERS. Nothing here reads a clock, a store or a random number.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from dialer.answer_curve import AnswerTable
from dialer.brake import THETA_START, Allowance, WindowState, allowance
from dialer.campaign import PacingMode
from dialer.hazards import HORIZONS, SPAN, Floats
from dialer.pacing_risk import AGAINST, Balance, ExactBalance, Taken
from dialer.release_curve import ReleaseTable
from dialer.values import value

SMALL_TEAM, FEW_CALLS = 6, 24
"""Up to so many agents and calls in flight the distribution is computed exactly; above, the normal approximation is as good."""

REVOKE_AT, LEAST_REVOKED = 3.0, 0.01
"""A call that has not rung yet is taken back when its risk is so many times what a new call may have: each costs an attempt."""

STEPS = 4
"""Calls that are tried one by one; how many more there are is found by bisection."""

NEAR = 4.0
"""The exact distribution is asked where the approximation is not this much above what is allowed."""


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
    ON_REQUEST = "on_request"  # manual: only what agents ask for


_NO_AGES: Floats = np.zeros(0)


def _none() -> Floats:
    return _NO_AGES


@value(frozen=True, kw_only=True, slots=True, eq=False)
class CallGroup:
    """Calls of one campaign in flight. `ages`: seconds since the Originate of those that ring; `odds`, beside them: how much
    more likely than average each lead answers (None: nothing is known). `screening`: seconds since the pick-up of those in
    answering-machine detection, `rang`: how long they had rung."""

    table: AnswerTable
    ages: Floats = field(default_factory=_none)
    odds: Floats | None = None
    screening: Floats = field(default_factory=_none)
    rang: Floats = field(default_factory=_none)
    own: bool = True  # of the campaign that is decided on

    def __len__(self) -> int:
        return len(self.ages) + len(self.screening)


@value(frozen=True, kw_only=True, slots=True, eq=False)
class ReleaseGroup:
    """Busy agents with calls of one campaign: seconds that each has talked, or has been in wrap-up."""

    table: ReleaseTable
    talking: Floats = field(default_factory=_none)
    wrapping: Floats = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.talking) + len(self.wrapping)


@value(frozen=True, kw_only=True, slots=True, eq=False)
class PacingSnapshot:
    """What the decision reads. Agents on break, logged out, or about to leave are in none of these. Ages in seconds."""

    idle: int
    waiting: int  # people who answered and have no agent yet
    reserved: int = 0  # agents to whom a Bridge is under way
    busy: tuple[ReleaseGroup, ...] = ()
    in_flight: tuple[CallGroup, ...] = ()  # the whole team's calls
    answers: AnswerTable  # of this campaign
    theta: float = THETA_START
    windows: tuple[WindowState, ...] = ()
    own_waiting: int | None = None  # of `waiting`, this campaign's; None: all
    elsewhere: float = 0.0  # answers of this campaign expected where other agents take them
    own_in_flight: int = 0  # this campaign's calls that hold a line
    rate_tokens: int = 1_000_000  # calls that the calls-per-second limit allows now
    trunk_room: int = 1_000_000  # calls that the campaign's trunks can take now
    trunk_binding: Binding = Binding.TRUNK_LINES  # what keeps trunk_room from being more
    burst: int | None = None  # at most so many at once; None: a tenth of the agents, and 1
    inbound_per_second: float = 0.0  # callers expected who want the same agents
    next_odds: Sequence[float] = ()  # of the leads next in turn; further ones are average
    revocable: int = 0  # this campaign's calls here that no phone has rung for yet
    explained: bool = True  # False: nobody asks why, so the decision comes without `facts`

    @property
    def agents(self) -> int:
        count = self.idle + self.reserved
        for group in self.busy:
            count += len(group.talking) + len(group.wrapping)
        return count

    @property
    def unanswered(self) -> int:
        """Calls of the team that nobody has answered yet."""
        count = 0
        for group in self.in_flight:
            count += len(group.ages) + len(group.screening)
        return count


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingPolicy:
    mode: PacingMode
    dial_ratio: float = 2.0
    lines: int = 1_000_000
    revokes: bool = False  # takes calls back that have not rung when the risk jumps


@value(frozen=True, slots=True, eq=False)
class Facts:
    """What a decision was made from, as far as its explanation needs it (dialer.explain)."""

    policy: PacingPolicy
    idle: int
    waiting: int
    reserved: int
    busy: int
    ringing: int
    screening: int
    theta: float
    windows: tuple[WindowState, ...]
    expected: float  # of the campaign: answers in flight and persons waiting
    released: tuple[float, float, float]  # busy agents free within 10 s: the first three cumulants
    answers_variance: float  # of the answers within 10 s

    @classmethod
    def of(
        cls, snapshot: PacingSnapshot, policy: PacingPolicy, prospect: "Prospect"
    ) -> "Facts | None":
        """None where nobody asks for them."""
        if not snapshot.explained:
            return None
        ringing = 0
        for group in snapshot.in_flight:
            ringing += len(group.ages)
        free = prospect.released.item
        return cls(
            policy,
            snapshot.idle,
            snapshot.waiting,
            snapshot.reserved,
            snapshot.agents - snapshot.idle - snapshot.reserved,
            ringing,
            snapshot.unanswered - ringing,
            snapshot.theta,
            snapshot.windows,
            prospect.expected,
            (free(_SOON), free(SPAN + _SOON), free(2 * SPAN + _SOON)),
            prospect.answers.item(SPAN + _SOON) + prospect.unsure.item(_SOON),
        )

    def plus(self, other: "Facts") -> "Facts":
        """Of two servers together; the campaign's own (policy, theta, windows) is the same on both."""
        mean, variance, third = (
            one + more for one, more in zip(self.released, other.released, strict=True)
        )
        return replace(
            self,
            idle=self.idle + other.idle,
            waiting=self.waiting + other.waiting,
            reserved=self.reserved + other.reserved,
            busy=self.busy + other.busy,
            ringing=self.ringing + other.ringing,
            screening=self.screening + other.screening,
            released=(mean, variance, third),
            answers_variance=self.answers_variance + other.answers_variance,
        )


@value(frozen=True, kw_only=True, slots=True, eq=False)
class PacingDecision:
    calls_to_place: int
    limited_by: Binding
    calls_to_revoke: int = 0  # the newest of the revocable ones
    risk: float = 0.0  # of the next call that is not placed; 0 where the mode has none
    allowed: Allowance | None = None
    expected_free: float = 0.0  # agents released within 10 s, idle ones included
    expected_answers: float = 0.0  # of calls in flight, within 10 s
    facts: Facts | None = None  # what it was made from; None: not told

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
        prospect = Prospect.of(snapshot)
        return PacingDecision(
            calls_to_place=0,
            limited_by=Binding.NO_AGENTS,
            calls_to_revoke=snapshot.revocable if policy.revokes else 0,
            expected_answers=prospect.answers_soon,
            facts=Facts.of(snapshot, policy, prospect),
        )
    return _cap(PACERS[policy.mode](snapshot, policy), snapshot, policy)


def together(decisions: Sequence[PacingDecision]) -> PacingDecision | None:
    """One picture of the decisions for several servers: sums, the greatest risk, and what holds back the first of them that
    has agents. None when there are none."""
    if len(decisions) < 2:
        return decisions[0] if decisions else None
    staffed = [each for each in decisions if each.limited_by is not Binding.NO_AGENTS]
    first = staffed[0] if staffed else decisions[0]
    others = (each.facts for each in decisions if each is not first)
    facts = first.facts
    for more in others:
        facts = facts.plus(more) if facts and more else facts
    return replace(
        first,
        facts=facts,
        calls_to_revoke=sum(each.calls_to_revoke for each in decisions),
        calls_to_place=sum(each.calls_to_place for each in decisions),
        risk=max(each.risk for each in decisions),
        expected_free=sum(each.expected_free for each in decisions),
        expected_answers=sum(each.expected_answers for each in decisions),
    )


def _cap(
    decision: PacingDecision, snapshot: PacingSnapshot, policy: PacingPolicy
) -> PacingDecision:
    if not decision.calls_to_place:
        return decision
    caps = (
        (policy.lines - snapshot.own_in_flight, Binding.LINES),
        (snapshot.rate_tokens, Binding.CALLS_PER_SECOND),
        (snapshot.trunk_room, snapshot.trunk_binding),
    )
    calls, limited_by = decision.calls_to_place, decision.limited_by
    for cap, binding in caps:
        if calls > max(cap, 0):
            calls, limited_by = max(cap, 0), binding
    if calls == decision.calls_to_place:
        return decision
    return replace(decision, calls_to_place=calls, limited_by=limited_by)


def progressive(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """One line per free agent: never more possible answers than agents who are free now."""
    return _per_free_agent(snapshot, policy, 1.0, Binding.FREE_AGENTS)


def assured(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """One call (or lead to look at) per free agent, who is held for it. Agents who are held are not free, and their calls are
    not in flight here: nobody else can take them."""
    return _per_free_agent(snapshot, policy, 1.0, Binding.FREE_AGENTS)


def manual(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """None: agents ask for their calls."""
    return _per_free_agent(snapshot, policy, 0.0, Binding.ON_REQUEST)


def ratio(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """`dial_ratio` lines per free agent; one when the budget is used up."""
    prospect = Prospect.of(snapshot)
    allowed = allowance(snapshot.theta, snapshot.windows, prospect.expected)
    over = any(window.over_limit for window in snapshot.windows)
    if (allowed.braked or over) and policy.dial_ratio > 1.0:
        made = _per_free_agent(snapshot, policy, 1.0, Binding.BUDGET, prospect)
    else:
        made = _per_free_agent(snapshot, policy, policy.dial_ratio, Binding.FREE_AGENTS, prospect)
    return replace(made, allowed=allowed)


def _per_free_agent(
    snapshot: PacingSnapshot,
    policy: PacingPolicy,
    lines_each: float,
    limited_by: Binding,
    prospect: "Prospect | None" = None,
) -> PacingDecision:
    wanted = int(lines_each * max(snapshot.idle - snapshot.waiting, 0)) - snapshot.unanswered
    prospect = prospect or Prospect.of(snapshot)
    return PacingDecision(
        calls_to_place=max(wanted, 0),
        limited_by=limited_by,
        expected_free=snapshot.idle + prospect.released_soon,
        expected_answers=prospect.answers_soon,
        facts=Facts.of(snapshot, policy, prospect),
    )


def predictive(snapshot: PacingSnapshot, policy: PacingPolicy) -> PacingDecision:
    """As many calls as keep the marginal risk at or under what is allowed; never fewer than progressive mode would place."""
    prospect = Prospect.of(snapshot)
    allowed = allowance(snapshot.theta, snapshot.windows, prospect.expected)
    burst = snapshot.burst
    if burst is None:
        burst = max(2, snapshot.agents // 10 + 1)
    floor = min(max(snapshot.idle - snapshot.waiting - snapshot.unanswered, 0), burst)
    # with no risk at all it is progressive, whatever seems certain
    most = burst if allowed.theta > 0.0 else floor
    balance = prospect.balance(snapshot)
    placed, risk = _most(snapshot, balance, allowed.theta, floor, most)
    held_back = Binding.BUDGET if allowed.braked else Binding.RISK
    return PacingDecision(
        calls_to_place=placed,
        limited_by=Binding.START_UP if placed >= burst else held_back,
        calls_to_revoke=_revoked(snapshot, balance, allowed)
        if policy.revokes and not placed
        else 0,
        risk=risk,
        allowed=allowed,
        expected_free=snapshot.idle + prospect.released_soon,
        expected_answers=prospect.answers_soon,
        facts=Facts.of(snapshot, policy, prospect),
    )


def _most(
    snapshot: PacingSnapshot, balance: Balance, theta: float, floor: int, most: int
) -> tuple[int, float]:
    """(calls whose risk is at most theta, the risk of one more); at least `floor`, at most `most`."""
    if snapshot.next_odds:
        return _most_by_lead(snapshot, balance, theta, floor, most)
    placed = floor
    risk = balance.risk(placed, NEAR * theta)
    if risk <= NEAR * theta and _is_small(snapshot):
        return _most_exactly(snapshot, theta, floor, most)
    while placed < min(floor + STEPS, most) and risk <= theta:
        placed += 1
        risk = balance.risk(placed, theta)
    if placed < most and risk <= theta:
        placed = bisect_right(range(most), theta, placed, key=lambda n: balance.risk(n, theta))
        risk = balance.risk(placed, theta)
    return placed, risk


def _most_by_lead(
    snapshot: PacingSnapshot, balance: Balance, theta: float, floor: int, most: int
) -> tuple[int, float]:
    """The same where it is known how likely each of the next leads answers."""
    table, taken, placed = snapshot.answers, Taken(), 0
    risk = balance.risk(taken, theta)
    while placed < most and (placed < floor or risk <= theta):
        odds = snapshot.next_odds[placed] if placed < len(snapshot.next_odds) else 1.0
        taken.add(table.weight(odds))
        placed += 1
        risk = balance.risk(taken, theta)
    return placed, risk


def _revoked(snapshot: PacingSnapshot, balance: Balance, allowed: Allowance) -> int:
    """Calls to take back so that the risk of the last one left is at most REVOKE_AT times what a new one may have."""
    enough = REVOKE_AT * max(allowed.theta, LEAST_REVOKED)
    revoked = 0
    while revoked < snapshot.revocable and balance.risk(-1 - revoked, enough) > enough:
        revoked += 1
    return revoked


def _is_small(snapshot: PacingSnapshot) -> bool:
    return (
        snapshot.agents <= SMALL_TEAM
        and snapshot.unanswered <= FEW_CALLS
        and not snapshot.inbound_per_second
    )


def _most_exactly(
    snapshot: PacingSnapshot, theta: float, floor: int, burst: int
) -> tuple[int, float]:
    risks = _exact(snapshot).risks(snapshot.answers.new_call, snapshot.answers.weights, burst)
    placed = floor
    while placed < burst and risks[placed] <= theta:
        placed += 1
    return placed, float(risks[placed])


PACERS: dict[PacingMode, Callable[[PacingSnapshot, PacingPolicy], PacingDecision]] = {
    PacingMode.PROGRESSIVE: progressive,
    PacingMode.RATIO: ratio,
    PacingMode.PREDICTIVE: predictive,
    PacingMode.ASSURED: assured,
    PacingMode.PREVIEW: assured,
    PacingMode.MANUAL: manual,
}


_ZEROS: Floats = np.zeros(3 * SPAN)
_SOON = int(np.searchsorted(HORIZONS, 10.0))


@value(frozen=True, slots=True, eq=False)
class Prospect:
    """What is to come without any new call: cumulants by horizon (3 x SPAN values) of agents released and of answers."""

    released: Floats
    answers: Floats
    unsure: Floats  # (SPAN): variance of the answers for the error of their level
    expected: (
        float  # of the campaign: answers in flight, and persons waiting, who may still be abandoned
    )

    @classmethod
    def of(cls, snapshot: PacingSnapshot) -> "Prospect":
        released, answers, unsure, own = _ZEROS, _ZEROS, _ZEROS[:SPAN], 0.0
        for busy in snapshot.busy:
            freed = busy.table.total(busy.talking, busy.wrapping)
            released = freed if released is _ZEROS else released + freed
        for group in snapshot.in_flight:
            if len(group.ages):
                found = group.table.total(group.ages, group.odds)
                variance = group.table.unsure(found)
                unsure = variance if answers is _ZEROS else unsure + variance
                answers = found if answers is _ZEROS else answers + found
                own += group.own and found.item(SPAN - 1)
            if len(group.screening) and group.table.screen is not None:
                found = group.table.screen.total(group.screening, group.rang)
                answers = found if answers is _ZEROS else answers + found
                own += group.own and found.item(SPAN - 1)
        waiting = snapshot.waiting if snapshot.own_waiting is None else snapshot.own_waiting
        return cls(released, answers, unsure, own + waiting + snapshot.elsewhere)

    @property
    def released_soon(self) -> float:
        """Busy agents free within 10 s."""
        return self.released.item(_SOON)

    @property
    def answers_soon(self) -> float:
        return self.answers.item(_SOON)

    def balance(self, snapshot: PacingSnapshot) -> Balance:
        table = snapshot.answers
        total = table.against(self.released, self.answers, self.unsure)
        if snapshot.inbound_per_second:
            total += AGAINST * np.tile(snapshot.inbound_per_second * HORIZONS, 3)  # Poisson
        return table.balance(snapshot.idle - snapshot.waiting, total)


def _exact(snapshot: PacingSnapshot) -> ExactBalance:
    free = [group.table.rows(group.talking, group.wrapping) for group in snapshot.busy]
    answers = [group.table.rows(group.ages, group.odds) for group in snapshot.in_flight]
    answers += [
        group.table.screen.rows(group.screening, group.rang)
        for group in snapshot.in_flight
        if group.table.screen is not None
    ]
    surplus = snapshot.idle - snapshot.waiting
    return ExactBalance(surplus, _stacked(free), _stacked(answers))


def _stacked(rows: list[Floats]) -> Floats:
    return np.concatenate(rows) if rows else np.zeros((0, SPAN))

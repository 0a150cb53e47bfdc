"""How much risk one more call may take: theta, found by a slow controller, and the brake that guards the legal limit.

Theory of operation. The law counts a realised ratio, so the brake compares integers that have happened plus the risk of the
calls in flight, never a confidence bound. theta is found by stochastic dual ascent: each answer moves log theta by the
difference between what was allowed and what happened, where what is allowed leads the ratio back to the target over the next
HORIZON answers. Early in a window a few abandoned calls may be borrowed from the answers that are still to come in it, never
more than a part of what those will allow; towards its end the loan goes to nothing, and some standard deviations of what is in
flight are kept in hand. As the room shrinks, theta falls smoothly to that of progressive dialling: a hard brake leaves agents
idle for the same ratio.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dialer.values import value

ETA = 0.15
"""Step of the controller per answer. Between 0.08 and 0.3 the result hardly changes."""

THETA_START, THETA_MIN, THETA_MAX = 0.03, 0.002, 0.5

HORIZON = 150.0
"""Answers over which what is owed or in hand is brought back; more where more come in half an hour."""

SAFETY_ABANDONS = 1.5
"""The controller steers so many abandoned calls below its target; vanishes relative to the answers."""

DEFAULT_TARGET = 0.97
"""Of the limit: what the controller steers to when the operator sets nothing."""

MOST_BORROWED = 4.0
BORROWED_SHARE = 0.3
"""Of the abandoned calls that the answers still to come will allow."""

RESERVE = 3.0
"""Standard deviations of the abandoned calls in flight that are kept in hand."""

LAST_ALLOWED = 3.6
"""When the answers still to come before a window ends allow so few abandoned calls (120 answers at 3 %), what may still happen in
it is counted as a whole."""

LAST_RESERVE = 2.5
"""Standard deviations kept in hand among the last answers."""

LAST_ALLOWED_OVER, LAST_SHARE = 8.0, 0.15
"""The same while the ratio is over the limit: what repays it has to be earned with less dialling than before. Only of so few
answers to come for each one that was: at the start of a window to be over the limit says nothing."""

SHOCK = 1.5
"""Abandoned calls that a strict campaign keeps in hand for each answer in flight: so many more than expected may come where a
list turns hot all of a sudden."""

SLOWED = 0.6
"""Of the answers expected, those that still come when dialling is held back."""

BURST = 15.0
"""Answers that come before a row of abandoned calls is answered by less dialling."""

BURST_SPREAD = 2.0
"""A row of abandoned calls is longer by one with e / (e + 2), where e answers are in flight: where one finds no agent, so does
the next, and where more are on their way, there are more to follow."""

BURST_RISK = 0.003
"""That a burst among BURST answers ends over the limit."""

REALISED = 1.6
"""Share abandoned for each unit of theta where theta is small (measured: 0.8 % at 0.005, 1.6 % at 0.01, 2.8 % at 0.02)."""

CLUSTER = 2.0
"""Variance of the abandoned calls over that of Poisson's law: where one finds no agent, so does the next."""

WIDTH = 3.0
"""Abandoned calls of room at which the brake begins to work."""

EASED_SHARE, LEAST_SHARE = 1 / 3, 1 / 15
"""theta over the limit, where the room is just used up; and where another WIDTH is overdrawn. At 3 %: 0.01 and 0.002."""

FAR_OVER = 10.0
"""So many abandoned calls over what there is room for, and dialling is progressive: never more possible answers than free
agents. Not before: in a large team that costs most of the talk, and the least risk repays almost as fast."""


@value(frozen=True, kw_only=True, slots=True)
class WindowState:
    """One legal window at one instant. `to_come`: answers expected before it must be within its limit; 0: lend nothing.
    `doomed`: answers in flight that no agent can be joined to. `days`: its length, of a window of fixed length. `shock`:
    abandoned calls kept in hand for each answer in flight, against a list that answers better all of a sudden."""

    name: str
    limit: float
    answered: int
    abandoned: int
    to_come: float = 0.0
    doomed: float = 0.0
    days: float | None = None
    shock: float = 0.0

    @property
    def over_limit(self) -> bool:
        return self.abandoned > self.limit * self.answered

    def room(self, theta: float, expected: float) -> float:
        """Abandoned calls that may still happen, when `expected` answers are in flight, each abandoned with `theta`."""
        if self.limit <= 0.0:
            return -math.inf
        risk = theta * expected
        in_hand = self.limit * (self.answered + self.doomed + expected + 1.0)
        in_hand -= self.abandoned + self.doomed + 1.0 + risk + self.shock * expected
        lent = min(MOST_BORROWED, BORROWED_SHARE * self.limit * self.to_come)
        return in_hand + lent - RESERVE * math.sqrt(risk)

    def last_risk(self, theta: float, expected: float) -> float:
        """The risk to allow when few answers are still to come: so low that the abandoned calls among them still fit under the
        limit at the end, with LAST_RESERVE standard deviations and one call more; not asked while many are to come."""
        last, coming = LAST_ALLOWED, self.to_come
        near = self.to_come < LAST_SHARE * self.answered
        if near and self.over_limit:
            last, coming = LAST_ALLOWED_OVER, SLOWED * self.to_come
        if not 0.0 < self.limit * self.to_come < last:
            return math.inf
        left = self.limit * (self.answered + self.doomed + expected + coming)
        left -= self.abandoned + self.doomed + 1.0 + REALISED * theta * expected
        if left <= 0.0:
            return 0.0
        spread = LAST_RESERVE * math.sqrt(CLUSTER)
        root = (
            math.sqrt(spread**2 + 4.0 * left) - spread
        ) / 2.0  # m + LAST_RESERVE sqrt(CLUSTER m) = left
        mean = root * root / (REALISED * self.to_come)
        return min(mean, _burst_risk(left, expected)) if near else mean


def _burst_risk(left: float, expected: float) -> float:
    """So low that a row of abandoned calls still fits with BURST_RISK, where `left` more fit and `expected` are in flight."""
    longer = 1.0 + BURST_SPREAD / max(expected, 0.5)
    return BURST_RISK * min(math.pow(longer, 1.0 + left), 1e6) / (REALISED * BURST)


@value(frozen=True, slots=True)
class Allowance:
    """The risk that one more call may take now; `binding` is the window that keeps it under theta, if one does."""

    theta: float
    room: float
    binding: WindowState | None

    @property
    def braked(self) -> bool:
        """The room is used up: hardly more than one line per free agent."""
        return self.room < 0.0


def allowance(theta: float, windows: Sequence[WindowState], expected: float) -> Allowance:
    """The most binding window decides. `expected`: answers in flight and persons waiting."""
    allowed, least, binding = theta, math.inf, None
    for window in windows:
        room = window.room(theta, expected)
        eased = min(_eased(theta, room, window.limit), window.last_risk(theta, expected))
        if eased < allowed or (eased < theta and room < least):
            allowed, binding = min(eased, allowed), window
        least = min(least, room)
    return Allowance(allowed, least, binding)


def _eased(theta: float, room: float, limit: float) -> float:
    if room >= WIDTH or theta <= 0.0:
        return theta
    knee = min(EASED_SHARE * limit, theta)
    if room >= 0.0:
        return knee * math.pow(theta / knee, room / WIDTH)
    if room <= -FAR_OVER:
        return 0.0
    low = min(LEAST_SHARE * limit, theta)
    if room <= -WIDTH:
        return low
    return low * math.pow(knee / low, 1.0 + room / WIDTH)


def stepped(theta: float, allowed: float, abandoned: bool) -> float:
    """theta after one answer, where the ratio `allowed` was to be had."""
    moved = theta * math.exp(ETA * (allowed - (1.0 if abandoned else 0.0)))
    return min(max(moved, THETA_MIN), THETA_MAX)


def steered(goal: float, answered: int, abandoned: int, horizon: float, limit: float) -> float:
    """The ratio to allow now so that abandoned / answered comes to `goal` over the next `horizon` answers."""
    in_hand = goal * answered - SAFETY_ABANDONS - abandoned
    return min(max(goal + in_hand / horizon, 0.1 * limit), 2.0 * limit)


RATE_MEMORY = 1800.0


@dataclass
class AnswerRate:
    """Answers per second, fading over half an hour. Mutable; seconds."""

    count: float = 0.0
    since: float | None = None
    at: float | None = None

    def answered(self, now: float) -> None:
        if self.since is None:
            self.since = now
        if self.at is not None and now > self.at:
            self.count *= math.exp(-(now - self.at) / RATE_MEMORY)
        self.count += 1
        self.at = now if self.at is None else max(now, self.at)

    def shift(self, seconds: float) -> None:
        self.since = None if self.since is None else self.since + seconds
        self.at = None if self.at is None else self.at + seconds

    def per_second(self, now: float) -> float:
        if self.since is None or self.at is None:
            return 0.0
        seen = max(now - self.since, 60.0)
        faded = self.count * math.exp(-max(now - self.at, 0.0) / RATE_MEMORY)
        return faded / (RATE_MEMORY * (1.0 - math.exp(-seen / RATE_MEMORY)))

"""The abandon budget of one campaign: what each legal window has seen, whether the brake is on, and theta.

Theory of operation. The law counts a realised ratio, so the brake compares integers that have happened plus the risk of the
calls in flight, never a confidence bound. theta (the risk allowed to one more call) is found by stochastic dual ascent:
each answer moves log theta by the difference between what was allowed and what happened.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime

from dialer.events import WindowCount
from dialer.profiles import Profile, window_start

ETA = 0.15
"""Step of the controller per answer. Between 0.08 and 0.3 the result hardly changes."""

THETA_START, THETA_MIN, THETA_MAX = 0.03, 0.002, 0.5
SAFETY_ABANDONS = 1.5
"""Offset in abandoned calls, so that the ratio settles under the limit and not on it; vanishes relative to the answers."""

HORIZON_ANSWERS = 150.0
DEFAULT_TARGET = 0.97
"""Of the limit: what the controller steers to when the operator sets nothing."""


@dataclass
class Budget:
    """Mutable; owned by one campaign of one team. `counts` stand beside the profile's windows, one each."""

    profile: Profile
    target: float | None = None
    started_at: datetime | None = None
    counts: list[WindowCount] = field(default_factory=list)
    theta: float = THETA_START
    _starts: list[datetime | None] = field(default_factory=list)

    def load(self, counts: tuple[WindowCount, ...], now: datetime) -> None:
        """Take over what the store has counted, one per window of the profile."""
        self.counts = list(counts)
        self._starts = [
            window_start(window, self.profile, self.started_at, now)
            for window in self.profile.windows
        ]

    def begin(self, now: datetime) -> None:
        """The campaign's first call ever starts its periods; later calls change nothing."""
        if self.started_at is None:
            self.started_at = now

    def roll(self, now: datetime) -> None:
        """A window that has ended starts again from nothing. An event told late, from before midnight, turns nothing back."""
        for index, window in enumerate(self.profile.windows):
            start = window_start(window, self.profile, self.started_at, now)
            known = self._starts[index]
            if start is not None and (known is None or start > known):
                self._starts[index] = start
                self.counts[index] = WindowCount()

    def answered(self, abandoned: bool, now: datetime) -> None:
        """A person answered, and the call has come to its class."""
        self.roll(now)
        allowed = min(
            (self._allowed(index) for index in range(len(self.counts))), default=self.goal
        )
        step = ETA * (allowed - (1.0 if abandoned else 0.0))
        self.theta = min(max(self.theta * math.exp(step), THETA_MIN), THETA_MAX)
        self.counts = [
            replace(count, answered=count.answered + 1, abandoned=count.abandoned + abandoned)
            for count in self.counts
        ]

    def abandoned_after_all(self, now: datetime) -> None:
        """A call that was counted as talked turned out abandoned: the dialplan's word is final."""
        self.roll(now)
        self.counts = [replace(count, abandoned=count.abandoned + 1) for count in self.counts]

    @property
    def goal(self) -> float:
        """The ratio steered to."""
        limit = self.profile.strictest_limit
        wanted = self.target if self.target is not None else DEFAULT_TARGET * limit
        return min(wanted, DEFAULT_TARGET * limit)

    def _allowed(self, index: int) -> float:
        """The budget-corrected target: below it while abandons are owed, above it while some are in hand."""
        count, limit = self.counts[index], self.profile.windows[index].limit_ratio
        goal = min(self.goal, DEFAULT_TARGET * limit)
        in_hand = goal * count.answered - SAFETY_ABANDONS - count.abandoned
        return min(max(goal + in_hand / HORIZON_ANSWERS, 0.1 * goal), 2 * goal)

    def braked(self, expected_answers: float, now: datetime, doomed: float = 0.0) -> bool:
        """Whether one more abandoned call, on top of what is likely in flight, would put any window over its limit.

        Integers and the expected answers in flight: B + d + 1 + theta * e > limit * (A + d + e + 1), where d of the
        answers are `doomed`: their server is away, and no agent can be joined to them.
        """
        self.roll(now)
        e, d = expected_answers, doomed
        return any(
            count.abandoned + d + 1 + self.theta * e
            > window.limit_ratio * (count.answered + d + e + 1)
            for count, window in zip(self.counts, self.profile.windows, strict=True)
        )

    @property
    def over_limit(self) -> bool:
        """Whether what has happened is over the limit of any window."""
        return any(
            count.abandoned > window.limit_ratio * count.answered
            for count, window in zip(self.counts, self.profile.windows, strict=True)
        )

    def worst(self) -> tuple[float, float]:
        """(abandon ratio, limit) of the window that is nearest to its limit; (0, limit) before the first answer."""
        count, limit = self.nearest()
        return _ratio(count), limit

    def nearest(self) -> tuple[WindowCount, float]:
        """(what it has seen, limit) of the window that is nearest to its limit."""
        pairs = [
            (count, window.limit_ratio)
            for count, window in zip(self.counts, self.profile.windows, strict=True)
        ]
        return max(pairs, key=lambda pair: _ratio(pair[0]) / pair[1], default=(WindowCount(), 1.0))


def _ratio(count: WindowCount) -> float:
    return count.abandoned / count.answered if count.answered else 0.0

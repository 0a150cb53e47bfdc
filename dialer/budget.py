"""The abandon budget of one campaign: what each legal window has seen, and theta, which its answers move.

Theory of operation: dialer.brake, which knows numbers only. Here are the windows of the campaign's profile, when they begin and
end, and how many answers are still to come in each before it has to be within its limit: never more than until the calling
hours of today close, so that every day ends within every limit.

A window may also count what this campaign's team does not see: the calls of the client's other campaigns, or of the whole
centre. Those are told now and then (CountsElsewhere), and added. A rolling window is within its limit at every instant, so
nothing is borrowed in it.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from fractions import Fraction

from dialer.brake import (
    DEFAULT_TARGET,
    HORIZON,
    SHOCK,
    THETA_START,
    Allowance,
    AnswerRate,
    WindowState,
    allowance,
    steered,
    stepped,
)
from dialer.calling_hours import closing
from dialer.campaign import CampaignPolicy, Guard
from dialer.events import NOTHING_SEEN, CountsElsewhere, WindowCount
from dialer.profiles import AbandonWindow, Profile, WindowType, window_end, window_start
from dialer.rolling_count import RollingCount

RATE_HORIZON = 1800.0
"""Seconds: what is owed or in hand is brought back over the answers of so long, where they are more than HORIZON."""


@dataclass
class Budget:
    """Mutable; owned by one campaign of one team. `counts` stand beside the profile's windows, one each: the campaign's own
    calls; `elsewhere` likewise, the others. `loaded_at`: since then a rolling window's own calls are counted here.

    `works_until`: by the profile's clock, when the team stops for the day; answers to come until then may be borrowed from.
    """

    profile: Profile
    target: float | None = None
    started_at: datetime | None = None
    counts: list[WindowCount] = field(default_factory=list)
    theta: float = THETA_START
    guard: Guard = Guard.STANDARD
    works_until: time | None = None
    rate: AnswerRate = field(default_factory=AnswerRate)
    machine_error: Fraction = Fraction(0)
    elsewhere: list[WindowCount] = field(default_factory=list)
    loaded_at: datetime | None = None
    _starts: list[datetime | None] = field(default_factory=list)
    _rolling: dict[int, RollingCount] = field(default_factory=dict)

    @classmethod
    def of(cls, policy: CampaignPolicy, profile: Profile, started_at: datetime | None) -> "Budget":
        made = cls(profile=profile, started_at=started_at)
        made.follow(policy)
        return made

    def follow(self, policy: CampaignPolicy) -> None:
        """The campaign's policy, which may have changed; what was counted stays."""
        self.target, self.guard = policy.abandon_target, policy.guard
        self.works_until = policy.works_until

    def load(
        self,
        counts: tuple[WindowCount, ...],
        now: datetime,
        elsewhere: tuple[WindowCount, ...] = (),
    ) -> None:
        """Take over what the store has counted, one per window of the profile."""
        windows = self.profile.every_window
        self.counts, self.loaded_at = list(counts), now
        self.elsewhere = list(elsewhere) or [NOTHING_SEEN] * len(windows)
        self._starts = [
            window_start(window, self.profile, self.started_at, now) for window in windows
        ]
        self._rolling = {
            index: RollingCount(window.length or timedelta())
            for index, window in enumerate(windows)
            if window.type is WindowType.ROLLING
        }

    def told(self, event: CountsElsewhere) -> None:
        if event.profile == self.profile.name and len(event.counts) == len(self.counts):
            self.elsewhere = list(event.counts)

    def begin(self, now: datetime) -> None:
        """The campaign's first call ever starts its periods; later calls change nothing."""
        if self.started_at is None:
            self.started_at = now

    def roll(self, now: datetime) -> None:
        """A window that has ended starts again from nothing. An event told late, from before midnight, turns nothing back."""
        for index, window in enumerate(self.profile.every_window):
            start = window_start(window, self.profile, self.started_at, now)
            known = self._starts[index]
            if start is not None and (known is None or start > known):
                self._starts[index] = start
                if index in self._rolling:
                    self._rolling[index].forget(now)
                    self.counts[index] = self._rolling[index].total
                else:
                    self.counts[index] = self.elsewhere[index] = NOTHING_SEEN

    def _count(self, change: WindowCount, at: datetime) -> None:
        for rolling in self._rolling.values():
            rolling.add(change, at)
        self.counts = [
            self._rolling[index].total if index in self._rolling else count + change
            for index, count in enumerate(self.counts)
        ]

    def answered(self, abandoned: bool, now: datetime) -> None:
        """A person answered, and the call has come to its class."""
        self.roll(now)
        self.rate.answered(now.timestamp())
        horizon = max(HORIZON, RATE_HORIZON * self.rate.per_second(now.timestamp()))
        allowed = min(
            (self._allowed(index, horizon) for index in range(len(self.counts))), default=self.goal
        )
        self.theta = stepped(self.theta, allowed, abandoned)
        self._count(WindowCount(answered=1, abandoned=int(abandoned)), now)

    def machine(self, now: datetime) -> None:
        """Detection said machine, and nobody was connected: a person perhaps, by estimate."""
        self.roll(now)
        self._count(WindowCount(machines=1), now)

    def taken_back(self, abandoned: bool, counted_at: datetime, now: datetime) -> None:
        """What was counted as a person's answer at `counted_at` was a machine's, as its agent says now."""
        self.roll(now)
        for index, start in enumerate(self._starts):
            count = self.counts[index]
            if index in self._rolling:
                gone = WindowCount(answered=-1, abandoned=-int(abandoned))
                self._rolling[index].add(gone, counted_at)
                self.counts[index] = self._rolling[index].total
            elif start is None or counted_at >= start:
                self.counts[index] = replace(
                    count,
                    answered=max(count.answered - 1, 0),
                    abandoned=max(count.abandoned - abandoned, 0),
                )

    def _whole(self, index: int) -> WindowCount:
        """With the people among the machines, by estimate: in both numbers, rounded up, which raises the ratio."""
        count = self.counts[index] + self.elsewhere[index]
        people = math.ceil(self.machine_error * count.machines)
        return WindowCount(answered=count.answered + people, abandoned=count.abandoned + people)

    def _wholes(self) -> list[WindowCount]:
        return [self._whole(index) for index in range(len(self.counts))]

    def abandoned_after_all(self, now: datetime) -> None:
        """A call that was counted as talked turned out abandoned: the dialplan's word is final."""
        self.roll(now)
        self._count(WindowCount(abandoned=1), now)

    @property
    def goal(self) -> float:
        """The ratio steered to."""
        most = DEFAULT_TARGET * self.profile.strictest_limit
        if self.guard is Guard.CAUTIOUS:
            most = min(most, self.profile.target_ratio)
        return most if self.target is None else min(self.target, most)

    def _allowed(self, index: int, horizon: float) -> float:
        count, limit = self._whole(index), self.profile.every_window[index].limit_ratio
        goal = min(self.goal, DEFAULT_TARGET * limit)
        return steered(goal, count.answered, count.abandoned, horizon, limit)

    def windows(
        self, now: datetime, doomed: float = 0.0, most_to_come: float = math.inf
    ) -> tuple[WindowState, ...]:
        """The legal windows at this instant. `doomed`: answers in flight that no agent can be joined to, their server being
        away. `most_to_come`: answers that there are leads for."""
        self.roll(now)
        closes = self._stops_at(now)
        per_second = self.rate.per_second(now.timestamp()) if closes else 0.0
        return tuple(
            WindowState(
                name=window.name,
                limit=self._limit(window, count),
                answered=count.answered,
                abandoned=count.abandoned,
                to_come=min(per_second * self._seconds_left(index, closes, now), most_to_come),
                doomed=doomed,
                days=window.days,
                shock=SHOCK if self.guard is Guard.STRICT else 0.0,
            )
            for index, (count, window) in enumerate(
                zip(self._wholes(), self.profile.every_window, strict=True)
            )
        )

    def _limit(self, window: AbandonWindow, count: WindowCount) -> float:
        """What the brake guards: the law's ratio; of a cautious campaign the target's, and none at all until enough people
        have answered."""
        if self.guard is not Guard.CAUTIOUS:
            return window.limit_ratio
        if count.answered < self.profile.min_sample:
            return 0.0
        return min(window.limit_ratio, self.profile.target_ratio / DEFAULT_TARGET)

    def _stops_at(self, now: datetime) -> datetime | None:
        """When dialling ends for today, as far as somebody has said; None: at any moment, so nothing may be borrowed."""
        if self.works_until is None or self.guard is not Guard.STANDARD:
            return None
        closes = closing(self.profile, now)
        if closes is None:
            return None
        today = now.astimezone(self.profile.zone).date()
        stops = datetime.combine(today, self.works_until, self.profile.zone)
        return min(closes, stops) if stops > now else None

    def _seconds_left(self, index: int, closes: datetime | None, now: datetime) -> float:
        window = self.profile.every_window[index]
        if closes is None or window.type is WindowType.ROLLING:
            return 0.0
        ends = window_end(window, self.profile, self.started_at, now)
        return max((min(closes, ends or closes) - now) / timedelta(seconds=1), 0.0)

    def allowance(self, expected: float, now: datetime, doomed: float = 0.0) -> Allowance:
        """The risk that one more call may take, when so many answers are in flight."""
        return allowance(self.theta, self.windows(now, doomed), expected)

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step. The windows follow the new clock by themselves."""
        self.rate.shift(by.total_seconds())

    @property
    def over_limit(self) -> bool:
        """Whether what has happened is over the limit of any window."""
        return any(
            count.abandoned > window.limit_ratio * count.answered
            for count, window in zip(self._wholes(), self.profile.every_window, strict=True)
        )

    def worst(self) -> tuple[float, float]:
        """(abandon ratio, limit) of the window that is nearest to its limit; (0, limit) before the first answer."""
        count, limit = self.nearest()
        return _ratio(count), limit

    def nearest(self) -> tuple[WindowCount, float]:
        """(what it has seen, limit) of the window that is nearest to its limit."""
        pairs = [
            (count, window.limit_ratio)
            for count, window in zip(self._wholes(), self.profile.every_window, strict=True)
        ]
        return max(pairs, key=lambda pair: _ratio(pair[0]) / pair[1], default=(NOTHING_SEEN, 1.0))


def _ratio(count: WindowCount) -> float:
    return count.abandoned / count.answered if count.answered else 0.0

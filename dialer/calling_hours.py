"""When the law lets a telephone ring: local hours, holidays and their eves, and both nights in which the clocks change.

Times of day are the called person's; intervals are half-open. A local time that comes twice or never has two readings, and what
either of them forbids is forbidden: hours open at the later one and close at the earlier one.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from dialer.profiles import Interval, Profile

LOOK_AHEAD_DAYS = 15

Span = tuple[datetime, datetime]
"""Instants in UTC, half-open."""

_Time = TypeVar("_Time", time, datetime)

_DAY = timedelta(days=1)
_MOST_KEPT = 4096
_MOST_STEPS = 200


class CallingHours:
    """The hours in which every one of the profiles allows calls. Days that were worked out are kept."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._profiles = tuple(profiles)
        self._spans: dict[tuple[ZoneInfo, date], tuple[Span, ...]] = {}

    def opening(
        self, zones: Sequence[ZoneInfo], now: datetime, ring: timedelta = timedelta()
    ) -> datetime | None:
        """The first instant, not before `now`, at which a call that rings for `ring` may be placed in all of the zones:
        it must have rung out when the hours end. None: not within LOOK_AHEAD_DAYS."""
        at, end = now, now + LOOK_AHEAD_DAYS * _DAY
        for _ in range(_MOST_STEPS):
            latest = at
            for zone in zones:
                found = self._opening(zone, latest, ring)
                if found is None:
                    return None
                latest = found
            if latest == at:
                return at
            if latest > end:
                return None
            at = latest
        return None

    def _opening(self, zone: ZoneInfo, now: datetime, ring: timedelta) -> datetime | None:
        today = now.astimezone(zone).date()
        for offset in range(LOOK_AHEAD_DAYS + 1):
            for opens, closes in self.spans(zone, today + offset * _DAY):
                at = max(now, opens)
                if at < closes and at + ring <= closes:
                    return at
        return None

    def spans(self, zone: ZoneInfo, day: date) -> tuple[Span, ...]:
        """The hours of one local day. Those that go on over midnight end with the next day's."""
        key = (zone, day)
        found = self._spans.get(key)
        if found is None:
            if len(self._spans) >= _MOST_KEPT:
                self._spans.clear()
            found = self._spans[key] = self._joined(zone, day)
        return found

    def _joined(self, zone: ZoneInfo, day: date) -> tuple[Span, ...]:
        today, tomorrow = self._of_day(zone, day), self._of_day(zone, day + _DAY)
        if today and tomorrow and today[-1][1] == tomorrow[0][0]:
            return (*today[:-1], (today[-1][0], tomorrow[0][1]))
        return today

    def _of_day(self, zone: ZoneInfo, day: date) -> tuple[Span, ...]:
        spans = [
            tuple(_span(day, interval, zone) for interval in intervals_of(profile, day))
            for profile in self._profiles
        ]
        return _overlap(spans)


def intervals_of(profile: Profile, day: date) -> tuple[Interval, ...]:
    """The local calling hours of one day: holidays and their eves included."""
    if profile.holidays_blocked and day in profile.holidays:
        return ()
    regular = profile.weekly[day.weekday()]
    eve = profile.pre_holiday
    if eve is not None and regular and day + _DAY in profile.holidays:
        return eve
    return regular


def closing(profile: Profile, now: datetime) -> datetime | None:
    """When the calling hours of today end for good, by the profile's own zone; None: they are over, or there are none."""
    today = now.astimezone(profile.zone).date()
    ends = [datetime.combine(today, end, profile.zone) for _, end in intervals_of(profile, today)]
    last = max(ends, default=None)
    return last if last is not None and last > now else None


def block_end(start: datetime, block: timedelta, zone: ZoneInfo) -> datetime:
    """`start` plus the block, by the person's wall clock or by elapsed time, whichever is later (they differ over a
    change of the clocks)."""
    by_wall_clock = latest(*_wall(start.astimezone(zone) + block), zone)
    return max(by_wall_clock, start + block)


def days_after(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """When so many full local calendar days after that of `start` are over."""
    return latest(start.astimezone(zone).date() + (days + 1) * _DAY, time(), zone)


def intersection(sets: Iterable[Sequence[Interval]]) -> tuple[Interval, ...]:
    """The times of day that are in all of the sets."""
    return _overlap([tuple(each) for each in sets])


def latest(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The later reading of a local time."""
    return max(_readings(day, wall, zone))


def _span(day: date, interval: Interval, zone: ZoneInfo) -> Span:
    start, end = interval
    if end == time.max:
        return latest(day, start, zone), min(_readings(day + _DAY, time(), zone))
    return latest(day, start, zone), min(_readings(day, end, zone))


def _readings(day: date, wall: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    local = datetime.combine(day, wall, zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _wall(local: datetime) -> tuple[date, time]:
    return local.date(), local.time()


def _overlap(sets: Sequence[Sequence[tuple[_Time, _Time]]]) -> tuple[tuple[_Time, _Time], ...]:
    """What all the sets have in common; each in order, without overlaps of its own."""
    common = tuple(span for span in sets[0] if span[0] < span[1])
    for each in sets[1:]:
        both = [(max(a, c), min(b, d)) for a, b in common for c, d in each]
        common = tuple((start, end) for start, end in both if start < end)
    return common

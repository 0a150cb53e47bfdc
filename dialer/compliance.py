"""May this number be rung now? A pure rule over facts; asked when a lead enters the hopper and again when it is taken.

Sources: docs/reference/profiles.md. Times of day are the called person's; intervals are half-open.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dialer.campaign import CampaignPolicy
from dialer.commands import AnswerRule
from dialer.leads import Lead
from dialer.profiles import Interval, Profile

DIALPLAN_MARGIN = timedelta(milliseconds=50)
"""Taken off the legal limit before it is sent to the dialplan, so that the end of the wait is never later than the law's."""

LOOK_AHEAD_DAYS = 15


class Reason(StrEnum):
    DO_NOT_CALL = "do_not_call"
    ATTEMPTS_USED = "attempts_used"
    CALLING_HOURS = "calling_hours"
    ABANDON_BLOCK = "abandon_block"
    GUARANTEED_AGENT = "guaranteed_agent"


@dataclass(frozen=True, slots=True)
class Allowed:
    pass


@dataclass(frozen=True, slots=True)
class Denied:
    reason: Reason
    not_before: datetime | None  # None: never


Verdict = Allowed | Denied


@dataclass(frozen=True, kw_only=True, slots=True)
class ComplianceSnapshot:
    """The facts about one number that the rule reads."""

    zone: ZoneInfo
    attempts: int
    max_attempts: int
    last_abandoned_at: datetime | None = None
    do_not_call: bool = False
    agent_reserved: bool = False  # an agent is held for this very call before it is placed


def snapshot_of(lead: Lead, policy: CampaignPolicy) -> ComplianceSnapshot:
    return ComplianceSnapshot(
        zone=ZoneInfo(lead.zone),
        attempts=lead.attempts,
        max_attempts=policy.max_attempts,
        last_abandoned_at=lead.last_abandoned_at,
    )


def check(snapshot: ComplianceSnapshot, profile: Profile, now: datetime) -> Verdict:
    """Allowed, or Denied with the first reason that holds and the instant before which asking again is useless."""
    if snapshot.do_not_call:
        return Denied(Reason.DO_NOT_CALL, None)
    if snapshot.attempts >= snapshot.max_attempts:
        return Denied(Reason.ATTEMPTS_USED, None)
    abandoned_at = snapshot.last_abandoned_at
    if abandoned_at is not None and profile.abandon_block:
        until = block_end(abandoned_at, profile.abandon_block, snapshot.zone)
        if now < until:
            return Denied(Reason.ABANDON_BLOCK, until)
    if (
        abandoned_at is not None
        and profile.abandon_then_guaranteed_agent
        and not snapshot.agent_reserved
    ):
        return Denied(Reason.GUARANTEED_AGENT, now + timedelta(hours=24))
    opening = next_opening(profile, snapshot.zone, now)
    if opening is None or opening > now:
        return Denied(Reason.CALLING_HOURS, opening)
    return Allowed()


def block_end(start: datetime, block: timedelta, zone: ZoneInfo) -> datetime:
    """`start` plus the block, by the person's wall clock or by elapsed time, whichever is later (they differ over a
    change of the clocks)."""
    by_wall_clock = (start.astimezone(zone) + block).astimezone(start.tzinfo)
    return max(by_wall_clock, start + block)


def intervals_of(profile: Profile, day: date) -> tuple[Interval, ...]:
    """The local calling hours of one day: holidays and their eves included."""
    if profile.holidays_blocked and day in profile.holidays:
        return ()
    regular = profile.weekly[day.weekday()]
    eve = profile.pre_holiday
    if eve is not None and regular and day + timedelta(days=1) in profile.holidays:
        return eve
    return regular


def next_opening(profile: Profile, zone: ZoneInfo, now: datetime) -> datetime | None:
    """`now` when a call may start at this instant; else when the hours next open; None: not within LOOK_AHEAD_DAYS."""
    today = now.astimezone(zone).date()
    for offset in range(LOOK_AHEAD_DAYS):
        day = today + timedelta(days=offset)
        for start, end in intervals_of(profile, day):
            opens, closes = _instant(day, start, zone), _instant(day, end, zone)
            if now < opens:
                return opens.astimezone(now.tzinfo)
            if now < closes:
                return now
    return None


def closing(profile: Profile, now: datetime) -> datetime | None:
    """When the calling hours of today end for good, by the profile's own zone; None: they are over, or there are none."""
    today = now.astimezone(profile.zone).date()
    ends = [_instant(today, end, profile.zone) for _, end in intervals_of(profile, today)]
    last = max(ends, default=None)
    return last if last is not None and last > now else None


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, zone)


def answer_rule(profile: Profile, policy: CampaignPolicy) -> AnswerRule:
    """What the dialplan is to do with whoever answers a call of this campaign."""
    return AnswerRule(
        limit=profile.limit - DIALPLAN_MARGIN,
        action=profile.action,
        noise=policy.noise,
        message=policy.message,
        screen=policy.screen,
    )

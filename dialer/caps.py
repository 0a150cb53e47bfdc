"""How often a person may be tried: so many attempts in a rolling time, or in local calendar days with today included."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dialer.calling_hours import latest
from dialer.profiles import Cap

_DAY = timedelta(days=1)


def counted_since(cap: Cap, zones: Sequence[ZoneInfo], now: datetime) -> datetime:
    """Attempts after this instant may still count: what to ask a store for. By the strictest of the zones."""
    if cap.length is not None:
        return now - cap.length
    return min(_first_day(cap, zone, now) for zone in zones) - timedelta(microseconds=1)


def free_at(
    cap: Cap, attempts: Iterable[datetime], zones: Sequence[ZoneInfo], now: datetime
) -> datetime | None:
    """When the next attempt may be made, if no other one is made before; None: now."""
    tried = sorted(attempts)
    if len(tried) < cap.most:
        return None
    until = max(_ends(cap, tried[len(tried) - cap.most], zone) for zone in zones)
    return until if until > now else None


def _ends(cap: Cap, attempt: datetime, zone: ZoneInfo) -> datetime:
    """When an attempt counts no more."""
    if cap.length is not None:
        return attempt + cap.length
    return latest(attempt.astimezone(zone).date() + (cap.days or 0) * _DAY, time(), zone)


def _first_day(cap: Cap, zone: ZoneInfo, now: datetime) -> datetime:
    today = now.astimezone(zone).date()
    return datetime.combine(today - ((cap.days or 1) - 1) * _DAY, time(), zone)

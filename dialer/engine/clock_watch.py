"""Notices when the wall clock is put forward or back: the loop's own clock, which never is, says how much time has passed."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from dialer.events import Event
from dialer.ports import Clock

STEP = timedelta(seconds=1)
"""A smaller difference between two looks is no step: a clock that is corrected gently, or a look that came late."""


def restamped(event: Event, by: timedelta, now: datetime) -> Event:
    """The event as the new clock would have stamped it; unchanged when it was stamped after the step."""
    by_new_clock = event.at + by
    if abs(by_new_clock - now) >= abs(event.at - now):
        return event
    return replace(event, at=by_new_clock)


class ClockWatch:
    """To be asked often, in one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_at: datetime | None = None

    def step(self) -> timedelta | None:
        """By how much the clock was put forward (back: negative) since the last call; None: it was not."""
        now = self._clock.now()
        began_at = now - timedelta(seconds=asyncio.get_running_loop().time())
        before, self._began_at = self._began_at, began_at
        by = began_at - before if before is not None else timedelta()
        return by if abs(by) >= STEP else None

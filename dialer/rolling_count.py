"""What a rolling window has seen since a server began to look, minute by minute; what is older drops out by itself."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dialer.events import NOTHING_SEEN, WindowCount

MINUTE = timedelta(minutes=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass
class RollingCount:
    """Mutable. A minute counts until all of it is older than `length`: up to a minute longer, never shorter."""

    length: timedelta
    total: WindowCount = NOTHING_SEEN
    _minutes: dict[int, WindowCount] = field(default_factory=dict)
    _oldest: float = math.inf  # of the minutes: looked at with every decision

    def add(self, change: WindowCount, at: datetime) -> None:
        """`change` of a call that was answered at `at`; negative when it turned out to be something else. What the window has
        forgotten changes nothing."""
        minute = (at - _EPOCH) // MINUTE
        if (
            min(change.answered, change.abandoned, change.machines) < 0
            and minute not in self._minutes
        ):
            return
        self._minutes[minute] = self._minutes.get(minute, NOTHING_SEEN) + change
        self._oldest = min(self._oldest, minute)
        self.total += change

    def forget(self, now: datetime) -> None:
        """What is older than the window."""
        first = (now - self.length - _EPOCH) // MINUTE
        while self._oldest < first:
            self.total -= self._minutes.pop(int(self._oldest))
            self._oldest = min(self._minutes, default=math.inf)

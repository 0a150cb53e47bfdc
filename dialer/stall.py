"""A trunk that holds its calls: nothing rings, nothing ends, and then everything rings at once.

Theory of operation. Calls in flight end at a rate that is known. When so many ends are missing that chance does not explain it
(SILENT expected in SILENT_SECONDS or more, none seen: e^-SILENT), the calls are being held: their ages stand still from the
last end that was seen until the next, so that none of them counts as one that nobody will answer any more, and no others are
dialled in their place.
"""

from dataclasses import dataclass

import numpy as np

from dialer.hazards import Floats

SILENT = 10.0
SILENT_SECONDS = 4.0
"""Silence of less is not believed, however many calls there are: what is told may be late, or come in heaps."""

FORGET_SECONDS = 120.0


@dataclass
class Stall:
    """Mutable; instants in seconds, never going back."""

    missing: float = 0.0  # ends expected since the last that was seen
    seen_at: float | None = None
    began_at: float | None = None
    ended_at: float | None = None  # None: it goes on

    def end_seen(self, now: float) -> None:
        """A call was answered, or ended."""
        self.missing = 0.0
        self.seen_at = now
        if self.began_at is not None and self.ended_at is None:
            self.ended_at = now

    def wait(self, expected: float, seconds: float, now: float) -> None:
        """So many ends were to be expected in the `seconds` since it was last asked. Those before an end that was seen are not
        missing."""
        if self.ended_at is not None and now - self.ended_at > FORGET_SECONDS:
            self.began_at = self.ended_at = None
        silent = seconds if self.seen_at is None else max(now - self.seen_at, 0.0)
        self.missing += expected * min(silent / seconds, 1.0) if seconds > 0.0 else expected
        if self.missing > SILENT and silent >= SILENT_SECONDS and not self.goes_on:
            self.began_at = now if self.seen_at is None else self.seen_at
            self.ended_at = None

    @property
    def goes_on(self) -> bool:
        return self.began_at is not None and self.ended_at is None

    def ages(self, ages: Floats, now: float) -> Floats:
        """Ages without the time during which the calls were held."""
        if self.began_at is None:
            return ages
        until = now if self.ended_at is None else self.ended_at
        if not len(ages) or now - float(np.maximum.reduce(ages)) >= until:
            return ages  # all were asked for after it
        held = np.maximum(until - np.maximum(now - ages, self.began_at), 0.0)
        result: Floats = ages - held
        return result

    def shift(self, seconds: float) -> None:
        """The scale of time was moved."""
        for name in ("seen_at", "began_at", "ended_at"):
            at = getattr(self, name)
            setattr(self, name, None if at is None else at + seconds)

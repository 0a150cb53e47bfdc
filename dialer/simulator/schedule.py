"""Things to come, in order of instant and then of arrival. No clock: the owner says how far time has gone."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

Action = Callable[[], None]


class Timer:
    """One thing to come. Cancelling one that has happened, or twice, does nothing."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Schedule:
    """A discrete-event agenda; `now` is in seconds from an origin that the owner chooses."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0

    def at(self, instant: float, action: Action) -> Timer:
        """Do `action` at `instant` (at once, in its turn, when that is past; never when it is infinite)."""
        timer = Timer(action)
        if instant != inf:
            self._count += 1
            heappush(self._heap, (max(instant, self.now), self._count, timer))
        return timer

    def after(self, delay: float, action: Action) -> Timer:
        return self.at(self.now + delay, action)

    def next_at(self) -> float | None:
        """When the next thing happens, or None."""
        while self._heap and self._heap[0][2].action is None:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_until(self, instant: float) -> None:
        """Do everything due up to and including `instant`, then stand there. Time never goes back."""
        while (due := self.next_at()) is not None and due <= instant:
            timer = heappop(self._heap)[2]
            self.now = due
            if (action := timer.action) is not None:
                timer.action = None
                action()
        self.now = max(self.now, instant)

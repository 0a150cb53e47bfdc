"""What the manager links count. Plain numbers; a metrics adapter reads them."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

LATENCY_BOUNDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
MAX_EVENT_NAMES: Final = 256


@dataclass(slots=True)
class AmiStats:
    """Counters that only grow. `latency_counts[i]` counts answers within `LATENCY_BOUNDS[i]` (and over
    the bound before it); its last item counts the slower ones. At most 256 event names, then "other".
    """

    events: dict[str, int] = field(default_factory=dict)
    bytes_received: int = 0
    actions: int = 0
    timeouts: int = 0
    stray_responses: int = 0
    list_mismatches: int = 0
    parse_errors: int = 0
    callback_errors: int = 0
    pings: int = 0
    ups: int = 0
    connect_failures: int = 0
    reconnects: int = 0
    latency_counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))
    latency_count: int = 0
    latency_seconds: float = 0.0

    def count_event(self, name: str) -> None:
        """One more event of this name."""
        events = self.events
        if name in events:
            events[name] += 1
        else:
            known = name if len(events) < MAX_EVENT_NAMES else "other"
            events[known] = events.get(known, 0) + 1

    def observe(self, seconds: float) -> None:
        """One more answered action."""
        self.latency_counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.latency_count += 1
        self.latency_seconds += seconds

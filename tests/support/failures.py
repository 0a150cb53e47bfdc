"""Where something can fail, counted; and what fails there.

A run without failures counts its points: every write to the wire, from either side, every request to the store, every step of the
server. A run with a plan injects a failure at each point that the plan names.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Where(StrEnum):
    SENT = "sent"  # one write of ours to the wire: an action
    TOLD = "told"  # one write of the exchange: answers, events, parts of lists
    STORED = "stored"  # one request to the store
    STEP = "step"  # one step of the server, from an await to the next


class What(StrEnum):
    CUT = "cut"  # the link breaks when this share of the bytes has arrived
    STALL = "stall"  # nothing passes on this link, either way, for these seconds; of a link that is dropped, nothing more
    ASLEEP = (
        "asleep"  # the exchange stands still for these seconds; it reads later what came meanwhile
    )
    GARBAGE = "garbage"  # bytes that are no message come first
    REFUSE = "refuse"  # the exchange answers Error, and does nothing
    UNDONE = "undone"  # the store fails before the commit, and stays away for these seconds
    UNTOLD = "untold"  # it has committed; the answer is lost; then it stays away for these seconds
    SLOW = "slow"  # it commits after these seconds
    LATE = "late"  # it commits; the answer comes after these seconds
    DIE = "die"  # the server is killed and started again after these seconds
    FREEZE = "freeze"  # the server stands still for these seconds


@dataclass(frozen=True, slots=True)
class Point:
    where: Where
    number: int  # of all points of its kind in the run, from 0


@dataclass(frozen=True, slots=True)
class Failure:
    what: What
    value: float = 0.0
    away: float = 0.0  # seconds: after a cut, the exchange takes no connection; after a freeze, the clock was set back


@dataclass
class Plan:
    failures: dict[Point, Failure] = field(default_factory=dict)
    seen: list[tuple[Point, str]] = field(default_factory=list)  # every point passed, with a label
    lasts: float = 0.0  # seconds, of the failures that have begun, the longest
    _counts: Counter[Where] = field(default_factory=Counter)

    def at(self, where: Where, label: str) -> Failure | None:
        """Pass the next point of this kind; what fails there."""
        point = Point(where, self._counts[where])
        self._counts[where] += 1
        self.seen.append((point, label))
        failure = self.failures.get(point)
        if failure is not None:
            self.lasts = max(self.lasts, failure.value, failure.away)
        return failure

    @property
    def over(self) -> bool:
        """Every failure has happened, or never will."""
        return all(self._counts[point.where] > point.number for point in self.failures)

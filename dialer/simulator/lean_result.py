"""What a lean shift came to."""

from collections import deque
from dataclasses import dataclass, field

HOUR = 3600.0
FEWEST_IN_HOUR = 50
FIRST_ANSWERS = 200


@dataclass
class LeanResult:
    """Seconds and counts of one shift. `answered` = `talks` + `abandoned`; machines taken for persons are among them."""

    talks: int = 0
    answered: int = 0
    abandoned: int = 0
    dialled: int = 0
    cancelled: int = 0  # by the policy; among the ended
    ended: int = 0  # calls that nobody was to be connected to, or that tired of waiting, or were talked to the end
    open_at_end: int = 0
    talk_seconds: float = 0.0
    wrap_seconds: float = 0.0
    idle_seconds: float = 0.0
    staffed_seconds: float = 0.0
    paused_seconds: float = 0.0
    worst_after_200: float = 0.0
    most_lines: int = 0
    decisions: int = 0
    decide_seconds: list[float] = field(default_factory=list)
    history: list[tuple[float, bool]] = field(default_factory=list)

    def add_answer(self, now: float, abandoned: bool) -> None:
        self.answered += 1
        self.abandoned += abandoned
        self.history.append((now, abandoned))
        if self.answered >= FIRST_ANSWERS:
            self.worst_after_200 = max(self.worst_after_200, self.abandon_ratio)

    @property
    def abandon_ratio(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0

    @property
    def wait(self) -> float:
        """Idle seconds of agents for each call they got."""
        return self.idle_seconds / max(self.talks, 1)

    @property
    def occupancy(self) -> float:
        """Talk and wrap-up, of the time logged in without breaks."""
        staffed = self.staffed_seconds - self.paused_seconds
        return (self.talk_seconds + self.wrap_seconds) / max(staffed, 1e-9)

    @property
    def talk_share(self) -> float:
        """Talk, of the time logged in, breaks included."""
        return self.talk_seconds / max(self.staffed_seconds, 1e-9)

    @property
    def dials_per_connect(self) -> float:
        return self.dialled / max(self.talks, 1)

    @property
    def worst_hour(self) -> float:
        return worst_hour(self.history)

    def decide_percentile(self, share: float) -> float:
        """Seconds of one decision; 0 when decisions were not timed."""
        timed = sorted(self.decide_seconds)
        return timed[min(int(share * len(timed)), len(timed) - 1)] if timed else 0.0


def worst_hour(history: list[tuple[float, bool]]) -> float:
    """The highest abandoned share of any 60 minutes that end with an answer at 3,600 s or later and hold 50 answers."""
    window: deque[tuple[float, bool]] = deque()
    abandoned, worst = 0, 0.0
    for answer in history:
        window.append(answer)
        abandoned += answer[1]
        while window[0][0] <= answer[0] - HOUR:
            abandoned -= window.popleft()[1]
        if answer[0] >= HOUR and len(window) >= FEWEST_IN_HOUR:
            worst = max(worst, abandoned / len(window))
    return worst

"""A list that answers better all of a sudden: noticed by its answers, within seconds where they come fast.

Theory of operation. Page's cumulative sum (Biometrika 41, 1954) over a Poisson stream: each answer adds log RATIO, each one that
was expected takes RATIO - 1, and the sum never falls below zero. At ENOUGH a stream RATIO times as rich is e^ENOUGH times
likelier than the one expected, and the last time that the sum was zero is the likeliest beginning of the change: what has come
since then tells the new level. Where answers come fast, more is asked for, so that chance gives as few alarms an hour as it
does to twenty agents; it is there in seconds all the same. Only upwards: a list that turns cold costs waiting, and nobody is
abandoned for it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

RATIO = 2.0
ENOUGH = 5.0
FEW = 80.0
"""Answers in the memory of the level; with more, ENOUGH grows by the logarithm of how many times more: the mean time between
false alarms is proportional to its exponential."""

_GAIN = math.log(RATIO)


class Since(NamedTuple):
    """Answers since the change, and what the history makes of the same calls."""

    answered: float
    expected: float


@dataclass
class Upturn:
    """Mutable."""

    score: float = 0.0
    answered: float = 0.0
    expected: float = 0.0

    def look(
        self, answered: float, expected: float, level: float, lately: float = 0.0
    ) -> Since | None:
        """What came since the last look, and what was expected of history; it is now believed to be `level` times as much.
        `lately`: answers in the memory of the level. Something is returned when more cannot be chance; then it begins anew."""
        self.score = max(self.score + answered * _GAIN - expected * level * (RATIO - 1.0), 0.0)
        if self.score == 0.0:
            self.answered = self.expected = 0.0
            return None
        self.answered += answered
        self.expected += expected
        if self.score < ENOUGH + math.log(max(lately / FEW, 1.0)):
            return None
        found = Since(self.answered, self.expected)
        self.score = self.answered = self.expected = 0.0
        return found

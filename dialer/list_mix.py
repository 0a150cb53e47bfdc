"""How the lists of a campaign are mixed: by weight, in turns, so that any stretch of leads has about the shares wanted.

Smooth weighted round robin: each turn every list gains its weight, the richest is taken and pays the sum of all. The same
weights give the same turns; no chance is involved.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from dialer.ids import ListId

Credit = Mapping[ListId, int]
"""What each list has saved up: at most the sum of the weights, on either side."""

T = TypeVar("T")


class ListMix(Generic[T]):
    """`count` leads of lists with these weights (0: rests). Ask `wanted` how many to look for in which list, tell all that was
    `found`, and again until nothing is wanted; then `mixed` has them and `credit` is for the next time."""

    def __init__(self, weights: Mapping[ListId, int], credit: Credit, count: int) -> None:
        self._able = {list_id: weight for list_id, weight in sorted(weights.items()) if weight > 0}
        total = sum(self._able.values())
        self._saved = {key: min(max(credit.get(key, 0), -total), total) for key in self._able}
        self._count = count
        self._asked: list[ListId] = []
        self.mixed: list[T] = []

    @property
    def credit(self) -> Credit:
        return self._saved if len(self._saved) > 1 else {}

    def wanted(self) -> Mapping[ListId, int]:
        """By list; empty: there are enough, or no more to be had."""
        self._asked = self._turns(self._missing())
        return Counter(self._asked)

    def found(self, finds: Mapping[ListId, Sequence[T]]) -> None:
        """Of each list in its order. One with fewer than were wanted is empty, and saves nothing for later."""
        left = {list_id: iter(items) for list_id, items in finds.items()}
        nothing = object()
        for list_id in self._asked:
            item = next(left[list_id], nothing)
            if item is not nothing:
                self.mixed.append(item)  # type: ignore[arg-type]
            elif list_id in self._able:
                del self._able[list_id]
                del self._saved[list_id]

    def _missing(self) -> int:
        return max(self._count - len(self.mixed), 0)

    def _turns(self, number: int) -> list[ListId]:
        if len(self._able) == 1:  # it gains what it pays
            return list(self._able) * number
        return [self._turn() for _ in range(number)] if self._able else []

    def _turn(self) -> ListId:
        for list_id, weight in self._able.items():
            self._saved[list_id] += weight
        richest = max(self._able, key=lambda list_id: (self._saved[list_id], -list_id))
        self._saved[richest] -= sum(self._able.values())
        return richest

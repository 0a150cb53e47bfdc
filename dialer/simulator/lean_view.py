"""What a policy sees of a lean shift, and what it is told."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from dialer.simulator.lean_scenario import Floats

if TYPE_CHECKING:
    from dialer.simulator.lean import LeanWorld


class Pacer(Protocol):
    """A policy. Ages and durations are in seconds, `now` in seconds since the shift began."""

    def decide(self, world: "LeanWorld") -> int:
        """How many calls to dial now; lines and calls per second are cut by the world."""
        ...

    def call_left(self, age: float, up: bool, now: float) -> None:
        """A ringing call was picked up, or ended."""
        ...

    def screen_left(self, age: float, person: bool, now: float, rang: float) -> None:
        """The answering-machine detection has decided on a call that had rung for `rang`."""
        ...

    def talk_left(self, seconds: float, now: float) -> None: ...

    def wrap_left(self, seconds: float, pauses: bool, now: float) -> None: ...

    def answered(self, abandoned: bool, now: float) -> None:
        """An answer met an agent, or nobody within the grace."""
        ...


class Starts:
    """Start times of what goes on, by id: the first `size` places of `array`, in no order; `ids` and `odds` beside them."""

    __slots__ = ("_odds", "_place", "array", "ids", "size")

    def __init__(self, capacity: int = 64) -> None:
        self.array: Floats = np.zeros(capacity)
        self.size = 0
        self.ids: list[int] = []
        self._odds: Floats = np.ones(capacity)
        self._place: dict[int, int] = {}

    @property
    def odds(self) -> Floats:
        """How a lead's odds of answering compare with the middle of its list."""
        return self._odds[: self.size]

    def __len__(self) -> int:
        return self.size

    def __contains__(self, key: int) -> bool:
        return key in self._place

    def add(self, key: int, start: float, odds: float = 1.0) -> None:
        if self.size == len(self.array):
            self.array = np.concatenate([self.array, np.zeros(self.size)])
            self._odds = np.concatenate([self._odds, np.ones(self.size)])
        self.array[self.size] = start
        self._odds[self.size] = odds
        self._place[key] = self.size
        self.ids.append(key)
        self.size += 1

    def remove(self, key: int) -> float:
        """Its start time. KeyError if it is not there."""
        place = self._place.pop(key)
        start = float(self.array[place])
        self.size -= 1
        last = self.ids.pop()
        if last != key:
            self.array[place] = self.array[self.size]
            self._odds[place] = self._odds[self.size]
            self.ids[place] = last
            self._place[last] = place
        return start

    def ages(self, now: float) -> Floats:
        ages: Floats = now - self.array[: self.size]
        return ages

"""When things began that still go on: arrays that rules can read at once, kept up to date one thing at a time."""

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np

from dialer.hazards import Floats

Key = TypeVar("Key", bound=Hashable)


class Starts(Generic[Key]):
    """Numbers by key: mostly instants in seconds. The first `size` places of `array`, in no order."""

    __slots__ = ("_keys", "_place", "array", "size")

    def __init__(self, capacity: int = 64) -> None:
        self.array: Floats = np.zeros(capacity)
        self.size = 0
        self._place: dict[Key, int] = {}
        self._keys: list[Key] = []

    def __len__(self) -> int:
        return self.size

    def __contains__(self, key: Key) -> bool:
        return key in self._place

    def __getitem__(self, key: Key) -> float:
        return float(self.array[self._place[key]])

    @property
    def keys(self) -> list[Key]:
        """In the order of `values`."""
        return list(self._keys)

    @property
    def values(self) -> Floats:
        """A view: gone with the next change."""
        return self.array[: self.size]

    def add(self, key: Key, start: float) -> None:
        """One that is there already begins anew."""
        place = self._place.get(key)
        if place is not None:
            self.array[place] = start
            return
        if self.size == len(self.array):
            self.array = np.concatenate([self.array, np.zeros(self.size)])
        self.array[self.size] = start
        self._place[key] = self.size
        self._keys.append(key)
        self.size += 1

    def remove(self, key: Key) -> float:
        """Its start. KeyError if it is not there."""
        place = self._place.pop(key)
        start = float(self.array[place])
        self.size -= 1
        last = self._keys.pop()
        if last != key:
            self.array[place] = self.array[self.size]
            self._keys[place] = last
            self._place[last] = place
        return start

    def ages(self, now: float) -> Floats:
        ages: Floats = now - self.array[: self.size]
        return ages

    def shift(self, seconds: float) -> None:
        self.array[: self.size] += seconds

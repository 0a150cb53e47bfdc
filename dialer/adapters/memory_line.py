"""The line in memory: servers within one process, or one server alone."""

import asyncio
from collections.abc import Callable, Sequence

from dialer.errors import WireDownError


class MemoryHub:
    """What the lines of one process share. `cut` and `mend` are for tests."""

    def __init__(self) -> None:
        self.lines: list[MemoryLine] = []
        self.values: dict[str, tuple[bytes, float]] = {}
        self.up = True

    def cut(self) -> None:
        """Nobody is reached any more."""
        self.up = False

    def mend(self) -> None:
        """All are reached again; the values are gone."""
        self.up = True
        self.values.clear()
        for line in self.lines:
            line.on_up()

    def flush(self) -> None:
        self.values.clear()


class MemoryLine:
    def __init__(self, hub: MemoryHub | None = None) -> None:
        self.shared = hub is not None
        self.dropped = 0
        self._hub = hub or MemoryHub()
        self._channels: frozenset[str] = frozenset()
        self._on_message: Callable[[bytes], None] = _ignore
        self.on_up: Callable[[], None] = _nothing

    @property
    def up(self) -> bool:
        return self._hub.up

    def start(
        self,
        channels: Sequence[str],
        on_message: Callable[[bytes], None],
        on_up: Callable[[], None],
    ) -> None:
        self._channels, self._on_message, self.on_up = frozenset(channels), on_message, on_up
        self._hub.lines.append(self)
        if self.up and self.shared:
            asyncio.get_running_loop().call_soon(on_up)

    async def publish(self, channel: str, message: bytes) -> int:
        if not self.up:
            raise WireDownError
        hearers = [line for line in self._hub.lines if channel in line._channels]
        for line in hearers:
            asyncio.get_running_loop().call_soon(line._on_message, message)
        return len(hearers)

    def send(self, channel: str, message: bytes) -> None:
        if not self.up:
            self.dropped += 1
            return
        for line in self._hub.lines:
            if channel in line._channels:
                asyncio.get_running_loop().call_soon(line._on_message, message)

    def put(self, key: str, value: bytes, *, seconds: float) -> None:
        if not self.up:
            self.dropped += 1
            return
        until = asyncio.get_running_loop().time() + seconds
        self._hub.values[key] = (value, until)

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        if not self.up:
            raise WireDownError
        now = asyncio.get_running_loop().time()
        found = [self._hub.values.get(key) for key in keys]
        return [one[0] if one is not None and one[1] > now else None for one in found]

    async def close(self) -> None:
        if self in self._hub.lines:
            self._hub.lines.remove(self)


def _ignore(message: bytes) -> None: ...


def _nothing() -> None: ...

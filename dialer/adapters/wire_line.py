"""What the ports of the wire are made on: channels that carry messages to whoever listens now, and values that run out."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
"""Runs a coroutine in the background under a name; its owner ends it."""


class Line(Protocol):
    """Messages and values are bytes. Nothing here waits longer than OPERATION_SECONDS."""

    shared: bool
    """Other servers can be at its other ends."""

    @property
    def up(self) -> bool: ...

    @property
    def dropped(self) -> int:
        """What `send` and `put` could not deliver, since the start."""
        ...

    def start(
        self,
        channels: Sequence[str],
        on_message: Callable[[bytes], None],
        on_up: Callable[[], None],
    ) -> None:
        """Connect in the background, for good, and hear these channels."""
        ...

    async def publish(self, channel: str, message: bytes) -> int:
        """To all who hear the channel now; returns how many. Raises WireDownError."""
        ...

    def send(self, channel: str, message: bytes) -> None:
        """`publish`, later and by somebody else; a long queue loses its oldest."""
        ...

    def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the value under the key for so long; the same queue, where only the newest value of a key stands."""
        ...

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """In the order of the keys; None: no value. Raises WireDownError."""
        ...

    async def close(self) -> None:
        """What stands in the queue leaves, if it can at once."""
        ...


OPERATION_SECONDS = 0.5
QUEUE_LENGTH = 1000

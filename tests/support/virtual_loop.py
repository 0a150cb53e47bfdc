"""An asyncio loop whose clock jumps: instead of waiting for the next timer it moves its time there.

Hours pass in milliseconds, in an order that is always the same. Not for real sockets, nor for threads that are awaited:
what comes from outside has no place in this time.

    @in_virtual_time
    async def test_something() -> None:
        await asyncio.sleep(3600)
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

P = ParamSpec("P")

START = datetime(2026, 11, 24, 10, tzinfo=UTC)
"""A Tuesday, 11:00 in Rome."""

TURN_SECONDS = 1e-7
"""What a turn of the loop takes: without it, code that looks at the clock again and again would stop the time."""


class NothingWillHappenError(Exception):
    """The test waits, and no timer is set: on a real loop it would hang."""


class _JumpingSelector(selectors.BaseSelector):
    """Never waits; tells the loop how far to jump."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise NothingWillHappenError
        self.seconds += TURN_SECONDS + (0.0 if ready or timeout is None else max(timeout, 0.0))
        return ready

    def register(
        self, fileobj: Any, events: int, data: Any = None
    ) -> selectors.SelectorKey:  # the loop's own pipe
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumps = _JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.seconds


class VirtualClock:
    """The Clock port on the running loop's time."""

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    async def wait_until(self, instant: datetime) -> None:
        await asyncio.sleep(max((instant - self.now()).total_seconds(), 0.0))


def in_virtual_time(
    test: Callable[P, Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """A test that runs on a VirtualLoop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run

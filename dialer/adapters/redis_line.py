"""The line on Redis: publish/subscribe for messages, keys with a time to live for values.

Two connections or more: one that hears the channels for good, and a few for everything else. Whoever uses the line never
waits for Redis longer than OPERATION_SECONDS; `send` and `put` do not wait at all. When Redis is away both queue up, and
the oldest fall out. A Redis that is silent is as good as away: the hearing connection asks it every PING_SECONDS.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dialer.adapters.wire_line import OPERATION_SECONDS, QUEUE_LENGTH, Spawn
from dialer.errors import WireDownError
from dialer.logs import get_logger

logger = get_logger(__name__)

PING_SECONDS = 1.0
SILENT_SECONDS = 3.0
FIRST_DELAY, LAST_DELAY = 0.1, 3.0  # seconds between tries to connect
CONNECTIONS = 8

FAULTS = (RedisError, OSError, TimeoutError)


def client(url: str, connections: int = CONNECTIONS) -> Redis:
    """Every failure is told at once, nothing is tried again in secret. Raises ValueError for a URL that is none."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=OPERATION_SECONDS,
        socket_timeout=OPERATION_SECONDS,
        socket_connect_timeout=OPERATION_SECONDS,
        retry=Retry(NoBackoff(), 0),
        client_name="dialer",
    )
    return Redis.from_pool(pool)


class RedisLine:
    """`spawn` belongs to whoever opened it."""

    shared = True

    def __init__(self, url: str, *, random: Random, spawn: Spawn) -> None:
        self._client = client(url)
        self._hearing = client(url, connections=1)
        self._random = random
        self._spawn = spawn
        self._up: bool | None = None  # None: not tried yet
        self._changed = asyncio.Event()  # the queue has something, or Redis is back
        self._queue: OrderedDict[str, Callable[[], Awaitable[object]]] = OrderedDict()
        self._number = 0
        self._on_up: Callable[[], None] = lambda: None
        self._tasks: list[asyncio.Task[None]] = []
        self.dropped = 0

    @property
    def up(self) -> bool:
        return self._up is True

    def start(
        self,
        channels: Sequence[str],
        on_message: Callable[[bytes], None],
        on_up: Callable[[], None],
    ) -> None:
        self._on_up = on_up
        self._tasks = [
            self._spawn(self._hear(channels, on_message), "redis_hear"),
            self._spawn(self._send_all(), "redis_send"),
        ]

    # --- at once ------------------------------------------------------------------------------------------------------

    async def publish(self, channel: str, message: bytes) -> int:
        return int(await self._do(self._client.publish(channel, message)))

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        return list(await self._do(self._client.mget(keys))) if keys else []

    async def _do(self, operation: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                return await operation
        except FAULTS as error:
            raise WireDownError(f"Redis cannot be reached: {told(error)}") from error

    # --- later --------------------------------------------------------------------------------------------------------

    def send(self, channel: str, message: bytes) -> None:
        self._number += 1
        self._enqueue(f"message {self._number}", lambda: self._client.publish(channel, message))

    def put(self, key: str, value: bytes, *, seconds: float) -> None:
        milliseconds = int(seconds * 1000)
        self._enqueue(f"value {key}", lambda: self._client.set(key, value, px=milliseconds))

    def _enqueue(self, name: str, operation: Callable[[], Awaitable[object]]) -> None:
        self._queue[name] = operation
        if len(self._queue) > QUEUE_LENGTH:
            self._queue.popitem(last=False)
            self.dropped += 1
        self._changed.set()

    async def _send_all(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._queue and self.up:
                await self._send_first()

    async def _send_first(self) -> None:
        _, operation = self._queue.popitem(last=False)
        try:
            await self._do(operation())
        except Exception as error:  # the queue goes on, whatever became of one message
            self.dropped += 1
            logger.debug("redis_dropped", reason=error)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._queue and self.up:
            dropped = self.dropped
            await self._send_first()
            if self.dropped > dropped:
                break
        for one in (self._client, self._hearing):
            await one.aclose()

    # --- hearing ------------------------------------------------------------------------------------------------------

    async def _hear(self, channels: Sequence[str], on_message: Callable[[bytes], None]) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                await self._hear_until_lost(channels, on_message)
            except (
                Exception
            ) as error:  # also a fault of the client's or ours: deaf for good would be worse
                if self._up:
                    delay = FIRST_DELAY
                self._note_down(told(error))
            await asyncio.sleep(delay * self._random.uniform(0.5, 1.0))
            delay = min(2 * delay, LAST_DELAY)

    async def _hear_until_lost(
        self, channels: Sequence[str], on_message: Callable[[bytes], None]
    ) -> None:
        """Raises one of FAULTS; what a handler raises is logged."""
        loop = asyncio.get_running_loop()
        async with self._hearing.pubsub() as pubsub:
            async with asyncio.timeout(SILENT_SECONDS):
                await pubsub.subscribe(*channels)
            heard_at = loop.time()
            while True:
                message = await pubsub.get_message(timeout=PING_SECONDS)
                if message is None:
                    if loop.time() - heard_at > SILENT_SECONDS:
                        raise TimeoutError("no answer")
                    async with asyncio.timeout(OPERATION_SECONDS):
                        await pubsub.ping()
                    continue
                heard_at = loop.time()
                if message["type"] == "message":
                    self._tell(on_message, message["data"])
                elif message["type"] == "subscribe" and message["data"] == len(channels):
                    self._note_up()

    def _tell(self, on_message: Callable[[bytes], None], message: bytes) -> None:
        try:
            on_message(message)
        except Exception:
            logger.exception("message_failed", bytes=len(message))

    def _note_up(self) -> None:
        logger.info("redis_up")
        self._up = True
        self._changed.set()
        self._on_up()

    def _note_down(self, reason: str) -> None:
        if self._up is not False:
            logger.warning("redis_down", reason=reason)
        self._up = False


def told(error: BaseException) -> str:
    """What the client said, in one line; it never holds the password."""
    return (str(error) or type(error).__name__).splitlines()[0]

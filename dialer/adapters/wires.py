"""The ports of the wire put together on one line: Redis, or memory."""

from collections.abc import Callable
from random import Random

from dialer.adapters.memory_line import MemoryHub, MemoryLine
from dialer.adapters.redis_line import RedisLine
from dialer.adapters.wire_bus import WireBus
from dialer.adapters.wire_format import WAKE, GarbledError, unpack
from dialer.adapters.wire_line import Line, Spawn
from dialer.adapters.wire_live import WireLive
from dialer.adapters.wire_wake_ups import WireWakeUps
from dialer.errors import InvalidInputError
from dialer.live_ports import Wires, WireStats
from dialer.logs import get_logger

logger = get_logger(__name__)


def redis_wires(
    url: str, *, server: str, random: Random, spawn: Spawn, prefix: str = "dialer"
) -> Wires:
    """Servers with the same prefix on the same Redis hear each other. Raises InvalidInputError."""
    try:
        line = RedisLine(url, random=random, spawn=spawn)
    except ValueError as error:
        raise InvalidInputError("redis.url", str(error)) from error
    return wires_on(line, server=server, random=random, spawn=spawn, prefix=prefix)


def memory_wires(
    *, server: str, random: Random, spawn: Spawn, hub: MemoryHub | None = None
) -> Wires:
    """`hub`: shared with the other servers of this process; None: there are none."""
    return wires_on(MemoryLine(hub), server=server, random=random, spawn=spawn, prefix="dialer")


def wires_on(line: Line, *, server: str, random: Random, spawn: Spawn, prefix: str) -> Wires:
    everybody = f"{prefix}:all"

    def channel_of(name: str) -> str:
        return f"{prefix}:{name}"

    bus = WireBus(
        line,
        server=server,
        channel_of=channel_of,
        everybody=everybody,
        new_id=lambda: f"{random.getrandbits(128):032x}",
        spawn=spawn,
    )
    live = WireLive(line, lambda team_id: f"{prefix}:team:{team_id}")
    wake_ups = WireWakeUps(line, server=server, everybody=everybody)
    garbled = 0

    def receive(message: bytes) -> None:
        nonlocal garbled
        try:
            envelope = unpack(message)
        except GarbledError:
            garbled += 1
            logger.warning("wire_garbled", bytes=len(message))
            return
        (wake_ups.receive if envelope.kind == WAKE else bus.receive)(envelope)

    def start(on_up: Callable[[], None]) -> None:
        line.start([everybody, channel_of(server)], receive, on_up)

    return Wires(
        server=server,
        shared=line.shared,
        bus=bus,
        live=live,
        wake_ups=wake_ups,
        start=start,
        stats=lambda: WireStats(up=line.up, dropped=line.dropped, garbled=garbled),
        close=line.close,
    )

"""Parts of a server that its settings choose."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from dialer.adapters.memory_line import MemoryHub
from dialer.adapters.pacing_files import PacingFiles, folder_of
from dialer.adapters.wires import memory_wires, redis_wires
from dialer.config import Settings
from dialer.engine.tasks import TaskSet
from dialer.ids import CallId, uuid7
from dialer.live_ports import Wires


def pacing_files(settings: Settings) -> PacingFiles:
    chosen = settings.pacing_log
    folder = folder_of(chosen.folder, settings.database.url)
    return PacingFiles(folder, most_bytes=chosen.most_bytes, file_bytes=chosen.file_bytes)


def call_ids(random: Random) -> Callable[[datetime], CallId]:
    return lambda at: CallId(uuid7(at, random))


def wires_of(
    settings: Settings, server: str, random: Random, tasks: TaskSet, hub: MemoryHub | None
) -> Wires:
    redis = settings.redis
    if hub is not None or not redis.url:
        return memory_wires(server=server, random=random, spawn=tasks.spawn, hub=hub)
    return redis_wires(
        redis.url.get_secret_value(),
        server=server,
        random=random,
        spawn=tasks.spawn,
        prefix=redis.prefix,
    )

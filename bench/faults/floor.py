"""Everything that runs during a moment, and how a fault lays hands on it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.faults import clocks
from bench.faults.catalogue import Database, Fault
from bench.faults.leads import Public
from bench.faults.phones import Phones
from bench.faults.proxy import Proxy
from bench.faults.server import ServerProcess
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import AsteriskSettings, CampaignSettings, DatabaseSettings, Settings
from dialer.leads import NewLead
from dialer.testbed import AsteriskPair
from tests.support import live_server, redis
from tests.support.live_server import NO_LIMIT
from tests.support.postgres import Cluster, binaries

CODES = [str(2301 + n) for n in range(8)]
SMALL_DISK = {Database.SQLITE_ON_SMALL_DISK: "16m", Database.POSTGRESQL_ON_SMALL_DISK: "200m"}


def campaign() -> CampaignSettings:
    """About three calls a second for eight agents, some persons too many, so that abandonment is counted too."""
    return live_server.campaign(
        mode="ratio",
        dial_ratio=2.0,
        calls_per_second=5,
        lines=40,
        wrap_up_seconds=1,
        ring_timeout_seconds=9,
        screen=True,
        profile=NO_LIMIT,
    )


class House:
    """What outlives a moment: the pair, the agents' phones, the numbers given out. Use as a context manager."""

    def __init__(self, pair: AsteriskPair, folder: Path) -> None:
        self.pair = pair
        self.folder = folder
        self.public = Public()
        self._phones = Phones(pair.far_end.ami, CODES)
        self._cluster: Cluster | None = None
        self._databases = 0

    def __enter__(self) -> House:
        self.pair.up()
        self._phones.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._phones.stop()
        self.pair.remove()
        if self._cluster is not None:
            self._cluster.stop()
            self._cluster.remove()

    def database(self) -> tuple[Cluster, str]:
        """The PostgreSQL of all moments, and the name of a new database in it."""
        if self._cluster is None:
            self._cluster = new_cluster(None)
        elif not self._cluster.runs:
            self._cluster.start()
        self._databases += 1
        name = f"moment_{self._databases}"
        self._cluster.sql("postgres", f"CREATE DATABASE {name}")
        return self._cluster, name

    @contextlib.contextmanager
    def floor(self, fault: Fault, number: int) -> Iterator[Floor]:
        """A server that does not run yet, on a database of its own, for one moment of `fault`."""
        folder = self.folder / f"{fault.name}-{number}"
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            disk = folder / "disk"
            disk.mkdir()
            if fault.database in SMALL_DISK:
                stack.enter_context(small_disk(disk, SMALL_DISK[fault.database]))
            floor = Floor(self, fault, folder, disk)
            stack.callback(floor.close)
            floor.open()
            yield floor


class Floor:
    """One moment's parts. `server` is what `dialer run` is; `proxy` stands between it and the PBX."""

    def __init__(self, house: House, fault: Fault, folder: Path, disk: Path) -> None:
        self._house = house
        self._ends = contextlib.ExitStack()
        self.pair = house.pair
        self.public = house.public
        self.fault = fault
        self.clock_offset = folder / "clock-offset"
        self.ballast = disk / "ballast"
        self.proxy = Proxy((self.pair.pbx.ami.host, self.pair.pbx.ami.port))
        self._folder = folder
        self._disk = disk
        self._cluster: Cluster | None = None
        self.server: ServerProcess
        self.redis: redis.RedisServer
        self.url: str

    def open(self) -> None:
        if self.fault.database is Database.SQLITE_ON_SMALL_DISK:
            self.url = f"sqlite+aiosqlite:///{self._disk / 'dialer.sqlite3'}"
        else:
            self._open_cluster()
        more = clocks.environment(self.clock_offset) if self.fault.clock_step_seconds else {}
        if self.fault.redis:
            more |= {"DIALER_REDIS__URL": self._open_redis()}
        log = self._disk if self.fault.database in SMALL_DISK else self._folder
        self.server = ServerProcess(self._settings(), log, more)

    def close(self) -> None:
        if hasattr(self, "server"):
            self.server.kill()
        self.proxy.close()
        self._ends.close()

    def keep_log(self, text: str) -> None:
        """What the server said, where it stays when the disk is gone."""
        (self._folder / "said.log").write_text(text, encoding="utf-8")

    @property
    def cluster(self) -> Cluster:
        assert self._cluster is not None, "this moment has no PostgreSQL"
        return self._cluster

    def seed(self, leads: int, chance: random.Random) -> list[NewLead]:
        """The campaign with its leads, in the database before the server runs."""
        people = self.public.leads(leads, chance)
        asyncio.run(self._seed(people))
        return people

    def revive_database(self) -> None:
        """PostgreSQL is started where it gave up by itself."""
        if self._cluster is not None and not self._cluster.runs:
            self._cluster.stop()
            self._cluster.start()

    async def _seed(self, people: list[NewLead]) -> None:
        stores = await open_stores(self.url)
        try:
            await stores.campaigns.save(campaign().policy())
            await stores.leads.add(people, at=SystemClock().now())
        finally:
            await stores.close()

    def _open_redis(self) -> str:
        found = redis.program()
        assert found is not None, redis.MISSING
        self.redis = redis.RedisServer(found)
        self._ends.callback(shutil.rmtree, self.redis.folder)
        self._ends.callback(self.redis.kill)
        self.redis.start()
        return self.redis.url

    def _open_cluster(self) -> None:
        if self.fault.database is Database.POSTGRESQL_ON_SMALL_DISK:
            self._cluster, name = self._own_cluster(), "postgres"
        else:
            self._cluster, name = self._house.database()
        self.url = self._cluster.url(name)

    def _own_cluster(self) -> Cluster:
        cluster = new_cluster(self._disk)
        self._ends.callback(cluster.remove)
        self._ends.callback(cluster.stop)
        return cluster

    def _settings(self) -> Settings:
        value = live_server.settings(self.pair, self._folder, CODES, campaign())
        ami: AsteriskSettings = value.asterisk.model_copy(update={"port": self.proxy.port})
        database = DatabaseSettings(url=self.url)
        return value.model_copy(update={"asterisk": ami, "database": database})


def new_cluster(parent: Path | None) -> Cluster:
    """A PostgreSQL that writes as in production, started; its folder in `parent`."""
    programs = binaries()
    assert programs is not None, "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    cluster = Cluster(programs, durable=True, parent=parent)
    cluster.create()
    cluster.start()
    return cluster


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of `size` at `folder`. Needs root."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def missing(fault: Fault) -> str | None:
    """Why this fault cannot be struck on this machine; None: it can."""
    if fault.clock_step_seconds and clocks.library() is None:
        return "libfaketime is not installed (Debian: apt-get install faketime)"
    if fault.database is not Database.SQLITE_ON_SMALL_DISK and binaries() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if fault.redis and redis.program() is None:
        return redis.MISSING
    if fault.database in SMALL_DISK and shutil.which("mount") is None:
        return "no small file system can be mounted here"
    return None

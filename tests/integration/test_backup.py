"""docs/operations/backup.md, run as it stands: a campaign dials, is backed up, its database is destroyed and put back."""

import asyncio
import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.campaign import CampaignState
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    Settings,
)
from dialer.ids import CampaignId, TeamId
from dialer.leads import NewLead
from dialer.ports import Stores
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from tests.integration.test_drain import ask
from tests.integration.test_logs import lines_of, port_in
from tests.support import postgres
from tests.support.live_server import server_process, toml, until

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations" / "backup.md"
CAMPAIGN, TEAM = CampaignId("spring"), TeamId("main")
AGENTS = 10
PARTED_BY_SERVICE = re.compile(r"^systemctl (stop|start) dialer\n", re.MULTILINE)


def blocks(section: str) -> list[str]:
    """The commands of a section of the page."""
    text = PAGE.read_text(encoding="utf-8")
    (found,) = (
        part for part in re.split(r"^## ", text, flags=re.MULTILINE) if part.startswith(section)
    )
    return re.findall(r"```sh\n(.*?)```", found, flags=re.DOTALL)


class Public:
    def __init__(self) -> None:
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.2, talk=0.5)


@dataclass
class Installation:
    """One machine with the server, and a shell on it."""

    value: Settings
    folder: Path
    people: Public
    variables: dict[str, str]
    server: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    pid: int = 0

    def start(self) -> None:
        (self.folder / "server.log").unlink(missing_ok=True)
        self.pid = self.server.enter_context(server_process(self.value, self.folder))

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)
            with contextlib.suppress(ChildProcessError):
                await asyncio.to_thread(os.waitpid, self.pid, 0)
            self.pid = 0

    async def run(self, block: str) -> str:
        """The block with our folders and programs; `systemctl` is ours."""
        said = ""
        for number, part in enumerate(PARTED_BY_SERVICE.split(block)):
            if number % 2 and part == "start":
                self.start()
            elif number % 2:
                await self.stop()
            elif part:
                said += await asyncio.to_thread(self.shell, part)
        return said

    def shell(self, commands: str) -> str:
        commands = commands.replace("/etc/dialer", str(self.folder))
        commands = commands.replace("/var/backups/dialer", str(self.folder / "backups"))
        python = f'dialer() {{ "{sys.executable}" -m dialer "$@"; }}\n'
        done = subprocess.run(
            ["bash", "-euc", python + commands],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=os.environ | self.variables,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        return "\n".join(lines_of(self.folder)) if (self.folder / "server.log").exists() else ""

    async def dials(self, more: int) -> None:
        before = self.people.rung.total()
        await until(lambda: self.people.rung.total() >= before + more, 30, "it dials")


@contextlib.asynccontextmanager
async def installation(folder: Path, url: str) -> AsyncIterator[Installation]:
    """It dials, by `running = true` of its settings."""
    people = Public()
    scenario = replace(FAST, agents=AGENTS, login_spread=0.0)
    (folder / "backups").mkdir()
    async with SimulatedExchange(scenario, clock=SystemClock(), people=people) as exchange:
        value = settings(exchange.port, url)
        (folder / "dialer.toml").write_text(toml(value))
        stores = await open_stores(url)
        await stores.campaigns.save(value.campaigns[0].policy())
        leads = [NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}") for n in range(500)]
        await stores.leads.add(leads, at=SystemClock().now())
        await stores.close()
        variables = {"BACKUP": "", "DATABASE_URL": url, "DIALER_ASTERISK__SECRET": "dialer"}
        at = Installation(value, folder, people, variables)
        with at.server:
            at.start()
            await at.dials(10)
            yield at


def settings(port: int, url: str) -> Settings:
    return Settings(
        asterisk=AsteriskSettings(port=port, secret=SecretStr("dialer")),
        database=DatabaseSettings(url=url),
        agents=[AgentSettings(code=str(FAST.first_code + n)) for n in range(AGENTS)],
        campaigns=[
            CampaignSettings(
                id=CAMPAIGN,
                profile="DEMO",
                mode="progressive",
                wrap_up_seconds=0.2,
                ring_timeout_seconds=5,
                running=True,
            )
        ],
        drain_seconds=5,
    )


async def is_held_and_then_dials_on(at: Installation, fence_before: int) -> None:
    """Nobody is rung before somebody starts the campaign, though the settings say `running`."""
    await until(lambda: "campaign_held" in at.log() and "node_up" in at.log(), 20, "held")
    rung, port = at.people.rung.total(), port_in(lines_of(at.folder))
    await until(lambda: ask(port, "/readyz")[0] == 200, 20, "ready")
    stores = await open_stores(at.value.database.url)
    try:
        assert (await stores.campaigns.get(CAMPAIGN)).state is CampaignState.PAUSED
        assert await fence_of(stores) > fence_before + 1000
        await no_attempt_is_open(stores)
        assert at.people.rung.total() == rung
        assert ask(port, f"/campaigns/{CAMPAIGN}/start", {})[0] == 200
        await at.dials(5)
    finally:
        await stores.close()


async def no_attempt_is_open(stores: Stores) -> None:
    """Those that were open in the backup are looked up and closed."""
    async with asyncio.timeout(20):
        while True:
            if not await stores.attempts.still_open([CAMPAIGN]):
                return
            await asyncio.sleep(0.1)


async def fence_of(stores: Stores) -> int:
    lease = await stores.leases.held_by(TEAM, at=SystemClock().now() - timedelta(seconds=30))
    assert lease is not None
    return lease.fence


def listed(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "live.sqlite3"
    async with installation(tmp_path, f"sqlite:///{file}") as at:
        backup, restore = blocks("SQLite")
        assert "checked" in await at.run(backup)
        (copy,) = listed(tmp_path / "backups")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        at.variables["BACKUP"] = str(copy)
        await at.dials(10)
        with pytest.raises(AssertionError, match="a server works on this database: stop it first"):
            await at.run(restore.splitlines()[1])
        stores = await open_stores(at.value.database.url)
        fence = await fence_of(stores)
        await stores.close()
        await at.stop(signal.SIGKILL)
        file.write_bytes(b"not a database any more")
        said = await at.run(restore)
        assert "campaigns held: 1" in said
        assert [each for each in listed(tmp_path) if ".before-" in each.name]
        await is_held_and_then_dials_on(at, fence)
        await at.stop()


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.mark.service
async def test_postgresql(
    tmp_path: Path, cluster: postgres.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = postgres.binaries()
    assert programs is not None
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    cluster.sql("postgres", "CREATE DATABASE dialer")
    async with installation(tmp_path, cluster.url("dialer")) as at:
        backup, restore = blocks("PostgreSQL")
        await at.run(backup)
        await at.dials(10)
        stores = await open_stores(at.value.database.url)
        fence = await fence_of(stores)
        await stores.close()
        await at.stop(signal.SIGKILL)
        cluster.sql("postgres", "DROP DATABASE dialer WITH (FORCE)")
        cluster.sql("postgres", "CREATE DATABASE dialer")
        assert "campaigns held: 1" in await at.run(restore)
        await is_held_and_then_dials_on(at, fence)
        await at.stop()

"""The production server against a pair of real Asterisk servers: in this process, or as a process that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from dialer.bootstrap import Dialer
from dialer.campaign import CampaignState
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    Settings,
    TrunkSettings,
)
from dialer.ids import CampaignId, TeamId
from dialer.leads import NewLead
from dialer.testbed import TRUNK, AsteriskPair
from dialer.views import CampaignView, TeamView

CAMPAIGN, TEAM = CampaignId("test"), TeamId("main")


def campaign(**changes: object) -> CampaignSettings:
    """A campaign that dials the far end at any hour."""
    values: dict[str, object] = {
        "id": CAMPAIGN,
        "team": TEAM,
        "profile": "DEMO",
        "trunks": [TRUNK],
        "ring_timeout_seconds": 12,
        "wrap_up_seconds": 0.5,
        "lines": 80,
        "calls_per_second": 20,
        "caller_id": "+390612345678",
    }
    return CampaignSettings.model_validate(values | changes)


NO_LIMIT = "TEST-NO-LIMIT"


def own_profiles(folder: Path) -> Path:
    """A profile like DEMO whose abandon budget never runs out, for tests that need people to wait."""
    target = folder / "profiles"
    target.mkdir(exist_ok=True)
    shipped = resources.files("dialer") / "profile_data" / "demo-2026.11.0.json"
    data = json.loads(shipped.read_text(encoding="utf-8"))
    data["id"] = NO_LIMIT
    for window in data["abandon"]["windows"]:
        window["limit_ratio"] = 1.0
    (target / "no-limit.json").write_text(json.dumps(data))
    return target


def settings(
    pair: AsteriskPair,
    folder: Path,
    codes: Sequence[str],
    settings_of: CampaignSettings,
    trunks: Sequence[TrunkSettings] = (),
) -> Settings:
    ami = pair.pbx.ami
    return Settings(
        asterisk=AsteriskSettings(
            host=ami.host, port=ami.port, username=ami.username, secret=SecretStr(ami.secret)
        ),
        database=DatabaseSettings(url=f"sqlite+aiosqlite:///{folder / 'test.sqlite3'}"),
        agents=[AgentSettings(code=code, team=TEAM) for code in codes],
        trunks=list(trunks),
        campaigns=[settings_of],
        profiles_folder=own_profiles(folder),
    )


async def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until the condition holds; a deadline that passes is a failure that says what was awaited."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)


@dataclass
class LiveServer:
    dialer: Dialer
    pair: AsteriskPair

    def view(self) -> TeamView:
        return self.dialer.switchboard.runner(TEAM).view()

    def campaign(self) -> CampaignView:
        return self.view().campaigns[0]

    async def log_in(self, codes: Sequence[str]) -> dict[str, str]:
        """The far end's phones log the agents in; returns the far end's channel of each code."""
        await until(lambda: self.view().telephony_up, 20, "the link to Asterisk")
        channels = await asyncio.to_thread(self.pair.login_agents, list(codes))
        wanted = set(codes)
        await until(
            lambda: wanted <= {a.agent_id for a in self.view().agents if a.since is not None},
            10,
            "agents seen by the server",
        )
        return channels

    async def log_out(self) -> None:
        """Hang up the agents' legs, so that the next test finds none."""
        team = self.dialer.switchboard.runner(TEAM).team
        for agent in list(team.agents.values()):
            if agent.leg is not None and agent.node is not None:
                await self.dialer.exchanges[agent.node].hang_up(agent.leg)
        await until(
            lambda: all(agent.since is None for agent in self.view().agents), 10, "agents gone"
        )

    async def start(self) -> None:
        await self.dialer.set_campaign_state(CAMPAIGN, CampaignState.RUNNING)

    async def pause(self) -> None:
        await self.dialer.set_campaign_state(CAMPAIGN, CampaignState.PAUSED)

    async def settle(self) -> None:
        """Every write decided so far is in the database."""
        await self.dialer.switchboard.runner(TEAM).settle()

    def closed(self) -> int:
        return sum(self.campaign().outcomes.values())


@contextlib.asynccontextmanager
async def live_server(
    pair: AsteriskPair,
    folder: Path,
    codes: Sequence[str],
    leads: Sequence[NewLead],
    trunks: Sequence[TrunkSettings] = (),
    **changes: object,
) -> AsyncIterator[LiveServer]:
    """The server in this process, its leads stored, its campaign paused. It dials by `trunks`, where there are any."""
    if trunks:
        changes["trunks"] = [trunk.id for trunk in trunks]
    dialer = await Dialer.open(settings(pair, folder, codes, campaign(**changes), trunks))
    try:
        await dialer.start()
        await dialer.stores.leads.add(leads, at=dialer.clock.now())
        yield LiveServer(dialer, pair)
    finally:
        await dialer.stop()


def toml(value: Settings) -> str:
    """The settings as the file that `dialer run --config` reads."""
    asterisk = value.asterisk
    own = value.profiles_folder
    lines = [
        f"drain_seconds = {value.drain_seconds}",
        *([f'profiles_folder = "{own}"'] if own else []),
        "[asterisk]",
        f'host = "{asterisk.host}"',
        f"port = {asterisk.port}",
        f'username = "{asterisk.username}"',
        "[database]",
        f'url = "{value.database.url}"',
        "[redis]",
        f'url = "{value.redis.url.get_secret_value()}"',
        "[api]",
        "port = 0",
    ]
    for agent in value.agents:
        lines += ["[[agents]]", f'code = "{agent.code}"', f'team = "{agent.team}"']
    for config in value.campaigns:
        lines.append("[[campaigns]]")
        for name, field in config.model_dump(
            mode="json", exclude_none=True, exclude_defaults=True
        ).items():
            lines.append(f"{name} = {_inline(field)}")
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {_inline(of)}" for key, of in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(value)


@contextlib.contextmanager
def server_process(
    value: Settings, folder: Path, variables: Mapping[str, str] | None = None
) -> Iterator[int]:
    """`dialer run` as a process of its own, with further variables of the environment; yields its pid. Killed at the end
    if it still lives."""
    config = folder / "dialer.toml"
    config.write_text(toml(value), encoding="utf-8")
    secret = value.asterisk.secret.get_secret_value()
    environment = dict(os.environ) | {"DIALER_ASTERISK__SECRET": secret, **(variables or {})}
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "dialer", "run", "--config", str(config)],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
        )
    finally:
        os.close(log)
    try:
        yield pid
    finally:
        kill(pid)


def kill(pid: int) -> None:
    """`kill -9`, and wait until it is gone; harmless when it is."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

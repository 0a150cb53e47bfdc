"""The real application on a real SQLite file, as a client sees it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from api.app import create_app
from dialer.adapters.memory_line import MemoryHub
from dialer.adapters.sql.store import open_stores
from dialer.bootstrap import Dialer
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    DatabaseSettings,
    Settings,
    TrunkSettings,
)
from dialer.simulator.distributions import Constant
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import ITALY

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
"""A Tuesday at ten in the morning in Rome."""

DEADLINE_SECONDS = 15.0
AGENTS = ("1001", "1002")
FLOOR = replace(
    ITALY, agents=len(AGENTS), post_dial=Constant(0), login_spread=0.0, wrap_up=Constant(600)
)

T = TypeVar("T")


class WorkingHours:
    """A clock that stands at START when it is made, and runs."""

    def __init__(self) -> None:
        self._origin = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time() - self._origin)

    async def wait_until(self, instant: datetime) -> None:
        await asyncio.sleep(max((instant - self.now()).total_seconds(), 0.0))


class Talkers:
    """Everybody answers at once and talks until somebody hangs up for them."""

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        return Encounter(behaviour=Behaviour.PERSON, ring=0.01, talk=600.0)


@dataclass
class Desk:
    """One dialer with its API, seen by a client."""

    dialer: Dialer
    http: httpx.AsyncClient

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        return await self._ask("GET", path, status, **options)

    async def post(self, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        return await self._ask("POST", path, status, json=body, **options)

    async def put(self, path: str, body: Any, status: int = 200) -> Any:
        return await self._ask("PUT", path, status, json=body)

    async def _ask(self, method: str, path: str, status: int, **options: Any) -> Any:
        if options.get("json", 0) is None:
            del options["json"]
        response = await self.http.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()

    async def until(self, look: Callable[[], Awaitable[T | None]]) -> T:
        """Ask again and again until there is something to see."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                if found := await look():
                    return found
                now = self.dialer.clock.now()
                await self.dialer.clock.wait_until(now + timedelta(milliseconds=20))

    async def agent(self, code: str, **wanted: Any) -> Any:
        """The agent, as soon as the agent is as wanted."""

        async def look() -> Any:
            agents = {agent["code"]: agent for agent in await self.get("/agents")}
            agent = agents.get(code, {})
            return agent if wanted.items() <= agent.items() else None

        return await self.until(look)

    async def campaign(self, campaign_id: str = "spring", **changes: Any) -> None:
        await self.post("/campaigns", {"id": campaign_id, **changes})

    async def leads(self, *phones: str, campaign: str = "spring") -> Any:
        return await self.post(
            f"/campaigns/{campaign}/leads", [{"phone": phone} for phone in phones]
        )


@asynccontextmanager
async def desk_on(
    folder: Path,
    port: int,
    *,
    seed: int = 1,
    hub: MemoryHub | None = None,
    trunks: Sequence[TrunkSettings] = (),
) -> AsyncIterator[Desk]:
    """A dialer linked to an exchange on `port`, started and stopped. Those on one hub hear each other."""
    settings = Settings(
        database=DatabaseSettings(url=f"sqlite:///{folder / 'dialer.sqlite3'}"),
        asterisk=AsteriskSettings(port=port, secret=SecretStr("dialer")),
        agents=[AgentSettings(code=code, name=f"Agent {code}") for code in AGENTS],
        trunks=list(trunks),
    )
    stores = await open_stores(settings.database.url, random=Random(1))
    dialer = Dialer(settings, stores, WorkingHours(), Random(seed), hub)
    transport = httpx.ASGITransport(create_app(dialer))
    try:
        await dialer.start()
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as http:
            yield Desk(dialer, http)
    finally:
        await dialer.stop()

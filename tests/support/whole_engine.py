"""Whole servers on one loop, with everything that can fail about them: lives of `Dialer` over a failing wire and a failing store.

A story: the exchange, the database and one or two servers work a short list of leads; the plan's failures happen; all is mended;
new leads come. `Told` is what can be seen of it from outside.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from random import Random
from typing import Any

from pydantic import SecretStr

from dialer.bootstrap import Dialer
from dialer.campaign import PacingMode
from dialer.config import AgentSettings, AsteriskSettings, CampaignSettings, FixedSettings
from dialer.errors import StoreUnavailableError
from dialer.ids import CampaignId, LeadId
from dialer.leads import Lead, LeadState, NewLead
from dialer.ports import Attempt, Stores
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import ITALY
from tests.support.failing_store import Database, at_once
from tests.support.failing_wire import WireLoop, network
from tests.support.failures import Failure, Plan, Point, What, Where
from tests.support.processes import Process
from tests.support.virtual_loop import VirtualClock

CAMPAIGN = CampaignId("spring")
PORT = 5038
AGENTS, LEADS, LATER_LEADS = 2, 4, 2
PERSON = Encounter(behaviour=Behaviour.PERSON, post_dial=0.2, ring=0.4, talk=2.0)
BUSY = replace(PERSON, behaviour=Behaviour.BUSY)
NOBODY = replace(PERSON, behaviour=Behaviour.NO_ANSWER, ring=inf)
HEALED_WITHIN = 150.0
"""Seconds from the last failure until everything new must have been dialled and everything old told."""

Mutation = Callable[[Dialer], None]
SETTINGS = FixedSettings(
    asterisk=AsteriskSettings(port=PORT, username="dialer", secret=SecretStr("dialer")),
    agents=[AgentSettings(code=str(1001 + index)) for index in range(AGENTS)],
    campaigns=[
        CampaignSettings(
            id=CAMPAIGN,
            profile="DEMO",
            mode=PacingMode.PROGRESSIVE,
            ring_timeout_seconds=5,
            wrap_up_seconds=0.2,
            running=True,
        )
    ],
)


class Public:
    """Persons, but for one who is busy and one who is not there."""

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        return {"1": BUSY, "2": NOBODY}.get(number[-1], PERSON)


@dataclass
class Told:
    """What came of a story, as the wire and the database tell it."""

    left: Counter[str] = field(default_factory=Counter)  # Originates, whole or in part, by id
    received: Counter[str] = field(default_factory=Counter)  # by the exchange, whole
    uncommitted: list[str] = field(default_factory=list)  # left with no attempt in the store
    closed: list[str] = field(default_factory=list)  # left when the attempt was closed already
    late: list[str] = field(default_factory=list)  # received when the attempt was closed already
    leads: list[Lead] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    channels: int = 0  # calls that are up at the end
    healed: bool = False  # every new lead was dialled, in time
    steps: int = 0  # of the first life
    points: list[tuple[Point, str]] = field(default_factory=list)


class Clock(VirtualClock):
    """A machine's clock, which somebody may set."""

    def __init__(self) -> None:
        self.behind = timedelta()

    def now(self) -> datetime:
        return super().now() - self.behind


class Server:
    """A machine on which a server runs; killed, it is started again."""

    def __init__(self, story: "Story", name: str) -> None:
        self.story, self.name = story, name
        self.lives = 0
        self.clock = Clock()
        self.process: Process
        self.dialer: Dialer | None = None
        self.start()

    def start(self) -> None:
        self.lives += 1
        self.dialer = None
        first = self.name == "a" and self.lives == 1
        self.process = Process(f"{self.name}{self.lives}", self.story.on_step if first else None)
        self.story.processes.append(self.process)
        self.process.run(self._live())

    async def _live(self) -> None:
        seed = f"{self.name}{self.lives}"
        dialer = Dialer(SETTINGS, self.story.stores, self.clock, Random(seed))
        self.story.mutate(dialer)
        try:
            await dialer.start()
        except StoreUnavailableError:
            self.kill(1.0)
            return
        self.dialer = dialer

    def kill(self, away: float) -> None:
        self.process.stop()
        network().killed(self.process)
        network().later(away, self.start)

    def freeze(self, seconds: float, behind: float) -> None:
        """When it goes on, its clock has been set back by so many seconds."""
        self.process.stop()
        self.clock.behind = timedelta(seconds=behind)
        network().later(seconds, self.process.resume)


class Story:
    """One run. `mutate` breaks a server on purpose, to see that it is noticed."""

    def __init__(
        self, plan: Plan, *, standby: bool, mutate: Mutation, store_wrap: Any, behind: float
    ) -> None:
        self.plan, self.mutate, self.behind = plan, mutate, behind
        self.told = Told()
        self.processes: list[Process] = []
        self.network = network()
        self.network.on_leaving, self.network.on_arriving = self._leaving, self._arriving
        self.database = Database(self.network)
        self.stores: Stores = store_wrap(self.database.stores)
        self.servers: list[Server] = []
        self._standby = standby

    # --- what happens ---------------------------------------------------------------------------------------------

    async def run(self) -> Told:
        async with self._exchange():
            await self._leads(range(LEADS))
            self.servers = [Server(self, name) for name in ("ab" if self._standby else "a")]
            await self._until(lambda: self._dialled(LEADS) and self.plan.over, 90)
            await asyncio.sleep(self.plan.lasts)
            await self._leads(range(LEADS, LEADS + LATER_LEADS))
            self.told.healed = await self._until(self._at_rest, HEALED_WITHIN)
            self._look()
            await self._end()
        return self.told

    @contextlib.asynccontextmanager
    async def _exchange(self) -> AsyncIterator[None]:
        scenario = replace(ITALY, agents=AGENTS, login_spread=0.0, agent_puts_down=0.0)
        self.exchange = SimulatedExchange(
            scenario, port=PORT, clock=VirtualClock(), people=Public()
        )
        self.exchange.behind = self.behind
        self.machine = Process("exchange")
        self.processes.append(self.machine)
        self.network.on_asleep = self._sleep
        await self.machine.run(self.exchange.__aenter__())
        try:
            yield
        finally:
            self.machine.resume()
            await self.machine.run(self.exchange.__aexit__(None, None, None))

    def _sleep(self, seconds: float) -> None:
        self.machine.stop()
        self.network.later(seconds, self.machine.resume)

    async def _leads(self, numbers: range) -> None:
        new = [NewLead(campaign_id=CAMPAIGN, phone=f"+3906900000{n:02}") for n in numbers]
        inner = self.database.inner
        if not numbers.start:
            await inner.campaigns.save(SETTINGS.campaigns[0].policy())
        await inner.leads.add(new, at=VirtualClock().now())

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            if loop.time() > deadline:
                return False
            await asyncio.sleep(0.1)
        return True

    def on_step(self, process: Process) -> None:
        """Before each step of the first life of the first server."""
        self.told.steps += 1
        match self.plan.at(Where.STEP, ""):
            case Failure(what=What.DIE, value=seconds):
                self.servers[0].kill(seconds)
            case Failure(what=What.FREEZE, value=seconds, away=behind):
                self.servers[0].freeze(seconds, behind)

    async def _end(self) -> None:
        """Drain and stop as a server does; what is dead comes to its end too, unheeded."""
        for server in self.servers:
            if server.dialer is not None and not server.process.stopped:
                await server.process.run(server.dialer.stop())
        for process in self.processes:
            process.resume()

    # --- what is seen ---------------------------------------------------------------------------------------------

    def _all_leads(self) -> list[Lead]:
        inner = self.database.inner.leads
        found: list[Lead] = at_once(inner.page(CAMPAIGN, after=None, limit=100, state=None))
        return found

    def _attempts(self, lead_id: LeadId) -> list[Attempt]:
        found: list[Attempt] = at_once(self.database.inner.attempts.of_lead(lead_id))
        return found

    def _dialled(self, count: int) -> bool:
        leads = self._all_leads()
        busy = {LeadState.NEW, LeadState.RESERVED, LeadState.DIALING}
        return len(leads) >= count and all(lead.state not in busy for lead in leads)

    def _at_rest(self) -> bool:
        return self._dialled(LEADS + LATER_LEADS) and not self._channels()

    def _channels(self) -> int:
        return sum(channel.order is not None for channel in self.exchange.world.channels())

    def _leaving(self, call_id: str) -> None:
        found = self._attempt(call_id)
        if found is None:
            self.told.uncommitted.append(call_id)
        elif found.ended_at is not None:
            self.told.closed.append(call_id)

    def _arriving(self, call_id: str) -> None:
        found = self._attempt(call_id)
        if found is None or found.ended_at is not None:
            self.told.late.append(call_id)

    def _attempt(self, call_id: str) -> Attempt | None:
        attempts = [one for lead in self._all_leads() for one in self._attempts(lead.lead_id)]
        return next((one for one in attempts if one.call_id == call_id), None)

    def _look(self) -> None:
        told = self.told
        told.left = Counter(one.call_id for one in self.network.left)
        told.received = Counter(self.network.received)
        told.leads = self._all_leads()
        told.attempts = [one for lead in told.leads for one in self._attempts(lead.lead_id)]
        told.channels = self._channels()
        told.points = self.plan.seen


def nothing(dialer: Dialer) -> None:
    """No mutation."""


def play(
    failures: dict[Point, Failure] | None = None,
    *,
    standby: bool = False,
    mutate: Mutation = nothing,
    store_wrap: Callable[[Stores], Stores] = lambda stores: stores,
    behind: float = 0.0,
) -> Told:
    """The story with these failures, from its beginning to its end. `behind`: see SimulatedExchange."""
    plan = Plan(failures or {})
    logging.disable(logging.CRITICAL)
    try:
        with asyncio.Runner(loop_factory=lambda: WireLoop(plan)) as runner:
            return runner.run(_run(plan, standby, mutate, store_wrap, behind))
    finally:
        logging.disable(logging.NOTSET)


async def _run(plan: Plan, standby: bool, mutate: Mutation, store_wrap: Any, behind: float) -> Told:
    return await Story(
        plan, standby=standby, mutate=mutate, store_wrap=store_wrap, behind=behind
    ).run()


def wrongs(told: Told) -> list[str]:
    """What must never be seen, in words; empty: all is well."""
    found = [f"left twice: {each}" for each, count in told.left.items() if count > 1]
    found += [f"received twice: {each}" for each, count in told.received.items() if count > 1]
    found += [f"rung before it was committed: {each}" for each in told.uncommitted]
    found += [f"rung after its attempt was closed: {each}" for each in told.closed]
    found += [f"rung by an order that arrived too late: {each}" for each in told.late]
    known = {attempt.call_id for attempt in told.attempts}
    found += [f"received, but no attempt: {each}" for each in told.received if each not in known]
    found += [f"still open: {one.call_id}" for one in told.attempts if one.ended_at is None]
    held = (LeadState.NEW, LeadState.RESERVED, LeadState.DIALING)
    found += [f"lead not dealt with: {one.state}" for one in told.leads if one.state in held]
    if len(told.leads) != LEADS + LATER_LEADS:
        found.append("a lead is gone")
    if told.channels:
        found.append(f"{told.channels} calls are up, and nobody's")
    if not told.healed:
        found.append("not healed in time")
    return found

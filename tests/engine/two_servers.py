"""One team on two Asterisk servers, on the virtual loop: production runner and executor, stores in memory, two simulated
exchanges. Both give their legs the same ids, as two real ones may. Each link can be cut by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from dialer.adapters.memory import memory_stores
from dialer.campaign import CampaignState
from dialer.engine.loader import load
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.events import AgentEvent, CallEvent, Event
from dialer.ids import AgentId, CallId, NodeId, uuid7
from dialer.leads import NewLead
from dialer.ports import Attempt
from dialer.simulator.people import Encounter
from dialer.simulator.scenario import ITALY
from dialer.simulator.virtual import VirtualExchange, VirtualTelephony
from dialer.team import Team
from tests.engine.floor import (
    OWNER,
    PERSON,
    Book,
    Counted,
    Faults,
    FaultyTelephony,
    Journal,
    Public,
)
from tests.support import playbook
from tests.support.playbook import SALES, SPRING
from tests.support.virtual_loop import START, VirtualClock

ROMA, MILANO = NodeId("roma"), NodeId("milano")
FIRST_CODES = {ROMA: 1001, MILANO: 2001}


class Server:
    """One exchange with agents at its phones, and the link to it."""

    def __init__(
        self,
        node: NodeId,
        agents: int,
        people: Public,
        clock: VirtualClock,
        tell: Callable[[Event], None],
    ) -> None:
        self.node, self.faults, self.journal = node, Faults(), Journal()
        self._clock, self._tell = clock, tell
        scenario = replace(
            ITALY,
            agents=agents,
            first_code=FIRST_CODES[node],
            login_spread=0.0,
            agent_puts_down=0.0,
        )
        self.exchange = VirtualExchange(scenario, seed=1, start=START, people=people, node=node)
        self.line = VirtualTelephony(self.exchange, clock, self._hear)
        self.telephony = FaultyTelephony(self.line, self.faults, self.journal)
        self.codes = [str(FIRST_CODES[node] + index) for index in range(agents)]

    def _hear(self, event: Event) -> None:
        if not self.faults.link_cut and isinstance(event, CallEvent | AgentEvent):
            self._tell(event)

    def placed(self) -> list[str]:
        return self.journal.of("placed")

    def legs(self) -> set[str]:
        """Agents whose leg is up."""
        self.exchange.advance_to(self._clock.now())
        return {leg.agent_id for leg in self.exchange.channels_up().agents}


class TwoServers:
    def __init__(self, agents: int, people: Public) -> None:
        self.people, self.metrics, self.clock = people, Counted(), VirtualClock()
        self.switchboard = Switchboard()
        self.stores = memory_stores(random=Random(1))
        self._random = Random(2)
        self.roma, self.milano = (
            Server(node, agents, people, self.clock, self.switchboard.deliver)
            for node in (ROMA, MILANO)
        )
        self.servers = {ROMA: self.roma, MILANO: self.milano}
        self.take_over()

    def take_over(self) -> None:
        """A new life of the dialer: a team that knows its agents and nothing else."""
        self.team = Team(SALES, lambda at: CallId(uuid7(at, self._random)), self.servers)
        for server in self.servers.values():
            for code in server.codes:
                self.team.add_agent(AgentId(code), "")
        self.runner = TeamRunner(
            self.team,
            stores=self.stores,
            telephony={node: server.telephony for node, server in self.servers.items()},
            clock=self.clock,
            metrics=self.metrics,
            owner=OWNER,
        )
        self.switchboard.runners[SALES] = self.runner

    async def begin(self, **changes: object) -> None:
        self.runner.start()
        await self.stores.campaigns.save(playbook.policy(**changes))
        await self.stores.campaigns.set_state(SPRING, CampaignState.RUNNING)
        stored = await self.stores.campaigns.get(SPRING)
        stores = self.stores
        event = await load(
            stored,
            profiles=Book(),
            stores=stores,
            clock=self.clock,
        )
        self.runner.post(event)

    async def restart(self) -> None:
        """The dialer dies and lives again; both servers go on."""
        await self.runner.close()
        self.take_over()
        await self.begin()
        for node in self.servers:
            self.runner.link_up(node)

    @contextlib.asynccontextmanager
    async def working(self, leads: int, *up: NodeId) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            lines = [group.create_task(each.line.run()) for each in self.servers.values()]
            try:
                await self.begin()
                new = [NewLead(campaign_id=SPRING, phone=f"+39069{n:08}") for n in range(leads)]
                await self.stores.leads.add(new, at=self.clock.now())
                for node in up or self.servers:
                    self.runner.link_up(node)
                yield
            finally:
                await self.runner.close()
                for line in lines:
                    line.cancel()

    def cut(self, server: Server) -> None:
        server.exchange.advance_to(self.clock.now())
        server.faults.link_cut = True
        self.switchboard.link_down(server.node, "connection reset")

    def mend(self, server: Server) -> None:
        server.exchange.advance_to(self.clock.now())  # what was said meanwhile, nobody heard
        server.faults.link_cut = False
        self.switchboard.link_up(server.node)

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Let time pass until the condition holds, in steps of 50 ms."""
        deadline = self.clock.now() + timedelta(seconds=seconds)
        while not condition():
            assert self.clock.now() < deadline, "not in time"
            await asyncio.sleep(0.05)

    async def goes_on(self, server: Server, seconds: float = 60.0) -> None:
        """Two more calls leave there, and two more are joined to agents there."""
        placed, joined = len(server.placed()), len(server.journal.of("bridged"))
        await self.until(lambda: len(server.placed()) >= placed + 2, seconds)
        await self.until(lambda: len(server.journal.of("bridged")) >= joined + 2, seconds)

    async def attempts(self) -> list[Attempt]:
        found: list[Attempt] = []
        for lead in await self.stores.leads.page(SPRING, after=None, limit=10_000, state=None):
            found += await self.stores.attempts.of_lead(lead.lead_id)
        return found

    async def all_is_well(self) -> None:
        """Nobody was rung twice, and no call was joined to an agent of another server."""
        assert set(self.people.rung.values()) == {1}
        for server in self.servers.values():
            assert set(server.journal.of("bridged")) <= set(server.placed())
        assert {attempt.call_id for attempt in await self.attempts()} >= {
            call_id for server in self.servers.values() for call_id in server.placed()
        }

    def staffed(self, server: Server) -> int:
        return sum(a.is_staffed and a.node == server.node for a in self.team.agents.values())


@contextlib.asynccontextmanager
async def two_servers(
    *up: NodeId, agents: int = 3, leads: int = 200, everybody: Encounter = PERSON
) -> AsyncIterator[TwoServers]:
    """Agents on both servers, the campaign runs; links up to `up` (none named: both)."""
    at = TwoServers(agents, Public(everybody))
    async with at.working(leads, *up):
        yield at

"""A team at work on the virtual loop: production runner, executor and writer; stores in memory; the simulated exchange.

Between them stand faults that a test switches on: a store that does not answer or is away, a link that is cut. Everything that
is committed and everything that is sent is noted in one journal, in the order in which it happened.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from dialer.abandonment import AbandonFormula, EventClass
from dialer.adapters.memory import memory_stores
from dialer.campaign import CampaignPolicy, CampaignState
from dialer.commands import (
    BridgeToAgent,
    CallRecord,
    CloseAttempt,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
)
from dialer.engine.loader import load
from dialer.engine.pacing_tape import PacingTape
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.errors import (
    DialerError,
    NotFoundError,
    StoreUnavailableError,
    TelephonyDownError,
    TelephonyRefusedError,
)
from dialer.events import AgentEvent, CallEvent, DrainRequested, Event, Fate
from dialer.ids import ONLY_NODE, AgentId, CallId, CampaignId, LeadId, TeamId, uuid7
from dialer.law import Law
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.pacing_board import PacingBoard
from dialer.ports import (
    Attempt,
    AttemptStore,
    ChannelsUp,
    ImportReport,
    LeadCounts,
    LeadStore,
    OpenAttempt,
    OpenResult,
)
from dialer.profiles import Profile
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import ITALY
from dialer.simulator.virtual import VirtualExchange, VirtualTelephony
from dialer.team import Team
from tests.support import playbook
from tests.support.playbook import SALES, SPRING
from tests.support.virtual_loop import START, VirtualClock

SomeTeam = TypeVar("SomeTeam", bound=Team)

OWNER = "team:sales"
PERSON = Encounter(behaviour=Behaviour.PERSON, post_dial=1.0, ring=4.0, talk=20.0)
NOBODY = Encounter(behaviour=Behaviour.NO_ANSWER, post_dial=1.0)


class Public:
    """Everybody behaves alike, but for who is named."""

    def __init__(self, everybody: Encounter = PERSON) -> None:
        self.everybody = everybody
        self.by_number: dict[str, Encounter] = {}
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        return self.by_number.get(number, self.everybody)


@dataclass
class Faults:
    """What is broken at present."""

    store_away: bool = False
    store_stuck: asyncio.Event | None = None  # writes wait for it
    answer_lost: bool = False  # the next `open` is committed, its answer never arrives
    leads_lost: bool = False  # the next leads are reserved, and the answer never arrives
    open_takes: float = 0.0  # seconds that the commit of attempts takes
    record_takes: float = 0.0  # seconds that the commit of what happened on calls takes
    link_cut: bool = False
    place_unknown: bool = False  # a call is taken, the answer never arrives
    looks_fail: int = 0  # so many looks at the channels fail
    clock_ahead: timedelta = timedelta()  # somebody has put the server's wall clock forward


class WallClock(VirtualClock):
    """The server's clock, which somebody may set; the exchange has its own."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def now(self) -> datetime:
        return super().now() + self._faults.clock_ahead


@dataclass
class Journal:
    lines: list[tuple[str, str]] = field(default_factory=list)

    def note(self, what: str, which: str) -> None:
        self.lines.append((what, which))

    def of(self, what: str) -> list[str]:
        return [which for kind, which in self.lines if kind == what]

    def place_of(self, what: str, which: str) -> int:
        return self.lines.index((what, which))


class FaultyLeads:
    """The LeadStore port; the inner one, as far as the faults let it through."""

    def __init__(self, inner: LeadStore, faults: Faults) -> None:
        self._inner, self._faults = inner, faults

    async def _pass(self) -> None:
        await passing(self._faults)

    async def add(self, leads: Sequence[NewLead], *, at: datetime) -> ImportReport:
        return await self._inner.add(leads, at=at)

    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        await self._pass()
        leads = await self._inner.reserve_due(campaign_id, count, owner=owner, lease=lease, at=at)
        if leads and self._faults.leads_lost:
            self._faults.leads_lost = False
            raise StoreUnavailableError("the answer was lost")
        return leads

    async def reserve(
        self, lead_id: LeadId, *, owner: str, lease: timedelta, at: datetime
    ) -> Lead | None:
        await self._pass()
        return await self._inner.reserve(lead_id, owner=owner, lease=lease, at=at)

    async def release(self, lead_ids: Collection[LeadId], *, owner: str) -> None:
        await self._pass()
        await self._inner.release(lead_ids, owner=owner)

    async def release_owner(self, owner: str) -> int:
        return await self._inner.release_owner(owner)

    async def defer(
        self,
        lead_id: LeadId,
        *,
        owner: str,
        state: LeadState,
        not_before: datetime | None,
        reason: str,
    ) -> None:
        await self._pass()
        await self._inner.defer(
            lead_id, owner=owner, state=state, not_before=not_before, reason=reason
        )

    async def get(self, lead_id: LeadId) -> Lead:
        return await self._inner.get(lead_id)

    async def with_number(self, campaign_id: CampaignId, phone: str) -> Lead | None:
        return await self._inner.with_number(campaign_id, phone)

    async def page(
        self, campaign_id: CampaignId, *, after: LeadId | None, limit: int, state: LeadState | None
    ) -> list[Lead]:
        return await self._inner.page(campaign_id, after=after, limit=limit, state=state)

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> LeadCounts:
        await self._pass()
        return await self._inner.counts(campaign_id, at=at)

    async def add_do_not_call(self, phone: str, *, reason: str, at: datetime) -> None:
        await self._inner.add_do_not_call(phone, reason=reason, at=at)

    async def do_not_call(self, phones: Collection[str]) -> set[str]:
        return await self._inner.do_not_call(phones)


class FaultyAttempts:
    """The AttemptStore port; the inner one, as far as the faults let it through. Commits are noted."""

    def __init__(self, inner: AttemptStore, faults: Faults, journal: Journal) -> None:
        self._inner, self._faults, self._journal = inner, faults, journal

    async def open(self, calls: Sequence[PlaceCall], *, owner: str) -> OpenResult:
        await passing(self._faults)
        await asyncio.sleep(self._faults.open_takes)
        result = await self._inner.open(calls, owner=owner)
        for call_id in sorted(result.written):
            self._journal.note("opened", call_id)
        for call_id in sorted(result.refused):
            self._journal.note("refused", call_id)
        if self._faults.answer_lost:
            self._faults.answer_lost = False
            raise StoreUnavailableError("the answer was lost")
        return result

    async def record(self, records: Sequence[CallRecord]) -> dict[int, DialerError]:
        await passing(self._faults)
        await asyncio.sleep(self._faults.record_takes)
        refused = await self._inner.record(records)
        self._journal.note("batch", str(len(records)))
        for place, record in enumerate(records):
            if isinstance(record, CloseAttempt) and place not in refused:
                self._journal.note("closed", record.call_id)
        return refused

    async def mark_answered(self, call_id: CallId, *, at: datetime) -> None:
        await self.record([MarkAnswered(call_id=call_id, answered_at=at)])

    async def mark_bridged(self, call_id: CallId, *, at: datetime, agent_id: AgentId) -> None:
        await self.record([MarkBridged(call_id=call_id, bridged_at=at, agent_id=agent_id)])

    async def close(self, close: CloseAttempt) -> None:
        await self.record([close])

    async def record_disposition(self, record: RecordDisposition) -> None:
        await self.record([record])

    async def still_open(self, campaign_ids: Collection[CampaignId]) -> list[OpenAttempt]:
        await passing(self._faults)
        return await self._inner.still_open(campaign_ids)

    async def get(self, call_id: CallId) -> Attempt:
        return await self._inner.get(call_id)

    async def of_lead(self, lead_id: LeadId) -> list[Attempt]:
        return await self._inner.of_lead(lead_id)

    async def last_ended(self, campaign_id: CampaignId, count: int) -> list[Attempt]:
        return await self._inner.last_ended(campaign_id, count)

    async def outcomes(self, campaign_id: CampaignId) -> dict[Outcome, int]:
        return await self._inner.outcomes(campaign_id)

    async def closed_since(
        self, campaign_id: CampaignId, *, since: datetime, most: int
    ) -> list[Attempt]:
        return await self._inner.closed_since(campaign_id, since=since, most=most)

    async def first_started_at(self, campaign_id: CampaignId) -> datetime | None:
        return await self._inner.first_started_at(campaign_id)

    async def event_counts(
        self,
        campaign_ids: Collection[CampaignId],
        formula: AbandonFormula,
        *,
        since: datetime | None,
        until: datetime | None = None,
    ) -> Counter[EventClass]:
        return await self._inner.event_counts(campaign_ids, formula, since=since, until=until)


async def passing(faults: Faults) -> None:
    if faults.store_away:
        raise StoreUnavailableError
    if faults.store_stuck is not None:
        await faults.store_stuck.wait()


class FaultyTelephony:
    """The Telephony port; the simulated exchange, as far as the faults let it through. Everything sent is noted."""

    def __init__(self, inner: VirtualTelephony, faults: Faults, journal: Journal) -> None:
        self._inner, self._faults, self._journal = inner, faults, journal

    def _send(self, what: str, which: str) -> None:
        if self._faults.link_cut:
            raise TelephonyRefusedError("no link; nothing was sent")
        self._journal.note(what, which)

    async def place(self, call: PlaceCall) -> None:
        self._send("placed", call.call_id)
        await self._inner.place(call)
        if self._faults.place_unknown:
            raise TelephonyDownError

    async def bridge(self, order: BridgeToAgent) -> None:
        self._send("bridged", order.call_id)
        await self._inner.bridge(order)

    async def hang_up(self, channel: str) -> None:
        self._send("hung up", channel)
        await self._inner.hang_up(channel)

    async def channels_up(self) -> ChannelsUp:
        if self._faults.looks_fail:
            self._faults.looks_fail -= 1
            raise TelephonyDownError
        self._send("looked", "")
        up = await self._inner.channels_up()
        return replace(up, at=up.at + self._faults.clock_ahead)

    async def fate(self, call_id: CallId) -> Fate:
        self._send("fate", call_id)
        return await self._inner.fate(call_id)


class Book:
    def get(self, profile_id: str) -> Profile:
        if profile_id != playbook.ITALY.id:
            raise NotFoundError
        return playbook.ITALY

    sectors: frozenset[str] = frozenset()

    def law(self, profile_id: str, *, sector: str = "", centre: str = "") -> Law:
        return Law(self.get(profile_id))


@dataclass
class Counted:
    """The Metrics port, as lists."""

    quarantined: list[tuple[str, str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    failed_writes: list[str] = field(default_factory=list)
    events: int = 0
    decisions: list[float] = field(default_factory=list)
    logged: int = 0
    log_stopped: int = 0

    def event_handled(self, team_id: TeamId, event: Event, seconds: float) -> None:
        self.events += 1

    def decided(self, team_id: TeamId, cpu_seconds: float) -> None:
        self.decisions.append(cpu_seconds)

    def call_quarantined(self, team_id: TeamId, state: str, event: str) -> None:
        self.quarantined.append((state, event))

    def attempt_closed(self, campaign_id: CampaignId, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def answered_to_bridged(self, campaign_id: CampaignId, seconds: float) -> None:
        self.waits.append(seconds)

    def store_write(self, what: str, seconds: float, ok: bool) -> None:
        if not ok:
            self.failed_writes.append(what)

    def pacing_logged(self, team_id: TeamId, size: int) -> None:
        self.logged += size

    def pacing_log_stopped(self, team_id: TeamId) -> None:
        self.log_stopped += 1


class Floor:
    """One team, one campaign, agents at their phones."""

    def __init__(self, agents: int, people: Public) -> None:
        self.faults, self.journal, self.metrics = Faults(), Journal(), Counted()
        self.clock = VirtualClock()
        self.switchboard = Switchboard()
        scenario = replace(ITALY, agents=agents, login_spread=0.0, agent_puts_down=0.0)
        self.exchange = VirtualExchange(scenario, seed=1, start=START, people=people)
        self.people = people
        self.line = VirtualTelephony(self.exchange, self.clock, self._hear)
        inner = memory_stores(random=Random(1))
        self.stores = replace(
            inner,
            leads=FaultyLeads(inner.leads, self.faults),
            attempts=FaultyAttempts(inner.attempts, self.faults, self.journal),
        )
        self._codes = [str(scenario.first_code + index) for index in range(agents)]
        self._random = Random(2)
        self.take_over(self.new_team(Team))

    def new_team(self, kind: type[SomeTeam], board: PacingBoard | None = None) -> SomeTeam:
        """A team that knows the agents and nothing else."""
        team = kind(SALES, lambda at: CallId(uuid7(at, self._random)), board=board)
        for code in self._codes:
            team.add_agent(AgentId(code), "")
        return team

    def take_over(self, team: Team, tape: PacingTape | None = None) -> None:
        """This team works the floor from now on; its runner is not started yet."""
        self.team, self.runner = team, self._runner(team, tape)

    def _runner(self, team: Team, tape: PacingTape | None) -> TeamRunner:
        runner = TeamRunner(
            team,
            stores=self.stores,
            telephony={ONLY_NODE: FaultyTelephony(self.line, self.faults, self.journal)},
            clock=WallClock(self.faults),
            metrics=self.metrics,
            owner=OWNER,
            tape=tape,
        )
        self.switchboard.runners[SALES] = runner
        return runner

    def _hear(self, event: Event) -> None:
        """What the exchange tells is told to nobody while the link is cut."""
        if not self.faults.link_cut and isinstance(event, CallEvent | AgentEvent):
            self.switchboard.deliver(replace(event, at=event.at + self.faults.clock_ahead))

    @contextlib.asynccontextmanager
    async def working(self, leads: int, **changes: Any) -> AsyncIterator[None]:
        """The link is up, the agents are logged in, the campaign runs."""
        async with asyncio.TaskGroup() as group:
            line = group.create_task(self.line.run())
            self.runner.start()
            try:
                await self.campaign(**changes)
                await self.leads(leads)
                self.runner.link_up(ONLY_NODE)
                yield
            finally:
                await self.runner.close()
                line.cancel()

    # --- what a test does ---------------------------------------------------------------------------------------------

    async def campaign(self, state: CampaignState = CampaignState.RUNNING, **changes: Any) -> None:
        """Save the campaign and tell the team, as the server does."""
        policy: CampaignPolicy = playbook.policy(**changes)
        await self.stores.campaigns.save(policy)
        await self.stores.campaigns.set_state(SPRING, state)
        stored = await self.stores.campaigns.get(SPRING)
        event = await load(
            stored,
            profiles=Book(),
            stores=self.stores,
            clock=self.clock,
        )
        self.runner.post(event)

    async def leads(self, count: int) -> list[str]:
        """So many new leads; their numbers."""
        phones = [f"+39069{index:08}" for index in range(count)]
        new = [NewLead(campaign_id=SPRING, phone=phone) for phone in phones]
        await self.stores.leads.add(new, at=self.clock.now())
        return phones

    def cut_link(self) -> None:
        self.exchange.advance_to(self.clock.now())
        self.faults.link_cut = True
        self.switchboard.link_down(ONLY_NODE, "connection reset")

    def mend_link(self) -> None:
        self.exchange.advance_to(self.clock.now())  # what was said meanwhile, nobody heard
        self.faults.link_cut = False
        self.switchboard.link_up(ONLY_NODE)

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Let time pass until the condition holds, in steps of 50 ms."""
        deadline = self.clock.now() + timedelta(seconds=seconds)
        while not condition():
            assert self.clock.now() < deadline, "not in time"
            await asyncio.sleep(0.05)

    async def pause(self) -> None:
        await self.campaign(CampaignState.PAUSED)

    async def let_it_be_told(self) -> None:
        """What the test did to the exchange behind the telephony's back is told now."""
        await self.line.hang_up("nobody's channel")

    async def drain(self) -> None:
        self.runner.post(DrainRequested(at=self.clock.now()))
        await self.runner.quiet()
        await self.runner.settle()

    # --- what a test looks at -----------------------------------------------------------------------------------------

    def placed(self) -> list[str]:
        return self.journal.of("placed")

    async def all_leads(self) -> list[Lead]:
        return await self.stores.leads.page(SPRING, after=None, limit=10_000, state=None)

    async def attempts(self) -> list[Attempt]:
        found: list[Attempt] = []
        for lead in await self.all_leads():
            found += await self.stores.attempts.of_lead(lead.lead_id)
        return found

    async def states(self) -> dict[LeadState, int]:
        leads = await self.all_leads()
        return {
            state: sum(lead.state is state for lead in leads)
            for state in LeadState
            if any(lead.state is state for lead in leads)
        }

    def hoppered(self) -> int:
        return sum(len(run.hopper) for run in self.team.runs.values())

    def staffed(self) -> int:
        return sum(agent.is_staffed for agent in self.team.agents.values())


@contextlib.asynccontextmanager
async def floor(
    *, agents: int = 3, leads: int = 40, everybody: Encounter = PERSON, **changes: Any
) -> AsyncIterator[Floor]:
    """A floor that dials: the link is up, the agents are logged in, the campaign runs."""
    at = Floor(agents, Public(everybody))
    async with at.working(leads, **changes):
        yield at

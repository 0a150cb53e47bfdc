"""A shift in virtual time: the production Team against the VirtualExchange. Events in, commands out, no asyncio.

The store is an endless list of new leads; writes are taken as done at once. A call that does not tell its end is looked up on
the exchange by the engine's own reconciliation. With `disposes` agents end their wrap-up as the scenario has it, else the
campaign's limit ends it; breaks are asked for in the talk. What is measured is sampled at every tick.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import cast

from dialer.adapters.profile_files import ProfileFiles
from dialer.agents import AgentPhase, AgentStatus
from dialer.campaign import Campaign, CampaignPolicy, CampaignState, PacingMode
from dialer.campaign_run import CampaignRun
from dialer.commands import (
    BridgeToAgent,
    CancelTimer,
    CheckCalls,
    Command,
    HangUp,
    PlaceCall,
    RequestLeads,
    StartTimer,
)
from dialer.engine.reconcile import look
from dialer.errors import IllegalTransitionError, TelephonyError
from dialer.events import (
    BreakEnded,
    BreakRequested,
    BridgeFailed,
    CallBridged,
    CallEvent,
    CampaignLoaded,
    Event,
    Fate,
    LeadsReserved,
    TelephonyUp,
    Ticked,
    TimerFired,
    WindowCount,
    WrapUpEnded,
)
from dialer.ids import ONLY_NODE, AgentId, CallId, CampaignId, LeadId, NodeId, TeamId
from dialer.leads import Lead, LeadState, Outcome
from dialer.pacing import Binding
from dialer.pacing_board import PacingBoard
from dialer.ports import AttemptStore, ChannelsUp, OpenAttempt, Telephony
from dialer.profiles import Profile
from dialer.simulator.people import People, break_after, wrap_up_seconds
from dialer.simulator.scenario import ITALY, Scenario
from dialer.simulator.virtual import VirtualExchange
from dialer.team import Team
from dialer.trunks import named

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""A Tuesday, 9:00 in Rome."""

TICK = timedelta(seconds=0.25)
LONGEST_WRAP_UP = timedelta(minutes=10)
"""The campaign's limit, where agents dispose of their calls themselves."""

LOOK_DELAY = timedelta(seconds=0.2)
CAMPAIGN, TEAM = CampaignId("shift"), TeamId("floor")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftResult:
    """What a shift came to. Shares 0..1, times in seconds."""

    mode: PacingMode
    agents: int
    seed: int
    hours: float
    dialled: int
    answered: int  # persons: the denominator of the abandon ratio
    abandoned: int
    talks: int  # machines that reached an agent are among them
    talk_share: float  # talk time / logged-in time, breaks included
    occupancy: float  # (talk + wrap-up) / logged-in time without breaks
    wait_seconds: float  # idle time of an agent per talk
    braked_share: float  # of the decisions
    theta: float  # at the end
    worst_ratio: float  # of the running abandon ratio, from the 50th answer on
    limit: float
    looked_up: int = 0  # looks at the exchange for a call that did not tell its end

    @property
    def abandon_ratio(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


def policy(
    mode: PacingMode,
    *,
    profile: str = "DEMO",
    dial_ratio: float = 2.0,
    works_until: time | None = None,
    ring_timeout: timedelta = timedelta(seconds=25),
) -> CampaignPolicy:
    """Nothing but the pacing holds it back."""
    return CampaignPolicy(
        campaign_id=CAMPAIGN,
        name="Shift",
        team_id=TEAM,
        profile=profile,
        mode=mode,
        dial_ratio=dial_ratio,
        works_until=works_until,
        ring_timeout=ring_timeout,
        lines=1000,
        calls_per_second=20.0,
    )


def run(
    mode: PacingMode,
    *,
    agents: int,
    seed: int,
    hours: float,
    scenario: Scenario = ITALY,
    counts: WindowCount | None = None,
    works_until: time | None = None,
    ring_timeout: timedelta = timedelta(seconds=25),
    disposes: bool = False,
) -> ShiftResult:
    """One shift. `counts`: what the campaign's windows have seen before it; `works_until`: by the clock in Rome."""
    shift = Shift(
        mode,
        agents=agents,
        seed=seed,
        scenario=scenario,
        counts=counts,
        works_until=works_until,
        ring_timeout=ring_timeout,
        disposes=disposes,
    )
    return shift.work(hours)


class Asked:
    """An exchange that answers at once, and a store in which no attempt is open, as reconciliation asks them."""

    def __init__(self, exchange: VirtualExchange) -> None:
        self._exchange = exchange

    async def channels_up(self) -> ChannelsUp:
        return self._exchange.channels_up()

    async def fate(self, call_id: CallId) -> Fate:
        return self._exchange.fate(call_id)

    async def still_open(self, campaigns: list[CampaignId]) -> list[OpenAttempt]:
        return []


class Shift:
    """The driver. `work` once."""

    def __init__(
        self,
        mode: PacingMode,
        *,
        agents: int,
        seed: int,
        scenario: Scenario = ITALY,
        counts: WindowCount | None = None,
        works_until: time | None = None,
        ring_timeout: timedelta = timedelta(seconds=25),
        nodes: Iterable[NodeId] = (ONLY_NODE,),
        leads: Iterator[Lead] | None = None,
        profile: Profile | None = None,
        rules: CampaignPolicy | None = None,
        people: People | None = None,
        board: PacingBoard | None = None,
        new_call_id: Callable[[datetime], CallId] | None = None,
        disposes: bool = False,
    ) -> None:
        """`leads`: instead of ever new ones; `rules` and `profile`: instead of the mode's plain policy and its profile;
        `people`: instead of the scenario's."""
        self.mode, self.agents, self.seed = mode, agents, seed
        rules = rules or policy(mode, works_until=works_until, ring_timeout=ring_timeout)
        most = max([agents, *(number for _, number in scenario.staffing)])
        self.scenario = replace(scenario, agents=agents)
        self.exchange = VirtualExchange(self.scenario, seed=seed, start=START, people=people)
        numbers = count(1)
        ids = new_call_id or (lambda _now: CallId(f"call-{next(numbers)}"))
        self.team = Team(TEAM, ids, nodes, board)
        for index in range(most):
            self.team.add_agent(AgentId(str(scenario.first_code + index)), "")
        self._leads = leads or endless()
        self.orders: list[PlaceCall] = []
        self._due: dict[str, datetime] = {}
        self._timers: list[tuple[datetime, str]] = []
        self._phases = dict.fromkeys(AgentPhase, 0)
        self._disposes = disposes
        self._talks = Counter[str]()
        self._wrap_ups = Counter[str]()
        self._breaks: dict[str, float] = {}
        self._paused = self._looked_up = 0
        self._decisions = self._braked = self._dialled = 0
        self._worst = 0.0
        profile = profile or ProfileFiles(None).get(rules.profile)
        rules = replace(rules, wrap_up=LONGEST_WRAP_UP) if disposes else rules
        self._handle(
            CampaignLoaded(
                campaign=Campaign(policy=rules, state=CampaignState.RUNNING),
                profile=profile,
                trunks=named(rules.trunks, ()),
                started_at=None,
                counts=(counts or WindowCount(),) * len(profile.windows),
                at=START,
            )
        )
        self._before = counts or WindowCount()
        self._handle(TelephonyUp(at=START))

    @property
    def campaign(self) -> CampaignRun:
        return self.team.runs[CAMPAIGN]

    @property
    def dialled(self) -> int:
        """Calls so far."""
        return self._dialled

    def work(self, hours: float) -> ShiftResult:
        self.until(START + timedelta(hours=hours))
        return self._result(hours)

    def until(self, end: datetime) -> None:
        tick = self.exchange.now
        while tick < end:
            self._pass_to(tick)
            self._handle(Ticked(at=tick))
            self._sample()
            tick += TICK

    def _pass_to(self, instant: datetime) -> None:
        """Everything that happens up to `instant`, each thing at its time."""
        while True:
            timer = self._next_timer()
            world = self.exchange.next_at()
            due = min((at for at in (timer, world) if at is not None), default=None)
            if due is None or due > instant:
                break
            self._hear(self.exchange.advance_to(max(due, self._a_moment_on(world))))
            if timer is not None and timer <= due:
                _, key = heappop(self._timers)
                del self._due[key]
                self._fire(key, timer)
        self._hear(self.exchange.advance_to(instant))

    def _a_moment_on(self, world: datetime | None) -> datetime:
        """Now; a microsecond later when the world is still about to do something now (its clock is finer than ours)."""
        now = self.exchange.now
        return now if world is None or world > now else now + timedelta(microseconds=1)

    def _next_timer(self) -> datetime | None:
        while self._timers and self._due.get(self._timers[0][1]) != self._timers[0][0]:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _hear(self, events: list[Event]) -> None:
        while events:
            for event in events:
                self._handle(event)
            events = self.exchange.take()

    def _handle(self, event: Event) -> None:
        try:
            commands = self.team.handle(event)
        except IllegalTransitionError:
            if not isinstance(event, CallEvent):
                raise
            commands = self.team.quarantine(event)
        for command in commands:
            self._obey(command)
        if isinstance(event, CallBridged):
            self._ask_for_break(event.agent_id)

    def _obey(self, command: Command) -> None:
        match command:
            case PlaceCall():
                self._dialled += 1
                self.orders.append(command)
                self.exchange.place(command)
            case BridgeToAgent():
                self._bridge(command)
            case HangUp(call_id=channel):
                self.exchange.hang_up(channel)
            case StartTimer(key=key, due_at=due):
                self._start_timer(key, due)
                if key.startswith("wrap:") and self._disposes:
                    self._dispose(key.removeprefix("wrap:"))
            case CancelTimer(key=key):
                self._due.pop(key, None)
            case CheckCalls():
                self._start_timer("look", self.exchange.now + LOOK_DELAY)
            case RequestLeads(count=wanted):
                leads = tuple(next(self._leads) for _ in range(wanted))
                self._handle(
                    LeadsReserved(
                        campaign_id=CAMPAIGN, leads=leads, next_due_at=None, at=self.exchange.now
                    )
                )
            case _:  # writes are done at once, and nothing is ever lost here
                pass

    def _start_timer(self, key: str, due: datetime) -> None:
        self._due[key] = due
        heappush(self._timers, (due, key))

    def _fire(self, key: str, at: datetime) -> None:
        kind, _, name = key.partition(":")
        agent = AgentId(name)
        match kind:
            case "look":
                self._look()
            case "disposed":
                self._handle(WrapUpEnded(agent_id=agent, at=at))
                self._begin_break(agent, at)
            case "back":
                if self.team.agents[agent].status is AgentStatus.ON_BREAK:
                    self._handle(BreakEnded(agent_id=agent, at=at))
            case _:
                self._handle(TimerFired(key=key, at=at))
                if kind == "wrap":
                    self._begin_break(agent, at)

    def _look(self) -> None:
        """The engine's reconciliation, which waits for nothing here."""
        self._looked_up += 1
        asked = Asked(self.exchange)
        telephony, attempts = cast(Telephony, asked), cast(AttemptStore, asked)
        looking = look(self.team, ONLY_NODE, telephony, attempts, self.exchange.now)
        try:
            looking.send(None)
        except StopIteration as done:
            for event in done.value.events:
                self._handle(event)

    # --- agents -------------------------------------------------------------------------------------------------------

    def _dispose(self, agent: str) -> None:
        self._wrap_ups[agent] += 1
        seconds = wrap_up_seconds(self.scenario, self.seed, agent, self._wrap_ups[agent])
        self._start_timer(f"disposed:{agent}", self.exchange.now + timedelta(seconds=seconds))

    def _ask_for_break(self, agent: AgentId) -> None:
        self._talks[agent] += 1
        seconds = break_after(self.scenario, self.seed, agent, self._talks[agent])
        if seconds is not None and self.team.agents[agent].status is AgentStatus.AVAILABLE:
            self._breaks[agent] = seconds
            self._handle(BreakRequested(agent_id=agent, pause_code="break", at=self.exchange.now))

    def _begin_break(self, agent: AgentId, at: datetime) -> None:
        if (seconds := self._breaks.pop(agent, None)) is not None:
            self._start_timer(f"back:{agent}", at + timedelta(seconds=seconds))

    def _bridge(self, order: BridgeToAgent) -> None:
        try:
            self.exchange.bridge(order)
        except TelephonyError as error:
            self._handle(
                BridgeFailed(
                    call_id=order.call_id,
                    agent_id=order.agent_id,
                    reason=str(error),
                    at=self.exchange.now,
                )
            )

    # --- figures ------------------------------------------------------------------------------------------------------

    @property
    def phases(self) -> Counter[AgentPhase]:
        """Agents in each phase, added up over the ticks so far."""
        return Counter(self._phases)

    def _sample(self) -> None:
        for agent in self.team.agents.values():
            if agent.status is AgentStatus.ON_BREAK and agent.phase is AgentPhase.IDLE:
                self._paused += 1
            elif agent.status is not AgentStatus.LOGGED_OUT:
                self._phases[agent.phase] += 1
        decision = self.campaign.decision
        if decision is None:
            return
        self._decisions += 1
        self._braked += decision.limited_by is Binding.BUDGET
        answered, abandoned = self.counted()
        if answered >= 50:
            self._worst = max(self._worst, abandoned / answered)

    def counted(self) -> tuple[int, int]:
        """Persons who answered in this shift and have come to their class, and how many of them were abandoned."""
        seen = self.campaign.budget.counts[0]
        return (
            seen.answered - self._before.answered,
            seen.abandoned - self._before.abandoned,
        )

    def _result(self, hours: float) -> ShiftResult:
        staffed = sum(self._phases.values())
        talking, wrapping = self._phases[AgentPhase.TALKING], self._phases[AgentPhase.WRAP_UP]
        idle = self._phases[AgentPhase.IDLE] + self._phases[AgentPhase.RESERVED]
        outcomes = self.campaign.outcomes
        answered, abandoned = self.counted()
        talks = outcomes[Outcome.TALKED]
        return ShiftResult(
            mode=self.mode,
            agents=self.agents,
            seed=self.seed,
            hours=hours,
            dialled=self._dialled,
            answered=answered,
            abandoned=abandoned,
            talks=talks,
            talk_share=talking / (staffed + self._paused),
            occupancy=(talking + wrapping) / staffed,
            wait_seconds=idle * TICK.total_seconds() / max(talks, 1),
            braked_share=self._braked / max(self._decisions, 1),
            theta=self.campaign.budget.theta,
            worst_ratio=self._worst,
            limit=self.campaign.profile.strictest_limit,
            looked_up=self._looked_up,
        )


def endless() -> Iterator[Lead]:
    """Leads that were never tried."""
    for number in count(1):
        yield new_lead(number, f"+39069{number:08}")


def new_lead(number: int, phone: str) -> Lead:
    """A lead as the store hands it out, never tried before."""
    return Lead(
        lead_id=LeadId(f"lead-{number}"),
        campaign_id=CAMPAIGN,
        phone=phone,
        name="",
        zone="Europe/Rome",
        priority=0,
        state=LeadState.RESERVED,
        attempts=0,
        never_rang=0,
        last_attempt_at=None,
        last_outcome=None,
        last_abandoned_at=None,
        next_attempt_at=None,
    )

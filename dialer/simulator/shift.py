"""A shift in virtual time: the production Team against the VirtualExchange. Events in, commands out, no asyncio.

The store answers at once (`Leads`). Agents end their wrap-up as the scenario has it, or at the campaign's limit, and ask for
their breaks in the talk. A call that does not tell its end is looked up by whoever `look` is.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from dialer.agents import AgentStatus
from dialer.campaign import Campaign, CampaignPolicy, CampaignState
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
from dialer.errors import IllegalTransitionError, TelephonyError
from dialer.events import (
    BreakEnded,
    BreakRequested,
    BridgeFailed,
    CallBridged,
    CallEvent,
    CallNotPlaced,
    CampaignLoaded,
    Event,
    LeadsReserved,
    TelephonyUp,
    Ticked,
    TimerFired,
    WindowCount,
    WrapUpEnded,
)
from dialer.ids import AgentId, CallId, CampaignId, LeadId
from dialer.leads import Lead, LeadState
from dialer.profiles import Profile
from dialer.simulator.people import break_after, wrap_up_seconds
from dialer.simulator.scenario import Scenario
from dialer.simulator.virtual import VirtualExchange
from dialer.team import Team
from dialer.trunks import named

TICK = timedelta(seconds=0.25)
"""How often the server decides at least."""

IDLE_TICK = timedelta(seconds=5)
"""How often it is enough, while no call is up and no lead at hand: so often the store is asked."""

EMPTY_TICK = timedelta(minutes=1)
"""How often it is enough, while nobody is to be logged in: nothing is dialled."""

LOOK_DELAY = timedelta(seconds=0.2)
"""From the wish to look at the exchange until it is looked at: what was asked for meanwhile is answered together."""

Staffing = tuple[tuple[timedelta, int], ...]
"""(since the shift's begin, agents from then on), ascending."""


class Leads(Protocol):
    """Where a shift's leads come from, and where its records go."""

    def reserve(self, request: RequestLeads, at: datetime) -> LeadsReserved: ...

    def open(self, call: PlaceCall, at: datetime) -> CallNotPlaced | None:
        """The attempt is written; else why it may not be made."""
        ...

    def keep(self, command: Command, at: datetime) -> None:
        """Every other command is shown, in order; what concerns leads and attempts is done at once."""
        ...


class EndlessLeads:
    """New leads for ever; what becomes of them is forgotten."""

    def __init__(self, zone: str = "Europe/Rome") -> None:
        self._zone = zone
        self._numbers = count(1)

    def reserve(self, request: RequestLeads, at: datetime) -> LeadsReserved:
        campaign = request.campaign_id
        numbers = [next(self._numbers) for _ in range(request.count)]
        leads = tuple(new_lead(each, campaign, self._zone, phone_of(each)) for each in numbers)
        return LeadsReserved(campaign_id=campaign, leads=leads, next_due_at=None, at=at)

    def open(self, call: PlaceCall, at: datetime) -> CallNotPlaced | None:
        return None

    def keep(self, command: Command, at: datetime) -> None:
        """Nothing to keep."""


def new_lead(number: int, campaign_id: CampaignId, zone: str, phone: str) -> Lead:
    """A lead as the store hands it out, never tried before."""
    return Lead(
        lead_id=LeadId(f"lead-{number}"),
        campaign_id=campaign_id,
        phone=phone,
        name="",
        zone=zone,
        priority=0,
        state=LeadState.RESERVED,
        attempts=0,
        never_rang=0,
        last_attempt_at=None,
        last_outcome=None,
        last_abandoned_at=None,
        next_attempt_at=None,
    )


def phone_of(number: int) -> str:
    """The telephone number of the `number`-th simulated person, from 1."""
    return f"+39069{number:08}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftRules:
    """What is dialled by, and in which world. `counts`: what the campaign's windows have seen before; empty: nothing.
    `disposes`: agents end their wrap-up by the scenario's distribution; else the campaign's limit ends it."""

    policy: CampaignPolicy
    profile: Profile
    scenario: Scenario
    counts: tuple[WindowCount, ...] = ()
    disposes: bool = True


Look = Callable[[Team, VirtualExchange, datetime], Sequence[Event]]
"""What the exchange has to tell the team besides what it has told (dialer.forecast.looks)."""


class Shift:
    """The driver. Nobody is there before `staff` says so; `on_command` sees every command as it is obeyed."""

    def __init__(
        self,
        rules: ShiftRules,
        leads: Leads,
        *,
        seed: int,
        start: datetime,
        agents: int = 0,
        on_command: Callable[[Command, datetime], None] | None = None,
        look: Look | None = None,
        team: Team | None = None,
        exchange: VirtualExchange | None = None,
        steady: bool = False,
    ) -> None:
        """`look` None: nothing is looked up. `team`: instead of a new one, to which so many `agents` are added anyhow;
        `exchange`: instead of a new one. `steady`: decides every TICK, whether there is anything to decide or not."""
        self.rules, self.seed, self.scenario = rules, seed, replace(rules.scenario, agents=0)
        self.exchange = exchange or VirtualExchange(self.scenario, seed=seed, start=start)
        numbers = count(1)
        self.team = team or Team(rules.policy.team_id, lambda _now: CallId(f"call-{next(numbers)}"))
        for index in range(agents):
            self.team.add_agent(AgentId(str(self.scenario.first_code + index)), "")
        self._leads, self._look, self._on_command = leads, look, on_command
        self._steady, self._wanted = steady, 0
        self._due: dict[str, datetime] = {}
        self._timers: list[tuple[datetime, str]] = []
        self._wrap_ups, self._talks = Counter[str](), Counter[str]()
        self._breaks: dict[str, float] = {}
        self.set_state(CampaignState.RUNNING)
        for node in self.team.nodes:
            self.handle(TelephonyUp(node=node, at=start))

    @property
    def now(self) -> datetime:
        return self.exchange.now

    @property
    def campaign(self) -> CampaignRun:
        return self.team.runs[self.rules.policy.campaign_id]

    def set_state(self, state: CampaignState) -> None:
        """Start or pause the campaign."""
        policy, profile = self.rules.policy, self.rules.profile
        self.handle(
            CampaignLoaded(
                campaign=Campaign(policy=policy, state=state),
                profile=profile,
                trunks=named(policy.trunks, ()),
                started_at=None,
                counts=self.rules.counts or (WindowCount(),) * len(profile.every_window),
                at=self.now,
            )
        )

    def staff(self, agents: int) -> None:
        """From now on so many agents; who is too many leaves after the current call."""
        self._wanted = agents
        self.exchange.world.agents.staff(agents)
        self._hear(self.exchange.take())

    def until(self, end: datetime) -> Iterator[datetime]:
        """Work up to `end`; yields the instant after each decision."""
        tick = self.now
        while tick < end:
            self._pass_to(tick)
            self.handle(Ticked(at=tick))
            yield tick
            tick = min(tick + self._step(), end)
        self._pass_to(end)

    def handle(self, event: Event) -> None:
        """Tell the team, and obey. What no call may do any more has the exchange looked at, as the engine does."""
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

    def _step(self) -> timedelta:
        if self._steady or self.team.calls or self.campaign.hopper:
            return TICK
        staffed = any(agent.is_staffed for agent in self.team.agents.values())
        if self._wanted and not staffed:
            return TICK  # they are about to log in
        return IDLE_TICK if staffed else EMPTY_TICK

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
                self._fire(timer)
        self._hear(self.exchange.advance_to(instant))

    def _fire(self, at: datetime) -> None:
        _, key = heappop(self._timers)
        del self._due[key]
        kind, _, name = key.partition(":")
        agent = AgentId(name)
        match kind:
            case "look":
                self.look_up()
            case "disposed":
                self.handle(WrapUpEnded(agent_id=agent, at=at))
                self._begin_break(agent, at)
            case "back":
                if self.team.agents[agent].status is AgentStatus.ON_BREAK:
                    self.handle(BreakEnded(agent_id=agent, at=at))
            case _:
                self.handle(TimerFired(key=key, at=at))
                if kind == "wrap":
                    self._begin_break(agent, at)

    def _a_moment_on(self, world: datetime | None) -> datetime:
        """Now; a microsecond later when the world is still about to do something now (its clock is finer than ours)."""
        now = self.now
        return now if world is None or world > now else now + timedelta(microseconds=1)

    def _next_timer(self) -> datetime | None:
        while self._timers and self._due.get(self._timers[0][1]) != self._timers[0][0]:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _hear(self, events: list[Event]) -> None:
        while events:
            for event in events:
                self.handle(event)
            events = self.exchange.take()

    def _obey(self, command: Command) -> None:
        if isinstance(command, PlaceCall):
            refused = self._leads.open(command, self.now)
            if refused is not None:
                self.handle(refused)
                return
        if self._on_command is not None:
            self._on_command(command, self.now)
        match command:
            case PlaceCall():
                self.exchange.place(command)
            case BridgeToAgent():
                self._bridge(command)
            case HangUp(call_id=channel):
                self.exchange.hang_up(channel)
            case StartTimer(key=key, due_at=due):
                self._start_timer(key, due)
            case CancelTimer(key=key):
                self._due.pop(key, None)
                self._due.pop(key.replace("wrap:", "disposed:"), None)
            case CheckCalls():
                if self._look is not None:
                    self._start_timer("look", self.now + LOOK_DELAY)
            case RequestLeads():
                self.handle(self._leads.reserve(command, self.now))
            case _:
                self._leads.keep(command, self.now)

    def _start_timer(self, key: str, due: datetime) -> None:
        self._due[key] = due
        heappush(self._timers, (due, key))
        kind, _, agent = key.partition(":")
        if kind == "wrap" and self.rules.disposes:
            self._wrap_ups[agent] += 1
            seconds = wrap_up_seconds(self.scenario, self.seed, agent, self._wrap_ups[agent])
            done = self.now + timedelta(seconds=seconds)
            if done < due:
                self._start_timer(f"disposed:{agent}", done)

    def _ask_for_break(self, agent: AgentId) -> None:
        self._talks[agent] += 1
        seconds = break_after(self.scenario, self.seed, agent, self._talks[agent])
        if seconds is not None and self.team.agents[agent].status is AgentStatus.AVAILABLE:
            self._breaks[agent] = seconds
            self.handle(BreakRequested(agent_id=agent, pause_code="break", at=self.now))

    def _begin_break(self, agent: AgentId, at: datetime) -> None:
        if (seconds := self._breaks.pop(agent, None)) is not None:
            self._start_timer(f"back:{agent}", at + timedelta(seconds=seconds))

    def look_up(self) -> None:
        """Tell the team what the exchange has not told, if anybody looks."""
        if self._look is not None:
            for event in self._look(self.team, self.exchange, self.now):
                self.handle(event)

    def _bridge(self, order: BridgeToAgent) -> None:
        try:
            self.exchange.bridge(order)
        except TelephonyError as error:
            self.handle(
                BridgeFailed(
                    call_id=order.call_id,
                    agent_id=order.agent_id,
                    reason=str(error),
                    at=self.now,
                )
            )

"""A shift in virtual time: the production Team against the VirtualExchange. Events in, commands out, no asyncio.

The store answers at once (`Leads`), and agents end their wrap-up as the scenario has it, or at the campaign's limit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from dialer.campaign import Campaign, CampaignPolicy, CampaignState
from dialer.campaign_run import CampaignRun
from dialer.commands import (
    BridgeToAgent,
    CancelTimer,
    Command,
    HangUp,
    PlaceCall,
    RequestLeads,
    StartTimer,
)
from dialer.errors import TelephonyError
from dialer.events import (
    BridgeFailed,
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
from dialer.simulator.people import wrap_up_seconds
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

Staffing = tuple[tuple[timedelta, int], ...]
"""(since the shift's begin, agents from then on), ascending."""


class Leads(Protocol):
    """Where a shift's leads come from, and where its records go."""

    def reserve(self, request: RequestLeads, at: datetime) -> LeadsReserved: ...

    def keep(self, command: Command, at: datetime) -> None:
        """Every other command is shown, in order; what concerns leads and attempts is done at once."""
        ...


class EndlessLeads:
    """New leads for ever; what becomes of them is forgotten."""

    def __init__(self, zone: str = "Europe/Rome") -> None:
        self._zone = zone
        self._numbers = count(1)

    def reserve(self, request: RequestLeads, at: datetime) -> LeadsReserved:
        leads = tuple(self._new(request.campaign_id) for _ in range(request.count))
        return LeadsReserved(campaign_id=request.campaign_id, leads=leads, next_due_at=None, at=at)

    def keep(self, command: Command, at: datetime) -> None:
        """Nothing to keep."""

    def _new(self, campaign_id: CampaignId) -> Lead:
        number = next(self._numbers)
        return Lead(
            lead_id=LeadId(f"lead-{number}"),
            campaign_id=campaign_id,
            phone=phone_of(number),
            name="",
            zone=self._zone,
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


class Shift:
    """The driver. Nobody is there before `staff` says so; `on_command` sees every command as it is obeyed."""

    def __init__(
        self,
        rules: ShiftRules,
        leads: Leads,
        *,
        seed: int,
        start: datetime,
        agents: int,
        on_command: Callable[[Command, datetime], None] | None = None,
    ) -> None:
        self.rules, self.seed = rules, seed
        self.scenario = replace(rules.scenario, agents=0, staffing=())
        self.exchange = VirtualExchange(self.scenario, seed=seed, start=start)
        numbers = count(1)
        self.team = Team(rules.policy.team_id, lambda _now: CallId(f"call-{next(numbers)}"))
        for index in range(agents):
            self.team.add_agent(AgentId(str(self.scenario.first_code + index)), "")
        self._leads = leads
        self._on_command = on_command
        self._wanted = 0
        self._due: dict[str, datetime] = {}
        self._timers: list[tuple[datetime, str]] = []
        self._wrap_ups: dict[str, int] = {}
        self.set_state(CampaignState.RUNNING)
        self.handle(TelephonyUp(at=start))

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
                counts=self.rules.counts or (WindowCount(),) * len(profile.windows),
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
        """Tell the team, and obey."""
        for command in self.team.handle(event):
            self._obey(command)

    def _step(self) -> timedelta:
        if self.team.calls or self.campaign.hopper:
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
        if kind == "disposed":
            self.handle(WrapUpEnded(agent_id=AgentId(name), at=at))
        else:
            self.handle(TimerFired(key=key, at=at))

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
        if self._on_command is not None:
            self._on_command(command, self.now)
        match command:
            case PlaceCall():
                self._leads.keep(command, self.now)
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
            case RequestLeads():
                self.handle(self._leads.reserve(command, self.now))
            case _:
                self._leads.keep(command, self.now)

    def _start_timer(self, key: str, due: datetime) -> None:
        self._due[key] = due
        heappush(self._timers, (due, key))
        kind, _, agent = key.partition(":")
        if kind == "wrap" and self.rules.disposes:
            self._wrap_ups[agent] = number = self._wrap_ups.get(agent, 0) + 1
            seconds = wrap_up_seconds(self.scenario, self.seed, agent, number)
            done = self.now + timedelta(seconds=seconds)
            if done < due:
                self._start_timer(f"disposed:{agent}", done)

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

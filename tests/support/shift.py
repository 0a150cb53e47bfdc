"""A shift in virtual time (dialer.simulator.shift), measured: what the tests ask of the production team in a simulated world.

The leads are ever new ones. With `disposes` agents end their wrap-up as the scenario has it, else the campaign's limit ends it.
What is measured is sampled at every tick.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import count, islice

from dialer.adapters.profile_files import ProfileFiles
from dialer.agents import AgentPhase, AgentStatus
from dialer.campaign import CampaignPolicy, PacingMode
from dialer.campaign_run import CampaignRun
from dialer.commands import Command, PlaceCall, RequestLeads
from dialer.events import CallNotPlaced, Event, LeadsReserved, WindowCount
from dialer.forecast.looks import look_up
from dialer.ids import ONLY_NODE, CallId, CampaignId, NodeId, TeamId
from dialer.leads import Lead, Outcome
from dialer.pacing import Binding
from dialer.pacing_board import PacingBoard
from dialer.profiles import Profile
from dialer.simulator import shift as product
from dialer.simulator.people import People
from dialer.simulator.scenario import ITALY, Scenario
from dialer.simulator.shift import TICK, ShiftRules, phone_of
from dialer.simulator.virtual import VirtualExchange
from dialer.team import Team

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""A Tuesday, 9:00 in Rome."""

LONGEST_WRAP_UP = timedelta(minutes=10)
"""The campaign's limit, where agents dispose of their calls themselves."""

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


class Given:
    """Leads from an iterator; what becomes of them is forgotten."""

    def __init__(self, leads: Iterator[Lead]) -> None:
        self._leads = leads

    def reserve(self, request: RequestLeads, at: datetime) -> LeadsReserved:
        leads = tuple(islice(self._leads, request.count))
        return LeadsReserved(campaign_id=CAMPAIGN, leads=leads, next_due_at=None, at=at)

    def open(self, call: PlaceCall, at: datetime) -> CallNotPlaced | None:
        return None

    def keep(self, command: Command, at: datetime) -> None:
        """Nothing to keep."""


class Shift:
    """`work` once. `driver` is the product's."""

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
        exchange: VirtualExchange | None = None,
    ) -> None:
        """`leads`: instead of ever new ones; `rules` and `profile`: instead of the mode's plain policy and its profile;
        `people`: instead of the scenario's; `exchange`: instead of a new one, with agents of its own."""
        self.mode, self.agents = mode, agents
        rules = rules or policy(mode, works_until=works_until, ring_timeout=ring_timeout)
        rules = replace(rules, wrap_up=LONGEST_WRAP_UP) if disposes else rules
        profile = profile or ProfileFiles(None).get(rules.profile)
        most = max([agents, *(number for _, number in scenario.staffing)])
        numbers = count(1)
        ids = new_call_id or (lambda _now: CallId(f"call-{next(numbers)}"))
        self.team = Team(TEAM, ids, nodes, board)
        self.orders: list[PlaceCall] = []
        self.on_command: Callable[[Command], None] | None = None
        self._phases = dict.fromkeys(AgentPhase, 0)
        self._paused = self._looked_up = 0
        self._decisions = self._braked = 0
        self._worst = 0.0
        self._before = counts or WindowCount()
        empty = replace(scenario, agents=0)
        self.driver = product.Shift(
            ShiftRules(
                policy=rules,
                profile=profile,
                scenario=scenario,
                counts=(self._before,) * len(profile.windows),
                disposes=disposes,
            ),
            Given(leads or endless()),
            seed=seed,
            start=START,
            agents=most,
            on_command=self._heard,
            look=self._look,
            team=self.team,
            exchange=exchange or VirtualExchange(empty, seed=seed, start=START, people=people),
            steady=True,
        )
        if exchange is None:
            self.driver.staff(agents)

    @property
    def exchange(self) -> VirtualExchange:
        return self.driver.exchange

    @property
    def campaign(self) -> CampaignRun:
        return self.team.runs[CAMPAIGN]

    @property
    def dialled(self) -> int:
        """Calls so far."""
        return len(self.orders)

    def work(self, hours: float) -> ShiftResult:
        self.until(START + timedelta(hours=hours))
        return self._result(hours)

    def until(self, end: datetime) -> None:
        for _ in self.driver.until(end):
            self._sample()

    def _heard(self, command: Command, at: datetime) -> None:
        if isinstance(command, PlaceCall):
            self.orders.append(command)
        if self.on_command is not None:
            self.on_command(command)

    def _look(self, team: Team, exchange: VirtualExchange, now: datetime) -> Sequence[Event]:
        self._looked_up += 1
        return look_up(team, exchange, now)

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
            seed=self.driver.seed,
            hours=hours,
            dialled=self.dialled,
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
        yield new_lead(number, phone_of(number))


def new_lead(number: int, phone: str) -> Lead:
    """A lead as the store hands it out, never tried before."""
    return product.new_lead(number, CAMPAIGN, "Europe/Rome", phone)

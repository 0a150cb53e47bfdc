"""One replication: one policy, one seed, all working days, with the production team in virtual time."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dialer.agents import AgentPhase
from dialer.campaign import CampaignState
from dialer.commands import CloseAttempt, Command, PlaceCall
from dialer.forecast.lead_list import LeadList
from dialer.forecast.looks import look_up
from dialer.forecast.plan import Plan, PolicyPlan
from dialer.leads import PERSON_ANSWERED, Outcome
from dialer.profiles import AbandonWindow, Profile, window_start
from dialer.simulator.shift import EndlessLeads, Shift

SAMPLE = timedelta(seconds=1)
"""How often agents and lines are looked at."""

BINS = 48
"""Of the timeline."""

LEAVING = timedelta(minutes=2)
"""From the last call's start to the agents' leaving: calls that still ring then find somebody."""

Told = Callable[[float], None]
"""Called with the share of the replication that is done."""


@dataclass(frozen=True, slots=True)
class LawResult:
    """One window of the law: the worst of its instances (days, periods), by persons who answered."""

    limit_ratio: float
    ratio: float
    answered: int
    abandoned: int
    over: bool  # any instance


@dataclass(frozen=True, slots=True)
class Bin:
    """One stretch of working time, from `hour` on. None: nothing to divide by."""

    hour: float
    talk_share: float | None
    wait_seconds: float | None
    abandon_ratio: float | None
    lines: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Replication:
    """Shares 0..1. Hours are working hours of the team. Talk share, occupancy and wait are of the time in which there were
    leads to dial; the rest is `starved_share`."""

    policy: str
    seed: int
    hours: float
    talk_share: float
    occupancy: float
    wait_seconds: float  # idle time per talk
    dialled: int
    answered: int
    abandoned: int
    talks: int
    lines: int  # calls up at once, at most
    starved_share: float  # of staffed time: idle with no lead to dial
    held_by: dict[str, float]  # share of the time, by what bound the pacing
    laws: tuple[LawResult, ...]  # as the profile's windows
    hours_first_pass: float | None  # every lead tried once; None: not within the days, or no list
    hours_exhausted: float | None  # nobody is left to try, see LeadList
    leads_left: int | None
    timeline: tuple[Bin, ...]

    @property
    def abandon_ratio(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


@dataclass
class _Stretch:
    """Agent seconds and calls. Time in which nobody could be dialled is `starved`, and nothing else."""

    staffed: float = 0.0
    talking: float = 0.0
    wrapping: float = 0.0
    idle: float = 0.0  # with leads to dial
    starved: float = 0.0
    lines: int = 0
    talks: int = 0
    answered: int = 0
    abandoned: int = 0


@dataclass
class _Tally:
    """What is counted while the shift goes on."""

    whole: _Stretch = field(default_factory=_Stretch)
    bins: list[_Stretch] = field(default_factory=lambda: [_Stretch() for _ in range(BINS)])
    current: int = 0
    dialled: int = 0
    held_by: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    answers: list[tuple[datetime, bool]] = field(default_factory=list)  # (when, abandoned)
    first_dialled_at: datetime | None = None

    def heard(self, command: Command, at: datetime) -> None:
        if isinstance(command, PlaceCall):
            self.dialled += 1
            self.first_dialled_at = self.first_dialled_at or at
        elif isinstance(command, CloseAttempt) and command.outcome in PERSON_ANSWERED:
            abandoned = command.outcome is Outcome.ABANDONED
            self.answers.append((command.answered_at or command.ended_at, abandoned))
            for stretch in (self.whole, self.bins[self.current]):
                stretch.answered += 1
                stretch.abandoned += abandoned
                stretch.talks += command.outcome is Outcome.TALKED

    def sampled(self, shift: Shift, seconds: float) -> None:
        """The agents as they are, for the `seconds` since the last look."""
        phases = Counter(agent.phase for agent in shift.team.agents.values() if agent.is_staffed)
        idle = seconds * (phases[AgentPhase.IDLE] + phases[AgentPhase.RESERVED])
        lines = len(shift.team.calls)
        starved = not shift.campaign.hopper and lines <= phases[AgentPhase.TALKING]
        for stretch in (self.whole, self.bins[self.current]):
            stretch.talking += seconds * phases[AgentPhase.TALKING]
            stretch.wrapping += seconds * phases[AgentPhase.WRAP_UP]
            stretch.idle += 0.0 if starved else idle
            stretch.starved += idle if starved else 0.0
            stretch.staffed += seconds * phases.total()
            stretch.lines = max(stretch.lines, lines)
        decision = shift.campaign.decision
        if decision is not None:
            self.held_by[decision.limited_by.value] += seconds


class _Run:
    """The driver of one replication. `work` once."""

    def __init__(self, plan: Plan, policy: PolicyPlan, seed: int, told: Told) -> None:
        self.plan, self.policy, self.seed, self.told = plan, policy, seed, told
        self.tally = _Tally()
        self.list: LeadList | None = None
        start = plan.days[0].astimezone(UTC)
        if plan.leads is not None:
            self.list = LeadList(policy.rules.policy, plan.leads, zone=plan.zone, at=start)
        self.shift = Shift(
            policy.rules,
            self.list or EndlessLeads(plan.zone),
            seed=seed,
            start=start,
            agents=policy.most_agents,
            on_command=self.tally.heard,
            look=look_up,
        )
        self.worked = timedelta()  # on the days before
        self.first_pass: float | None = None
        self.exhausted: float | None = None

    def work(self) -> Replication:
        for begin in self.plan.days:
            self._day(begin.astimezone(UTC))
            self.worked += self.plan.length
            if self.exhausted is not None:
                break
        return self._result()

    def _day(self, begin: datetime) -> None:
        shift = self.shift
        for _ in shift.until(begin):
            pass
        shift.set_state(CampaignState.RUNNING)
        end = begin + self.plan.length
        steps = [(begin + since, agents) for since, agents in self.policy.staffing]
        ends = [*(at for at, _ in steps[1:]), end]
        for (_, agents), until in zip(steps, ends, strict=True):
            shift.staff(agents)
            self._stretch(begin, min(until, end))
        self._close()

    def _close(self) -> None:
        """The day is over: no new calls; agents leave when those that ring have found them."""
        shift = self.shift
        shift.set_state(CampaignState.PAUSED)
        for _ in shift.until(shift.now + LEAVING):
            pass
        shift.staff(0)
        while shift.team.calls:
            for _ in shift.until(shift.now + LEAVING):
                pass
            shift.look_up()  # the end of the last talk may never be told

    def _stretch(self, begin: datetime, end: datetime) -> None:
        total = self.plan.length * len(self.plan.days)
        last = self.shift.now
        for now in self.shift.until(end):
            if now < last + SAMPLE:
                continue
            worked = self.worked + (now - begin)
            self.tally.current = min(int(worked / total * BINS), BINS - 1)
            self.tally.sampled(self.shift, (now - last).total_seconds())
            last = now
            self._look_at_the_list(worked)
            self.told(worked / total)
            if self.exhausted is not None:
                break

    def _look_at_the_list(self, worked: timedelta) -> None:
        if self.list is None:
            return
        hours = worked / timedelta(hours=1)
        if self.first_pass is None and not self.list.untried:
            self.first_pass = hours
        if self.exhausted is None and not self.list.left:
            self.exhausted = hours

    def _result(self) -> Replication:
        tally, whole = self.tally, self.tally.whole
        worked = max(whole.staffed - whole.starved, 1.0)
        decided = max(sum(tally.held_by.values()), 1.0)
        return Replication(
            policy=self.policy.name,
            seed=self.seed,
            hours=self.worked / timedelta(hours=1) if self.exhausted is None else self.exhausted,
            talk_share=whole.talking / worked,
            occupancy=(whole.talking + whole.wrapping) / worked,
            wait_seconds=whole.idle / max(whole.talks, 1),
            dialled=tally.dialled,
            answered=whole.answered,
            abandoned=whole.abandoned,
            talks=whole.talks,
            lines=whole.lines,
            starved_share=whole.starved / max(whole.staffed, 1.0),
            held_by={name: held / decided for name, held in sorted(tally.held_by.items())},
            laws=laws(self.policy.rules.profile, tally.answers, tally.first_dialled_at),
            hours_first_pass=self.first_pass,
            hours_exhausted=self.exhausted,
            leads_left=self.list.left if self.list else None,
            timeline=tuple(self._bins()),
        )

    def _bins(self) -> list[Bin]:
        hours = self.plan.length * len(self.plan.days) / timedelta(hours=1)
        return [
            Bin(
                hour=hours * index / BINS,
                talk_share=_ratio(each.talking, each.staffed),
                wait_seconds=_ratio(each.idle, each.talks),
                abandon_ratio=_ratio(each.abandoned, each.answered),
                lines=each.lines,
            )
            for index, each in enumerate(self.tally.bins)
        ]


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def laws(
    profile: Profile, answers: list[tuple[datetime, bool]], started_at: datetime | None
) -> tuple[LawResult, ...]:
    """What each window of the profile has seen, recounted from the calls. `answers`: (when, abandoned)."""
    return tuple(_law(window, profile, answers, started_at) for window in profile.windows)


def _law(
    window: AbandonWindow,
    profile: Profile,
    answers: list[tuple[datetime, bool]],
    started_at: datetime | None,
) -> LawResult:
    counts: dict[datetime | None, list[int]] = {}
    for at, abandoned in answers:
        count = counts.setdefault(window_start(window, profile, started_at, at), [0, 0])
        count[0] += 1
        count[1] += abandoned
    worst = max(counts.values(), key=lambda count: count[1] / count[0], default=[0, 0])
    over = any(1_000_000 * lost > window.limit_ppm * seen for seen, lost in counts.values())
    ratio = worst[1] / worst[0] if worst[0] else 0.0
    return LawResult(window.limit_ratio, ratio, worst[0], worst[1], over)


def replicate(plan: Plan, policy: PolicyPlan, seed: int, told: Told) -> Replication:
    """Work the plan's days under the policy, among the people of the seed. The same arguments give the same result."""
    return _Run(plan, policy, seed, told).work()

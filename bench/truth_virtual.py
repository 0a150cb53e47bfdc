"""What the simulator predicts for the plan: the production team in virtual time.

Two questions. What will a run come to whose list lies in *some* order? (Replications differ in the order of the list.) And what
will *this* run come to, with its list in its own order? (They differ in the milliseconds alone that no two runs have alike.)
"""

from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from bench.truth_plan import Plan, listed
from dialer.agents import AgentPhase
from dialer.simulator.far_end import FarEnd
from dialer.simulator.people import Encounter, People
from dialer.simulator.scenario import ITALY
from tests.support.shift import START, Shift

MOST_MILLISECONDS = 20.0
"""Of an order's way to the far end, beside the network's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One replication. `pace` stretches the ring delays of the simulated people (1: as the numbers say)."""

    plan: Plan
    seed: int
    pace: float = 1.0
    same_order: bool = False  # as the real run


HALVED = 0.5


def all_works(plan: Plan) -> list[Work]:
    """The prediction, the negative control with halved ring delays, and the prediction for the list in its own order."""
    k = plan.replications
    return [
        *(Work(plan=plan, seed=seed) for seed in range(k)),
        *(Work(plan=plan, seed=seed, pace=HALVED) for seed in range(k // 2)),
        *(Work(plan=plan, seed=seed, same_order=True) for seed in range(k // 4)),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What a run came to, simulated or real. Occupancy: (talk + wrap-up) / logged-in time, after the warm-up."""

    occupancy: float
    answered: int
    abandoned: int

    @property
    def abandon_ratio(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


@dataclass(frozen=True, slots=True)
class Network:
    """The far end behind a network that takes its milliseconds, drawn anew for every call."""

    people: People
    seed: int

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        met = self.people.meet(number, attempt, at)
        extra = Random(f"{self.seed}/{number}/{attempt}").uniform(0.0, MOST_MILLISECONDS / 1000)
        return replace(met, post_dial=met.post_dial + extra)


def replicate(work: Work) -> Figures:
    """One shift of the plan in virtual time."""
    plan = work.plan
    scenario = replace(ITALY, login_spread=0.0)
    shift = Shift(
        plan.rules.mode,
        agents=plan.agents,
        seed=work.seed,
        scenario=scenario,
        rules=plan.rules,
        people=Network(FarEnd(work.pace), work.seed),
        leads=listed(plan, None if work.same_order else work.seed),
    )
    shift.until(START + plan.warm_up)
    before = shift.phases
    shift.until(START + plan.length)
    phases = shift.phases - before
    busy = phases[AgentPhase.TALKING] + phases[AgentPhase.WRAP_UP]
    answered, abandoned = shift.counted()
    return Figures(occupancy=busy / phases.total(), answered=answered, abandoned=abandoned)


def row(work: Work) -> dict[str, Any]:
    """One replication as the result file keeps it."""
    figures = replicate(work)
    kind = {"seed": work.seed, "pace": work.pace, "same_order": work.same_order}
    return kind | asdict(figures)

"""What the simulator predicts for the plan: the production team in virtual time, once for each order of the list."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.truth_plan import Plan, shuffled
from dialer.agents import AgentPhase
from dialer.simulator.far_end import FarEnd
from dialer.simulator.scenario import ITALY
from tests.support.shift import START, Shift


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One replication. `pace` stretches the ring delays of the simulated people (1: as the numbers say)."""

    plan: Plan
    seed: int
    pace: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What a run came to, simulated or real. Occupancy: (talk + wrap-up) / logged-in time, after the warm-up."""

    occupancy: float
    answered: int
    abandoned: int

    @property
    def abandon_ratio(self) -> float:
        return self.abandoned / self.answered if self.answered else 0.0


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
        people=FarEnd(work.pace),
        leads=shuffled(plan, work.seed),
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
    return {"seed": work.seed, "pace": work.pace} | asdict(figures)

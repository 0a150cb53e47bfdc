"""Constants chosen in hindsight, scenario by scenario: the best talk share with at most the limit abandoned.

Unfair in favour of the tuned: the product knows neither.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from bench.pacing_peers import generous_cap
from bench.pacing_vicidial import Method, Vicidial
from dialer.simulator.lean_scenario import LeanScenario
from dialer.simulator.lean_view import Pacer

Setting = tuple[str, float, float]  # method, cap or level, target as a share of the agents


class Trial(NamedTuple):
    """Means over the tuning seeds."""

    abandoned: float
    talk_share: float


RATIO_LEVELS = tuple(round(1 + 0.1 * step, 1) for step in range(60))
TARGETS = (0.0, -0.02, -0.04, -0.07, -0.10, -0.15, -0.20, -0.30, -0.40)
ADAPTING = (Method.HARD_LIMIT, Method.AVERAGE, Method.TAPERED)


def ratio_grid(scenario: LeanScenario) -> list[Setting]:
    return [("RATIO", level, 0.0) for level in RATIO_LEVELS if level <= generous_cap(scenario)]


def vicidial_grid(scenario: LeanScenario) -> list[Setting]:
    caps = (3.0, generous_cap(scenario))
    return [(method.name, cap, t) for method in ADAPTING for cap in caps for t in TARGETS]


GRIDS: dict[str, Callable[[LeanScenario], list[Setting]]] = {
    "ratio-tuned": ratio_grid,
    "vicidial-tuned": vicidial_grid,
}


def pacer_of(setting: Setting, scenario: LeanScenario) -> Pacer:
    method, level, target = setting
    if method == "RATIO":
        return Vicidial(Method.RATIO, level=level)
    return Vicidial(
        Method[method], cap=level, target=target * scenario.most_agents, limit=scenario.limit
    )


def best(grid: Iterable[Setting], evaluate: Callable[[Setting], Trial], limit: float) -> Setting:
    """ValueError when none keeps the limit."""
    fit: list[tuple[float, Setting]] = []
    for setting in grid:
        trial = evaluate(setting)
        if trial.abandoned <= limit:
            fit.append((trial.talk_share, setting))
        elif setting[0] == "RATIO":
            break  # more lines abandon more
    if not fit:
        raise ValueError("no setting of the grid keeps the limit")
    return max(fit)[1]

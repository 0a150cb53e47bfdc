"""Constants chosen in hindsight, scenario by scenario: the best talk share with at most the limit abandoned.

Unfair in favour of the tuned: the product knows neither. Choices are kept with the version of code and scenario.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean

from bench.pacing_cases import CASES, TUNING_SEEDS
from bench.pacing_peers import generous_cap
from bench.pacing_vicidial import Method, Vicidial
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_scenario import LeanScenario
from dialer.simulator.lean_view import Pacer

Setting = tuple[str, float, float]  # method, cap or level, target as a share of the agents
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


def best(
    scenario: LeanScenario, grid: Iterable[Setting], seeds: Iterable[int]
) -> tuple[Setting, float]:
    """The setting, and its talk share; ValueError when none keeps the limit."""
    fit: list[tuple[float, Setting]] = []
    for setting in grid:
        shifts = [LeanWorld(scenario, pacer_of(setting, scenario), seed).run() for seed in seeds]
        if mean(shift.abandon_ratio for shift in shifts) <= scenario.limit:
            fit.append((mean(shift.talk_share for shift in shifts), setting))
        elif setting[0] == "RATIO":
            break  # more lines abandon more
    if not fit:
        raise ValueError("no setting of the grid keeps the limit")
    share, setting = max(fit)
    return setting, share


def tuned(name: str, case: str, version: str, cache: Path, seeds: int = 4) -> Setting:
    """The setting, from the cache when code and scenario are those it was chosen with."""
    known = json.loads(cache.read_text()) if cache.is_file() else {}
    key = f"{name} {case} {version} {seeds}"
    if key not in known:
        scenario = CASES[case]
        known[key], _ = best(scenario, GRIDS[name](scenario), TUNING_SEEDS[:seeds])
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(known, indent=1) + "\n")
    method, level, target = known[key]
    return method, level, target

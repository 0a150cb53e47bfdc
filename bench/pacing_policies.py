"""The policies of the wide benchmark by name, and the sources that their figures depend on.

A name stands for one policy in every scenario; a spec says all that is needed to build it: `eis`, `oracle@0.031`,
`vicidial@AVERAGE,3.0,-0.04`, or `module:callable` for a policy from elsewhere.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bench.pacing_oracle import Oracle
from bench.pacing_peers import PEERS
from bench.pacing_tuned import GRIDS, Setting, pacer_of
from dialer.simulator.lean_scenario import LeanScenario
from dialer.simulator.lean_view import Pacer

ROOT = Path(__file__).parent.parent
VOCABULARY = {"dialer.campaign", "dialer.ids", "dialer.errors", "bench.pacing_cases"}
"""Modules whose text changes no figure; a scenario is part of the version by itself."""

WORLD = "dialer.simulator.lean"

ENGINES: dict[str, dict[str, bool]] = {
    "engine": {},
    "engine-cautious": {"cautious": True},
    "engine-strict": {"strict": True},
    "engine-scores": {"scores": True},  # it is told the leads' odds
    "engine-revokes": {"revokes": True},  # it may take back calls that do not ring yet
}
SEARCHED = (*GRIDS, "oracle", "oracle-equal")  # their constants are looked for first
NAMES = (*ENGINES, *PEERS, *SEARCHED)


def spec_of_setting(setting: Setting) -> str:
    return "vicidial@" + ",".join(str(each) for each in setting)


def build(spec: str, scenario: LeanScenario) -> Pacer:
    """The product's engine, and a policy from elsewhere, learn of the scenario only what a floor knows beforehand."""
    name, _, value = spec.partition("@")
    if name == "oracle":
        return Oracle(scenario, float(value))
    if name == "vicidial":
        method, level, target = value.split(",")
        return pacer_of((method, float(level), float(target)), scenario)
    if name in PEERS:
        return PEERS[name](scenario)
    if name in ENGINES:
        made = importlib.import_module("bench.pacing_engine").Engine
        engine: Pacer = made(scenario.as_told(), **ENGINES[name])
        return engine
    module, _, attribute = spec.partition(":")
    if not attribute:
        raise SystemExit(f"--peers: {spec} is none of {', '.join(NAMES)}, nor module:callable")
    other: Pacer = getattr(importlib.import_module(module), attribute)(scenario.as_told())
    return other


def module_of(spec: str) -> str:
    """Where the text of a policy begins."""
    name = spec.partition("@")[0]
    if name == "oracle":
        return "bench.pacing_oracle"
    if name == "vicidial" or name.startswith(("vicidial-", "ratio-")):
        return "bench.pacing_vicidial"
    if name in PEERS:
        return "bench.pacing_peers"
    return "bench.pacing_engine" if name in ENGINES else spec.partition(":")[0]


def file_of(module: str) -> Path:
    return (ROOT / module.replace(".", "/")).with_suffix(".py")


def exists(name: str) -> bool:
    """False for an engine, or a setting of it, that is not in this tree."""
    if name not in ENGINES:
        return True
    if not file_of("bench.pacing_engine").is_file():
        return False
    made = importlib.import_module("bench.pacing_engine").Engine
    return set(ENGINES[name]) <= set(inspect.signature(made).parameters)


@cache
def sources(spec: str) -> tuple[Path, ...]:
    """The policy's module and all of ours that it imports."""
    found: dict[str, Path] = {}
    todo = [module_of(spec), WORLD]
    while todo:
        module = todo.pop()
        if module not in found and module not in VOCABULARY and file_of(module).is_file():
            found[module] = file_of(module)
            todo += imports(found[module])
    return tuple(sorted(found.values()))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        yield from (name for name in names if name.startswith(("dialer.", "bench.")))

"""The engine with compiled loops decides as the plain one does, to the last bit."""

import os
from dataclasses import fields, replace

import numpy as np
import pytest

from bench.pacing_cases import CASES
from bench.pacing_engine import Engine
from dialer.answer_curve import MANY as MANY_CALLS
from dialer.answer_curve import AnswerCurve
from dialer.campaign import PacingMode
from dialer.hazards import SPAN, Floats
from dialer.pacing import CallGroup, PacingDecision, PacingPolicy, PacingSnapshot, ReleaseGroup
from dialer.pacing import decide as decided
from dialer.pacing_risk import Balance, Taken
from dialer.release_curve import MANY as MANY_AGENTS
from dialer.release_curve import ReleaseCurve
from dialer.screen_curve import ScreenCurve
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_result import LeanResult

if not os.environ.get("CI"):
    pytest.importorskip("numba", reason="the extra `fast` is not installed")

from dialer.compiled_curves import CompiledAnswerCurve, CompiledBalance, CompiledReleaseCurve

PREDICTIVE = PacingPolicy(mode=PacingMode.PREDICTIVE, revokes=True)
Curves = tuple[AnswerCurve, ReleaseCurve]


def taught(answers: AnswerCurve, release: ReleaseCurve, seed: int) -> Curves:
    """Some minutes of a floor: calls that left flight, talks and wrap-ups that ended."""
    random = np.random.default_rng(seed)
    for now in np.arange(0.0, 300.0, 0.5).tolist():
        answers.left(float(random.exponential(9.0)), bool(random.random() < 0.3), now)
        if answers.screen is not None:
            answers.screen.left(float(random.uniform(0.2, 5.0)), bool(random.random() < 0.7), 8.0)
        release.talk_ended(float(random.exponential(100.0)))
        release.wrap_ended(float(random.exponential(12.0)), bool(random.random() < 0.9))
        answers.table(random.uniform(0.0, 40.0, 30), now)
    return answers, release


def both(seed: int, screened: bool = False) -> tuple[Curves, Curves]:
    def screen() -> ScreenCurve | None:
        return ScreenCurve() if screened else None

    return (
        taught(AnswerCurve(screen=screen()), ReleaseCurve(grace=2.0), seed),
        taught(CompiledAnswerCurve(screen=screen()), CompiledReleaseCurve(grace=2.0), seed),
    )


def same(one: Floats, other: Floats) -> bool:
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("screened", [False, True])
def test_tables_are_the_same(screened: bool) -> None:
    (plain, _), (compiled, _) = both(1, screened)
    one, other = plain.table(np.zeros(0), 400.0), compiled.table(np.zeros(0), 400.0)
    assert type(one) is not type(other)
    assert same(one.by_age, other.by_age)
    assert same(one.ever, other.ever)
    assert same(one.cumulants, other.cumulants)
    assert (one.weights, one.new_call, one.evidence) == (
        other.weights,
        other.new_call,
        other.evidence,
    )


@pytest.mark.parametrize("calls", [0, 1, 2, 17, MANY_CALLS - 1, MANY_CALLS, 300])
def test_calls_in_flight_add_up_the_same(calls: int) -> None:
    (plain, _), (compiled, _) = both(2)
    one, other = plain.table(np.zeros(0), 400.0), compiled.table(np.zeros(0), 400.0)
    random = np.random.default_rng(calls)
    for _ in range(20):
        ages = random.uniform(-1.0, 90.0, calls)
        assert same(one.total(ages), other.total(ages))
        odds = random.uniform(0.2, 4.0, calls)
        assert same(one.total(ages, odds), other.total(ages, odds))
        assert same(one.unsure(one.total(ages)), other.unsure(one.total(ages)))


@pytest.mark.parametrize("agents", [0, 1, 2, 13, MANY_AGENTS - 1, MANY_AGENTS, 400])
def test_agents_released_add_up_the_same(agents: int) -> None:
    (_, plain), (_, compiled) = both(3)
    none, random = np.zeros(0), np.random.default_rng(agents)
    one, other = plain.table(none, none, 400.0), compiled.table(none, none, 400.0)
    for wrapping in {0, agents // 4, agents}:
        talks = random.exponential(400.0, agents - wrapping)
        wraps = random.exponential(20.0, wrapping)
        assert same(one.total(talks, wraps), other.total(talks, wraps))


def test_risks_are_the_same() -> None:
    random = np.random.default_rng(4)
    for _ in range(8_000):
        scale = float(random.choice([0.0, 1e-6, 1.0, 30.0]))
        mean, third = random.normal(0.0, 3.0, SPAN), random.normal(0.0, 1.0, SPAN)
        total = np.concatenate([mean, random.random(SPAN) * scale, third])
        weights = random.random(SPAN) * (random.random(SPAN) < 0.9)
        weights /= max(float(weights.sum()), 1.0)
        chances = np.sort(random.random(SPAN))
        surplus, enough = int(random.integers(-9, 9)), float(random.choice([0.02, 0.3, 1.0]))
        more: int | Taken = int(random.integers(-3, 9))
        if random.random() < 0.3:
            more = Taken()
            for _ in range(3):
                more.add(float(random.uniform(0.2, 4.0)))
        plain = Balance(surplus, total.tolist(), chances.tolist(), weights.tolist())
        compiled = CompiledBalance(surplus, total, np.concatenate([weights, chances]))
        assert plain.risk(more, enough) == compiled.risk(more, enough)


def asked(curves: Curves, seed: int) -> PacingDecision:
    answers, release = curves
    random = np.random.default_rng(seed)
    agents, calls = int(random.integers(1, 90)), int(random.integers(0, 150))
    screening = int(random.integers(0, 5)) if answers.screen else 0
    none = np.zeros(0)
    table = answers.table(none, 400.0)
    busy = ReleaseGroup(
        table=release.table(none, none, 400.0),
        talking=random.exponential(90.0, agents),
        wrapping=random.exponential(9.0, agents // 5),
    )
    flying = CallGroup(
        table=table,
        ages=random.uniform(0.0, 40.0, calls),
        screening=random.uniform(0.0, 4.0, screening),
        rang=random.uniform(2.0, 30.0, screening),
    )
    snapshot = PacingSnapshot(
        idle=int(random.integers(0, 6)),
        waiting=int(random.integers(0, 3)),
        busy=(busy,) * int(random.integers(1, 3)),
        in_flight=(flying,) * int(random.integers(0, 3)),
        answers=table,
        theta=float(random.uniform(0.002, 0.5)),
        next_odds=random.uniform(0.2, 4.0, 9).tolist() if random.random() < 0.3 else (),
        inbound_per_second=float(random.choice([0.0, 0.1])),
        revocable=calls // 4,
    )
    return decided(snapshot, PREDICTIVE)


@pytest.mark.parametrize("screened", [False, True])
def test_decisions_and_their_reasons_are_the_same(screened: bool) -> None:
    plain, compiled = both(5, screened)
    for seed in range(300):
        one, other = asked(plain, seed), asked(compiled, seed)
        for each in fields(PacingDecision):
            assert repr(getattr(one, each.name)) == repr(getattr(other, each.name))


def shift(case: str, seconds: float, *, compiled: bool) -> LeanResult:
    scenario = replace(CASES[case], seconds=seconds)
    return LeanWorld(scenario, Engine(scenario.as_told(), compiled=compiled), 6).run()


@pytest.mark.parametrize(("case", "seconds"), [("S1", 600.0), ("S4", 300.0), ("S5", 120.0)])
def test_shifts_are_the_same(case: str, seconds: float) -> None:
    plain, compiled = (shift(case, seconds, compiled=each) for each in (False, True))
    assert plain.dialled > 0
    assert plain.history == compiled.history
    assert (plain.dialled, plain.decisions) == (compiled.dialled, compiled.decisions)
    assert plain.idle_seconds == compiled.idle_seconds

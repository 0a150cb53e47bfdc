"""The risk of one more call, against the distribution itself, which is computed here one agent and one call at a time."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.hazards import SPAN, Floats, cumulants
from dialer.pacing_risk import Balance, ExactBalance, no_agent

chance = st.sampled_from((0.0, 0.01, 0.2, 0.5, 0.9, 1.0))


def bernoullis(chances: Floats) -> Floats:
    """The distribution of how many of these come true."""
    law = np.ones(1)
    for one in chances:
        law = np.convolve(law, [1.0 - one, one])
    return law


def by_counting(surplus: int, free: Floats, answers: Floats) -> float:
    """P(surplus + agents released - answers <= 0)."""
    released, answered = bernoullis(free), bernoullis(answers)
    return float(
        sum(
            released[f] * answered[a]
            for f in range(len(released))
            for a in range(len(answered))
            if surplus + f - a <= 0
        )
    )


def approximated(surplus: int, free: Floats, answers: Floats, unsure: float = 0.0) -> float:
    mean, variance, third = cumulants(free[:, None]).sum(0) - [1, -1, 1] * cumulants(
        answers[:, None]
    ).sum(0)
    return no_agent(surplus + mean, variance + unsure, third)


def case(random: Random, agents: int, calls: int) -> tuple[int, Floats, Floats]:
    free = np.array([random.uniform(0.0, 0.6) for _ in range(agents)])
    answers = np.array([random.uniform(0.05, 0.5) for _ in range(calls)])
    surplus = round(answers.sum() - free.sum() + random.uniform(-2, 3) * agents**0.5)
    return surplus, free, answers


# --- the approximation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agents", "calls", "error"),
    [(6, 8, 0.01), (20, 20, 0.002), (50, 60, 6e-4), (200, 300, 1.5e-4), (500, 1000, 6e-5)],
)
def test_the_normal_law_with_skewness_is_near_the_distribution(
    agents: int, calls: int, error: float
) -> None:
    """The stated error is above the greatest of forty cases on both sides of even odds; it falls like 1 / (agents + calls)."""
    random = Random(agents)
    for _ in range(40):
        surplus, free, answers = case(random, agents, calls)
        exact = float(_fast(surplus, free, answers))
        assert approximated(surplus, free, answers) == pytest.approx(exact, abs=error)


def _fast(surplus: int, free: Floats, answers: Floats) -> float:
    """As by_counting, in one convolution: agents released plus calls not answered."""
    law = bernoullis(np.concatenate([free, 1.0 - answers]))
    return float(law[: max(len(answers) - surplus + 1, 0)].sum())


def test_the_two_ways_of_counting_agree() -> None:
    surplus, free, answers = case(Random(1), 6, 9)
    assert _fast(surplus, free, answers) == pytest.approx(by_counting(surplus, free, answers))


@pytest.mark.parametrize(("surplus", "wanted"), [(-1, 1.0), (0, 1.0), (1, 0.0), (3, 0.0)])
def test_what_is_certain_is_certain(surplus: int, wanted: float) -> None:
    assert no_agent(surplus, 0.0, 0.0) == wanted


@given(st.floats(-1e4, 1e4), st.floats(0, 1e4), st.floats(-1e4, 1e4))
def test_any_cumulants_give_a_probability(mean: float, variance: float, third: float) -> None:
    assert 0.0 <= no_agent(mean, variance, third) <= 1.0


def test_six_deviations_away_it_is_certain() -> None:
    assert no_agent(0.5 + 6.1, 1.0, 0.0) == 0.0
    assert no_agent(0.5 - 6.1, 1.0, 0.0) == 1.0


@given(st.floats(0.6, 20), st.floats(0.1, 50), st.floats(0.1, 50))
def test_an_unsure_level_only_adds_risk(mean: float, variance: float, unsure: float) -> None:
    """Where an agent is likelier than not."""
    assert no_agent(mean, variance + unsure, 0.0) >= no_agent(mean, variance, 0.0)


@given(st.integers(0, 2**32), st.floats(0.0, 20.0))
def test_an_unsure_level_adds_risk_to_a_whole_balance_at_any_risk_that_is_ever_taken(
    seed: int, unsure: float
) -> None:
    """Skewness included, wherever the risk without it is under one in ten: theta is seldom above."""
    surplus, free, answers = case(Random(seed), 40, 60)
    sure = approximated(surplus, free, answers)
    if sure <= 0.1:
        assert approximated(surplus, free, answers, unsure) >= sure - 1e-3


# --- the balance at all horizons --------------------------------------------------------------------------------------


def rows(chances: list[float]) -> Floats:
    """The same chance at each horizon, a row for each."""
    return np.tile(np.array(chances, dtype=float)[:, None], (1, SPAN))


def spread(random: Random, count: int, most: float) -> Floats:
    """Chances that rise with the horizon."""
    at_last = np.array([random.uniform(0, most) for _ in range(count)])
    return at_last[:, None] * np.linspace(0.1, 1.0, SPAN)[None, :]


EVENLY = (1.0 / SPAN,) * SPAN


def test_the_horizons_are_weighed_by_when_the_new_call_brings_its_person() -> None:
    """No agent until the eighth horizon, then one for sure."""
    free = np.zeros((1, SPAN))
    free[0, 8:] = 1.0
    weights = [0.0] * SPAN
    weights[7], weights[8] = 0.3, 0.7
    assert ExactBalance(0, free, rows([])).risks([0.5] * SPAN, weights, 0) == pytest.approx([0.3])
    balance = Balance(0, cumulants(free)[0].tolist(), [0.5] * SPAN, weights)
    assert balance.risk(0) == pytest.approx(0.3)


def test_each_new_call_adds_its_cumulants() -> None:
    random = Random(4)
    free, answers, new = spread(random, 60, 0.7), spread(random, 50, 0.6), rows([0.3])
    before = cumulants(free).sum(0) - np.repeat([1.0, -1.0, 1.0], SPAN) * cumulants(answers).sum(0)
    after = before - np.repeat([1.0, -1.0, 1.0], SPAN) * cumulants(rows([0.3] * 4)).sum(0)
    four_more = Balance(-3, before.tolist(), new[0].tolist(), EVENLY).risk(4)
    assert four_more == pytest.approx(Balance(-3, after.tolist(), new[0].tolist(), EVENLY).risk(0))


def test_a_risk_above_what_is_enough_may_be_anything_above_it() -> None:
    balance = Balance(0, [0.0] * 3 * SPAN, [0.5] * SPAN, EVENLY)
    assert balance.risk(0) == pytest.approx(1.0)
    assert 0.1 < balance.risk(0, 0.1) <= 1.0


@given(
    st.integers(-4, 8),
    st.lists(chance, max_size=6),
    st.lists(chance, max_size=12),
    chance,
    st.integers(0, 5),
)
def test_the_exact_balance_is_the_convolution(
    surplus: int, free: list[float], answers: list[float], new: float, more: int
) -> None:
    """To 1e-9: with persons waiting for whom there is nobody (a surplus below none), with more calls than agents, with none of
    either."""
    found = ExactBalance(surplus, rows(free), rows(answers)).risks([new] * SPAN, EVENLY, more)
    wanted = [
        by_counting(surplus, np.array(free), np.array([*answers, *[new] * extra]))
        for extra in range(more + 1)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@given(st.integers(0, 2**32), st.integers(0, 6), st.integers(0, 24), st.integers(-3, 6))
def test_the_exact_balance_is_the_convolution_at_each_horizon(
    seed: int, agents: int, calls: int, surplus: int
) -> None:
    random = Random(seed)
    free, answers = spread(random, agents, 1.0), spread(random, calls, 1.0)
    new = np.linspace(0.0, 0.5, SPAN)
    weights = np.arange(1.0, SPAN + 1) / sum(range(1, SPAN + 1))
    found = ExactBalance(surplus, free, answers).risks(new.tolist(), weights.tolist(), 2)
    for extra, risk in enumerate(found):
        wanted = sum(
            weight
            * by_counting(surplus, free[:, k], np.concatenate([answers[:, k], [new[k]] * extra]))
            for k, weight in enumerate(weights)
        )
        assert risk == pytest.approx(wanted, abs=1e-9)


def test_many_calls_are_counted_as_exactly() -> None:
    random = Random(8)
    free, answers = spread(random, 40, 0.5), spread(random, 150, 0.3)
    (found,) = ExactBalance(12, free, answers).risks([0.3] * SPAN, EVENLY, 0)
    wanted = np.mean([_fast(12, free[:, k], answers[:, k]) for k in range(SPAN)])
    assert found == pytest.approx(wanted, abs=1e-9)


@given(
    st.integers(-3, 5),
    st.lists(chance, max_size=6),
    st.lists(chance, max_size=8),
    chance,
)
def test_exactly_counted_each_new_call_adds_risk(
    surplus: int, free: list[float], answers: list[float], new: float
) -> None:
    risks = ExactBalance(surplus, rows(free), rows(answers)).risks([new] * SPAN, EVENLY, 6)
    assert (np.diff(risks) >= -1e-9).all()

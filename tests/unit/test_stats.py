"""Estimators of answers and talks. The statistical tests are seeded; each states its error rate."""

from datetime import timedelta
from random import Random

import numpy as np
import pytest
from dialer.stats import HORIZONS, AnswerCurve, TalkCurve

from tests.support.playbook import START, at


def learnt(*resolved: tuple[float, bool]) -> AnswerCurve:
    curve = AnswerCurve()
    for age, answered in resolved:
        curve.observe(age, answered, START)
    return curve


def test_the_prior_is_high_about_half_of_the_calls_answered() -> None:
    total = AnswerCurve().table([], START).per_bin.sum()
    assert 0.35 < total < 0.65


def test_tables_are_probabilities() -> None:
    table = learnt((3, True), (4, True), (20, False)).table([1.0, 7.0], START)
    assert ((table.by_age >= 0) & (table.by_age <= 1)).all()
    assert (table.per_bin >= 0).all()
    assert table.per_bin.sum() <= 1


def test_a_longer_look_ahead_never_sees_fewer_answers() -> None:
    table = learnt((3, True), (4, True), (20, False), (25, True)).table([2.0], START)
    assert (np.diff(table.by_age, axis=1) >= -1e-12).all()


def test_calls_in_progress_count_as_exposure() -> None:
    """Ten quick answers, and ninety calls that ring on: the answers are not the whole truth."""
    quick = [(4.0, True)] * 10
    alone = learnt(*quick).table([], START).new_call[-1]
    among_many = learnt(*quick).table([12.0] * 90, START).new_call[-1]
    assert alone > 0.5
    assert among_many < 0.6 * alone


def test_calls_that_fail_lower_the_answers_to_come() -> None:
    answered = learnt(*[(8.0, True)] * 20).table([], START).new_call
    mixed = learnt(*[(8.0, True)] * 20, *[(5.0, False)] * 60).table([], START).new_call
    assert (mixed <= answered + 1e-12).all()


def test_an_old_call_past_all_answers_is_hardly_answered_any_more() -> None:
    curve = learnt(*[(8.0, True)] * 200, *[(25.0, False)] * 200)
    (row,) = curve.table([], START).rows([15.0])
    assert row[-1] < 0.1


@pytest.mark.parametrize("age", [-5.0, -61.0, 0.0, 59.9, 1e6])
def test_any_age_has_a_bin(age: float) -> None:
    curve = learnt((age, True))
    assert curve.table([age], START).rows([age]).shape == (1, len(HORIZONS))
    talks = TalkCurve()
    talks.observe(age, START)
    ended = talks.table([age], START).ended_within([age], HORIZONS)
    assert ((ended >= 0) & (ended <= 1)).all()


def test_a_call_answered_before_it_was_placed_counts_in_the_first_bin() -> None:
    """A clock that stepped back must not count it among calls a minute old."""
    early = learnt(*[(-5.0, True)] * 50).table([], START)
    assert early.rows([0.0])[0, 0] > 0.5


def test_counts_fade_with_time() -> None:
    curve = learnt(*[(8.0, True)] * 100)
    fresh = curve.answer_ratio
    curve.observe(8.0, False, START + timedelta(hours=5))
    assert fresh > 0.9
    assert curve.answer_ratio < 0.55


def test_time_that_runs_backwards_fades_nothing() -> None:
    curve = learnt(*[(8.0, True)] * 100)
    curve.observe(8.0, True, START - timedelta(hours=5))
    assert curve.answer_ratio > 0.9


def test_a_table_is_kept_for_two_seconds() -> None:
    curve = AnswerCurve()
    first = curve.table([], START)
    curve.observe(3.0, True, at(1))
    assert curve.table([], at(1.9)) is first
    assert curve.table([], at(2)) is not first


# --- talks ------------------------------------------------------------------------------------------------------------


def test_before_any_talk_the_prior_holds() -> None:
    assert TalkCurve().mean_seconds == 90.0
    survival = TalkCurve().table([], START).survival
    assert survival[90] == pytest.approx(np.exp(-1), abs=0.02)


def test_survival_never_rises() -> None:
    talks = TalkCurve()
    for seconds in (5, 30, 31, 200, 1100, 4000):
        talks.observe(seconds, START)
    survival = talks.table([3.0, 90.0], START).survival
    assert survival[0] == 1.0
    assert (np.diff(survival) <= 0).all()
    assert (survival > 0).all()


def test_an_end_within_more_seconds_is_never_less_likely() -> None:
    rows = TalkCurve().table([], START).ended_within([0.0, 30.0, 1199.0, 5000.0], HORIZONS)
    assert (np.diff(rows, axis=1) >= 0).all()
    assert ((rows >= 0) & (rows <= 1)).all()


def test_no_time_ahead_no_end() -> None:
    rows = TalkCurve().table([], START).ended_within([30.0], HORIZONS - 100)
    assert (rows == 0).all()


def test_talks_still_going_on_count_as_exposure() -> None:
    """Five short talks ended; twenty go on for minutes."""
    talks = TalkCurve()
    for _ in range(5):
        talks.observe(10.0, START)
    alone = talks.table([], START).survival[60]
    other = TalkCurve()
    for _ in range(5):
        other.observe(10.0, START)
    assert other.table([120.0] * 20, START).survival[60] > alone


def test_the_mean_is_all_the_time_talked_over_the_ends() -> None:
    talks = TalkCurve()
    for _ in range(8):
        talks.observe(40.0, START)
    assert talks.mean_seconds == pytest.approx((8 * 40 + 2 * 90) / 10)


# --- what is learnt is what happens -----------------------------------------------------------------------------------


def test_the_share_of_answers_is_learnt() -> None:
    """4,000 calls, 30 % answered: within 0.03, four standard errors (0.0072 each) plus the prior's pull of under 0.001.

    Two-sided error rate of a right estimator: under 1 in 10,000 seeds; this seed is fixed.
    """
    random = Random(7)
    curve = AnswerCurve()
    for _ in range(4000):
        answered = random.random() < 0.3
        curve.observe(random.uniform(3, 20) if answered else 25.0, answered, START)
    assert curve.answer_ratio == pytest.approx(0.3, abs=0.03)
    assert curve.table([], START).new_call[-1] == pytest.approx(0.3, abs=0.04)


def test_the_law_of_talks_is_learnt() -> None:
    """3,000 exponential talks of mean 60 s: survival at 30, 60 and 120 s within 0.035, four standard errors (under 0.0088).

    Error rate of a right estimator: under 3 in 10,000 seeds; this seed is fixed.
    """
    random = Random(11)
    talks = TalkCurve()
    for _ in range(3000):
        talks.observe(random.expovariate(1 / 60), START)
    survival = talks.table([], START).survival
    for seconds in (30, 60, 120):
        assert survival[seconds] == pytest.approx(np.exp(-seconds / 60), abs=0.035)

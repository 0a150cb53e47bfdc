"""When calls in flight will be picked up: what is learnt, from what still rings too, and how fast it follows a list.

The statistical tests are seeded; each states its error rate.
"""

from collections.abc import Iterator
from itertools import cycle, pairwise
from random import Random
from typing import NamedTuple

import numpy as np
import pytest

from dialer.answer_curve import (
    BINS,
    LEVEL_MAX,
    MANY,
    AnswerCurve,
    AnswerTable,
    prior_hazard,
)
from dialer.hazards import HORIZON_EDGES, HORIZONS, SPAN, Floats

NONE = np.zeros(0)
START = 1_000_000.0
"""Seconds; the scale's zero does not matter."""


def ages(*seconds: float) -> Floats:
    return np.array(seconds)


def learnt(*left: tuple[float, bool], at: float = START) -> AnswerCurve:
    curve = AnswerCurve()
    for age, up in left:
        curve.left(age, up, at)
    return curve


def table(curve: AnswerCurve, *ringing: float, at: float = START) -> AnswerTable:
    return curve.table(ages(*ringing), at)


# --- what a table says ------------------------------------------------------------------------------------------------


def test_the_prior_is_high_about_half_of_the_calls_answered() -> None:
    assert 0.35 < table(AnswerCurve()).ever[0] < 0.65


def test_before_two_seconds_nobody_is_expected_to_answer() -> None:
    assert (prior_hazard()[:3] < 0.001).all()
    assert table(AnswerCurve()).new_call[0] < 0.01


@pytest.mark.parametrize(
    "left",
    [
        (),
        ((3.0, True), (4.0, True), (20.0, False)),
        ((0.0, True),) * 300,
        ((0.0, False),) * 300,
        ((8.0, True),) * 100 + ((25.0, False),) * 300,
    ],
)
def test_tables_are_probabilities(left: tuple[tuple[float, bool], ...]) -> None:
    made = table(learnt(*left), 1.0, 7.0)
    assert ((made.by_age >= 0) & (made.by_age <= 1)).all()
    assert ((made.ever >= 0) & (made.ever <= 1)).all()
    assert (np.array(made.weights) >= 0).all()
    assert sum(made.weights) == pytest.approx(1)
    assert (made.by_age[:, -1] <= made.ever + 1e-12).all()
    assert (np.diff(made.by_age, axis=1) >= -1e-12).all(), "a longer look sees fewer answers"
    assert made.by_age.shape == (BINS, SPAN)


def test_where_no_call_can_bring_a_person_the_weights_are_zero() -> None:
    chances = np.zeros((BINS, SPAN))
    made = AnswerTable.of(chances, chances[:, 0], np.zeros(SPAN), evidence=15.0)
    assert made.weights == (0.0,) * SPAN


def test_the_weights_say_in_which_bin_a_new_call_brings_its_person() -> None:
    """Everybody answers between 2.5 and 3 s: all but what the prior makes of the few who are left over falls there."""
    made = table(learnt(*[(2.75, True)] * 5000))
    assert made.weights[2] > 0.95  # from 2 to 3 s
    assert made.new_call[int(np.searchsorted(HORIZONS, 3.0))] >= 0.95


def test_calls_in_progress_count_as_exposure() -> None:
    """Ten quick answers, and ninety calls that ring on: the answers are not the whole truth."""
    quick = [(4.0, True)] * 10
    alone = table(learnt(*quick)).new_call[-1]
    among_many = table(learnt(*quick), *[12.0] * 90).new_call[-1]
    assert alone > 0.5
    assert among_many < 0.6 * alone


def test_a_call_counts_as_exposure_only_as_far_as_it_has_rung() -> None:
    """Ninety calls of one second say nothing about answers at four."""
    quick = [(4.25, True)] * 10
    alone, young = table(learnt(*quick)), table(learnt(*quick), *[1.25] * 90)
    at_three_seconds = 6
    np.testing.assert_allclose(alone.by_age[at_three_seconds:], young.by_age[at_three_seconds:])


def test_calls_that_fail_lower_the_answers_to_come() -> None:
    answered = np.array(table(learnt(*[(8.0, True)] * 20)).new_call)
    mixed = np.array(table(learnt(*[(8.0, True)] * 20, *[(5.0, False)] * 60)).new_call)
    assert (mixed <= answered + 1e-12).all()


def test_an_old_call_past_all_answers_is_hardly_answered_any_more() -> None:
    curve = learnt(*[(8.0, True)] * 200, *[(25.0, False)] * 200)
    (row,) = table(curve).rows(ages(15.0))
    assert row[-1] < 0.1


@pytest.mark.parametrize("age", [-5.0, -61.0, 0.0, 59.9, 1e6])
def test_any_age_has_a_bin(age: float) -> None:
    made = table(learnt((age, True)), age)
    assert made.rows(ages(age)).shape == (1, SPAN)
    assert made.total(ages(age)).shape == (3 * SPAN,)


def test_a_call_answered_before_it_was_placed_counts_in_the_first_bin() -> None:
    """A clock that stepped back must not count it among calls a minute old."""
    early = table(learnt(*[(-5.0, True)] * 50))
    assert early.rows(ages(0.0))[0, 0] > 0.5


@pytest.mark.parametrize("calls", [0, 1, MANY - 1, MANY, 3 * MANY])
def test_the_sum_over_calls_is_the_sum_of_their_rows(calls: int) -> None:
    """Few calls are looked up one by one, many are counted by age first: the same sum."""
    random = Random(calls)
    made = table(learnt(*[(8.0, True)] * 20, *[(25.0, False)] * 20))
    ringing = ages(*(random.uniform(0, 40) for _ in range(calls)))
    rows = made.rows(ringing)
    spread = rows * (1 - rows)
    wanted = [rows.sum(0), spread.sum(0), (spread * (1 - 2 * rows)).sum(0)]
    np.testing.assert_allclose(made.total(ringing), np.concatenate(wanted), atol=1e-9)
    np.testing.assert_allclose(
        made.total(ringing, np.ones(calls)), made.total(ringing), atol=1e-9, err_msg="odds of 1"
    )


# --- odds -------------------------------------------------------------------------------------------------------------


def test_odds_move_the_chance_by_bayes_rule() -> None:
    """Against a population: calls that will be answered at all, mixed with calls that never will. A lead with twice the odds
    is twice as often of the first kind; among those who still ring, the kinds are counted."""
    curve = learnt(*[(6.0, True)] * 300, *[(11.0, True)] * 100, *[(25.0, False)] * 600)
    made = table(curve)
    odds = 2.5
    for age in (0.0, 4.0, 7.0, 12.0):
        (average,) = made.rows(ages(age))
        (likely,) = made.rows(ages(age), np.array([odds]))
        row = int(age * 2)
        ever = made.ever[row]
        willing, never = 1000.0 * ever * odds, 1000.0 * (1.0 - ever)
        wanted = average / ever * willing / (willing + never)
        np.testing.assert_allclose(likely, wanted, rtol=1e-9)


def test_odds_by_bayes_rule_against_counted_calls() -> None:
    """200,000 calls, one in five willing to answer for an average lead; who is willing answers between 2 and 14 s, the others
    ring for 25. Leads with odds of 3 are willing at odds of 3/4. Of their calls that still ring at 6 s, the share answered by
    14 s is counted and foretold from the average leads' table alone: within 0.02. The standard error of the count is 0.002, the
    grid of half seconds costs up to 0.01."""
    random = Random(3)
    curve, alive, answered = AnswerCurve(), 0, 0
    for _ in range(20_000):
        willing = random.random() < 0.2
        curve.left(random.uniform(2, 14) if willing else 25.0, willing, START)
    for _ in range(200_000):
        willing = random.random() < 3 / 7
        after = random.uniform(2, 14) if willing else 25.0
        alive += after > 6.0
        answered += willing and after > 6.0
    (row,) = table(curve).rows(ages(6.0), np.array([3.0]))
    by_nine_seconds = row[int(np.searchsorted(HORIZONS, 9.0))]
    assert by_nine_seconds == pytest.approx(answered / alive, abs=0.02)


@pytest.mark.parametrize("age", [0.0, 3.0, 9.0])
def test_better_odds_never_make_an_answer_less_likely(age: float) -> None:
    made = table(learnt(*[(8.0, True)] * 20, *[(25.0, False)] * 60))
    rows = [made.rows(ages(age), np.array([odds]))[0] for odds in (0.0, 0.2, 1.0, 4.0, 1e6)]
    assert (rows[0] == 0).all()
    for low, high in pairwise(rows):
        assert (low <= high + 1e-12).all()
    assert (rows[-1] <= 1 + 1e-9).all()


def test_a_new_call_of_a_lead_is_its_first_row_with_its_odds() -> None:
    made = table(learnt(*[(8.0, True)] * 20, *[(25.0, False)] * 60))
    (first,) = made.rows(np.zeros(1), np.array([2.0]))
    np.testing.assert_allclose(made.weight(2.0) * np.array(made.new_call), first)
    assert made.weight(1.0) == pytest.approx(1.0)
    assert 1.0 < made.weight(2.0) < 2.0


# --- time -------------------------------------------------------------------------------------------------------------


def test_counts_fade_with_time() -> None:
    curve = learnt(*[(8.0, True)] * 100)
    table(curve)
    assert curve.answer_ratio > 0.9
    table(curve, at=START + 5 * 3600)
    assert curve.answer_ratio < 0.55


def test_time_that_runs_backwards_fades_nothing() -> None:
    curve = learnt(*[(8.0, True)] * 100)
    table(curve)
    table(curve, at=START - 5 * 3600)
    assert curve.answer_ratio > 0.9


def test_a_scale_that_was_moved_makes_nothing_older() -> None:
    curve = learnt(*[(8.0, True)] * 100)
    first = table(curve)
    curve.shift(-3600.0)
    assert table(curve, at=START - 3600) is first
    curve.shift(5 * 3600.0)
    assert table(curve, at=START + 4 * 3600 + 2) is not first
    assert curve.answer_ratio > 0.9


def test_a_table_is_kept_for_two_seconds() -> None:
    curve = AnswerCurve()
    first = table(curve)
    curve.left(3.0, True, START + 1)
    assert table(curve, at=START + 1.9) is first
    assert curve.stale(START + 2)
    assert table(curve, at=START + 2) is not first


# --- the level --------------------------------------------------------------------------------------------------------


class List:
    """A list that is dialled at an even pace, so many calls a second; whoever answers does so after 2 to 14 s."""

    def __init__(self, per_second: float, seed: int) -> None:
        self.curve, self.random, self.per_second = AnswerCurve(), Random(seed), per_second
        self.now, self.answers = START, 0
        self._ringing: list[Ring] = []

    def dial(self, seconds: float, chance: float | dict[str, float]) -> None:
        """In steps of a table's life, each call leaving when it does. `chance`: of an answer; by segments, call by call."""
        end = self.now + seconds
        of = cycle({"": chance}.items() if isinstance(chance, float) else chance.items())
        while self.now < end:
            self._place(of)
            self.now += 2.0
            self._leave()
            self.curve.table(ages(*(self.now - one.placed for one in self._ringing)), self.now)

    def _place(self, of: Iterator[tuple[str, float]]) -> None:
        for number in range(round(2 * self.per_second)):
            at, (segment, chance) = self.now + number / self.per_second, next(of)
            up = self.random.random() < chance
            lasts = self.random.uniform(2, 14) if up else 25.0
            self._ringing.append(Ring(at, at + lasts, up, segment))

    def _leave(self) -> None:
        for one in sorted(self._ringing, key=lambda one: one.leaves):
            if one.leaves <= self.now:
                self.curve.left(one.leaves - one.placed, one.up, one.leaves, one.segment)
                self.answers += one.up
        self._ringing = [one for one in self._ringing if one.leaves > self.now]


class Ring(NamedTuple):
    placed: float
    leaves: float
    up: bool
    segment: str


def test_the_level_stays_one_until_enough_is_known() -> None:
    """A hundred calls and a minute, whichever is later."""
    quick = List(per_second=10.0, seed=1)
    quick.dial(56, chance=0.9)
    assert quick.curve.resolved > 400
    assert quick.curve.level == 1.0
    slow = List(per_second=0.5, seed=1)
    slow.dial(150, chance=0.9)
    assert slow.curve.resolved < 100
    assert slow.curve.level == 1.0


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_level_follows_a_list_that_turns_hot_within_minutes(seed: int) -> None:
    """Half an hour at one answer in twelve, then one in three, ten calls a second: at first some 50 answers a minute. Two minutes
    later the foreseen chance of a new call is near the new one; the slow hazards alone are far from it."""
    calls = List(per_second=10.0, seed=seed)
    calls.dial(1800, chance=1 / 12)
    assert calls.answers / 30 >= 45
    assert calls.curve.level == pytest.approx(1.0, abs=0.15)
    before = calls.curve.table(NONE, calls.now).ever[0]
    calls.dial(120, chance=1 / 3)
    foreseen = calls.curve.table(NONE, calls.now).ever[0]
    assert before == pytest.approx(1 / 12, abs=0.02)
    assert calls.curve.level > 1.5
    assert foreseen > 0.2
    calls.dial(180, chance=1 / 3)
    assert calls.curve.table(NONE, calls.now).ever[0] == pytest.approx(1 / 3, abs=0.08)


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_level_follows_a_list_that_cools_down(seed: int) -> None:
    calls = List(per_second=10.0, seed=seed)
    calls.dial(1200, chance=1 / 3)
    calls.dial(300, chance=1 / 12)
    assert calls.curve.level < 0.7
    assert calls.curve.table(NONE, calls.now).ever[0] < 0.2


def test_the_level_is_never_above_three() -> None:
    curve = learnt(*[(25.0, False)] * 200)
    table(curve)
    curve.observed, curve.expected = 500.0, 1.0
    assert curve.level == LEVEL_MAX == 3.0


def test_the_more_answers_the_level_rests_on_the_more_evidence() -> None:
    calls = List(per_second=10.0, seed=1)
    calls.dial(40, chance=1 / 3)
    early = calls.curve.table(NONE, calls.now).evidence
    calls.dial(600, chance=1 / 3)
    assert early == 15.0
    assert calls.curve.table(NONE, calls.now).evidence > 200


# --- what is learnt is what happens -----------------------------------------------------------------------------------


def test_the_share_of_answers_is_learnt() -> None:
    """4,000 calls, 30 % answered: within 0.03, four standard errors (0.0072 each) plus the prior's pull of under 0.001.

    Two-sided error rate of a right estimator: under 1 in 10,000 seeds; this seed is fixed.
    """
    random = Random(7)
    curve = AnswerCurve()
    for _ in range(4000):
        up = random.random() < 0.3
        curve.left(random.uniform(3, 20) if up else 25.0, up, START)
    assert curve.answer_ratio == pytest.approx(0.3, abs=0.03)
    assert table(curve).ever[0] == pytest.approx(0.3, abs=0.04)


def test_when_answers_come_is_learnt() -> None:
    """10,000 calls answered evenly between 2 and 14 s by four in ten: the chance by each horizon of calls that have rung for 0, 4
    and 10 s within 0.03; standard errors are under 0.006, the grid and the prior cost up to 0.01."""
    random = Random(5)
    curve = AnswerCurve()
    for _ in range(10_000):
        up = random.random() < 0.4
        curve.left(random.uniform(2, 14) if up else 25.0, up, START)
    made = table(curve)
    for age in (0.0, 4.0, 10.0):
        gone = np.clip((age - 2) / 12, 0, 1)
        by = np.clip((age + np.round(HORIZONS * 2) / 2 - 2) / 12, 0, 1)
        wanted = 0.4 * (by - gone) / (1 - 0.4 * gone)
        np.testing.assert_allclose(made.rows(ages(age))[0], wanted, atol=0.03)
    assert HORIZON_EDGES[-1] == 36


# --- history ----------------------------------------------------------------------------------------------------------


def test_what_was_told_of_earlier_days_shapes_the_table_but_is_no_sign_of_the_present() -> None:
    curve = learnt(*[(8.0, True)] * 60, *[(25.0, False)] * 240, at=START - 86_400)
    curve.settle()
    assert table(curve).ever[0] == pytest.approx(0.2, abs=0.05)
    assert curve.level == 1.0
    for _ in range(200):
        curve.left(25.0, False, START + 1)
    table(curve, at=START + 30)
    assert curve.level == 1.0, "the minute counts from the first call of today"


# --- segments of a list -----------------------------------------------------------------------------------------------


def two_segments(fresh: float, again: float, seconds: float, seed: int = 1) -> List:
    """Ten calls a second, every other one to a lead that was tried before."""
    calls = List(per_second=10.0, seed=seed)
    calls.dial(seconds, {"first": fresh, "again": again})
    return calls


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_segment_learns_its_own_odds(seed: int) -> None:
    """Fresh leads answer 40 %, those tried before 10 %: a quarter on average, with odds of 1/3. The posterior's own weight pulls
    towards 1."""
    curve = two_segments(0.4, 0.1, 900, seed).curve
    assert 1.5 < curve.odds("first") < 2.6  # (0.4 / 0.6) / (1 / 3) = 2
    assert 0.25 < curve.odds("again") < 0.55  # (0.1 / 0.9) / (1 / 3) = 1 / 3


def test_segments_that_answer_alike_have_no_odds_of_their_own() -> None:
    """Within the noise of what was seen: 30 % of some 4,000 calls each, standard error 2.4 % of it."""
    curve = two_segments(0.3, 0.3, 900).curve
    for segment in ("first", "again"):
        assert 0.8 < curve.odds(segment) < 1.25


def test_of_a_segment_that_is_unknown_and_before_enough_is_known_nothing_is_assumed() -> None:
    curve = two_segments(0.9, 0.0, 40).curve
    for segment in ("first", "again", "other", ""):
        assert curve.odds(segment) == 1.0


def test_odds_stay_finite_where_nobody_or_everybody_answers() -> None:
    for fresh, again in ((1.0, 0.0), (1.0, 1.0), (0.0, 0.0)):
        calls = two_segments(fresh, again, 300)
        for segment in ("first", "again"):
            odds = calls.curve.odds(segment)
            assert 0.0 < odds < 1000.0
            rows = calls.curve.table(NONE, calls.now).rows(ages(0.0, 9.0), np.full(2, odds))
            assert ((rows >= 0) & (rows <= 1)).all()


def test_a_segment_forgets() -> None:
    calls = two_segments(0.4, 0.1, 900)
    before = calls.curve.odds("first")
    calls.curve.left(25.0, False, calls.now + 8 * 3600, "first")
    calls.curve.left(25.0, False, calls.now + 8 * 3600, "again")
    assert before > 1.5
    assert calls.curve.odds("first") == pytest.approx(1.0, abs=0.1)

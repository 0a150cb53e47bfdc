"""When busy agents will be free: durations learnt, also from what goes on; timers; who stays for another call.

The statistical tests are seeded; each states its error rate.
"""

from random import Random

import numpy as np
import pytest

from dialer.hazards import HORIZONS, SPAN, Floats
from dialer.release_curve import MANY, DurationCurve, ReleaseCurve, ReleaseTable

NONE = np.zeros(0)
START = 1_000_000.0


def ages(*seconds: float) -> Floats:
    return np.array(seconds)


def lasted(*seconds: float, limit: float | None = None) -> DurationCurve:
    curve = DurationCurve(90.0, limit)
    for one in seconds:
        curve.ended(one)
    return curve


def release(grace: float = 0.0, wrap_limit: float | None = None) -> ReleaseCurve:
    curve = ReleaseCurve(grace=grace)
    curve.wrap.limit = wrap_limit
    return curve


def table(curve: ReleaseCurve, at: float = START) -> ReleaseTable:
    return curve.table(NONE, NONE, at)


def horizon(seconds: float) -> int:
    return int(np.searchsorted(HORIZONS, seconds))


# --- durations --------------------------------------------------------------------------------------------------------


def test_before_any_talk_the_prior_holds() -> None:
    curve = DurationCurve(90.0)
    assert curve.mean(NONE) == 90.0
    assert curve.survival(NONE)[90] == pytest.approx(np.exp(-1), abs=0.02)


def test_survival_never_rises() -> None:
    survival = lasted(5, 30, 31, 200, 1100, 4000).survival(ages(3.0, 90.0))
    assert survival[0] == 1.0
    assert (np.diff(survival) <= 0).all()
    assert (survival > 0).all()


def test_talks_still_going_on_count_as_exposure() -> None:
    """Five short talks ended; twenty go on for minutes."""
    ended = [10.0] * 5
    alone = lasted(*ended).survival(NONE)[60]
    assert lasted(*ended).survival(np.full(20, 120.0))[60] > alone
    assert lasted(*ended).mean(np.full(20, 120.0)) > 5 * lasted(*ended).mean(NONE)


def test_the_mean_is_all_the_time_talked_over_the_ends() -> None:
    assert lasted(*[40.0] * 8).mean(NONE) == pytest.approx((8 * 40 + 2 * 90) / 10)
    with_one_going_on = lasted(*[40.0] * 8).mean(ages(100.0))
    assert with_one_going_on == pytest.approx((8 * 40 + 100 + 2 * 90) / 10)


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 1199.0, 1200.0, 1e6])
def test_any_duration_has_a_bin(seconds: float) -> None:
    survival = lasted(seconds).survival(ages(seconds))
    assert ((survival >= 0) & (survival <= 1)).all()


def test_counts_fade() -> None:
    curve = lasted(*[10.0] * 100)
    assert curve.mean(NONE) < 12
    curve.fade(0.0)
    assert curve.mean(NONE) == 90.0


def test_nothing_lasts_longer_than_its_timer() -> None:
    survival = lasted(2.0, 3.0, limit=15.0).survival(NONE)
    assert survival[14] > 0
    assert (survival[15:] == 0).all()


def test_the_law_of_talks_is_learnt() -> None:
    """3,000 exponential talks of mean 60 s: survival at 30, 60 and 120 s within 0.035, four standard errors (under 0.0088).

    Error rate of a right estimator: under 3 in 10,000 seeds; this seed is fixed.
    """
    random = Random(11)
    survival = lasted(*(random.expovariate(1 / 60) for _ in range(3000))).survival(NONE)
    for seconds in (30, 60, 120):
        assert survival[seconds] == pytest.approx(np.exp(-seconds / 60), abs=0.035)


# --- releases ---------------------------------------------------------------------------------------------------------


def test_tables_are_probabilities() -> None:
    curve = release(grace=2.0)
    for seconds in (5.0, 30.0, 31.0, 200.0, 4000.0):
        curve.talk_ended(seconds)
        curve.wrap_ended(seconds / 10, stays=seconds != 30.0)
    rows = curve.table(ages(3.0, 500.0), ages(1.0), START).rows(
        ages(-3.0, 0.0, 59.9, 130.0, 1199.0, 1e6), ages(-1.0, 0.0, 14.0, 900.0, 1e6)
    )
    assert rows.shape == (11, SPAN)
    assert ((rows >= 0) & (rows <= 1)).all()
    assert (np.diff(rows, axis=1) >= -1e-12).all(), "a longer look frees fewer"


@pytest.mark.parametrize("agents", [0, 1, MANY - 1, MANY, 3 * MANY])
def test_the_sum_over_agents_is_the_sum_of_their_rows(agents: int) -> None:
    """Few agents are looked up one by one, many are counted by age first: the same sum."""
    random = Random(agents)
    talking = np.array([random.uniform(0, 700) for _ in range(agents - agents // 3)])
    wrapping = np.array([random.uniform(0, 30) for _ in range(agents // 3)])
    made = table(release(grace=2.0))
    rows = made.rows(talking, wrapping)
    spread = rows * (1 - rows)
    wanted = np.concatenate([rows.sum(0), spread.sum(0), (spread * (1 - 2 * rows)).sum(0)])
    np.testing.assert_allclose(made.total(talking, wrapping), wanted, atol=1e-9)


def test_a_wrap_up_timer_makes_the_end_certain() -> None:
    """A wrap-up of ten seconds at most: after seven of them, free for sure within four, however long others had lasted."""
    curve = release(wrap_limit=10.0)
    for _ in range(50):
        curve.wrap_ended(9.0, stays=True)
    (row,) = table(curve).rows(NONE, ages(7.0))
    assert row[horizon(3.5)] == pytest.approx(1.0)
    assert row[horizon(1.5)] < 1.0
    (past,) = table(curve).rows(NONE, ages(12.0))  # the timer is late
    np.testing.assert_allclose(past, 1.0)


def test_an_agent_in_a_talk_has_the_wrap_up_still_to_come() -> None:
    """Talks that end at any moment, wrap-ups of exactly ten seconds: nobody who talks is free before ten seconds."""
    curve = release(wrap_limit=10.0)
    for _ in range(500):
        curve.talk_ended(1.0)
        curve.wrap_ended(9.99, stays=True)
    (row,) = table(curve).rows(ages(0.0), NONE)
    assert row[horizon(8.5)] < 0.1
    assert row[horizon(15.0)] > 0.9


def test_the_grace_is_added_to_every_horizon() -> None:
    """Free in three seconds is soon enough for who answers in one and waits for two."""
    with_grace, without = table(release(grace=2.0)), table(release())
    one, three = horizon(0.5), horizon(2.5)
    for talking, wrapping in ((ages(30.0), NONE), (NONE, ages(5.0))):
        soon = with_grace.rows(talking, wrapping)[0, one]
        assert soon == pytest.approx(without.rows(talking, wrapping)[0, three], abs=0.002)


def test_who_takes_a_break_after_the_wrap_up_is_not_free() -> None:
    curve = release(wrap_limit=10.0)
    for number in range(398):
        curve.wrap_ended(5.0, stays=number % 4 != 0)
    assert curve.stayed / curve.wrapped == pytest.approx(300 / 400)
    (row,) = table(curve).rows(NONE, ages(9.9))
    assert row[-1] == pytest.approx(0.75)
    (talking,) = table(curve).rows(ages(1199.0), NONE)
    assert talking[-1] <= 0.75


def test_before_any_wrap_up_everybody_stays() -> None:
    (row,) = table(release(wrap_limit=10.0)).rows(NONE, ages(9.9))
    assert row[-1] == pytest.approx(1.0)


def test_what_goes_on_counts_as_exposure() -> None:
    quick = release()
    for _ in range(5):
        quick.talk_ended(10.0)
        quick.wrap_ended(2.0, stays=True)
    alone = quick.table(NONE, NONE, START).rows(ages(8.0), ages(1.0))
    among_long = quick.table(np.full(20, 120.0), np.full(20, 60.0), START + 5)
    rows = among_long.rows(ages(8.0), ages(1.0))
    assert (rows[:, 1:] < alone[:, 1:]).all()


def test_a_table_is_kept_for_five_seconds_and_later_for_twenty() -> None:
    curve = release()
    assert curve.stale(START)
    first = table(curve, START)
    assert table(curve, START + 4.9) is first
    assert table(curve, START + 5) is not first
    later = table(curve, START + 600)
    assert table(curve, START + 619.9) is later
    assert table(curve, START + 620) is not later


def test_old_talks_fade_and_a_moved_scale_makes_nothing_older() -> None:
    curve = release()
    for _ in range(100):
        curve.talk_ended(10.0)
    table(curve)
    curve.shift(-86_400.0)
    table(curve, START - 86_400 + 20)
    assert curve.talk.mean(NONE) < 12.0
    table(curve, START - 86_400 + 5 * 3600)
    assert curve.talk.mean(NONE) > 80.0


def test_releases_of_agents_are_what_happens() -> None:
    """20,000 talks exponential with mean 60 s, then wrap-ups exponential with mean 8 s: agents 40 s into their talk are free by
    each horizon as often as their law says, within 0.03. Standard errors of the learnt hazards make under 0.01 of it."""
    random = Random(13)
    curve = release()
    for _ in range(20_000):
        curve.talk_ended(random.expovariate(1 / 60))
        curve.wrap_ended(random.expovariate(1 / 8), stays=True)
    (row,) = table(curve).rows(ages(40.0), NONE)
    talk, wrap = 1 / 60, 1 / 8
    law = 1 - (wrap * np.exp(-talk * HORIZONS) - talk * np.exp(-wrap * HORIZONS)) / (wrap - talk)
    np.testing.assert_allclose(row, law, atol=0.03)
    (in_wrap_up,) = table(curve).rows(NONE, ages(5.0))
    np.testing.assert_allclose(in_wrap_up, 1 - np.exp(-wrap * HORIZONS), atol=0.03)

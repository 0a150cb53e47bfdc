"""The abandon budget: windows roll at the profile's midnight, the brake compares what has happened, theta stays in bounds."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.budget import Budget
from dialer.events import WindowCount
from dialer.profiles import AbandonWindow, Profile, WindowType
from tests.support.playbook import ITALY, START

PERIODS = replace(
    ITALY,
    windows=(
        AbandonWindow(type=WindowType.CAMPAIGN_PERIOD, limit_ppm=30_000, length=timedelta(days=30)),
    ),
)
LAWLESS = replace(ITALY, windows=())


def budget(
    *seen: tuple[int, int],
    profile: Profile = ITALY,
    now: datetime = START,
    target: float | None = None,
) -> Budget:
    """One (answered, abandoned) per window of the profile."""
    made = Budget(profile=profile, target=target)
    made.load(tuple(WindowCount(answered=a, abandoned=b) for a, b in seen), now)
    return made


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def seen(made: Budget) -> list[tuple[int, int]]:
    return [(count.answered, count.abandoned) for count in made.counts]


# --- windows ----------------------------------------------------------------------------------------------------------


def test_every_window_counts_every_answer() -> None:
    made = budget((10, 0), (5, 0))
    made.answered(False, START)
    made.answered(True, START)
    assert seen(made) == [(12, 1), (7, 1)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-11-24T22:59:59+00:00", "2026-11-24T23:00:00+00:00"),  # winter
        ("2026-07-01T21:59:59+00:00", "2026-07-01T22:00:00+00:00"),  # summer
        ("2026-10-25T22:59:59+00:00", "2026-10-25T23:00:00+00:00"),  # the day of 25 hours
        ("2026-03-29T21:59:59+00:00", "2026-03-29T22:00:00+00:00"),  # the day of 23 hours
    ],
)
def test_the_day_rolls_at_midnight_in_rome_and_the_campaign_does_not(
    before: str, after: str
) -> None:
    made = budget((100, 3), (50, 2), now=instant(before) - timedelta(hours=12))
    made.roll(instant(before))
    assert seen(made) == [(100, 3), (50, 2)]
    made.roll(instant(after))
    assert seen(made) == [(100, 3), (0, 0)]


def test_an_end_told_late_after_midnight_does_not_empty_the_new_day() -> None:
    made = budget((100, 3), (50, 2), now=instant("2026-11-24T22:59:00+00:00"))
    made.answered(False, instant("2026-11-24T23:00:01+00:00"))
    made.answered(False, instant("2026-11-24T22:59:59.9+00:00"))
    made.answered(False, instant("2026-11-24T23:00:02+00:00"))
    assert seen(made) == [(103, 3), (3, 0)]


def test_a_period_begins_with_the_first_call_and_rolls_after_thirty_days() -> None:
    made = budget((0, 0), profile=PERIODS)
    made.begin(START)
    made.begin(START + timedelta(days=1))
    made.answered(True, START + timedelta(days=29))
    made.roll(START + timedelta(days=30) - timedelta(seconds=1))
    assert seen(made) == [(1, 1)]
    made.roll(START + timedelta(days=30))
    assert seen(made) == [(0, 0)]


# --- the brake --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "abandoned", "braked"),
    [
        (0, 0, True),  # one abandoned call of one
        (32, 0, True),  # 1 > 0.03 * 33
        (33, 0, False),  # 1 < 0.03 * 34
        (65, 1, True),  # 2 > 0.03 * 66
        (66, 1, False),  # 2 < 0.03 * 67
        (998, 29, True),  # 30 > 0.03 * 999
        (999, 29, False),  # 30 = 0.03 * 1000: at the limit is within it
        (1000, 30, True),
    ],
)
def test_the_brake_is_on_when_one_more_abandoned_call_would_be_over_the_limit(
    answered: int, abandoned: int, braked: bool
) -> None:
    assert budget((answered, abandoned), (10_000, 0)).braked(0.0, START) == braked


def test_any_window_brakes() -> None:
    assert budget((10_000, 0), (23, 0)).braked(0.0, START)  # 1 > 0.04 * 24
    assert not budget((10_000, 0), (24, 0)).braked(0.0, START)


def test_answers_in_flight_are_counted_with_their_risk() -> None:
    made = budget((33, 0), (10_000, 0))
    made.theta = 0.5
    assert made.braked(1.0, START)  # 1 + 0.5 > 0.03 * 35
    made.theta = 0.002
    assert not made.braked(1.0, START)


def test_where_the_law_has_no_limit_nothing_brakes() -> None:
    made = budget(profile=LAWLESS)
    assert not made.braked(5.0, START)
    assert made.worst() == (0.0, 1.0)
    made.answered(True, START)


@pytest.mark.parametrize(
    ("answered", "abandoned", "over"),
    [(0, 0, False), (1000, 30, False), (1000, 31, True), (1, 1, True)],
)
def test_over_the_limit_is_what_has_happened(answered: int, abandoned: int, over: bool) -> None:
    assert budget((answered, abandoned), (10_000, 0)).over_limit == over
    assert budget((10_000, 0), (answered, abandoned + answered // 100)).over_limit == over


def test_a_new_day_lifts_the_days_brake() -> None:
    made = budget((10_000, 0), (100, 4))
    assert made.braked(0.0, START)
    assert made.braked(0.0, START + timedelta(days=1))  # 1 of 1 is over 4 %
    for _ in range(25):
        made.answered(False, START + timedelta(days=1))
    assert not made.braked(0.0, START + timedelta(days=1))


# --- theta ------------------------------------------------------------------------------------------------------------


def test_an_abandoned_call_lowers_theta_and_an_answer_to_an_agent_raises_it() -> None:
    made = budget((1000, 0), (1000, 0))
    start = made.theta
    made.answered(False, START)
    raised = made.theta
    made.answered(True, START)
    assert made.theta < start < raised


def test_an_abandoned_call_lowers_theta_by_the_step_less_what_is_allowed() -> None:
    made = budget((1000, 25), (1000, 0))
    goal = 0.97 * 0.03
    allowed = goal + (goal * 1000 - 1.5 - 25) / 150
    made.answered(True, START)
    assert made.theta == pytest.approx(0.03 * math.exp(0.15 * (allowed - 1)))


@given(st.lists(st.booleans(), max_size=400), st.integers(0, 5000), st.integers(0, 200))
def test_theta_stays_between_its_bounds(story: list[bool], answered: int, abandoned: int) -> None:
    made = budget((answered, abandoned), (answered, abandoned))
    for abandoned_now in story:
        made.answered(abandoned_now, START)
        assert 0.002 <= made.theta <= 0.5


@given(st.integers(0, 5000), st.integers(0, 200), st.booleans())
def test_more_abandoned_calls_in_the_past_never_give_a_higher_theta(
    answered: int, abandoned: int, last: bool
) -> None:
    few = budget((answered, abandoned), (answered, abandoned))
    many = budget((answered, abandoned + 1), (answered, abandoned + 1))
    few.answered(last, START)
    many.answered(last, START)
    assert many.theta <= few.theta
    assert many.braked(0.0, START) >= few.braked(0.0, START)


@pytest.mark.parametrize(
    ("target", "goal"), [(None, 0.97 * 0.03), (0.01, 0.01), (0.5, 0.97 * 0.03)]
)
def test_the_operator_may_aim_lower_than_the_limit_but_not_higher(
    target: float | None, goal: float
) -> None:
    assert budget((0, 0), (0, 0), target=target).goal == pytest.approx(goal)


def test_the_window_nearest_to_its_limit_is_shown_with_its_own_counts() -> None:
    made = budget((1000, 20), (100, 3))  # 2 % of 3 %; 3 % of 4 %
    assert made.worst() == (0.03, 0.04)
    assert made.nearest() == (WindowCount(answered=100, abandoned=3), 0.04)

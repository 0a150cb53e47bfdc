"""The abandon budget: windows roll at the profile's midnight, what may be borrowed ends with the day's work, theta in bounds."""

import math
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.brake import MOST_BORROWED, SHOCK, THETA_MAX, THETA_MIN
from dialer.budget import Budget
from dialer.campaign import Guard
from dialer.events import CountsElsewhere, WindowCount
from dialer.profiles import AbandonWindow, Profile, Scope, WindowType
from tests.support.playbook import ITALY, SPRING, START, policy

PERIODS = replace(
    ITALY,
    windows=(
        AbandonWindow(type=WindowType.CAMPAIGN_PERIOD, limit_ppm=30_000, length=timedelta(days=30)),
    ),
)
LAWLESS = replace(ITALY, windows=())
CENTRE = replace(
    ITALY,
    windows_beyond=(
        AbandonWindow(
            type=WindowType.CALENDAR_DAY, limit_ppm=30_000, length=None, scope=Scope.CALL_CENTRE
        ),
    ),
)
ROLLING = replace(
    ITALY,
    windows_beyond=(
        AbandonWindow(type=WindowType.ROLLING, limit_ppm=10_000, length=timedelta(days=1)),
    ),
)
SIX_PM = time(18)


def budget(
    *seen: tuple[int, int],
    profile: Profile = ITALY,
    now: datetime = START,
    target: float | None = None,
    works_until: time | None = None,
    guard: Guard = Guard.STANDARD,
) -> Budget:
    """One (answered, abandoned) per window of the profile."""
    made = Budget(profile=profile, target=target, works_until=works_until, guard=guard)
    made.load(tuple(WindowCount(answered=a, abandoned=b) for a, b in seen), now)
    return made


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def seen(made: Budget) -> list[tuple[int, int]]:
    return [(count.answered, count.abandoned) for count in made.counts]


def room(made: Budget, now: datetime = START, expected: float = 0.0) -> float:
    return made.allowance(expected, now).room


def to_come(made: Budget, now: datetime) -> list[float]:
    return [window.to_come for window in made.windows(now)]


def busy(made: Budget, now: datetime, minutes: int = 30) -> Budget:
    """An answer every ten seconds, up to `now`."""
    for seconds in range(minutes * 60, 0, -10):
        made.answered(False, now - timedelta(seconds=seconds))
    return made


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


def test_a_call_that_turned_out_abandoned_is_not_answered_twice() -> None:
    made = budget((10, 0), (5, 0))
    made.answered(False, START)
    made.abandoned_after_all(START)
    assert seen(made) == [(11, 1), (6, 1)]


def test_the_windows_are_told_as_they_are_at_that_instant() -> None:
    made = budget((100, 3), (50, 2))
    total, day = made.windows(START + timedelta(days=1), doomed=1.5)
    assert (total.name, total.limit, total.answered, total.abandoned) == (
        "campaign_total",
        0.03,
        100,
        3,
    )
    assert (day.name, day.limit, day.answered, day.abandoned) == ("calendar_day", 0.04, 0, 0)
    assert total.doomed == day.doomed == 1.5


# --- the brake --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "abandoned", "braked"),
    [(0, 0, True), (32, 0, True), (33, 0, False), (65, 1, True), (66, 1, False), (1000, 30, True)],
)
def test_the_brake_is_on_when_one_more_abandoned_call_would_be_over_the_limit(
    answered: int, abandoned: int, braked: bool
) -> None:
    made = budget((answered, abandoned), (10_000, 0))
    assert made.allowance(0.0, START).braked == braked


def test_the_most_binding_window_is_the_campaigns_allowance() -> None:
    spent, free = budget((10_000, 0), (23, 0)), budget((10_000, 0), (24, 0))
    assert spent.allowance(0.0, START).braked  # 1 > 0.04 * 24
    assert not free.allowance(0.0, START).braked
    binding = spent.allowance(0.0, START).binding
    assert binding is not None
    assert binding.name == "calendar_day"
    assert room(spent) == min(window.room(0.03, 0.0) for window in spent.windows(START))


@given(st.integers(0, 3000), st.integers(0, 100), st.floats(0, 50))
def test_each_abandoned_call_takes_one_from_the_room(
    answered: int, abandoned: int, expected: float
) -> None:
    few = budget((answered, abandoned), (answered, abandoned))
    many = budget((answered, abandoned + 1), (answered, abandoned + 1))
    assert room(many, expected=expected) == pytest.approx(room(few, expected=expected) - 1.0)
    assert many.allowance(expected, START).theta <= few.allowance(expected, START).theta


def test_answers_in_flight_are_counted_with_their_risk() -> None:
    made = budget((33, 0), (10_000, 0))
    made.theta = 0.5
    assert made.allowance(1.0, START).braked  # 1 + 0.5 > 0.03 * 35
    assert made.allowance(1.0, START).theta < 0.01


def test_where_the_law_has_no_limit_nothing_brakes() -> None:
    made = budget(profile=LAWLESS)
    assert not made.allowance(5.0, START).braked
    assert made.allowance(5.0, START).theta == made.theta
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
    assert made.allowance(0.0, START).braked
    tomorrow = START + timedelta(days=1)
    assert made.allowance(0.0, tomorrow).braked  # 1 of 1 is over 4 %
    for _ in range(25):
        made.answered(False, tomorrow)
    assert not made.allowance(0.0, tomorrow).braked


# --- what is lent -----------------------------------------------------------------------------------------------------


def test_as_long_as_nobody_has_said_when_the_day_ends_nothing_is_lent() -> None:
    made = busy(budget((0, 0), (0, 0)), START)
    assert to_come(made, START) == [0.0, 0.0]


def test_answers_until_the_end_of_the_work_are_to_come() -> None:
    """An answer every ten seconds; in Rome it is eleven, and the team works until six: seven hours."""
    made = busy(budget((0, 0), (0, 0), works_until=SIX_PM), START)
    for answers in to_come(made, START):
        assert answers == pytest.approx(7 * 360, rel=0.05)


def test_a_team_that_says_it_works_into_the_night_works_until_the_hours_close() -> None:
    made = busy(budget((0, 0), (0, 0), works_until=time(23)), START)
    for answers in to_come(made, START):
        assert answers == pytest.approx(9 * 360, rel=0.05)  # until eight in the evening


def test_before_the_first_answer_nothing_is_lent() -> None:
    made = budget((1000, 0), (1000, 0), works_until=SIX_PM)
    assert to_come(made, START) == [0.0, 0.0]


@pytest.mark.parametrize(
    "now",
    [
        "2026-11-24T17:00:00+00:00",  # six in Rome: the team goes home
        "2026-11-24T18:00:00+00:00",
        "2026-11-24T19:00:00+00:00",  # the hours have closed
        "2026-11-24T20:00:00+00:00",
        "2026-11-22T11:00:00+00:00",  # Sunday
        "2026-12-08T11:00:00+00:00",  # a holiday
    ],
)
def test_when_the_work_is_over_or_the_hours_are_closed_nothing_is_lent(now: str) -> None:
    made = busy(budget((0, 0), (0, 0), works_until=SIX_PM, now=instant(now)), instant(now))
    assert to_come(made, instant(now)) == [0.0, 0.0]


def test_the_loan_goes_to_nothing_as_the_end_comes() -> None:
    """Each hour lends less than the one before, and at the end no abandoned call more than what was earned."""
    rooms = []
    for minutes in (240, 60, 20, 5, 1, 0):
        now = instant("2026-11-24T17:00:00+00:00") - timedelta(minutes=minutes)
        made = busy(budget((0, 0), (0, 0), works_until=SIX_PM, now=now), now, minutes=60)
        earned = room(busy(budget((0, 0), (0, 0), now=now), now, minutes=60), now)
        rooms.append(room(made, now) - earned)
    assert rooms[0] == pytest.approx(MOST_BORROWED)
    assert rooms == sorted(rooms, reverse=True)
    assert rooms[-1] == pytest.approx(0.0)


def test_no_more_is_lent_than_there_are_leads_for() -> None:
    made = busy(budget((0, 0), (0, 0), works_until=SIX_PM), START)
    assert [window.to_come for window in made.windows(START, most_to_come=12.0)] == [12.0, 12.0]
    assert [window.to_come for window in made.windows(START, most_to_come=0.0)] == [0.0, 0.0]


def test_a_period_that_ends_before_the_evening_lends_only_until_it_ends() -> None:
    ends = START + timedelta(hours=1)
    made = budget((0, 0), profile=PERIODS, works_until=SIX_PM, now=START - timedelta(days=1))
    made.begin(ends - timedelta(days=30))
    busy(made, START)
    (answers,) = to_come(made, START)
    assert answers == pytest.approx(360, rel=0.05)
    per_second = made.rate.per_second(ends.timestamp())
    assert to_come(made, ends) == [pytest.approx(6 * 3600 * per_second)]


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (
            "2026-10-25T00:00:00+02:00",
            19.0,
        ),  # the night of 25 hours: six in the evening is 19 hours on
        ("2026-10-25T12:00:00+01:00", 6.0),
        ("2026-03-29T00:00:00+01:00", 17.0),  # the night of 23
        ("2026-03-29T12:00:00+02:00", 6.0),
        ("2026-07-01T12:00:00+02:00", 6.0),
    ],
)
def test_the_end_of_the_work_is_by_the_clock_on_the_wall(now: str, hours: float) -> None:
    """Also in the nights in which the clocks are changed, which are Sundays, here with hours like any day."""
    always = replace(ITALY, weekly=(((time(), time(20)),),) * 7)
    made = budget((0, 0), (0, 0), profile=always, works_until=SIX_PM, now=instant(now))
    busy(made, instant(now), minutes=30)
    per_second = made.rate.per_second(instant(now).timestamp())
    assert to_come(made, instant(now))[0] == pytest.approx(hours * 3600 * per_second)


def test_a_clock_that_was_put_forward_makes_no_answer_older() -> None:
    made = busy(budget((0, 0), (0, 0), works_until=SIX_PM), START)
    step = timedelta(minutes=-40)
    before = made.rate.per_second(START.timestamp())
    made.clock_stepped(step)
    assert made.rate.per_second((START + step).timestamp()) == pytest.approx(before)


# --- a cautious campaign ----------------------------------------------------------------------------------------------


def test_a_cautious_campaign_is_held_to_its_target_and_borrows_nothing() -> None:
    made = budget((1000, 0), (1000, 0), guard=Guard.CAUTIOUS, works_until=SIX_PM)
    assert made.goal == ITALY.target_ratio
    busy(made, START)
    for window in made.windows(START):
        assert window.limit == pytest.approx(ITALY.target_ratio / 0.97)
        assert window.to_come == 0.0


def test_a_cautious_campaign_dials_progressively_until_enough_people_have_answered() -> None:
    few = budget((10_000, 0), (ITALY.min_sample - 1, 0), guard=Guard.CAUTIOUS)
    enough = budget((10_000, 0), (ITALY.min_sample, 0), guard=Guard.CAUTIOUS)
    assert few.allowance(0.0, START).theta == 0.0
    assert enough.allowance(0.0, START).theta > 0.0


def test_a_policy_that_changes_is_followed_and_what_was_counted_stays() -> None:
    made = Budget.of(policy(), ITALY, None)
    made.load((WindowCount(answered=500, abandoned=5), WindowCount(answered=50)), START)
    made.follow(policy(abandon_target=0.01, guard=Guard.CAUTIOUS, works_until=SIX_PM))
    assert (made.target, made.guard, made.works_until) == (0.01, Guard.CAUTIOUS, SIX_PM)
    assert made.goal == 0.01
    assert seen(made) == [(500, 5), (50, 0)]


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


def test_where_many_answer_what_is_owed_is_brought_back_over_half_an_hour() -> None:
    """Two answers a second: 3,600 in half an hour."""
    made = budget((0, 0), (0, 0))
    for number in range(7200):
        made.answered(False, START + timedelta(seconds=number / 2))
    now = START + timedelta(seconds=3600)
    made.counts = [WindowCount(answered=10_000, abandoned=300)] * 2
    made.theta = 0.03
    made.answered(True, now)
    goal = 0.97 * 0.03
    horizon = 1800 * made.rate.per_second(now.timestamp())
    assert horizon == pytest.approx(3600, rel=0.05)
    allowed = goal + (goal * 10_000 - 1.5 - 300) / horizon
    assert made.theta == pytest.approx(0.03 * math.exp(0.15 * (allowed - 1)), rel=1e-6)


@given(st.lists(st.booleans(), max_size=400), st.integers(0, 5000), st.integers(0, 200))
def test_theta_stays_between_its_bounds(story: list[bool], answered: int, abandoned: int) -> None:
    made = budget((answered, abandoned), (answered, abandoned))
    for abandoned_now in story:
        made.answered(abandoned_now, START)
        assert THETA_MIN <= made.theta <= THETA_MAX


@given(st.integers(0, 5000), st.integers(0, 200), st.booleans())
def test_more_abandoned_calls_in_the_past_never_give_a_higher_theta(
    answered: int, abandoned: int, last: bool
) -> None:
    few = budget((answered, abandoned), (answered, abandoned))
    many = budget((answered, abandoned + 1), (answered, abandoned + 1))
    few.answered(last, START)
    many.answered(last, START)
    assert many.theta <= few.theta
    assert many.allowance(0.0, START).theta <= few.allowance(0.0, START).theta


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


def test_a_strict_campaign_keeps_calls_in_hand_for_each_answer_in_flight_and_borrows_nothing() -> (
    None
):
    standard = budget((1000, 10), (1000, 10), works_until=SIX_PM)
    strict = budget((1000, 10), (1000, 10), works_until=SIX_PM, guard=Guard.STRICT)
    busy(standard, START)
    busy(strict, START)
    assert strict.goal == standard.goal
    assert to_come(strict, START) == [0.0, 0.0]
    unmoved = budget((1000, 10), (1000, 10))
    busy(unmoved, START)
    assert room(strict, expected=5.0) == pytest.approx(room(unmoved, expected=5.0) - 5.0 * SHOCK)


# --- windows that others count too ------------------------------------------------------------------------------------


def told(made: Budget, *others: tuple[int, int], profile: str | None = None) -> None:
    counts = tuple(WindowCount(answered=a, abandoned=b) for a, b in others)
    name = made.profile.name if profile is None else profile
    made.told(CountsElsewhere(campaign_id=SPRING, profile=name, counts=counts, at=START))


def test_the_other_campaigns_of_the_centre_bring_a_campaign_to_its_brake() -> None:
    made = budget((1000, 10), (1000, 10), (1000, 10), profile=CENTRE)
    free = made.allowance(0.0, START)
    told(made, (0, 0), (0, 0), (1000, 60))
    held = made.allowance(0.0, START)
    assert free.binding is None
    assert held.binding is not None
    assert held.binding.name == "call_centre:calendar_day"
    assert (held.binding.answered, held.binding.abandoned) == (2000, 70)
    assert held.theta < free.theta / 4
    assert made.over_limit


def test_a_campaign_is_judged_by_its_own_calls_as_well_as_by_everybodys() -> None:
    made = budget((1000, 60), (1000, 10), (1000, 60), profile=CENTRE)
    told(made, (0, 0), (0, 0), (100_000, 0))
    assert made.over_limit
    assert made.worst() == (0.06, 0.03)


def test_a_new_day_begins_from_nothing_for_everybody() -> None:
    made = budget((1000, 10), (1000, 10), (1000, 10), profile=CENTRE)
    told(made, (0, 0), (0, 0), (1000, 60))
    made.answered(False, START + timedelta(days=1))
    assert [(w.answered, w.abandoned) for w in made.windows(START + timedelta(days=1))] == [
        (1001, 10),
        (1, 0),
        (1, 0),
    ]


def test_counts_for_the_windows_of_another_profile_are_not_taken() -> None:
    made = budget((1000, 10), (1000, 10), (1000, 10), profile=CENTRE)
    told(made, (0, 0), (0, 0), (1000, 60), profile="another@1")
    assert not made.over_limit


def test_a_rolling_window_forgets_borrows_nothing_and_takes_back() -> None:
    made = budget((1000, 1), (1000, 1), (0, 0), profile=ROLLING, works_until=SIX_PM)
    told(made, (0, 0), (0, 0), (500, 4))
    made.answered(True, START)
    made.answered(False, START + timedelta(hours=1))
    window = made.windows(START + timedelta(hours=1))[2]
    assert (window.answered, window.abandoned, window.to_come) == (502, 5, 0.0)
    made.taken_back(True, START, START + timedelta(hours=2))
    assert made.counts[2] == WindowCount(answered=1)
    told(made, (0, 0), (0, 0), (0, 0))
    made.roll(START + timedelta(days=2))
    assert made.counts[2] == WindowCount()

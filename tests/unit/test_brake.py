"""The brake: integers that have happened, what is in flight at its risk, what may be borrowed; and theta's slow controller."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.brake import (
    CLUSTER,
    ETA,
    FAR_OVER,
    LAST_ALLOWED,
    LAST_ALLOWED_OVER,
    LAST_RESERVE,
    MOST_BORROWED,
    REALISED,
    RESERVE,
    THETA_MAX,
    THETA_MIN,
    WIDTH,
    AnswerRate,
    WindowState,
    allowance,
    steered,
    stepped,
)

START = 1_000_000.0
RARE = 0.002


def window(
    answered: int = 1000,
    abandoned: int = 0,
    *,
    limit: float = 0.03,
    to_come: float = 0.0,
    doomed: float = 0.0,
    name: str = "day",
) -> WindowState:
    return WindowState(
        name=name,
        limit=limit,
        answered=answered,
        abandoned=abandoned,
        to_come=to_come,
        doomed=doomed,
    )


windows = st.builds(
    window,
    st.integers(0, 5000),
    st.integers(0, 200),
    limit=st.sampled_from((0.01, 0.03, 0.05)),
    to_come=st.sampled_from((0.0, 40.0, 1e6)),
    doomed=st.sampled_from((0.0, 0.7, 5.0)),
)
thetas = st.floats(THETA_MIN, THETA_MAX)
expectations = st.floats(0, 200)


def allowed(theta: float, *seen: WindowState, expected: float = 0.0) -> float:
    return allowance(theta, seen, expected).theta


# --- the room ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "abandoned", "within"),
    [
        (0, 0, False),  # one abandoned call of one
        (32, 0, False),  # 1 > 0.03 * 33
        (33, 0, True),  # 1 < 0.03 * 34
        (65, 1, False),  # 2 > 0.03 * 66
        (66, 1, True),  # 2 < 0.03 * 67
        (998, 29, False),  # 30 > 0.03 * 999
        (1000, 29, True),  # 30 < 0.03 * 1001
        (1000, 30, False),
    ],
)
def test_there_is_room_while_one_more_abandoned_call_would_be_within_the_limit(
    answered: int, abandoned: int, within: bool
) -> None:
    assert (window(answered, abandoned).room(RARE, 0.0) >= 0.0) == within
    assert allowance(0.03, [window(answered, abandoned)], 0.0).braked != within


@pytest.mark.parametrize(
    ("answered", "abandoned", "over"),
    [(0, 0, False), (1000, 30, False), (1000, 31, True), (1, 1, True)],
)
def test_over_the_limit_is_what_has_happened(answered: int, abandoned: int, over: bool) -> None:
    assert window(answered, abandoned, to_come=1e6).over_limit == over


def test_what_is_in_flight_takes_its_risk_and_some_deviations_of_it() -> None:
    """A hundred answers to come at one in a hundred: they bring 3 to the limit and take 1, and the reserve is kept in hand."""
    still = window().room(0.01, 0.0)
    assert window().room(0.01, 100.0) == pytest.approx(still + 3.0 - 1.0 - RESERVE)


@given(windows, thetas, expectations)
def test_each_abandoned_call_takes_one_from_the_room(
    state: WindowState, theta: float, expected: float
) -> None:
    more = window(
        state.answered,
        state.abandoned + 1,
        limit=state.limit,
        to_come=state.to_come,
        doomed=state.doomed,
    )
    assert more.room(theta, expected) == pytest.approx(state.room(theta, expected) - 1.0)


@given(windows, expectations)
def test_answers_that_no_agent_can_take_make_it_smaller(state: WindowState, doomed: float) -> None:
    without = window(state.answered, state.abandoned, limit=state.limit)
    with_them = window(state.answered, state.abandoned, limit=state.limit, doomed=doomed)
    assert with_them.room(0.03, 5.0) == pytest.approx(
        without.room(0.03, 5.0) - (1.0 - state.limit) * doomed
    )


@pytest.mark.parametrize(
    ("to_come", "lent"), [(0.0, 0.0), (100.0, 0.9), (400.0, 3.6), (1e6, 4.0), (math.inf, 4.0)]
)
def test_a_part_of_what_answers_to_come_will_allow_is_lent(to_come: float, lent: float) -> None:
    assert window(to_come=to_come).room(RARE, 0.0) - window().room(RARE, 0.0) == pytest.approx(lent)
    assert lent <= MOST_BORROWED


def test_where_no_abandoned_call_at_all_is_allowed_there_is_no_room() -> None:
    never = window(10**9, 0, limit=0.0, to_come=1e9)
    assert never.room(RARE, 0.0) == -math.inf
    assert allowed(0.5, never) == 0.0


# --- the allowance ----------------------------------------------------------------------------------------------------


def with_room(room: float) -> WindowState:
    """Nothing has happened, nothing is in flight, and this much room."""
    return window(0, 0, limit=0.03, doomed=-1.0 - room / 0.97)


@pytest.mark.parametrize(
    ("room", "theta", "wanted"),
    [
        (100.0, 0.03, 0.03),
        (WIDTH, 0.03, 0.03),
        (0.0, 0.03, 0.01),
        (0.0, 0.5, 0.01),
        (0.0, 0.005, 0.005),  # theta is below it already
        (WIDTH / 2, 0.04, 0.02),  # half way, on the scale of ratios: 0.01, 0.02, 0.04
        (-WIDTH / 2, 0.03, math.sqrt(0.01 * 0.002)),
        (-WIDTH * 0.999999, 0.03, 0.002),
        (-FAR_OVER + 0.001, 0.03, 0.002),
        (-FAR_OVER - 0.001, 0.03, 0.0),  # from here on as progressive
        (-100.0, 0.5, 0.0),
    ],
)
def test_theta_is_eased_as_the_room_shrinks(room: float, theta: float, wanted: float) -> None:
    assert allowed(theta, with_room(room)) == pytest.approx(wanted, rel=1e-4)


@given(thetas)
def test_less_room_never_allows_more(theta: float) -> None:
    rooms = [number / 4 for number in range(-20, 21)]
    eased = [allowed(theta, with_room(room)) for room in rooms]
    assert all(low <= high + 1e-12 for low, high in pairwise(eased))
    assert eased[0] >= 0.0
    assert eased[-1] == theta


@given(thetas, st.lists(windows, max_size=3), expectations)
def test_never_more_than_theta_is_allowed_and_never_less_than_nothing(
    theta: float, seen: list[WindowState], expected: float
) -> None:
    made = allowance(theta, seen, expected)
    assert 0.0 <= made.theta <= theta
    assert (made.binding is None) == (made.theta == theta)


@given(thetas, st.lists(windows, min_size=1, max_size=3), expectations)
def test_the_most_binding_window_decides(
    theta: float, seen: list[WindowState], expected: float
) -> None:
    together = allowance(theta, seen, expected)
    alone = [allowance(theta, [one], expected) for one in seen]
    assert together.theta == min(one.theta for one in alone)
    assert together.room == min(one.room for one in alone)
    assert together.braked == any(one.braked for one in alone)
    if together.binding is not None:
        assert allowance(theta, [together.binding], expected).theta == together.theta


@given(thetas, windows, expectations)
def test_more_abandoned_calls_never_allow_more(
    theta: float, state: WindowState, expected: float
) -> None:
    more = window(state.answered, state.abandoned + 1, limit=state.limit, to_come=state.to_come)
    few = window(state.answered, state.abandoned, limit=state.limit, to_come=state.to_come)
    assert allowed(theta, more, expected=expected) <= allowed(theta, few, expected=expected)


@pytest.mark.parametrize("theta", [THETA_MIN, 0.03])
def test_used_up_is_used_up_however_low_theta_is_already(theta: float) -> None:
    assert allowance(theta, [window(32, 0)], 0.0).braked
    assert not allowance(theta, [window(33, 0)], 0.0).braked


def test_where_the_law_has_no_limit_nothing_brakes() -> None:
    made = allowance(0.5, [], 100.0)
    assert (made.theta, made.binding, made.braked) == (0.5, None, False)


def test_which_window_binds_is_told() -> None:
    day, all_time = window(100, 3, name="day"), window(10_000, 0, name="total")
    assert allowance(0.03, [all_time, day], 0.0).binding == day
    assert allowance(0.03, [all_time], 0.0).binding is None


# --- theta ------------------------------------------------------------------------------------------------------------


@given(thetas, st.floats(0.0, 0.06), st.booleans())
def test_theta_stays_between_its_bounds(theta: float, ratio: float, abandoned: bool) -> None:
    assert THETA_MIN <= stepped(theta, ratio, abandoned) <= THETA_MAX


def test_theta_moves_by_what_was_allowed_less_what_happened() -> None:
    assert stepped(0.03, 0.02, abandoned=True) == pytest.approx(0.03 * math.exp(ETA * (0.02 - 1)))
    assert stepped(0.03, 0.02, abandoned=False) == pytest.approx(0.03 * math.exp(ETA * 0.02))


def test_a_ratio_that_is_kept_leaves_theta_where_it_is() -> None:
    theta = 0.03
    for number in range(1000):
        theta = stepped(theta, 0.02, abandoned=number % 50 == 0)
    assert theta == pytest.approx(0.03, rel=1e-6)


def test_what_is_owed_is_brought_back_over_the_horizon() -> None:
    """30 over the goal of 0.02, to be had back over 300 answers, is a tenth less than the goal: as little as is ever allowed."""
    assert steered(0.02, 1000, 18, 300.0, 0.03) == pytest.approx(0.02 + (20 - 1.5 - 18) / 300)
    assert steered(0.02, 1000, 50, 300.0, 0.03) == pytest.approx(0.003)
    assert steered(0.02, 100_000, 0, 300.0, 0.03) == pytest.approx(0.06)


@given(st.integers(0, 5000), st.integers(0, 300), st.floats(150, 5000))
def test_more_abandoned_calls_in_the_past_never_allow_a_higher_ratio(
    answered: int, abandoned: int, horizon: float
) -> None:
    few = steered(0.0291, answered, abandoned, horizon, 0.03)
    many = steered(0.0291, answered, abandoned + 1, horizon, 0.03)
    assert 0.003 <= many <= few <= 0.06


# --- the rate of answers ----------------------------------------------------------------------------------------------


def test_the_rate_is_that_of_an_even_stream_from_the_first_minute_on() -> None:
    rate = AnswerRate()
    assert rate.per_second(START) == 0.0
    for seconds in range(0, 7200, 2):
        rate.answered(START + seconds)
        if seconds >= 120:
            assert rate.per_second(START + seconds) == pytest.approx(0.5, rel=0.05)


def test_one_answer_is_not_taken_for_a_torrent() -> None:
    rate = AnswerRate()
    rate.answered(START)
    assert rate.per_second(START) <= 1 / 59


def test_a_stream_that_has_dried_up_is_forgotten_in_hours() -> None:
    rate = AnswerRate()
    for seconds in range(3600):
        rate.answered(START + seconds)
    assert rate.per_second(START + 3600 + 4 * 3600) < 0.001


def test_the_rate_of_a_clock_that_was_put_back_or_forward_is_the_same() -> None:
    plain, moved = AnswerRate(), AnswerRate()
    for seconds in range(600):
        plain.answered(START + seconds)
        moved.answered(START + seconds)
    moved.shift(-3600.0)
    moved.answered(START - 3000)
    plain.answered(START + 600)
    assert moved.per_second(START - 3000) == pytest.approx(plain.per_second(START + 600))


def test_answers_told_out_of_order_raise_no_error_and_count() -> None:
    rate = AnswerRate()
    for seconds in (0.0, 60.0, 30.0, 59.0, 61.0):
        rate.answered(START + seconds)
    assert rate.per_second(START + 61) == pytest.approx(5 / 61, rel=0.05)


# --- the last answers of a window -------------------------------------------------------------------------------------


def ending(answered: int, abandoned: int, to_come: float) -> WindowState:
    return window(answered, abandoned, limit=0.03, to_come=to_come)


def test_while_many_answers_are_to_come_the_end_is_no_concern() -> None:
    assert ending(1000, 29, LAST_ALLOWED / 0.03 + 1e-9).last_risk(0.02, 2.0) == math.inf
    assert ending(1000, 29, 0.0).last_risk(0.02, 2.0) == math.inf  # nobody has said when it ends


def test_what_is_left_at_the_end_fits_with_its_reserve() -> None:
    """1,600 answered, 46 of them abandoned, 80 to come: 4.4 more fit under 3 %. One stays in hand, and what is expected of the
    others with the reserve is the rest."""
    mean = REALISED * 80.0 * ending(1600, 46, 80.0).last_risk(0.02, 0.0)
    rest = 0.03 * 1680 - 46 - 1
    assert mean + LAST_RESERVE * math.sqrt(CLUSTER * mean) == pytest.approx(rest)


def test_nothing_left_is_no_risk_at_all() -> None:
    assert ending(1654, 50, 12.0).last_risk(0.02, 0.0) == 0.0
    assert allowance(0.02, (ending(1654, 50, 12.0),), 2.0).theta == 0.0


@given(thetas, expectations, st.floats(0.1, LAST_ALLOWED / 0.03 - 1.0))
def test_one_more_abandoned_call_never_raises_what_the_end_allows(
    theta: float, expected: float, to_come: float
) -> None:
    fewer = ending(1000, 27, to_come).last_risk(theta, expected)
    assert ending(1000, 28, to_come).last_risk(theta, expected) <= fewer


def test_a_row_of_abandoned_calls_still_fits_at_the_end_the_longer_the_more_are_in_flight() -> None:
    """A row goes on with e / (e + 2): what is allowed falls by that for each abandoned call less that still fits."""
    few, many = (ending(2500, 73, 15.0).last_risk(0.0, expected) for expected in (0.5, 6.0))
    assert many < few
    assert ending(2500, 72, 15.0).last_risk(0.0, 6.0) == pytest.approx(many / 0.75)


def test_what_is_over_the_limit_is_repaid_from_further_away_and_with_fewer_answers() -> None:
    far = 1.5 * LAST_ALLOWED / 0.03
    assert ending(2000, 60, far).last_risk(0.02, 0.0) == math.inf
    assert ending(2000, 61, far).last_risk(0.02, 0.0) < math.inf
    assert ending(2000, 65, 150.0).last_risk(0.02, 0.0) == 0.0  # 2.7 of 4.5, and one in hand


def test_at_the_start_of_a_window_to_be_over_the_limit_is_no_end() -> None:
    assert ending(100, 5, 150.0).last_risk(0.02, 0.0) == math.inf
    assert ending(4000, 125, LAST_ALLOWED_OVER / 0.03 + 1.0).last_risk(0.02, 0.0) == math.inf

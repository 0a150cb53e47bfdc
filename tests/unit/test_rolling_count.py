"""A rolling window forgets by itself, never too early, and never counts below nothing."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dialer.events import NOTHING_SEEN, WindowCount
from dialer.rolling_count import MINUTE, RollingCount
from tests.support.playbook import START

DAY = timedelta(days=1)
ONE = WindowCount(answered=1)


def test_a_call_is_forgotten_once_its_whole_minute_is_older_than_the_window() -> None:
    made = RollingCount(DAY)
    made.add(ONE, START)
    made.forget(START + DAY)
    assert made.total == ONE
    made.forget(START + DAY + 2 * MINUTE)
    assert made.total == NOTHING_SEEN


def test_what_is_taken_back_after_the_window_has_forgotten_it_changes_nothing() -> None:
    made = RollingCount(DAY)
    made.add(ONE, START)
    made.forget(START + 2 * DAY)
    made.add(WindowCount(answered=-1, abandoned=-1), START)
    assert made.total == NOTHING_SEEN


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=40), st.integers(0, 400))
def test_between_a_window_and_a_window_and_a_minute(
    calls: list[tuple[int, bool]], look: int
) -> None:
    """Against a recount: seconds of calls, and of the look, in a window of two minutes."""
    length = timedelta(minutes=2)
    made, now = RollingCount(length), START + timedelta(seconds=look)
    told = sorted(each for each in calls if each[0] <= look)
    for seconds, abandoned in told:
        at: datetime = START + timedelta(seconds=seconds)
        made.add(WindowCount(answered=1, abandoned=int(abandoned)), at)
    made.forget(now)
    inside = [c for c in told if START + timedelta(seconds=c[0]) >= now - length]
    nearly = [c for c in told if START + timedelta(seconds=c[0]) >= now - length - MINUTE]
    assert len(inside) <= made.total.answered <= len(nearly)
    assert sum(c[1] for c in inside) <= made.total.abandoned <= sum(c[1] for c in nearly)

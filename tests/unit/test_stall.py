"""A trunk that holds its calls: they do not grow old unseen, and are not taken for calls that nobody answers."""

import numpy as np
import pytest

from dialer.answer_curve import AnswerCurve
from dialer.hazards import SPAN
from dialer.stall import FORGET_SECONDS, SILENT, Stall


def ages(stall: Stall, now: float, *starts: float) -> list[float]:
    found: list[float] = stall.ages(now - np.array(starts), now).tolist()
    return found


def held() -> Stall:
    """The last end was seen at 100; at 120 more are missing than chance explains."""
    stall = Stall()
    stall.end_seen(100.0)
    stall.wait(SILENT + 1.0, 20.0, 120.0)
    return stall


def test_ends_that_come_as_expected_are_no_stall() -> None:
    stall = Stall()
    for second in range(100):
        stall.wait(SILENT / 2, 1.0, float(second))
        stall.end_seen(float(second))
    assert not stall.goes_on
    assert ages(stall, 100.0, 90.0, 50.0) == [10.0, 50.0]


def test_what_was_expected_before_the_last_end_is_not_missing() -> None:
    """A large floor: thirty ends a second, asked for every two seconds."""
    stall = Stall()
    for second in range(2, 400, 2):
        stall.end_seen(second - 0.04)
        stall.wait(60.0, 2.0, float(second))
        assert not stall.goes_on


def test_a_short_silence_is_what_is_told_late() -> None:
    stall = Stall()
    stall.end_seen(100.0)
    stall.wait(60.0, 2.0, 102.0)
    assert not stall.goes_on
    stall.wait(60.0, 2.0, 104.0)
    assert stall.goes_on


def test_ages_stand_still_from_the_last_end_that_was_seen() -> None:
    stall = held()
    assert stall.goes_on
    assert ages(stall, 130.0, 95.0, 110.0) == [5.0, 0.0]
    assert ages(stall, 160.0, 95.0, 110.0) == [5.0, 0.0]


def test_after_it_they_go_on_from_where_they_stood_and_new_calls_are_as_old_as_they_are() -> None:
    stall = held()
    stall.end_seen(160.0)
    assert not stall.goes_on
    assert ages(stall, 165.0, 95.0, 110.0, 162.0) == [10.0, 5.0, 3.0]


def test_it_is_forgotten_in_time() -> None:
    stall = held()
    stall.end_seen(160.0)
    stall.wait(0.0, 2.0, 161.0 + FORGET_SECONDS)
    assert ages(stall, 300.0, 95.0) == [205.0]


def test_it_moves_with_the_clock() -> None:
    stall = held()
    stall.shift(3600.0)
    assert ages(stall, 3730.0, 3695.0, 3710.0) == [5.0, 0.0]


def test_a_curve_whose_calls_are_held_goes_on_expecting_their_answers() -> None:
    """One call a second rings; from 1,000 s on none ends for half a minute. Without the stall those of the first seconds would
    count as calls that nobody answers; with it each still has its whole chance."""
    curve, random = AnswerCurve(), np.random.default_rng(3)
    ringing: dict[int, tuple[float, bool]] = {}
    for second in range(1030):
        for placed, (lasts, up) in list(ringing.items()):
            if second - placed >= lasts and second < 1000:
                del ringing[placed]
                curve.left(lasts, up, float(second))
        up = bool(random.random() < 0.3)
        ringing[second] = (float(random.uniform(6, 12)) if up else 25.0, up)
        starts = np.array(list(ringing), dtype=np.float64)
        table = curve.table(second - starts, float(second))
    assert curve.stall.goes_on
    aged = second - starts
    believed = table.total(curve.stall.ages(aged, float(second)))[SPAN - 1]
    unaware = table.total(aged)[SPAN - 1]
    assert believed > 1.5 * unaware
    assert believed == pytest.approx(0.3 * 30 + 0.15 * len(starts[starts < 1000]), rel=0.35)

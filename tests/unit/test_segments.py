"""Segments of a list: fresh leads and those tried before answer differently, and pacing learns by how much."""

import numpy as np
import pytest

from dialer.answer_curve import SEGMENT_SPAN, AnswerCurve


def learnt(first: float, again: float, calls: int = 4000) -> AnswerCurve:
    """One call a second, half of them fresh, each answered at 6 to 12 s with its segment's chance, or over at 25 s."""
    curve, random = AnswerCurve(), np.random.default_rng(7)
    ringing: dict[int, tuple[float, bool, str]] = {}
    for second in range(calls + 26):
        for placed, (lasts, up, segment) in list(ringing.items()):
            if second - placed >= lasts:
                del ringing[placed]
                curve.left(lasts, up, float(second), segment)
        if second < calls:
            segment, chance = ("first", first) if second % 2 else ("again", again)
            up = bool(random.random() < chance)
            ringing[second] = (float(random.uniform(6, 12)) if up else 25.0, up, segment)
        if second % 2 == 0:
            curve.table(second - np.array(list(ringing), dtype=np.float64), float(second))
    return curve


def test_before_anything_is_known_all_leads_are_equal() -> None:
    assert AnswerCurve().odds("first") == 1.0
    curve = learnt(0.3, 0.3, calls=50)
    assert curve.odds("first") == 1.0


def test_segments_that_answer_alike_stay_about_equal() -> None:
    curve = learnt(0.3, 0.3)
    assert curve.odds("first") == pytest.approx(1.0, abs=0.25)
    assert curve.odds("again") == pytest.approx(1.0, abs=0.25)


def test_the_odds_of_each_segment_are_found() -> None:
    """40 % and 10 %: the average is 25 %, so odds of 2.0 and 0.33 of it; the prior's weight draws both towards 1."""
    curve = learnt(0.4, 0.1)
    assert curve.odds("first") == pytest.approx(2.0, rel=0.25)
    assert curve.odds("again") == pytest.approx(1 / 3, rel=0.35)


def test_a_segment_that_never_answers_keeps_a_chance() -> None:
    curve = learnt(0.5, 0.0)
    assert 1 / (3 * SEGMENT_SPAN) < curve.odds("again") < 0.5


def test_a_segment_of_another_name_is_average() -> None:
    assert learnt(0.4, 0.1).odds("unheard of") == 1.0


def test_what_was_learnt_of_a_segment_moves_with_the_clock() -> None:
    here, there = learnt(0.4, 0.1), learnt(0.4, 0.1)
    there.shift(3600.0)
    here.left(9.0, True, 4026.0, "first")
    there.left(9.0, True, 7626.0, "first")
    assert here.odds("first") == there.odds("first")

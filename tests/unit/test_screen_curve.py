"""Answering-machine detection: how long it takes, and who comes out of it."""

from random import Random

import numpy as np
import pytest

from dialer.answer_curve import AnswerCurve
from dialer.hazards import HORIZONS, SPAN, Floats
from dialer.screen_curve import ScreenCurve

NONE = np.zeros(0)
START = 1_000_000.0


def ages(*seconds: float) -> Floats:
    return np.array(seconds)


def learnt(*left: tuple[float, bool, float]) -> ScreenCurve:
    """Each: (how long the detection took, a person, how long it had rung)."""
    curve = ScreenCurve()
    for took, person, rang in left:
        curve.left(took, person, rang)
    return curve


def horizon(seconds: float) -> int:
    return int(np.searchsorted(HORIZONS, seconds))


def test_before_anything_is_known_most_are_persons() -> None:
    """Too many persons expected is safe: fewer calls are placed."""
    assert ScreenCurve().person_share == 0.75
    (row,) = ScreenCurve().table().rows(ages(0.0), ages(5.0))
    assert row[-1] == pytest.approx(0.75)


@pytest.mark.parametrize("took", [-1.0, 0.0, 0.3, 2.0, 7.9, 60.0])
@pytest.mark.parametrize("rang", [-1.0, 0.0, 9.0, 59.9, 900.0])
def test_tables_are_probabilities_at_any_age(took: float, rang: float) -> None:
    table = learnt((took, True, rang), (took, False, rang), (2.0, True, 5.0)).table()
    rows = table.rows(ages(took, 1.0), ages(rang, 1.0))
    assert rows.shape == (2, SPAN)
    assert ((rows >= 0) & (rows <= 1)).all()
    assert (np.diff(rows, axis=1) >= -1e-12).all(), "a longer look sees fewer persons"
    assert table.person_by[0] == table.machine_by[0] == 0.0
    assert table.person_by[-1] == pytest.approx(1.0)
    assert table.machine_by[-1] == pytest.approx(1.0)


def test_the_sum_over_calls_is_the_sum_of_their_rows() -> None:
    table = learnt((1.0, True, 5.0), (3.0, False, 15.0)).table()
    took, rang = ages(0.0, 1.0, 2.5), ages(3.0, 9.0, 16.0)
    rows = table.rows(took, rang)
    spread = rows * (1 - rows)
    wanted = np.concatenate([rows.sum(0), spread.sum(0), (spread * (1 - 2 * rows)).sum(0)])
    np.testing.assert_allclose(table.total(took, rang), wanted, atol=1e-12)
    assert (table.total(NONE, NONE) == 0).all()


def test_who_answers_early_is_likelier_a_person() -> None:
    curve = learnt(*[(1.0, True, 5.0)] * 50, *[(1.0, False, 17.0)] * 50)
    early, late = curve.table().rows(ages(0.0, 0.0), ages(5.0, 17.0))[:, -1]
    assert early > 0.8
    assert late < 0.2


def test_a_detection_that_goes_on_is_likelier_a_machine() -> None:
    """Bayes' rule, by counting: persons are found out within a second, machines after two to four; as many of each. Nearly
    nobody who is still being listened to after a second and a half is a person."""
    persons = [(0.6, True, 8.0)] * 200
    machines = [(2.0 + 0.01 * number, False, 8.0) for number in range(200)]
    table = learnt(*persons, *machines).table()
    fresh, old = table.rows(ages(0.0, 1.5), ages(8.0, 8.0))[:, -1]
    assert fresh == pytest.approx(0.5, abs=0.03)
    assert old < 0.05


def test_the_share_of_persons_moves_by_bayes_rule_as_detection_goes_on() -> None:
    """Persons evenly within 2 s, machines evenly within 4 s, as many of each: after 1 s half of the persons and three quarters
    of the machines are still there, so two in five are persons; all of them are found out within the next second."""
    random = Random(1)
    curve = ScreenCurve()
    for _ in range(20_000):
        person = random.random() < 0.5
        curve.left(random.uniform(0, 2 if person else 4), person, 8.0)
    (row,) = curve.table().rows(ages(1.0), ages(8.0))
    assert row[horizon(1.5)] == pytest.approx(0.4, abs=0.02)
    assert row[0] == pytest.approx(0.2, abs=0.02)  # within half a second


def test_counts_fade() -> None:
    curve = learnt(*[(1.0, False, 8.0)] * 100)
    assert curve.person_share < 0.05
    curve.fade(0.001)
    assert curve.person_share > 0.7


# --- together with ringing --------------------------------------------------------------------------------------------


def screened(*left: tuple[float, bool]) -> AnswerCurve:
    curve = AnswerCurve(screen=ScreenCurve())
    for age, up in left:
        curve.left(age, up, START)
    return curve


def test_with_detection_a_person_is_there_only_when_it_has_ended() -> None:
    """Everybody picks up at 4 s, and is known to be a person 2 s later."""
    plain, curve = AnswerCurve(), screened()
    for _ in range(1000):
        plain.left(4.1, True, START)
        curve.left(4.1, True, START)
        assert curve.screen is not None
        curve.screen.left(2.1, True, 4.1)
    at_once, later = plain.table(NONE, START), curve.table(NONE, START)
    assert at_once.new_call[horizon(4.5)] > 0.9
    assert later.new_call[horizon(5.5)] < 0.05
    assert later.new_call[horizon(7.0)] > 0.9
    assert np.argmax(at_once.weights) < np.argmax(later.weights)
    assert at_once.ever[0] == pytest.approx(later.ever[0], abs=0.01)


def test_machines_are_no_answers() -> None:
    curve = screened(*[(8.0, True)] * 200)
    assert curve.screen is not None
    for number in range(200):
        curve.screen.left(2.0, number % 4 == 0, 8.0)
    table = curve.table(NONE, START)
    assert table.ever[0] == pytest.approx(0.25, abs=0.05)
    assert table.new_call[-1] == pytest.approx(0.25, abs=0.05)


def test_with_detection_too_tables_are_probabilities() -> None:
    curve = screened(*[(8.0, True)] * 200, *[(25.0, False)] * 50)
    assert curve.screen is not None
    curve.screen.left(1.0, True, 8.0)
    table = curve.table(ages(1.0, 30.0), START)
    assert ((table.by_age >= 0) & (table.by_age <= 1)).all()
    assert (np.diff(table.by_age, axis=1) >= -1e-12).all()
    assert (table.by_age[:, -1] <= table.ever + 1e-9).all()
    assert (np.array(table.weights) >= 0).all()
    assert sum(table.weights) == pytest.approx(1)


def test_what_detection_has_taught_fades_with_the_rest() -> None:
    curve = screened()
    assert curve.screen is not None
    for _ in range(100):
        curve.screen.left(1.0, False, 8.0)
    curve.table(NONE, START)
    curve.table(NONE, START + 5 * 3600)
    assert curve.screen.person_share > 0.7


def test_chances_of_a_screened_list_are_what_happens() -> None:
    """40,000 calls: half pick up at 3 to 13 s, of these 60 % persons, found out after 0.8 to 2.5 s. How many new calls brought
    a person by each horizon, within 0.03: standard errors are under 0.003, grids of half a second cost up to 0.02."""
    random = Random(9)
    curve = screened()
    assert curve.screen is not None
    came: list[float] = []
    for _ in range(40_000):
        if random.random() >= 0.5:
            curve.left(25.0, False, START)
            continue
        rang, person = random.uniform(3, 13), random.random() < 0.6
        took = random.uniform(0.8, 2.5) if person else random.uniform(1.5, 4.5)
        curve.left(rang, True, START)
        curve.screen.left(took, person, rang)
        if person:
            came.append(rang + took)
    found = np.array(curve.table(NONE, START).new_call)
    wanted = np.array([sum(at <= h for at in came) / 40_000 for h in HORIZONS])
    np.testing.assert_allclose(found, wanted, atol=0.03)

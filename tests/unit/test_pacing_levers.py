"""Two levers beyond the usual: what is known of each lead, and calls taken back before a phone has rung."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.answer_curve import AnswerCurve
from dialer.campaign import PacingMode
from dialer.hazards import Floats
from dialer.pacing import CallGroup, PacingPolicy, PacingSnapshot, ReleaseGroup, decide
from dialer.pacing_risk import Balance, Taken
from dialer.release_curve import ReleaseCurve

NONE: Floats = np.zeros(0)
TABLE = AnswerCurve().table(NONE, 0.0)
RELEASE = ReleaseCurve(grace=2.0).table(NONE, NONE, 0.0)
PREDICTIVE = PacingPolicy(mode=PacingMode.PREDICTIVE)
REVOKING = replace(PREDICTIVE, revokes=True)


def team(idle: int, ringing: int = 0, busy: int = 12, **changes: object) -> PacingSnapshot:
    snapshot = PacingSnapshot(
        idle=idle,
        waiting=0,
        busy=(ReleaseGroup(table=RELEASE, talking=np.linspace(0, 200, busy)),),
        in_flight=(CallGroup(table=TABLE, ages=np.linspace(0, 2, ringing)),),
        answers=TABLE,
        theta=0.03,
        burst=50,
    )
    return replace(snapshot, **changes)  # type: ignore[arg-type]


def calls(snapshot: PacingSnapshot) -> int:
    return decide(snapshot, PREDICTIVE).calls_to_place


# --- what is known of each lead ---------------------------------------------------------------------------------------


def test_leads_of_average_odds_are_no_news() -> None:
    assert calls(team(4, next_odds=[1.0] * 50)) == calls(team(4))


def test_unlikely_leads_are_dialled_in_greater_number_and_likely_ones_in_smaller() -> None:
    average = calls(team(6))
    assert calls(team(6, next_odds=[0.3] * 50)) > average > calls(team(6, next_odds=[4.0] * 50))


@given(st.lists(st.floats(0.1, 10.0), max_size=30), st.integers(0, 29))
def test_a_likelier_lead_never_makes_room_for_more(odds: list[float], place: int) -> None:
    if place < len(odds):
        higher = [*odds[:place], odds[place] * 1.5, *odds[place + 1 :]]
        assert calls(team(6, next_odds=higher)) <= calls(team(6, next_odds=odds))


def test_calls_to_unlikely_leads_leave_more_room_than_calls_to_likely_ones() -> None:
    def with_odds(odds: float) -> PacingSnapshot:
        group = CallGroup(table=TABLE, ages=np.linspace(0, 2, 8), odds=np.full(8, odds))
        return team(6, in_flight=(group,))

    assert calls(with_odds(0.3)) > calls(with_odds(1.0)) > calls(with_odds(4.0))


@given(st.integers(0, 12), st.floats(-3, 3), st.floats(0.1, 4))
def test_taking_average_leads_one_by_one_is_taking_so_many(
    count: int, mean: float, variance: float
) -> None:
    size = len(TABLE.new_call)
    cumulants = [mean] * size + [variance] * size + [0.1] * size
    balance = Balance(2, cumulants, TABLE.new_call, TABLE.weights)
    taken = Taken()
    for _ in range(count):
        taken.add(1.0)
    assert balance.risk(taken) == pytest.approx(balance.risk(count), abs=1e-12)


# --- calls taken back -------------------------------------------------------------------------------------------------


def revoked(snapshot: PacingSnapshot) -> int:
    return decide(snapshot, REVOKING).calls_to_revoke


def test_nothing_is_taken_back_while_agents_are_free_for_it() -> None:
    assert revoked(team(20, ringing=6, revocable=6)) == 0


def test_agents_have_gone_and_calls_that_have_not_rung_are_taken_back() -> None:
    found = revoked(team(0, ringing=20, busy=2, revocable=20))
    assert 10 < found <= 20


def test_only_what_has_not_rung_is_taken_back() -> None:
    assert revoked(team(0, ringing=20, busy=2, revocable=3)) == 3


def test_a_campaign_that_does_not_want_it_takes_nothing_back() -> None:
    snapshot = team(0, ringing=20, busy=2, revocable=20)
    assert decide(snapshot, PREDICTIVE).calls_to_revoke == 0


@given(st.integers(0, 6), st.integers(0, 30), st.integers(1, 20))
def test_nothing_is_placed_and_taken_back_at_once(idle: int, ringing: int, busy: int) -> None:
    decision = decide(team(idle, ringing=ringing, busy=busy, revocable=ringing), REVOKING)
    assert not (decision.calls_to_place and decision.calls_to_revoke)

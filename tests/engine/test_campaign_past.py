"""Pacing begins with what the campaign's earlier calls taught: the store's attempts, chosen by the loader."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dialer.engine.loader import PAST_TAUGHT, past_calls
from dialer.events import PastCall
from dialer.ids import CallId, CampaignId, LeadId, TrunkId
from dialer.leads import Outcome
from dialer.pacing_board import PacingBoard
from dialer.ports import Attempt
from tests.support.playbook import START

SECOND = timedelta(seconds=1)


def attempt(
    started_at: datetime, outcome: Outcome, rang: float = 9.0, talked: float = 60.0
) -> Attempt:
    """TALKED: answered after `rang`, bridged at once; anything else ended after `rang`."""
    up = outcome is Outcome.TALKED
    at = started_at + rang * SECOND
    return Attempt(
        call_id=CallId("c"),
        campaign_id=CampaignId("spring"),
        lead_id=LeadId("l"),
        trunk=TrunkId("t"),
        started_at=started_at,
        ringing_at=None,
        answered_at=at if up else None,
        bridged_at=at if up else None,
        ended_at=at + talked * SECOND if up else at,
        outcome=outcome,
        cause=16,
        agent_id=None,
        disposition=None,
    )


def test_a_talk_and_a_ring_that_nobody_answered_are_told_as_they_were() -> None:
    closed = [attempt(START, Outcome.TALKED, 8, 90), attempt(START, Outcome.NO_ANSWER, 25)]
    assert past_calls(closed, START) == [
        PastCall(rang=8, picked_up=True, person=True, talked=90),
        PastCall(rang=25, picked_up=False, person=False, talked=None),
    ]


@pytest.mark.parametrize("outcome", [Outcome.CONGESTION, Outcome.UNREACHABLE, Outcome.LOST])
def test_what_never_rang_or_was_lost_sight_of_teaches_nothing(outcome: Outcome) -> None:
    assert past_calls([attempt(START, outcome)], START) == []


def test_calls_of_this_hour_of_the_day_go_before_later_ones_of_other_hours() -> None:
    yesterday = START - timedelta(hours=23.5)
    at_noon = [attempt(yesterday, Outcome.TALKED, 5)] * PAST_TAUGHT
    latest = [attempt(START - timedelta(hours=6), Outcome.NO_ANSWER, 25)] * 50
    taught = past_calls([*latest, *at_noon], START)
    assert len(taught) == PAST_TAUGHT
    assert {call.rang for call in taught} == {5}


def test_too_few_of_this_hour_and_the_latest_are_taken() -> None:
    few = [attempt(START - timedelta(days=1), Outcome.TALKED, 5)] * (PAST_TAUGHT - 1)
    latest = [attempt(START - timedelta(hours=6), Outcome.NO_ANSWER, 25)] * 50
    assert len([c for c in past_calls([*latest, *few], START) if c.rang == 25]) == 50


def expected_answers(past: list[PastCall]) -> float:
    """Of one new call, by a board that begins with these."""
    board = PacingBoard()
    board.campaign("spring", screened=False, grace=2.0, wrap_limit=15.0)
    board.recall("spring", past, START.timestamp())
    return board.snapshot("spring", "pbx", START.timestamp()).answers.new_call[-1]


def test_a_board_that_recalls_a_cold_list_expects_few_answers_at_once() -> None:
    cold = [PastCall(rang=25, picked_up=False, person=False, talked=None)] * 270
    cold += [PastCall(rang=9, picked_up=True, person=True, talked=60)] * 30
    assert expected_answers([]) > 0.4
    assert expected_answers(cold) == pytest.approx(0.1, abs=0.03)


def test_machines_that_detection_finds_are_no_persons() -> None:
    machine = PastCall(rang=17, picked_up=True, person=False, talked=None)
    board = PacingBoard()
    board.campaign("spring", screened=True, grace=2.0, wrap_limit=15.0)
    board.recall(
        "spring", [machine] * 150 + [replace(machine, rang=25, picked_up=False)] * 150, 0.0
    )
    assert board.snapshot("spring", "pbx", 0.0).answers.new_call[-1] < 0.1

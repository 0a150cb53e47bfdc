"""What an ended call came to: exactly one class, for every ending and every order of its events."""

from datetime import timedelta

import pytest

from dialer.calls import Call, adopted, apply, outcome_of
from dialer.events import CallEvent, CallMatched, Event, Fate, Screening
from dialer.ids import AgentId, CallId
from dialer.leads import Outcome
from tests.support.playbook import (
    answers,
    at,
    bridge_fails,
    bridged,
    ends,
    is_abandoned,
    is_adopted,
    is_lost,
    is_refused,
    order,
    rings,
    screened,
    talk_ends,
    waits,
)

C = "call-1"
MATCHED = CallMatched(call_id=CallId(C), agent_id=AgentId("anna"), at=at(4))
TALK: tuple[CallEvent, ...] = (
    rings(C, 1),
    answers(C, 3),
    waits(C, 4),
    MATCHED,
    bridged(C, "anna", 5),
)


def lived(*events: Event) -> Call:
    call = Call(order=order())
    for event in events:
        assert isinstance(event, CallEvent)
        call = apply(call, event)
    return call


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (0, Outcome.NO_ANSWER),
        (1, Outcome.INVALID_NUMBER),
        (16, Outcome.NO_ANSWER),
        (17, Outcome.BUSY),
        (18, Outcome.NO_ANSWER),
        (19, Outcome.NO_ANSWER),
        (20, Outcome.NO_ANSWER),
        (21, Outcome.REJECTED),
        (22, Outcome.INVALID_NUMBER),
        (27, Outcome.CONGESTION),
        (28, Outcome.INVALID_NUMBER),
        (34, Outcome.CONGESTION),
        (38, Outcome.CONGESTION),
        (41, Outcome.CONGESTION),
        (42, Outcome.CONGESTION),
        (44, Outcome.CONGESTION),
        (58, Outcome.CONGESTION),
        (102, Outcome.CONGESTION),
        (127, Outcome.NO_ANSWER),
    ],
)
def test_a_call_that_rang_and_was_not_answered_is_what_its_cause_says(
    cause: int, outcome: Outcome
) -> None:
    assert outcome_of(lived(rings(C, 1), ends(C, 26, cause))) is outcome


@pytest.mark.parametrize("cause", [0, 19])
def test_a_call_that_never_rang_and_got_no_reply_is_unreachable(cause: int) -> None:
    assert outcome_of(lived(ends(C, 26, cause))) is Outcome.UNREACHABLE


def test_a_call_that_was_busy_without_ringing_is_busy() -> None:
    assert outcome_of(lived(ends(C, 1, 17))) is Outcome.BUSY


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((*TALK, talk_ends(C, 60), ends(C, 61)), Outcome.TALKED),
        ((*TALK, ends(C, 61)), Outcome.TALKED),
        ((*TALK, is_lost(C, 61)), Outcome.TALKED),
        ((*TALK[:4], talk_ends(C, 60), ends(C, 61)), Outcome.TALKED),
        ((answers(C, 3), waits(C, 3), ends(C, 4)), Outcome.HUNG_UP),
        ((answers(C, 3), ends(C, 3.1)), Outcome.HUNG_UP),
        ((*TALK[:4], bridge_fails(C, "anna", 5), ends(C, 5.1)), Outcome.HUNG_UP),
        ((answers(C, 3), waits(C, 3), is_abandoned(C, 6), ends(C, 6.1)), Outcome.ABANDONED),
        ((*TALK[:4], is_abandoned(C, 6), ends(C, 6.1)), Outcome.ABANDONED),
        ((*TALK, is_abandoned(C, 6), ends(C, 6.1)), Outcome.ABANDONED),
        ((answers(C, 3), waits(C, 3), is_lost(C, 9, Fate.ABANDONED)), Outcome.ABANDONED),
        ((answers(C, 3), waits(C, 3), is_lost(C, 9)), Outcome.LOST),
        ((rings(C, 3), is_lost(C, 9)), Outcome.LOST),
        ((answers(C, 3), screened(C, Screening.MACHINE, 4), ends(C, 4.1)), Outcome.MACHINE),
        ((answers(C, 3), screened(C, Screening.UNSURE, 4), ends(C, 4.1)), Outcome.HUNG_UP),
        ((answers(C, 3), screened(C, Screening.HUMAN, 4), ends(C, 4.1)), Outcome.HUNG_UP),
        ((is_refused(C, 1),), Outcome.FAILED),
    ],
)
def test_an_ending_has_one_class(events: tuple[Event, ...], outcome: Outcome) -> None:
    assert outcome_of(lived(*events)) is outcome


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_lost_event_before_the_wait_does_not_change_the_class(missing: int) -> None:
    events = [rings(C, 1), answers(C, 3), screened(C, Screening.HUMAN, 3.5), waits(C, 4)]
    del events[missing]
    call = lived(*events, is_abandoned(C, 6), ends(C, 6))
    assert outcome_of(call) is Outcome.ABANDONED
    assert call.answered_at is not None


def test_an_adopted_talk_is_a_talk() -> None:
    call = adopted(order(C), is_adopted(C, 10, answered=0, talking_since=1, agent="anna"))
    assert outcome_of(apply(call, is_lost(C, 11))) is Outcome.TALKED


def test_the_limit_counts_from_the_answer() -> None:
    assert lived(rings(C, 1)).limit_at is None
    assert lived(answers(C, 3)).limit_at == at(5.95)


@pytest.mark.parametrize(
    ("cause", "ring_timeout", "seconds", "outcome"),
    [
        (19, 25, 25.1, Outcome.UNREACHABLE),  # our time-out, and nothing had been heard
        (0, 25, 25.1, Outcome.UNREACHABLE),
        (18, 60, 32.2, Outcome.UNREACHABLE),  # Asterisk's own wait for a reply
        (19, 25, 2.0, Outcome.NO_ANSWER),  # SIP 480: somebody replied
        (18, 60, 8.0, Outcome.NO_ANSWER),  # SIP 408 of a carrier
        (34, 25, 25.1, Outcome.CONGESTION),
    ],
)
def test_a_call_that_never_rang_got_no_reply_only_when_it_was_waited_for(
    cause: int, ring_timeout: float, seconds: float, outcome: Outcome
) -> None:
    call = Call(order=order(ring_timeout=timedelta(seconds=ring_timeout)))
    assert outcome_of(apply(call, ends(C, seconds, cause))) is outcome

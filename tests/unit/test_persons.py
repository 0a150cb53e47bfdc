"""Which number of a person comes next."""

from datetime import UTC, datetime, timedelta

import pytest

from dialer.ids import LeadId
from dialer.leads import LeadState, LeadUpdate, Outcome
from dialer.persons import Numbers, new_numbers, next_number, noted, put_off

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
A, B, C = "+390612345001", "+390612345002", "+390612345003"
ZONE = "Europe/Rome"


def three() -> Numbers:
    return new_numbers([(A, ZONE), (B, ZONE), (C, ZONE)])


def tried(
    numbers: Numbers,
    phone: str,
    *,
    again_at: datetime | None,
    others_from: datetime | None,
    outcome: Outcome = Outcome.NO_ANSWER,
) -> tuple[Numbers, str | None, datetime | None]:
    """The numbers after a call, the next one, and from when on."""
    update = LeadUpdate(
        lead_id=LeadId("x"),
        state=LeadState.RETRY if again_at else LeadState.DONE,
        next_attempt_at=again_at,
        counts_as_attempt=True,
        outcome=outcome,
        others_from=others_from,
    )
    after = noted(numbers, update.of_number(phone))
    found = next_number(after, phone, others_from)
    return (after, found[0].phone, found[1]) if found else (after, None, None)


def test_one_number_is_no_person_with_several() -> None:
    assert new_numbers([(A, ZONE), (A, ZONE)]) == ()
    assert new_numbers([]) == ()


def test_each_number_is_there_once_where_it_stood_first() -> None:
    numbers = new_numbers([(B, ZONE), (A, ZONE), (B, "Europe/Madrid")])
    assert [(one.phone, one.zone) for one in numbers] == [(B, ZONE), (A, ZONE)]


def test_they_take_turns_and_each_waits_its_own_time() -> None:
    numbers, turns, now = three(), [A], NOON
    for _ in range(4):
        numbers, phone, at = tried(
            numbers, turns[-1], again_at=now + HOUR, others_from=now + 5 * MINUTE
        )
        assert phone is not None
        assert at is not None
        turns.append(phone)
        now = at
    assert turns == [A, B, C, A, B]
    assert now == NOON + HOUR + 5 * MINUTE  # A an hour after its call, B as long after its own
    assert [one.tries for one in numbers] == [2, 1, 1]


def test_a_number_that_is_over_is_passed_by_and_the_last_one_ends_the_person() -> None:
    numbers, phone, _ = tried(three(), A, again_at=None, others_from=NOON + MINUTE)
    assert phone == B
    numbers, phone, _ = tried(numbers, B, again_at=None, others_from=NOON + MINUTE)
    assert phone == C
    _, phone, _ = tried(numbers, C, again_at=None, others_from=NOON + MINUTE)
    assert phone is None


def test_a_number_that_may_be_rung_again_sooner_comes_before_the_others() -> None:
    numbers = put_off(put_off(three(), B, NOON + HOUR), C, NOON + 2 * HOUR)
    _, phone, at = tried(numbers, A, again_at=NOON + 10 * MINUTE, others_from=NOON + 5 * MINUTE)
    assert (phone, at) == (A, NOON + 10 * MINUTE)


def test_one_whose_turn_has_passed_meanwhile_is_due_with_the_others() -> None:
    numbers = put_off(three(), C, NOON - HOUR)
    _, phone, at = tried(numbers, A, again_at=NOON + HOUR, others_from=NOON + 5 * MINUTE)
    assert (phone, at) == (B, NOON + 5 * MINUTE)


@pytest.mark.parametrize(("known", "phone"), [(NOON + HOUR, B), (None, B)])
def test_one_that_may_not_be_rung_now_makes_room(known: datetime | None, phone: str) -> None:
    found = next_number(put_off(three(), A, known), A, None)
    assert found is not None
    assert (found[0].phone, found[1]) == (phone, None)

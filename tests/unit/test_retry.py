"""What becomes of a lead after an attempt."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.ids import LeadId
from dialer.leads import LeadState, LeadUpdate, Outcome
from dialer.retry import TrunkFault, decide
from dialer.retry_rules import AFTER_REJECTED, RetryRule, delay_after
from tests.support.playbook import ITALY, START, policy


def after(outcome: Outcome, **changes: Any) -> LeadUpdate:
    facts: dict[str, Any] = {
        "attempts": 0,
        "never_rang": 0,
        "policy": policy(),
        "profile": ITALY,
        "now": START,
        **changes,
    }
    return decide(LeadId("rossi"), outcome, **facts)


@pytest.mark.parametrize(
    ("outcome", "delay"),
    [
        (Outcome.BUSY, timedelta(minutes=15)),
        (Outcome.NO_ANSWER, timedelta(hours=4)),
        (Outcome.MACHINE, timedelta(hours=6)),
        (Outcome.HUNG_UP, timedelta(hours=24)),
        (Outcome.ABANDONED, timedelta(days=5)),
        (Outcome.LOST, timedelta(hours=24)),
        (Outcome.CONGESTION, timedelta(minutes=10)),
        (Outcome.UNREACHABLE, timedelta(minutes=10)),
        (Outcome.FAILED, timedelta(minutes=10)),
    ],
)
def test_a_lead_is_tried_again_after_its_delay(outcome: Outcome, delay: timedelta) -> None:
    update = after(outcome)
    assert (update.state, update.next_attempt_at) == (LeadState.RETRY, START + delay)
    assert update.outcome is outcome


@pytest.mark.parametrize("outcome", [Outcome.TALKED, Outcome.INVALID_NUMBER, Outcome.REJECTED])
def test_some_outcomes_end_the_lead(outcome: Outcome) -> None:
    update = after(outcome)
    assert (update.state, update.next_attempt_at) == (LeadState.DONE, None)
    assert update.counts_as_attempt


@pytest.mark.parametrize("outcome", [Outcome.CONGESTION, Outcome.UNREACHABLE, Outcome.FAILED])
def test_what_never_rang_burns_no_attempt(outcome: Outcome) -> None:
    assert not after(outcome).counts_as_attempt
    assert after(outcome, attempts=6).state is LeadState.RETRY


@pytest.mark.parametrize(("attempts", "state"), [(4, LeadState.RETRY), (5, LeadState.DONE)])
def test_the_last_allowed_attempt_ends_the_lead(attempts: int, state: LeadState) -> None:
    assert after(Outcome.NO_ANSWER, attempts=attempts).state is state


@pytest.mark.parametrize(("in_a_row", "state"), [(18, LeadState.RETRY), (19, LeadState.DONE)])
def test_too_many_failures_in_a_row_end_the_lead(in_a_row: int, state: LeadState) -> None:
    assert after(Outcome.UNREACHABLE, never_rang=in_a_row).state is state


def test_a_campaign_cannot_shorten_the_profiles_block() -> None:
    hasty = policy(retry={Outcome.ABANDONED: timedelta(hours=1)})
    update = after(Outcome.ABANDONED, policy=hasty)
    assert update.next_attempt_at == START + timedelta(days=5)
    assert update.abandoned_at == START


def test_a_campaign_may_wait_longer_than_the_block() -> None:
    patient = policy(retry={Outcome.ABANDONED: timedelta(days=30)})
    assert after(Outcome.ABANDONED, policy=patient).next_attempt_at == START + timedelta(days=30)


def test_where_there_is_no_block_the_campaign_decides() -> None:
    free = replace(ITALY, abandon_block=timedelta())
    hasty = policy(retry={Outcome.ABANDONED: timedelta(hours=1)})
    update = after(Outcome.ABANDONED, policy=hasty, profile=free)
    assert update.next_attempt_at == START + timedelta(hours=1)


def test_only_an_abandoned_call_notes_an_abandonment() -> None:
    for outcome in set(Outcome) - {Outcome.ABANDONED}:
        assert after(outcome).abandoned_at is None


def test_a_busy_line_is_tried_soon_then_ever_later() -> None:
    rules = {Outcome.BUSY: RetryRule(growth=2, longest=timedelta(hours=1), most=5)}
    waits = [
        after(Outcome.BUSY, attempts=tries, policy=policy(retry_rules=rules)).next_attempt_at
        for tries in range(5)
    ]
    assert waits == [*(START + timedelta(minutes=m) for m in (15, 30, 60, 60)), None]


def test_a_shift_moves_the_tries_through_the_day() -> None:
    rules = {Outcome.NO_ANSWER: RetryRule(shift=timedelta(hours=3))}
    waits = [
        after(Outcome.NO_ANSWER, attempts=tries, policy=policy(retry_rules=rules)).next_attempt_at
        for tries in range(3)
    ]
    assert waits == [START + timedelta(hours=hours) for hours in (4, 7, 10)]


def test_who_declined_is_never_rung_at_once() -> None:
    hasty = policy(retry={Outcome.REJECTED: timedelta(seconds=1)})
    assert after(Outcome.REJECTED, policy=hasty).next_attempt_at == START + AFTER_REJECTED


@given(
    outcome=st.sampled_from(Outcome),
    delay=st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    attempts=st.integers(0, 1000),
    rule=st.builds(
        RetryRule,
        growth=st.floats(1, 10),
        shift=st.timedeltas(timedelta(), timedelta(days=7)),
        longest=st.timedeltas(timedelta(seconds=1), timedelta(days=366)),
        most=st.none() | st.integers(1, 1000),
    ),
)
def test_no_rule_is_ever_quicker_than_the_outcomes_own_delay_nor_tries_too_often(
    outcome: Outcome, delay: timedelta, attempts: int, rule: RetryRule
) -> None:
    found = delay_after(outcome, delay, rule, attempts=attempts)
    assert (found is None) == (rule.most is not None and attempts + 1 >= rule.most)
    if found is not None:
        floor = AFTER_REJECTED if outcome is Outcome.REJECTED else timedelta()
        assert max(delay, floor) <= found <= max(delay, rule.longest, floor)


@pytest.mark.parametrize(
    ("outcome", "pause"),
    [
        (Outcome.BUSY, timedelta(minutes=2)),
        (Outcome.NO_ANSWER, timedelta(minutes=5)),
        (Outcome.MACHINE, timedelta(minutes=5)),
        (Outcome.INVALID_NUMBER, timedelta(minutes=1)),
        (Outcome.UNREACHABLE, timedelta(minutes=1)),
        (Outcome.TALKED, None),
        (Outcome.ABANDONED, None),
        (Outcome.HUNG_UP, None),
        (Outcome.REJECTED, None),
        (Outcome.LOST, None),
        (Outcome.CANCELLED, None),
    ],
)
def test_when_another_number_of_the_person_may_be_rung(
    outcome: Outcome, pause: timedelta | None
) -> None:
    assert after(outcome).others_from == (None if pause is None else START + pause)


def test_no_number_is_rung_once_the_persons_attempts_are_used_up() -> None:
    last = policy().max_attempts - 1
    assert after(Outcome.BUSY, attempts=last - 1, tries=0).others_from is not None
    assert after(Outcome.BUSY, attempts=last, tries=0).others_from is None


def test_a_trunks_fault_is_no_reason_to_ring_another_number() -> None:
    for fault in (TrunkFault.TRUNK, TrunkFault.ELSEWHERE):
        assert after(Outcome.UNREACHABLE, fault=fault).others_from is None


def test_the_delay_of_a_number_grows_with_its_own_tries() -> None:
    growing = replace(policy(), retry_rules={Outcome.BUSY: RetryRule(growth=2)})
    own = after(Outcome.BUSY, attempts=3, tries=0, policy=growing)
    assert own.next_attempt_at == after(Outcome.BUSY, attempts=0, policy=growing).next_attempt_at

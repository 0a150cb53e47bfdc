"""Callbacks from literals: the table of their states, the clocks of people, whom they are for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.callbacks import (
    MOST_NOTE,
    TRANSITIONS,
    WAITING,
    Booking,
    Callback,
    CallbackDeed,
    CallbackKind,
    CallbackState,
    after_call,
    apply,
    booked,
    is_escalating,
    is_for,
    local_instant,
    moved_to,
)
from dialer.errors import ConflictError, IllegalTransitionError, InvalidInputError
from dialer.ids import MAIN_CLIENT, AgentId, CallbackId, CampaignId, LeadId

ANNA, BRUNO = AgentId("101"), AgentId("102")
DUE = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def callback(
    state: CallbackState = CallbackState.BOOKED,
    agent_id: AgentId | None = ANNA,
    grace: timedelta | None = 15 * MINUTE,
    tries: int = 0,
) -> Callback:
    agreed = Booking(
        kind=CallbackKind.RECALL, due_at=DUE, agent_id=agent_id, grace=grace, most_tries=3
    )
    new = booked(
        agreed,
        callback_id=CallbackId("call-1"),
        client_id=MAIN_CLIENT,
        campaign_id=CampaignId("spring"),
        lead_id=LeadId("rossi"),
        by=ANNA,
        at=DUE - timedelta(hours=3),
    )
    return replace(new, state=state, tries=tries)


def test_every_state_has_a_row_and_only_a_cancelled_one_comes_back() -> None:
    assert TRANSITIONS.keys() == set(CallbackState)
    back = {
        state
        for state, row in TRANSITIONS.items()
        if state not in WAITING and WAITING & set(row.values())
    }
    assert back == {CallbackState.CANCELLED}


@pytest.mark.parametrize("state", CallbackState)
@pytest.mark.parametrize("deed", CallbackDeed)
def test_what_the_table_does_not_have_is_refused(state: CallbackState, deed: CallbackDeed) -> None:
    following = TRANSITIONS[state].get(deed)
    if following is not None:
        assert apply(callback(state), deed, DUE).state is following
        return
    with pytest.raises(IllegalTransitionError):
        apply(callback(state), deed, DUE)


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2026-11-24T15:00", "Europe/Rome", "2026-11-24T14:00Z"),
        ("2026-03-29T02:30", "Europe/Rome", "2026-03-29T01:30Z"),  # skipped: shown as 03:30
        ("2026-10-25T02:30", "Europe/Rome", "2026-10-25T00:30Z"),  # twice: the first
        ("2026-10-25T03:00", "Europe/Rome", "2026-10-25T02:00Z"),
        ("2026-03-08T02:15", "America/New_York", "2026-03-08T07:15Z"),
        ("2026-11-01T01:15", "America/New_York", "2026-11-01T05:15Z"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-03T15:40Z"),  # half an hour
        ("2026-11-24T15:00+01:00", "America/New_York", "2026-11-24T14:00Z"),  # says its own
    ],
)
def test_the_time_is_that_of_the_persons_clocks(wall: str, zone: str, instant: str) -> None:
    expected = datetime.fromisoformat(instant)
    assert local_instant(datetime.fromisoformat(wall), zone) == expected


@pytest.mark.parametrize(
    ("state", "agent_id", "grace", "held_until", "minutes", "anna", "bruno"),
    [
        ("booked", ANNA, 15, 0, 0, True, False),
        ("booked", ANNA, 15, 0, 14, True, False),
        ("booked", ANNA, 15, 0, 15, True, True),
        ("booked", ANNA, 15, 60, 60, True, False),  # its lead was held back: her grace begins then
        ("booked", ANNA, 15, 60, 75, True, True),
        ("booked", ANNA, 0, 0, 0, True, True),
        ("booked", ANNA, None, 0, 10_000, True, False),
        ("booked", None, 15, 0, 0, True, True),
        ("escalated", ANNA, 15, 0, 1, True, True),
    ],
)
def test_whom_it_is_for(
    state: str,
    agent_id: AgentId | None,
    grace: int | None,
    held_until: int,
    minutes: int,
    anna: bool,
    bruno: bool,
) -> None:
    allowed = None if grace is None else grace * MINUTE
    one = callback(CallbackState(state), agent_id, allowed)
    ready, now = DUE + held_until * MINUTE, DUE + minutes * MINUTE
    assert (is_for(one, ANNA, ready, now), is_for(one, BRUNO, ready, now)) == (anna, bruno)
    told = state == "booked" and agent_id is not None and bruno
    assert is_escalating(one, ready, now) is told


@pytest.mark.parametrize(
    ("reached", "counted", "over", "tries", "state", "reason"),
    [
        (True, True, False, 0, "done", ""),
        (True, True, True, 2, "done", ""),
        (False, True, False, 0, "booked", ""),
        (False, True, False, 2, "expired", "tries_used"),
        (False, False, False, 2, "booked", ""),  # it never rang
        (False, True, True, 0, "expired", "lead_over"),
    ],
)
def test_what_a_call_makes_of_it(
    reached: bool, counted: bool, over: bool, tries: int, state: str, reason: str
) -> None:
    one = callback(tries=tries)
    after = after_call(one, reached=reached, counted=counted, over=over, at=DUE)
    assert (after.state.value, after.reason) == (state, reason)
    assert after.tries == tries + counted


def test_it_is_moved_to_a_time_to_come_and_only_while_it_waits() -> None:
    moved = moved_to(callback(CallbackState.ESCALATED), DUE + MINUTE, BRUNO, DUE)
    assert (moved.state, moved.due_at) == (CallbackState.BOOKED, DUE + MINUTE)
    with pytest.raises(InvalidInputError, match="due_at"):
        moved_to(callback(), DUE, None, DUE)
    with pytest.raises(ConflictError, match="done"):
        moved_to(callback(CallbackState.DONE), DUE + MINUTE, None, DUE)


def test_a_note_has_an_end() -> None:
    with pytest.raises(InvalidInputError, match="note"):
        Booking(
            kind=CallbackKind.RECALL,
            due_at=DUE,
            agent_id=None,
            grace=None,
            most_tries=3,
            note="x" * (MOST_NOTE + 1),
        )

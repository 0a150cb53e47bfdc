"""Calls taken back before anybody has answered: which, and what they come to. Nobody is rung twice by it."""

import pytest

from dialer.calls import Call, CallState
from dialer.campaign import PacingMode, TakeBack
from dialer.commands import BridgeToAgent, CloseAttempt, Command, HangUp, PlaceCall
from dialer.events import LeadsReserved
from dialer.ids import CallId, TrunkId
from dialer.leads import LeadState, Outcome
from dialer.revoking import GIVEN_BACK_FOR
from dialer.team import Team
from dialer.trunk_board import TELLS_RINGING, TrunkBoard
from tests.support.playbook import (
    SPRING,
    answers,
    asks_break,
    at,
    bridge_fails,
    ends,
    ends_break,
    floor,
    is_abandoned,
    is_lost,
    lead,
    leads,
    of,
    order,
    play,
    rings,
    tick,
    waits,
)

TRUNK = TrunkId("dialer-trunk")
AGENTS = tuple(f"agent-{n}" for n in range(10))


def heard(board: TrunkBoard, *ringing: float | None, trunk: TrunkId = TRUNK) -> None:
    """Answers, each with the second at which its ringing was told."""
    for second in ringing:
        rang = None if second is None else at(second)
        board.answered(Call(order=order(trunk=trunk, at=at(0)), ringing_at=rang))


def dialling(take_back: TakeBack, *, knows_trunk: bool = True) -> Team:
    """Ten agents, and calls in flight for them since the first half second."""
    team = floor(*AGENTS, mode=PacingMode.PREDICTIVE, take_back=take_back, calls_per_second=100.0)
    if knows_trunk:
        heard(team.trunks, *[2.0] * TELLS_RINGING)
    dial(team, leads(0, *(f"lead-{n}" for n in range(40))))
    return team


def dial(team: Team, found: LeadsReserved) -> None:
    placed = play(team, found, *(tick(0.05 * n) for n in range(11)))
    assert len(of(PlaceCall, placed)) >= 10


def leave(team: Team, seconds: float, but: int = 0) -> list[Command]:
    """All agents go on break but so many."""
    gone = (asks_break(name, seconds) for name in AGENTS[but:])
    return play(team, *gone, tick(seconds))


def taken_back(commands: list[Command]) -> set[str]:
    return {command.call_id for command in of(HangUp, commands)}


def in_flight(team: Team) -> set[str]:
    return {call.order.call_id for call in team.calls.values() if call.revoked_at is None}


# --- which ------------------------------------------------------------------------------------------------------------


def test_when_the_agents_leave_calls_that_do_not_ring_yet_are_taken_back() -> None:
    team = dialling(TakeBack.SILENT)
    play(team, rings("call-1", 1), rings("call-2", 1))
    before = in_flight(team)
    assert taken_back(leave(team, 1.5)) == before - {"call-1", "call-2"}
    assert in_flight(team) == {"call-1", "call-2"}
    assert taken_back(play(team, tick(2))) == set()


def test_while_some_stay_as_many_are_taken_back_as_the_risk_asks_for_the_newest_first() -> None:
    team = dialling(TakeBack.SILENT)
    gone = taken_back(leave(team, 1.5, but=2))
    assert gone
    assert len(in_flight(team)) >= 2  # one for each agent who is free
    assert of(PlaceCall, play(team, tick(1.6))) == []
    assert min(team.calls[CallId(call)].order.at for call in gone) >= max(
        team.calls[CallId(call)].order.at for call in in_flight(team)
    )


def test_nothing_is_taken_back_where_the_campaign_has_not_said_so() -> None:
    assert taken_back(leave(dialling(TakeBack.NEVER), 1.5)) == set()


def test_nothing_is_taken_back_while_there_is_no_need() -> None:
    team = dialling(TakeBack.RUNG)
    assert taken_back(play(team, *(tick(0.25 * n) for n in range(1, 9)))) == set()


def test_silence_says_nothing_on_a_trunk_that_may_not_tell_of_ringing() -> None:
    assert taken_back(leave(dialling(TakeBack.SILENT, knows_trunk=False), 1.5)) == set()


def test_a_call_that_may_not_have_left_yet_is_not_hung_up() -> None:
    team = dialling(TakeBack.SILENT)
    before = {call.order.call_id: call.order.at for call in team.calls.values()}
    gone = taken_back(leave(team, 1.2))
    assert gone == {call for call, placed_at in before.items() if placed_at <= at(0.2)}
    assert gone | taken_back(play(team, tick(1.5))) == set(before)


def test_a_call_that_rings_is_left_to_ring_for_as_long_as_the_law_asks() -> None:
    team = dialling(TakeBack.RUNG)
    play(team, *(rings(call, 2) for call in sorted(in_flight(team))))
    least = max(team.runs[SPRING].profile.min_ring.total_seconds(), 15.0)
    assert taken_back(leave(team, 2 + least - 0.1)) == set()
    assert len(taken_back(play(team, tick(2 + least)))) >= 10


def test_where_only_silent_calls_may_be_taken_back_ringing_ones_never_are() -> None:
    team = dialling(TakeBack.SILENT)
    play(team, *(rings(call, 2) for call in sorted(in_flight(team))))
    assert taken_back(leave(team, 20)) == set()


def test_a_lead_whose_last_call_was_taken_back_is_not_given_up_silently_again() -> None:
    team = floor(
        *AGENTS, mode=PacingMode.PREDICTIVE, take_back=TakeBack.SILENT, calls_per_second=100.0
    )
    heard(team.trunks, *[2.0] * TELLS_RINGING)
    again = tuple(lead(f"lead-{n}", last_outcome=Outcome.CANCELLED) for n in range(40))
    dial(team, LeadsReserved(campaign_id=SPRING, leads=again, next_due_at=None, at=at(0)))
    assert taken_back(leave(team, 1.5)) == set()


def test_a_call_with_an_agent_of_its_own_is_no_risk() -> None:
    team = floor(*AGENTS, mode=PacingMode.ASSURED, take_back=TakeBack.RUNG, calls_per_second=100.0)
    heard(team.trunks, *[2.0] * TELLS_RINGING)
    dial(team, leads(0, *(f"lead-{n}" for n in range(40))))
    assert taken_back(leave(team, 1.5)) == set()


# --- what they come to ------------------------------------------------------------------------------------------------


def revoked_call(*told: object) -> tuple[Team, list[Command]]:
    """call-1 was taken back at second 1.5; what is said to what is told afterwards."""
    team = dialling(TakeBack.SILENT)
    assert "call-1" in taken_back(leave(team, 1.5))
    return team, play(team, *told)  # type: ignore[arg-type]


def closed(commands: list[Command]) -> CloseAttempt:
    (close,) = of(CloseAttempt, commands)
    return close


@pytest.mark.parametrize("cause", [0, 16, 19])
def test_a_call_taken_back_in_silence_burns_no_attempt_and_is_due_later(cause: int) -> None:
    team, said = revoked_call(ends("call-1", 1.6, cause=cause))
    close = closed(said)
    assert (close.outcome, close.lead_update.state) == (Outcome.CANCELLED, LeadState.RETRY)
    assert close.lead_update.next_attempt_at == at(1.6) + GIVEN_BACK_FOR
    assert not close.lead_update.counts_as_attempt
    assert not close.lead_update.blames_number
    assert team.runs[SPRING].budget.counts[0].answered == 0
    assert not team.trunks.of(TRUNK).failed


def test_one_that_had_begun_to_ring_was_an_attempt() -> None:
    _, said = revoked_call(rings("call-1", 1.55), ends("call-1", 1.6))
    close = closed(said)
    assert close.outcome is Outcome.NO_ANSWER
    assert close.lead_update.counts_as_attempt


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [(17, Outcome.BUSY), (1, Outcome.INVALID_NUMBER), (34, Outcome.CONGESTION)],
)
def test_the_far_ends_own_word_comes_first(cause: int, outcome: Outcome) -> None:
    _, said = revoked_call(ends("call-1", 1.6, cause=cause))
    assert closed(said).outcome is outcome


def test_one_whose_end_nobody_saw_may_have_rung() -> None:
    _, said = revoked_call(is_lost("call-1", 9))
    assert closed(said).outcome is Outcome.LOST


def test_an_answer_that_was_faster_is_an_answer() -> None:
    """The hang-up came to nothing: the person gets the first agent who is free."""
    team = dialling(TakeBack.SILENT)
    assert "call-1" in taken_back(leave(team, 1.5))
    play(team, ends_break("agent-0", 1.55))
    said = play(team, answers("call-1", 1.6), waits("call-1", 1.7))
    assert [(c.call_id, c.agent_id) for c in of(BridgeToAgent, said)] == [("call-1", "agent-0")]
    assert team.board.waiting == 0


def test_who_answers_and_is_cut_off_was_abandoned_and_counts() -> None:
    team, said = revoked_call(answers("call-1", 1.6), waits("call-1", 1.65), ends("call-1", 1.7))
    assert closed(said).outcome is Outcome.ABANDONED
    counts = team.runs[SPRING].budget.counts[0]
    assert (counts.answered, counts.abandoned) == (1, 1)


def test_who_answers_and_is_told_so_by_the_dialplan_was_abandoned_once() -> None:
    team, said = revoked_call(
        answers("call-1", 1.6),
        waits("call-1", 1.65),
        is_abandoned("call-1", 4),
        ends("call-1", 5),
    )
    assert closed(said).outcome is Outcome.ABANDONED
    assert team.runs[SPRING].budget.counts[0].abandoned == 1


def test_a_bridge_that_finds_the_call_gone_leaves_the_agent_free() -> None:
    team = dialling(TakeBack.SILENT)
    leave(team, 1.5)
    play(team, ends_break("agent-0", 1.55), answers("call-1", 1.6), waits("call-1", 1.7))
    play(team, bridge_fails("call-1", "agent-0", 1.8), ends("call-1", 1.9))
    assert CallId("call-1") not in team.calls
    assert next(a for a in team.agents.values() if a.agent_id == "agent-0").is_free


def test_an_answered_call_cannot_be_taken_back() -> None:
    team = dialling(TakeBack.RUNG)
    play(team, *(answers(call, 1.2) for call in sorted(in_flight(team))))
    assert taken_back(leave(team, 1.5)) == set()
    states = {call.state for call in team.calls.values()}
    assert CallState.DIALING not in states


# --- what a trunk tells -----------------------------------------------------------------------------------------------


def test_a_trunk_tells_of_ringing_once_many_answers_in_a_row_were_told_as_ringing_first() -> None:
    board = TrunkBoard()
    heard(board, *[2.0] * (TELLS_RINGING - 1))
    assert not board.tells_ringing(TRUNK)
    heard(board, 2.0)
    assert board.tells_ringing(TRUNK)
    assert not board.tells_ringing(TrunkId("another"))


def test_one_answer_without_ringing_and_it_begins_again() -> None:
    board = TrunkBoard()
    heard(board, *[2.0] * TELLS_RINGING, None)
    assert not board.tells_ringing(TRUNK)
    heard(board, *[2.0] * TELLS_RINGING)
    assert board.tells_ringing(TRUNK)


def test_a_call_that_was_adopted_teaches_nothing_of_its_trunk() -> None:
    board = TrunkBoard()
    heard(board, *[0.0] * TELLS_RINGING)  # that it rings since it was placed is a guess
    assert not board.tells_ringing(TRUNK)


def test_a_teams_own_answers_teach_it() -> None:
    team = dialling(TakeBack.SILENT, knows_trunk=False)
    play(team, rings("call-1", 1), answers("call-1", 3), answers("call-2", 3))
    assert team.trunks.of(TRUNK).rang_first == 0
    play(team, rings("call-3", 3), answers("call-3", 4))
    assert team.trunks.of(TRUNK).rang_first == 1

"""Which trunk a call takes, and when a trunk is down: the board by itself, in literals."""

from collections import Counter

import pytest

from dialer.events import NotOpened
from dialer.ids import CallId, LeadId, TrunkId
from dialer.trunk_board import NoTrunk, Shortage, TrunkBoard
from dialer.trunks import Trunk
from tests.support.playbook import at

ROME, LONDON, MOBILE = "+390612345678", "+442079460000", "+393331234567"


def trunk(name: str, **changes: object) -> Trunk:
    return Trunk(trunk_id=TrunkId(name), **changes)  # type: ignore[arg-type]


def chosen(
    board: TrunkBoard,
    trunks: list[Trunk],
    phone: str = ROME,
    seconds: float = 0,
    lead: str | None = None,
    node: str | None = None,
    **taken: int,
) -> str:
    """The name of the trunk, or why there is none."""
    found = board.choose(
        trunks,
        phone,
        taken={TrunkId(name): lines for name, lines in taken.items()},
        now=at(seconds),
        lead_id=LeadId(lead) if lead else None,
        node=node,
    )
    return found.reason.value if isinstance(found, NoTrunk) else found.trunk_id


def fails(board: TrunkBoard, name: str, *leads: str, seconds: float = 0) -> None:
    for lead in leads:
        board.fault(TrunkId(name), CallId(f"of-{lead}"), LeadId(lead), at(seconds), at(seconds))


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_the_smaller_priority_goes_first_and_the_next_when_it_is_full() -> None:
    trunks = [trunk("second", priority=2), trunk("first", priority=1, lines=2)]
    board = TrunkBoard()
    assert chosen(board, trunks, first=1) == "first"
    assert chosen(board, trunks, first=2) == "second"


def test_the_longest_prefix_goes_before_the_priority() -> None:
    trunks = [trunk("any", priority=1), trunk("mobile", priority=9, prefixes=("+393",), lines=1)]
    board = TrunkBoard()
    assert chosen(board, trunks, MOBILE) == "mobile"
    assert chosen(board, trunks, ROME) == "any"
    assert chosen(board, trunks, MOBILE, mobile=1) == "any"


def test_equals_share_by_weight_evenly_mixed() -> None:
    trunks = [trunk("a", weight=5), trunk("b", weight=1), trunk("c", weight=1)]
    board = TrunkBoard()
    order = "".join(chosen(board, trunks) for _ in range(14))
    assert order == "aabacaaaabacaa"  # the sequence that the method is known for
    assert Counter(order) == {"a": 10, "b": 2, "c": 2}


def test_a_number_that_no_trunk_serves() -> None:
    assert chosen(TrunkBoard(), [trunk("it", country="IT")], LONDON) == "no_trunk_serves"


def test_a_trunk_that_the_server_does_not_have_is_not_taken() -> None:
    trunks = [trunk("north", nodes=("north",)), trunk("south", nodes=("south",), priority=2)]
    assert chosen(TrunkBoard(), trunks, node="south") == "south"


def test_the_rate_binds_until_its_second_is_over() -> None:
    fast, board = trunk("fast", calls_per_second=2), TrunkBoard()
    for name, seconds in (("one", 0), ("two", 0.4)):
        board.placed(fast, CallId(name), at(seconds))
    assert chosen(board, [fast], seconds=0.9) == "trunk_rate"
    assert chosen(board, [fast], seconds=1.0) == "fast"


def test_a_call_that_is_placed_on_a_late_event_counts_as_of_the_latest() -> None:
    fast, board = trunk("fast", calls_per_second=2), TrunkBoard()
    board.placed(fast, CallId("one"), at(10))
    board.placed(fast, CallId("two"), at(5))  # the event that brought it was told late
    assert chosen(board, [fast], seconds=10.5) == "trunk_rate"


def test_what_others_fill_is_left_alone_for_a_moment() -> None:
    shared, board = trunk("shared"), TrunkBoard()
    assert board.refused(shared.trunk_id, NotOpened.TRUNK_LINES, at(0))
    assert chosen(board, [shared], seconds=0.9) == "trunks_full"
    assert chosen(board, [shared], seconds=1) == "shared"
    assert not board.refused(shared.trunk_id, NotOpened.ALREADY_OPEN, at(2))
    assert chosen(board, [shared], seconds=2) == "shared"


@pytest.mark.parametrize(
    ("taken", "calls", "shortage"),
    [
        ({}, 5, Shortage.TRUNK_RATE),  # 2 of the rate + 3 lines
        ({"few": 3}, 2, Shortage.TRUNK_RATE),
        ({"few": 3, "slow": 60}, 0, Shortage.TRUNKS_FULL),
    ],
)
def test_the_room_of_several_trunks(taken: dict[str, int], calls: int, shortage: Shortage) -> None:
    trunks = [trunk("few", lines=3), trunk("slow", calls_per_second=2, lines=60)]
    room = TrunkBoard().room(trunks, {TrunkId(k): v for k, v in taken.items()}, at(0))
    assert (room.calls, room.shortage) == (calls, shortage)


# --- health -----------------------------------------------------------------------------------------------------------


def test_three_faults_in_a_row_take_a_trunk_down_and_calls_go_by_the_next() -> None:
    trunks, board = [trunk("first"), trunk("second", priority=2)], TrunkBoard()
    fails(board, "first", "rossi", "verdi")
    assert chosen(board, trunks) == "first"
    fails(board, "first", "bianchi")
    assert chosen(board, trunks) == "second"
    assert chosen(board, trunks[:1]) == "trunks_down"


def test_a_sign_of_life_between_faults_starts_the_count_again() -> None:
    board = TrunkBoard()
    fails(board, "only", "rossi", "verdi")
    board.alive(TrunkId("only"), at(0), at(1))
    fails(board, "only", "bianchi", "neri")
    assert chosen(board, [trunk("only")]) == "only"


def test_one_number_that_always_fails_does_not_take_a_trunk_down() -> None:
    board = TrunkBoard()
    fails(board, "only", *["rossi"] * 20)
    assert chosen(board, [trunk("only")]) == "only"


def test_a_trunk_that_is_down_carries_one_probe_at_a_time_ever_more_seldom() -> None:
    only, board = trunk("only"), TrunkBoard()
    fails(board, "only", "rossi", "verdi", "bianchi")
    seconds, rests = 0.0, []
    for number in range(9):
        down = seconds
        while chosen(board, [only], seconds=seconds) == "trunks_down":
            seconds += 0.5
        rests.append(seconds - down)
        board.placed(only, CallId(f"of-probe{number}"), at(seconds))
        assert chosen(board, [only], seconds=seconds + 100) == "trunks_down"  # one at a time
        fails(board, "only", f"probe{number}", seconds=seconds)
    assert rests == [1, 2, 4, 8, 15, 15, 15, 15, 15]


def test_a_probe_that_rings_brings_the_trunk_back() -> None:
    only, board = trunk("only"), TrunkBoard()
    fails(board, "only", "rossi", "verdi", "bianchi")
    board.placed(only, CallId("probe"), at(1))
    board.alive(only.trunk_id, at(1), at(3))
    assert chosen(board, [only], seconds=3) == "only"


def test_a_call_from_before_the_trunk_went_down_does_not_bring_it_up() -> None:
    board = TrunkBoard()
    fails(board, "only", "rossi", "verdi", "bianchi", seconds=10)
    board.alive(TrunkId("only"), at(9), at(10.5))
    assert chosen(board, [trunk("only")], seconds=10.5) == "trunks_down"


def test_calls_from_before_the_trunk_came_up_do_not_take_it_down() -> None:
    """No reply is known only at the ring time-out, when the trunk may have been back for long."""
    only, board = trunk("only"), TrunkBoard()
    fails(board, "only", "rossi", "verdi", "bianchi", seconds=10)
    board.placed(only, CallId("probe"), at(11))
    board.alive(only.trunk_id, at(11), at(12))
    for name in ("neri", "gialli", "viola", "rosa"):
        board.fault(only.trunk_id, CallId(name), LeadId(name), at(9), at(34))
    assert chosen(board, [only], seconds=34) == "only"


def test_a_probe_whose_end_nobody_saw_makes_room_for_another() -> None:
    only, board = trunk("only"), TrunkBoard()
    fails(board, "only", "rossi", "verdi", "bianchi")
    board.placed(only, CallId("probe"), at(1))
    board.not_placed(only.trunk_id, CallId("probe"))
    assert chosen(board, [only], seconds=1) == "only"


# --- what a lead has met ----------------------------------------------------------------------------------------------


def test_a_lead_is_kept_from_the_trunk_that_failed_it() -> None:
    trunks, board = [trunk("first"), trunk("second", priority=2)], TrunkBoard()
    fails(board, "first", "rossi")
    assert chosen(board, trunks, lead="rossi") == "second"
    assert chosen(board, trunks, lead="verdi") == "first"
    assert chosen(board, trunks, lead="rossi", seconds=600) == "first"


def test_there_is_another_way_as_long_as_a_trunk_has_not_failed_the_lead_and_is_up() -> None:
    trunks, board = [trunk("first"), trunk("second"), trunk("uk", country="GB")], TrunkBoard()
    lead = LeadId("rossi")
    fails(board, "first", "rossi")
    assert board.other_way(trunks, ROME, lead, at(0))
    fails(board, "second", "rossi")
    assert not board.other_way(trunks, ROME, lead, at(0))
    board.forget(lead)
    assert board.other_way(trunks, ROME, lead, at(0))


def test_a_fault_is_the_numbers_own_where_the_trunk_carries_others() -> None:
    board = TrunkBoard()
    fails(board, "only", "rossi")
    assert not board.works(TrunkId("only"))  # nothing has told that it does
    board.alive(TrunkId("only"), at(0), at(1))
    fails(board, "only", "rossi", seconds=2)
    assert board.works(TrunkId("only"))
    fails(board, "only", "verdi", seconds=2)
    assert not board.works(TrunkId("only"))

"""The pacing log: every value comes back as it was, and whatever is not as it was written is noticed."""

import inspect
import math
import re
import struct
from dataclasses import fields, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing import Binding, PacingDecision, PacingSnapshot
from dialer.pacing_bits import GarbledLogError, Packer, Unpacker
from dialer.pacing_board import Duty, PacingBoard, Stage
from dialer.pacing_frames import MARK, DamagedLogError, FrameReader, FrameWriter
from dialer.pacing_log import TOLD, Begun, Decided, LogReader, LogWriter, Told
from dialer.pacing_question import PacingQuestion
from dialer.pacing_recorder import RecordedBoard
from dialer.pacing_replay import replay, values_of
from tests.support.board_story import BoardStory
from tests.support.pacing_logs import HEADER, Recording

ASKED = {"snapshot", "decide", "hope", "knows", "waiting", "in_flight", "answers_of", "at_work"}
ASKED |= {"free_less_calls", "segment_odds", "answer_ratio"}


def a_log(steps: int = 40, seed: int = 5) -> bytes:
    board = RecordedBoard()
    story, recording = BoardStory(board, Random(seed), agents=4), Recording(board)
    for _ in range(4):
        story.go_on(steps // 4)
        recording.flush()
    assert len(story.decisions) > 5
    return bytes(recording.logs[0])


# --- values -----------------------------------------------------------------------------------------------------------


@given(values=st.lists(st.integers(-(2**70), 2**70)))
def test_whole_numbers_come_back(values: list[int]) -> None:
    packer, unpacker = Packer(), Unpacker()
    for value in values:
        packer.signed(value)
    unpacker.load(bytes(packer.out))
    assert [unpacker.signed() for _ in values] == values
    assert unpacker.at_end


@given(
    values=st.lists(
        st.floats(-1e10, 1e10)
        | st.integers(-(10**16), 10**16).map(lambda micros: micros / 1e6)
        | st.just(-0.0)
    )
)
def test_instants_come_back_bit_for_bit(values: list[float]) -> None:
    packer, unpacker = Packer(), Unpacker()
    for value in values:
        packer.instant(value)
    unpacker.load(bytes(packer.out))
    again = [unpacker.instant() for _ in values]
    assert struct.pack(f"{len(again)}d", *again) == struct.pack(f"{len(values)}d", *values)


def test_an_instant_a_moment_later_takes_few_bytes() -> None:
    packer = Packer()
    packer.instant(1_795_507_200.123456)
    packer.out.clear()
    packer.instant(1_795_507_200.373461)
    assert len(packer.out) <= 3


@given(
    story=st.lists(
        st.tuples(st.booleans(), st.sampled_from(["", "anna", "bruno", "caffè", "call-1"]))
    )
)
def test_names_come_back_also_where_some_are_forgotten(story: list[tuple[bool, str]]) -> None:
    packer, unpacker = Packer(), Unpacker()
    for forget, name in story:
        packer.name(name)
        if forget:
            packer.names.forget(name)
    unpacker.load(bytes(packer.out))
    for forget, name in story:
        assert unpacker.name() == name
        if forget:
            unpacker.names.forget(name)


# --- records ----------------------------------------------------------------------------------------------------------


def test_everything_that_a_board_can_be_told_is_recorded() -> None:
    public = {
        name
        for name, each in vars(PacingBoard).items()
        if not name.startswith("_") and (callable(each) or isinstance(each, property))
    }
    assert public == set(TOLD) | ASKED
    for name in TOLD:
        assert vars(RecordedBoard)[name] is not vars(PacingBoard)[name]
        parameters = list(inspect.signature(vars(PacingBoard)[name]).parameters)
        assert ["self", *TOLD[name]] == parameters, name


def test_a_question_asks_all_that_a_decision_reads_and_no_board_knows() -> None:
    ours = {"campaign", "node", "at", "policy", "doomed"}
    of_the_board = {"idle", "waiting", "reserved", "busy", "in_flight", "answers", "own_waiting"}
    asked = {field.name for field in fields(PacingQuestion)}
    of_the_asker = {"explained"}  # whether the decision comes with its reasons; it stays the same
    read = {field.name for field in fields(PacingSnapshot)}
    assert asked - ours == read - of_the_board - of_the_asker


def test_every_value_of_a_decision_is_compared() -> None:
    decision = PacingDecision(calls_to_place=0, limited_by=Binding.RISK)
    compared = {name.partition(".")[0] for name in values_of(decision)}
    follows = {"facts"}
    assert compared | follows == {field.name for field in fields(PacingDecision)}


def test_records_come_back_in_their_order_with_their_values() -> None:
    board = RecordedBoard()
    board.record(HEADER)
    board.campaign("spring", screened=True, grace=1.5, wrap_limit=None)
    board.placed("call-1", "spring", "pbx", 1000.25, 1.5, "first")
    board.moved("call-1", Stage.RINGING, 1001.0, person=False)
    board.moved("call-1", Stage.SCREENING, 1002.0, person=False)
    board.agent("anna", "pbx", Duty.IDLE, 1003.0, staffed=True, campaign="")
    board.moved("call-1", None, 1004.0, person=True)
    board.moved("call-1", None, 1005.0, person=True)
    reader = LogReader()
    begun, *told = reader.records(board.take())
    assert isinstance(begun, Begun)
    assert begun.header == HEADER
    assert told == [
        Told(
            "campaign", {"campaign": "spring", "screened": True, "grace": 1.5, "wrap_limit": None}
        ),
        Told(
            "placed",
            {
                "call": "call-1",
                "campaign": "spring",
                "node": "pbx",
                "at": 1000.25,
                "odds": 1.5,
                "segment": "first",
            },
        ),
        Told("moved", {"call": "call-1", "stage": Stage.SCREENING, "at": 1002.0, "person": False}),
        Told(
            "agent",
            {
                "agent": "anna",
                "node": "pbx",
                "duty": Duty.IDLE,
                "since": 1003.0,
                "staffed": True,
                "campaign": "",
            },
        ),
        Told("moved", {"call": "call-1", "stage": None, "at": 1004.0, "person": True}),
    ]


def test_questions_and_decisions_come_back_as_they_were() -> None:
    board = RecordedBoard()
    asked: list[Decided] = []

    class Noting(LogWriter):
        def decided(self, question: PacingQuestion, decision: PacingDecision) -> None:
            asked.append(Decided(question, decision))
            super().decided(question, decision)

    story = BoardStory(board, Random(3), agents=4)
    board._writer = Noting(HEADER, board)
    story.go_on(200)
    found = [r for r in LogReader().records(board.take()) if isinstance(r, Decided)]
    assert len(found) > 40
    assert [each.asked for each in found] == [each.asked for each in asked]
    told = [repr(replace(each.decision, facts=None)) for each in asked]
    assert [repr(each.decision) for each in found] == told


def test_the_names_of_calls_that_are_over_are_forgotten() -> None:
    board = RecordedBoard()
    story = BoardStory(board, Random(8), agents=3)
    board.record(HEADER)
    story.go_on(1000)
    assert board._writer is not None
    assert story.placed > 150
    live = len(story.calls)
    assert len(board._writer._packer.names.places) < live + 50


def test_a_value_that_cannot_be_written_ends_the_record_and_not_the_board() -> None:
    board = RecordedBoard()
    board.record(HEADER)
    board.campaign("spring", screened=False, grace=2.0, wrap_limit=15.0)
    board.placed("call-1", "spring", "pbx", math.nan)
    assert board.knows("call-1")
    assert isinstance(board.fault, ValueError)
    assert not board.recorded
    assert board.take() == b""
    board.placed("call-2", "spring", "pbx", 1000.0)
    assert board.in_flight("spring") == 2


def test_a_record_that_nobody_takes_ends_before_it_fills_the_memory() -> None:
    board = RecordedBoard(most_waiting=20_000)
    story = BoardStory(board, Random(2), agents=3)
    board.record(HEADER)
    story.go_on(1000)
    assert not board.recorded
    assert "too long" in str(board.fault)


def test_no_number_of_a_lead_and_no_lead_is_in_a_log() -> None:
    fields = {name for arguments in TOLD.values() for name in arguments}
    assert not [name for name in fields if re.search("phone|lead|number|caller", name)]


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_a_log_of_another_layout_is_refused() -> None:
    board = PacingBoard()
    block = LogWriter(HEADER, board).take()
    with pytest.raises(GarbledLogError):
        list(LogReader().records(block.replace(b"_floors", b"_rooms_")))


def test_every_flipped_bit_is_found() -> None:
    content, random = a_log(), Random(1)
    whole = replay(content)
    assert whole.exit_code == 0
    for place in {*range(40), *random.sample(range(len(content)), 60), len(content) - 1}:
        flipped = bytearray(content)
        flipped[place] ^= 1 << random.randrange(8)
        found = replay(bytes(flipped))
        assert found.exit_code == 2, place
        assert found.decisions <= whole.decisions


def test_a_log_cut_anywhere_is_played_up_to_there() -> None:
    content = a_log()
    whole, random = replay(content), Random(2)
    seen = set()
    for place in {*range(len(MARK)), *random.sample(range(len(content)), 40)}:
        found = replay(content[:place])
        assert found.difference is None
        assert found.damaged_at is None
        assert found.exit_code == 0
        seen.add(found.decisions)
    assert len(seen) > 1
    assert max(seen) <= whole.decisions


class Lying(LogWriter):
    """Writes another risk, by the last bit, for the tenth decision."""

    decisions = 0

    def decided(self, asked: PacingQuestion, decision: PacingDecision) -> None:
        self.decisions += 1
        if self.decisions == 10:
            decision = replace(decision, risk=math.nextafter(decision.risk, 1.0))
        super().decided(asked, decision)


def test_one_other_bit_in_a_decision_is_a_difference_named_with_both_values() -> None:
    board = RecordedBoard()
    board._writer = Lying(HEADER, board)
    story = BoardStory(board, Random(4), agents=4)
    story.go_on(100)
    found = replay(MARK + FrameWriter().frame(board.take()))
    assert found.exit_code == 1
    assert found.decisions == 9
    risk = story.decisions[9].risk
    assert found.difference is not None
    assert found.difference.field == "risk"
    assert (found.difference.logged, found.difference.replayed) == (math.nextafter(risk, 1.0), risk)


@pytest.mark.parametrize("content", [b"SQLite format 3\0", MARK.replace(b"2", b"1")])
def test_what_is_no_log_is_not_readable(content: bytes) -> None:
    found = replay(content)
    assert found.header is None
    assert found.exit_code == 2


def test_frames_come_back_and_a_wrong_head_is_no_cut() -> None:
    writer = FrameWriter()
    content = MARK + writer.frame(b"abc" * 100) + writer.frame(b"") + writer.frame(b"d")
    assert list(FrameReader(content)) == [b"abc" * 100, b"", b"d"]
    longer = bytearray(content)
    longer[len(MARK)] ^= 0x80
    with pytest.raises(DamagedLogError):
        list(FrameReader(bytes(longer)))

"""Whatever a board is told, its log played again comes to the same decisions, bit for bit; and recording changes none of them."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.pacing_board import PacingBoard
from dialer.pacing_recorder import RecordedBoard
from tests.support.board_story import BoardStory
from tests.support.pacing_logs import Recording

seeds = st.integers(0, 2**32)


@given(seed=seeds, agents=st.sampled_from((1, 4, 30)), turns=st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_a_story_played_again_decides_the_same(seed: int, agents: int, turns: int) -> None:
    board = RecordedBoard()
    story, recording = BoardStory(board, Random(seed), agents), Recording(board)
    for _ in range(turns):
        story.go_on(60)
        recording.turn()
    story.go_on(120)
    assert recording.decisions_that_agree() == len(story.decisions)


@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_a_restart_is_played_again_too(seed: int) -> None:
    first = RecordedBoard()
    story, before = BoardStory(first, Random(seed), agents=5), Recording(first)
    story.go_on(100)
    then = len(story.decisions)
    second = RecordedBoard()
    after = Recording(second)
    story.restart(second)
    story.go_on(100)
    assert before.decisions_that_agree() == then
    assert after.decisions_that_agree() == len(story.decisions) - then


@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_a_recorded_board_decides_as_any_other(seed: int) -> None:
    plain, recorded = BoardStory(PacingBoard(), Random(seed), 6), RecordedBoard()
    recording = Recording(recorded)
    seen = BoardStory(recorded, Random(seed), 6)
    for story in (plain, seen):
        story.go_on(150)
    assert [repr(each) for each in seen.decisions] == [repr(each) for each in plain.decisions]
    assert recording.decisions_that_agree() == len(seen.decisions)

"""The guard counts by class, and corrects itself when a late fact comes."""

from datetime import timedelta
from fractions import Fraction

import pytest

from dialer.budget import Budget
from dialer.commands import CloseAttempt
from dialer.events import DispositionChosen, Screening, WindowCount
from dialer.ids import AgentId, CallId
from dialer.leads import Outcome
from dialer.profiles import WindowType
from dialer.team import Team
from tests.support.playbook import (
    ITALY,
    SPRING,
    START,
    answers,
    at,
    bridged,
    ends,
    floor,
    is_lost,
    leads,
    of,
    play,
    screened,
    waits,
)

ONE = CallId("call-1")


def counts(team: Team) -> WindowCount:
    first, second = team.runs[SPRING].budget.counts
    assert first == second
    return first


def talked(seconds: float) -> Team:
    team = floor("anna", screen=True)
    play(team, leads(1, "rossi"), answers(ONE, 4), screened(ONE, Screening.HUMAN, 4.5))
    play(team, waits(ONE, 4.6), bridged(ONE, "anna", 4 + seconds))
    return team


def label(word: str, seconds: float) -> DispositionChosen:
    return DispositionChosen(
        agent_id=AgentId("anna"), call_id=ONE, disposition=word, at=at(seconds)
    )


def test_an_agent_who_came_too_late_was_none_for_the_law() -> None:
    assert counts(talked(2.9)) == WindowCount(answered=1, abandoned=0)
    assert counts(talked(3.1)) == WindowCount(answered=1, abandoned=1)


def test_a_talk_is_counted_once() -> None:
    team = talked(1)
    play(team, ends(ONE, 60))
    assert counts(team) == WindowCount(answered=1)


@pytest.mark.parametrize("ended", [False, True])
def test_an_agents_word_that_it_was_a_machine_takes_it_out_again(ended: bool) -> None:
    team = talked(3.1)
    if ended:
        play(team, ends(ONE, 60))
    play(team, label("machine", 200))
    assert counts(team) == WindowCount()
    play(team, label("machine", 201))  # said twice
    assert counts(team) == WindowCount()


def test_another_word_changes_nothing() -> None:
    team = talked(1)
    play(team, label("sale", 200))
    assert counts(team) == WindowCount(answered=1)


def test_a_call_whose_end_nobody_saw_was_dropped_in_silence_as_far_as_anybody_knows() -> None:
    team = floor("anna", screen=True)
    play(team, leads(1, "rossi"), answers(ONE, 4), screened(ONE, Screening.HUMAN, 4.5))
    ended = play(team, is_lost(ONE, 60))
    assert [close.outcome for close in of(CloseAttempt, ended)] == [Outcome.LOST]
    assert [close.lead_update.abandoned_at for close in of(CloseAttempt, ended)] == [at(60)]
    assert counts(team) == WindowCount(answered=1, abandoned=1)


def test_people_among_the_machines_are_in_both_numbers_rounded_up() -> None:
    made = Budget(profile=ITALY, machine_error=Fraction(3, 100))
    made.load((WindowCount(answered=97, machines=100), WindowCount(answered=97)), START)
    assert [(w.answered, w.abandoned) for w in made.windows(START)] == [(100, 3), (97, 0)]
    assert not made.over_limit
    made.machine(START)
    assert made.windows(START)[0].abandoned == 4  # 3.03 people
    assert made.over_limit
    assert made.nearest()[0] == WindowCount(answered=101, abandoned=4)


def test_a_late_word_on_a_call_of_yesterday_leaves_today_alone() -> None:
    made = Budget(profile=ITALY)
    made.load((WindowCount(answered=10), WindowCount(answered=10)), START)
    made.taken_back(False, START - timedelta(days=1), START)
    by_type = dict(zip((w.type for w in ITALY.windows), made.counts, strict=True))
    assert by_type[WindowType.CAMPAIGN_TOTAL].answered == 9
    assert by_type[WindowType.CALENDAR_DAY].answered == 10

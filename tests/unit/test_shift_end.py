"""An agent whose shift ends is not counted upon any more."""

from datetime import timedelta

from dialer.agents import STOPS_WITHIN
from dialer.campaign import PacingMode
from dialer.commands import BridgeToAgent, CancelTimer, PlaceCall, StartTimer
from dialer.events import ClockStepped
from dialer.team import Team
from tests.support.playbook import (
    SPRING,
    agent,
    answers,
    at,
    bridged,
    dialled,
    ends,
    floor,
    leads,
    logs_in,
    of,
    phone_drops,
    play,
    stops_at,
    talk_ends,
    tick,
    timer,
    waits,
)

STOPS = 100 - STOPS_WITHIN.total_seconds()


def stopping(*, mode: PacingMode = PacingMode.PROGRESSIVE) -> Team:
    """Anna stops at second 100; there is nobody else."""
    team = floor("anna", mode=mode)
    said = play(team, stops_at("anna", 1, 100))
    assert said == [StartTimer(key="stops:anna", due_at=at(STOPS))]
    return team


def test_until_shortly_before_the_end_calls_are_placed() -> None:
    assert dialled(play(stopping(), leads(STOPS - 1, "rossi"))) == ["rossi"]


def test_then_nothing_is_dialled_for_the_agent() -> None:
    for mode in (PacingMode.PROGRESSIVE, PacingMode.PREDICTIVE, PacingMode.ASSURED):
        team = stopping(mode=mode)
        play(team, timer("stops:anna", STOPS))
        assert of(PlaceCall, play(team, leads(STOPS + 1, "rossi"), tick(STOPS + 2))) == []
        assert agent(team, "anna").is_free


def test_a_call_that_is_on_its_way_still_gets_the_agent() -> None:
    team = stopping()
    play(team, leads(STOPS - 1, "rossi"), timer("stops:anna", STOPS))
    said = play(team, answers("call-1", STOPS + 3), waits("call-1", STOPS + 3.1))
    assert [one.agent_id for one in of(BridgeToAgent, said)] == ["anna"]


def test_who_still_talks_at_the_end_is_no_agent_to_come() -> None:
    team = stopping()
    play(team, leads(STOPS - 9, "rossi"), answers("call-1", STOPS - 5), waits("call-1", STOPS - 5))
    play(team, bridged("call-1", "anna", STOPS - 4))
    busy = team.board.snapshot(SPRING, "asterisk", at(STOPS - 1).timestamp()).busy
    assert sum(len(group) for group in busy) == 1
    play(team, timer("stops:anna", STOPS))
    assert team.board.snapshot(SPRING, "asterisk", at(STOPS).timestamp()).busy == ()
    said = play(team, talk_ends("call-1", STOPS + 5), ends("call-1", STOPS + 5))
    assert of(PlaceCall, said) == []


def test_who_stays_longer_is_counted_on_again() -> None:
    team = stopping()
    play(team, timer("stops:anna", STOPS), leads(STOPS + 1, "rossi", "verdi"))
    said = play(team, stops_at("anna", STOPS + 2, 5000), tick(STOPS + 2.5))
    assert dialled(said) == ["rossi"]
    said = play(team, stops_at("anna", STOPS + 3, None))
    assert said == [CancelTimer(key="stops:anna")]
    assert agent(team, "anna").is_counted_on(at(9000))


def test_a_phone_that_drops_forgets_nothing_and_the_next_day_begins_anew() -> None:
    team = stopping()
    play(team, phone_drops("anna", 10), logs_in("anna", 12, leg=2))
    assert agent(team, "anna").shift_ends_at == at(100)
    play(team, phone_drops("anna", 101, leg=2), logs_in("anna", 80_000, leg=3))
    assert agent(team, "anna").shift_ends_at is None


def test_the_end_of_a_shift_is_by_the_clock_that_was_set() -> None:
    team = stopping()
    play(team, ClockStepped(by=timedelta(seconds=-50), at=at(STOPS - 50)))
    assert agent(team, "anna").shift_ends_at == at(100)
    early = play(team, timer("stops:anna", STOPS - 50))
    assert early == [StartTimer(key="stops:anna", due_at=at(STOPS))]
    assert dialled(play(team, leads(STOPS - 49, "rossi"))) == ["rossi"]

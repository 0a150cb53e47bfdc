"""What the world can be beside plain: kinds of numbers and talks, breaks, carriers with limits and outages, a bad wire.

Shares are compared with the scenario's by normal intervals of level 99.9 % (a right world fails one in a thousand choices of
seed; seeds are fixed). Shifts are the production Team in virtual time.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from random import Random
from statistics import mean

import pytest

from dialer.calls import Outcome
from dialer.campaign import PacingMode
from dialer.errors import InvalidInputError
from dialer.events import CallEnded, CallEvent, CallRinging, Event
from dialer.simulator.distributions import Constant, LogNormal, Mixture, Uniform
from dialer.simulator.people import Behaviour, Population, break_after, segment_of
from dialer.simulator.scenario import (
    ITALY,
    LOSSLESS,
    CarrierTerms,
    Scenario,
    Segment,
    Shares,
    Wire,
)
from dialer.simulator.virtual import VirtualExchange
from tests.support import shift
from tests.support.orders import call_of
from tests.support.shift import START as SHIFT_START
from tests.support.shift import Shift

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Z_999 = 3.291
FORGOTTEN_AFTER = timedelta(minutes=5)


def close_to(share: float, total: int) -> object:
    return pytest.approx(share, abs=Z_999 * sqrt(share * (1 - share) / total))


# --- people -----------------------------------------------------------------------------------------------------------

OFFICES = Segment(
    name="offices",
    share=0.3,
    shares=Shares(person=0.7, machine=0.0, invalid=0.0),
    ring=Constant(4.0),
    talk=Constant(33.0),
)


def test_a_segment_has_its_share_of_the_list_and_ways_of_its_own() -> None:
    scenario = replace(ITALY, segments=(OFFICES,))
    people, total = Population(scenario, seed=1), 8000
    numbers = [str(number) for number in range(total)]
    offices = [each for each in numbers if segment_of(scenario, 1, each) is OFFICES]
    assert len(offices) / total == close_to(0.3, total)
    met = [people.meet(each, 1, 0.0) for each in offices]
    persons = [each for each in met if each.behaviour is Behaviour.PERSON]
    assert len(persons) / len(offices) == close_to(0.7, len(offices))
    assert {(each.ring, each.talk) for each in persons} == {(4.0, 33.0)}


def test_the_rest_of_the_list_is_as_if_there_were_no_segments() -> None:
    scenario = replace(ITALY, segments=(OFFICES,))
    mixed, plain = Population(scenario, 1), Population(ITALY, 1)
    numbers = [str(number) for number in range(300)]
    rest = [each for each in numbers if segment_of(scenario, 1, each) is None]
    assert [mixed.meet(each, 1, 0.0) for each in rest] == [
        plain.meet(each, 1, 0.0) for each in rest
    ]


def test_a_number_is_of_one_segment_at_every_attempt_and_of_another_seed_maybe_not() -> None:
    scenario = replace(ITALY, segments=(OFFICES,))
    one = [segment_of(scenario, 1, str(number)) for number in range(200)]
    assert one == [segment_of(scenario, 1, str(number)) for number in range(200)]
    assert one != [segment_of(scenario, 2, str(number)) for number in range(200)]


def test_a_mixture_of_short_and_long_talks_has_two_humps() -> None:
    talk = Mixture(((0.6, LogNormal(20.0, 0.3)), (0.4, LogNormal(300.0, 0.3))))
    random = Random(1)
    drawn = [talk.draw(random) for _ in range(5000)]
    assert sum(each < 80 for each in drawn) / 5000 == close_to(0.6, 5000)
    assert not any(80 < each < 85 for each in drawn[:500])
    assert mean(drawn) == pytest.approx(0.6 * 20 + 0.4 * 300, rel=0.06)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Mixture(((0.6, Constant(1.0)),)),
        lambda: Mixture(()),
        lambda: Segment(name="x", share=1.5),
        lambda: replace(ITALY, segments=(OFFICES, replace(OFFICES, share=0.8))),
        lambda: replace(ITALY, break_share=2.0),
        lambda: CarrierTerms(name="t", lines=0),
        lambda: CarrierTerms(name="t", outages=((5.0, 5.0),)),
        lambda: replace(ITALY, carriers=(CarrierTerms(name="t"), CarrierTerms(name="t"))),
        lambda: Wire(lost_ends=-0.1),
    ],
)
def test_a_world_that_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInputError):
        wrong()  # type: ignore[operator]


# --- carriers ---------------------------------------------------------------------------------------------------------

RINGING = replace(LOSSLESS, agents=0, ring=Constant(20.0), post_dial=Constant(1.0))


def dialled(scenario: Scenario, instants: list[float], *, trunk: str = "t") -> list[Event]:
    """What half a minute tells of calls placed at these seconds."""
    exchange, history = VirtualExchange(scenario, seed=1, start=START), list[Event]()
    for number, second in enumerate(instants):
        history += exchange.advance_to(START + timedelta(seconds=second))
        exchange.place(call_of(number, exchange.now, trunk=trunk))
    return history + exchange.advance_to(START + timedelta(seconds=18))


def refused(history: list[Event], cause: int) -> list[str]:
    return [
        str(event.call_id)
        for event in history
        if isinstance(event, CallEnded) and event.cause == cause
    ]


def test_a_carrier_refuses_what_is_beyond_its_lines() -> None:
    scenario = replace(RINGING, carriers=(CarrierTerms(name="t", lines=2),))
    assert refused(dialled(scenario, [0.0, 0.1, 0.2]), 34) == ["call-2"]
    assert not refused(dialled(scenario, [0.0, 0.1, 0.2], trunk="u"), 34)


def test_a_carrier_refuses_what_is_beyond_its_calls_per_second_whenever_the_second_begins() -> None:
    scenario = replace(RINGING, carriers=(CarrierTerms(name="t", calls_per_second=2),))
    assert refused(dialled(scenario, [0.0, 0.8, 0.9, 1.5, 1.7]), 34) == ["call-2", "call-4"]


def test_a_carrier_has_its_own_post_dial_time() -> None:
    scenario = replace(RINGING, carriers=(CarrierTerms(name="t", post_dial=Constant(6.5)),))
    rings = [event.at for event in dialled(scenario, [0.0]) if isinstance(event, CallRinging)]
    assert rings == [START + timedelta(seconds=6.5)]


def test_a_trunk_that_is_out_refuses_new_calls_and_keeps_old_ones_and_recovers() -> None:
    scenario = replace(RINGING, carriers=(CarrierTerms(name="t", outages=((1.0, 3.0),)),))
    history = dialled(scenario, [0.0, 1.0, 2.9, 3.0])
    assert refused(history, 38) == ["call-1", "call-2"]
    rang = [event.call_id for event in history if isinstance(event, CallRinging)]
    assert rang == ["call-0", "call-3"]


def test_dialling_goes_on_after_an_outage_and_hardly_dials_in_it() -> None:
    out = replace(ITALY, carriers=(CarrierTerms(name="dialer-trunk", outages=((300.0, 600.0),)),))
    run = Shift(PacingMode.PREDICTIVE, agents=10, seed=1, scenario=out)
    dials = []
    for minutes in (5, 10, 15):
        run.until(SHIFT_START + timedelta(minutes=minutes))
        dials.append(run.dialled)
    before, within, after = dials[0], dials[1] - dials[0], dials[2] - dials[1]
    assert within < 0.5 * before
    assert after > 0.7 * before
    assert run.campaign.outcomes[Outcome.CONGESTION] >= 3


# --- agents -----------------------------------------------------------------------------------------------------------


def test_agents_take_breaks_after_the_share_of_talks_and_come_back() -> None:
    resting = replace(ITALY, break_share=0.2, break_seconds=Constant(120.0))
    plain = shift.run(PacingMode.PROGRESSIVE, agents=10, seed=2, hours=0.5, disposes=True)
    breaks = shift.run(
        PacingMode.PROGRESSIVE, agents=10, seed=2, hours=0.5, scenario=resting, disposes=True
    )
    drawn = [break_after(resting, 2, "1001", count) for count in range(1, 2001)]
    assert sum(each is not None for each in drawn) / 2000 == close_to(0.2, 2000)
    # a cycle of about 150 s gains 0.2 x 120 s
    assert 0.75 < breaks.talk_share / plain.talk_share < 0.95
    assert breaks.occupancy == pytest.approx(plain.occupancy, abs=0.06)


# --- the wire ---------------------------------------------------------------------------------------------------------

LATE = Wire(delay=Uniform(0.1, 0.5))


def test_late_events_tell_the_same_in_the_same_order_with_the_stamps_of_what_happened() -> None:
    at_once = dialled(replace(ITALY, agents=3), [0.5 * n for n in range(30)])
    late = dialled(replace(ITALY, agents=3, wire=LATE), [0.5 * n for n in range(30)])
    assert late == at_once[: len(late)]
    assert len(late) > 0.8 * len(at_once)


def test_a_call_whose_end_is_lost_is_not_among_the_channels() -> None:
    deaf = replace(ITALY, agents=0, wire=Wire(lost_ends=1.0))
    exchange = VirtualExchange(deaf, seed=1, start=START)
    for number in range(20):
        exchange.place(call_of(number, START))
    history = exchange.advance_to(START + timedelta(minutes=10))
    assert any(isinstance(event, CallEvent) for event in history)
    assert not any(isinstance(event, CallEnded) for event in history)
    assert exchange.channels_up().calls == ()


def test_lost_ends_and_late_events_stall_nothing_and_are_found_by_looking() -> None:
    bad = replace(ITALY, wire=replace(LATE, lost_ends=0.05))
    perfect = shift.run(PacingMode.PREDICTIVE, agents=10, seed=4, hours=0.5)
    run = Shift(PacingMode.PREDICTIVE, agents=10, seed=4, scenario=bad)
    result = run.work(0.5)
    assert result.looked_up > 0
    assert result.abandon_ratio <= result.limit + 1 / result.answered
    assert result.talk_share > 0.8 * perfect.talk_share
    up = {leg.call_id for leg in run.exchange.channels_up().calls}
    forgotten = [call for call in run.team.calls.values() if call.order.call_id not in up]
    assert all(run.exchange.now - call.order.at < FORGOTTEN_AFTER for call in forgotten)
    assert Counter(run.campaign.outcomes)[Outcome.TALKED] == result.talks

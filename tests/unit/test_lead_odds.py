"""The chance that a list gives a lead, as pacing takes it: what counts is how leads differ."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.campaign import PacingMode
from dialer.commands import PlaceCall
from dialer.events import LeadsReserved
from dialer.lead_odds import MOST, LeadOdds
from dialer.leads import Lead
from dialer.team import Team
from tests.support.playbook import SPRING, at, floor, lead, of, play, tick


def chance(value: float | None, name: str = "rossi") -> Lead:
    return lead(name, answer_odds=value)


def test_where_nothing_is_said_every_lead_is_average() -> None:
    odds = LeadOdds()
    odds.meet([chance(None)])
    assert odds.average is None
    assert odds.of(chance(0.3)) == odds.of(chance(None)) == 1.0


def test_a_lead_is_measured_by_the_others() -> None:
    odds = LeadOdds()
    odds.meet([chance(0.1), chance(0.2), chance(0.5)])
    assert odds.of(chance(0.2)) == 1.0
    assert odds.of(chance(0.5)) == pytest.approx(4.0)
    assert odds.of(chance(0.1)) == pytest.approx(0.25 * 16 / 9)
    assert odds.of(chance(None)) == 1.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_no_lead_is_sure_and_none_is_hopeless(value: float, average: float) -> None:
    odds = LeadOdds()
    odds.meet([chance(average)])
    assert 1 / MOST <= odds.of(chance(value)) <= MOST


def test_chances_that_are_too_high_altogether_are_put_right_by_the_calls_placed() -> None:
    """The list begins with leads that are not like the rest of it."""
    odds, random = LeadOdds(), Random(1)
    odds.meet([chance(0.9)] * 5)
    leads = [chance(value) for value in (0.1, 0.2, 0.4)]
    for _ in range(3000):
        odds.placed(random.choice(leads), 0.25)
    weights = [odds.of(each) / (1 + 0.25 * (odds.of(each) - 1)) for each in leads]
    assert sum(weights) / 3 == pytest.approx(1.0, abs=0.1)
    odds.placed(chance(None), 0.25)


def calls_of(values: list[float | None]) -> int:
    """Placed within two seconds for ten agents, with nobody answering yet."""
    team: Team = floor(
        *(f"agent-{n}" for n in range(10)), mode=PacingMode.PREDICTIVE, calls_per_second=100.0
    )
    found = tuple(chance(value, f"lead-{n}") for n, value in enumerate(values))
    said = play(team, LeadsReserved(campaign_id=SPRING, leads=found, next_due_at=None, at=at(0)))
    said += play(team, *(tick(0.1 * n) for n in range(1, 21)))
    return len(of(PlaceCall, said))


def test_unlikely_leads_are_called_more_at_a_time_than_likely_ones() -> None:
    unlikely, likely = [0.05] * 40, [0.6] * 40
    first_unlikely, first_likely = calls_of(unlikely + likely), calls_of(likely + unlikely)
    assert first_unlikely > calls_of([None] * 80) > first_likely >= 10


def test_where_all_are_alike_it_is_as_if_nothing_were_said() -> None:
    assert calls_of([0.2] * 80) == pytest.approx(calls_of([None] * 80), abs=1)

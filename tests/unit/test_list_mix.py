"""How lists are mixed, and where a lead stands in its list."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.ids import LeadId, ListId
from dialer.lead_lists import SPREAD_HOURS, LeadOrder, Tries, rank_of, spans
from dialer.leads import Outcome
from dialer.list_mix import ListMix

LEAD = LeadId("0194f3c0-0000-7000-8000-000000000001")
WINTER, SUMMER = (datetime(2026, month, 1, 12, 30, tzinfo=UTC) for month in (1, 7))


def drawn(mix: ListMix[tuple[ListId, int]], stock: dict[ListId, int]) -> list[ListId]:
    """From which lists, where each has so many."""
    while wanted := mix.wanted():
        finds = {}
        for list_id, most in wanted.items():
            got = min(most, stock[list_id])
            stock[list_id] -= got
            finds[list_id] = [(list_id, n) for n in range(got)]
        mix.found(finds)
    return [list_id for list_id, _ in mix.mixed]


lists = st.dictionaries(
    st.integers(min_value=0, max_value=5).map(ListId),
    st.tuples(st.integers(min_value=0, max_value=9), st.integers(min_value=0, max_value=30)),
    min_size=1,
)


@given(lists, st.lists(st.integers(min_value=0, max_value=20), max_size=6))
def test_all_that_is_asked_for_and_there_is_found(
    given_lists: dict[ListId, tuple[int, int]], counts: list[int]
) -> None:
    weights = {list_id: weight for list_id, (weight, _) in given_lists.items()}
    stock = {list_id: there for list_id, (_, there) in given_lists.items()}
    credit = {}
    for count in counts:
        able = sum(stock[list_id] for list_id, weight in weights.items() if weight)
        mix: ListMix[tuple[ListId, int]] = ListMix(weights, credit, count)
        assert len(drawn(mix, stock)) == min(count, able)
        credit = dict(mix.credit)


@given(st.lists(st.integers(min_value=1, max_value=9), min_size=2, max_size=5))
def test_no_list_is_ever_further_than_one_turn_from_its_share(weights: list[int]) -> None:
    by_list = {ListId(place): weight for place, weight in enumerate(weights)}
    total = sum(weights)
    mix: ListMix[tuple[ListId, int]] = ListMix(by_list, {}, 3 * total)
    order = drawn(mix, dict.fromkeys(by_list, 1000))
    for length in range(1, len(order) + 1):
        found = Counter(order[:length])
        for list_id, weight in by_list.items():
            assert abs(found[list_id] - length * weight / total) < len(weights)
    assert Counter(order) == {list_id: 3 * weight for list_id, weight in by_list.items()}


@pytest.mark.parametrize(
    ("zone", "tries", "hour"),
    [
        ("Etc/UTC", Tries(), SPREAD_HOURS[0]),
        ("Etc/UTC", Tries(attempts=2, last_attempt_at=WINTER), SPREAD_HOURS[2]),
        ("Europe/Rome", Tries(attempts=1, last_attempt_at=WINTER), SPREAD_HOURS[1] - 1),
        ("Europe/Rome", Tries(attempts=1, last_attempt_at=SUMMER), SPREAD_HOURS[1] - 2),
        ("Asia/Kolkata", Tries(attempts=10, last_attempt_at=WINTER), 12),  # 18:00 is 12:30
        (
            "Asia/Kolkata",
            Tries(attempts=3, last_attempt_at=WINTER, last_outcome=Outcome.ABANDONED),
            12,
        ),
    ],
)
def test_the_best_hour_by_the_persons_clock(zone: str, tries: Tries, hour: int) -> None:
    assert rank_of(LeadOrder.BEST_HOUR, 0, LEAD, zone=zone, tries=tries) == hour


@given(st.datetimes(timezones=st.just(UTC)))
def test_all_ranks_are_taken_from_the_present_hour_on(at: datetime) -> None:
    hours = [
        rank for first, last in spans(LeadOrder.BEST_HOUR, at) for rank in range(first, last + 1)
    ]
    assert hours == [(at.hour + n) % 24 for n in range(24)]
    assert [len(spans(order, at)) for order in LeadOrder if order is not LeadOrder.BEST_HOUR] == [
        1
    ] * 4

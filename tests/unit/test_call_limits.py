"""How often one person may be called: counted over attempts that a store has found."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.call_limits import Tried, limit_on, since
from dialer.commands import CallLimits, PlaceCall
from dialer.events import NotOpened
from dialer.ids import CallId, ClientId
from dialer.leads import NEVER_RANG, Outcome
from dialer.profiles import Cap, CapPer
from tests.contract.world import RULE, SPRING, TRUNK

ROME, PARIS = ZoneInfo("Europe/Rome"), ZoneInfo("Europe/Paris")
US, THEM = ClientId("us"), ClientId("them")
DAY = timedelta(days=1)
THREE_A_DAY = Cap(most=3, per=CapPer.CALLED_NUMBER, length=DAY)


def call(at: datetime, *caps: Cap, phone: str = "+390612345678", **limits: Any) -> PlaceCall:
    known = {"client_id": US, "person": "rossi", "zone": ROME, **limits}
    return PlaceCall(
        call_id=CallId("next"),
        campaign_id=SPRING,
        lead_id="lead",  # type: ignore[arg-type]
        phone=phone,
        caller_id="",
        trunk=TRUNK,
        dial="",
        ring_timeout=timedelta(seconds=25),
        answer_rule=RULE,
        at=at,
        limits=CallLimits(caps=caps, **known),
    )


def tried(at: datetime, **changes: Any) -> Tried:
    known = {"phone": "+390612345678", "client_id": US, "person": "rossi", "subject": ""}
    return Tried(call_id=CallId(f"at {at}"), started_at=at, **{**known, **changes})


def rome(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ROME)  # type: ignore[misc, arg-type]


def test_three_in_any_24_hours_and_the_next_at_the_hour_of_the_first() -> None:
    before = [tried(rome(2026, 11, 23, hour)) for hour in (10, 12, 15)]
    assert limit_on(call(rome(2026, 11, 24, 9, 59), THREE_A_DAY), before) == (
        NotOpened.CALL_CAP,
        rome(2026, 11, 24, 10),
    )
    assert limit_on(call(rome(2026, 11, 24, 10), THREE_A_DAY), before) is None


def test_four_in_thirty_calendar_days_first_day_included() -> None:
    cap = Cap(most=4, per=CapPer.CALLED_PERSON_AND_CLIENT, days=30)
    before = [tried(datetime(2026, 9, day, 10, tzinfo=PARIS)) for day in (1, 8, 15, 22)]
    found = limit_on(call(datetime(2026, 9, 30, 23, tzinfo=PARIS), cap, zone=PARIS), before)
    assert found == (NotOpened.CALL_CAP, datetime(2026, 10, 1, tzinfo=PARIS))


def test_a_refusal_is_followed_by_full_calendar_days() -> None:
    refused = datetime(2026, 9, 1, 12, tzinfo=PARIS)
    before = [tried(refused, refused_at=refused)]
    limits = {"refusal_days": 60, "zone": PARIS}
    last = call(datetime(2026, 10, 31, 23, 59, tzinfo=PARIS), **limits)
    free = datetime(2026, 11, 1, tzinfo=PARIS)
    assert limit_on(last, before) == (NotOpened.REFUSAL_BLOCK, free)
    assert limit_on(call(free, **limits), before) is None
    assert limit_on(call(free - DAY, client_id=THEM, **limits), before) is None


def test_whose_attempts_each_kind_of_cap_counts() -> None:
    at = rome(2026, 11, 24, 12)
    own_number = tried(at)
    other_number = tried(at, phone="+390687654321")
    other_client = tried(at, client_id=THEM, person="x")
    other_subject = tried(at, subject="gas")
    other_person = tried(at, phone="+390687654321", person="bianchi")
    everything = (own_number, other_number, other_client, other_subject, other_person)

    def counted(per: CapPer, **limits: Any) -> list[Tried]:
        one = call(at, Cap(most=1, per=per, days=1), **limits)
        return [each for each in everything if limit_on(one, [each]) is not None]

    assert counted(CapPer.CALLED_NUMBER) == [own_number, other_client, other_subject]
    assert counted(CapPer.CALLED_PERSON) == [*everything[:4]]
    client = [own_number, other_number, other_subject]
    assert counted(CapPer.CALLED_PERSON_AND_CLIENT) == client
    assert counted(CapPer.CALLED_PERSON_AND_SUBJECT) == client
    power = counted(CapPer.CALLED_PERSON_AND_SUBJECT, subject="power")
    assert power == [own_number, other_number]  # nobody said what they were about


def test_what_never_rang_is_not_counted() -> None:
    at = rome(2026, 11, 24, 12)
    cap = Cap(most=1, per=CapPer.CALLED_NUMBER, days=1)
    counted = {
        outcome for outcome in Outcome if limit_on(call(at, cap), [tried(at, outcome=outcome)])
    }
    assert counted == set(Outcome) - NEVER_RANG
    assert limit_on(call(at, cap), [tried(at)]) is not None  # it is open


MINUTES = 15 * 24 * 60
instants = st.integers(0, MINUTES).map(
    lambda minute: datetime(2026, 10, 18, tzinfo=UTC) + timedelta(minutes=minute)
)  # the clocks change on 25 October
caps = st.builds(
    Cap,
    most=st.integers(1, 4),
    per=st.just(CapPer.CALLED_NUMBER),
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=6)),
) | st.builds(
    Cap,
    most=st.integers(1, 4),
    per=st.just(CapPer.CALLED_NUMBER),
    days=st.integers(1, 6),
)


def recount(cap: Cap, before: list[datetime], now: datetime) -> int:
    """By the words of the law, one by one."""
    if cap.length is not None:
        return sum(at + cap.length > now for at in before)
    today: date = now.astimezone(ROME).date()
    days = [today - each * DAY for each in range(cap.days or 0)]
    return sum(at.astimezone(ROME).date() in days for at in before)


@given(cap=caps, before=st.lists(instants, max_size=8), now=instants)
def test_a_cap_agrees_with_a_brute_force_recount(
    cap: Cap, before: list[datetime], now: datetime
) -> None:
    before = [at for at in before if at <= now]
    one = call(now, cap)
    found = limit_on(one, [tried(at) for at in before])
    assert (found is not None) == (recount(cap, before, now) >= cap.most)
    start = since([one])
    assert start is not None
    seen = [tried(at) for at in before if at > start]
    assert limit_on(one, seen) == found  # what a store is asked for is enough
    if found is not None and found[1] is not None:
        until = found[1].astimezone(UTC)
        assert until > now
        assert recount(cap, before, until) < cap.most
        assert recount(cap, before, until - timedelta(microseconds=1)) >= cap.most


def test_a_day_of_25_hours_is_one_day() -> None:
    cap = Cap(most=1, per=CapPer.CALLED_NUMBER, days=1)
    before = [tried(rome(2026, 10, 25, 0, 30))]
    until = datetime.combine(date(2026, 10, 26), time(), ROME)
    assert limit_on(call(rome(2026, 10, 25, 23, 59), cap), before) == (NotOpened.CALL_CAP, until)

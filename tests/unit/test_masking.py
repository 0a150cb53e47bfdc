"""No telephone number leaves through the log, whatever stands around it; ids and instants can still be read."""

import string
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dialer.ids import uuid7
from dialer.masking import MASK, masked

EPOCH = datetime(1971, 1, 1, tzinfo=UTC)
moments = st.integers(0, 7 * 10**15).map(lambda n: EPOCH + timedelta(microseconds=n))
zones = [UTC, timezone(timedelta(hours=-3, minutes=-30)), timezone(timedelta(hours=2))]

ids = st.builds(lambda at, seed: uuid7(at, Random(seed)), moments, st.integers(0, 2**32))
instants = st.builds(lambda at, zone: at.astimezone(zone), moments, st.sampled_from(zones))
numbers = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
texts = st.text() | st.text(string.digits + "abcdef-+ T:.") | ids | instants.map(str)


@given(before=texts, number=numbers, after=texts)
def test_a_number_in_e164_is_masked_in_any_text(before: str, number: str, after: str) -> None:
    told = masked(before + number + after)
    assert number not in told
    assume(number[1:] not in before + after)
    assert number[1:] not in told


@given(before=st.text(string.ascii_letters + " =/'(,:"), number=numbers)
def test_without_its_plus_it_is_masked_too(before: str, number: str) -> None:
    assert masked(before + number[1:]) == before + MASK


@given(call_id=ids, number=numbers)
def test_an_id_stays_readable_beside_a_number(call_id: str, number: str) -> None:
    assert masked(f"call {call_id} to {number}, again {call_id}") == (
        f"call {call_id} to {MASK}, again {call_id}"
    )


@given(at=instants)
def test_an_instant_stays_readable(at: datetime) -> None:
    assert masked(f"since {at.isoformat()}.") == f"since {at.isoformat()}."
    assert masked(f"until {at}") == f"until {at}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Key (phone)=(+390612345678) already exists.", f"Key (phone)=({MASK}) already exists."),
        ("/leads?phone=%2B390612345678", f"/leads?phone=%2B{MASK}"),
        ("PJSIP/390612345678@carrier", f"PJSIP/{MASK}@carrier"),
        ("dial +39 06 1234-5678 now", f"dial {MASK} now"),
        ("dial 0039 (0)6 1234.5678", f"dial {MASK}"),
        ("+(39)061234567", f"+(39){MASK}"),
        ("at 127.0.0.1:50380, 3.25 s, 6 of 100000", "at 127.0.0.1:50380, 3.25 s, 6 of 100000"),
        ("", ""),
    ],
)
def test_what_is_masked_and_what_is_not(text: str, told: str) -> None:
    assert masked(text) == told

"""The far end's numbers: what is written is read back, and every number is one that a dialer would dial."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterisk_conf.numbering import (
    SIP_CODES,
    TALK_SECONDS,
    FarEndBehaviour,
    FarEndKind,
    decode,
    encode,
)

SERIALS = st.integers(0, 9999)
RINGING = st.integers(0, 99).map(lambda tenths: tenths / 10)
TALKING_KINDS = [
    FarEndKind.PERSON,
    FarEndKind.GREETS_THEN_SILENT,
    FarEndKind.SILENT_PERSON,
    FarEndKind.VOICEMAIL,
    FarEndKind.FAX,
]
PLAIN_KINDS = [FarEndKind.RINGS_OUT, FarEndKind.NO_REPLY, FarEndKind.UNALLOCATED]

behaviours = st.one_of(
    st.builds(
        FarEndBehaviour,
        st.sampled_from(TALKING_KINDS),
        ring_seconds=RINGING,
        talk_seconds=st.sampled_from(TALK_SECONDS),
        serial=SERIALS,
    ),
    st.builds(
        FarEndBehaviour,
        st.just(FarEndKind.HANGS_UP_WAITING),
        talk_seconds=st.integers(0, 999).map(lambda tenths: tenths / 10),
        serial=SERIALS,
    ),
    st.builds(
        FarEndBehaviour,
        st.just(FarEndKind.REFUSES),
        sip_code=st.sampled_from(SIP_CODES),
        serial=SERIALS,
    ),
    st.builds(FarEndBehaviour, st.sampled_from(PLAIN_KINDS), serial=SERIALS),
    st.builds(
        FarEndBehaviour,
        st.just(FarEndKind.LATE_PERSON),
        ring_seconds=st.integers(1, 99).map(lambda halves: halves / 2),
        talk_seconds=st.sampled_from(TALK_SECONDS),
        serial=SERIALS,
    ),
)


@given(behaviours)
def test_a_number_says_what_was_written_into_it(behaviour: FarEndBehaviour) -> None:
    assert decode(encode(behaviour)) == behaviour


@given(behaviours)
def test_every_number_is_a_valid_italian_one(behaviour: FarEndBehaviour) -> None:
    parsed = phonenumbers.parse(encode(behaviour))
    assert phonenumbers.is_valid_number(parsed)
    assert phonenumbers.region_code_for_number(parsed) == "IT"


def test_the_documented_example() -> None:
    person = FarEndBehaviour(FarEndKind.PERSON, ring_seconds=1.5, talk_seconds=5, serial=7)
    assert encode(person) == "+3906901540007"


def test_digits_before_the_last_eight_do_not_matter() -> None:
    assert decode("90154007" + "71540007") == decode("71540007")
    assert decode("+3906974860001").sip_code == 486
    assert decode("06974860001").sip_code == 486


@pytest.mark.parametrize(
    "impossible",
    [
        FarEndBehaviour(FarEndKind.PERSON, ring_seconds=10),
        FarEndBehaviour(FarEndKind.PERSON, ring_seconds=0.25),
        FarEndBehaviour(FarEndKind.PERSON, talk_seconds=4),
        FarEndBehaviour(FarEndKind.REFUSES, sip_code=200),
        FarEndBehaviour(FarEndKind.REFUSES),
        FarEndBehaviour(FarEndKind.HANGS_UP_WAITING, talk_seconds=100),
        FarEndBehaviour(FarEndKind.RINGS_OUT, serial=10_000),
        FarEndBehaviour(FarEndKind.LATE_PERSON, ring_seconds=0, talk_seconds=5),
        FarEndBehaviour(FarEndKind.LATE_PERSON, ring_seconds=50, talk_seconds=5),
        FarEndBehaviour(FarEndKind.LATE_PERSON, ring_seconds=10.3, talk_seconds=5),
    ],
)
def test_what_no_number_can_say_is_refused(impossible: FarEndBehaviour) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        encode(impossible)


@pytest.mark.parametrize(
    "text", ["", "+", "1234567", "+39 06 9 0154 0007", "anonymous", "٠١٢٣٤٥٦٧"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="eight digits"):
        decode(text)

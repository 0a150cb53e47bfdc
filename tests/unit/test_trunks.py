"""Trunks: what they serve, how they want a number written, as whom they call."""

from datetime import timedelta

import pytest

from dialer.ids import TrunkId
from dialer.trunks import NumberFormat, Trunk, named, written

ROME, MILAN, LONDON, NEW_YORK, MOBILE = (
    "+390612345678",
    "+390212345678",
    "+442079460000",
    "+12125550100",
    "+393331234567",
)


def trunk(name: str = "carrier", **changes: object) -> Trunk:
    return Trunk(trunk_id=TrunkId(name), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phone", "style", "country", "digits"),
    [
        (ROME, NumberFormat.PLUS_E164, "", "+390612345678"),
        (ROME, NumberFormat.E164, "", "390612345678"),
        (ROME, NumberFormat.INTERNATIONAL, "", "00390612345678"),
        (ROME, NumberFormat.NATIONAL, "IT", "0612345678"),  # Italy keeps the zero
        (MOBILE, NumberFormat.NATIONAL, "IT", "3331234567"),
        (LONDON, NumberFormat.NATIONAL, "GB", "02079460000"),
        (LONDON, NumberFormat.NATIONAL, "IT", "00442079460000"),
        (LONDON, NumberFormat.NATIONAL, "US", "011442079460000"),
        (NEW_YORK, NumberFormat.NATIONAL, "US", "2125550100"),
    ],
)
def test_a_number_is_written_as_the_trunk_wants_it(
    phone: str, style: NumberFormat, country: str, digits: str
) -> None:
    assert written(phone, style, country) == digits


def test_the_dial_string_holds_the_number_after_the_prefix() -> None:
    out = trunk(
        dial="PJSIP/{number}@carrier-rome", prefix="9", country="IT", number_format="national"
    )
    assert out.dial_string(ROME) == "PJSIP/90612345678@carrier-rome"


def test_a_trunk_without_a_dial_string_is_the_pjsip_endpoint_of_its_name() -> None:
    assert trunk().dial_string(ROME) == f"PJSIP/{ROME}@carrier"
    assert trunk().endpoint == "carrier"
    assert trunk(dial="IAX2/us:{number}@peer").endpoint is None
    assert trunk(dial="PJSIP/carrier/sip:{number}@192.0.2.1").endpoint is None


@pytest.mark.parametrize(
    ("settings", "phone", "match"),
    [
        ({}, ROME, 0),
        ({"country": "IT"}, ROME, 1),
        ({"country": "IT"}, LONDON, None),
        ({"prefixes": ("+39", "+393")}, MOBILE, 4),
        ({"prefixes": ("+39", "+393")}, ROME, 3),
        ({"prefixes": ("+44",)}, ROME, None),
        ({"country": "IT", "prefixes": ("+",)}, LONDON, 1),  # the whole world, by its own word
    ],
)
def test_prefixes_else_the_country_say_what_a_trunk_serves(
    settings: dict[str, object], phone: str, match: int | None
) -> None:
    assert trunk(**settings).match(phone) == match


def test_the_caller_id_is_the_nearest_to_the_called_number() -> None:
    out = trunk(caller_ids=(MILAN[:-2] + "00", ROME[:-2] + "00", "+441234567890"))
    assert out.caller_id_for(ROME) == ROME[:-2] + "00"
    assert out.caller_id_for(LONDON) == "+441234567890"


def test_among_equally_near_caller_ids_a_number_always_sees_the_same_one() -> None:
    out = trunk(caller_ids=tuple(f"+39061000000{n}" for n in range(4)))
    called = [f"+3902{n:08}" for n in range(400)]
    seen = [out.caller_id_for(phone) for phone in called]
    assert seen == [out.caller_id_for(phone) for phone in called]
    assert all(seen.count(each) > 60 for each in out.caller_ids)  # and all of them are used


def test_a_trunk_without_caller_ids_names_none() -> None:
    assert trunk().caller_id_for(ROME) == ""


@pytest.mark.parametrize(
    ("rate", "limit"),
    [
        (None, None),
        (10.0, (10, timedelta(seconds=1))),
        (2.7, (2, timedelta(seconds=1))),
        (0.25, (1, timedelta(seconds=4))),
    ],
)
def test_the_rate_is_whole_calls_in_a_stretch_of_time(rate: float | None, limit: object) -> None:
    assert trunk(calls_per_second=rate).rate == limit


def test_a_name_that_no_trunk_has_is_a_trunk_without_limits() -> None:
    known = trunk("one", lines=3)
    assert named((TrunkId("two"), TrunkId("one")), [known]) == (trunk("two"), known)


def test_a_trunk_is_on_the_servers_that_it_names_else_on_all() -> None:
    assert trunk().is_on("north")
    assert trunk(nodes=("north",)).is_on("north")
    assert not trunk(nodes=("north",)).is_on("south")
    assert trunk(nodes=("north",)).is_on(None)

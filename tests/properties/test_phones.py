"""The short cut of dialer.phones says what phonenumbers says, of every country; and one clock stands for what it stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberType
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from dialer.errors import InvalidInputError
from dialer.phones import NEVER_CALLED, e164, is_region, zone_of

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.VOIP,
    PhoneNumberType.UAN,
]
FORMATS = [
    "{e164}",
    "{digits}",
    "{national}",
    "0{national}",
    "00{digits}",
    "0{digits}",
    "+{digits}",
]


def by_phonenumbers(text: str, region: str) -> str | None:
    """What phonenumbers makes of it, without any short cut; None: it may not be rung."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) in NEVER_CALLED:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def by_us(text: str, region: str) -> str | None:
    try:
        return e164(text, region)
    except InvalidInputError:
        return None


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A text near a number of some country, as written in that country or another."""
    country = draw(st.sampled_from(REGIONS))
    found = phonenumbers.example_number_for_type(country, draw(st.sampled_from(KINDS)))
    code = phonenumbers.country_code_for_region(country)
    national = phonenumbers.national_significant_number(found) if found else "0612345678"
    kept = draw(st.integers(0, len(national)))
    added = draw(st.integers(-2, 2))
    rest = draw(st.text("0123456789", min_size=20, max_size=20))
    national = (national[:kept] + rest)[: max(len(national) + added, 1)]
    places = {"national": national, "digits": f"{code}{national}", "e164": f"+{code}{national}"}
    text = draw(st.sampled_from(FORMATS)).format(**places)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(" -/")) + text[place:]
    return text, draw(st.sampled_from([country, country, "IT", "US", "RU", "BR"]))


@given(numbers())
@example(("393471234567", "IT"))
@example(("3933471234", "IT"))
@example(("+39 06698 12345", "IT"))
@example(("+7 701 123 4567", "KZ"))
@example(("0000000000", "IT"))
@example(("+", "IT"))
@example(("", "IT"))
@example(("3471234567/8", "IT"))
def test_a_number_is_what_phonenumbers_makes_of_it(written: tuple[str, str]) -> None:
    text, region = written
    assert by_us(text, region) == by_phonenumbers(text.strip(), region)


@given(st.text("0123456789+ -/", max_size=16), st.sampled_from(REGIONS))
def test_so_is_any_heap_of_digits(text: str, region: str) -> None:
    assert by_us(text, region) == by_phonenumbers(text.strip(), region)


def test_every_country_has_its_short_cut_right_for_its_own_examples() -> None:
    for region in REGIONS:
        for kind in KINDS:
            found = phonenumbers.example_number_for_type(region, kind)
            if found is None:
                continue
            for shape in ("E164", "NATIONAL", "INTERNATIONAL"):
                text = phonenumbers.format_number(
                    found, getattr(phonenumbers.PhoneNumberFormat, shape)
                )
                assert by_us(text, region) == by_phonenumbers(text, region), (region, kind, shape)


def clock(zone: str) -> tuple[timedelta | None, ...]:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return tuple(
        (noon + timedelta(days=day)).astimezone(ZoneInfo(zone)).utcoffset()
        for day in range(0, 365, 5)
    )


def check_zone(number: phonenumbers.PhoneNumber) -> None:
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    zones = time_zones_for_number(number)
    try:
        zone = zone_of(phone)
    except InvalidInputError:
        assert zones == (UNKNOWN_TIMEZONE,) or len({clock(each) for each in zones}) > 1
        return
    assert zones == (UNKNOWN_TIMEZONE,) or {clock(zone)} == {clock(each) for each in zones}


@given(numbers())
def test_a_zone_shows_the_time_of_all_the_zones_of_the_number(written: tuple[str, str]) -> None:
    phone = by_us(*written)
    if phone is not None:
        check_zone(phonenumbers.parse(phone))


def test_every_country_has_the_zone_of_its_examples() -> None:
    for region in REGIONS:
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
            found = phonenumbers.example_number_for_type(region, kind)
            if found is not None:
                check_zone(found)


def test_regions_are_those_that_have_a_numbering_plan() -> None:
    assert all(
        is_region(region) and PhoneMetadata.metadata_for_region(region) for region in REGIONS
    )
    assert not is_region("ZZ")

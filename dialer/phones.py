"""Telephone numbers as people write them, to E.164; and the time zone that a number or a name stands for.

The one place where a raw number is judged. What it says of an unusable number never repeats the number.

Theory of operation. phonenumbers is right and slow, so most numbers take a short cut: digits with nothing but blanks,
dashes and slashes between them are held against one expression per country, put together from phonenumbers' own patterns
(national prefixes, lengths, kinds of numbers) and so narrow that it can only say "an ordinary fixed or mobile number,
which phonenumbers would take exactly as written" or "I do not know". Then phonenumbers is asked. That both say the same
is a property under test, over all countries.
"""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers import shortnumberinfo as short_numbers
from phonenumbers.phonemetadata import PhoneNumberDesc
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from dialer.errors import InvalidInputError

NEVER_CALLED = {
    PhoneNumberType.PREMIUM_RATE: "is a premium-rate number, which is never called",
    PhoneNumberType.SHARED_COST: "is a number at a special rate, which is never called",
    PhoneNumberType.PERSONAL_NUMBER: "is a number at a special rate, which is never called",
    PhoneNumberType.PAGER: "is a pager, which is never called",
    PhoneNumberType.VOICEMAIL: "is a voicemail service, which is never called",
}
EMERGENCY = "is an emergency number, which is never called"
SHORT = "is the short number of a service, which is never called"
SCIENTIFIC = (
    "was shortened by a spreadsheet to powers of ten, and digits are lost:"
    " format the column as text and export it again"
)
DECIMAL = (
    "ends in a decimal zero that a spreadsheet added: format the column as text and export it again"
)
NO_ZONE = "is missing, and the number does not tell it"
SEVERAL_ZONES = "is missing, and the country of the number has several"

JOINS = str.maketrans("", "", " -/")
INVISIBLE = dict.fromkeys(
    [0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)]
)
"""Characters without width: soft hyphen, zero-width blanks, joiners and marks of direction. For str.translate."""

_SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d*)?[eE][+-]?\d+")
_DECIMAL = re.compile(r"\+?\d{6,}[.,]0+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")


def is_region(region: str) -> bool:
    """Whether it is a country (ISO 3166) that has telephone numbers."""
    return region in phonenumbers.SUPPORTED_REGIONS


def e164(text: str, region: str) -> str:
    """`region` is the country of numbers written without a prefix. Raises InvalidInputError, which never repeats `text`."""
    return _as_written(text, region) or _by_the_book(text, region)


def checked_zone(name: str) -> str:
    """Raises InvalidInputError."""
    if name not in _zone_names():
        raise InvalidInputError("zone", "is not an IANA time zone")
    return name


def zone_of(phone: str, otherwise: str | None = None) -> str:
    """The time zone of an E.164 number. Where its country has several and the number does not tell which: `otherwise`,
    when that is one of them. Raises InvalidInputError."""
    return _country_zone(phone[1:4]) or _zone_by_the_book(phone, otherwise)


def country_of(phone: str) -> str:
    """The country (ISO 3166) of an E.164 number; empty where the number does not tell."""
    number = _e164_parsed(phone)
    return "" if number is None else phonenumbers.region_code_for_number(number) or ""


def as_dialled_in(country: str, phone: str) -> str:
    """The digits that somebody in `country` dials to reach an E.164 number: the national number within the same numbering
    plan, else with the exit code of the country. What is no number keeps its digits."""
    number = _e164_parsed(phone)
    if number is None:
        text = phone
    elif number.country_code == phonenumbers.country_code_for_region(country):
        text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(number, country)
    return "".join(character for character in text if character.isdigit())


def _e164_parsed(phone: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return None


# --- the book ---------------------------------------------------------------------------------------------------------


def _by_the_book(text: str, region: str) -> str:
    text = text.translate(INVISIBLE).strip()
    text = text.removeprefix("'")  # a spreadsheet's mark of text
    _check_spreadsheet(text)
    number = _parsed(text, region)
    trunk_zero = _TRUNK_ZERO.search(text)
    if trunk_zero and not phonenumbers.is_valid_number(number):
        number = _parsed(text[: trunk_zero.start()] + text[trunk_zero.end() :], region)
    _check_callable(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _check_spreadsheet(text: str) -> None:
    if not text:
        raise InvalidInputError("phone", "is empty")
    if _CONTROL.search(text):
        raise InvalidInputError("phone", "holds a control character")
    if _SCIENTIFIC.fullmatch(text):
        raise InvalidInputError("phone", SCIENTIFIC)
    if _DECIMAL.fullmatch(text):
        raise InvalidInputError("phone", DECIMAL)


def _parsed(text: str, region: str) -> PhoneNumber:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidInputError("phone", "is not a telephone number") from None
    if number.extension:
        raise InvalidInputError("phone", "has an extension, which cannot be dialled")
    if any(character.isalpha() for character in text):  # or they would be dialled as digits
        raise InvalidInputError("phone", "holds letters")
    return number


def _check_callable(number: PhoneNumber) -> None:
    if phonenumbers.is_valid_number(number):
        problem = NEVER_CALLED.get(phonenumbers.number_type(number))
    else:
        problem = _short(number) or "is not a valid telephone number"
    if problem:
        raise InvalidInputError("phone", problem)


def _short(number: PhoneNumber) -> str | None:
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    digits = phonenumbers.national_significant_number(number)
    if short_numbers.is_emergency_number(digits, region):
        return EMERGENCY
    if short_numbers.is_valid_short_number_for_region(number, region):
        return SHORT
    return None


# --- the short cut ----------------------------------------------------------------------------------------------------


def _as_written(text: str, region: str) -> str | None:
    """The number, if it is beyond doubt an ordinary one; None: ask phonenumbers."""
    digits = text.translate(JOINS)
    if digits[:1] == "+":
        length, ordinary = _ordinary_abroad(digits[1:4])
        return digits if ordinary and ordinary.match(digits, 1 + length) else None
    prefix, ordinary = _ordinary_at_home(region)
    return prefix + digits if ordinary and ordinary.match(digits) else None


@lru_cache(maxsize=2048)
def _ordinary_abroad(start: str) -> tuple[int, re.Pattern[str] | None]:
    """For the first three digits after the plus: how many are the country's, and what its ordinary numbers look like."""
    length = _country_length(start)
    if length is None:
        return 0, None
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(start[:length])]
    return length, _ordinary(regions[0])


@lru_cache(maxsize=512)
def _ordinary_at_home(region: str) -> tuple[str, re.Pattern[str] | None]:
    code = phonenumbers.country_code_for_region(region)
    if code == 0 or phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0] != region:
        return "", None
    return f"+{code}", _ordinary(region)


@lru_cache(maxsize=512)
def _ordinary(region: str) -> re.Pattern[str] | None:
    """Matches from where the country's code ends. Not for countries that share a code and are told by their first digits."""
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.leading_digits is not None:
        return None
    kinds = [_kind(metadata.fixed_line), _kind(metadata.mobile)]
    special = [
        metadata.premium_rate,
        metadata.toll_free,
        metadata.shared_cost,
        metadata.voip,
        metadata.personal_number,
        metadata.pager,
        metadata.uan,
        metadata.voicemail,
    ]
    others = [pattern for pattern in map(_kind, special) if pattern]
    prefixes = [metadata.international_prefix, metadata.national_prefix_for_parsing]
    unlike = [f"(?:{pattern})" for pattern in prefixes if pattern] + others
    like = "|".join(pattern for pattern in kinds if pattern)
    general = _kind(metadata.general_desc)
    if not like or not general:
        return None
    barred = f"(?!{'|'.join(unlike)})" if unlike else ""
    return re.compile(f"{barred}(?={general})(?:{like})", re.ASCII)


def _kind(kind: PhoneNumberDesc | None) -> str | None:
    """What numbers of a kind look like, to the end of the text; None: there are none."""
    if kind is None or not kind.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{length}}}" for length in kind.possible_length if length > 0)
    length = rf"(?=(?:{lengths})\Z)" if lengths else ""
    return rf"{length}(?:{kind.national_number_pattern})\Z"


def _country_length(start: str) -> int | None:
    """How many digits of `start` are a country's code."""
    if not (start.isascii() and start.isdigit()) or start.startswith("0"):
        return None
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((n for n in range(1, len(start) + 1) if int(start[:n]) in codes), None)


# --- zones ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone_by_the_book(phone: str, otherwise: str | None) -> str:
    zones = time_zones_for_number(phonenumbers.parse(phone))
    if zones == (UNKNOWN_TIMEZONE,):
        if otherwise is None:
            raise InvalidInputError("zone", NO_ZONE)
        return otherwise
    zone = _one_clock(zones)
    if zone is not None:
        return zone
    if otherwise not in zones:
        raise InvalidInputError("zone", SEVERAL_ZONES)
    return otherwise


@lru_cache(maxsize=2048)
def _country_zone(start: str) -> str | None:
    """The zone of every number that begins with these three digits, when one clock goes in the whole country."""
    length = _country_length(start)
    if length is None:
        return None
    code = start[:length]
    areas = [zones for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith(code)]
    if not areas:
        return None
    names = Counter(zone for zones in areas for zone in zones)
    return _one_clock(tuple(sorted(names, key=lambda name: (-names[name], name))))


@lru_cache(maxsize=4096)
def _one_clock(zones: tuple[str, ...]) -> str | None:
    """The first of `zones`, if all of them show the same time all the year round."""
    if any(zone not in _zone_names() for zone in zones):
        return None
    clocks = {_clock(zone) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


@lru_cache(maxsize=1024)
def _clock(zone: str) -> tuple[timedelta | None, ...]:
    """Its distance from UTC, day by day over two years."""
    start, info = datetime(2026, 1, 1, 12, tzinfo=UTC), ZoneInfo(zone)
    days = [start + timedelta(days=day) for day in range(730)]
    return tuple(day.astimezone(info).utcoffset() for day in days)

"""Telephone numbers as people write them, to E.164."""

from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field

from dialer.errors import InvalidInputError


def e164(text: str, region: str) -> str:
    """`region` is the country of numbers written without a prefix. Raises InvalidInputError, which never repeats `text`."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidInputError("phone", "is not a telephone number") from None
    if number.extension:
        raise InvalidInputError("phone", "has an extension, which cannot be dialled")
    if not phonenumbers.is_valid_number(number):
        raise InvalidInputError("phone", "is not a valid telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _known(region: str) -> str:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("is not a country that has telephone numbers")
    return region


Region = Annotated[
    str,
    AfterValidator(_known),
    Field(description="Country (ISO 3166) of numbers written without a prefix", examples=["IT"]),
]

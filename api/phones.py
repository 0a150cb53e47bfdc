"""Telephone numbers as people write them, to E.164."""

from typing import Annotated

from pydantic import AfterValidator, Field

from dialer.phones import e164, is_region

__all__ = ["Region", "e164"]


def _known(region: str) -> str:
    if not is_region(region):
        raise ValueError("is not a country that has telephone numbers")
    return region


Region = Annotated[
    str,
    AfterValidator(_known),
    Field(description="Country (ISO 3166) of numbers written without a prefix", examples=["IT"]),
]

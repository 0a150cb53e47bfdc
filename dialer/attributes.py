"""What a client's own list says of a lead beyond the fields that the dialer knows: values by name, of five kinds.

Attributes are shown and given back; no rule reads them.
"""

import json
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from dialer.errors import InvalidInputError

Value = str | int | bool
"""A decimal and a date are kept as text, exactly: "12.50", "2026-11-23"."""

Attributes = tuple[tuple[str, Value], ...]
"""In the order of the list's columns."""

MOST_ATTRIBUTES = 500
MOST_NAME = 100
MOST_TEXT = 2000
LARGEST = 2**53
"""A client in JavaScript keeps no larger number."""

YES = frozenset({"true", "yes", "y", "1", "sì", "si", "s", "vero", "x"})
NO = frozenset({"false", "no", "n", "0", "falso"})

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_read = json.JSONDecoder().raw_decode


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"


def value_of(name: str, kind: Kind, text: str) -> Value:
    """`text`: not empty, without blanks around it. Raises InvalidInputError, which never repeats it."""
    match kind:
        case Kind.TEXT:
            if len(text) > MOST_TEXT:
                raise InvalidInputError(name, f"is longer than {MOST_TEXT} characters")
            return text
        case Kind.INTEGER:
            return _integer(name, text)
        case Kind.DECIMAL:
            return _decimal(name, text)
        case Kind.DATE:
            return _date(name, text)
        case Kind.BOOLEAN:
            return _boolean(name, text)


def packed(attributes: Iterable[tuple[str, Value]]) -> str | None:
    """As a store keeps them; None: there are none."""
    found = dict(attributes)
    return _ENCODER.encode(found) if found else None


def unpacked(text: str | None) -> Attributes:
    return tuple(_read(text)[0].items()) if text else ()


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text):
        raise InvalidInputError(name, "is not a whole number")
    number = int(text)
    if abs(number) >= LARGEST:
        raise InvalidInputError(name, "is too large")
    return number


def _decimal(name: str, text: str) -> str:
    """A point or a comma before the decimals; nothing between thousands, which could be either."""
    if text.count(",") + text.count(".") > 1 or len(text) > 40:
        raise InvalidInputError(name, "is not a number")
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise InvalidInputError(name, "is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise InvalidInputError(name, "is not a number")
    return f"{number:f}"


def _date(name: str, text: str) -> str:
    """2026-11-23, perhaps with a time after it; or 23/11/2026, 23-11-2026, 23.11.2026: the day first."""
    day = text.replace("/", "-").replace(".", "-").split("T")[0].split(" ")[0]
    parts = day.split("-")
    try:
        if len(parts) != 3 or not all(part.isdecimal() for part in parts):
            raise ValueError
        year, month, number = parts if len(parts[0]) == 4 else reversed(parts)
        if len(year) != 4:
            raise ValueError
        return date(int(year), int(month), int(number)).isoformat()
    except ValueError:
        raise InvalidInputError(name, "is not a date") from None


def _boolean(name: str, text: str) -> bool:
    word = text.lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise InvalidInputError(name, "is neither yes nor no")

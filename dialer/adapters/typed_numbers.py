"""Numbers that a program has stored as numbers, back to the text that a person meant."""

from decimal import Decimal, InvalidOperation

EXACT = 10**15
"""From here on a spreadsheet has lost digits."""
FEWEST_DIGITS = 8
"""Significant ones, where powers of ten are written: 3.9E+11 was a telephone number once, and its digits are gone."""


def as_text(written: str) -> str:
    """A whole number without decimals or powers of ten, when none of its digits can be lost; else as it was written, so that
    whoever reads it can say what is wrong. Raises ValueError for what is no finite number."""
    try:
        number = Decimal(written)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not number.is_finite():
        raise ValueError("is not a number")
    if abs(number.adjusted()) > 20 or number != number.to_integral_value():
        return written
    if abs(number) >= EXACT:
        return written
    digits = len(number.as_tuple().digits)
    if "e" in written.lower() and number.as_tuple().exponent > 0 and digits < FEWEST_DIGITS:  # type: ignore[operator]
        return written
    return str(int(number))

"""Values of a client's own columns."""

import pytest

from dialer.attributes import Kind, packed, unpacked, value_of
from dialer.errors import InvalidInputError


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "Via Roma 1", "Via Roma 1"),
        (Kind.INTEGER, "-12", -12),
        (Kind.DECIMAL, "12,50", "12.50"),
        (Kind.DECIMAL, "1E+3", "1000"),
        (Kind.DATE, "23/11/2026", "2026-11-23"),
        (Kind.DATE, "2026-11-23T10:00:00", "2026-11-23"),
        (Kind.DATE, "1.2.2026", "2026-02-01"),
        (Kind.BOOLEAN, "SÌ", True),
        (Kind.BOOLEAN, "0", False),
    ],
)
def test_what_is_read(kind: Kind, text: str, value: str | int | bool) -> None:
    found = value_of("x", kind, text)
    assert (found, type(found)) == (value, type(value))
    assert unpacked(packed([("x", found)])) == (("x", found),)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.TEXT, "x" * 2001),
        (Kind.INTEGER, "1.5"),
        (Kind.INTEGER, "+-1"),
        (Kind.INTEGER, "²"),
        (Kind.INTEGER, "9" * 17),
        (Kind.DECIMAL, "1.234,50"),
        (Kind.DECIMAL, "NaN"),
        (Kind.DECIMAL, "1E+99999999"),
        (Kind.DECIMAL, "twelve"),
        (Kind.DATE, "31/02/2026"),
        (Kind.DATE, "11/2026"),
        (Kind.DATE, "1/2/26"),
        (Kind.DATE, "0000-01-01"),
        (Kind.BOOLEAN, "perhaps"),
    ],
)
def test_what_is_refused_is_never_repeated(kind: Kind, text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        value_of("Nato il", kind, text)
    assert refused.value.field == "Nato il"
    assert text not in refused.value.problem


def test_none_is_stored_as_nothing() -> None:
    assert packed([]) is None
    assert unpacked(None) == ()

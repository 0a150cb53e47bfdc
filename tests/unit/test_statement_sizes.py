"""Lists of any length come to the database in few lengths."""

from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.sql.engine import CHUNK, in_powers, padded

POWERS = {2**n for n in range(10)}


@given(st.lists(st.integers(), max_size=CHUNK))
def test_padded_says_the_same_in_a_power_of_two(values: list[int]) -> None:
    found = padded(values)
    assert found[: len(values)] == values
    assert set(found) == set(values)
    assert len(found) in POWERS | {0}
    assert len(found) < 2 * max(len(values), 1)


@given(st.lists(st.integers(), max_size=2 * CHUNK))
def test_pieces_are_powers_of_two_and_leave_nothing_out(items: list[int]) -> None:
    pieces = list(in_powers(items))
    assert [item for piece in pieces for item in piece] == items
    assert all(len(piece) in POWERS and len(piece) <= CHUNK for piece in pieces)
    lengths = [len(piece) for piece in pieces]
    assert lengths == sorted(lengths, reverse=True)

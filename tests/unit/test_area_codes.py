"""The states of American area codes are those of phonenumbers' data."""

import pytest
from phonenumbers.geodata import GEOCODE_DATA

from dialer.area_codes import AREA_CODES, state_of


@pytest.mark.parametrize(
    ("phone", "state"),
    [
        ("+18502345678", "FL"),
        ("+17132345678", "TX"),
        ("+12125550100", "NY"),
        ("+14162345678", ""),  # Toronto
        ("+18002345678", ""),
        ("+390612345678", ""),
        ("", ""),
    ],
)
def test_the_area_code_tells_the_state(phone: str, state: str) -> None:
    assert state_of(phone) == state


def test_every_place_of_the_data_lies_in_the_state_of_its_area_code() -> None:
    """But for 201, which has one exchange over the river."""
    for prefix, names in GEOCODE_DATA.items():
        place, _, state = names.get("en", "").rpartition(", ")
        if prefix.startswith("1") and place and state in AREA_CODES and len(prefix) > 4:
            assert state_of(f"+{prefix}") == state or prefix[1:4] == "201", prefix


def test_no_area_code_is_in_two_states() -> None:
    codes = [code for line in AREA_CODES.values() for code in line.split()]
    assert len(codes) == len(set(codes))
    assert len(AREA_CODES) == 51

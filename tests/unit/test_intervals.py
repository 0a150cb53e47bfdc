"""Intervals against published values."""

import pytest

from dialer.forecast.intervals import band, student, wilson


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (9, 2.262), (30, 2.042), (40, 2.021), (120, 1.980)]
)
def test_students_quantile_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, abs=6e-4)


def test_the_band_of_a_sample() -> None:
    """Mean 3, standard deviation sqrt(2.5), five values: 2.776 * 1.5811 / sqrt(5)."""
    found = band([1, 2, 3, 4, 5])
    assert found.mean == 3
    assert found.half == pytest.approx(1.963, abs=1e-3)
    assert (found.least, found.most) == (1, 5)


def test_one_replication_has_no_interval() -> None:
    assert band([4.0]).half is None


def test_wilsons_interval_of_none_and_of_some() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert wilson(10, 10)[1] == pytest.approx(1.0)

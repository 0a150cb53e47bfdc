"""The verdict on the simulator: what it lets pass and what it does not."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from bench.truth_verdict import Band, Measured, Predicted, band, faults, power, too_small

GOOD = Measured(
    occupancy=0.90,
    abandon_ratio=0.02,
    answered=700,
    pbx_occupancy=0.901,
    disagreements=0,
    rung_twice=0,
)
SAID = Predicted(any_order=Band(0.90, 0.02), own_order=Band(0.90, 0.004), halved=Band(0.97, 0.01))
LIMIT = 0.03


def test_a_run_as_predicted_has_no_faults() -> None:
    assert faults(GOOD, SAID, LIMIT) == []
    assert too_small(GOOD, SAID.any_order) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"occupancy": 0.925}, "outside"),
        ({"abandon_ratio": 0.031}, "abandon ratio"),
        ({"pbx_occupancy": 0.88}, "PBX"),
        ({"disagreements": 1}, "far end"),
        ({"rung_twice": 1}, "twice"),
    ],
)
def test_what_is_not_as_predicted_is_said(change: dict[str, Any], word: str) -> None:
    run = replace(GOOD, **change)
    assert any(word in fault for fault in faults(run, SAID, LIMIT))


def test_a_control_that_fits_as_well_is_a_fault() -> None:
    blind = replace(SAID, halved=Band(0.93, 0.04))
    assert any("control" in fault for fault in faults(GOOD, blind, LIMIT))


def test_the_very_same_list_must_come_out_near() -> None:
    far = replace(SAID, own_order=Band(0.86, 0.004))
    assert any("same list" in fault for fault in faults(GOOD, far, LIMIT))


def test_few_answers_and_a_wide_band_are_no_full_run() -> None:
    assert "fewer than 600" in too_small(replace(GOOD, answered=599), SAID.any_order)[0]
    assert "points wide" in too_small(GOOD, Band(0.9, 0.0251))[0]


def test_nineteen_of_twenty_next_draws_lie_in_the_band() -> None:
    """Two thousand bands of eight draws: 95 % ± 1.5 (three standard errors)."""
    random = Random(1)
    hits = 0
    for _ in range(2000):
        *known, after = (random.gauss(0.9, 0.01) for _ in range(9))
        hits += band(known).holds(after)
    assert 0.935 < hits / 2000 < 0.965


def test_one_replication_makes_no_band() -> None:
    with pytest.raises(ValueError, match="two"):
        band([0.9])


def test_power_is_the_share_of_true_runs_that_expose_the_control() -> None:
    truth = [0.90, 0.91, 0.89, 0.90]
    assert power(truth, Band(0.97, 0.01)) > 0.999
    assert power(truth, Band(0.90, 0.05)) < 0.01

"""Satisfaction metrics against the vectors of tests/data/satisfaction.json."""

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dialer import satisfaction
from dialer.errors import InvalidInputError
from dialer.satisfaction import Attribute, csi, nps, nps_margin, nps_of

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "satisfaction.json").read_text())


def found(vector: dict[str, Any]) -> Fraction | None:
    if "scores" in vector:
        return nps_of(**vector["scores"])
    if vector["m"] == "csi":
        pairs = zip(vector["w"], vector["s"], strict=True)
        attributes = [Attribute(Fraction(str(w)), Fraction(s)) for w, s in pairs]
        return csi(attributes, vector["a"], vector["b"])
    metric: Callable[[list[int]], Fraction | None] = getattr(satisfaction, vector["m"])
    return metric(vector["list"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['m']}-{vector['expect']}")
def test_vector(vector: dict[str, Any]) -> None:
    value = found(vector)
    if vector["expect"] is None:
        assert value is None
    else:
        assert value is not None
        assert math.isclose(value, vector["expect"], abs_tol=5e-5)


@pytest.mark.parametrize(
    "name", ["nps", "csat_top2", "csat_mean", "ces1_mean", "ces2_mean", "ces2_share5"]
)
def test_nobody_answered_is_none_and_what_was_left_out_is_not_counted(name: str) -> None:
    metric: Callable[[list[int | None]], Fraction | None] = getattr(satisfaction, name)
    assert metric([]) is None
    assert metric([None, None]) is None
    assert metric([3, None, 5]) == metric([3, 5])


def test_zero_is_a_detractor() -> None:
    assert nps([0]) == -100


def test_csi_leaves_out_what_was_not_answered() -> None:
    weighted = [Attribute(Fraction(5), Fraction(8)), Attribute(Fraction(9), None)]
    assert csi(weighted, 1, 10) == Fraction(100 * 7, 9)
    assert csi([], 1, 10) is None
    assert csi([Attribute(Fraction(0), Fraction(8))], 1, 10) is None


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: nps([11]), "score"),
        (lambda: satisfaction.csat_mean([0]), "score"),
        (lambda: csi([Attribute(Fraction(1), Fraction(11))], 1, 10), "score"),
        (lambda: csi([Attribute(Fraction(-1), Fraction(2))], 1, 10), "weight"),
        (lambda: csi([], 5, 5), "scale"),
    ],
)
def test_scales_are_never_mixed(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        call()


def test_the_margin_shrinks_with_the_square_root_of_the_answers() -> None:
    few = nps_margin(promoters=50, passives=30, detractors=20)
    many = nps_margin(promoters=200, passives=120, detractors=80)
    assert few is not None
    assert many is not None
    assert math.isclose(few, 15.308, abs_tol=1e-3)  # 196 sqrt((0.7 - 0.09) / 100)
    assert math.isclose(few, 2 * many)
    assert nps_margin(promoters=0, passives=0, detractors=0) is None

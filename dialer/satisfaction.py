"""How satisfied the called people were: NPS, CSAT, CES, CSI. Pure; exact fractions; None where nobody answered.

Scores that are missing (None) are left out; a score outside its scale is an error that names it, since scales never mix.
Sources: docs/reference/abandonment.md, "Satisfaction".
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dialer.errors import InvalidInputError

Scores = Iterable[int | None]


def nps(scores: Scores) -> Fraction | None:
    """Net promoter score, -100 to 100: the share of 9 and 10 less that of 0 to 6, of scores from 0 to 10."""
    given = _given(scores, 0, 10)
    return nps_of(
        promoters=sum(score >= 9 for score in given),
        passives=sum(7 <= score <= 8 for score in given),
        detractors=sum(score <= 6 for score in given),
    )


def nps_of(*, promoters: int, passives: int, detractors: int) -> Fraction | None:
    number = promoters + passives + detractors
    return Fraction(100 * (promoters - detractors), number) if number else None


def nps_margin(*, promoters: int, passives: int, detractors: int) -> float | None:
    """Half the width of its 95 % interval, in points."""
    number = promoters + passives + detractors
    if not number:
        return None
    up, down = promoters / number, detractors / number
    return 196.0 * math.sqrt(max(up + down - (up - down) ** 2, 0.0) / number)


def csat_top2(scores: Scores) -> Fraction | None:
    """Share of 4 and 5, in per cent, of scores from 1 to 5."""
    return _share(_given(scores, 1, 5), 4)


def csat_mean(scores: Scores) -> Fraction | None:
    """Mean of scores from 1 to 5: another metric than `csat_top2`."""
    return _mean(_given(scores, 1, 5))


def ces2_mean(scores: Scores) -> Fraction | None:
    """Customer effort score 2.0: mean agreement, from 1 to 7, that it was easy; higher is better."""
    return _mean(_given(scores, 1, 7))


def ces2_share5(scores: Scores) -> Fraction | None:
    """Customer effort score 2.0 as the share of 5 to 7, in per cent."""
    return _share(_given(scores, 1, 7), 5)


def ces1_mean(scores: Scores) -> Fraction | None:
    """Customer effort score 1.0: mean effort from 1 to 5; LOWER is better."""
    return _mean(_given(scores, 1, 5))


@dataclass(frozen=True, slots=True)
class Attribute:
    """One question of a weighted index: how important (0 or more), and its score; None: not answered."""

    weight: Fraction
    score: Fraction | None


def csi(attributes: Sequence[Attribute], low: int, high: int) -> Fraction | None:
    """Customer satisfaction index, 0 to 100: the weighted mean of scores from `low` to `high`, moved onto that scale."""
    if low >= high:
        raise InvalidInputError("scale", f"{low} is not below {high}")
    total, weights = Fraction(0), Fraction(0)
    for attribute in attributes:
        if attribute.weight < 0:
            raise InvalidInputError("weight", f"{attribute.weight} is negative")
        if attribute.score is None:
            continue
        if not low <= attribute.score <= high:
            raise InvalidInputError("score", f"{attribute.score} is not from {low} to {high}")
        total += attribute.weight * (attribute.score - low) / (high - low)
        weights += attribute.weight
    return 100 * total / weights if weights else None


def _given(scores: Scores, low: int, high: int) -> list[int]:
    given = [score for score in scores if score is not None]
    for score in given:
        if not low <= score <= high:
            raise InvalidInputError("score", f"{score} is not from {low} to {high}")
    return given


def _mean(given: Sequence[int]) -> Fraction | None:
    return Fraction(sum(given), len(given)) if given else None


def _share(given: Sequence[int], least: int) -> Fraction | None:
    return Fraction(100 * sum(score >= least for score in given), len(given)) if given else None

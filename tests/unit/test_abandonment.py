"""How abandoned calls are counted: the vectors of tests/data/abandonment.json, the classes, the estimate of the machines."""

import json
import math
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dialer.abandonment import (
    AUDIT_ONE_IN,
    SYMBOLS,
    AbandonFormula,
    AnsweredCall,
    Denominator,
    EventClass,
    class_of,
    formula_of,
    is_audited,
    message_ok,
    percent,
    ratio_of,
    silent_calls,
    wilson_upper,
)
from dialer.adapters.profile_files import ProfileFiles
from dialer.errors import InvalidInputError
from dialer.leads import Outcome

DATA = json.loads((Path(__file__).parents[1] / "data" / "abandonment.json").read_text())
CLASSES = {symbol: of for of, symbol in SYMBOLS.items()}
SECOND = timedelta(seconds=1)


def formula(profile: str) -> AbandonFormula:
    described = DATA["profiles"][profile]
    return formula_of(described["abandon"], described["connect"]["allowance_ms"])


def limits(vector: dict[str, Any]) -> list[int]:
    """Parts per million, of the windows that the vector speaks of."""
    windows = DATA["profiles"][vector["profile"]]["abandon"]["windows"]
    wanted = vector.get("window", windows[0]["type"])
    return [round(w["limit_ratio"] * 1_000_000) for w in windows if w["type"] == wanted]


@pytest.mark.parametrize("vector", DATA["vectors"], ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, Any]) -> None:
    given = vector["in"]
    counts = {CLASSES[symbol]: number for symbol, number in given.items() if symbol in CLASSES}
    error = Fraction(str(given.get("f", 0)))
    found = ratio_of(counts, formula(vector["profile"]), error)
    expected = vector["rate_pct"]
    assert percent(found.ratio) == (None if expected is None else f"{expected:.4f}")
    verdicts = {found.within(limit) for limit in limits(vector)}
    assert verdicts == {vector["ok"]}
    if "message_ok" in vector:
        assert message_ok(counts) is vector["message_ok"]
    if "silent" in vector:
        assert silent_calls(counts, found.false_machines) == vector["silent"]
    if "strict_pct" in vector:
        assert percent(found.strict_ratio) == f"{vector['strict_pct']:.4f}"
    if "wrong_pct" in vector:
        assert percent(found.ratio) != f"{vector['wrong_pct']:.4f}"


def test_the_shipped_profiles_count_as_the_vectors_have_it() -> None:
    for profile in ProfileFiles().all():
        if profile.id in DATA["profiles"]:
            assert profile.formula == formula(profile.id), profile.id


@pytest.mark.parametrize(
    ("outcome", "facts", "expected"),
    [
        (Outcome.TALKED, {"waited": 2 * SECOND}, EventClass.CONNECTED),
        (Outcome.TALKED, {"waited": 2.001 * SECOND}, EventClass.LATE),
        (Outcome.TALKED, {"waited": None}, EventClass.CONNECTED),
        (Outcome.TALKED, {"waited": 9 * SECOND, "machine": True}, EventClass.MACHINE_BRIDGED),
        (Outcome.MACHINE, {}, EventClass.MACHINE),
        (Outcome.HUNG_UP, {"waited": 2 * SECOND}, EventClass.LEFT_EARLY),
        (Outcome.HUNG_UP, {"waited": 2.001 * SECOND}, EventClass.GAVE_UP),
        (Outcome.ABANDONED, {}, EventClass.SILENT),
        (Outcome.ABANDONED, {"message": True}, EventClass.MESSAGE),
        (Outcome.ABANDONED, {"screened": False}, EventClass.SILENT),
        (Outcome.LOST, {}, EventClass.SILENT),
        (Outcome.LOST, {"machine": True}, EventClass.MACHINE),
        (Outcome.LOST, {"answered": False}, None),
        (Outcome.NO_ANSWER, {"answered": False}, None),
    ],
)
def test_class_of_a_call(
    outcome: Outcome, facts: dict[str, Any], expected: EventClass | None
) -> None:
    assert class_of(AnsweredCall(outcome=outcome, **facts), AbandonFormula()) is expected


def test_a_drop_that_nobody_screened_may_have_been_a_machine_where_the_law_says_so() -> None:
    credited = AbandonFormula(machine_credit=True)
    drop = AnsweredCall(outcome=Outcome.ABANDONED, screened=False)
    assert class_of(drop, credited) is EventClass.UNSCREENED_DROP
    screened = AnsweredCall(outcome=Outcome.ABANDONED)
    assert class_of(screened, credited) is EventClass.SILENT


def test_every_class_has_a_letter_of_its_own() -> None:
    assert set(SYMBOLS) == set(EventClass)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)


def test_what_one_call_weighs() -> None:
    british = formula("GB-OFCOM")
    assert british.weighs(EventClass.LEFT_EARLY) == (0, 0)
    assert british.weighs(EventClass.LATE) == (1, 0)
    assert british.weighs(EventClass.GAVE_UP) == (1, 1)
    italian = formula("IT-GARANTE")
    assert italian.weighs(EventClass.LEFT_EARLY) == (1, 0)
    assert italian.weighs(EventClass.LATE) == (1, 1)
    assert italian.weighs(EventClass.MACHINE) == (0, 0)
    assert italian.weighs(EventClass.MACHINE_BRIDGED) == (0, 0)


@pytest.mark.parametrize("name", list(DATA["profiles"]))
def test_what_single_calls_weigh_adds_up_to_the_ratio_without_estimates(name: str) -> None:
    of = formula(name)
    counts = {each: 3 + place for place, each in enumerate(EventClass)}
    counts[EventClass.MACHINE_BRIDGED] = 0  # no credit
    whole = ratio_of(counts, of, Fraction(0))
    answered = sum(of.weighs(each)[0] * number for each, number in counts.items())
    abandoned = sum(of.weighs(each)[1] * number for each, number in counts.items())
    assert (whole.answered, whole.abandoned) == (answered, abandoned)


def test_nothing_answered_is_no_ratio_rather_than_zero() -> None:
    nothing = ratio_of({}, AbandonFormula(), Fraction(3, 100))
    assert (nothing.ratio, nothing.within(30_000), percent(nothing.ratio)) == (None, None, None)


def test_display_rounds_half_up_and_the_verdict_does_not_round() -> None:
    assert percent(Fraction(1, 32)) == "3.1250"
    assert percent(Fraction(3_000_050, 100_000_000)) == "3.0001"
    barely = ratio_of(
        {EventClass.CONNECTED: 9_699_999, EventClass.SILENT: 300_001}, AbandonFormula(), Fraction(0)
    )
    assert percent(barely.ratio) == "3.0000"
    assert barely.within(30_000) is False


# --- the audit --------------------------------------------------------------------------------------------------------


def test_a_small_audit_is_not_believed_and_a_large_one_with_its_upper_bound() -> None:
    of = AbandonFormula()
    assert of.machine_error(199, 0) == Fraction(3, 100)
    assert of.machine_error(200, 0) == wilson_upper(0, 200)
    assert of.machine_error(200, 4) > Fraction(4, 200)
    assert AbandonFormula(amd_fp_included=False).machine_error(200, 4) == 0


@pytest.mark.parametrize(
    ("successes", "trials", "upper"),
    [(0, 10, 0.2775), (1, 10, 0.4042), (81, 263, 0.3662), (15, 148, 0.1605), (1, 29, 0.1718)],
)
def test_wilson_as_published(successes: int, trials: int, upper: float) -> None:
    """Newcombe (1998), table I, method 3; the first two by the formula's closed form."""
    assert math.isclose(wilson_upper(successes, trials), upper, abs_tol=1e-4)


def test_the_sample_is_drawn_again_alike_and_about_as_large_as_said() -> None:
    ids = [f"0193a5c0-0000-7000-8000-{number:012x}" for number in range(20_000)]
    drawn = [one for one in ids if is_audited(one)]
    assert drawn == [one for one in ids if is_audited(one)]
    expected = len(ids) / AUDIT_ONE_IN
    assert abs(len(drawn) - expected) < 4.5 * math.sqrt(expected)


# --- what a profile may say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("denominator", "dials"), ("late_connect_counts", "yes"), ("amd_fp_default_ratio", 1.5)],
)
def test_a_formula_that_makes_no_sense_is_refused_by_field(field: str, value: object) -> None:
    described = DATA["profiles"]["US-FED"]["abandon"] | {field: value}
    with pytest.raises(InvalidInputError, match=field):
        formula_of(described, 2000)


def test_denominators_have_the_words_of_the_profiles() -> None:
    used = {each["abandon"]["denominator"] for each in DATA["profiles"].values()}
    assert used == set(Denominator)

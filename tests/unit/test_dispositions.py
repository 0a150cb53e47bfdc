"""What an agent may say of a call, and what each word makes of the lead."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.campaign import DEFAULT_RETRY
from dialer.config_dispositions import DispositionSettings
from dialer.dispositions import (
    CHANGE_WITHIN,
    DEFAULT_DISPOSITIONS,
    Category,
    Disposition,
    Ruling,
    Said,
    checked,
    find,
    settle,
)
from dialer.errors import ConflictError, InvalidInputError
from dialer.leads import LeadState, Outcome
from tests.support.playbook import START

HOUR = timedelta(hours=1)


def known(**changes: Any) -> Said:
    base = Said(attempts=0, max_attempts=6, delays=DEFAULT_RETRY, now=START)
    return replace(base, **changes)


def ruled(code: str, callback: timedelta | None = None, **facts: Any) -> Ruling:
    said = find(DEFAULT_DISPOSITIONS, code)
    return settle(said, None if callback is None else START + callback, known(**facts))


def test_every_category_is_in_the_default_set_in_both_languages() -> None:
    assert {one.category for one in DEFAULT_DISPOSITIONS} == set(Category)
    assert all(one.en and one.it for one in DEFAULT_DISPOSITIONS)
    assert checked([]) == DEFAULT_DISPOSITIONS


@pytest.mark.parametrize(("wrong", "right"), [("sales", "sale"), ("wrongnumber", "wrong_number")])
def test_an_unknown_code_is_refused_with_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        find(DEFAULT_DISPOSITIONS, wrong)
    assert refused.value.field == "disposition"
    assert f"did you mean {right!r}" in refused.value.problem


def test_a_code_that_is_like_none_gets_the_whole_list() -> None:
    with pytest.raises(InvalidInputError, match="it has: sale, interested"):
        find(DEFAULT_DISPOSITIONS, "zzz")


def test_a_code_stands_once_in_a_set() -> None:
    with pytest.raises(InvalidInputError, match="'sale' is there twice"):
        checked([*DEFAULT_DISPOSITIONS, DEFAULT_DISPOSITIONS[0]])


@pytest.mark.parametrize("code", ["sale", "not_interested", "wrong_number"])
def test_what_is_final_ends_the_lead(code: str) -> None:
    assert ruled(code).lead_state is LeadState.DONE


def test_a_do_not_call_goes_on_the_list() -> None:
    ruling = ruled("do_not_call")
    assert ruling.do_not_call
    assert ruling.lead_state is LeadState.EXCLUDED


def test_a_wrong_number_is_blocked_and_nothing_else_is() -> None:
    assert [one.code for one in DEFAULT_DISPOSITIONS if one.blocks_number] == ["wrong_number"]
    assert ruled("wrong_number").blocks_number


def test_a_machine_is_tried_again_as_after_a_machine() -> None:
    ruling = ruled("machine")
    assert ruling.next_at == START + DEFAULT_RETRY[Outcome.MACHINE]
    assert ruling.category is Category.MACHINE


def test_the_last_attempt_ends_the_lead_but_a_callback_is_kept() -> None:
    assert ruled("machine", attempts=5).lead_state is LeadState.DONE
    assert ruled("callback", HOUR, attempts=5).next_at == START + HOUR


def test_a_disposition_of_its_own_delay() -> None:
    soon = Disposition(code="soon", category=Category.CONTACT, delay=HOUR)
    assert settle(soon, None, known()).next_at == START + HOUR


def test_one_that_rules_nothing_leaves_the_lead_as_it_is() -> None:
    assert ruled("interested") == Ruling(category=Category.CONTACT)


@pytest.mark.parametrize(
    ("code", "callback", "problem"),
    [("callback", None, "needs the time"), ("callback", -HOUR, "past"), ("sale", HOUR, "ends")],
)
def test_the_time_of_a_callback_is_given_where_it_belongs(
    code: str, callback: timedelta | None, problem: str
) -> None:
    with pytest.raises(InvalidInputError, match=problem) as refused:
        ruled(code, callback)
    assert refused.value.field == "callback_at"


def test_a_correction_comes_within_a_day() -> None:
    assert ruled("sale", ended_at=START - CHANGE_WITHIN, before=Category.CONTACT)
    with pytest.raises(ConflictError, match="too_late"):
        ruled("sale", ended_at=START - CHANGE_WITHIN - timedelta(seconds=1))


def test_a_persons_wish_is_kept_however_late_and_never_taken_back() -> None:
    assert ruled("do_not_call", ended_at=START - timedelta(days=90)).do_not_call
    with pytest.raises(ConflictError, match="do_not_call stands"):
        ruled("sale", before=Category.DO_NOT_CALL)


@pytest.mark.parametrize(
    "settings",
    [
        {"category": "refusal", "final": False},
        {"category": "success", "counts_as": "machine"},
        {"category": "callback", "asks_time": False},
    ],
)
def test_a_disposition_that_contradicts_itself_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"final:|asks_time:"):
        DispositionSettings(code="odd", **settings)


def test_settings_take_what_their_category_means() -> None:
    read = [
        DispositionSettings(code=one.code, category=one.category, en=one.en, it=one.it)
        for one in DEFAULT_DISPOSITIONS
        if one.counts_as is None
    ]
    assert [one.disposition() for one in read] == [
        one for one in DEFAULT_DISPOSITIONS if one.counts_as is None
    ]
    for one in DEFAULT_DISPOSITIONS:
        assert DispositionSettings.of(one).disposition() == one

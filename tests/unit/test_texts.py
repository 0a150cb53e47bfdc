"""Every text is there in both languages, and reads well with values missing."""

import string

import pytest

from dialer.agents import AgentPhase
from dialer.calls import CallState
from dialer.leads import Outcome
from dialer.texts import TEXTS, Language, language_of, text


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_there_in_both_languages_with_the_same_values(key: str) -> None:
    english, italian = TEXTS[key]
    assert english
    assert italian
    assert _values(english) == _values(italian)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", [key for key in TEXTS if key.startswith("why.")])
def test_a_reason_reads_with_its_values_missing(key: str, language: Language) -> None:
    shown = text(key, language, count=None, until=None, detail="")
    assert shown
    assert "None" not in shown
    assert "{" not in shown


def test_every_outcome_has_a_text() -> None:
    assert {f"outcome.{outcome}" for outcome in Outcome} <= set(TEXTS)


def test_every_phase_has_a_text() -> None:
    assert {f"agent.{phase}" for phase in AgentPhase} <= set(TEXTS)


def test_every_state_of_a_call_on_the_way_to_a_talk_has_a_text() -> None:
    shown = set(CallState) - {CallState.TALKED, CallState.ABANDONED, CallState.ENDED}
    assert {f"call.{state}" for state in shown} <= set(TEXTS)


def test_values_are_filled_in() -> None:
    assert text("why.agents_busy", Language.EN, count=3) == "All 3 agents are talking or in wrap-up"
    assert text("why.no_leads_due", Language.IT, until=None).endswith("il prossimo -")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, Language.EN),
        ("", Language.EN),
        ("it", Language.IT),
        ("it-IT,it;q=0.9,en;q=0.8", Language.IT),
        ("de-DE, it;q=0.5", Language.IT),
        ("EN-gb", Language.EN),
        ("fr, de", Language.EN),
        ("*", Language.EN),
    ],
)
def test_the_language_is_the_first_of_ours_that_is_asked_for(
    header: str | None, language: Language
) -> None:
    assert language_of(header) is language


def _values(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}

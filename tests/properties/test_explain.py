"""Whatever is decided can be explained, and the sentence has the decision's own numbers."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.campaign import PacingMode
from dialer.explain import details, explain
from dialer.pacing import Binding, PacingSnapshot, decide, together
from dialer.texts import Language
from tests.properties.test_pacing import either_by_law, modes, policy, ratios

caps = st.sampled_from(
    (
        {},
        {"own_in_flight": 1200},
        {"rate_tokens": 0},
        {"trunk_room": 0},
        {"trunk_room": 0, "trunk_binding": Binding.TRUNKS_DOWN},
        {"idle": 0, "reserved": 0, "busy": ()},
        {"theta": 0.002},
    )
)


@given(either_by_law, modes, ratios, caps)
def test_every_decision_has_its_sentence_with_its_own_numbers(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float, cap: dict[str, object]
) -> None:
    made = decide(replace(snapshot, **cap), policy(mode, ratio))  # type: ignore[arg-type]
    told = details(made)
    assert told is not None
    for language, nothing in ((Language.EN, "No call"), (Language.IT, "Nessuna chiamata")):
        sentence = explain(made, language)
        assert "{" not in sentence
        assert sentence.endswith(".")
        first = re.match(r"(\d+)", sentence)
        assert int(first.group()) == made.calls_to_place if first else sentence.startswith(nothing)
        ringing = re.search(r"(\d+) (?:ringing|in squillo)", sentence)
        assert (int(ringing.group(1)) if ringing else 0) == len(snapshot.in_flight[0].ages)
        waiting = re.search(
            r"(\d+) (?:person|persone|persona|persons) (?:waiting|in attesa)", sentence
        )
        assert (int(waiting.group(1)) if waiting else 0) == snapshot.waiting


@given(either_by_law, modes, ratios)
def test_the_figures_add_up(snapshot: PacingSnapshot, mode: PacingMode, ratio: float) -> None:
    made = decide(snapshot, policy(mode, ratio))
    told = details(made)
    assert told is not None
    assert told.idle + told.reserved + told.busy == snapshot.agents
    assert told.ringing + told.screening == snapshot.unanswered
    assert told.idle <= told.likely_free <= told.idle + told.busy
    if snapshot.agents:
        assert told.free.mean == pytest.approx(made.expected_free)
    assert len(told.windows) == len(snapshot.windows)
    rooms = [window.room for window in told.windows if window.room is not None]
    if made.allowed is not None and rooms and math.isfinite(made.allowed.room):
        assert told.room == min(rooms)
    if made.limited_by is Binding.BUDGET:
        assert any(window.binding for window in told.windows)


@given(either_by_law, either_by_law, modes, st.sampled_from(Language))
def test_two_servers_have_one_sentence(
    one: PacingSnapshot, other: PacingSnapshot, mode: PacingMode, language: Language
) -> None:
    both = together([decide(each, policy(mode)) for each in (one, other)])
    assert both is not None
    assert explain(both, language).endswith(".")
    told = details(both)
    assert told is not None
    assert told.ringing == one.unanswered + other.unanswered

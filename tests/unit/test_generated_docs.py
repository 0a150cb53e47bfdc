"""The pages that are generated from the sources are current."""

from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from dialer.config import Settings
from scripts.generate_docs import pages
from scripts.settings_page import settings_of, why


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_generated_page_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run python -m scripts.generate_docs"


def test_every_state_is_drawn() -> None:
    from dialer.agents import AgentPhase, AgentStatus
    from dialer.calls import CallState
    from dialer.leads import LeadState

    (page,) = [text for path, text in pages().items() if path.name == "states.md"]
    for state in (*CallState, *AgentStatus, *AgentPhase, *LeadState):
        assert f" {state}" in page


@pytest.mark.parametrize(("name", "field"), settings_of(Settings))
def test_every_setting_says_what_it_is_and_why_its_default_is_what_it_is(
    name: str, field: FieldInfo
) -> None:
    assert field.description, name
    assert field.is_required() or why(field), name

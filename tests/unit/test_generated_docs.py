"""The pages that are generated from the sources are current."""

from pathlib import Path

import pytest

from scripts.generate_docs import pages


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

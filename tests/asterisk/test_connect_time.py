"""From the answer to the agent at 20 calls/s. `python -m bench.connect` holds the full bar; here the same path, shortly."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.connect import measure
from dialer.testbed import AsteriskPair

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]


@pytest.mark.timeout(120)
async def test_every_person_is_joined_to_an_agent_within_milliseconds(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    figures = await measure(asterisk_pair, tmp_path, calls=120, rate=20, agents=60)
    assert figures["measured"] == 120
    assert figures["outcomes"] == {"talked": 120}
    assert figures["p50_ms"] < 4 * figures["bar_p99_ms"]  # whatever else the machine does
    print(figures)

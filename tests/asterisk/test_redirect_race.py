"""A redirect that meets the channel's thread between two lines of the dialplan: `python -m bench.redirects`, shortly.

Asterisk's own race: a thread that looks for its next line may find half of the old place and half of the new one. With the wait
in another context than the talk, as it once was, all thirty persons of this run are cut within 3,400 redirects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.redirects import crowded, storm
from dialer.testbed import AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports

pytestmark = pytest.mark.asterisk


@pytest.fixture
def crowded_pair(asterisk_pair: AsteriskPair) -> Iterator[AsteriskPair]:
    """A pair of its own, whose dialplan takes long to find a line."""
    pair = pair_for(f"test-crowded-{os.getpid()}", free_ports(), crowded)
    assert not isinstance(pair, Unavailable)
    try:
        pair.up()
        yield pair
    finally:
        pair.remove()


@pytest.mark.timeout(150)
async def test_a_redirect_cuts_nobody_at_whatever_instant_it_comes(
    crowded_pair: AsteriskPair,
) -> None:
    figures = await storm(crowded_pair, calls=30, tries=5000)
    assert figures.cut == []
    assert figures.told == figures.redirects == 5000

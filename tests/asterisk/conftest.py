"""One pair of real Asterisk servers for the whole session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dialer.testbed import AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports


@pytest.fixture(scope="session")
def asterisk_pair() -> Iterator[AsteriskPair]:
    """PBX and far end, up. Skips with the reason where there is none; fails in CI."""
    pair = pair_for(f"test-{os.getpid()}", free_ports())
    if isinstance(pair, Unavailable):
        if os.environ.get("CI") == "true":
            pytest.fail(pair.reason)
        pytest.skip(pair.reason)
    try:
        pair.up()
        yield pair
    finally:
        pair.remove()

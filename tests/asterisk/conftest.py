"""One pair of real Asterisk servers for the whole session, and one for a module that breaks it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dialer.testbed import AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports


def running_pair(name: str) -> Iterator[AsteriskPair]:
    """PBX and far end, up; removed in the end. Skips with the reason where there is none; fails in CI."""
    pair = pair_for(f"{name}-{os.getpid()}", free_ports())
    if isinstance(pair, Unavailable):
        if os.environ.get("CI") == "true":
            pytest.fail(pair.reason)
        pytest.skip(pair.reason)
    try:
        pair.up()
        yield pair
    finally:
        pair.remove()


@pytest.fixture(scope="session")
def asterisk_pair() -> Iterator[AsteriskPair]:
    yield from running_pair("test")


@pytest.fixture(scope="module")
def own_pair() -> Iterator[AsteriskPair]:
    """Of one module, whose tests break its files and mend them again."""
    yield from running_pair("own")

"""The fault matrix in small: one moment each of its quickest faults, judged as `python -m bench.faults` judges them all."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.faults import floor, moment
from bench.faults.catalogue import all_faults
from dialer.testbed import Unavailable, pair_for
from dialer.testbed_render import free_ports

pytestmark = [pytest.mark.asterisk, pytest.mark.service, pytest.mark.process]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[floor.House]:
    """A pair of its own: these tests end it."""
    pair = pair_for(f"faults-{os.getpid()}", free_ports())
    if isinstance(pair, Unavailable):
        _lacking(pair.reason)
    with floor.House(pair, tmp_path_factory.mktemp("faults")) as running:
        yield running


def _lacking(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["asterisk-restarted", "link-cut", "clock-back"])
def test_a_fault_in_mid_campaign_is_survived(house: floor.House, name: str) -> None:
    fault = all_faults()[name]
    if reason := floor.missing(fault):
        _lacking(reason)
    result = moment.run(house, fault, number=0, seed=1, window_seconds=3)
    assert result.problems == []
    assert result.judged.rings > 20

"""The simulator against the real pair. `python -m bench.truth` holds the full bar; here the same code, shortly.

What two and a half minutes of twenty agents can show: that the real occupancy lies in the simulator's band, that it is within
three points of what the simulator makes of the very same list, and that halved ring delays are found out (they move the
occupancy by about twenty points while a campaign starts). What it cannot: the band of so short a run is over ten points wide,
some hundred answers say nothing of an abandon ratio of 3 %, and pacing has hardly learned anything yet.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.truth import judge
from bench.truth_plan import REDUCED
from bench.truth_real import work
from bench.truth_virtual import all_works, row
from dialer.testbed import AsteriskPair

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]


@pytest.mark.timeout(420)
async def test_the_simulator_tells_the_truth_and_would_be_found_out_if_it_did_not(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    real = await work(asterisk_pair, tmp_path, REDUCED)
    verdict = judge(REDUCED, real.as_dict(), [row(each) for each in all_works(REDUCED)])
    print(verdict)
    assert verdict["faults"] == []
    assert verdict["measured"]["answered"] >= 100
    assert verdict["control_power"] > 0.99

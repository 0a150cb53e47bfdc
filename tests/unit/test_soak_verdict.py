"""From samples to a verdict: a whole, flat, unbroken run passes, and nothing else."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from bench.soak_plan import WHOLE
from bench.soak_verdict import figures_of, table

PLAN = replace(WHOLE, seconds=3600.0, warm_up=600.0)


def run(
    seconds: float = 3600.0, creep: float = 0.0, slowing: float = 0.0, rate: float = 30.0
) -> list[dict[str, Any]]:
    """Samples every 30 s: memory that grows by `creep` MiB an hour, decisions slower by `slowing` ms an hour."""
    random = Random(5)
    found = []
    for index in range(1, int(seconds / 30) + 1):
        at, hours = index * 30.0, index * 30 / 3600
        placed = int(rate * at)
        decisions = [round(random.gauss(2.5 + slowing * hours, 0.2), 3) for _ in range(120)]
        server = {
            "rss_mib": 130 + creep * hours + random.gauss(0, 0.02),
            "anonymous_mib": 100.0,
            "cpu_seconds": placed * 0.012,
            "closed": placed,
            "backlog": 0,
            "writes_waiting": 0,
            "abandon_ratio": 0.0,
            "talk_share": 0.8,
            "decisions_cpu_ms": decisions,
            "decisions_wall_ms": decisions,
        }
        found.append(
            {
                "phase": "dialling",
                "seconds": at,
                "server": server,
                "exchange": {"originates": placed, "peak_calls": 500, "peak_second": 40},
                "store": {"wal_mib": 4.0, "file_mib": 100.0},
                "log_warnings": 0,
                "load_average": 1.0,
            }
        )
    return found


def test_a_whole_flat_unbroken_run_passes_and_says_what_a_call_costs() -> None:
    figures = figures_of(PLAN, run(), {"talked": 1}, [])
    assert figures["ok"]
    assert figures["calls_per_second"] == 30.0
    assert figures["cpu_seconds_per_call"] == pytest.approx(0.012)
    assert [row["from_seconds"] for row in figures["decisions"]["windows"]] == list(
        range(600, 3600, 300)
    )
    assert "memory slope" in table(figures)


@pytest.mark.parametrize(
    ("samples", "broken"),
    [
        (run(seconds=3000.0), []),  # ended early
        (run(creep=4.0), []),
        (run(slowing=2.0), []),
        (run(rate=28.0), []),  # not the load that was asked for
        (run(), ["at 60 s: calls asked for twice: 1"]),
    ],
    ids=["short", "creeping", "slowing", "idle", "broken"],
)
def test_every_bar_can_be_missed(samples: list[dict[str, Any]], broken: list[str]) -> None:
    figures = figures_of(PLAN, samples, {}, broken)
    assert not figures["ok"]
    assert figures["complete"] == (len(samples) == 120)

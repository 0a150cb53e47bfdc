"""The measure of what a benchmark shift costs, over five simulated minutes."""

from bench.lean_speed import measure


def test_a_shift_is_split_into_world_and_decisions() -> None:
    row = measure("S7", 1, 300.0)
    assert row["agents"] == 50
    assert row["decisions"] >= 1200  # one at every tick of a quarter second
    assert row["calls"] > 10  # ten agents at first
    parts = row["cpu_seconds_world"] + row["cpu_seconds_decisions"]
    assert abs(parts - row["cpu_seconds"]) < 0.002
    assert 0.0 < row["cpu_seconds_decisions"] <= row["cpu_seconds"]


def test_a_decision_costs_a_fraction_of_a_millisecond() -> None:
    """Far above the bar, which a busy machine must not fail: a decision that became ten times dearer does."""
    assert measure("S4", 2, 120.0)["cpu_microseconds_per_decision"] < 600.0

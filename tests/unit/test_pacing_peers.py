"""The formulas of the other pacing methods, and the book-keeping of the wide benchmark."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench.pacing import main, maker
from bench.pacing_cases import CASES, reported_seeds
from bench.pacing_cells import Cell, append_cell, efficiency, interval, read_cells, version_of
from bench.pacing_oracle import tuned_theta
from bench.pacing_peers import EisWindow, eis_window, generous_cap, issabel_elapsed
from bench.pacing_risk import POINTS, calls_within, none_left
from bench.pacing_tuned import best, tuned
from bench.pacing_vicidial import Method, calls_wanted, clamped, hhmm, next_level


@pytest.mark.parametrize(
    ("level", "difference", "target", "intensity", "expected"),
    [
        (1.0, 2.0, 0.0, 0, 1.2),  # two of ten idle: a fifth more
        (2.0, 2.0, 0.0, 50, 2.6),  # one and a half times as fast up
        (2.0, -2.0, 0.0, 50, 1.8),  # half as fast down
        (2.0, 2.0, -2.0, 0, 2.0),  # the wanted idle agents are there
        (2.9, 5.0, 0.0, 0, 3.0),  # the cap
        (1.1, -5.0, 0.0, 0, 1.0),  # never below one line an agent
    ],
)
def test_vicidials_level(
    level: float, difference: float, target: float, intensity: float, expected: float
) -> None:
    assert next_level(level, difference, 10, target, intensity, 3.0) == pytest.approx(expected)
    assert next_level(level, difference, 0, target, intensity, 3.0) == level


def test_vicidials_clamps() -> None:
    assert clamped(Method.HARD_LIMIT, 2.8, 1200) == 1.0
    assert clamped(Method.AVERAGE, 2.8, 1200) == 1.4
    assert clamped(Method.AVERAGE, 1.2, 1200) == 1.0
    assert clamped(Method.TAPERED, 2.0, 1059) == 2.0  # more than "1000" left
    assert clamped(Method.TAPERED, 2.0, 1745) == 1.0  # 355 left: 0.71
    assert clamped(Method.TAPERED, 2.0, 1200) == pytest.approx(1.8)
    assert clamped(Method.TAPERED, 3.0, 2130) == 1.0
    assert hhmm(17 * 3600 + 45 * 60 + 59) == 1745


@pytest.mark.parametrize(
    ("level", "active", "existing", "calls"),
    [(1.0, 3, 0, 3), (2.0, 10, 14, 6), (1.5, 3, 0, 5), (2.0, 2, 9, 0), (2.0, -1, 0, 0)],
)
def test_vicidials_calls(level: float, active: int, existing: int, calls: int) -> None:
    assert calls_wanted(level, active, existing) == calls


def test_issabel_waits_three_and_a_half_mean_talks() -> None:
    assert issabel_elapsed(100, 0.97) == pytest.approx(350.66, abs=0.01)


def test_the_window_of_eis() -> None:
    assert eis_window(10, 0.04, 0.03) == 8
    assert eis_window(10, 0.02, 0.03) == 11
    assert eis_window(59, 0.0, 0.03) == 60
    assert eis_window(0.5, 0.5, 0.03) == 0.5
    eis = EisWindow()
    assert eis.ends_within(5) == 0
    for seconds in (20.0, 5.0, 12.0, 14.0):
        eis.talk_left(seconds, 0)
    assert eis.ends_within(6) == pytest.approx(2 / 3)  # of 12, 14 and 20, two by 16 s


def test_the_generous_cap() -> None:
    assert generous_cap(CASES["S5"]) == pytest.approx(2 * (1 + 22 / (85 * 0.1)))


def test_the_risk_of_a_sure_agent_and_of_none() -> None:
    assert none_left(1.0, 0.0, 0.0) == 0.0
    assert none_left(0.0, 0.0, 0.0) == 1.0
    # ten agents free with 1/2 each: P(none) = 0.001
    assert none_left(5.0, 2.5, 0.0) == pytest.approx(0.5**10, abs=2e-3)
    call = [0.0] * POINTS + [0.0] * POINTS + [0.0] * POINTS
    weights = [1 / POINTS] * POINTS
    assert calls_within(1, [0.0] * 3 * POINTS, call, weights, 0.03, 4) == 4
    assert calls_within(0, [0.0] * 3 * POINTS, call, weights, 0.03, 4) == 0
    sure = [1.0] * POINTS + [0.0] * 2 * POINTS
    assert calls_within(3, [0.0] * 3 * POINTS, sure, weights, 0.0, 10) == 3


def test_the_best_ratio_keeps_the_limit_and_is_remembered(tmp_path: Path) -> None:
    # a level of 1 abandons nobody, 3 nearly everybody
    grid = [("RATIO", 1.0, 0.0), ("RATIO", 3.0, 0.0)]
    scenario = replace(CASES["S1"], seconds=2_000.0)
    assert best(scenario, grid, [1])[0] == ("RATIO", 1.0, 0.0)
    with pytest.raises(ValueError, match="limit"):
        best(scenario, grid[1:], [1])
    cache = tmp_path / "tuned.json"
    cache.write_text('{"ratio-tuned S1 v 4": ["RATIO", 1.3, 0.0]}')
    assert tuned("ratio-tuned", "S1", "v", cache) == ("RATIO", 1.3, 0.0)


def test_the_oracles_constant_is_higher_for_a_higher_limit() -> None:
    scenario = replace(CASES["S1"], seconds=1_500.0)
    strict = tuned_theta(replace(scenario, limit=0.01), range(1, 3), steps=3)
    loose = tuned_theta(replace(scenario, limit=0.20), range(1, 3), steps=3)
    assert strict < loose


def test_intervals_of_student() -> None:
    middle, half = interval([1.0, 2.0, 3.0])
    assert middle == 2
    assert half == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert math.isnan(interval([1.0])[1])
    assert efficiency(34.3, 54.4, 29.1) == pytest.approx(0.794, abs=1e-3)


def test_reported_seeds_are_by_size() -> None:
    assert [len(reported_seeds(case)) for case in CASES] == [20, 20, 20, 12, 10, 10, 12, 20]
    assert min(reported_seeds("S1")) == 1000


def test_the_version_follows_scenario_and_code(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("one")
    first = version_of("S1", [source])
    assert first == version_of("S1", [source]) != version_of("S2", [source])
    source.write_text("two")
    assert version_of("S1", [source]) != first


def test_a_run_resumes_after_a_line_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cells.jsonl"
    options = ["--cases", "S1", "--peers", "progressive", "--cells", str(path), "--resume"]
    main([*options, "--seeds", "1"])
    first = list(read_cells(path))
    with path.open("a") as lines:
        lines.write('{"case": "S1", "pe')
    main([*options, "--seeds", "2"])
    cells = list(read_cells(path))
    assert cells[0] == first[0]  # its CPU time too: not run again
    assert [cell.seed for cell in cells] == [1000, 1001]
    assert "| progressive | 0.6" in capsys.readouterr().out


def test_an_unknown_peer_or_case_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nobody"):
        maker("nobody", "S1", "v", tmp_path / "cache.json")
    with pytest.raises(SystemExit, match="S99"):
        main(["--cases", "S99", "--cells", str(tmp_path / "c.jsonl")])
    made = maker("bench.pacing_peers:EisWindow", "S1", "v", tmp_path / "cache.json")
    assert isinstance(made(CASES["S1"]), EisWindow)


def test_a_cell_is_read_as_written(tmp_path: Path) -> None:
    cell = Cell(
        case="S1",
        peer="eis",
        seed=1,
        version="v",
        talk_share=0.5,
        occupancy=0.6,
        wait=20.0,
        abandoned=0.01,
        worst_hour=0.02,
        worst_after_200=0.03,
        dials_per_connect=3.0,
        most_lines=9,
        decide_p50_ms=0.1,
        decide_p99_ms=0.2,
        cpu_seconds=0.3,
    )
    append_cell(tmp_path / "new" / "cells.jsonl", cell)
    assert list(read_cells(tmp_path / "new" / "cells.jsonl")) == [cell]

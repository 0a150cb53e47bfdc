"""The wide pacing benchmark: its cells, bars and page. The policies have their own tests."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import pacing_page
from bench.pacing import Bench, efficiency_of, main
from bench.pacing_bars import Figures, bars
from bench.pacing_cases import CASES, MANY, reported_seeds
from bench.pacing_cells import Cell, append_cell, interval, most_excess, read_cells, version_of
from bench.pacing_choices import Choices
from bench.pacing_figures import Row, row_of
from bench.pacing_own_cases import ALL, OWN
from bench.pacing_policies import NAMES, build, file_of, sources
from bench.pacing_run import OutOfTimeError, Run
from bench.pacing_run import version as run_version
from dialer.simulator.lean import LeanWorld

CELL = Cell(
    case="S1",
    peer="engine",
    seed=1000,
    version="v",
    talk_share=0.7,
    occupancy=0.8,
    wait=30.0,
    abandoned=0.025,
    worst_hour=0.04,
    worst_after_200=0.03,
    dials_per_connect=3.0,
    most_lines=9,
    decide_p50_ms=0.1,
    decide_p99_ms=0.2,
    cpu_seconds=0.3,
    answered=400,
    dialled=1200,
    cancelled=0,
    most_excess=0.5,
)


def row(case: str, peer: str, wait: float, half: float = 0.1) -> Row:
    made = row_of([replace(CELL, case=case, peer=peer)], peer, 0.03)
    made.wait = (wait, half)
    return made


def reference(case: str, wait: float, engine: float, more: float = 0.0) -> Row:
    made = row(case, "oracle-equal", wait)
    made.slower, made.more = (wait - engine, 0.1), (more, 0.001)
    return made


def judged(*rows: Row, cells: tuple[Cell, ...] = ()) -> dict[str, bool | None]:
    figures = Figures({(each.case, each.peer): each for each in rows}, list(cells), [])
    return {bar.name: bar.holds for bar in bars(figures)}


def test_what_was_not_measured_neither_holds_nor_fails() -> None:
    assert set(judged().values()) == {None}


def test_the_bars_of_the_limit() -> None:
    over = replace(CELL, abandoned=0.0301)
    assert judged(cells=(CELL,) * 99 + (over,))["limit"] is True
    assert judged(cells=(CELL,) * 99 + (over,))["limit, a thousand shifts"] is False
    assert judged(cells=(CELL,) * 98 + (over,) * 2)["limit"] is False
    assert judged(cells=(CELL,) * 200 + (replace(CELL, abandoned=0.032),))["limit"] is False
    assert judged(cells=(CELL,) * 999)["limit, a thousand shifts"] is None
    assert judged(cells=(CELL,) * 1000)["limit, a thousand shifts"] is True
    assert sum(MANY.values()) == 1000


def test_a_wait_is_held_against_the_table_and_the_reference() -> None:
    against = "wait {} against the reference at the same share abandoned"
    assert judged(row("S1", "engine", 36.0))["wait S1"] is True
    assert judged(row("S1", "engine", 36.2))["wait S1"] is False
    assert judged(reference("S1", 31.4, 36.0))[against.format("S1")] is True
    assert judged(reference("S1", 31.2, 36.0))[against.format("S1")] is False
    # three tenths of a second are allowed to a large team, but only at the same share
    assert judged(reference("S6", 1.1, 1.35))[against.format("S6")] is True
    assert judged(reference("S6", 1.1, 1.35, more=0.002))[against.format("S6")] is None


def test_intervals_that_touch_do_not_beat_the_tuned() -> None:
    engine, near, far = (
        row("S2", "engine", 20.0, half=1.0),
        row("S2", "ratio-tuned", 21.5, half=0.6),
        row("S2", "vicidial-tuned", 23),
    )
    found = judged(engine, near, far)
    assert found["wait S2 against ratio-tuned"] is False
    assert found["wait S2 against vicidial-tuned"] is True


def test_an_own_scenario_holds_all_its_bounds_or_none() -> None:
    def two(wait: float, over: float) -> bool | None:
        engine = row("two", "engine", wait)
        engine.over_limit = over
        found = judged(engine, row("two", "progressive", 70.0))
        return found[f"two: {OWN['two'].about}"]

    assert two(71.0, 0.0) is True
    assert two(72.0, 0.0) is False
    assert two(60.0, 0.1) is False
    assert judged(row("two", "engine", 60.0))[f"two: {OWN['two'].about}"] is None


def test_what_was_lent_bounds_a_shift_cut_short() -> None:
    def cut(abandoned: int) -> bool | None:
        cell = replace(CELL, case="cut-short", answered=1000, abandoned=abandoned / 1000)
        rows = {("cut-short", "engine"): row_of([cell], "engine", 0.03)}
        (bar,) = [b for b in bars(Figures(rows, [cell], [])) if b.name.startswith("cut-short")]
        return bar.holds

    assert cut(30) is True
    assert cut(34) is True
    assert cut(35) is False


def test_policies_are_compared_seed_by_seed() -> None:
    engine = [replace(CELL, seed=seed, wait=float(seed)) for seed in (1, 2, 3)]
    other = [replace(CELL, seed=seed, wait=seed + 5.0, abandoned=0.035) for seed in (3, 2, 4)]
    found = row_of(other, "eis", 0.03, engine)
    assert found.slower == (5.0, 0.0)
    assert found.more == pytest.approx((0.01, 0.0))
    assert row_of(other, "eis", 0.03).slower is None


def test_the_efficiency_is_one_for_the_reference_and_none_above_the_limit() -> None:
    engine = row_of([replace(CELL, wait=20.0)], "engine", 0.03, [replace(CELL, wait=20.0)])
    progressive, oracle, over = (
        row_of(
            [replace(CELL, peer=peer, wait=wait, abandoned=share)],
            peer,
            0.03,
            [replace(CELL, wait=20.0)],
        )
        for peer, wait, share in (
            ("progressive", 60.0, 0.0),
            ("oracle-equal", 18.0, 0.02),
            ("eis", 5.0, 0.09),
        )
    )
    rows = {("S1", each.peer): each for each in (engine, progressive, oracle, over)}
    assert efficiency_of(oracle, rows) == 1.0
    assert efficiency_of(progressive, rows) == 0.0
    assert efficiency_of(engine, rows) == pytest.approx(40 / 42, abs=1e-3)
    assert efficiency_of(over, rows) is None
    assert efficiency_of(engine, {}) is None


def test_the_most_above_the_limit_is_counted_from_the_fiftieth_answer() -> None:
    history = [(float(k), k < 4) for k in range(100)]
    assert most_excess(history, 0.03) == pytest.approx(4 - 1.5)
    assert most_excess(history[:49], 0.03) == 0


def test_the_version_follows_scenario_and_code(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("one")
    first = version_of("S1", [source])
    assert first == version_of("S1", [source]) != version_of("S2", [source])
    other = tmp_path / "other.py"
    other.write_text("two")
    assert version_of("S1", [other]) != first


def test_a_policys_sources_are_its_own_and_the_worlds() -> None:
    names = {path.name for path in sources("oracle@0.03")}
    assert {"pacing_oracle.py", "pacing_risk.py", "lean.py", "lean_scenario.py"} <= names
    assert "pacing_peers.py" not in names
    engine = {path.name for path in sources("engine")}
    assert {"pacing_engine.py", "pacing.py", "lean_view.py"} <= engine
    assert "pacing_vicidial.py" not in engine
    assert file_of("bench.pacing_engine").is_file()


def test_the_engines_version_follows_what_it_does() -> None:
    versions = {run_version("S1", spec) for spec in ("engine", "engine-strict", "engine-scores")}
    assert len({each.split(" ")[0] for each in versions}) == 3
    assert run_version("S1", "engine") == run_version("S1", "engine") != run_version("S2", "engine")


def test_a_run_resumes_after_a_line_cut_short(tmp_path: Path) -> None:
    options = ["--cases", "S1", "--peers", "progressive", "--jobs", "1", "--results", str(tmp_path)]
    path = tmp_path / "pacing-cells.jsonl"
    main([*options, "--seeds", "1"])
    first = list(read_cells(path))
    with path.open("a") as lines:
        lines.write('{"case": "S1", "pe')
    main([*options, "--seeds", "2"])
    cells = list(read_cells(path))
    assert cells[0] == first[0]  # its CPU time too: not run again
    assert [cell.seed for cell in cells] == [1000, 1001]


def test_a_run_out_of_time_keeps_what_is_done(tmp_path: Path) -> None:
    clock = iter([0.0, 0.0, 5.0]).__next__
    run = Run(tmp_path / "cells.jsonl", tmp_path / "tuning.jsonl", until=4.0, clock=clock)
    with pytest.raises(OutOfTimeError):
        run.cells("two", "progressive", "progressive", range(1000, 1008))
    assert [cell.seed for cell in read_cells(tmp_path / "cells.jsonl")] == [1000, 1001]
    clock = iter([5.0, 5.0]).__next__
    run = Run(tmp_path / "cells.jsonl", tmp_path / "tuning.jsonl", until=4.0, clock=clock)
    bench = Bench(run, Choices(run, tmp_path / "chosen.json"), most=8, quick=False)
    assert not bench.work([("two", "progressive"), ("two", "oracle-equal")])
    rows = bench.figures([("two", "progressive"), ("two", "oracle-equal")]).rows
    assert [row.shifts for row in rows.values()] == [2]


def test_a_choice_is_remembered(tmp_path: Path) -> None:
    class Counting(Run):
        asked = 0

        def cells(self, case: str, peer: str, spec: str, *_: object, **__: object) -> list[Cell]:
            self.asked += 1
            level = float(spec.split(",")[1])
            return [replace(CELL, abandoned=0.09 * (level - 1), talk_share=level)]

    path = tmp_path / "chosen.json"
    run = Counting(tmp_path / "cells.jsonl", tmp_path / "tuning.jsonl")
    assert Choices(run, path).spec("S1", "ratio-tuned", reported_seeds("S1")) == (
        "vicidial@RATIO,1.3,0.0"
    )
    asked = run.asked
    Choices(run, path).spec("S1", "ratio-tuned", reported_seeds("S1"))
    assert run.asked == asked == 5  # 1.0 to 1.4
    assert Choices(run, path).spec("S1", "eis", reported_seeds("S1")) == "eis"


def test_the_reference_so_far_is_of_as_many_shifts_as_it_was_chosen_on(tmp_path: Path) -> None:
    version = run_version("S1", "oracle")
    path = tmp_path / "chosen.json"
    keys = {
        f"oracle-equal S1 {version} {100 * share} {n}": f"oracle@{n}"
        for share, n in ((0.02, 5), (0.021, 20))
    }
    path.write_text(json.dumps(keys))
    choices = Choices(Run(tmp_path / "cells.jsonl", tmp_path / "tuning.jsonl"), path)
    assert choices.so_far("S1", "oracle-equal", range(1000, 1012)) == "oracle@5"
    assert choices.so_far("S1", "oracle-equal", range(1000, 1020)) == "oracle@20"
    assert choices.so_far("S1", "oracle-equal", range(1000, 1004)) is None
    assert choices.so_far("S2", "oracle-equal", range(1000, 1020)) is None
    assert choices.so_far("S1", "ratio-tuned", range(1000, 1020)) is None


def test_an_unknown_policy_or_scenario_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nobody"):
        main(["--peers", "nobody", "--results", str(tmp_path)])
    with pytest.raises(SystemExit, match="S99"):
        main(["--cases", "S99", "--results", str(tmp_path)])


@pytest.mark.parametrize("spec", ["vicidial@AVERAGE,3.0,-0.04", "oracle@0.02", "eis", "engine"])
def test_a_policy_is_built_from_its_spec_and_gives_one_shift_a_seed(spec: str) -> None:
    scenario = replace(ALL["S2"], seconds=400.0)
    first, second = (LeanWorld(scenario, build(spec, scenario), 7).run() for _ in range(2))
    assert first == second
    assert first.dialled > 50


def test_a_cell_is_read_as_written(tmp_path: Path) -> None:
    append_cell(tmp_path / "new" / "cells.jsonl", CELL)
    assert list(read_cells(tmp_path / "new" / "cells.jsonl")) == [CELL]


def test_the_page_is_what_the_results_give() -> None:
    figures = json.loads(pacing_page.FIGURES.read_text())
    assert pacing_page.PAGE.read_text(encoding="utf-8") == pacing_page.page(figures)


def test_every_policy_and_scenario_has_its_words() -> None:
    assert set(pacing_page.TITLES) == set(NAMES)
    assert set(pacing_page.ABOUT) == set(ALL) == {*CASES, *OWN}
    assert interval([1.0, 3.0])[0] == 2.0

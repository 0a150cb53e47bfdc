"""Does the simulator tell the truth? The same engine, the same list, on the simulator and on a real pair of Asterisk servers.

The server works a list on the pair; the simulator predicts the occupancy of such a run with its 95 % band. The bars: the real
occupancy lies in the band, which is at most 5 points wide, with at least 600 answers; the abandon ratio is under the limit; the
PBX's events and the far end's records agree with what the server says of itself. And the negative control: a simulator whose
people take half as long to the answer must be found out. docs/explanation/simulator.md has the how and why.

    python -m bench.truth [--reduced] [--resume] [--jobs 1]
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import report
from bench.truth_plan import FULL, REDUCED, Plan
from bench.truth_real import RealRun, work
from bench.truth_verdict import (
    FEWEST_ANSWERS,
    WIDEST,
    Measured,
    Predicted,
    band,
    faults,
    power,
    too_small,
)
from bench.truth_virtual import HALVED, all_works, row
from dialer.adapters.profile_files import ProfileFiles
from dialer.testbed import Unavailable, pair_for
from dialer.testbed_render import free_ports

NAME = "truth"
Rows = list[dict[str, Any]]


def simulated(plan: Plan, jobs: int, rows: Rows) -> Iterator[Rows]:
    """The replications, one more at a time, on top of those that are known."""
    known = {_key(each) for each in rows}
    left = [
        each for each in all_works(plan) if (each.seed, each.pace, each.same_order) not in known
    ]
    if jobs == 1:
        results: Iterator[dict[str, Any]] = map(row, left)
        yield from _growing(rows, results)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from _growing(rows, pool.map(row, left))


def _growing(rows: Rows, results: Iterator[dict[str, Any]]) -> Iterator[Rows]:
    yield rows
    for each in results:
        rows = [*rows, each]
        yield rows


def _key(each: dict[str, Any]) -> tuple[int, float, bool]:
    return each["seed"], each["pace"], each["same_order"]


def occupancies(rows: Rows, *, pace: float = 1.0, same_order: bool = False) -> list[float]:
    return [each["occupancy"] for each in rows if _key(each)[1:] == (pace, same_order)]


def measured(real: dict[str, Any]) -> Measured:
    """The judged figures of a run as `RealRun.as_dict` has them. The abandon ratio is that of the store, to the last call."""
    seen = real["witnesses"]
    return Measured(
        occupancy=real["occupancy"],
        abandon_ratio=seen["stored_abandoned"] / max(seen["stored_answered"], 1),
        answered=seen["stored_answered"],
        pbx_occupancy=seen["pbx_occupancy"],
        disagreements=seen["disagreements"],
        rung_twice=seen["rung_twice"],
    )


def predicted(rows: Rows) -> Predicted:
    return Predicted(
        any_order=band(occupancies(rows)),
        own_order=band(occupancies(rows, same_order=True)),
        halved=band(occupancies(rows, pace=HALVED)),
    )


def judge(plan: Plan, real: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """The verdict with all that led to it. `ok`: every bar of a full run holds."""
    said, run = predicted(rows), measured(real)
    limit = ProfileFiles(None).get(plan.rules.profile).strictest_limit
    found, small = faults(run, said, limit), too_small(run, said.any_order)
    abandons = [e["abandoned"] / e["answered"] for e in rows if _key(e)[1:] == (1.0, False)]
    return {
        "measured": {name: _rounded(value) for name, value in asdict(run).items()},
        "predicted_occupancy": said.any_order.as_dict(),
        "predicted_occupancy_same_order": said.own_order.as_dict(),
        "difference_same_order": round(run.occupancy - said.own_order.mean, 4),
        "control_halved_delays": said.halved.as_dict(),
        "control_power": round(power(occupancies(rows), said.halved), 4),
        "predicted_abandon_ratio": band(abandons).as_dict(),
        "abandon_limit": limit,
        "faults": found,
        "too_small": small,
        "bar_answers": FEWEST_ANSWERS,
        "bar_band_width": WIDEST,
        "ok": not found and not small,
    }


def _rounded(value: float | int) -> float | int:
    return round(value, 5) if isinstance(value, float) else value


def on_the_pair(plan: Plan) -> RealRun | Unavailable:
    """The real run, on a pair of its own."""
    pair = pair_for("bench-truth", free_ports())
    if isinstance(pair, Unavailable):
        return pair
    try:
        pair.up()
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(work(pair, Path(folder), plan))
    finally:
        pair.remove()


def done_before(reduced: bool, plan: Plan) -> dict[str, Any]:
    """What the last run left, if it was of this plan and commit."""
    path = report.RESULTS / f"{NAME}{'-reduced' * reduced}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    same = (found.get("commit"), found.get("plan")) == (report.commit(), _plan(plan))
    return found if same else {}


def _plan(plan: Plan) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    return described


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reduced", action="store_true", help="20 agents, two and a half minutes")
    parser.add_argument("--resume", action="store_true", help="keep what this commit has measured")
    parser.add_argument("--jobs", type=int, default=1, help="processes for the replications")
    options = parser.parse_args()
    plan = REDUCED if options.reduced else FULL
    before = done_before(options.reduced, plan) if options.resume else {}
    real = before.get("real")
    if real is None:
        print(f"real pair: {plan.agents} agents, {plan.minutes:g} minutes", flush=True)
        run = on_the_pair(plan)
        if isinstance(run, Unavailable):
            print(f"not run: {run.reason}", file=sys.stderr)
            return 2
        real = run.as_dict()
    figures: dict[str, Any] = {"plan": _plan(plan), "real": real, "ok": False}
    for rows in simulated(plan, options.jobs, before.get("rows", [])):
        figures["rows"] = rows
        report.write(NAME, figures, reduced=options.reduced)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    verdict = judge(plan, real, figures["rows"])
    for name, value in verdict.items():
        print(f"{name:32} {value}")
    rows = figures.pop("rows")
    print(report.write(NAME, figures | verdict | {"rows": rows}, reduced=options.reduced))
    return 0 if verdict["ok"] or (options.reduced and not verdict["faults"]) else 1


if __name__ == "__main__":
    sys.exit(main())

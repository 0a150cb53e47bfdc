"""Strike every fault at several moments of a running campaign, judge by the records of others, write the table.

Resumable: a moment that is in bench/results/faults.json already, for this commit, machine and seed, is not run again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import report
from bench.faults import floor, moment, table, verdict
from bench.faults.catalogue import Fault, all_faults
from dialer.testbed import Unavailable, pair_for
from dialer.testbed_render import free_ports

NAME = "faults"
PAGE = Path("docs/operations/fault-matrix.md")
WRITTEN = (str(PAGE), f"bench/results/{NAME}.json")


def main() -> int:
    options = arguments()
    faults = all_faults()
    chosen = [faults[name] for name in options.fault or faults]
    figures = begin(options)
    pair = pair_for(f"bench-faults-{os.getpid()}", free_ports())
    if isinstance(pair, Unavailable):
        print(f"not run: {pair.reason}", file=sys.stderr)
        return 2
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # ended from outside: all that was started ends too
        signal.signal(number, lambda *_: sys.exit(1))
    with work_folder(options.keep) as folder, floor.House(pair, folder) as house:
        for number in range(1, options.moments + 1):
            for fault in chosen:
                run_one(house, fault, number, figures)
    finish(figures, list(faults.values()))
    failed = [each for each in figures["results"] if each["problems"]]
    print(f"{len(figures['results']) - len(failed)} of {len(figures['results'])} moments survived")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--fault", action="append", choices=sorted(all_faults()), metavar="NAME")
    parser.add_argument("--moments", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a new folder for logs and databases, to look at")
    parser.add_argument(
        "--also", action="append", default=[], metavar="COMMIT", help="whose moments count as done"
    )
    parser.add_argument("--again", action="store_true", help="also what is done already")
    return parser.parse_args()


@contextlib.contextmanager
def work_folder(keep: Path | None) -> Iterator[Path]:
    """PostgreSQL, which runs as a user of its own, must be able to pass through it."""
    with contextlib.ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        yield folder


def code() -> str:
    """The commit that runs; what this command writes does not make it dirty."""
    found = report.commit().removesuffix("-dirty")
    command = ["git", "status", "--porcelain", "--untracked-files=no"]
    changed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    dirty = any(line[3:] not in WRITTEN for line in changed.splitlines())
    return f"{found}-dirty" if dirty else found


def begin(options: argparse.Namespace) -> dict[str, Any]:
    """The figures so far: those of this commit, machine and seed."""
    figures: dict[str, Any] = {
        "commit": code(),
        "seed": options.seed,
        "moments": options.moments,
        "results": [],
    }
    path = report.RESULTS / f"{NAME}.json"
    if path.is_file() and not options.again:
        found = json.loads(path.read_text())
        if found["seed"] == options.seed and found["machine"] == report.machine():
            commits = {figures["commit"], *options.also}
            figures["results"] = [each for each in found["results"] if each["commit"] in commits]
    return figures


def run_one(house: floor.House, fault: Fault, number: int, figures: dict[str, Any]) -> None:
    where = f"{fault.name} {number}"
    if any(each["fault"] == fault.name and each["number"] == number for each in figures["results"]):
        print(f"{where}: done")
        return
    if reason := floor.missing(fault):
        raise SystemExit(f"{where}: {reason}")
    try:
        result = {"commit": figures["commit"]}
        result |= asdict(moment.run(house, fault, number, figures["seed"]))
    except Exception:  # of the harness: the other moments are worth having
        print(f"{where}: not measured\n{traceback.format_exc()}", flush=True)
        return
    figures["results"].append(result)
    figures["ok"] = not any(each["problems"] for each in figures["results"])
    report.write(NAME, figures, reduced=False)
    judged = result["judged"]
    print(
        f"{where}: {'; '.join(result['problems']) or 'survived'}"
        f" | attempts {judged['attempts']} rings {judged['rings']} unrung {judged['unrung']}"
        f" longest wait {judged['longest_wait_seconds']} s"
        f" | ring {result['first_ring_seconds']} talk {result['first_talk_seconds']}"
        f" team {result['team_seconds']} s",
        flush=True,
    )


def page(written: dict[str, Any]) -> str:
    """The page that these figures, as they stand in the file, give."""
    faults = list(all_faults().values())
    limits = (verdict.LIMIT_SECONDS, verdict.TOLERANCE)
    return table.page(written, faults, len(floor.CODES), *limits)


def finish(figures: dict[str, Any], faults: list[Fault]) -> None:
    """The page, once every fault has all its moments."""
    order = {fault.name: index for index, fault in enumerate(faults)}
    figures["results"].sort(key=lambda each: (order[each["fault"]], each["number"]))
    path = report.write(NAME, figures, reduced=False)
    if len(figures["results"]) < len(faults) * figures["moments"]:
        print(f"{path}; the table is written when every fault has been struck")
        return
    PAGE.write_text(page(json.loads(path.read_text())), encoding="utf-8")
    print(f"{path}, {PAGE}")


if __name__ == "__main__":
    sys.exit(main())

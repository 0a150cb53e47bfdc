"""How fast a list of a million comes in: `python -m bench.import_leads`.

Writes seeded files (quoted names, 5 in 1,000 rows unusable, 1 in 100 twice, 1 in 50 from abroad, a third of the numbers
with blanks), imports each into a fresh database by the command itself, `dialer leads import`, and samples the memory of all
of its processes. Then into the full store: the first half of the file once more (`again`: duplicates only), and other
leads while a neighbour commits one row every 50 ms, as a server at work would, and says how long it had to wait (`beside`).

The machine may be shared. Bars: rows a second of the clock, and the memory of the long file against that of the short one.
CPU seconds say what the figure would be on an idle machine (not those of a PostgreSQL server). Exits 1 when a bar is missed.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from bench import report

FULL, SHORT = 1_000_000, 100_000
ROWS_PER_SECOND = 15_000
MORE_MEMORY_MB = 50
PAGE = os.sysconf("SC_PAGE_SIZE")
ABROAD = ("+4420794{:05d}", "+33612{:06d}", "+1212555{:04d}", "+4915112{:06d}", "+41781{:06d}")
BAD = ("12", "112", "899123456", "no number", "3.91234E+11", "")

Result = dict[str, Any]


# -- the files -------------------------------------------------------------------------------------


def row(number: int, random: Random) -> str:
    """One line of the file."""
    chance = random.random()
    if chance < 0.005:
        phone = random.choice(BAD)
    elif chance < 0.025:
        phone = random.choice(ABROAD).format(number % 10_000)
    else:
        digits = f"{number * 7919 % 10**7:07d}"
        prefix = 320 + number // 10_000_000 + random.randrange(60)
        blank = " " if random.random() < 0.33 else ""
        phone = f"+39{blank}{prefix}{blank}{digits}"
    return f'{phone},"Person {number}, of a town",,{number % 3},C-{number},Some street {number}'


def write_file(path: Path, rows: int, seed: int) -> None:
    random = Random(seed)
    with path.open("w") as file:
        file.write("phone,name,zone,priority,external_id,street\n")
        line = ""
        for number in range(rows):
            if not line or random.random() >= 0.01:
                line = row(number, random)
            file.write(line + "\n")


# -- one import ------------------------------------------------------------------------------------


def family(pid: int) -> list[int]:
    """The process and its children, and theirs."""
    found = [pid]
    for each in found:
        path = Path(f"/proc/{each}/task/{each}/children")
        try:
            found += map(int, path.read_text().split())
        except OSError:
            continue
    return found


def memory_mb(pid: int) -> float:
    """What the processes hold in memory together, shared pages counted in each."""
    pages = 0
    for each in family(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * PAGE / 1e6


class Neighbour(threading.Thread):
    """Writes a row every 50 ms, into a table of its own, and takes the time."""

    def __init__(self, database: Path) -> None:
        super().__init__(daemon=True)
        self._database = database
        self._end = threading.Event()
        self.waits: list[float] = []
        self.refused = 0

    def run(self) -> None:
        connection = sqlite3.connect(self._database, timeout=30, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS neighbour (n INTEGER)")
        while not self._end.wait(0.05):
            begun = time.perf_counter()
            try:
                connection.execute("INSERT INTO neighbour VALUES (1)")
            except sqlite3.OperationalError:
                self.refused += 1
            self.waits.append(time.perf_counter() - begun)
        connection.close()

    def stop(self) -> Result:
        self._end.set()
        self.join()
        waits = sorted(self.waits) or [0.0]
        return {
            "writes": len(self.waits),
            "refused": self.refused,
            "wait_seconds_median": waits[len(waits) // 2],
            "wait_seconds_p95": waits[len(waits) * 95 // 100],
            "wait_seconds_max": waits[-1],
        }


@contextmanager
def neighbour(database: Path | None) -> Iterator[Result]:
    """Fills the result at the end; empty without a database file."""
    found: Result = {}
    if database is None:
        yield found
        return
    thread = Neighbour(database)
    thread.start()
    try:
        yield found
    finally:
        found |= thread.stop()


def import_once(file: Path, config: Path) -> Result:
    """The command, its time, the CPU of all of its processes and their memory at the most."""
    command = [sys.executable, "-m", "dialer", "leads", "import", str(file)]
    command += ["--campaign", file.parent.name, "--config", str(config)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    peak, processes = 0.0, 0
    while process.poll() is None:
        peak = max(peak, memory_mb(process.pid))
        processes = max(processes, len(family(process.pid)))
        time.sleep(0.1)
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode not in (0, 3):
        raise SystemExit(f"the import failed ({process.returncode}): {said}")
    added, duplicates, rejected = (int(part.split()[0]) for part in said.splitlines()[0].split(","))
    rows = added + duplicates + rejected
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows": rows,
        "added": added,
        "duplicates": duplicates,
        "rejected": rejected,
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "cpu_seconds": cpu,
        "cpu_seconds_per_100k": cpu / rows * 100_000,
        "peak_rss_mb": peak,
        "processes": processes,
        "load_average": os.getloadavg()[0],
    }


def configure(folder: Path, url: str) -> Path:
    path = folder / "bench.toml"
    path.write_text(f'[database]\nurl = "{url}"\n[[campaigns]]\nid = "{folder.name}"\n')
    return path


# -- all of them -----------------------------------------------------------------------------------


def measure(folder: Path, sizes: dict[str, int], url: str | None) -> Result:
    found: Result = {}
    for name, rows in sizes.items():
        place = folder / name
        place.mkdir()
        file, database = place / "leads.csv", place / "bench.sqlite3"
        write_file(file, rows, seed=1)
        config = configure(place, url or f"sqlite:///{database}")
        found[name] = import_once(file, config)
        if name == "full":
            half = place / "half.csv"
            write_file(half, rows // 2, seed=1)
            found["again"] = import_once(half, config)
            beside = place / "beside.csv"
            write_file(beside, rows // 5, seed=2)
            with neighbour(None if url else database) as waits:
                found["beside"] = import_once(beside, config)
            found["beside"]["neighbour"] = waits
        shutil.rmtree(place)
    return found


def judge(runs: Result, *, reduced: bool) -> list[Result]:
    """The bars, and whether they hold. A reduced run is too short for those of speed and memory."""
    twice = runs["again"]["added"]
    bars = [{"bar": "leads added twice", "found": twice, "ok": twice == 0}]
    if reduced:
        return bars
    speed = runs["full"]["rows_per_second"]
    more = runs["full"]["peak_rss_mb"] - runs["short"]["peak_rss_mb"]
    bars += [
        {"bar": f"rows/s >= {ROWS_PER_SECOND:,}", "found": speed, "ok": speed >= ROWS_PER_SECOND},
        {"bar": f"MB more <= {MORE_MEMORY_MB}", "found": more, "ok": more <= MORE_MEMORY_MB},
    ]
    return bars


def show(runs: Result, bars: list[Result]) -> None:
    print(f"{'':8} {'rows':>9} {'rows/s':>8} {'CPU s/100k':>11} {'RSS MB':>7} {'load':>5}")
    for name, run in runs.items():
        print(
            f"{name:8} {run['rows']:9,} {run['rows_per_second']:8,.0f}"
            f" {run['cpu_seconds_per_100k']:11.2f} {run['peak_rss_mb']:7.0f}"
            f" {run['load_average']:5.1f}"
        )
    waits = runs["beside"].get("neighbour")
    if waits:
        print("another writer waits:", json.dumps(waits))
    for bar in bars:
        print(f"{'ok  ' if bar['ok'] else 'MISS'} {bar['bar']:36} {bar['found']:10.1f}")


def main() -> int:
    """Measure, print, write; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Benchmark of `dialer leads import`.")
    parser.add_argument("--reduced", action="store_true", help="60,000 and 180,000 rows")
    parser.add_argument("--url", help="an empty database to use instead of SQLite files")
    args = parser.parse_args()
    sizes = {"short": SHORT, "full": FULL}
    if args.reduced:
        sizes = {"short": 60_000, "full": 180_000}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="dialer-bench-") as folder:
        runs = measure(Path(folder), sizes, args.url)
    bars = judge(runs, reduced=args.reduced)
    show(runs, bars)
    ok = all(bar["ok"] for bar in bars)
    name = "import_leads_postgresql" if args.url else "import_leads"
    shared = "the machine is shared: CPU seconds and ratios say more than rows a second"
    figures = {"load_average_before": load, "note": shared, "runs": runs, "bars": bars, "ok": ok}
    print(report.write(name, figures, reduced=args.reduced))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

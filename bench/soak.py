"""Two hours at 30 calls a second with 300 agents: does anything creep, does anything break?

Three processes: the simulated exchange, the production server (one process, SQLite on disk, its API scraped), and this one,
which only looks. Bars: memory flat after the warm-up, p99 of the decisions' CPU time flat, no invariant broken. CPU seconds
per call are stated.

Samples are kept in bench/results/soak-partial.json as they come. An interrupt (Ctrl-C, SIGTERM) ends the soak in order: calls
drain, the history is judged, and the result says that it was too short to pass. A second one leaves nothing but the samples.
A soak cannot be gone on with: it begins again.

    python -m bench.soak [--reduced] [--folder FOLDER]
    python -m bench.soak --so-far           figures of the samples of a run that goes on, or was interrupted
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from bench import report
from bench.soak_checks import Limits, Look, broken, broken_at_the_end, disagreements
from bench.soak_plan import LIMIT, REDUCED, WHOLE, Plan, leads_of, settings_of
from bench.soak_store import Bucket, decided_after, ended, leads_by_state, open_attempts
from bench.soak_talk import Gone, Partner, partner
from bench.soak_verdict import figures_of, table
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.serve import stop_events

CHUNK = 10_000
MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")


async def prepare(plan: Plan, folder: Path) -> None:
    """The database with its campaign and leads, made before the server lives, so that its memory is its own."""
    settings = settings_of(plan, folder, 1)
    stores = await open_stores(settings.database.url)
    try:
        await stores.campaigns.save(settings.campaigns[0].policy())
        leads = leads_of(plan)
        for start in range(0, len(leads), CHUNK):
            await stores.leads.add(leads[start : start + CHUNK], at=SystemClock().now())
    finally:
        await stores.close()


def process_figures(pid: int) -> dict[str, float]:
    """Memory in MiB and CPU seconds (user and system) so far, of a process that lives."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = {name: value for name, _, value in (x.partition(":") for x in status.splitlines())}
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {
        "rss_mib": round(int(kib["VmRSS"].split()[0]) / 1024, 3),
        "anonymous_mib": round(int(kib["RssAnon"].split()[0]) / 1024, 3),
        "threads": int(kib["Threads"]),
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "cpu_seconds": (int(fields[11]) + int(fields[12])) / TICKS,
    }


class Log:
    """The server's log, read as it grows: how many lines are errors."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        self.errors = self.warnings = 0

    def read(self) -> None:
        with self._path.open(errors="replace") as file:
            file.seek(self._read)
            for line in file:
                failed = " ERROR " in line or " CRITICAL " in line or line.startswith("Traceback")
                self.errors += failed
                self.warnings += " WARNING " in line
            self._read = file.tell()


class Watch:
    """Samples, the rules they break, and their checkpoint."""

    def __init__(
        self, plan: Plan, folder: Path, checkpoint: Path, server: Partner, exchange: Partner
    ) -> None:
        self.plan, self._server, self._exchange = plan, server, exchange
        self._partial = checkpoint
        self._database = folder / "soak.sqlite3"
        self._log = Log(folder / "server.log")
        self._limits = Limits(agents=plan.agents, lines=plan.lines, leads=plan.leads)
        self._bucket = Bucket(plan.rate)
        self._last_row = 0
        self._began = asyncio.get_running_loop().time()
        self.samples: list[dict[str, Any]] = []
        self.broken: list[str] = []

    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def look(self) -> tuple[Look, dict[str, Any], Any]:
        stored = await asyncio.to_thread(open_attempts, self._database)
        exchange = await self._exchange.ask("sample")
        return Look(stored.ids, frozenset(exchange["calls"])), exchange, stored

    async def take(self, phase: str) -> dict[str, Any]:
        """One sample. Raises Gone."""
        first, _, _ = await self.look()
        await asyncio.sleep(self.plan.apart)
        second, exchange, stored = await self.look()
        without_call, without_attempt = disagreements(first, second)
        store = await asyncio.to_thread(self._store_figures)
        store |= {
            "open": len(second.stored),
            "twice": stored.twice,
            "agents_with_two": stored.agents_with_two,
            "without_call": without_call,
            "without_attempt": without_attempt,
        }
        server = await self._server.ask("sample")
        self._log.read()
        found = {
            "seconds": round(self.seconds(), 2),
            "phase": phase,
            "server": server | process_figures(self._server.pid),
            "exchange": exchange
            | {"calls": len(exchange["calls"])}
            | {"rss_mib": process_figures(self._exchange.pid)["rss_mib"]},
            "store": store,
            "log_errors": self._log.errors,
            "log_warnings": self._log.warnings,
            "load_average": round(os.getloadavg()[0], 2),
        }
        self._note(found)
        return found

    def _store_figures(self) -> dict[str, Any]:
        instants, self._last_row = decided_after(self._database, self._last_row)
        self._bucket.take(instants)
        wal = self._database.with_name(self._database.name + "-wal")
        return {
            "leads": leads_by_state(self._database),
            "over_rate": self._bucket.over,
            "file_mib": round(self._database.stat().st_size / MIB, 2),
            "wal_mib": round(wal.stat().st_size / MIB, 2) if wal.exists() else 0.0,
        }

    def _note(self, found: dict[str, Any]) -> None:
        self.samples.append(found)
        at = round(found["seconds"])
        self.broken += [f"at {at} s: {rule}" for rule in broken(found, self._limits)]
        server, store = found["server"], found["store"]
        print(
            f"{at:6} s  placed {found['exchange']['originates']:7}  ended {server['closed']:7}"
            f"  up {found['exchange']['calls']:4}  rss {server['rss_mib']:8.2f} MiB"
            f"  cpu {server['cpu_seconds']:8.1f} s  wal {store['wal_mib']:5.1f}"
            f"  abandoned {server['abandon_ratio']:.4f}  {server['limited_by']:16}"
            f"  load {found['load_average']:5.2f}  broken {len(self.broken)}",
            flush=True,
        )
        self._checkpoint()

    def _checkpoint(self) -> None:
        partial = {"commit": report.commit(), "finished": False, "broken": self.broken}
        new = self._partial.with_suffix(".new")
        new.write_text(json.dumps(partial | {"samples": self.samples}))
        new.replace(self._partial)

    async def close(self) -> None:
        """The drain and the end: everything must have come to rest. Raises Gone."""
        await self._server.ask("drain", self.plan.drain + 60)
        await self.take("drained")
        await self._server.ask("stop", 60)
        await self._server.end()
        asked = (await self._exchange.ask("ids"))["ids"]
        up = len((await self._exchange.ask("sample"))["calls"])
        self.history = await asyncio.to_thread(ended, self._database)
        leads = leads_by_state(self._database)
        self._log.read()
        rules = broken_at_the_end(
            self.history, asked, leads, up=up, limits=self._limits, limit_ratio=LIMIT
        )
        if self._log.errors > self.samples[-1]["log_errors"]:
            rules.append("errors in the server's log while it stopped")
        self.broken += [f"at the end: {rule}" for rule in rules]


def partial_path(plan: Plan) -> Path:
    """Not committed: what there is of a run that has not ended."""
    report.RESULTS.mkdir(exist_ok=True)
    return report.RESULTS / f"soak-partial{'' if plan.whole else '-reduced'}.json"


def scrape(port: int) -> str:
    """As Prometheus would; the error, if it comes to one."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return "" if b"dialer_decision_cpu_seconds" in answer.read() else "no decisions"
    except OSError as error:
        return str(error) or type(error).__name__


async def agents_in(plan: Plan, server: Partner) -> None:
    """Raises Gone when they do not all come."""
    deadline = asyncio.get_running_loop().time() + 60
    while (await server.ask("sample"))["agents_in"] < plan.agents:
        if asyncio.get_running_loop().time() > deadline:
            raise Gone("not all agents logged in within 60 s")
        await asyncio.sleep(0.5)


async def within(stop: asyncio.Event, seconds: float) -> bool:
    """Whether it is set by then."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(seconds, 0))
    return stop.is_set()


async def soak(plan: Plan, folder: Path, checkpoint: Path) -> dict[str, Any]:
    """The figures of one run, its database and logs in `folder`, its samples so far in `checkpoint`.

    Raises Gone when a process ended or hung: that run has no figures.
    """
    plan_file = folder / "plan.json"
    plan.save(plan_file)
    await prepare(plan, folder)
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(
            partner("soak_exchange", folder / "exchange.log", str(plan_file))
        )
        port = str((await exchange.hear())["port"])
        server = await stack.enter_async_context(
            partner("soak_server", folder / "server.log", str(plan_file), port)
        )
        ready = await server.hear()
        print(f"server {server.pid} ({ready['code']}), exchange {exchange.pid}", flush=True)
        await agents_in(plan, server)
        watch = Watch(plan, folder, checkpoint, server, exchange)
        await server.ask("run")
        due = plan.every
        (stop,) = stop_events(1)
        while watch.seconds() < plan.seconds and not await within(
            stop, due - plan.apart - watch.seconds()
        ):
            if error := await asyncio.to_thread(scrape, ready["port"]):
                watch.broken.append(f"at {round(watch.seconds())} s: metrics not served: {error}")
            await watch.take("dialling")
            due += plan.every
        await watch.close()
        return figures_of(plan, watch.samples, watch.history["outcomes"], watch.broken)


def so_far(plan: Plan) -> int:
    """What the samples say of a run that has not ended: a result that is not complete, and so not passed."""
    path = partial_path(plan)
    found = json.loads(path.read_text()) if path.is_file() else {"samples": []}
    if sum(sample["phase"] == "dialling" for sample in found["samples"]) < 2:
        print("no run that goes on or was interrupted has two samples yet", file=sys.stderr)
        return 2
    figures = figures_of(plan, found["samples"], {}, found["broken"])
    print(table(figures))
    print(report.write("soak", figures | {"commit": found["commit"]}, reduced=not plan.whole))
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reduced", action="store_true", help="80 seconds: invariants only")
    parser.add_argument("--folder", type=Path, help="keep database and logs there (must be empty)")
    parser.add_argument("--so-far", action="store_true", help="figures of the samples there are")
    options = parser.parse_args()
    plan = REDUCED if options.reduced else WHOLE
    if options.so_far:
        return so_far(plan)
    return run(plan, options.folder)


def run(plan: Plan, kept: Path | None) -> int:
    commit = report.commit()
    partial = partial_path(plan)
    if partial.is_file():
        print("a run before this one was interrupted; a soak is not gone on with: it begins again")
    for number in (signal.SIGINT, signal.SIGTERM):  # also where the shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="dialer-soak-") as own:
        folder = kept or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            print(f"{folder} is not empty", file=sys.stderr)
            return 2
        try:
            figures = asyncio.run(soak(plan, folder, partial))
        except (Gone, OSError, sqlite3.Error, KeyboardInterrupt) as error:
            print(f"not finished, so not passed: {error!r}; samples in {partial}", file=sys.stderr)
            return 1
    print(table(figures))
    print(report.write("soak", figures | {"commit": commit}, reduced=not plan.whole))
    partial.unlink(missing_ok=True)
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

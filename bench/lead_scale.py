"""Leads by the million: `python -m bench.lead_scale --url postgresql://.../empty --leads 10000000` (without --url: SQLite).

A seeded file (bench.import_leads) is imported by the command itself; cut short, the same command goes on where it stopped, as
long as --folder and the database are kept. Then 5 writers open and close attempts, together 50 a second: more than the 30 calls a
second of the two-hour soak. One caller reserves the next 500 due leads, again and again, and gives them back; `why` is read
meanwhile. Then the same with writers as fast as they can, which is told and has no bar: on SQLite, one writer at a time, a
caller waits for whoever is before it. At the end the counts are compared with a full recount.

Bars: 15,000 rows a second, 500 leads reserved in 15 ms (median) and 50 ms (p99), `why` in 200 ms, no count that differs.
The machine may be shared: the load average stands beside the figures. Exits 1 when a bar is missed.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench import report
from bench.import_leads import ROWS_PER_SECOND, configure, import_once, write_file
from dialer.adapters.sql.engine import Database, connect
from dialer.adapters.sql.lead_counts import held_leads, recounted
from dialer.adapters.sql.store import stores_on
from dialer.commands import AnswerRule, CloseAttempt, PlaceCall
from dialer.ids import CallId, CampaignId, TrunkId, uuid7
from dialer.leads import Lead, LeadState, LeadUpdate, Outcome
from dialer.ports import Stores
from dialer.profiles import NoAgentAction

WRITERS, AT_ONCE = 5, 500
BATCH, PAUSE = 10, 0.1  # calls of a writer at once; seconds from one close to the next
RESERVE_P50_MS, RESERVE_P99_MS, WHY_MS = 15.0, 50.0, 200.0
LEASE = timedelta(minutes=5)
RULE = AnswerRule(
    limit=timedelta(seconds=2), action=NoAgentAction.HANG_UP, noise="", message="", screen=False
)
Result = dict[str, Any]


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


async def took(times: list[float], step: Callable[[], Awaitable[Any]]) -> Any:
    begun = time.perf_counter()
    found = await step()
    times.append((time.perf_counter() - begun) * 1000)
    return found


def spread(times: list[float]) -> Result:
    """Milliseconds."""
    ordered = sorted(times)
    places = {"p50": 50, "p95": 95, "p99": 99}
    at = {name: ordered[len(ordered) * share // 100] for name, share in places.items()}
    return {"times": len(ordered), **at, "max": ordered[-1]}


async def write_outcomes(
    stores: Stores, name: str, campaign: CampaignId, end: asyncio.Event, *, pause: float
) -> int:
    """Reserve a few, dial, close: one transaction each, as a team does, `pause` seconds apart. How many were closed."""
    random, closed = Random(name), 0
    while not end.is_set():
        leads = await stores.leads.reserve_due(campaign, BATCH, owner=name, lease=LEASE, at=now())
        calls = [call_to(lead, random) for lead in leads]
        written = (await stores.attempts.open(calls, owner=name)).written
        await stores.leads.release([lead.lead_id for lead in leads], owner=name)
        for call in calls:
            if call.call_id in written:
                await stores.attempts.close(close_of(call, random))
                closed += 1
                await asyncio.sleep(pause)
    return closed


def call_to(lead: Lead, random: Random) -> PlaceCall:
    return PlaceCall(
        call_id=CallId(uuid7(now(), random)),
        campaign_id=lead.campaign_id,
        lead_id=lead.lead_id,
        phone=lead.phone,
        caller_id="+390212345678",
        trunk=TrunkId("trunk"),
        dial="nobody",
        ring_timeout=timedelta(seconds=25),
        answer_rule=RULE,
        at=now(),
    )


def close_of(call: PlaceCall, random: Random) -> CloseAttempt:
    outcome = random.choice([Outcome.BUSY, Outcome.NO_ANSWER, Outcome.TALKED])
    later = now() + timedelta(minutes=random.randrange(1, 600))
    over = outcome is Outcome.TALKED
    return CloseAttempt(
        call_id=call.call_id,
        campaign_id=call.campaign_id,
        lead_update=LeadUpdate(
            lead_id=call.lead_id,
            state=LeadState.DONE if over else LeadState.RETRY,
            next_attempt_at=None if over else later,
            counts_as_attempt=True,
            outcome=outcome,
        ),
        outcome=outcome,
        ended_at=now(),
        cause=16,
        ringing_at=None,
        answered_at=now() if over else None,
        bridged_at=None,
        agent_id=None,
    )


async def measure(url: str, campaign: CampaignId, seconds: float) -> Result:
    database = connect(url)
    stores = stores_on(database, Random(1))
    try:
        paced = await beside_writers(stores, campaign, seconds, pause=PAUSE)
        flat_out = await beside_writers(stores, campaign, seconds / 4, pause=0.0)
        return {**paced, "flat_out": flat_out, "recount": await compare(database, campaign)}
    finally:
        await stores.close()


async def beside_writers(
    stores: Stores, campaign: CampaignId, seconds: float, *, pause: float
) -> Result:
    end, reserve, why = asyncio.Event(), list[float](), list[float]()
    async with asyncio.TaskGroup() as group:
        writers = [
            group.create_task(write_outcomes(stores, f"writer {n}", campaign, end, pause=pause))
            for n in range(WRITERS)
        ]
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            await one_round(stores, campaign, reserve, why)
        end.set()
    closed = sum(writer.result() for writer in writers)
    return {
        "reserve_500_ms": spread(reserve),
        "why_ms": spread(why),
        "closed_per_second": closed / (time.perf_counter() - begun),
    }


async def one_round(
    stores: Stores, campaign: CampaignId, reserve: list[float], why: list[float]
) -> None:
    leads = await took(
        reserve,
        lambda: stores.leads.reserve_due(campaign, AT_ONCE, owner="caller", lease=LEASE, at=now()),
    )
    await stores.leads.release([lead.lead_id for lead in leads], owner="caller")
    await took(why, lambda: stores.leads.holdings(campaign, at=now()))


async def compare(database: Database, campaign: CampaignId) -> Result:
    begun = time.perf_counter()
    async with database.read() as connection:
        counted = await held_leads(connection, campaign)
        again = await recounted(connection, campaign)
    leads = sum(each.number for each in again)
    return {"equal": counted == again, "leads": leads, "seconds": time.perf_counter() - begun}


def judge(found: Result, *, speed: bool) -> list[Result]:
    """The bars. Without `speed` (a reduced run): only that the counts are right."""
    bars = [("counts that differ", float(not found["recount"]["equal"]), 0.0, False)]
    if speed:
        if "import" in found:
            rate = found["import"]["rows_per_second"]
            bars.append(("rows a second", rate, ROWS_PER_SECOND, True))
        bars += [
            ("reserve p50 ms", found["reserve_500_ms"]["p50"], RESERVE_P50_MS, False),
            ("reserve p99 ms", found["reserve_500_ms"]["p99"], RESERVE_P99_MS, False),
            ("why p99 ms", found["why_ms"]["p99"], WHY_MS, False),
        ]
    return [
        {
            "bar": name,
            "found": value,
            "limit": limit,
            "ok": value >= limit if more else value <= limit,
        }
        for name, value, limit, more in bars
    ]


def main() -> int:
    """Import, measure, print, write; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Benchmark of leads by the million.")
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--url", help="an empty database; else an SQLite file in the folder")
    parser.add_argument("--folder", type=Path, default=Path("build/lead_scale"))
    parser.add_argument(
        "--reduced", action="store_true", help="200,000 leads, 10 s, no bars of speed"
    )
    args = parser.parse_args()
    leads, seconds = (200_000, 10.0) if args.reduced else (args.leads, args.seconds)
    folder: Path = args.folder / f"leads{leads}"
    folder.mkdir(parents=True, exist_ok=True)
    url = args.url or f"sqlite:///{(folder / 'bench.sqlite3').absolute()}"
    found: Result = {"leads": leads, "load_average": os.getloadavg()[0]}
    done = folder / "imported"
    if not done.exists():
        file = folder / "leads.csv"
        if not file.exists():
            write_file(folder / "new.csv", leads, seed=1)
            (folder / "new.csv").rename(file)
        found["import"] = import_once(file, configure(folder, url))
        done.touch()
    found |= asyncio.run(measure(url, CampaignId(folder.name), seconds))
    bars = judge(found, speed=not args.reduced)
    for bar in bars:
        print(f"{'ok  ' if bar['ok'] else 'MISS'} {bar['bar']:20} {bar['found']:12.1f}")
    for name in ("reserve_500_ms", "why_ms", "closed_per_second", "flat_out"):
        print(name, found[name])
    ok = all(bar["ok"] for bar in bars)
    name = "lead_scale_postgresql" if args.url else "lead_scale"
    print(report.write(name, {**found, "bars": bars, "ok": ok}, reduced=args.reduced))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

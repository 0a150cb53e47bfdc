"""What it costs to keep calls: attempts opened, answers, talks and ends written, 200 in a transaction as the writer does.

python -m bench.records [--calls 10000] [--postgresql]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from random import Random

from bench import report
from dialer.adapters.sql.store import open_stores
from dialer.commands import CallRecord, CloseAttempt, MarkAnswered, MarkBridged, PlaceCall
from dialer.ids import AgentId
from dialer.leads import LeadState, LeadUpdate, NewLead, Outcome
from dialer.ports import Stores
from tests.contract.world import LEASE, NOON, SPRING, call_to, number, policy
from tests.support import postgres

AT_ONCE = 200


async def measure(url: str, calls: int) -> dict[str, float]:
    stores = await open_stores(url, random=Random(1))
    await stores.campaigns.save(policy(SPRING))
    leads = [NewLead(campaign_id=SPRING, phone=number(n)) for n in range(calls)]
    for first in range(0, calls, 5000):
        await stores.leads.add(leads[first : first + 5000], at=NOON)
    spent, cpu = {"open": 0.0, "record": 0.0}, 0.0
    for _ in range(calls // AT_ONCE):
        orders = await _orders(stores)
        started = time.perf_counter()
        opened = await stores.attempts.open(orders, owner="one")
        spent["open"] += time.perf_counter() - started
        assert len(opened.written) == AT_ONCE
        records = [record for order in orders for record in _life(order)]
        started, cpu_before = time.perf_counter(), time.process_time()
        for first in range(0, len(records), AT_ONCE):
            refused = await stores.attempts.record(records[first : first + AT_ONCE])
            assert not refused
        spent["record"] += time.perf_counter() - started
        cpu += time.process_time() - cpu_before
    await stores.close()
    return {
        "opens_per_second": round(calls / spent["open"]),
        "records_per_second": round(3 * calls / spent["record"]),
        "records_per_cpu_second": round(3 * calls / cpu),  # of this process
    }


async def _orders(stores: Stores) -> list[PlaceCall]:
    leads = await stores.leads.reserve_due(SPRING, AT_ONCE, owner="one", lease=LEASE, at=NOON)
    return [call_to(lead) for lead in leads]


def _life(call: PlaceCall) -> list[CallRecord]:
    answered_at = call.at + timedelta(seconds=9)
    bridged_at, ended_at = answered_at + timedelta(seconds=1), answered_at + timedelta(minutes=1)
    update = LeadUpdate(
        lead_id=call.lead_id,
        state=LeadState.DONE,
        next_attempt_at=None,
        counts_as_attempt=True,
        outcome=Outcome.TALKED,
    )
    close = CloseAttempt(
        call_id=call.call_id,
        campaign_id=call.campaign_id,
        lead_update=update,
        outcome=Outcome.TALKED,
        ended_at=ended_at,
        cause=16,
        ringing_at=call.at,
        answered_at=answered_at,
        bridged_at=bridged_at,
        agent_id=AgentId("101"),
    )
    return [
        MarkAnswered(call_id=call.call_id, answered_at=answered_at),
        MarkBridged(call_id=call.call_id, bridged_at=bridged_at, agent_id=AgentId("101")),
        close,
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--postgresql", action="store_true", help="also a cluster of its own")
    options = parser.parse_args()
    figures: dict[str, object] = {"calls": options.calls, "at_once": AT_ONCE}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        figures["sqlite"] = asyncio.run(measure(url, options.calls))
    if options.postgresql:
        with postgres.cluster() as cluster:
            cluster.sql("postgres", "CREATE DATABASE bench")
            figures["postgresql"] = asyncio.run(measure(cluster.url("bench"), options.calls))
    print(figures)
    print(report.write("records", figures, reduced=options.calls < 10_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""From the person's answer to both legs in one bridge, on a real Asterisk, by its own time stamps.

The production server dials persons of the far end at a fixed rate with more agents than it needs. An independent AMI link
records Newstate Up of each customer's leg and the BridgeEnter that completes the talk; the bar is p99 under 25 ms at 20 calls/s.

    python -m bench.connect [--calls 1200] [--rate 20] [--agents 60] [--reduced]
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from bench import report
from dialer.ami_events import is_call_id
from dialer.ami_messages import Ev
from dialer.ami_node import AmiEndpoint, AmiNode
from dialer.leads import NewLead
from dialer.testbed import AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports
from tests.support.live_server import CAMPAIGN, NO_LIMIT, live_server, until

BAR_MS = 25.0


@dataclass
class Observer:
    """Time stamps of Asterisk, seen on a link of its own."""

    up: dict[str, float] = field(default_factory=dict)
    talk: dict[str, float] = field(default_factory=dict)
    bridges: dict[str, list[str]] = field(default_factory=dict)

    def take(self, event: Ev, generation: int) -> None:
        unique = event.first("Uniqueid")
        if event.name == "Newstate" and event.first("ChannelState") == "6" and is_call_id(unique):
            self.up.setdefault(unique, float(event.first("Timestamp")))
        elif event.name == "BridgeEnter" and event.first("BridgeType") == "basic":
            members = self.bridges.setdefault(event.first("BridgeUniqueid"), [])
            members.append(unique)
            calls = [member for member in members if is_call_id(member)]
            if len(members) == 2 and calls:
                self.talk.setdefault(calls[0], float(event.first("Timestamp")))

    def milliseconds(self) -> list[float]:
        return sorted(
            (self.talk[call] - up) * 1000 for call, up in self.up.items() if call in self.talk
        )


def percentile(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)]


@contextlib.asynccontextmanager
async def observed(pair: AsteriskPair) -> AsyncIterator[Observer]:
    """What Asterisk says meanwhile, on a link of its own."""
    observer = Observer()
    async with listening(pair, observer.take):
        yield observer


@contextlib.asynccontextmanager
async def listening(pair: AsteriskPair, take: Callable[[Ev, int], None]) -> AsyncIterator[None]:
    """`take` gets every event that the PBX raises meanwhile, with the generation of the link."""
    ami = pair.pbx.ami
    node = AmiNode(
        AmiEndpoint(host=ami.host, port=ami.port, username=ami.username, secret=ami.secret),
        on_event=take,
        on_up=lambda generation: None,
        on_down=lambda reason: None,
        rng=Random(1),
    )
    node.start()
    try:
        yield
    finally:
        await node.close()


async def measure(
    pair: AsteriskPair, folder: Path, *, calls: int, rate: float, agents: int
) -> dict[str, Any]:
    """Dial `calls` persons who talk one second; the figures."""
    codes = [str(3001 + n) for n in range(agents)]
    policy = {
        "mode": "ratio",
        "dial_ratio": 1.0,
        "calls_per_second": rate,
        "wrap_up_seconds": 0,
        "lines": 2 * agents,
        "profile": NO_LIMIT,
    }
    async with (
        observed(pair) as observer,
        live_server(pair, folder, codes, persons(calls), **policy) as server,
    ):
        await server.log_in(codes)
        started = asyncio.get_running_loop().time()
        await server.start()
        await until(lambda: server.closed() >= calls, calls / rate * 2 + 30, "all calls closed")
        seconds = asyncio.get_running_loop().time() - started
        outcomes = {k.value: n for k, n in server.campaign().outcomes.items()}
        await server.log_out()
    waits = observer.milliseconds()
    return {
        "calls": calls,
        "calls_per_second": round(calls / seconds, 1),
        "agents": agents,
        "outcomes": outcomes,
        "measured": len(waits),
        "p50_ms": round(percentile(waits, 0.50), 2),
        "p95_ms": round(percentile(waits, 0.95), 2),
        "p99_ms": round(percentile(waits, 0.99), 2),
        "max_ms": round(waits[-1], 2),
        "bar_p99_ms": BAR_MS,
    }


def persons(count: int) -> list[NewLead]:
    """Far-end numbers: answer within 0.7 s, talk one second."""
    return [
        NewLead(
            campaign_id=CAMPAIGN,
            phone=encode(FarEndBehaviour(FarEndKind.PERSON, (n % 8) / 10, 1, serial=n)),
        )
        for n in range(count)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1200)
    parser.add_argument("--rate", type=float, default=21.0)
    parser.add_argument("--agents", type=int, default=60)
    parser.add_argument("--reduced", action="store_true", help="200 calls")
    options = parser.parse_args()
    pair = pair_for("bench-connect", free_ports())
    if isinstance(pair, Unavailable):
        print(f"not run: {pair.reason}", file=sys.stderr)
        return 2
    calls = 200 if options.reduced else options.calls
    try:
        pair.up()
        with tempfile.TemporaryDirectory() as folder:
            figures = asyncio.run(
                measure(pair, Path(folder), calls=calls, rate=options.rate, agents=options.agents)
            )
    finally:
        pair.remove()
    ok = figures["measured"] == calls and figures["p99_ms"] < BAR_MS
    figures |= {"load_average": os.getloadavg()[0], "ok": ok}
    for name, value in figures.items():
        print(f"{name:20} {value}")
    print(report.write("connect", figures, reduced=options.reduced))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

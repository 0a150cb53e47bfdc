"""How fast the manager client is, next to its alternatives: `python -m bench.ami`.

A server process replays prepared events at full speed (flood) or at 1,000 a second with the instant of
sending in each (latency). Every client runs in a process of its own, one after the other, the clients
alternating within each round; the result is the median over the rounds. The machine may be shared, so
the bars are ratios measured in one run, and the latency of one thousand events a second.

Clients: `ours` (AsyncManager), `panoramisk`, `pyst2` as released, and `bare`, an asyncio reader that
fills a plain dict per event and checks nothing: the speed limit. Each callback reads the event's name
and Uniqueid. Exits 1 when a bar is missed.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from bench import report
from dialer.ami import AsyncManager

CLIENTS = ("bare", "ours", "panoramisk", "pyst2")
EVENTS = {"bare": 200_000, "ours": 200_000, "panoramisk": 100_000, "pyst2": 6_000}
LATENCY_CLIENTS = ("bare", "ours", "panoramisk")
RATE = 1_000
LOGIN_OK = b"Response: Success\r\nActionID: %s\r\nMessage: Authentication accepted\r\n\r\n"

Result = dict[str, float]


# -- the events ------------------------------------------------------------------------------------


def snapshot(number: int, prefix: str = "") -> list[str]:
    """The sixteen headers of a channel."""
    unique = f"0199f0aa-7b11-7c00-8000-{number:012d}"
    values = {
        "Channel": f"PJSIP/trunk-{number:08x}",
        "ChannelState": "6",
        "ChannelStateDesc": "Up",
        "CallerIDNum": f"3900{number:07d}",
        "CallerIDName": "<unknown>",
        "ConnectedLineNum": "<unknown>",
        "ConnectedLineName": "<unknown>",
        "Language": "en",
        "AccountCode": "",
        "Context": "dialer-answered",
        "Exten": "s",
        "Priority": "3",
        "Uniqueid": unique,
        "Linkedid": unique,
    }
    return [f"{prefix}{name}: {value}" for name, value in values.items()]


def call_events(number: int) -> list[list[str]]:
    """What Asterisk tells of one call: 12 events."""
    channel, dest = snapshot(number), snapshot(number, "Dest")
    unique = f"Uniqueid: 0199f0aa-7b11-7c00-8000-{number:012d}"
    bridge = [f"BridgeUniqueid: b-{number}", "BridgeType: basic", "BridgeTechnology: simple_bridge"]
    bridge += ["BridgeCreator: <unknown>", "BridgeName: <unknown>", "BridgeNumChannels: 2"]
    member = ["Queue: sales", "MemberName: 1001", "Interface: PJSIP/1001", "Membership: dynamic"]
    member += ["StateInterface: PJSIP/1001", "Penalty: 0", "CallsTaken: 12", "LastCall: 0"]
    member += ["LastPause: 0", "LoginTime: 0", "InCall: 1", "Status: 2", "Paused: 0"]
    member += ["PausedReason: ", "Ringinuse: 0", "Wrapuptime: 0", unique]
    variables = [
        ["Event: VarSet", *channel, f"Variable: DIALER_V{n}", "Value: some value"] for n in range(4)
    ]
    return [
        ["Event: Newchannel", *channel],
        *variables,
        ["Event: Newstate", *channel],
        ["Event: DialBegin", *dest, unique, "DialString: 3900@trunk"],
        ["Event: DialEnd", *dest, unique, "DialStatus: ANSWER"],
        ["Event: BridgeEnter", *bridge, *channel],
        ["Event: BridgeEnter", *bridge, *channel],
        ["Event: QueueMemberStatus", *member],
        ["Event: QueueMemberStatus", *member],
        ["Event: Hangup", *channel, "Cause: 16", "Cause-txt: Normal Clearing"],
    ]


def wire(lines: list[str], *more: str) -> bytes:
    """One event as sent."""
    head = [lines[0], "Privilege: call,all", *more]
    return "\r\n".join([*head, *lines[1:], "", ""]).encode()


# -- the server ------------------------------------------------------------------------------------


def serve(mode: str, count: int) -> None:
    """Take one client, log it in, send `count` events, wait until it is gone."""
    prepared = [lines for number in range(1_000) for lines in call_events(number)]
    frames = [wire(lines) for lines in prepared]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    peer, _ = listener.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(b"Asterisk Call Manager/11.0.0\r\n")
    received = b""
    while b"\r\n\r\n" not in received:
        received += peer.recv(65_536)
    fields = dict(line.partition(b": ")[::2] for line in received.split(b"\r\n"))
    peer.sendall(LOGIN_OK % fields[b"ActionID"])
    time.sleep(0.2)
    drain = threading.Thread(target=_drain, args=(peer,))
    drain.start()
    if mode == "flood":
        _flood(peer, frames, count)
    else:
        _pace(peer, prepared, count)
    drain.join()


def _drain(peer: socket.socket) -> None:
    while peer.recv(65_536):
        pass


def _flood(peer: socket.socket, frames: list[bytes], count: int) -> None:
    bulk = [b"".join(frames[at : at + 100]) for at in range(0, len(frames), 100)]
    for number in range(count // 100):
        peer.sendall(bulk[number % len(bulk)])


def _pace(peer: socket.socket, prepared: list[list[str]], count: int) -> None:
    begin = time.perf_counter()
    for number in range(count):
        wait = begin + number / RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        peer.sendall(wire(prepared[number % len(prepared)], f"Sent: {time.perf_counter():.7f}"))


# -- the clients -----------------------------------------------------------------------------------


class Meter:
    """Counts events and says when all have come."""

    def __init__(self, mode: str, count: int, done: Callable[[], object]) -> None:
        self.left = count
        self.count = count
        self.latencies: list[float] = []
        self.done = done
        self.paced = mode == "latency"
        self.began_at = self.ended_at = 0.0
        self.cpu = 0.0

    def take(self, name: str, unique: str, sent: str) -> None:
        """One event."""
        if self.left == self.count:
            self.began_at, self.cpu = time.perf_counter(), cpu_seconds()
        if self.paced:
            self.latencies.append(time.perf_counter() - float(sent))
        self.left -= 1
        if not unique or not name:
            raise ValueError("an event came without its name or Uniqueid")
        if self.left == 0:
            self.ended_at, self.cpu = time.perf_counter(), cpu_seconds() - self.cpu
            self.done()

    def result(self) -> Result:
        """Figures of this run."""
        seconds = self.ended_at - self.began_at
        found: Result = {
            "events_per_second": self.count / seconds,
            "cpu_seconds_per_100k": self.cpu / self.count * 100_000,
            "cpu_share": self.cpu / seconds,
            "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if self.latencies:
            cuts = statistics.quantiles(self.latencies, n=100)
            found |= {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}
        return found


def cpu_seconds() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def run_ours(port: int, mode: str, count: int) -> Result:
    """`dialer.ami.AsyncManager`."""
    done = asyncio.Event()
    meter = Meter(mode, count, done.set)
    manager = AsyncManager(ping_interval=3600)

    def callback(event: Any, _manager: Any) -> None:
        headers = event.headers
        meter.take(event.name, headers["uniqueid"], headers["sent"] if meter.paced else "")

    manager.register_event("*", callback)
    await manager.connect("127.0.0.1", port)
    await manager.login("bench", "bench")
    await done.wait()
    return meter.result()


class Bare(asyncio.Protocol):
    """Reads events into plain dicts; no check, no repeat, no spelling."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        login = b"Action: Login\r\nActionID: 1\r\nUsername: bench\r\nSecret: bench\r\n\r\n"
        transport.write(login)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        data = self.tail + data
        end = data.rfind(b"\r\n\r\n")
        if end < 0:
            self.tail = data
            return
        self.tail = data[end + 4 :]
        for block in data[:end].decode("utf-8", "replace").split("\r\n\r\n"):
            headers = {}
            for line in block.split("\r\n"):
                name, _, value = line.partition(": ")
                headers[name] = value
            if "Event" in headers:
                sent = headers["Sent"] if self.meter.paced else ""
                self.meter.take(headers["Event"], headers["Uniqueid"], sent)


async def run_bare(port: int, mode: str, count: int) -> Result:
    """The speed limit."""
    done = asyncio.Event()
    meter = Meter(mode, count, done.set)
    await asyncio.get_running_loop().create_connection(lambda: Bare(meter), "127.0.0.1", port)
    await done.wait()
    return meter.result()


async def run_panoramisk(port: int, mode: str, count: int) -> Result:
    """panoramisk 1.4."""
    from panoramisk import Manager

    done = asyncio.Event()
    meter = Meter(mode, count, done.set)
    manager = Manager(
        loop=asyncio.get_running_loop(),
        host="127.0.0.1",
        port=port,
        username="bench",
        secret="bench",
        ping_delay=3600,
    )
    manager.register_event(
        "*", lambda _manager, event: meter.take(event.event, event["Uniqueid"], event.sent)
    )
    await manager.connect()
    await done.wait()
    return meter.result()


def run_pyst2(port: int, mode: str, count: int) -> Result:
    """pyst2 0.5.1 in its threads."""
    from asterisk.manager import Manager

    warnings.simplefilter("ignore")
    done = threading.Event()
    meter = Meter(mode, count, done.set)
    manager = Manager()
    manager.register_event("*", lambda event, _: meter.take(event.name, event["Uniqueid"], ""))
    manager.connect("127.0.0.1", port)
    manager.login("bench", "bench")
    done.wait()
    return meter.result()


def client(name: str, port: int, mode: str, count: int) -> Result:
    """Run one client to its end."""
    if name == "pyst2":
        return run_pyst2(port, mode, count)
    runs = {"ours": run_ours, "bare": run_bare, "panoramisk": run_panoramisk}
    return asyncio.run(runs[name](port, mode, count))


# -- the run ---------------------------------------------------------------------------------------


def measure(name: str, mode: str, count: int) -> Result:
    """One client against one server, each in a new process."""
    me = [sys.executable, "-m", "bench.ami"]
    server = subprocess.Popen([*me, "--serve", mode, str(count)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        done = subprocess.run(
            [*me, "--client", name, port, mode, str(count)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        found: Result = json.loads(done.stdout)
        return found
    finally:
        server.kill()
        server.wait()


def rounds(number: int, scale: float, seconds: int) -> dict[str, dict[str, list[Result]]]:
    """All measurements, the clients alternating."""
    found: dict[str, dict[str, list[Result]]] = {"flood": {}, "latency": {}}
    for turn in range(number):
        for name in CLIENTS:
            count = max(1_000, int(EVENTS[name] * scale) // 100 * 100)
            found["flood"].setdefault(name, []).append(measure(name, "flood", count))
        for name in LATENCY_CLIENTS:
            result = measure(name, "latency", RATE * seconds)
            found["latency"].setdefault(name, []).append(result)
        print(f"round {turn + 1} of {number} done", file=sys.stderr)
    return found


def medians(runs: list[Result]) -> Result:
    """The median of every figure, and the span of the first."""
    result = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    speeds = [run["events_per_second"] for run in runs]
    return result | {"events_per_second_min": min(speeds), "events_per_second_max": max(speeds)}


def judge(flood: dict[str, Result], latency: dict[str, Result]) -> list[dict[str, Any]]:
    """The bars, and whether they hold."""
    ours = flood["ours"]["events_per_second"]
    bars = []
    for name, least in (("panoramisk", 1.6), ("pyst2", 50.0), ("bare", 0.5)):
        ratio = ours / flood[name]["events_per_second"]
        bars.append({"bar": f"events/s >= {least} x {name}", "found": ratio, "ok": ratio >= least})
    p99 = latency["ours"]["p99_ms"]
    bars.append({"bar": "p99 event to callback < 1 ms", "found": p99, "ok": p99 < 1.0})
    return bars


def show(result: dict[str, Any]) -> None:
    """The tables."""
    print(f"{'flood':12} {'events/s':>10} {'min':>9} {'max':>9} {'CPU s/100k':>11} {'RSS MB':>7}")
    for name, found in result["flood"].items():
        print(
            f"{name:12} {found['events_per_second']:10,.0f} {found['events_per_second_min']:9,.0f}"
            f" {found['events_per_second_max']:9,.0f} {found['cpu_seconds_per_100k']:11.2f}"
            f" {found['max_rss_mb']:7.0f}"
        )
    print(f"\n{RATE:,}/s      {'p50 ms':>10} {'p99 ms':>9} {'CPU %':>9}")
    for name, found in result["latency"].items():
        print(
            f"{name:12} {found['p50_ms']:10.3f} {found['p99_ms']:9.3f}"
            f" {found['cpu_share'] * 100:9.1f}"
        )
    print()
    for bar in result["bars"]:
        print(f"{'ok  ' if bar['ok'] else 'MISS'} {bar['bar']:36} {bar['found']:10.2f}")


def main() -> int:
    """Measure, print, write; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description="Benchmark of the manager client.")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--reduced", action="store_true", help="two short rounds")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve[0], int(args.serve[1]))
        return 0
    if args.client:
        name, port, mode, count = args.client
        print(json.dumps(client(name, int(port), mode, int(count))), flush=True)
        os._exit(0)  # threads and reconnects of the clients end here
    number = 2 if args.reduced else args.rounds
    found = rounds(number, 0.2 if args.reduced else 1.0, 1 if args.reduced else 3)
    flood = {name: medians(runs) for name, runs in found["flood"].items()}
    latency = {name: medians(runs) for name, runs in found["latency"].items()}
    bars = judge(flood, latency)
    result: dict[str, Any] = {"rounds": number, "load_average": os.getloadavg()[0]}
    result |= {"flood": flood, "latency": latency, "bars": bars}
    show(result)
    ok = all(bar["ok"] for bar in bars)
    print(report.write("ami", result | {"ok": ok}, reduced=args.reduced))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

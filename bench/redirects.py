"""Redirects that come while the channel is on its way from one line of the dialplan to the next: nobody may be cut.

Persons of the far end wait. Each is redirected to an agent who is not there, told back (`DialerBridgeFailed`), and redirected
again at once, thousands of times: what a server does that finds another agent, as fast as it can. Asterisk reads where a channel
stands while a redirect writes it; to make the two meet often, the dialplan's contexts are crowded with extensions, so that
finding a line takes a hundred times as long. Counted are the calls that end, and the redirects that nothing came of.

    python -m bench.redirects [--calls 30] [--tries 5000]
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind
from bench import report
from dialer.testbed import AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports, render_pbx
from tests.support.asterisk_calls import ITALY, place
from tests.support.raw_ami import Message, RawAmi, connected

CROWD = 4000
CONTEXTS = ("dialer-answered", "dialer-talk")
NOBODY = "4999"
PATIENT = ITALY | {"DIALER_LIMIT_MS": "110000"}
WAITS = FarEndBehaviour(FarEndKind.SILENT_PERSON, talk_seconds=120)
LONGEST_PAUSE = 0.001
"""Seconds from the news that a join failed to the next redirect: by chance between nothing and this."""
AT_MOST = 100.0
"""Seconds that a run may take: the persons stay for 120."""
SILENCE = 5.0
"""Seconds after which what has not been told is lost."""


def crowded(target: Path, variables: Mapping[str, str]) -> None:
    """The PBX's configuration as it is, with CROWD more extensions in the contexts where calls wait."""
    render_pbx(target, variables)
    dialplan = target / "dialer-extensions.conf"
    text = dialplan.read_text(encoding="utf-8")
    crowd = "".join(f"exten => a{n:05},1,NoOp()\n" for n in range(CROWD))
    for context in CONTEXTS:
        assert text.count(f"[{context}]\n") == 1
        text = text.replace(f"[{context}]\n", f"[{context}]\n{crowd}")
    dialplan.write_text(text, encoding="utf-8")


@dataclass
class Figures:
    redirects: int = 0
    told: int = 0  # DialerBridgeFailed
    cut: list[str] = field(default_factory=list)  # cause of the hang-up of each call that ended
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.cut and self.told == self.redirects


class Storm:
    """One run: `events` is a link that hears, `actions` one that sends."""

    def __init__(self, events: RawAmi, actions: RawAmi, tries: int, random: Random) -> None:
        self._events, self._actions = events, actions
        self._left, self._random = tries, random
        self.figures = Figures()

    async def run(self, calls: int) -> Figures:
        began = time.perf_counter()
        placed = [await place(self._actions, WAITS, PATIENT) for _ in range(calls)]
        async with asyncio.timeout(AT_MOST):
            while not self._over() and await self._hear():
                pass
        self.figures.seconds = round(time.perf_counter() - began, 1)
        for call in placed:
            await self._actions.send("Hangup", ("Channel", call.id))
        return self.figures

    def _over(self) -> bool:
        """All sent, and each call has told of its last redirect or ended."""
        figures = self.figures
        return self._left == 0 and figures.told + len(figures.cut) >= figures.redirects

    async def _hear(self) -> bool:
        """Take what has come; False after a long silence."""
        events = self._events
        try:
            async with asyncio.timeout(SILENCE), events.changed:
                await events.changed.wait_for(lambda: events.events)
        except TimeoutError:
            return False
        heard = list(events.events)
        events.events.clear()
        for message in heard:
            self._take(message)
        return True

    def _take(self, message: Message) -> None:
        if message.name == "DialerBridgeFailed":
            self.figures.told += 1
        if message.name in ("DialerWaiting", "DialerBridgeFailed") and self._left:
            self._left -= 1
            self.figures.redirects += 1
            pause = self._random.uniform(0.0, LONGEST_PAUSE)
            asyncio.get_running_loop().call_later(pause, self._redirect, message["Uniqueid"])
        if message.name == "Hangup":
            self.figures.cut.append(message["Cause"])

    def _redirect(self, call_id: str) -> None:
        where = (("Context", "dialer-talk"), ("Exten", NOBODY), ("Priority", "1"))
        self._actions.post("Redirect", ("Channel", call_id), *where)


async def storm(pair: AsteriskPair, *, calls: int, tries: int, seed: int = 1) -> Figures:
    """`tries` redirects of `calls` waiting persons; TimeoutError after AT_MOST seconds."""
    async with (
        connected(pair.pbx.ami, "call,user") as events,
        connected(pair.pbx.ami, "off") as actions,
    ):
        return await Storm(events, actions, tries, Random(seed)).run(calls)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--tries", type=int, default=5000)
    options = parser.parse_args()
    pair = pair_for("bench-redirects", free_ports(), crowded)
    if isinstance(pair, Unavailable):
        print(f"not run: {pair.reason}", file=sys.stderr)
        return 2
    try:
        pair.up()
        figures = asyncio.run(storm(pair, calls=options.calls, tries=options.tries))
    finally:
        pair.remove()
    shown = asdict(figures) | {"load_average": os.getloadavg()[0], "ok": figures.ok}
    for name, value in shown.items():
        print(f"{name:20} {value}")
    print(report.write("redirects", shown, reduced=False))
    return 0 if figures.ok else 1


if __name__ == "__main__":
    sys.exit(main())

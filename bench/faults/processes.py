"""Processes that die or stand still: the server, the PBX, the far end."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from bench.faults.catalogue import Fault

if TYPE_CHECKING:
    from bench.faults.floor import Floor


def _far_end(floor: Floor, number: signal.Signals) -> None:
    pid = floor.pair.far_end.pid()
    assert pid is not None, "the far end does not run"
    os.kill(pid, number)


def _start_pbx(floor: Floor) -> None:
    floor.pair.pbx.start()


FAULTS = (
    Fault(
        "server-killed",
        "server: `kill -9`, started again after 1 s",
        lambda floor: floor.server.kill(),
        lambda floor: floor.server.start(),
        hold_seconds=1,
        sign="fence=2",
    ),
    Fault(
        "server-frozen",
        "server: stands still for 10 s (SIGSTOP), longer than its lease lasts",
        lambda floor: floor.server.signal(signal.SIGSTOP),
        lambda floor: floor.server.signal(signal.SIGCONT),
        hold_seconds=10,
    ),
    Fault(
        "asterisk-killed",
        "Asterisk: `kill -9`, started again after 2 s",
        lambda floor: floor.pair.pbx.kill(),
        _start_pbx,
        hold_seconds=2,
        sign="node_down",
        pbx_dies=True,
    ),
    Fault(
        "asterisk-restarted",
        "Asterisk: stopped in an orderly way (SIGTERM) and started",
        lambda floor: floor.pair.pbx.stop(),
        _start_pbx,
        sign="node_down",
        pbx_dies=True,
    ),
    Fault(
        "far-end-silent",
        "far end: stopped for 40 s (SIGSTOP): no SIP, no audio, of the agents' phones neither",
        lambda floor: _far_end(floor, signal.SIGSTOP),
        lambda floor: _far_end(floor, signal.SIGCONT),
        hold_seconds=40,
    ),
)

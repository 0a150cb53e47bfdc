"""The link between the server and the PBX's AMI."""

from __future__ import annotations

from bench.faults.catalogue import Fault

FAULTS = (
    Fault(
        "link-cut",
        "AMI link: cut (RST) and refused for 5 s",
        lambda floor: floor.proxy.cut(),
        lambda floor: floor.proxy.release(),
        hold_seconds=5,
        sign="node_down",
    ),
    Fault(
        "link-stalled",
        "AMI link: nothing passes for 30 s, nothing is closed; what was held arrives afterwards",
        lambda floor: floor.proxy.stall(),
        lambda floor: floor.proxy.release(),
        hold_seconds=30,
        sign="node_down",
    ),
    Fault(
        "events-stalled",
        "AMI link: events are held for 30 s, actions pass",
        lambda floor: floor.proxy.stall_events(),
        lambda floor: floor.proxy.release(),
        hold_seconds=30,
        sign="node_down",
    ),
)

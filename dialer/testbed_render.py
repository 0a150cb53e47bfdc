"""What the configuration folders of `asterisk_conf` are filled in with for a pair of servers, and free ports for it."""

from __future__ import annotations

import random
import secrets
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath

from asterisk_conf.render import render

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ServerPorts:
    """One server's TCP port for AMI, UDP port for SIP, and UDP range for audio."""

    ami: int
    sip: int
    rtp_start: int
    rtp_end: int


@dataclass(frozen=True, slots=True)
class PairPorts:
    pbx: ServerPorts
    far_end: ServerPorts


@dataclass(frozen=True, slots=True)
class PairSecrets:
    """Passwords of one run: made anew for each, kept only in the run's own folder."""

    pbx_ami: str
    far_end_ami: str
    phone: str


FIXED_PORTS = PairPorts(
    pbx=ServerPorts(ami=15038, sip=15060, rtp_start=12000, rtp_end=15999),
    far_end=ServerPorts(ami=15039, sip=15061, rtp_start=16000, rtp_end=19999),
)
DEAD_TRUNK = "far-end-dead"


def new_secrets() -> PairSecrets:
    return PairSecrets(*(secrets.token_urlsafe(18) for _ in range(3)))


def free_ports(chance: random.Random | None = None) -> PairPorts:
    """Ports that nobody listens on now, below the range that outgoing connections take."""
    chance = chance or random.SystemRandom()
    taken: set[int] = set()

    def free() -> int:
        while True:
            port = chance.randrange(20000, 32000)
            if port not in taken and _is_free(port):
                taken.add(port)
                return port

    return PairPorts(
        pbx=replace(FIXED_PORTS.pbx, ami=free(), sip=free()),
        far_end=replace(FIXED_PORTS.far_end, ami=free(), sip=free()),
    )


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def common_variables(ports: ServerPorts, state: PurePath, modules: PurePath) -> dict[str, str]:
    """What both servers' files ask for. `state` and `modules` are paths as the server sees them."""
    return {
        "STATE": str(state),
        "DATA": str(state / "data"),
        "MODULES": str(modules),
        "AMI_HOST": HOST,
        "AMI_PORT": str(ports.ami),
        "AMI_PERMIT": "127.0.0.1/255.255.255.255",
        "SIP_BIND": HOST,
        "SIP_PORT": str(ports.sip),
        "RTP_START": str(ports.rtp_start),
        "RTP_END": str(ports.rtp_end),
    }


def render_pbx(target: Path, variables: Mapping[str, str]) -> None:
    """The whole folder of a fresh PBX."""
    render("pbx", variables, target)


def local_pjsip(dead_port: int) -> str:
    """The pair's own addition to the PBX: a trunk whose far end never answers a packet."""
    return (
        f"[{DEAD_TRUNK}](dialer-trunk)\naors = {DEAD_TRUNK}\n\n"
        f"[{DEAD_TRUNK}]\ntype = aor\ncontact = sip:{HOST}:{dead_port}\n"
    )


def ports_to_json(ports: PairPorts) -> dict[str, dict[str, int]]:
    return {"pbx": asdict(ports.pbx), "far_end": asdict(ports.far_end)}


def ports_from_json(data: Mapping[str, Mapping[str, int]]) -> PairPorts:
    return PairPorts(ServerPorts(**data["pbx"]), ServerPorts(**data["far_end"]))

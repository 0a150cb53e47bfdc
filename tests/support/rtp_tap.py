"""Listens to the sound between the two servers on loopback: what really went over the wire, and when."""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

_ALL_PROTOCOLS = 3
_OUTGOING = 4
_TIMESTAMPS = 35  # SO_TIMESTAMPNS: the kernel's own instant of each packet


def _a_law(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 0x108 << exponent - 1
    return size if code & 0x80 else -size


_A_LAW = [_a_law(code) for code in range(256)]


@dataclass(frozen=True)
class Packet:
    """20 ms of a-law."""

    at: float
    from_port: int
    to_port: int
    payload: bytes

    @property
    def samples(self) -> list[int]:
        return [_A_LAW[code] for code in self.payload]

    @property
    def loudness(self) -> float:
        samples = self.samples
        return math.sqrt(sum(s * s for s in samples) / max(1, len(samples)))

    def tone(self, hertz: float) -> float:
        """The amplitude of a sine of `hertz` in it."""
        real = imaginary = 0.0
        samples = self.samples
        for i, sample in enumerate(samples):
            real += sample * math.cos(2 * math.pi * hertz * i / 8000)
            imaginary += sample * math.sin(2 * math.pi * hertz * i / 8000)
        return 2 * math.hypot(real, imaginary) / max(1, len(samples))


class RtpTap:
    """Every a-law RTP packet on loopback while it is open."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS)
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**23)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.05)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def to(self, port: int) -> list[Packet]:
        return [packet for packet in self.packets if packet.to_port == port]

    def _listen(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                frame, extra, _, address = self._socket.recvmsg(4096, 256)
                if address[2] != _OUTGOING:
                    self._take(frame[14:], extra)

    def _take(self, datagram: bytes, extra: list[tuple[int, int, bytes]]) -> None:
        if len(datagram) < 40 or datagram[9] != socket.IPPROTO_UDP:
            return
        from_port, to_port = struct.unpack("!HH", datagram[20:24])
        rtp = datagram[28:]
        if rtp[0] >> 6 != 2 or rtp[1] & 0x7F != 8:
            return
        at = time.time()
        for _, kind, data in extra:
            if kind == _TIMESTAMPS:
                seconds, nanoseconds = struct.unpack("@qq", data[:16])
                at = seconds + nanoseconds / 1e9
        self.packets.append(Packet(at, from_port, to_port, rtp[12:]))


@contextlib.contextmanager
def tapped() -> Iterator[RtpTap]:
    tap = RtpTap()
    tap._thread.start()
    try:
        yield tap
    finally:
        tap._stop.set()
        tap._thread.join()
        tap._socket.close()

"""A minimal blocking AMI link: enough to see that a server is up and to make test phones ring."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AmiAccess:
    host: str
    port: int
    username: str
    secret: str


@contextlib.contextmanager
def sync_ami(
    access: AmiAccess, events: str, seconds: float
) -> Iterator[tuple[Callable[[str], None], Iterator[dict[str, str]]]]:
    """A logged-in link: a function that sends text, and the messages that come until `seconds` pass in silence."""
    login = (
        f"Action: Login\r\nUsername: {access.username}\r\nSecret: {access.secret}\r\n"
        f"Events: {events}\r\n\r\n"
    )
    with socket.create_connection((access.host, access.port), timeout=seconds) as link:
        link.sendall(login.encode())
        yield lambda text: link.sendall(text.encode()), _messages(link)


def _messages(link: socket.socket) -> Iterator[dict[str, str]]:
    pending = b""
    while True:
        try:
            received = link.recv(65536)
        except TimeoutError:
            return
        if not received:
            return
        *whole, pending = (pending + received).split(b"\r\n\r\n")
        for raw in whole:
            lines = raw.decode(errors="replace").split("\r\n")
            yield {name: value for name, _, value in (line.partition(": ") for line in lines)}

"""A TCP proxy between the server and the PBX's AMI: it can cut the link, or fall silent without a word."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class _Link:
    """One connection through the proxy. `carries_events` until its log-in says otherwise."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.carries_events = True

    def reset(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                end.close()


class Proxy:
    """Listens on `port` of the loopback from the start to `close`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._links: list[_Link] = []
        self._refusing = False
        self._all_flow, self._events_flow = threading.Event(), threading.Event()
        self.release()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection is reset, and so is each new one, until `release`."""
        self._refusing = True
        for link in self._links:
            link.reset()
        self._links.clear()

    def stall(self) -> None:
        """Nothing passes any more, in either direction, and nothing is closed. `release` lets pass what was held."""
        self._all_flow.clear()

    def stall_events(self) -> None:
        """What the PBX says on the link of the events is held; the link of the actions goes on."""
        self._events_flow.clear()

    def release(self) -> None:
        self._refusing = False
        self._all_flow.set()
        self._events_flow.set()

    def close(self) -> None:
        self._listener.close()
        self.release()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        link = _Link(client, server)
        if self._refusing:
            link.reset()
            return
        self._links.append(link)
        for ends in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(link, *ends), daemon=True).start()

    def _pump(self, link: _Link, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source is link.client and b"Events: off" in data:
                    link.carries_events = False
                self._wait(link, source)
                target.sendall(data)
            self._wait(link, source)
            target.shutdown(socket.SHUT_WR)

    def _wait(self, link: _Link, source: socket.socket) -> None:
        self._all_flow.wait()
        if link.carries_events and source is link.server:
            self._events_flow.wait()

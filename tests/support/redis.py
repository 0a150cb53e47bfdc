"""A private Redis for tests: its own folder, a free port of the loopback, gone with the process that started it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 20
MISSING = "Redis is not installed (Debian: apt-get install redis-server)"


def program() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """A running Redis. Skips the test where it is not installed; with CI=true that is a failure."""
    found = program()
    if found is None:
        pytest.fail(MISSING) if os.environ.get("CI") == "true" else pytest.skip(MISSING)
    server = RedisServer(found, options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.folder)


class RedisServer:
    """`options`: words for redis-server. The port stays the same over `kill` and `start`."""

    def __init__(self, program: str, options: tuple[str, ...] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dialer-redis-"))
        self.port = free_port()
        self._program = program
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns when it answers."""
        words = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        words += ["--save", "", "--appendonly", "no", *self._options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self._program, *words], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """`kill -9`; harmless when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It stands still, its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """One command; the first line of its answer. Raises OSError."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as link:
            parts = b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
            link.sendall(b"*%d\r\n" % len(words) + parts)
            return link.recv(65536).decode().splitlines()[0]

    def flush(self) -> None:
        assert self.command("FLUSHALL") == "+OK"

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, IndexError):
            return bool(self.command("PING"))
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""The server as a process of its own, and its API as anybody would ask it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dialer.config import Settings
from tests.support.live_server import toml


class ServerProcess:
    """`dialer run` on `settings`. `log` collects what all its lives say."""

    def __init__(self, settings: Settings, folder: Path, more: Mapping[str, str]) -> None:
        self.log = folder / "server.log"
        self.port = _free_port()
        self.pid: int | None = None
        self._config = folder / "dialer.toml"
        self._config.write_text(toml(settings), encoding="utf-8")
        secret = settings.asterisk.secret.get_secret_value()
        self._environment = (
            dict(os.environ)
            | {"DIALER_ASTERISK__SECRET": secret, "DIALER_API__PORT": str(self.port)}
            | dict(more)
        )

    def start(self) -> None:
        """Returns at once."""
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "dialer", "run", "--config", str(self._config)],
                self._environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
            )
        finally:
            os.close(log)

    def kill(self) -> None:
        """`kill -9`."""
        self._signal(signal.SIGKILL, 10)

    def end(self, seconds: float) -> bool:
        """SIGTERM, as an operator would stop it. Whether it ended by itself within `seconds`; else it is killed."""
        ended = self._signal(signal.SIGTERM, seconds)
        self.kill()
        return ended

    def signal(self, number: signal.Signals) -> None:
        assert self.pid is not None, "the server does not run"
        os.kill(self.pid, number)

    def alive(self) -> bool:
        if self.pid is None:
            return False
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                return True
        self.pid = None
        return False

    def ask(self, path: str, method: str = "GET") -> Any:
        """The answer of the API; None where there is none (yet)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError, urllib.error.HTTPError):
            return None

    def _signal(self, number: signal.Signals, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        if self.alive() and self.pid is not None:
            os.kill(self.pid, number)
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

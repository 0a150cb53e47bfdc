"""A real Prometheus on a free port of the loopback, with the files and options of compose.yaml."""

import contextlib
import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import compose
from tests.support.compose import ROOT

STOP_SECONDS = 30


@dataclass(frozen=True)
class Prometheus:
    port: int

    def get(self, path: str, **query: str) -> Any:
        """The `data` of its answer."""
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = json.load(answer)
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        series: list[dict[str, Any]] = self.get("/api/v1/query", query=expr)["result"]
        return series

    def ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/-/ready"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Started; ready soon. `target` stands where compose.yaml has the server's name; all else is as mounted."""
    name = compose.program("prometheus", "prometheus")
    service = compose.services()["prometheus"]
    etc, data = folder / "etc", folder / "data"
    etc.mkdir(parents=True)
    for volume in service["volumes"]:
        source, place = volume.split(":")[:2]
        if source.startswith("./"):
            (etc / Path(place).name).symlink_to(ROOT / source)
    (etc / "targets").unlink()
    (etc / "targets").mkdir()
    (etc / "targets" / "test.yml").write_text(f'- targets: ["{target}"]\n')
    options = [
        option.replace("/etc/prometheus", str(etc)).replace("=/prometheus", f"={data}")
        for option in service["command"]
    ]
    port = _free_port()
    listen = f"--web.listen-address=127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", name, *options, listen],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

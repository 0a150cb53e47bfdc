"""A real Prometheus, with the files that compose.yaml mounts, asks a real server that dials simulated people."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dialer import serve
from dialer.config import ApiSettings
from dialer.demo import DemoOptions, running
from tests.support import compose, monitoring
from tests.support.monitoring import MONITORING, RULE_TESTS
from tests.support.prometheus import Prometheus, prometheus

pytestmark = pytest.mark.service

QUIET = ("on_break", "dialer_illegal_transitions_total", 'ok="false"')
"""Series that are there only when something of the kind has happened."""


def test_promtool_takes_configuration_and_rules() -> None:
    promtool("check", "config", str(MONITORING / "prometheus.yml"))


def test_every_alert_fires_when_it_must_and_not_otherwise() -> None:
    promtool("test", "rules", str(RULE_TESTS))


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [compose.program("promtool", "prometheus"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Prometheus]:
    """Prometheus beside a demonstration that dials."""
    sock = serve.listen(ApiSettings(port=0))
    async with (
        running(DemoOptions(agents=10, leads=500)) as demo,
        serve.api(demo.dialer, sock) as port,
    ):
        with prometheus(folder, f"127.0.0.1:{port}") as watcher:
            yield watcher


async def within(seconds: float, what: Callable[[], list[str]]) -> None:
    """Poll until nothing is missing; in threads, since the server runs in this one."""
    async with asyncio.timeout(seconds + 10):
        deadline = asyncio.get_running_loop().time() + seconds
        while missing := await asyncio.to_thread(what):
            assert asyncio.get_running_loop().time() < deadline, missing
            await asyncio.sleep(0.5)


@pytest.mark.process
async def test_every_board_shows_a_server_that_dials_and_no_alert_fires(tmp_path: Path) -> None:
    async with watched(tmp_path) as watcher:
        await within(30, lambda: [] if watcher.ready() else ["ready"])
        await within(60, lambda: empty_panels(watcher))
        rules = await asyncio.to_thread(watcher.get, "/api/v1/rules")
        for rule in rules["groups"][0]["rules"]:
            assert (rule["health"], rule["alerts"]) == ("ok", []), rule
        (target,) = (await asyncio.to_thread(watcher.get, "/api/v1/targets"))["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")


def empty_panels(watcher: Prometheus) -> list[str]:
    """Queries of the boards that the server should answer and does not."""
    exprs = [expr for panel in monitoring.panels() for expr in panel.exprs]
    exprs = [expr for expr in exprs if not any(word in expr for word in QUIET)]
    filled = [expr.replace("$team", ".*").replace("$campaign", ".*") for expr in exprs]
    return [expr for expr in filled if not watcher.query(expr)]

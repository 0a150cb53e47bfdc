"""`dialer demo`: a demonstration with its API, and the live picture of it on a terminal."""

import asyncio
import contextlib

from rich.console import Console
from rich.live import Live

from dialer import serve
from dialer.config import ApiSettings
from dialer.demo import Demo, DemoOptions, running
from dialer.terminal import picture
from dialer.texts import Language


async def demonstrate(
    options: DemoOptions, seconds: float | None, language: Language | None
) -> dict[str, object]:
    """The summary, after so many seconds or a signal. `language` is that of the live picture; None: there is none."""
    (stop,) = serve.stop_events(1)
    sock = serve.listen(ApiSettings(host=options.host, port=options.port))
    with contextlib.closing(sock):
        async with running(options) as demonstration, serve.api(demonstration.dialer, sock) as port:
            if seconds is not None:
                asyncio.get_running_loop().call_later(seconds, stop.set)
            if language is None:
                await stop.wait()
            else:
                await _show(demonstration, port, language, stop)
            return demonstration.summary()


async def _show(demo: Demo, port: int, language: Language, stop: asyncio.Event) -> None:
    console = Console(stderr=True)
    console.print(f"API, metrics: http://127.0.0.1:{port}  (/openapi.json, /metrics)  Ctrl-C: stop")
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not stop.is_set():
            live.update(picture(demo.view(), language), refresh=True)
            try:
                await asyncio.wait_for(stop.wait(), timeout=0.5)
            except TimeoutError:
                continue

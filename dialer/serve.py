"""The server as a process: the dialer and its API together, until a signal (or a time) ends it."""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator

import uvicorn

from api.app import create_app
from dialer.bootstrap import Dialer
from dialer.config import ApiSettings, Settings
from dialer.errors import DialerError
from dialer.logs import get_logger

logger = get_logger(__name__)

# Longer than a proxy (nginx: 60 s) or a client keeps an idle connection: were ours the shorter time, a request that comes
# in the very moment of its end would find the connection closed, with no answer.
KEEP_ALIVE_SECONDS = 75


class CannotListenError(DialerError):
    """The API cannot listen where it is told to"""


def stop_events(count: int) -> list[asyncio.Event]:
    """The first SIGINT or SIGTERM sets the first event, the next one the next; what comes after the last is left to
    Python (it ends the process at once)."""
    events = [asyncio.Event() for _ in range(count)]
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        waiting = [event for event in events if not event.is_set()]
        waiting[0].set()
        if len(waiting) == 1:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return events


def listen(settings: ApiSettings) -> socket.socket:
    """The API's socket, bound before anything is dialled. Raises CannotListenError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host, settings.port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotListenError(f"port {settings.port} is taken; choose another") from None
        where = f"{settings.host}, port {settings.port}"
        raise CannotListenError(f"cannot listen on {where}: {error.strerror or error}") from None
    return sock


@contextlib.asynccontextmanager
async def api(dialer: Dialer, sock: socket.socket) -> AsyncIterator[int]:
    """The API, served while the context lasts; yields its port. Closes the socket."""
    # No log of requests: their addresses hold ids, and what a client makes up. Its other words go through our log.
    config = uvicorn.Config(
        create_app(dialer),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = _Server(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[sock]), name="api")
    try:
        yield int(sock.getsockname()[1])
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Signals are ours: the dialer drains before the process ends."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM, then drain and stop; a second signal ends the drain."""
    asked, at_once = stop_events(2)
    with contextlib.closing(listen(settings.api)) as sock:
        dialer = await Dialer.open(settings)
        try:
            await dialer.start()
            async with api(dialer, sock) as port:
                logger.info("serving", host=settings.api.host, port=port)
                await asked.wait()
                logger.info("draining", seconds=settings.drain_seconds)
                await _drain(dialer, settings.drain_seconds, at_once)
        finally:
            await dialer.stop()


async def _drain(dialer: Dialer, seconds: float, at_once: asyncio.Event) -> None:
    """Until it is done or somebody is out of patience."""
    async with asyncio.TaskGroup() as group:
        draining = group.create_task(dialer.drain(seconds))
        impatient = group.create_task(at_once.wait())
        await asyncio.wait({draining, impatient}, return_when=asyncio.FIRST_COMPLETED)
        if not draining.done():
            logger.warning("drain_cut_short")
            draining.cancel()
        impatient.cancel()

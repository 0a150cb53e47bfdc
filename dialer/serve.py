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


class CannotListenError(DialerError):
    """The API cannot listen where it is told to"""


def stop_event() -> asyncio.Event:
    """Set by SIGINT or SIGTERM; a second signal is left to Python (it ends the process at once)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop


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
        create_app(dialer), log_config=None, log_level="warning", access_log=False, lifespan="off"
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
    """Run until SIGINT or SIGTERM, then drain and stop."""
    stop = stop_event()
    with contextlib.closing(listen(settings.api)) as sock:
        dialer = await Dialer.open(settings)
        try:
            await dialer.start()
            async with api(dialer, sock) as port:
                logger.info("serving", host=settings.api.host, port=port)
                await stop.wait()
                logger.info("draining")
                await dialer.drain()
        finally:
            await dialer.stop()

"""What becomes of actions that the network has not carried yet when a link ends: the kernel must not send them afterwards.

The far end has a small window and does not read, as behind a network that is stuck; then it reads all that ever comes.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dialer.ami import AsyncManager
from tests.support.ami_server import BANNER

ACTIONS = 400
PADDING = "x" * 900
WINDOW = 4096


def speak(manager: AsyncManager) -> None:
    """More than the window and less than the kernel's buffer for what is to be sent."""
    for _ in range(ACTIONS):
        manager.send_action({"Action": "UserEvent", "Padding": PADDING}).add_done_callback(
            lambda answer: answer.cancelled() or answer.exception()
        )


@asynccontextmanager
async def stuck_server() -> AsyncIterator[socket.socket]:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


async def greet(listening: socket.socket) -> socket.socket:
    loop = asyncio.get_running_loop()
    end, _ = await loop.sock_accept(listening)
    await loop.sock_sendall(end, BANNER)
    return end


async def read_all(end: socket.socket) -> bytes:
    """Everything that comes until the link ends, in order or by reset."""
    loop = asyncio.get_running_loop()
    found = b""
    with end:
        async with asyncio.timeout(20):
            try:
                while data := await loop.sock_recv(end, 1 << 16):
                    found += data
            except ConnectionResetError:
                pass
    return found


async def test_what_a_dropped_link_has_not_carried_never_arrives() -> None:
    async with stuck_server() as listening, asyncio.TaskGroup() as group:
        greeted = group.create_task(greet(listening))
        manager = AsyncManager()
        await manager.connect("127.0.0.1", listening.getsockname()[1])
        speak(manager)
        manager.abort("given up")
        await manager.wait_lost()
        assert len(await read_all(await greeted)) < ACTIONS * len(PADDING) / 2


async def test_what_a_killed_process_has_not_sent_never_arrives() -> None:
    async with stuck_server() as listening, asyncio.TaskGroup() as group:
        greeted = group.create_task(greet(listening))
        port = str(listening.getsockname()[1])
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, port)
        assert await child.wait() == -signal.SIGKILL
        assert len(await read_all(await greeted)) < ACTIONS * len(PADDING) / 2


async def test_a_link_that_is_closed_in_order_carries_everything_first() -> None:
    async with stuck_server() as listening, asyncio.TaskGroup() as group:
        greeted = group.create_task(greet(listening))
        manager = AsyncManager()
        await manager.connect("127.0.0.1", listening.getsockname()[1])
        speak(manager)
        reading = group.create_task(read_all(await greeted))
        await manager.close()
        found = await reading
    assert found.count(PADDING.encode()) == ACTIONS
    assert found.count(b"Action: Logoff\r\n") == 1


async def _speak_and_die(port: int) -> None:
    manager = AsyncManager()
    await manager.connect("127.0.0.1", port)
    speak(manager)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(_speak_and_die(int(sys.argv[1])))

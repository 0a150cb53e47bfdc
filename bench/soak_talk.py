"""How the soak's processes talk: a word in on a line, one line of JSON out. Nothing else goes through their output."""

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

LINE_LIMIT = 64 * 1024 * 1024
ANSWER_SECONDS = 60.0


class Gone(Exception):
    """A process of the soak ended, or did not answer in time"""


async def answer_lines() -> AsyncIterator[tuple[str, Callable[[dict[str, Any]], None]]]:
    """Within a process: each word that comes in, with what answers it; ends with the input."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the terminal's interrupt is for the one who leads
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            yield line.decode().strip(), lambda found: print(json.dumps(found), flush=True)
    finally:
        transport.close()


class Partner:
    """A process of the soak, seen from the one that leads."""

    def __init__(self, name: str, process: Process) -> None:
        self.name, self._process = name, process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, word: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Raises Gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{word}\n".encode())
            return await self.hear(seconds)
        except OSError as error:
            raise Gone(f"{self.name}: {error}") from None

    async def hear(self, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """The next line. Raises Gone."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        except TimeoutError:
            raise Gone(f"{self.name} did not answer within {seconds} s") from None
        if not line:
            raise Gone(f"{self.name} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def end(self, seconds: float = 30.0) -> int:
        """Its exit code; killed when it does not end by itself (its input is closed)."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            return await self._process.wait()


@contextlib.asynccontextmanager
async def partner(name: str, log: Path, *arguments: str) -> AsyncIterator[Partner]:
    """`python -m bench.NAME ARGUMENTS`, its errors and log in `log`, while the context lasts."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"bench.{name}",
            *arguments,
            cwd=Path(__file__).parent.parent,
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            limit=LINE_LIMIT,
        )
    found = Partner(name, process)
    try:
        yield found
    finally:
        await found.end()

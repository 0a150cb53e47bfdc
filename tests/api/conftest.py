"""The telephone exchange behind the desk is the simulated one, on TCP, or none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialer.simulator.ami_server import SimulatedExchange
from tests.api.desk import AGENTS, FLOOR, Desk, Talkers, WorkingHours, desk_on


@pytest.fixture
async def desk(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Desk]:
    """No exchange answers."""
    async with desk_on(tmp_path, unused_tcp_port) as desk:
        yield desk


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Desk]:
    """Two agents are logged in, and everybody who is called answers and talks on."""
    async with (
        SimulatedExchange(FLOOR, clock=WorkingHours(), people=Talkers()) as exchange,
        desk_on(tmp_path, exchange.port) as desk,
    ):
        for code in AGENTS:
            await desk.agent(code, status="available", phase="idle")
        yield desk

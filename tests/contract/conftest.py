"""Every contract runs on the memory twin and on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from dialer.adapters.memory import memory_stores
from dialer.adapters.sql.store import open_stores
from dialer.ports import Stores
from tests.contract.world import AUTUMN, SPRING, World, policy


@pytest.fixture(params=["memory", "sqlite"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        opened = memory_stores(random=Random(1))
    else:
        opened = await open_stores(f"sqlite:///{tmp_path / 'dialer.db'}", random=Random(1))
    yield opened
    await opened.close()


@pytest.fixture
async def world(stores: Stores) -> World:
    """Two campaigns, spring and autumn, without leads."""
    for campaign_id in (SPRING, AUTUMN):
        await stores.campaigns.save(policy(campaign_id))
    return World(stores)

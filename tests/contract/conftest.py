"""Every contract runs on the memory twin, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest

from dialer.adapters.memory import memory_stores
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import open_stores
from dialer.ports import Stores
from tests.contract.world import AUTUMN, SPRING, World, policy
from tests.support import postgres
from tests.support.postgres import Cluster

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.service)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One for all tests that do not stop it."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="session")
def names() -> Iterator[str]:
    return (f"test{number}" for number in count())


@pytest.fixture
def empty_url(cluster: Cluster, names: Iterator[str]) -> Iterator[str]:
    """A PostgreSQL database without tables."""
    name = next(names)
    cluster.sql("postgres", f"CREATE DATABASE {name}")
    yield cluster.url(name)
    cluster.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def postgres_url(empty_url: str) -> str:
    """A PostgreSQL database with tables."""
    await migrate(empty_url)
    return empty_url


@pytest.fixture(params=["sqlite", POSTGRESQL])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that nobody opened yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'dialer.db'}"
    empty: str = request.getfixturevalue("empty_url")
    return empty


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        opened = memory_stores(random=Random(1))
    elif request.param == "sqlite":
        opened = await open_stores(f"sqlite:///{tmp_path / 'dialer.db'}", random=Random(1))
    else:
        opened = await open_stores(request.getfixturevalue("empty_url"), random=Random(1))
    yield opened
    await opened.close()


@pytest.fixture
async def world(stores: Stores) -> World:
    """Two campaigns, spring and autumn, without leads."""
    for campaign_id in (SPRING, AUTUMN):
        await stores.campaigns.save(policy(campaign_id))
    return World(stores)

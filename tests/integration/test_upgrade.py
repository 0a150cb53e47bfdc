"""A migration beside a server that dials: nothing is lost, nothing stands still. What older code may do on a newer schema.

The migrations of "the next release" are made here; the server is today's code, which does not know them.
"""

import asyncio
import contextlib
import re
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from dialer.adapters.sql import migrations
from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.migrate import (
    MigrationBlockedError,
    SchemaTooNewError,
    migrate,
)
from dialer.adapters.sql.store import open_stores
from tests.integration.test_backup import CAMPAIGN, Installation, installation, no_attempt_is_open
from tests.integration.test_logs import lines_of
from tests.support import postgres
from tests.support.live_server import until

EXPAND = """
    op.add_column("attempts", sa.Column("note", sa.Text()))
    op.add_column("leads", sa.Column("tags", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_attempts_note", "attempts", ["note"])
"""
SLOW = '    op.execute("SELECT pg_sleep(60)")\n'


def newest() -> str:
    folder = Path(migrations.__file__).parent / "versions"
    return max(path.name[1:5] for path in folder.glob("v[0-9]*.py"))


def release(folder: Path, revision: str, down: str, body: str, oldest_code: str | None) -> Path:
    """A migration of a release to come."""
    folder.mkdir(exist_ok=True)
    says = f'oldest_code = "{oldest_code}"' if oldest_code else ""
    (folder / f"v{revision}.py").write_text(
        f'"""A release to come"""\nimport sqlalchemy as sa\nfrom alembic import op\n'
        f'revision, down_revision = "{revision}", "{down}"\nbranch_labels = depends_on = None\n'
        f"{says}\ndef upgrade() -> None:\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    )
    return folder


def test_every_migration_says_which_servers_may_work_on_its_schema() -> None:
    folder = Path(migrations.__file__).parent / "versions"
    for path in folder.glob("v[0-9]*.py"):
        told = re.search(
            r'^oldest_code = "(\d{4})"', path.read_text(encoding="utf-8"), re.MULTILINE
        )
        number = path.name[1:5]
        assert number <= "0003" or (told and told[1] <= number), f"{path.name}: see CONTRIBUTING.md"


class TestOlderCode:
    async def test_it_works_on_a_schema_that_allows_it(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'dialer.db'}"
        beside = release(tmp_path / "next", "9001", newest(), EXPAND, oldest_code=newest())
        await migrate(url, beside=beside)
        stores = await open_stores(url)
        assert await stores.campaigns.all() == []
        await stores.close()

    async def test_it_refuses_one_that_does_not(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'dialer.db'}"
        beside = release(tmp_path / "next", "9001", newest(), EXPAND, oldest_code=None)
        await migrate(url, beside=beside)
        with pytest.raises(SchemaTooNewError, match=f"needs.* 9001, .* knows {newest()}: upgrade"):
            await open_stores(url)

    async def test_a_later_expansion_does_not_bring_it_back(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'dialer.db'}"
        beside = release(tmp_path / "next", "9001", newest(), EXPAND, oldest_code=None)
        release(beside, "9002", "9001", "pass", oldest_code=newest())
        await migrate(url, beside=beside)
        with pytest.raises(SchemaTooNewError, match="9001"):
            await open_stores(url)


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@contextlib.asynccontextmanager
async def busy_table(url: str) -> AsyncIterator[None]:
    """Somebody reads the attempts in one long transaction: no migration can change the table meanwhile."""
    database = connect(url, patient=True)
    try:
        async with database.write() as connection:
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            await connection.execute(text("SELECT count(*) FROM attempts"))
            yield
    finally:
        await database.close()


@pytest.mark.service
@pytest.mark.process
async def test_a_server_dials_while_the_schema_is_upgraded(
    tmp_path: Path, cluster: postgres.Cluster
) -> None:
    cluster.sql("postgres", "CREATE DATABASE upgraded")
    url = cluster.url("upgraded")
    beside = release(tmp_path / "next", "9001", newest(), EXPAND, oldest_code=newest())
    async with installation(tmp_path, url) as at, asyncio.TaskGroup() as group:
        async with busy_table(url):
            upgrade = group.create_task(migrate(url, beside=beside))
            await at.dials(15)
            assert not upgrade.done()
        began = time.monotonic()
        await upgrade
        assert time.monotonic() - began < 5
        await at.dials(10)
        await nothing_was_lost(at, url)
        at.start()
        await until(lambda: "schema_newer" in at.log(), 20, "it starts on the newer schema")
        await at.dials(5)
        await nothing_was_lost(at, url)


async def nothing_was_lost(at: Installation, url: str) -> None:
    """Nobody was rung twice, everybody who was rung has an attempt, and each has its end."""
    await at.stop()
    said = "\n".join(lines_of(at.folder))
    assert "store_down" not in said
    assert "write_" not in said
    assert max(at.people.rung.values()) == 1
    stores = await open_stores(url)
    try:
        await no_attempt_is_open(stores)
        outcomes = await stores.attempts.outcomes(CAMPAIGN)
    finally:
        await stores.close()
    assert sum(outcomes.values()) == at.people.rung.total()


@pytest.mark.service
async def test_a_migration_that_takes_long_is_not_forced_on_servers(
    tmp_path: Path, cluster: postgres.Cluster
) -> None:
    cluster.sql("postgres", "CREATE DATABASE slow")
    url = cluster.url("slow")
    await migrate(url)
    beside = release(tmp_path / "next", "9001", newest(), SLOW, oldest_code=newest())
    with pytest.raises(MigrationBlockedError, match="--patient"):
        await migrate(url, beside=beside)
    stores = await open_stores(url)
    assert await stores.campaigns.all() == []
    await stores.close()

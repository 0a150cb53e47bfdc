"""What is SQLite's own: its file, its schema, how it would run the statements."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable

from dialer.adapters.sql import attempts as attempt_store
from dialer.adapters.sql import callbacks as callback_store
from dialer.adapters.sql import lead_counts as counts_store
from dialer.adapters.sql import leads as lead_store
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import open_stores
from dialer.adapters.sql.tables import leads, metadata
from dialer.errors import InvalidInputError, StoreUnavailableError
from dialer.leads import LeadState, Outcome
from tests.contract.world import AUTUMN, HOUR, NOON, SPRING, World, number, policy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dialer.db"


@pytest.fixture
async def world(path: Path) -> AsyncIterator[World]:
    """On SQLite, with the campaign spring."""
    stores = await open_stores(f"sqlite:///{path}", random=Random(1))
    await stores.campaigns.save(policy(SPRING))
    yield World(stores)
    await stores.close()


def schema(path: Path) -> dict[str, str]:
    """The statements that built the tables and indexes, white space apart."""
    database = sqlite3.connect(path)
    rows = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger' AND name != 'alembic_version'"
    ).fetchall()
    database.close()
    return {name: " ".join(sorted(sql.replace(",", " ").split())) for name, sql in rows}


class TestMigrations:
    async def test_they_build_the_schema_that_the_code_expects(self, tmp_path: Path) -> None:
        migrated, expected = tmp_path / "migrated.db", tmp_path / "expected.db"
        await migrate(f"sqlite:///{migrated}")
        engine = create_engine(f"sqlite:///{expected}")
        metadata.create_all(engine)
        engine.dispose()
        assert schema(migrated) == schema(expected)


class TestWhatIsStored:
    async def test_instants_are_utc_and_states_are_words(self, world: World, path: Path) -> None:
        call = await world.dialed(1)
        await world.close(call, Outcome.NO_ANSWER, state=LeadState.RETRY, next_at=NOON + HOUR)
        database = sqlite3.connect(path)
        query = "SELECT state, last_outcome, next_attempt_at FROM leads"
        (row,) = database.execute(query).fetchall()
        database.close()
        assert row == ("retry", "no_answer", "2026-03-02 13:00:00.000000")


class TestBeingAway:
    async def test_a_file_that_is_no_database_is_unavailable(self) -> None:
        with pytest.raises(StoreUnavailableError) as caught:
            await open_stores(f"sqlite:///{__file__}")
        assert caught.value.retryable

    async def test_a_database_that_lost_its_tables_is_unavailable_and_names_no_number(
        self, world: World, path: Path
    ) -> None:
        database = sqlite3.connect(path)
        database.executescript("PRAGMA foreign_keys = OFF; DROP TABLE do_not_call")
        database.close()
        with pytest.raises(StoreUnavailableError) as caught:
            await world.stores.leads.do_not_call([number(1)])
        assert number(1) not in f"{caught.value} {caught.value.__cause__}"

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "dialer.db",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:////no/such/folder/dialer.db",
            "sqlite+pysqlite:///dialer.db",
            "mysql://x/y",
            "postgresql+psycopg://x/y",
            "postgresql://x/y?nonsense=1",
            "nonsense://x",
        ],
    )
    async def test_an_address_that_is_of_no_use_is_refused(self, url: str) -> None:
        with pytest.raises(InvalidInputError):
            await open_stores(url)


def plan(path: Path, statement: Executable) -> str:
    """How SQLite would run the statement."""
    text = str(
        statement.compile(  # type: ignore[attr-defined]
            dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}
        )
    )
    database = sqlite3.connect(path)
    rows = database.execute(f"EXPLAIN QUERY PLAN {text}", [1] * text.count("?"))
    steps = " / ".join(row[3] for row in rows)
    database.close()
    return steps


class TestSpeed:
    """With millions of leads only the indexes keep these statements short."""

    async def test_leads_are_woken_and_taken_in_the_order_of_an_index(
        self, world: World, path: Path
    ) -> None:
        wake, take = plan(path, lead_store._WAKE), plan(path, lead_store._TAKE)
        assert "ix_leads_asleep (campaign_id=? AND wakes_at<?)" in wake
        assert "ix_leads_line (campaign_id=? AND list_id=? AND rank>? AND rank<?)" in take
        assert "uq_attempts_open_phone (phone=?)" in take
        for steps in (wake, take):
            assert "TEMP B-TREE" not in steps
            assert "SCAN leads" not in steps

    async def test_what_holds_leads_back_is_counted_without_the_leads(
        self, world: World, path: Path
    ) -> None:
        counted = plan(path, counts_store._COUNTED)
        assert "ix_lead_counts_key (campaign_id=?)" in counted
        assert "ix_leads_state (campaign_id=? AND state=?)" in counted  # those in hand
        assert "SCAN leads" not in counted
        assert "ix_leads_asleep (campaign_id=? AND wakes_at>?" in plan(path, counts_store._NEXT)
        hour = plan(path, counts_store._IN_THE_HOUR)
        assert (
            "COVERING INDEX ix_leads_asleep (campaign_id=? AND wakes_at>? AND wakes_at<?)" in hour
        )

    async def test_callbacks_are_found_without_the_other_leads(
        self, world: World, path: Path
    ) -> None:
        for statement in (callback_store._TAKEN, callback_store._NEXT):
            steps = plan(path, statement.params(campaign=SPRING, at=NOON, most=1))
            assert "ix_callbacks_promised (campaign_id=?)" in steps
            assert "SCAN" not in steps

    async def test_what_an_owner_holds_is_found_by_an_index(self, world: World, path: Path) -> None:
        held = lead_store.GIVE_BACK.where(leads.c.owner == "one")
        assert "ix_leads_held (owner=?)" in plan(path, held)

    async def test_open_attempts_are_found_without_the_closed_ones(
        self, world: World, path: Path
    ) -> None:
        for campaigns in ([SPRING], [SPRING, AUTUMN]):
            statement = attempt_store._STILL_OPEN.params(campaigns=campaigns)
            assert "ix_attempts_open (campaign_id=?)" in plan(path, statement)

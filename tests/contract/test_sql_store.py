"""What only a database can show: it outlives the process, migrates, is shared, can be away."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

from dialer.adapters.sql import attempts as attempt_store
from dialer.adapters.sql import leads as lead_store
from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import open_stores, stores_on
from dialer.adapters.sql.tables import leads, metadata
from dialer.errors import InvalidInputError, StoreUnavailableError
from dialer.leads import LeadState, NewLead, Outcome
from tests.contract.world import AUTUMN, HOUR, MINUTE, NOON, SPRING, World, call_to, number, policy


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
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
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

    async def test_they_run_once_however_often_and_from_wherever_they_are_called(
        self, path: Path
    ) -> None:
        url = f"sqlite:///{path}"
        await asyncio.gather(*(migrate(url) for _ in range(3)))
        before = schema(path)
        await migrate(url)
        assert schema(path) == before

    async def test_what_was_stored_is_there_when_the_stores_are_opened_again(
        self, path: Path
    ) -> None:
        url = f"sqlite:///{path}"
        first = await open_stores(url)
        await first.campaigns.save(policy(SPRING))
        await first.leads.add([NewLead(campaign_id=SPRING, phone=number(1))], at=NOON)
        await first.close()
        second = await open_stores(url)
        (lead,) = await World(second).all()
        await second.close()
        assert lead.phone == number(1)


class TestWhatIsStored:
    async def test_instants_are_utc_and_states_are_words(self, world: World, path: Path) -> None:
        call = await world.dialed(1)
        await world.close(call, Outcome.NO_ANSWER, state=LeadState.RETRY, next_at=NOON + HOUR)
        database = sqlite3.connect(path)
        query = "SELECT state, last_outcome, next_attempt_at FROM leads"
        (row,) = database.execute(query).fetchall()
        database.close()
        assert row == ("retry", "no_answer", "2026-03-02 13:00:00.000000")


class TestSharing:
    async def test_two_servers_on_one_database_share_the_leads(
        self, world: World, path: Path
    ) -> None:
        other = World(await open_stores(f"sqlite:///{path}"))
        new = [NewLead(campaign_id=SPRING, phone=number(index)) for index in range(40)]
        await world.stores.leads.add(new, at=NOON)
        hauls = await asyncio.gather(
            *(world.reserve(5, owner="one") for _ in range(5)),
            *(other.reserve(5, owner="two") for _ in range(5)),
        )
        taken = [lead.lead_id for haul in hauls for lead in haul]
        await other.stores.close()
        assert len(taken) == len(set(taken)) == 40

    async def test_a_reader_is_not_kept_waiting_by_a_writer(self, path: Path) -> None:
        url = f"sqlite:///{path}"
        await migrate(url)
        database = connect(url)
        async with database.write():
            assert await stores_on(database, Random(1)).campaigns.all() == []
        await database.close()


async def crash(path: Path, when: str, what: str) -> World:
    """What a process leaves that is killed before or after its commit."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contract.crash", when, what, str(path)
    )
    assert await process.wait() == -signal.SIGKILL
    return World(await open_stores(f"sqlite:///{path}"))


class TestCrashes:
    async def test_attempts_that_were_committed_survive(self, path: Path) -> None:
        world = await crash(path, "after", "open")
        still_open = await world.stores.attempts.still_open([SPRING])
        states = {lead.state for lead in await world.all()}
        again = await world.reserve(owner="next", at=NOON + 1000 * HOUR)
        await world.stores.close()
        assert (len(still_open), states, again) == (3, {LeadState.DIALING}, [])

    async def test_attempts_that_were_not_committed_leave_nothing(self, path: Path) -> None:
        world = await crash(path, "before", "open")
        still_open = await world.stores.attempts.still_open([SPRING])
        states = {lead.state for lead in await world.all()}
        again = await world.reserve(owner="next", at=NOON + HOUR)
        await world.stores.close()
        assert (still_open, states, len(again)) == ([], {LeadState.RESERVED}, 3)

    async def test_a_close_is_there_whole_or_not_at_all(self, tmp_path: Path) -> None:
        seen = {}
        for when in ("before", "after"):
            world = await crash(tmp_path / f"{when}.db", when, "close")
            still_open = await world.stores.attempts.still_open([SPRING])
            tried = [lead for lead in await world.all() if lead.attempts == 1]
            await world.stores.close()
            seen[when] = (len(still_open), [lead.state for lead in tried])
        assert seen == {"before": (3, []), "after": (2, [LeadState.RETRY])}


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
            "mysql://x/y",
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
        assert "ix_leads_ready (campaign_id=?)" in take
        assert "uq_attempts_open_phone (phone=?)" in take
        for steps in (wake, take):
            assert "TEMP B-TREE" not in steps
            assert "SCAN leads" not in steps

    async def test_what_an_owner_holds_is_found_by_an_index(self, world: World, path: Path) -> None:
        held = lead_store.GIVE_BACK.where(leads.c.owner == "one")
        assert "ix_leads_held (owner=?)" in plan(path, held)

    async def test_open_attempts_are_found_without_the_closed_ones(
        self, world: World, path: Path
    ) -> None:
        for campaigns in ([SPRING], [SPRING, AUTUMN]):
            statement = attempt_store._STILL_OPEN.params(campaigns=campaigns)
            assert "ix_attempts_open (campaign_id=?)" in plan(path, statement)


class TestPostgresql:
    """The statements as PostgreSQL would get them."""

    def test_leads_that_another_caller_has_in_hand_are_passed_over(self) -> None:
        for statement in (lead_store._WAKE, lead_store._TAKE):
            compiled = str(statement.compile(dialect=postgresql.dialect()))
            assert "SKIP LOCKED" in compiled

    def test_an_attempt_and_its_lead_are_locked_while_they_change(self) -> None:
        statement = attempt_store._ATTEMPT_WITH_LEAD
        assert "FOR UPDATE OF" in str(statement.compile(dialect=postgresql.dialect()))


async def test_an_attempt_is_closed_by_another_server_than_opened_it(
    world: World, path: Path
) -> None:
    lead = await world.reserved(1)
    await world.open([call_to(lead)])
    other = World(await open_stores(f"sqlite:///{path}"))
    await other.close(call_to(lead), ended_at=NOON + MINUTE)
    await other.stores.close()
    assert await world.state(lead) is LeadState.DONE

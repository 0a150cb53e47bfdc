"""What is PostgreSQL's own: transactions that really run at once, its schema, how it runs the statements."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql.base import Executable

from dialer.adapters.sql import lead_counts as counts_store
from dialer.adapters.sql import leads as lead_store
from dialer.adapters.sql.engine import Database, address_of, connect
from dialer.adapters.sql.fences import holds
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import open_stores, stores_on
from dialer.adapters.sql.tables import attempts, campaigns, leads, metadata, team_leases
from dialer.errors import InvalidInputError, StoreUnavailableError
from dialer.ids import TeamId
from dialer.leads import Lead, LeadState, NewLead
from dialer.persons import new_numbers
from dialer.ports import fenced_owner
from tests.contract.world import AUTUMN, MINUTE, NOON, SPRING, World, call_to, number, policy
from tests.support.postgres import Cluster

pytestmark = pytest.mark.service

NORTH = TeamId("north")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """For transactions that the test holds open; and those of the world."""
    opened = connect(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
async def world(database: Database) -> World:
    world = World(stores_on(database, Random(1)))
    for campaign_id in (SPRING, AUTUMN):
        await world.stores.campaigns.save(policy(campaign_id))
    return world


async def somebody_waits(database: Database, how_many: int = 1) -> None:
    """Return once so many sessions of this database wait for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    found = 0
    while found < how_many:
        async with database.read() as connection:
            found = (await connection.execute(waiting)).scalar_one()


class TestSchema:
    async def test_migrations_build_the_schema_that_the_code_expects(
        self, cluster: Cluster, postgres_url: str
    ) -> None:
        cluster.sql("postgres", "CREATE DATABASE expected")
        engine = create_async_engine(address_of(cluster.url("expected")))
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        await engine.dispose()
        migrated = self.schema(cluster, postgres_url.rpartition("/")[2])
        expected = self.schema(cluster, "expected")
        cluster.sql("postgres", "DROP DATABASE expected")
        assert migrated == expected

    def schema(self, cluster: Cluster, database: str) -> list[list[str]]:
        columns = cluster.sql(
            database,
            "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, "
            "collation_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name != 'alembic_version' ORDER BY 1, 2",
        )
        indexes = cluster.sql(
            database,
            "SELECT indexdef FROM pg_indexes "
            "WHERE schemaname = 'public' AND tablename != 'alembic_version' ORDER BY 1",
        )
        keys = cluster.sql(
            database,
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%' ORDER BY 1",
        )
        return columns + indexes + keys


class TestAtOnce:
    async def test_no_lead_is_given_to_two_however_many_ask(
        self, world: World, postgres_url: str
    ) -> None:
        new = [
            NewLead(campaign_id=SPRING, phone=number(index), priority=index % 3)
            for index in range(600)
        ]
        await world.stores.leads.add(new, at=NOON)
        servers = [World(await open_stores(postgres_url)) for _ in range(4)]

        async def empty(server: World, owner: str) -> list[Lead]:
            haul: list[Lead] = []
            while got := await server.reserve(7, owner=owner):
                assert len(got) <= 7
                haul += got
            return haul

        hauls = await asyncio.gather(
            *(
                empty(server, f"{place}-{task}")
                for place, server in enumerate(servers)
                for task in "ab"
            )
        )
        for server in servers:
            await server.stores.close()
        taken = [lead.lead_id for haul in hauls for lead in haul]
        assert len(taken) == len(set(taken)) == 600
        assert sum(1 for haul in hauls if haul) > 1

    async def test_a_number_rings_once_however_many_ring_it(
        self, world: World, postgres_url: str
    ) -> None:
        indexes = range(200)
        for campaign_id in (SPRING, AUTUMN):
            new = [NewLead(campaign_id=campaign_id, phone=number(index)) for index in indexes]
            await world.stores.leads.add(new, at=NOON)
        server = World(await open_stores(postgres_url))
        spring = await world.reserve(500, owner="one")
        autumn = await world.reserve(500, owner="two", campaign=AUTUMN)
        batches = [
            (who, owner, [call_to(lead) for lead in own[start : start + 10]])
            for who, owner, own in ((world, "one", spring), (server, "two", autumn[::-1]))
            for start in range(0, 200, 10)
        ]
        written = await asyncio.gather(
            *(who.open(batch, owner=owner) for who, owner, batch in batches)
        )
        await server.stores.close()
        still_open = await world.stores.attempts.still_open([SPRING, AUTUMN])
        assert sum(map(len, written)) == len(still_open) == 200

    async def test_two_closers_of_one_attempt_count_it_once(
        self, world: World, postgres_url: str
    ) -> None:
        call = await world.dialed(1)
        server = World(await open_stores(postgres_url))
        closes = [
            who.close(call, state=LeadState.RETRY) for who in (world, server) for _ in range(4)
        ]
        await asyncio.gather(*closes)
        await server.stores.close()
        assert (await world.get(call)).attempts == 1


class TestBarringDuringAClose:
    async def test_a_number_barred_before_the_close_gets_its_lock(
        self, world: World, database: Database
    ) -> None:
        call = await world.dialed(1)
        async with asyncio.TaskGroup() as group, database.write() as connection:
            own = select(attempts.c.id).where(attempts.c.id == call.call_id)
            await connection.execute(own.with_for_update())
            group.create_task(world.close(call, state=LeadState.RETRY))
            await somebody_waits(database)
            await world.bar(call.phone)
        assert await world.state(call) is LeadState.EXCLUDED

    async def test_a_number_barred_while_the_close_has_its_lock(
        self, world: World, database: Database
    ) -> None:
        call = await world.dialed(1)
        async with asyncio.TaskGroup() as group, database.write() as connection:
            await connection.execute(text("LOCK TABLE do_not_call"))
            group.create_task(world.close(call, state=LeadState.RETRY))
            await somebody_waits(database)
            group.create_task(world.bar(call.phone))
            await somebody_waits(database, 2)
        assert await world.state(call) is LeadState.EXCLUDED


class TestFences:
    async def test_a_take_over_waits_for_an_open_that_has_begun(
        self, world: World, database: Database
    ) -> None:
        fence = await world.stores.leases.acquire(NORTH, owner="one", ttl=MINUTE, at=NOON)
        assert fence is not None
        one, later = fenced_owner(NORTH, fence), NOON + 2 * MINUTE
        async with asyncio.TaskGroup() as group, database.write() as connection:
            assert await holds(connection, one)
            take_over = world.stores.leases.acquire(NORTH, owner="two", ttl=MINUTE, at=later)
            taken = group.create_task(take_over)
            await somebody_waits(database)
            assert await holds(connection, one)
        assert taken.result() == 2

    async def test_an_open_that_began_during_a_take_over_writes_nothing(
        self, world: World, database: Database
    ) -> None:
        fence = await world.stores.leases.acquire(NORTH, owner="one", ttl=MINUTE, at=NOON)
        assert fence is not None
        one = fenced_owner(NORTH, fence)
        lead = await world.lead(1)
        await world.reserve(owner=one)
        async with asyncio.TaskGroup() as group, database.write() as connection:
            await connection.execute(update(team_leases).values(fence=fence + 1, owner="two"))
            written = group.create_task(world.open([call_to(lead)], owner=one))
            reserved = group.create_task(world.reserve(owner=one))
            await somebody_waits(database, 2)
        assert (written.result(), reserved.result()) == (set(), [])


class TestCollisions:
    async def test_a_transaction_that_a_deadlock_undid_is_run_again(
        self, world: World, database: Database
    ) -> None:
        first, second = await world.lead(1), await world.lead(1, campaign=AUTUMN)
        async with asyncio.TaskGroup() as group, database.write() as connection:
            await connection.execute(text("SET LOCAL deadlock_timeout = '20s'"))
            for lead in (second, first):
                own = select(leads.c.id).where(leads.c.id == lead.lead_id)
                await connection.execute(own.with_for_update())
                if lead is second:
                    group.create_task(world.bar(number(1)))  # takes the first, then waits
                    await somebody_waits(database)
        assert {await world.state(lead) for lead in (first, second)} == {LeadState.EXCLUDED}

    async def test_a_lock_that_is_not_let_go_makes_the_store_unavailable(
        self, world: World, database: Database
    ) -> None:
        call = await world.dialed(1)
        async with database.write() as connection:
            await connection.execute(select(leads.c.id).with_for_update())
            with pytest.raises(StoreUnavailableError):
                await world.close(call)
        await world.close(call)
        assert await world.state(call) is LeadState.DONE

    async def test_a_server_that_hangs_in_a_transaction_is_cut_off(
        self, database: Database
    ) -> None:
        limit = text("SELECT current_setting('idle_in_transaction_session_timeout')")
        async with database.write() as connection:
            assert (await connection.execute(limit)).scalar_one() == "10s"


class TestRefusals:
    @pytest.mark.parametrize(
        "lead",
        [
            NewLead(campaign_id=SPRING, phone=number(1), name="A\0da"),
            NewLead(campaign_id=SPRING, phone=number(1), priority=2**40),
            NewLead(campaign_id=SPRING, phone=number(1) * 3),
        ],
        ids=["a zero byte", "a large number", "a long phone number"],
    )
    async def test_a_value_that_it_cannot_hold_is_refused_and_not_quoted(
        self, world: World, lead: NewLead
    ) -> None:
        with pytest.raises(InvalidInputError) as caught:
            await world.stores.leads.add([lead], at=NOON)
        error: BaseException | None = caught.value
        assert error is not None
        assert error.__suppress_context__
        assert number(1) not in str(error)
        assert await world.all() == []

    async def test_a_database_that_lost_its_tables_is_unavailable_and_names_no_number(
        self, world: World, database: Database
    ) -> None:
        async with database.write() as connection:
            await connection.execute(text("DROP TABLE do_not_call"))
        with pytest.raises(StoreUnavailableError) as caught:
            await world.stores.leads.do_not_call([number(1)])
        assert number(1) not in f"{caught.value} {caught.value.__cause__}"

    async def test_a_database_that_is_not_there_is_unavailable(self, cluster: Cluster) -> None:
        with pytest.raises(StoreUnavailableError):
            await open_stores(cluster.url("nothing"))

    async def test_the_address_may_say_how_to_encrypt_as_libpq_does(
        self, postgres_url: str
    ) -> None:
        stores = await open_stores(f"{postgres_url}?sslmode=disable")
        await stores.health.ping()
        await stores.close()
        with pytest.raises(StoreUnavailableError):  # the test's cluster has no certificate
            await open_stores(f"{postgres_url}?sslmode=require")

    async def test_migrating_what_is_up_to_date_keeps_nobody_waiting(
        self, world: World, database: Database, postgres_url: str
    ) -> None:
        async with database.write() as connection:
            await connection.execute(select(leads.c.id).with_for_update())
            await migrate(postgres_url)


async def plan(database: Database, statement: Executable) -> str:
    """How PostgreSQL would run the statement."""
    compiled = statement.compile(dialect=postgresql.dialect())  # type: ignore[attr-defined, no-untyped-call]
    known = {
        "list": 0,
        "first": -(2**48),
        "last": 2**48,
        "campaign": SPRING,
        "at": NOON,
        "most": 50,
        "holder": "one",
        "until": NOON,
    }
    values = {name: known.get(name, value) for name, value in compiled.params.items()}
    spelled = {name: "NULL" if value is None else f"'{value}'" for name, value in values.items()}
    async with database.write() as connection:
        steps = await connection.exec_driver_sql(f"EXPLAIN {compiled}" % spelled)
        return "\n".join(row[0] for row in steps)


class TestSpeed:
    """With millions of leads only the indexes keep these statements short."""

    @pytest.fixture
    async def crowded(self, world: World, database: Database) -> Database:
        new = [NewLead(campaign_id=SPRING, phone=number(index)) for index in range(20_000)]
        await world.stores.leads.add(new, at=NOON)
        async with database.write() as connection:
            sleep = update(leads).where(leads.c.phone < number(8_000))
            await connection.execute(
                sleep.values(state=LeadState.RETRY, wakes_at=NOON + MINUTE, next_attempt_at=NOON)
            )
            await connection.execute(text("ANALYZE"))
        return database

    async def test_leads_are_taken_in_the_order_of_an_index(self, crowded: Database) -> None:
        steps = await plan(crowded, lead_store._TAKE)
        assert "Index Scan using ix_leads_line" in steps
        assert "Sort" not in steps
        assert "Seq Scan on leads" not in steps

    async def test_sleepers_are_found_by_an_index(self, crowded: Database) -> None:
        steps = await plan(crowded, lead_store._WAKE)
        assert "ix_leads_asleep" in steps
        assert "Seq Scan on leads" not in steps

    async def test_what_holds_leads_back_is_counted_without_the_leads(
        self, crowded: Database
    ) -> None:
        for statement in (counts_store._NEXT, counts_store._IN_THE_HOUR):
            steps = await plan(crowded, statement)
            assert "ix_leads_asleep" in steps
            assert "Seq Scan on leads" not in steps
        steps = await plan(crowded, counts_store._COUNTED)
        assert "Index Scan using ix_leads_state on leads" in steps  # those in hand
        assert "Seq Scan on leads" not in steps

    async def test_leads_that_another_caller_has_in_hand_are_passed_over(
        self, crowded: Database
    ) -> None:
        world = World(stores_on(crowded, Random(1)))
        async with crowded.write() as connection:
            best = select(leads.c.id).where(leads.c.phone == number(8_000)).with_for_update()
            held = (await connection.execute(best)).scalar_one()
            (other,) = await world.reserve(1)
        assert other.lead_id != held


async def test_a_lead_that_is_taken_while_another_waits_for_it_is_not_taken_twice(
    world: World, database: Database
) -> None:
    """The second caller looked before the first committed, and looks again."""
    lead = await world.reserved(1)
    calls = [
        call_to(lead, "first"),
        replace(call_to(lead), call_id=call_to(lead, "second").call_id),
    ]
    async with asyncio.TaskGroup() as group, database.write() as connection:
        await connection.execute(select(leads.c.id).with_for_update())
        written = [group.create_task(world.open([call])) for call in calls]
        await somebody_waits(database, 2)
    assert sorted(len(one.result()) for one in written) == [0, 1]


async def test_calls_are_opened_while_persons_are_added(world: World, database: Database) -> None:
    """Who adds persons keeps others from adding leads to the campaign, and nobody from dialling."""
    lead = await world.reserved(1)
    phones = [number(index) for index in (2, 3)]
    numbers = new_numbers([(phone, "Europe/Rome") for phone in phones])
    person = NewLead(campaign_id=SPRING, phone=phones[0], numbers=numbers)
    async with asyncio.TaskGroup() as group:
        async with database.write() as connection:
            await connection.execute(
                select(campaigns.c.id).with_for_update(key_share=True)
            )  # as whoever adds persons
            adding = group.create_task(world.stores.leads.add([person], at=NOON))
            await somebody_waits(database, 1)
            assert await world.open([call_to(lead)])
        assert (await adding).added == 1

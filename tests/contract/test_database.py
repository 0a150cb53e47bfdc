"""What only a database can show, SQLite or PostgreSQL: it outlives the process, migrates, is shared."""

import asyncio
import signal
import sys
from pathlib import Path
from random import Random

from sqlalchemy import JSON, bindparam, text

from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import open_stores, stores_on
from dialer.campaign import CampaignState
from dialer.ids import TeamId
from dialer.leads import LeadState, NewLead
from tests.contract.world import HOUR, MINUTE, NOON, SPRING, World, call_to, number, policy

TEAM = TeamId("north")


async def opened(url: str) -> World:
    """With the campaign spring."""
    world = World(await open_stores(url))
    await world.stores.campaigns.save(policy(SPRING))
    return world


class TestMigrations:
    async def test_they_run_once_however_often_they_are_called(self, url: str) -> None:
        await asyncio.gather(*(migrate(url) for _ in range(3)))
        world = await opened(url)
        await world.lead(1)
        await world.stores.close()
        await migrate(url)
        again = World(await open_stores(url))
        leads = await again.all()
        await again.stores.close()
        assert len(leads) == 1

    async def test_several_databases_may_be_opened_at_once_in_one_process(
        self, tmp_path: Path
    ) -> None:
        urls = [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(4)]
        opened = await asyncio.gather(*(open_stores(url) for url in urls))
        for stores in opened:
            assert await stores.campaigns.all() == []
            await stores.close()

    async def test_several_servers_may_start_on_an_empty_database_at_once(self, url: str) -> None:
        start = "import asyncio, sys; from dialer.adapters.sql.migrate import migrate; "
        start += "asyncio.run(migrate(sys.argv[1]))"
        servers = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", start, url) for _ in range(3)
        ]
        assert [await server.wait() for server in servers] == [0, 0, 0]
        await (await opened(url)).stores.close()

    async def test_a_campaign_of_one_trunk_keeps_it(self, url: str) -> None:
        await migrate(url, to="0002")
        database = connect(url)
        async with database.write() as connection:
            await connection.execute(
                text(
                    "INSERT INTO campaigns (id, name, team_id, state, policy)"
                    " VALUES ('spring', 'Spring', 'one', 'running', :policy)"
                ).bindparams(bindparam("policy", {"trunk": "carrier", "lines": 7}, JSON))
            )
        await database.close()
        stores = await open_stores(url)
        campaign = await stores.campaigns.get(SPRING)
        await stores.close()
        assert (campaign.policy.trunks, campaign.policy.lines) == (("carrier",), 7)
        assert campaign.state is CampaignState.RUNNING

    async def test_what_was_stored_is_there_when_the_stores_are_opened_again(
        self, url: str
    ) -> None:
        first = await opened(url)
        await first.lead(1)
        fence = await first.stores.leases.acquire(TEAM, owner="one", ttl=MINUTE, at=NOON)
        await first.stores.close()
        second = World(await open_stores(url))
        (lead,) = await second.all()
        lease = await second.stores.leases.held_by(TEAM, at=NOON)
        await second.stores.close()
        assert lead.phone == number(1)
        assert lease is not None
        assert lease.fence == fence


class TestSharing:
    async def test_two_servers_on_one_database_share_the_leads(self, url: str) -> None:
        world, other = await opened(url), World(await open_stores(url))
        new = [NewLead(campaign_id=SPRING, phone=number(index)) for index in range(40)]
        await world.stores.leads.add(new, at=NOON)
        hauls = await asyncio.gather(
            *(world.reserve(5, owner="one") for _ in range(5)),
            *(other.reserve(5, owner="two") for _ in range(5)),
        )
        taken = [lead.lead_id for haul in hauls for lead in haul]
        await world.stores.close()
        await other.stores.close()
        assert len(taken) == len(set(taken)) == 40

    async def test_an_attempt_is_closed_by_another_server_than_opened_it(self, url: str) -> None:
        world, other = await opened(url), World(await open_stores(url))
        lead = await world.reserved(1)
        await world.open([call_to(lead)])
        await other.close(call_to(lead), ended_at=NOON + MINUTE)
        state = await world.state(lead)
        await world.stores.close()
        await other.stores.close()
        assert state is LeadState.DONE

    async def test_of_two_servers_one_gets_the_team(self, url: str) -> None:
        world, other = await opened(url), World(await open_stores(url))
        fences = await asyncio.gather(
            *(
                server.stores.leases.acquire(TEAM, owner=name, ttl=MINUTE, at=NOON)
                for name, server in (("one", world), ("two", other))
            )
        )
        await world.stores.close()
        await other.stores.close()
        assert sorted(fences, key=str) == [1, None]

    async def test_a_reader_is_not_kept_waiting_by_a_writer(self, url: str) -> None:
        await migrate(url)
        database = connect(url)
        async with database.write():
            assert await stores_on(database, Random(1)).campaigns.all() == []
        await database.close()


async def crash(url: str, when: str, what: str) -> World:
    """What a process leaves that is killed before or after its commit."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contract.crash", when, what, url
    )
    assert await process.wait() == -signal.SIGKILL
    return World(await open_stores(url))


class TestCrashes:
    async def test_attempts_that_were_committed_survive(self, url: str) -> None:
        world = await crash(url, "after", "open")
        still_open = await world.stores.attempts.still_open([SPRING])
        states = {lead.state for lead in await world.all()}
        again = await world.reserve(owner="next", at=NOON + 1000 * HOUR)
        await world.stores.close()
        assert (len(still_open), states, again) == (3, {LeadState.DIALING}, [])

    async def test_attempts_that_were_not_committed_leave_nothing(self, url: str) -> None:
        world = await crash(url, "before", "open")
        still_open = await world.stores.attempts.still_open([SPRING])
        states = {lead.state for lead in await world.all()}
        again = await world.reserve(owner="next", at=NOON + HOUR)
        await world.stores.close()
        assert (still_open, states, len(again)) == ([], {LeadState.RESERVED}, 3)

    async def test_a_close_that_was_committed_is_there_whole(self, url: str) -> None:
        assert await self.closed(url, "after") == (2, [LeadState.RETRY])

    async def test_a_close_that_was_not_committed_is_not_there_at_all(self, url: str) -> None:
        assert await self.closed(url, "before") == (3, [])

    async def closed(self, url: str, when: str) -> tuple[int, list[LeadState]]:
        """How many attempts are still open, and the leads that were tried."""
        world = await crash(url, when, "close")
        still_open = await world.stores.attempts.still_open([SPRING])
        tried = [lead.state for lead in await world.all() if lead.attempts == 1]
        await world.stores.close()
        return len(still_open), tried

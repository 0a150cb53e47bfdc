"""The ledger: what is written in it, that it stays one chain, and that nobody can change it unseen."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from dialer.abandonment import AuditLabel, is_audited
from dialer.adapters import checkpoint_files
from dialer.adapters.sql.engine import Database, connect
from dialer.adapters.sql.store import open_stores, stores_on
from dialer.clients import Client
from dialer.commands import CloseAttempt, PlaceCall
from dialer.engine.ledger_check import checkpoint, verify
from dialer.errors import ConflictError, DialerError, InvalidInputError, NotFoundError
from dialer.events import Screening
from dialer.ids import AgentId, CallId, ClientId, LeadId, TeamId
from dialer.leads import LeadState, Outcome
from dialer.ledger import (
    ChainHead,
    Checkpoint,
    Draft,
    Fault,
    LedgerRow,
    chained,
    personal_hash,
)
from dialer.ports import Stores, fenced_owner
from tests.contract.world import HOUR, MINUTE, NOON, SPRING, World, call_to, closing, policy

MAIN = "main"
LATER = NOON + 2 * HOUR


async def rows_of(stores: Stores, chain: str = MAIN) -> list[LedgerRow]:
    return await stores.ledger.page(chain, after=0, limit=10_000)


async def bodies_of(stores: Stores, chain: str = MAIN) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in await rows_of(stores, chain)]


async def faults(stores: Stores, *known: Checkpoint) -> set[Fault]:
    return {finding.fault for finding in await verify(stores.ledger, known)}


class TestWhatIsWritten:
    async def test_an_attempt_that_ends_is_a_record_with_all_that_is_known(
        self, world: World
    ) -> None:
        lead = await world.reserved()
        call = replace(
            call_to(lead), profile="IT-GARANTE@2026.11.0", trunk_country="IT", checks=("c1", "c2")
        )
        await world.open([call])
        assert await rows_of(world.stores) == []  # nothing has ended
        answered_at, ended_at = NOON + 5 * timedelta(seconds=1), NOON + MINUTE
        close = closing(call, Outcome.TALKED, LeadState.DONE, None, ended_at, answered_at)
        await world.stores.attempts.close(
            replace(close, bridged_at=answered_at, agent_id=AgentId("101"), screened=True)
        )
        (body,) = await bodies_of(world.stores)
        expected = {
            "kind": "call",
            "chain": MAIN,
            "seq": 1,
            "call": call.call_id,
            "campaign": SPRING,
            "lead": lead.lead_id,
            "caller_id": call.caller_id,
            "profile": "IT-GARANTE@2026.11.0",
            "trunk_country": "IT",
            "checks": ["c1", "c2"],
            "placed_at": "2026-03-02T12:00:00.000000Z",
            "answered_at": "2026-03-02T12:00:05.000000Z",
            "bridged_at": "2026-03-02T12:00:05.000000Z",
            "ended_at": "2026-03-02T12:01:00.000000Z",
            "outcome": "talked",
            "agent": "101",
            "screened": True,
            "cause": 17,
        }
        assert expected.items() <= body.items()
        assert call.phone not in json.dumps(body)
        assert await faults(world.stores) == set()

    async def test_late_facts_are_further_records(self, world: World) -> None:
        call = await world.dialed()
        await world.close(call, Outcome.TALKED)
        before = await rows_of(world.stores)
        await world.dispose(call, "later")
        after = await rows_of(world.stores)
        assert after[:-1] == before
        assert json.loads(after[-1].body)["disposition"] == "later"
        assert await faults(world.stores) == set()

    async def test_closing_again_writes_nothing_again(self, world: World) -> None:
        call = await world.dialed()
        await world.close(call)
        await world.close(call)
        assert len(await rows_of(world.stores)) == 1

    async def test_a_record_that_was_refused_is_not_in_it(self, world: World) -> None:
        good, bad = await world.dialed(1), await world.dialed(2)
        refused = await world.stores.attempts.record(
            [
                closing(
                    bad,
                    Outcome.BUSY,
                    LeadState.DONE,
                    None,
                    NOON + MINUTE,
                    lead_id=LeadId("another"),
                ),
                closing(good, Outcome.BUSY, LeadState.DONE, None, NOON + MINUTE),
            ]
        )
        assert list(refused) == [0]
        assert [body["call"] for body in await bodies_of(world.stores)] == [good.call_id]
        assert await faults(world.stores) == set()

    async def test_a_span_of_time_can_be_taken_out(self, world: World) -> None:
        for index in range(1, 5):
            call = await world.dialed(index)
            await world.close(call, ended_at=NOON + index * HOUR)
        ledger, span = world.stores.ledger, {"since": NOON + 2 * HOUR, "until": NOON + 4 * HOUR}
        found = await ledger.between(MAIN, **span, after=0, limit=10)
        assert [row.seq for row in found] == [2, 3]
        assert [r.seq for r in await ledger.between(MAIN, **span, after=2, limit=10)] == [3]


class TestPersons:
    async def test_who_was_erased_cannot_be_found_and_the_chain_verifies(
        self, world: World
    ) -> None:
        call = await world.dialed()
        await world.close(call)
        known = await checkpoint(world.stores.ledger, at=NOON)
        assert await world.stores.ledger.erase(call.lead_id, at=LATER) == 1
        lead = await world.get(call)
        assert (lead.name, lead.external_id, lead.state) == ("", None, LeadState.EXCLUDED)
        assert call.phone not in repr(lead)
        facts = (await world.stores.ledger.persons([call.call_id]))[call.call_id]
        assert (facts.salt, facts.phone) == (None, None)
        assert (await bodies_of(world.stores))[-1] == {
            "kind": "erased",
            "lead": call.lead_id,
            "attempts": 1,
            "chain": MAIN,
            "seq": 2,
            "at": "2026-03-02T14:00:00.000000Z",
        }
        assert await faults(world.stores, known) == set()

    async def test_two_may_be_erased_and_the_number_is_free_again(self, world: World) -> None:
        calls = [await world.dialed(index) for index in (1, 2)]
        for call in calls:
            await world.close(call)
            await world.stores.ledger.erase(call.lead_id, at=LATER)
        fresh = await world.lead(1)
        assert fresh.lead_id != calls[0].lead_id
        assert await faults(world.stores) == set()

    async def test_nobody_is_erased_in_mid_call(self, world: World) -> None:
        call = await world.dialed()
        with pytest.raises(ConflictError):
            await world.stores.ledger.erase(call.lead_id, at=LATER)
        assert (await world.get(call)).phone == call.phone
        with pytest.raises(NotFoundError):
            await world.stores.ledger.erase(LeadId("nobody"), at=LATER)

    async def test_two_calls_of_one_person_have_one_salt_and_two_persons_two(
        self, world: World
    ) -> None:
        calls = [await world.dialed(index) for index in (1, 2)]
        for call in calls:
            await world.close(call)
        facts = await world.stores.ledger.persons([call.call_id for call in calls])
        salts = {fact.salt for fact in facts.values()}
        assert len(salts) == 2
        hashes = {body["phone"] for body in await bodies_of(world.stores)}
        expected = {
            personal_hash(fact.salt or "", "phone", fact.phone or "") for fact in facts.values()
        }
        assert hashes == expected


class TestRetention:
    async def test_what_is_too_old_goes_and_the_rest_verifies(self, world: World) -> None:
        for index in range(1, 6):
            await world.close(await world.dialed(index), ended_at=NOON + index * HOUR)
        known = await checkpoint(world.stores.ledger, at=NOON)
        assert await world.stores.ledger.prune(MAIN, before=NOON + 3 * HOUR, at=LATER) == 2
        assert [row.seq for row in await rows_of(world.stores)] == [3, 4, 5, 6]
        assert await faults(world.stores, known) == set()
        assert await world.stores.ledger.prune(MAIN, before=NOON + 3 * HOUR, at=LATER) == 0
        assert await world.stores.ledger.prune(MAIN, before=NOON + 5 * HOUR, at=LATER) == 2
        assert await faults(world.stores, known) == set()

    async def test_an_old_row_behind_a_young_one_stays(self, world: World) -> None:
        for index, hour in enumerate((1, 5, 2), start=1):
            await world.close(await world.dialed(index), ended_at=NOON + hour * HOUR)
        assert await world.stores.ledger.prune(MAIN, before=NOON + 3 * HOUR, at=LATER) == 1
        assert await faults(world.stores) == set()

    async def test_a_checkpoint_of_exactly_where_it_was_cut_still_holds(self, world: World) -> None:
        for index in (1, 2):
            await world.close(await world.dialed(index), ended_at=NOON + index * HOUR)
        known = await checkpoint(world.stores.ledger, at=NOON)
        await world.close(await world.dialed(3), ended_at=NOON + 3 * HOUR)
        await world.stores.ledger.prune(MAIN, before=NOON + 3 * HOUR, at=LATER)
        assert await faults(world.stores, known) == set()
        lie = replace(known.heads[0], hash="f" * 64)
        lied = await faults(world.stores, replace(known, heads=(lie,)))
        assert lied == {Fault.OTHER_THAN_CHECKPOINT}


class TestAudit:
    async def test_a_machine_of_the_sample_waits_for_a_human_and_counts_then(
        self, world: World
    ) -> None:
        drawn = [CallId(f"id-{n}") for n in range(200) if is_audited(f"id-{n}")][:3]
        others = [CallId(f"id-{n}") for n in range(200) if not is_audited(f"id-{n}")][:2]
        for index, call_id in enumerate([*drawn, *others]):
            call = call_to(await world.reserved(index), call_id)
            await world.open([call])
            at = NOON + index * MINUTE
            await world.close(call, Outcome.MACHINE, answered_at=at, ended_at=at + MINUTE)
        audits = world.stores.audits
        assert [one.call_id for one in await audits.to_label(SPRING, 10)] == drawn
        await audits.label(drawn[0], AuditLabel.MACHINE, by="anna", at=LATER)
        await audits.label(drawn[1], AuditLabel.UNCLEAR, by="anna", at=LATER)
        tally = await audits.tally([SPRING], most=10)
        assert (tally.labelled, tally.persons) == (2, 1)
        latest = await audits.tally([SPRING], most=1)
        assert (latest.labelled, latest.persons) == (1, 1)
        assert [one.call_id for one in await audits.to_label(SPRING, 10)] == drawn[2:]
        assert (await bodies_of(world.stores))[-1]["label"] == "unclear"
        assert await faults(world.stores) == set()
        with pytest.raises(NotFoundError):
            await audits.label(others[0], AuditLabel.PERSON, by="anna", at=LATER)


# --- what a database can be made to say -------------------------------------------------------------------------------


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await (await open_stores(url)).close()
    opened = connect(url)
    yield opened
    await opened.close()


async def filled(database: Database, calls: int = 6) -> World:
    """Calls that have ended, one with a late word; a machine's screening."""
    world = World(stores_on(database, Random(1)))
    await world.stores.campaigns.save(policy(SPRING))
    for index in range(calls):
        call = await world.dialed(index)
        close = closing(call, Outcome.BUSY, LeadState.DONE, None, NOON + (index + 1) * MINUTE)
        await world.stores.attempts.close(replace(close, screening=Screening.UNSURE))
    await world.dispose(call)
    return world


async def change(database: Database, statement: str, **values: object) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement), values)


async def anew(database: Database, stores: Stores, edit: Callable[[list[Draft]], None]) -> None:
    """The whole chain made again, as somebody would who has the database and this code."""
    rows = await rows_of(stores)
    drafts = [Draft(chain=row.chain, at=row.at, body=json.loads(row.body)) for row in rows]
    edit(drafts)
    forged, head = chained(ChainHead(chain=MAIN), drafts)
    await change(database, "DELETE FROM ledger")
    for row in forged:
        statement = "INSERT INTO ledger (chain, seq, at, body, hash)"
        statement += " SELECT :chain, :seq, at, :body, :hash FROM (SELECT at FROM ledger_copy"
        statement += " WHERE seq = :source) AS copied"
        source = min(row.seq, len(rows))
        values = {"chain": MAIN, "seq": row.seq, "body": row.body, "hash": row.hash}
        await change(database, statement, **values, source=source)
    moved = "UPDATE ledger_heads SET rows = :rows, hash = :hash"
    await change(database, moved, rows=head.count, hash=head.hash)


class TestTampering:
    async def test_any_byte_of_any_row(self, database: Database) -> None:
        stores = (await filled(database, 3)).stores
        for row in await rows_of(stores):
            places = range(0, len(row.body), 97)
            for place in [*places, len(row.body) - 1]:
                flipped = chr(ord(row.body[place]) ^ 1)
                body = row.body[:place] + flipped + row.body[place + 1 :]
                await change(database, _BODY, body=body, seq=row.seq)
                assert Fault.ROW_CHANGED in await faults(stores), (row.seq, place)
            await change(database, _BODY, body=row.body, seq=row.seq)
        assert await faults(stores) == set()

    async def test_any_column(self, database: Database) -> None:
        stores = (await filled(database)).stores
        await change(database, "UPDATE ledger SET hash = :h WHERE seq = 2", h="0" * 64)
        assert await faults(stores) == {Fault.ROW_CHANGED}

    async def test_the_instant_beside_the_text(self, database: Database) -> None:
        stores = (await filled(database)).stores
        other = "(SELECT at FROM ledger WHERE seq = 4)"
        await change(database, f"UPDATE ledger SET at = {other} WHERE seq = 2")
        assert await faults(stores) == {Fault.COLUMN_CHANGED}

    @pytest.mark.parametrize("seq", [1, 3, 7])
    async def test_a_row_that_is_deleted(self, database: Database, seq: int) -> None:
        stores = (await filled(database)).stores
        await change(database, "DELETE FROM ledger WHERE seq = :seq", seq=seq)
        assert await faults(stores) & {Fault.ROWS_MISSING, Fault.CUT_OFF}

    async def test_rows_in_another_order(self, database: Database) -> None:
        stores = (await filled(database)).stores
        for statement in (
            "seq = 99 WHERE seq = 2",
            "seq = 2 WHERE seq = 3",
            "seq = 3 WHERE seq = 99",
        ):
            await change(database, f"UPDATE ledger SET {statement}")
        assert {Fault.ROW_CHANGED, Fault.COLUMN_CHANGED} <= await faults(stores)

    async def test_a_tail_that_is_cut_off_with_the_head_put_right(self, database: Database) -> None:
        stores = (await filled(database)).stores
        known = await checkpoint(stores.ledger, at=NOON)
        await change(database, "DELETE FROM ledger WHERE seq > 4")
        assert Fault.CUT_OFF in await faults(stores)
        statement = (
            "UPDATE ledger_heads SET rows = 4, hash = (SELECT hash FROM ledger WHERE seq = 4)"
        )
        await change(database, statement)
        assert await faults(stores) == set()  # nothing inside the database can show it
        assert await faults(stores, known) == {Fault.CUT_OFF}

    async def test_a_chain_that_is_made_anew(self, database: Database) -> None:
        stores = (await filled(database)).stores
        known = await checkpoint(stores.ledger, at=NOON)
        await change(database, "CREATE TABLE ledger_copy AS SELECT * FROM ledger")

        def edit(drafts: list[Draft]) -> None:
            drafts[2].body["outcome"] = "no_answer"

        await anew(database, stores, edit)
        assert await faults(stores) == set()
        assert await faults(stores, known) == {Fault.OTHER_THAN_CHECKPOINT}

    async def test_a_chain_that_is_gone_with_all_its_rows(self, database: Database) -> None:
        stores = (await filled(database)).stores
        known = await checkpoint(stores.ledger, at=NOON)
        for table in ("ledger", "ledger_heads"):
            await change(database, f"DELETE FROM {table}")
        assert await faults(stores) == set()
        assert await faults(stores, known) == {Fault.CHAIN_MISSING}

    async def test_a_begin_that_is_gone_with_the_head_put_right(self, database: Database) -> None:
        stores = (await filled(database)).stores
        statement = "UPDATE ledger_heads SET first_seq = 3, first_prev ="
        await change(database, f"{statement} (SELECT hash FROM ledger WHERE seq = 2)")
        await change(database, "DELETE FROM ledger WHERE seq < 3")
        assert await faults(stores) == {Fault.BEGIN_CHANGED}

    async def test_a_number_that_is_changed_in_the_attempt(self, database: Database) -> None:
        stores = (await filled(database)).stores
        one = "(SELECT min(id) FROM attempts)"
        await change(database, f"UPDATE attempts SET phone = '+390299999999' WHERE id = {one}")
        assert await faults(stores) == {Fault.PERSON_CHANGED}

    async def test_a_salt_that_is_changed_or_gone(self, database: Database) -> None:
        stores = (await filled(database)).stores
        one = "(SELECT min(lead_id) FROM ledger_salts)"
        await change(database, f"UPDATE ledger_salts SET salt = 'x' WHERE lead_id = {one}")
        assert await faults(stores) == {Fault.PERSON_CHANGED}
        await change(database, f"DELETE FROM ledger_salts WHERE lead_id = {one}")
        assert await faults(stores) == {Fault.PERSON_GONE}

    async def test_an_attempt_that_is_gone(self, database: Database) -> None:
        stores = (await filled(database)).stores
        await change(database, "DELETE FROM attempts WHERE id = (SELECT min(id) FROM attempts)")
        assert await faults(stores) == {Fault.PERSON_GONE}


_BODY = "UPDATE ledger SET body = :body WHERE seq = :seq"


class TestOneChain:
    async def test_many_writers_at_once_make_one_chain(self, url: str) -> None:
        """Two servers, each on a connection of its own; one has lost its team, and still tells how its calls ended."""
        first, second = await open_stores(url, random=Random(1)), await open_stores(url)
        world = World(first)
        await first.campaigns.save(policy(SPRING))
        fence = await first.leases.acquire(TeamId("one"), owner="a", ttl=HOUR, at=NOON)
        assert fence is not None
        owner = fenced_owner(TeamId("one"), fence)
        for index in range(40):
            await world.lead(index)
        leads = await world.reserve(40, owner=owner)
        calls = [call_to(lead) for lead in leads]
        assert len((await first.attempts.open(calls, owner=owner)).written) == 40
        await first.leases.release(TeamId("one"), fence=fence)
        assert await second.leases.acquire(TeamId("one"), owner="b", ttl=HOUR, at=NOON)
        await asyncio.gather(
            *(close_some(first, calls[:30]), close_some(second, calls[10:][::-1])),
        )
        bodies = await bodies_of(second)
        assert [body["seq"] for body in bodies] == list(range(1, 41))
        assert Counter(body["call"] for body in bodies) == Counter(call.call_id for call in calls)
        assert await faults(second) == set()
        await first.close()
        await second.close()

    async def test_clients_have_chains_of_their_own(self, world: World) -> None:
        acme = ClientId("acme")
        await world.stores.clients.save(Client(client_id=acme, name="Acme"))
        await world.close(await world.dialed(1))
        await world.stores.campaigns.save(replace(policy(SPRING), client_id=acme))
        await world.close(await world.dialed(2))
        heads = await world.stores.ledger.heads()
        assert [(head.chain, head.count) for head in heads] == [("acme", 1), (MAIN, 1)]
        assert await faults(world.stores) == set()


async def close_some(stores: Stores, calls: list[PlaceCall]) -> None:
    for first in range(0, len(calls), 3):
        closes: list[CloseAttempt] = [
            closing(call, Outcome.BUSY, LeadState.DONE, None, NOON + MINUTE)
            for call in calls[first : first + 3]
        ]
        assert await stores.attempts.record(closes) == {}


# --- checkpoints as files ---------------------------------------------------------------------------------------------


def some_checkpoint() -> Checkpoint:
    return Checkpoint(at=NOON, heads=(ChainHead(chain=MAIN, count=3, hash="a" * 64),))


class TestCheckpointFiles:
    def test_what_was_signed_is_read_again(self, tmp_path: Path) -> None:
        public = checkpoint_files.make_key(tmp_path / "key")
        checkpoint_files.write(tmp_path / "point", some_checkpoint(), tmp_path / "key")
        assert checkpoint_files.read(tmp_path / "point", public) == some_checkpoint()
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600

    def test_any_byte_that_is_changed_is_found(self, tmp_path: Path) -> None:
        public = checkpoint_files.make_key(tmp_path / "key")
        checkpoint_files.write(tmp_path / "point", some_checkpoint(), tmp_path / "key")
        content = (tmp_path / "point").read_bytes()
        end = content.index(b'"key"')  # which key it was is a help, not a proof
        for place in range(2, end):
            broken = bytearray(content)
            broken[place] ^= 1
            (tmp_path / "broken").write_bytes(broken)
            try:
                found = checkpoint_files.read(tmp_path / "broken", public)
            except InvalidInputError:
                continue
            assert found == some_checkpoint()  # a blank of the file, not of what is signed

    def test_another_key_is_refused(self, tmp_path: Path) -> None:
        checkpoint_files.make_key(tmp_path / "key")
        other = checkpoint_files.make_key(tmp_path / "other")
        checkpoint_files.write(tmp_path / "point", some_checkpoint(), tmp_path / "key")
        with pytest.raises(InvalidInputError, match="not of this key"):
            checkpoint_files.read(tmp_path / "point", other)

    def test_nothing_is_written_over(self, tmp_path: Path) -> None:
        checkpoint_files.make_key(tmp_path / "key")
        with pytest.raises(ConflictError):
            checkpoint_files.make_key(tmp_path / "key")
        (tmp_path / "point").write_text("mine")
        with pytest.raises(ConflictError):
            checkpoint_files.write(tmp_path / "point", some_checkpoint(), tmp_path / "key")

    @pytest.mark.parametrize("content", ["", "{}", "[]", '{"signed": 1, "signature": "zz"}'])
    def test_a_file_that_is_none_is_refused(self, tmp_path: Path, content: str) -> None:
        public = checkpoint_files.make_key(tmp_path / "key")
        (tmp_path / "point").write_text(content)
        with pytest.raises(DialerError, match="checkpoint"):
            checkpoint_files.read(tmp_path / "point", public)

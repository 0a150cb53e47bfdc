"""Write, then ring: what is committed before what is sent, and what happens while the store does not take it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from dialer.engine.reconcile import look
from dialer.ids import ONLY_NODE
from dialer.leads import LeadState, Outcome
from dialer.ports import OpenAttempt
from dialer.simulator.people import Encounter
from tests.engine.floor import NOBODY, PERSON, Floor, floor
from tests.support.playbook import SPRING
from tests.support.virtual_loop import in_virtual_time

LONG_TALK: Encounter = replace(PERSON, talk=300.0)


async def still_open(at: Floor) -> list[OpenAttempt]:
    return await at.stores.attempts.still_open([SPRING])


@in_virtual_time
async def test_every_attempt_is_committed_before_its_call_is_sent() -> None:
    async with floor(leads=30) as at:
        await at.until(lambda: len(at.placed()) >= 20, 600)
        for call in at.placed():
            assert at.journal.place_of("opened", call) < at.journal.place_of("placed", call)


@in_virtual_time
async def test_nothing_is_sent_while_the_commit_has_not_returned() -> None:
    async with floor() as at:
        await at.until(lambda: at.hoppered() == 40 - 3 and len(at.placed()) == 3)
        await at.until(lambda: not at.team.calls or at.metrics.waits != [])
        before = len(at.placed())
        at.faults.store_stuck = asyncio.Event()
        await asyncio.sleep(120)
        assert len(at.placed()) == before
        at.faults.store_stuck.set()
        at.faults.store_stuck = None
        await at.until(lambda: len(at.placed()) > before)


@in_virtual_time
async def test_a_call_that_the_store_leaves_out_is_never_rung_and_frees_its_place() -> None:
    async with floor(agents=1, leads=3) as at:
        phones = [lead.phone for lead in await at.all_leads()]
        await at.stores.leads.add_do_not_call(phones[0], reason="asked", at=at.clock.now())
        await at.until(lambda: at.hoppered() > 0 or bool(at.placed()))
        # The hopper holds a lead whose number is put on the list only now, behind the team's back.
        await at.stores.leads.add_do_not_call(phones[1], reason="asked", at=at.clock.now())
        await at.until(lambda: at.people.rung[phones[2]] == 1, 120)
        assert at.people.rung[phones[0]] == 0
        await at.drain()
        assert all(attempt.ended_at is not None for attempt in await at.attempts())


@in_virtual_time
async def test_a_person_is_joined_to_the_agent_while_the_store_is_stuck() -> None:
    async with floor(agents=2, leads=2) as at:
        await at.until(lambda: len(at.placed()) == 2)
        at.faults.store_stuck = asyncio.Event()
        await at.until(lambda: len(at.metrics.waits) == 2, 20)
        assert max(at.metrics.waits) < 0.1
        assert at.journal.of("closed") == []
        at.faults.store_stuck.set()
        at.faults.store_stuck = None
        await at.until(lambda: len(at.journal.of("closed")) == 2)
        assert [attempt.outcome for attempt in await at.attempts()] == [Outcome.TALKED] * 2


@in_virtual_time
async def test_while_the_store_is_away_nothing_is_dialled_and_nothing_is_lost() -> None:
    async with floor(agents=3, leads=60) as at:
        await at.until(lambda: len(at.metrics.waits) >= 3)
        at.faults.store_away = True
        await at.until(lambda: not at.team.store_up)
        before = len(at.placed())
        # The talks go on and end; their ends wait in line.
        await at.until(lambda: not at.team.calls, 120)
        await asyncio.sleep(60)
        assert len(at.placed()) == before
        at.faults.store_away = False
        await at.until(lambda: at.team.store_up)
        await at.until(lambda: len(at.placed()) > before)
        await at.drain()
        attempts = await at.attempts()
        assert {attempt.call_id for attempt in attempts} >= set(at.placed())
        assert all(attempt.ended_at is not None for attempt in attempts)
        assert set(at.people.rung.values()) == {1}
        states = await at.states()
        assert states[LeadState.DONE] == len(at.metrics.outcomes)
        assert LeadState.DIALING not in states
        assert LeadState.RESERVED not in states


@in_virtual_time
async def test_talks_that_ended_while_the_store_was_away_are_stored_with_their_instants() -> None:
    async with floor(agents=1, leads=1) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        at.faults.store_away = True
        await at.until(lambda: at.metrics.outcomes == [Outcome.TALKED])
        ended = at.clock.now()
        await asyncio.sleep(300)
        at.faults.store_away = False
        await at.until(lambda: len(at.journal.of("closed")) == 1)
        (attempt,) = await at.attempts()
        assert attempt.ended_at is not None
        assert abs((attempt.ended_at - ended).total_seconds()) < 1
        assert attempt.answered_at is not None
        assert attempt.bridged_at is not None
        assert attempt.answered_at <= attempt.bridged_at < attempt.ended_at


@in_virtual_time
async def test_an_attempt_whose_commit_was_not_confirmed_is_closed_and_its_lead_comes_back() -> (
    None
):
    async with floor(agents=1, leads=1) as at:
        at.faults.answer_lost = True
        await at.until(lambda: len(at.journal.of("opened")) == 1)
        call = at.journal.of("opened")[0]
        await at.until(lambda: at.journal.of("closed") == [call], 120)
        assert at.placed() == []
        (attempt,) = await at.attempts()
        assert attempt.outcome is Outcome.LOST
        (lead,) = await at.all_leads()
        assert lead.state is LeadState.RETRY
        assert at.team.store_up


@in_virtual_time
async def test_an_attempt_that_is_too_young_by_the_clock_is_looked_for_again() -> None:
    async with floor(agents=1, leads=1) as at:
        at.faults.answer_lost = True
        await at.until(lambda: len(at.journal.of("opened")) == 1)
        (attempt,) = await still_open(at)
        for seconds, unsettled in ((-4, True), (4, True), (6, False), (-6, False)):
            now = attempt.started_at + timedelta(seconds=seconds)
            found = await look(at.team, ONLY_NODE, at.line, at.stores.attempts, now)
            assert found.unsettled is unsettled


@in_virtual_time
async def test_leads_that_were_reserved_without_our_knowing_are_dialled_soon() -> None:
    async with floor(agents=2, leads=2) as at:
        at.faults.leads_lost = True
        await at.until(lambda: len(at.placed()) == 2, 10)


@in_virtual_time
async def test_the_store_going_away_in_a_commit_is_told_once_and_its_return_too() -> None:
    async with floor(agents=3, leads=40) as at:
        await at.until(lambda: len(at.placed()) >= 3)
        at.faults.store_away = True
        await at.until(lambda: not at.team.store_up)
        assert at.metrics.failed_writes
        at.faults.store_away = False
        await at.until(lambda: at.team.store_up)
        assert at.runner.writer.up
        await at.until(lambda: at.runner.writer.backlog == 0)


@in_virtual_time
async def test_a_store_that_is_away_from_the_start_holds_up_nothing_for_good() -> None:
    async with floor(agents=2, leads=10) as at:
        at.faults.store_away = True
        await asyncio.sleep(120)
        assert at.placed() == []
        at.faults.store_away = False
        await at.until(lambda: len(at.placed()) >= 2, 30)


@in_virtual_time
async def test_leads_in_the_hopper_are_given_back_on_pause() -> None:
    async with floor(agents=2, leads=40, everybody=NOBODY) as at:
        await at.until(lambda: at.hoppered() > 0)
        await at.pause()
        await at.until(lambda: not at.team.calls, 120)
        await at.runner.settle()
        assert at.hoppered() == 0
        states = await at.states()
        assert set(states) == {LeadState.NEW, LeadState.RETRY}
        assert states[LeadState.RETRY] == len(at.placed())


@in_virtual_time
async def test_leads_asked_for_before_the_pause_and_told_after_it_are_given_back() -> None:
    async with floor(agents=2, leads=40, everybody=NOBODY) as at:
        at.faults.store_stuck = asyncio.Event()
        await at.until(lambda: at.staffed() == 2)
        await asyncio.sleep(1)
        await at.pause()
        await asyncio.sleep(1)
        at.faults.store_stuck.set()
        at.faults.store_stuck = None
        await asyncio.sleep(1)
        await at.runner.settle()
        assert at.placed() == []
        assert await at.states() == {LeadState.NEW: 40}


@in_virtual_time
async def test_a_drained_team_has_given_back_its_leads_and_ended_its_talks() -> None:
    async with floor(agents=3, leads=60) as at:
        await at.until(lambda: len(at.metrics.waits) >= 3)
        talks = sum(at.team.calls[call].bridged_at is not None for call in at.team.calls)
        assert talks
        await at.drain()
        assert at.team.calls == {}
        before = len(at.placed())
        await asyncio.sleep(60)
        assert len(at.placed()) == before
        states = await at.states()
        assert LeadState.RESERVED not in states
        assert LeadState.DIALING not in states
        assert states[LeadState.NEW] == 60 - len(at.people.rung)


@in_virtual_time
async def test_draining_while_the_store_is_away_ends_when_it_is_back() -> None:
    async with floor(agents=2, leads=10) as at:
        await at.until(lambda: len(at.metrics.waits) == 2)
        at.faults.store_away = True
        async with asyncio.TaskGroup() as group:
            drained = group.create_task(at.drain())
            await asyncio.sleep(120)
            assert not drained.done()
            at.faults.store_away = False
        assert LeadState.DIALING not in await at.states()


@in_virtual_time
async def test_calls_that_wait_behind_a_store_that_is_away_are_never_rung_late() -> None:
    async with floor(agents=3, leads=60, everybody=replace(PERSON, talk=2.0)) as at:
        await at.until(lambda: len(at.metrics.waits) >= 3)
        at.faults.store_away = True
        await asyncio.sleep(900)
        assert at.team.calls == {}  # none is kept in line for later
        decided = at.clock.now()
        at.faults.store_away = False
        await at.until(lambda: at.team.store_up)
        before = len(at.placed())
        await at.until(lambda: len(at.placed()) > before)
        late = [one for one in await at.attempts() if one.call_id in at.placed()[before:]]
        assert late
        assert all(one.started_at > decided for one in late)


@in_virtual_time
async def test_a_call_whose_attempt_took_too_long_to_write_is_not_rung() -> None:
    async with floor(agents=1, leads=1) as at:
        at.faults.open_takes = 30.0
        await at.until(lambda: at.metrics.outcomes == [Outcome.FAILED])
        assert at.placed() == []
        (lead,) = await at.all_leads()
        assert (lead.state, lead.attempts) == (LeadState.RETRY, 0)


@in_virtual_time
async def test_on_a_slow_disk_what_happened_is_written_together_and_no_attempt_fails() -> None:
    async with floor(agents=20, leads=200) as at:
        at.faults.record_takes = 0.4  # one at a time, some sixty entries would take 24 s
        await at.until(lambda: len(at.journal.of("closed")) >= 100, 600)
        sizes = [int(size) for size in at.journal.of("batch")]
        assert max(sizes) > 5
        assert Outcome.FAILED not in at.metrics.outcomes
        assert at.runner.writer.backlog < 50


@in_virtual_time
async def test_calls_that_waited_long_for_their_turn_are_not_written_and_come_again() -> None:
    async with floor(agents=3, leads=30) as at:
        await at.until(lambda: len(at.placed()) >= 3)
        at.faults.record_takes = 2.5
        await at.until(lambda: len(at.journal.of("closed")) >= 3, 600)
        await asyncio.sleep(60)
        at.faults.record_takes = 0.0
        await at.until(lambda: len(at.placed()) >= 20, 600)
        assert Outcome.FAILED not in at.metrics.outcomes
        await at.drain()
        for lead in await at.all_leads():
            assert lead.attempts == len(await at.stores.attempts.of_lead(lead.lead_id))

"""The runner's loop: timers, faults of the rulebook, illegal events, ticks, the end."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.agents import AgentPhase
from dialer.campaign import PacingMode
from dialer.commands import Command
from dialer.errors import NotFoundError
from dialer.events import CallRinging, CallScreened, Event, Screening, Ticked
from dialer.ids import ONLY_NODE, AgentId, CallId, TeamId
from dialer.leads import Outcome
from dialer.simulator.people import Encounter
from dialer.team import Team
from tests.engine.floor import PERSON, Floor, Public, floor
from tests.support.playbook import SALES
from tests.support.virtual_loop import in_virtual_time

LONG_TALK: Encounter = replace(PERSON, talk=300.0)


@in_virtual_time
async def test_wrap_up_ends_when_its_time_is_over() -> None:
    async with floor(agents=1, leads=1, wrap_up=timedelta(seconds=12)) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        (agent_id,) = at.team.agents
        await at.until(lambda: at.team.agents[agent_id].phase is AgentPhase.WRAP_UP)
        began = at.clock.now()
        await at.until(lambda: at.team.agents[agent_id].is_free)
        assert abs((at.clock.now() - began).total_seconds() - 12) < 0.2


@in_virtual_time
async def test_a_team_that_has_nothing_else_to_do_decides_four_times_a_second() -> None:
    async with floor(agents=1, leads=0) as at:
        await asyncio.sleep(5)
        before = at.metrics.events
        await asyncio.sleep(60)
        assert 240 <= at.metrics.events - before <= 242 + 60 / 5 * 2


class FaultyTeam(Team):
    """Has a fault of its own, now and then."""

    faults = 0

    def handle(self, event: Event) -> list[Command]:
        if isinstance(event, Ticked) and event.at.microsecond < 300_000:
            self.faults += 1
            raise ZeroDivisionError
        return super().handle(event)


@in_virtual_time
async def test_a_fault_in_the_rulebook_is_logged_and_the_loop_goes_on() -> None:
    at = Floor(2, Public())
    team = at.new_team(FaultyTeam)
    at.take_over(team)
    async with at.working(leads=10):
        await at.until(lambda: len(at.metrics.waits) >= 2, 120)
        assert team.faults > 0


@in_virtual_time
async def test_the_fault_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    at = Floor(1, Public())
    at.take_over(at.new_team(FaultyTeam))
    async with at.working(leads=0):
        await asyncio.sleep(3)
    records = [record for record in caplog.records if "event_failed" in record.message]
    assert records
    assert records[0].levelno == logging.ERROR
    assert records[0].exc_info is not None


@in_virtual_time
async def test_an_illegal_event_is_counted_and_the_truth_is_looked_up() -> None:
    async with floor(agents=1, leads=1, everybody=LONG_TALK) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        (call_id,) = at.team.calls
        before = at.team.calls[call_id]
        looks = len(at.journal.of("looked"))
        now = at.clock.now()
        at.runner.post(CallScreened(call_id=call_id, verdict=Screening.HUMAN, at=now))
        await at.until(lambda: at.metrics.quarantined == [("talking", "CallScreened")])
        assert at.team.calls[call_id] == before
        await at.until(lambda: len(at.journal.of("looked")) == looks + 1, 5)
        await at.until(lambda: at.metrics.outcomes == [Outcome.TALKED], 400)


@in_virtual_time
async def test_a_quarantined_call_that_is_no_longer_up_is_closed() -> None:
    async with floor(agents=1, leads=1, everybody=LONG_TALK) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        (call_id,) = at.team.calls
        at.faults.link_cut = True  # its end is not heard
        at.exchange.hang_up(call_id)
        await asyncio.sleep(10)
        at.faults.link_cut = False
        now = at.clock.now()
        at.runner.post(CallScreened(call_id=call_id, verdict=Screening.HUMAN, at=now))
        await at.until(lambda: at.metrics.outcomes == [Outcome.TALKED], 10)


@in_virtual_time
async def test_a_call_that_does_not_tell_its_end_is_looked_up_by_its_guard() -> None:
    async with floor(agents=1, leads=1, everybody=replace(PERSON, ring=1000.0)) as at:
        await at.until(lambda: len(at.placed()) == 1)
        at.faults.link_cut = True  # events are lost, and nobody notices a lost link
        await asyncio.sleep(30)
        at.exchange.advance_to(at.clock.now())
        at.faults.link_cut = False
        await at.until(lambda: at.team.calls == {}, 30)
        assert at.metrics.outcomes == [Outcome.LOST]


@in_virtual_time
async def test_a_look_that_fails_is_tried_again() -> None:
    async with floor(agents=1, leads=1, everybody=LONG_TALK) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        (call_id,) = at.team.calls
        at.faults.link_cut = True
        at.exchange.hang_up(call_id)
        await asyncio.sleep(10)
        at.faults.link_cut = False
        at.faults.looks_fail = 2
        now = at.clock.now()
        at.runner.post(CallScreened(call_id=call_id, verdict=Screening.HUMAN, at=now))
        await at.until(lambda: at.metrics.outcomes == [Outcome.TALKED], 20)


@in_virtual_time
async def test_an_event_of_a_call_that_nobody_knows_is_counted() -> None:
    async with floor(agents=1, leads=0) as at:
        at.switchboard.deliver(CallRinging(call_id=CallId("nobody's"), at=at.clock.now()))
        assert at.switchboard.strays["CallRinging"] == 1
        at.runner.post(CallRinging(call_id=CallId("nobody's"), at=at.clock.now()))
        await at.runner.settle()
        assert at.team.stray["CallRinging"] == 1


@in_virtual_time
async def test_the_switchboard_knows_teams_and_agents() -> None:
    async with floor(agents=1, leads=0) as at:
        assert at.switchboard.runner(SALES) is at.runner
        assert at.switchboard.runner_of_agent(AgentId("1001")) is at.runner
        with pytest.raises(NotFoundError):
            at.switchboard.runner(TeamId("nobody"))
        with pytest.raises(NotFoundError):
            at.switchboard.runner_of_agent(AgentId("9"))


@in_virtual_time
async def test_a_closed_runner_leaves_no_task_and_no_timer() -> None:
    async with floor(agents=3, leads=30) as at:
        await at.until(lambda: len(at.metrics.waits) >= 3)
    left = {task.get_name() for task in asyncio.all_tasks()} - {
        task.get_name() for task in [asyncio.current_task()] if task
    }
    assert left == set()
    before = at.metrics.events
    await asyncio.sleep(600)
    assert at.metrics.events == before


@in_virtual_time
async def test_a_server_that_starts_again_takes_up_the_talks_of_its_former_life() -> None:
    async with floor(agents=2, leads=2, everybody=LONG_TALK) as at:
        await at.until(lambda: len(at.metrics.waits) == 2)
        await at.runner.settle()
        await at.runner.close()  # killed: nothing more is said to anybody
        again = at.new_team(Team)
        at.take_over(again)
        at.runner.start()
        await at.campaign()
        await asyncio.sleep(1)
        at.runner.link_up(ONLY_NODE)
        await at.until(lambda: again.nodes.up)
        await at.runner.settle()
        assert len(again.calls) == 2
        assert {agent.phase for agent in again.agents.values()} == {AgentPhase.TALKING}
        await at.until(lambda: len(at.metrics.outcomes) == 2, 600)
        assert at.metrics.outcomes == [Outcome.TALKED] * 2
        assert set(at.people.rung.values()) == {1}


@in_virtual_time
async def test_holds_die_with_the_server_and_their_calls_are_answered_by_whoever_is_free() -> None:
    slow = replace(PERSON, ring=12.0, talk=300.0)
    async with floor(agents=2, leads=2, everybody=slow, mode=PacingMode.ASSURED) as at:
        await at.until(lambda: len(at.placed()) == 2)
        await asyncio.sleep(6)
        assert {a.phase for a in at.team.agents.values()} == {AgentPhase.RESERVED}
        await at.runner.settle()
        await at.runner.close()  # killed
        again = at.new_team(Team)
        at.take_over(again)
        at.runner.start()
        await at.campaign(mode=PacingMode.ASSURED)
        at.runner.link_up(ONLY_NODE)
        await at.until(lambda: len(again.calls) == 2)
        assert {a.phase for a in again.agents.values()} == {AgentPhase.IDLE}
        await at.until(lambda: len(at.metrics.waits) == 2)
        await at.until(lambda: len(at.metrics.outcomes) == 2, 600)
        assert at.metrics.outcomes == [Outcome.TALKED] * 2
        assert set(at.people.rung.values()) == {1}


@in_virtual_time
async def test_a_hold_ends_where_the_attempt_is_not_written() -> None:
    async with floor(agents=2, leads=6, mode=PacingMode.ASSURED) as at:
        at.faults.store_away = True
        await asyncio.sleep(10)
        free = [agent.is_free for agent in at.team.agents.values()]
        at.faults.store_away = False
        assert at.placed() or free == [True, True]
        await at.until(lambda: len(at.metrics.waits) >= 4, 600)
        await at.until(lambda: len(at.metrics.outcomes) == 6, 600)
        assert set(at.people.rung.values()) == {1}


@in_virtual_time
async def test_what_a_former_life_left_is_found_also_where_the_campaign_comes_after_the_link() -> (
    None
):
    async with floor(agents=2, leads=2, everybody=LONG_TALK) as at:
        await at.until(lambda: len(at.metrics.waits) == 2)
        await at.runner.settle()
        await at.runner.close()
        again = at.new_team(Team)
        at.take_over(again)
        at.runner.start()
        at.runner.link_up(ONLY_NODE)
        await at.until(lambda: again.nodes.is_up(ONLY_NODE))
        await asyncio.sleep(30)  # as long as the store is away
        await at.campaign()
        await at.until(lambda: len(again.calls) == 2, 3)
        assert {agent.phase for agent in again.agents.values()} == {AgentPhase.TALKING}


def test_the_same_shift_twice_is_the_same_shift() -> None:
    journals: list[list[tuple[str, str]]] = []

    @in_virtual_time
    async def shift() -> None:
        async with floor(agents=3, leads=60) as at:
            await asyncio.sleep(300)
            journals.append(at.journal.lines)

    shift()
    shift()
    assert journals[0] == journals[1]

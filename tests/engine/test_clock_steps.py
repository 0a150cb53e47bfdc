"""Somebody sets the server's wall clock while a team works: timers, decisions and the store follow, and nobody stands still."""

import asyncio
from datetime import timedelta

import pytest

from dialer.agents import AgentPhase
from dialer.leads import Outcome
from tests.engine.floor import PERSON, floor
from tests.support.virtual_loop import in_virtual_time

HOUR = timedelta(hours=1)
STEPS = pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])


@STEPS
@in_virtual_time
async def test_wrap_up_lasts_as_long_as_it_should(by: timedelta) -> None:
    async with floor(agents=1, leads=1, wrap_up=timedelta(seconds=12)) as at:
        (agent_id,) = at.team.agents
        await at.until(lambda: at.team.agents[agent_id].phase is AgentPhase.WRAP_UP)
        began = at.clock.now()
        await asyncio.sleep(5)
        at.faults.clock_ahead = by
        await at.until(lambda: at.team.agents[agent_id].is_free)
        assert abs((at.clock.now() - began).total_seconds() - 12) < 0.3


@STEPS
@in_virtual_time
async def test_wrap_up_ends_also_when_the_clock_is_set_in_its_last_instant(by: timedelta) -> None:
    """The timer has fired on the old clock, and waits in the inbox."""
    async with floor(agents=1, leads=1, wrap_up=timedelta(seconds=12)) as at:
        (agent_id,) = at.team.agents
        await at.until(lambda: at.team.agents[agent_id].phase is AgentPhase.WRAP_UP)
        until = at.team.agents[agent_id].wrap_until
        assert until is not None
        loop = asyncio.get_running_loop()
        for before in (0.001, 0.0, -0.00001):
            seconds = (until - at.clock.now()).total_seconds() - before
            loop.call_later(seconds, setattr, at.faults, "clock_ahead", by)
        await at.until(lambda: at.team.agents[agent_id].is_free, 14)


@STEPS
@in_virtual_time
async def test_dialling_goes_on_at_once(by: timedelta) -> None:
    async with floor(agents=3, leads=200) as at:
        await at.until(lambda: len(at.metrics.waits) >= 3)
        at.faults.clock_ahead = by
        before = len(at.placed())
        await at.until(lambda: len(at.placed()) >= before + 12, 200)
        assert max(at.people.rung.values()) == 1


@STEPS
@in_virtual_time
async def test_what_began_before_the_clock_was_set_is_closed_after_it(by: timedelta) -> None:
    async with floor(agents=1, leads=1, everybody=PERSON) as at:
        await at.until(lambda: len(at.placed()) == 1)
        at.faults.link_cut = True
        (call_id,) = at.team.calls
        at.exchange.advance_to(at.clock.now())
        at.exchange.hang_up(call_id)
        at.faults.clock_ahead = by
        await asyncio.sleep(1)
        at.faults.link_cut = False
        await at.until(lambda: at.metrics.outcomes == [Outcome.LOST], 60)
        (attempt,) = await at.attempts()
        assert attempt.ended_at is not None

"""A callback from the agent's word to the second talk: booked with the disposition, rung for its own agent or a colleague."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from dialer.callbacks import Callback, CallbackState, CallbackWish
from dialer.engine.callback_watch import CallbackWatch
from dialer.engine.disposing import dispose
from dialer.events import BreakEnded, BreakRequested, DispositionChosen, WrapUpEnded
from dialer.ids import AgentId, CallbackId, CallId
from dialer.leads import Outcome
from tests.engine.floor import NOBODY, PERSON, Floor, floor
from tests.support.playbook import SPRING
from tests.support.virtual_loop import in_virtual_time

OWN = CallbackWish(own=True, note="has the papers then")
MINUTE = timedelta(minutes=1)
TRIED_OFTEN = {
    "callback_tries": 2,
    "max_attempts": 10,
    "retry": {Outcome.NO_ANSWER: 2 * MINUTE},
}


async def agreed(at: Floor, minutes: int, wish: CallbackWish = OWN) -> tuple[Callback, AgentId]:
    """The first talk of the floor, in which a callback is agreed; the agent who agreed it."""
    await at.until(lambda: any(call.bridged_at for call in at.team.calls.values()))
    (call,) = [call for call in at.team.calls.values() if call.bridged_at]
    assert call.agent_id is not None
    word = DispositionChosen(
        agent_id=call.agent_id,
        call_id=call.order.call_id,
        disposition="callback",
        callback_at=at.clock.now() + minutes * MINUTE,
        wish=wish,
        at=at.clock.now(),
    )
    await dispose(at.switchboard, at.stores, word)
    await at.until(lambda: not at.team.calls)
    at.runner.post(WrapUpEnded(agent_id=call.agent_id, at=at.clock.now()))
    return await of(at, call.order.call_id), call.agent_id


async def of(at: Floor, call_id: str) -> Callback:
    return await at.stores.callbacks.get(CallbackId(call_id))


async def second_call(at: Floor, callback: Callback) -> CallId:
    """The next call to its lead."""
    attempts = await at.stores.attempts.of_lead(callback.lead_id)
    return next(each.call_id for each in attempts if each.call_id != callback.callback_id)


@in_virtual_time
async def test_a_callback_rings_its_own_agent_at_its_time() -> None:
    async with floor(agents=3, leads=1) as at:
        callback, agent_id = await agreed(at, 10)
        assert (callback.state, callback.agent_id) == (CallbackState.BOOKED, agent_id)
        await asyncio.sleep(9 * 60)
        assert len(at.placed()) == 1
        await at.until(lambda: len(at.placed()) == 2, 90)
        lateness = at.clock.now() - callback.due_at
        assert timedelta() <= lateness <= timedelta(seconds=2)
        held = [call.agent_id for call in at.team.calls.values()]
        assert held == [agent_id]  # though two colleagues are free for longer
        await at.until(lambda: not at.team.calls, 120)
        await at.runner.settle()
        attempt = await at.stores.attempts.get(await second_call(at, callback))
        assert attempt.agent_id == agent_id
        after = await of(at, callback.callback_id)
        assert (after.state, after.tries) == (CallbackState.DONE, 1)


@in_virtual_time
async def test_a_colleague_has_it_when_its_agent_is_away_longer_than_the_grace() -> None:
    async with floor(agents=2, leads=1, callback_grace=20 * MINUTE) as at:
        callback, agent_id = await agreed(at, 10)
        at.runner.post(BreakRequested(agent_id=agent_id, pause_code="lunch", at=at.clock.now()))
        await asyncio.sleep(29 * 60)
        assert len(at.placed()) == 1
        await at.until(lambda: len(at.placed()) == 2, 120)
        late = at.clock.now() - callback.due_at
        assert 20 * MINUTE <= late <= 21 * MINUTE
        (call,) = at.team.calls.values()
        assert call.agent_id not in (None, agent_id)
        await at.until(lambda: not at.team.calls, 120)
        await at.runner.settle()
        assert (await of(at, callback.callback_id)).state is CallbackState.DONE


@in_virtual_time
async def test_who_is_never_reached_is_tried_by_rule_and_given_up() -> None:
    async with floor(agents=1, leads=1, **TRIED_OFTEN) as at:
        callback, _ = await agreed(at, 10)
        at.people.everybody = replace(NOBODY, ring=30.0)
        watch = CallbackWatch(stores=at.stores, clock=at.clock, switchboard=at.switchboard)
        while (found := await of(at, callback.callback_id)).waits:
            await watch.look()
            await asyncio.sleep(15)
            assert at.clock.now() < callback.due_at + 60 * MINUTE, "never given up"
        assert (found.state, found.reason) == (CallbackState.EXPIRED, "tries_used")
        assert found.tries == 2


@in_virtual_time
async def test_one_booked_elsewhere_is_heard_of_at_the_next_look() -> None:
    async with floor(agents=1, leads=1) as at:
        callback, agent_id = await agreed(at, 300)
        watch = CallbackWatch(stores=at.stores, clock=at.clock, switchboard=at.switchboard)
        soon = at.clock.now() + MINUTE
        await at.stores.callbacks.move(
            callback.callback_id,
            client_id=callback.client_id,
            due_at=soon,
            agent_id=agent_id,
            at=at.clock.now(),
        )
        await watch.look()
        assert watch.counts[SPRING].waiting == 1
        await at.until(lambda: len(at.placed()) == 2, 90)
        assert at.clock.now() >= soon


@in_virtual_time
async def test_its_agent_comes_back_within_the_grace() -> None:
    async with floor(agents=2, leads=1, everybody=replace(PERSON, talk=10.0)) as at:
        _, agent_id = await agreed(at, 5)
        at.runner.post(BreakRequested(agent_id=agent_id, pause_code="lunch", at=at.clock.now()))
        await asyncio.sleep(14 * 60)
        assert len(at.placed()) == 1
        at.runner.post(BreakEnded(agent_id=agent_id, at=at.clock.now()))
        await at.until(lambda: len(at.placed()) == 2, 5)
        assert [call.agent_id for call in at.team.calls.values()] == [agent_id]

"""The link to the exchange is lost and comes back: nobody is rung twice, nothing is sent again, the truth is found."""

import asyncio
from dataclasses import replace

from dialer.agents import AgentPhase, AgentStatus
from dialer.leads import LeadState, Outcome
from dialer.simulator.people import Behaviour, Encounter
from tests.engine.floor import NOBODY, PERSON, floor
from tests.support.virtual_loop import in_virtual_time

LONG_TALK: Encounter = replace(PERSON, talk=400.0)
SHORT = replace(PERSON, post_dial=0.2, ring=0.3, talk=1.0)


@in_virtual_time
async def test_agents_who_are_up_at_the_start_are_found() -> None:
    async with floor(agents=4, leads=0) as at:
        await at.until(lambda: at.staffed() == 4)
        assert all(agent.is_free for agent in at.team.agents.values())


@in_virtual_time
async def test_nothing_is_dialled_while_the_link_is_cut() -> None:
    async with floor() as at:
        await at.until(lambda: len(at.placed()) >= 3)
        at.cut_link()
        await asyncio.sleep(0.1)
        before = len(at.placed())
        await asyncio.sleep(300)
        assert len(at.placed()) == before
        assert not at.team.nodes.up


@in_virtual_time
async def test_calls_that_ended_meanwhile_are_closed_and_dialling_goes_on() -> None:
    async with floor(agents=3, leads=60) as at:
        await at.until(lambda: len(at.metrics.waits) >= 3)
        talking = [id for id, call in at.team.calls.items() if call.bridged_at is not None]
        at.cut_link()
        await asyncio.sleep(120)
        before = len(at.placed())
        at.mend_link()
        await at.until(lambda: at.team.nodes.up)
        await at.until(lambda: len(at.placed()) > before, 30)
        closed = {one.call_id: one.outcome for one in await at.attempts() if one.ended_at}
        assert [closed[call] for call in talking] == [Outcome.TALKED] * len(talking)
        await at.drain()
        assert set(at.people.rung.values()) == {1}
        assert all(one.ended_at is not None for one in await at.attempts())


@in_virtual_time
async def test_a_call_that_was_abandoned_unseen_is_stored_as_abandoned() -> None:
    async with floor(agents=1, leads=1) as at:
        await at.until(lambda: len(at.placed()) == 1)
        at.cut_link()  # the person answers, nobody bridges: the dialplan ends it and keeps the fact
        await asyncio.sleep(60)
        at.mend_link()
        await at.until(lambda: at.journal.of("closed") == at.placed(), 30)
        (attempt,) = await at.attempts()
        assert attempt.outcome is Outcome.ABANDONED
        (lead,) = await at.all_leads()
        assert lead.last_abandoned_at is not None


@in_virtual_time
async def test_a_call_that_nobody_answered_unseen_is_lost_and_its_lead_is_not_rung_at_once() -> (
    None
):
    async with floor(agents=1, leads=1, everybody=NOBODY) as at:
        await at.until(lambda: len(at.placed()) == 1)
        at.cut_link()
        await asyncio.sleep(60)
        at.mend_link()
        await at.until(lambda: at.journal.of("closed") == at.placed(), 30)
        (attempt,) = await at.attempts()
        assert attempt.outcome is Outcome.LOST
        await asyncio.sleep(600)
        assert set(at.people.rung.values()) == {1}
        (lead,) = await at.all_leads()
        assert lead.state is LeadState.RETRY


@in_virtual_time
async def test_a_call_of_unknown_fate_is_not_sent_again_and_goes_on_if_it_rings() -> None:
    async with floor(agents=1, leads=1) as at:
        at.faults.place_unknown = True
        await at.until(lambda: at.metrics.outcomes != [], 120)
        assert set(at.people.rung.values()) == {1}
        assert at.metrics.outcomes == [Outcome.TALKED]


@in_virtual_time
async def test_a_call_of_unknown_fate_that_never_became_one_is_closed_by_its_guard() -> None:
    async with floor(agents=1, leads=1) as at:
        await at.until(lambda: at.staffed() == 1)
        at.faults.place_unknown = True
        at.people.everybody = replace(PERSON, behaviour=Behaviour.DEAD)
        await at.until(lambda: len(at.placed()) == 1, 30)
        await at.until(lambda: at.metrics.outcomes != [], 300)
        assert set(at.people.rung.values()) == {1}
        assert at.team.calls == {}


@in_virtual_time
async def test_a_talk_that_outlives_the_cut_goes_on_and_ends_as_a_talk() -> None:
    async with floor(agents=2, leads=2, everybody=LONG_TALK) as at:
        await at.until(lambda: len(at.metrics.waits) == 2)
        at.cut_link()
        await asyncio.sleep(30)
        at.mend_link()
        await at.until(lambda: at.team.nodes.up)
        phases = [agent.phase for agent in at.team.agents.values()]
        assert phases == [AgentPhase.TALKING] * 2
        await at.until(lambda: len(at.metrics.outcomes) == 2, 600)
        assert at.metrics.outcomes == [Outcome.TALKED] * 2


@in_virtual_time
async def test_an_agent_who_left_during_the_cut_is_logged_out_and_one_who_came_is_found() -> None:
    async with floor(agents=2, leads=0) as at:
        await at.until(lambda: at.staffed() == 2)
        first, second = sorted(at.team.agents)
        at.exchange.world.agents.put_down(second)
        await at.let_it_be_told()
        await at.until(lambda: at.staffed() == 1)
        at.cut_link()
        at.exchange.world.agents.put_down(first)
        at.exchange.world.agents.dial_in(second)
        await at.let_it_be_told()
        await asyncio.sleep(10)
        at.mend_link()
        await at.until(lambda: at.team.nodes.up)
        assert at.team.agents[first].status is AgentStatus.LOGGED_OUT
        assert at.team.agents[second].is_free


@in_virtual_time
async def test_an_agent_whose_talk_ended_during_the_cut_is_free_again() -> None:
    async with floor(agents=1, leads=30) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        at.cut_link()
        await asyncio.sleep(90)
        at.mend_link()
        await at.until(lambda: at.team.nodes.up)
        before = len(at.metrics.waits)
        await at.until(lambda: len(at.metrics.waits) > before, 120)


@in_virtual_time
async def test_a_person_who_answered_during_the_cut_and_still_waits_is_not_lost_to_the_figures() -> (
    None
):
    async with floor(agents=1, leads=1) as at:
        await at.until(lambda: len(at.placed()) == 1)
        await asyncio.sleep(3.5)
        at.cut_link()
        await asyncio.sleep(2.5)  # answered 5 s after the order
        at.mend_link()
        await at.until(lambda: at.metrics.outcomes != [], 120)
        assert at.metrics.outcomes[0] in (Outcome.ABANDONED, Outcome.TALKED)
        assert set(at.people.rung.values()) == {1}


@in_virtual_time
async def test_reconciliation_that_fails_is_tried_again() -> None:
    async with floor(agents=2, leads=10) as at:
        await at.until(lambda: len(at.placed()) >= 2)
        at.cut_link()
        await asyncio.sleep(60)
        at.faults.looks_fail = 3
        at.mend_link()
        await asyncio.sleep(1)
        assert not at.team.nodes.up
        await at.until(lambda: at.team.nodes.up, 30)


@in_virtual_time
async def test_a_link_that_flaps_rings_nobody_twice() -> None:
    async with floor(agents=3, leads=60) as at:
        for _ in range(20):
            await asyncio.sleep(7.3)
            at.cut_link()
            await asyncio.sleep(1.7)
            at.mend_link()
        await at.until(lambda: at.team.nodes.up)
        await at.drain()
        assert set(at.people.rung.values()) == {1}
        attempts = await at.attempts()
        assert {attempt.call_id for attempt in attempts} >= set(at.placed())
        assert all(attempt.ended_at is not None for attempt in attempts)


@in_virtual_time
async def test_orders_that_met_a_cut_link_are_refused_and_their_leads_tried_again() -> None:
    async with floor(agents=1, leads=0) as at:
        await at.until(lambda: at.staffed() == 1)
        at.faults.link_cut = True  # nobody has told the team yet
        await at.leads(1)
        await at.until(lambda: at.metrics.outcomes == [Outcome.FAILED])
        (lead,) = await at.all_leads()
        assert lead.state is LeadState.RETRY
        assert lead.attempts == 0


@in_virtual_time
async def test_a_short_talk_that_ended_during_a_short_cut_is_closed_at_once() -> None:
    """Younger than what reconciliation passes over, but it had been heard of."""
    async with floor(agents=1, leads=1, everybody=SHORT) as at:
        await at.until(lambda: len(at.metrics.waits) == 1)
        at.cut_link()
        await asyncio.sleep(1.5)
        at.mend_link()
        await at.until(lambda: at.metrics.outcomes == [Outcome.TALKED], 3)


@in_virtual_time
async def test_a_call_that_was_never_heard_of_is_looked_for_again_once_it_must_have_settled() -> (
    None
):
    async with floor(agents=1, leads=1, everybody=SHORT) as at:
        await at.until(lambda: len(at.placed()) == 1)
        at.cut_link()
        await asyncio.sleep(2.5)
        at.mend_link()
        await at.until(lambda: len(at.metrics.outcomes) == 1, 12)

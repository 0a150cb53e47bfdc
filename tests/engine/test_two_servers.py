"""Agents on two Asterisk servers: each works by itself; one that is lost stops only its own agents, and returns unaided."""

import asyncio
from dataclasses import replace

from dialer.calls import CallState
from dialer.ids import AgentId, CallId
from dialer.leads import Outcome
from tests.engine.floor import PERSON
from tests.engine.two_servers import MILANO, ROMA, Server, TwoServers, two_servers
from tests.support.virtual_loop import in_virtual_time

LONG_TALK = replace(PERSON, talk=400.0)


def talking_on(at: TwoServers, server: Server) -> set[str]:
    return {
        call_id
        for call_id, call in at.team.calls.items()
        if call.state is CallState.TALKING and call.order.node == server.node
    }


@in_virtual_time
async def test_calls_leave_and_are_joined_on_the_server_that_holds_the_agents() -> None:
    async with two_servers() as at:
        await at.goes_on(at.roma)
        await at.goes_on(at.milano)
        assert not set(at.roma.placed()) & set(at.milano.placed())
        await at.all_is_well()


@in_virtual_time
async def test_a_lost_server_stops_only_its_own_agents_and_returns_by_itself() -> None:
    async with two_servers() as at:
        await at.goes_on(at.roma)
        at.cut(at.roma)
        await asyncio.sleep(0.1)
        before, sent = len(at.roma.placed()), len(at.roma.journal.lines)
        for _ in range(5):
            await at.goes_on(at.milano)
        assert len(at.roma.placed()) == before
        assert len(at.roma.journal.lines) == sent, "something was sent to a server that is away"
        assert at.staffed(at.roma) == 3
        at.mend(at.roma)
        await at.until(lambda: ROMA in at.team.nodes.up)
        await at.goes_on(at.roma)
        await at.goes_on(at.milano)
        await at.all_is_well()


@in_virtual_time
async def test_the_calls_of_a_lost_server_wait_for_it_and_then_come_to_their_end() -> None:
    async with two_servers() as at:
        await at.until(lambda: len(talking_on(at, at.roma)) >= 2)
        talks = talking_on(at, at.roma)
        at.cut(at.roma)
        await asyncio.sleep(120)
        open_now = {a.call_id for a in await at.attempts() if a.ended_at is None}
        assert talks <= open_now
        at.mend(at.roma)
        await at.until(lambda: not talks & set(at.team.calls))
        ended = {a.call_id: a.outcome for a in await at.attempts()}
        assert {ended[CallId(call)] for call in talks} == {Outcome.TALKED}


@in_virtual_time
async def test_what_one_server_lists_says_nothing_of_the_calls_of_another() -> None:
    async with two_servers(everybody=LONG_TALK) as at:
        await at.until(lambda: len(talking_on(at, at.roma)) == 3)
        talks = talking_on(at, at.roma)
        for _ in range(3):
            at.cut(at.milano)
            await asyncio.sleep(7)
            at.mend(at.milano)
            await at.until(lambda: MILANO in at.team.nodes.up)
        await asyncio.sleep(10)
        assert talks == talking_on(at, at.roma)
        assert at.roma.journal.of("fate") == []


@in_virtual_time
async def test_after_a_restart_each_call_is_looked_for_on_its_own_server() -> None:
    async with two_servers(everybody=LONG_TALK) as at:
        await at.until(lambda: len(talking_on(at, at.roma)) == len(talking_on(at, at.milano)) == 3)
        talks = {each.node: talking_on(at, each) for each in at.servers.values()}
        await asyncio.sleep(6)  # older than what reconciliation passes over
        await at.restart()
        await at.until(lambda: len(at.team.nodes.up) == 2)
        assert {each.node: talking_on(at, each) for each in at.servers.values()} == talks
        assert at.roma.journal.of("fate") == at.milano.journal.of("fate") == []
        await at.until(lambda: not any(t & set(at.team.calls) for t in talks.values()), 600)
        ended = {a.call_id: a.outcome for a in await at.attempts()}
        gone = talks[ROMA] | talks[MILANO]
        assert {ended[CallId(call)] for call in gone} == {Outcome.TALKED}
        await at.all_is_well()


@in_virtual_time
async def test_a_server_that_is_not_there_at_the_start_keeps_nobody_else_from_work() -> None:
    async with two_servers(MILANO) as at:
        await at.goes_on(at.milano)
        assert at.roma.journal.lines == []
        at.runner.link_up(ROMA)
        await at.goes_on(at.roma)


@in_virtual_time
async def test_an_agent_who_moves_to_another_server_works_there_and_the_old_leg_is_hung_up() -> (
    None
):
    async with two_servers(leads=0) as at:
        await at.until(lambda: at.staffed(at.roma) == at.staffed(at.milano) == 3)
        mover = AgentId(at.roma.codes[0])
        at.milano.exchange.world.agents.dial_in(mover)
        await at.milano.line.hang_up("nobody's channel")  # it is told now
        await at.until(lambda: at.team.agents[mover].node == MILANO)
        await at.until(lambda: at.roma.journal.of("hung up") != [])
        assert at.team.agents[mover].is_free
        assert at.staffed(at.milano) == 4


@in_virtual_time
async def test_the_old_leg_of_an_agent_who_moved_unseen_is_hung_up_when_the_server_is_back() -> (
    None
):
    async with two_servers(leads=0) as at:
        await at.until(lambda: at.staffed(at.roma) == at.staffed(at.milano) == 3)
        mover = AgentId(at.roma.codes[0])
        at.cut(at.roma)
        at.milano.exchange.world.agents.dial_in(mover)
        await at.milano.line.hang_up("nobody's channel")
        await at.until(lambda: at.team.agents[mover].node == MILANO)
        sent = len(at.roma.journal.lines)
        await asyncio.sleep(5)
        assert len(at.roma.journal.lines) == sent
        at.mend(at.roma)
        await at.until(lambda: at.roma.journal.of("hung up") != [])
        assert at.team.agents[mover].node == MILANO
        assert at.team.agents[mover].is_free


@in_virtual_time
async def test_links_that_flap_in_turn_ring_nobody_twice() -> None:
    async with two_servers() as at:
        for number in range(16):
            server = (at.roma, at.milano)[number % 2]
            await asyncio.sleep(5.3)
            at.cut(server)
            await asyncio.sleep(1.7 + number % 3)
            at.mend(server)
        await at.until(lambda: len(at.team.nodes.up) == 2)
        await at.goes_on(at.roma)
        await at.goes_on(at.milano)
        await at.all_is_well()

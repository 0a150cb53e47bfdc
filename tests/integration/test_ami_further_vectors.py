"""Further awkward streams, and the bounds the client keeps. See test_ami_torture for the numbered ones."""

import asyncio
import logging
from contextlib import suppress

import pytest

from dialer.ami import (
    ActionTimeoutError,
    AsyncManager,
    Ev,
    ManagerAuthException,
    ManagerException,
    ManagerSocketException,
)
from dialer.ami_protocol import AmiCodec
from tests.support.ami_server import BANNER, SECRET, USERNAME, FakeAmi, block, until
from tests.support.ami_talk import NEWSTATE, queue_list, talk


async def test_a_banner_glued_to_the_login_response_is_no_trouble() -> None:
    async with FakeAmi(banner=b"") as server:
        manager = AsyncManager(action_timeout=5)
        connecting = asyncio.gather(manager.connect("127.0.0.1", server.port))
        await until(lambda: server.links)
        server.links[0].send(BANNER + block("Response: Success", "ActionID: of-nobody"))
        await connecting
        assert (manager.title, manager.version) == ("Asterisk Call Manager", "11.0.0")
        await until(lambda: manager.stats.stray_responses == 1)
        assert (await manager.login(USERNAME, SECRET)).ok
        await manager.close()


async def test_a_banner_split_into_single_bytes_is_read() -> None:
    async with FakeAmi(banner=b"") as server:
        manager = AsyncManager()
        connecting = asyncio.gather(manager.connect("127.0.0.1", server.port))
        await until(lambda: server.links)
        for at in range(len(BANNER)):
            server.links[0].send(BANNER[at : at + 1])
            await until(lambda at=at: manager.stats.bytes_received > at)  # type: ignore[misc]
        [greeting] = await connecting
        assert greeting.data == "Asterisk Call Manager/11.0.0"
        await manager.close()


async def test_a_peer_that_never_greets_is_given_up_in_time() -> None:
    async with FakeAmi(banner=b"") as server:
        with pytest.raises(ManagerSocketException, match="banner"):
            await AsyncManager().connect("127.0.0.1", server.port, timeout=0.05)


async def test_a_variable_of_a_named_channel_may_hold_line_feeds() -> None:
    async with talk() as t:
        [event] = await t.play(
            block("Event: OriginateResponse", "ChanVariable(PJSIP/x-1): A=1\n2", "Reason: 4")
        )
    assert event["ChanVariable(PJSIP/x-1)"] == "A=1\n2"
    assert event["Reason"] == "4"


async def test_a_cancelled_list_gives_what_came_and_says_so() -> None:
    async with talk() as t:
        answer = t.manager.send_action({"Action": "QueueStatus"})
        action = await t.link.expect("QueueStatus")
        t.link.send(queue_list(action.id, end="cancelled"))
        response = await answer
    assert response.cancelled
    assert not response.ok
    assert len(response.events) == 2


async def test_a_list_whose_count_differs_is_given_and_counted() -> None:
    async with talk() as t:
        answer = t.manager.send_action({"Action": "QueueStatus"})
        action = await t.link.expect("QueueStatus")
        t.link.send(queue_list(action.id, count=7))
        assert len((await answer).events) == 2
        assert t.manager.stats.list_mismatches == 1


async def test_a_late_response_is_dropped_and_matched_to_nothing_else() -> None:
    async with talk() as t:
        late = t.manager.send_action({"Action": "Hangup", "Channel": "PJSIP/1"}, timeout=0.02)
        first = await t.link.expect("Hangup")
        with pytest.raises(ActionTimeoutError):
            await late
        answer = t.manager.hangup("PJSIP/2")
        second = await t.link.expect("Hangup")
        assert first.id != second.id
        t.link.answer(first, "Response: Error", "Message: late")
        t.link.answer(second, "Response: Success")
        assert (await answer).ok
        assert (t.manager.stats.timeouts, t.manager.stats.stray_responses) == (1, 1)
        assert t.manager.pending == 0


async def test_the_items_of_a_list_that_nobody_waits_for_reach_no_callback() -> None:
    async with talk() as t:
        late = t.manager.send_action({"Action": "QueueStatus"}, timeout=0.02)
        action = await t.link.expect("QueueStatus")
        with pytest.raises(ActionTimeoutError):
            await late
        events = await t.play(queue_list(action.id))
    assert [event.name for event in events] == ["Newstate"]


async def test_a_list_that_stops_half_way_fails_at_its_deadline_and_its_rest_is_dropped() -> None:
    async with talk() as t:
        answer = t.manager.send_action({"Action": "QueueStatus"}, timeout=0.05)
        action = await t.link.expect("QueueStatus")
        head, item, foreign, item2, end = queue_list(action.id).split(b"\r\n\r\n")[:-1]
        t.link.send(b"\r\n\r\n".join([head, item, b""]))
        with pytest.raises(ActionTimeoutError):
            await answer
        events = await t.play(b"\r\n\r\n".join([foreign, item2, end, b""]))
    assert [event.name for event in events] == ["Newstate"]


async def test_a_second_head_of_a_list_in_progress_is_a_stray_response() -> None:
    async with talk() as t:
        answer = t.manager.send_action({"Action": "QueueStatus"})
        action = await t.link.expect("QueueStatus")
        t.link.answer(action, "Response: Success", "EventList: start")
        t.link.answer(action, "Event: QueueMember", "Name: 1")
        t.link.answer(action, "Response: Error", "Message: again")
        t.link.answer(action, "Event: QueueStatusComplete", "EventList: Complete")
        response = await answer
        assert (response.ok, len(response.events)) == (True, 1)
        assert t.manager.stats.stray_responses == 1


async def test_nul_bytes_are_a_value_like_any_other() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", b"Value: a\0b", "Exten: s"))
    assert (event["Value"], event["Exten"]) == ("a\0b", "s")


async def test_16_mib_without_an_end_of_message_end_the_link() -> None:
    async with talk() as t:
        for _ in range(17):
            t.link.send(b"x" * 1024 * 1024)
        async with asyncio.timeout(20):
            assert "protocol error" in await t.manager.wait_lost()
        assert t.manager.stats.parse_errors == 1


async def test_a_message_over_a_configured_limit_ends_the_link_and_fails_what_is_pending() -> None:
    async with talk(AmiCodec(max_message_bytes=1000)) as t:
        answer = t.manager.status()
        t.link.send(b"Event: A\r\nValue: " + b"x" * 2000)
        with pytest.raises(ManagerSocketException, match="protocol error"):
            await answer


async def test_goodbye_is_the_answer_to_logoff() -> None:
    async with talk() as t:
        response = await t.manager.logoff()
        assert (response.ok, response["Response"]) == (True, "Goodbye")
        await t.manager.wait_lost()


async def test_a_refused_login_is_an_auth_error_without_the_secret() -> None:
    async with FakeAmi() as server:
        manager = AsyncManager()
        await manager.connect("127.0.0.1", server.port)
        with pytest.raises(ManagerAuthException, match="Authentication failed") as caught:
            await manager.login(USERNAME, "wrong-secret")
        await manager.wait_lost()
        assert "wrong-secret" not in str(caught.value) + repr(manager)


async def test_a_login_by_challenge_never_sends_the_secret() -> None:
    async with FakeAmi() as server:
        manager = AsyncManager()
        await manager.connect("127.0.0.1", server.port)
        assert (await manager.login(USERNAME, SECRET, md5=True, events="call")).ok
        sent = "\n".join(line for action in server.links[0].actions for line in action.raw)
        assert SECRET not in sent
        assert (await server.link()).mask == "call"
        await manager.close()


async def test_headers_of_debug_and_system_name_are_kept() -> None:
    async with talk() as t:
        [event] = await t.play(
            block(
                "Event: Newstate",
                "Privilege: call,all",
                "Timestamp: 1763841600.123456",
                "SequenceNumber: 42",
                "File: manager_channels.c",
                "Line: 700",
                "Func: channel_snapshot_update",
                "SystemName: pbx1",
                "Uniqueid: 1",
            )
        )
    assert (event["Timestamp"], event["SystemName"], event["Line"], event["Uniqueid"]) == (
        "1763841600.123456",
        "pbx1",
        "700",
        "1",
    )


async def test_the_same_event_twice_is_delivered_twice() -> None:
    async with talk() as t:
        assert len(await t.play(NEWSTATE + NEWSTATE)) == 2
        assert t.manager.stats.events["Newstate"] == 2


@pytest.mark.parametrize("booted_first", [True, False])
async def test_fully_booted_comes_before_or_after_our_first_action(booted_first: bool) -> None:
    booted = block("Event: FullyBooted", "Status: Fully Booted")
    async with talk() as t:
        if booted_first:
            await t.play(booted)
        answer = t.manager.ping()
        if not booted_first:
            await t.play(booted)
        assert (await answer).ok
    assert "FullyBooted" in [event.name for event in t.events]


async def test_a_true_return_value_stops_the_chain_of_callbacks() -> None:
    async with talk() as t:
        seen: list[str] = []
        t.manager.register_event("Newstate", lambda event, manager: seen.append("first"))
        t.manager.register_event("Newstate", lambda event, manager: True)
        t.manager.register_event("Newstate", lambda event, manager: seen.append("never"))
        assert await t.play(NEWSTATE) == []
    assert seen == ["first"]


async def test_a_callback_may_unregister_itself() -> None:
    async with talk() as t:
        seen: list[str] = []

        def once(event: Ev, manager: AsyncManager) -> None:
            seen.append(event.name)
            manager.unregister_event("Newstate", once)

        t.manager.register_event("Newstate", once)
        await t.play(NEWSTATE + NEWSTATE)
    assert seen == ["Newstate"]


async def test_names_of_events_without_end_are_counted_in_bounded_memory() -> None:
    async with talk() as t:
        await t.play(b"".join(block(f"Event: Name{n}") for n in range(1000)))
        assert len(t.manager.stats.events) <= 257
        assert sum(t.manager.stats.events.values()) == 1001


async def test_more_unanswered_actions_than_the_bound_are_refused() -> None:
    async with talk() as t:
        answers = []
        with suppress(ManagerException):
            while len(answers) <= 10_000:
                answers.append(t.manager.status())
        assert len(answers) == 10_000
        t.manager.abort("enough")
        results = await asyncio.gather(*answers, return_exceptions=True)
    assert {type(result) for result in results} == {ManagerSocketException}


async def test_a_caller_that_gave_up_does_no_harm() -> None:
    async with talk() as t:
        answer = t.manager.hangup("PJSIP/1")
        action = await t.link.expect("Hangup")
        answer.cancel()
        t.link.answer(action, "Response: Success")
        await t.play()
        assert t.manager.pending == 0


async def test_nothing_secret_and_no_number_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with talk() as t:
        answer = t.manager.send_action({"Action": "Hangup", "Channel": "3901234567"}, timeout=0.02)
        action = await t.link.expect("Hangup")
        with pytest.raises(ActionTimeoutError) as caught:
            await answer
        t.link.answer(action, "Response: Error", "Message: no such channel 3901234567")
        [event] = await t.play(block("Event: A", "CallerIDNum: 3901234567"))
    told = caplog.text + str(caught.value) + repr(event) + repr(event.headers) + repr(event.message)
    assert "3901234567" not in told
    assert SECRET not in told

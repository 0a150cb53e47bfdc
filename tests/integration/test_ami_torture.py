"""Hostile and awkward byte streams, sent to the client over TCP. Each ends with a marker that must arrive."""

import asyncio
import errno

import pytest

from dialer.ami import (
    AsyncManager,
    Ev,
    ManagerSocketException,
    UnsafeActionError,
)
from tests.support.ami_server import block
from tests.support.ami_talk import NEWSTATE, queue_list, talk


async def test_01_one_byte_per_segment_is_the_same_as_one_segment() -> None:
    data = block("Event: Newchannel", "Uniqueid: 1", "CallerIDName: Müller") + NEWSTATE
    async with talk() as whole, talk() as cut:
        at_once = await whole.play(data)
        one_by_one = await cut.play(*(data[at : at + 1] for at in range(len(data))))
    assert [event.headers for event in one_by_one] == [event.headers for event in at_once]
    assert [event.name for event in at_once] == ["Newchannel", "Newstate"]


async def test_02_a_character_cut_by_a_segment_border_survives() -> None:
    async with talk() as t:
        [event] = await t.play(b"Event: A\r\nCallerIDName: M\xc3", b"\xbcller\r\n\r\n")
    assert event["CallerIDName"] == "Müller"


async def test_03_bytes_that_are_no_utf_8_lose_no_event() -> None:
    async with talk() as t:
        events = await t.play(block("Event: A", b"CallerIDName: M\xfc\xffller"), NEWSTATE)
    assert [event.name for event in events] == ["A", "Newstate"]


async def test_04_a_channel_name_in_latin_1_goes_back_in_the_same_bytes() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: Newchannel", b"Channel: PJSIP/M\xfc-1"))
        hangup = t.manager.hangup(event["Channel"])
        action = await t.link.expect("Hangup")
        assert action["channel"].encode("utf-8", "surrogateescape") == b"PJSIP/M\xfc-1"
        t.link.answer(action, "Response: Success")
        assert (await hangup).ok


@pytest.mark.parametrize("name", ["ChanVariable", "DestChanVariable"], ids=["05", "06"])
async def test_05_06_repeated_channel_variables_are_all_kept(name: str) -> None:
    async with talk() as t:
        [event] = await t.play(
            block("Event: A", f"{name}: LEAD=17", f"{name}: CAMP=3", f"{name}: NOVAL=")
        )
    assert event.all(name) == ["LEAD=17", "CAMP=3", "NOVAL="]


async def test_07_empty_values_are_empty_text() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", "AccountCode: ", "Exten:", "Context: x"))
    assert (event["AccountCode"], event["Exten"], event["Context"]) == ("", "", "x")


async def test_08_an_empty_value_at_the_end_leaves_the_next_event_whole() -> None:
    async with talk() as t:
        first, second = await t.play(block("Event: A", "AccountCode: ") + NEWSTATE)
    assert first["AccountCode"] == ""
    assert (second.name, second["Exten"]) == ("Newstate", "s")


async def test_09_only_the_first_colon_separates() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", "Value: sip:1@h:5060: x"))
    assert event["Value"] == "sip:1@h:5060: x"


async def test_10_a_line_without_colon_costs_no_other_header() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", "what is this", "Exten: s"))
        assert t.manager.stats.parse_errors == 1
    assert (event["Exten"], event.data) == ("s", "what is this")


async def test_11_a_bare_line_feed_stays_in_its_value() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", "Info: line1\nline2", "Exten: s"))
    assert (event["Info"], event["Exten"]) == ("line1\nline2", "s")


@pytest.mark.parametrize(
    "value",
    ["your status will follow by mail", "Event: Shutdown", "ActionID lost"],
    ids=["12", "13", "14"],
)
async def test_12_13_14_words_of_the_protocol_in_a_value_mean_nothing(value: str) -> None:
    async with talk() as t:
        events = await t.play(block("Event: A", f"Value: {value}"), NEWSTATE)
        assert t.manager.connected()
    assert [event.name for event in events] == ["A", "Newstate"]
    assert events[0]["Value"] == value


async def test_15_blank_lines_between_messages_are_ignored() -> None:
    async with talk() as t:
        events = await t.play(b"\r\n\r\n" + block("Event: A") + b"\r\n" + NEWSTATE)
    assert [event.name for event in events] == ["A", "Newstate"]
    assert t.manager.stats.parse_errors == 0


async def test_16_an_event_without_privilege_is_delivered() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", "Uniqueid: 1"))
    assert event["Uniqueid"] == "1"


async def test_17_a_value_of_70000_bytes_is_delivered() -> None:
    async with talk() as t:
        [event] = await t.play(block("Event: A", "Value: " + "x" * 70_000))
    assert len(event["Value"]) == 70_000


async def test_18_header_names_are_case_insensitive() -> None:
    async with talk() as t:
        [event] = await t.play(block("event: Newchannel", "UniqueId: 1.1"))
    assert (event.name, event["Uniqueid"], event.get_header("UNIQUEID")) == (
        "Newchannel",
        "1.1",
        "1.1",
    )
    assert event.has_header("uniqueid")


async def test_19_a_raising_callback_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: Ev, manager: AsyncManager) -> None:
        raise RuntimeError(event["CallerIDNum"])

    async with talk() as t:
        t.manager.register_event("A", broken)
        events = await t.play(block("Event: A", "CallerIDNum: 3901234567") + NEWSTATE)
        assert t.manager.connected()
        assert t.manager.stats.callback_errors == 1
    assert [event.name for event in events] == ["A", "Newstate"]
    assert "RuntimeError" in caplog.text
    assert "3901234567" not in caplog.text


async def test_20_an_originate_response_in_the_segment_of_the_response_is_an_event() -> None:
    async with talk() as t:
        answer = t.manager.originate("PJSIP/1@trunk", "s", context="c", run_async=True)
        action = await t.link.expect("Originate")
        events = await t.play(
            block("Response: Success", f"ActionID: {action.id}", "Message: Originate queued")
            + block("Event: OriginateResponse", f"ActionID: {action.id}", "Response: Failure")
        )
        assert (await answer)["Message"] == "Originate queued"
    assert [(event.name, event["Response"]) for event in events] == [
        ("OriginateResponse", "Failure")
    ]


async def test_21_command_output_keeps_all_lines_with_their_blanks() -> None:
    async with talk() as t:
        answer = t.manager.command("core show version")
        action = await t.link.expect("Command")
        t.link.answer(action, "Response: Success", "Output: a: b", "Output: ", "Output:   x")
        response = await answer
        await t.play()
    assert response.all("Output") == ["a: b", "", "  x"]
    assert response.data == "a: b\n\n  x"


async def test_22_command_output_of_old_asterisks_is_text() -> None:
    async with talk() as t:
        answer = t.manager.command("core show version")
        action = await t.link.expect("Command")
        await t.play(
            b"Response: Follows\r\nPrivilege: Command\r\nActionID: "
            + action.id.encode()
            + b"\r\nfoo: 1\nbar\n\r\nbaz\n--END COMMAND--\r\n\r\n"
        )
        response = await answer
    assert response.ok
    assert response.data == "foo: 1\nbar\n\r\nbaz\n"


async def test_23_a_list_is_one_result_and_foreign_events_go_to_the_callbacks() -> None:
    async with talk() as t:
        answer = t.manager.send_action({"Action": "QueueStatus"})
        action = await t.link.expect("QueueStatus")
        events = await t.play(queue_list(action.id))
        response = await answer
    assert response.ok
    assert [item["Name"] for item in response.events] == ["1", "2"]
    assert [event.name for event in events] == ["Newstate"]


async def test_24_a_response_in_lower_case_is_matched() -> None:
    async with talk() as t:
        answer = t.manager.hangup("PJSIP/1")
        action = await t.link.expect("Hangup")
        await t.play(block("response: Success", f"actionid: {action.id}"))
        assert (await answer).ok


async def test_25_swapped_responses_find_their_own_callers() -> None:
    async with talk() as t:
        first, second = t.manager.hangup("PJSIP/1"), t.manager.hangup("PJSIP/2")
        one, two = await t.link.expect("Hangup"), await t.link.expect("Hangup")
        t.link.answer(two, "Response: Success", "Message: two")
        t.link.answer(one, "Response: Success", "Message: one")
        assert ((await first)["Message"], (await second)["Message"]) == ("one", "two")


async def test_26_a_stray_response_is_counted_and_the_real_one_matched() -> None:
    async with talk() as t:
        answer = t.manager.hangup("PJSIP/1")
        action = await t.link.expect("Hangup")
        await t.play(block("Response: Error", "Message: stray"))
        t.link.answer(action, "Response: Success")
        assert (await answer).ok
        assert t.manager.stats.stray_responses == 1


async def test_27_pending_actions_fail_at_once_when_the_link_goes() -> None:
    async with talk() as t:
        answers = [t.manager.hangup("PJSIP/1"), t.manager.status()]
        await t.link.expect("Hangup")
        await t.link.expect("Status")
        t.link.close()
        async with asyncio.timeout(5):  # the deadline of an action is 10 s
            results = await asyncio.gather(*answers, return_exceptions=True)
        assert [type(result) for result in results] == [ManagerSocketException] * 2
        with pytest.raises(ManagerSocketException) as caught:
            t.manager.hangup("PJSIP/1")
        assert caught.value.args[0] == errno.ENOTCONN


async def test_28_a_second_action_inside_a_value_is_refused_before_the_socket() -> None:
    async with talk() as t:
        seen = len(t.link.actions)
        with pytest.raises(UnsafeActionError, match="'Value'"):
            t.manager.send_action(
                {
                    "Action": "Setvar",
                    "Value": "Bob\r\n\r\nAction: Command\r\nCommand: core stop now",
                }
            )
        assert (await t.manager.ping()).ok
        assert [action.name for action in t.link.actions[seen:]] == ["Ping"]


# 29 (Event: Shutdown, then one reconnect) is in test_ami_node.py: a reconnect is the supervisor's.

"""The manager protocol's codec, without any socket."""

import pytest

from dialer.ami_protocol import (
    AmiCodec,
    AmiProtocolError,
    Message,
    UnsafeActionError,
    encode_action,
    parse_block,
    unescape,
)


def feed(data: bytes, **options: int) -> list[Message]:
    return AmiCodec(expect_banner=False, **options).feed(data)


def test_an_action_is_sent_with_its_name_first_and_its_id_second() -> None:
    frame = encode_action({"Channel": "PJSIP/1", "action": "Hangup", "Cause": 16}, "dlr-b-1")
    assert frame == b"Action: Hangup\r\nActionID: dlr-b-1\r\nChannel: PJSIP/1\r\nCause: 16\r\n\r\n"


def test_a_list_of_values_repeats_the_header() -> None:
    frame = encode_action({"Action": "Originate", "Variable": ["A=1", "B=2"]}, "x")
    assert frame.endswith(b"Variable: A=1\r\nVariable: B=2\r\n\r\n")


def test_pairs_may_repeat_a_header() -> None:
    frame = encode_action([("Action", "Originate"), ("Variable", "A=1"), ("Variable", "B=2")], "x")
    assert frame.endswith(b"Variable: A=1\r\nVariable: B=2\r\n\r\n")


def test_a_truth_value_is_sent_as_a_word() -> None:
    assert b"\r\nAsync: true\r\n" in encode_action({"Action": "Originate", "Async": True}, "x")


def test_an_action_id_of_the_caller_is_replaced() -> None:
    frame = encode_action({"Action": "Ping", "ActionID": "mine"}, "x")
    assert frame == b"Action: Ping\r\nActionID: x\r\n\r\n"


@pytest.mark.parametrize("bad", ["Bob\r\n\r\nAction: Command", "a\nb", "a\rb", "a\0b"])
def test_a_line_break_or_nul_in_a_value_is_refused_by_name_and_without_the_value(bad: str) -> None:
    with pytest.raises(UnsafeActionError, match="'Value'") as caught:
        encode_action({"Action": "Setvar", "Value": bad}, "x")
    assert bad not in str(caught.value)


@pytest.mark.parametrize("bad", ["A\nB", "A: b", "", "Variable ", "Añb", "A\0"])
def test_a_header_name_that_is_no_plain_word_is_refused(bad: str) -> None:
    with pytest.raises(UnsafeActionError, match="not a header name"):
        encode_action({"Action": "Setvar", bad: "1"}, "x")


def test_a_line_break_in_the_name_of_the_action_is_refused() -> None:
    with pytest.raises(UnsafeActionError, match="'Action'"):
        encode_action({"Action": "Ping\nAction: Command"}, "x")


def test_a_line_of_1020_bytes_is_sent_and_one_of_1021_is_refused() -> None:
    room = 1020 - len("Data: ")
    assert b"y" * room in encode_action({"Action": "Originate", "Data": "y" * room}, "x")
    with pytest.raises(UnsafeActionError, match=r"'Data'.*1020"):
        encode_action({"Action": "Originate", "Data": "y" * (room + 1)}, "x")


def test_a_line_is_measured_in_bytes_not_in_characters() -> None:
    with pytest.raises(UnsafeActionError, match="'Data'"):
        encode_action({"Action": "Originate", "Data": "ü" * 600}, "x")


def test_128_lines_are_sent_and_129_are_refused() -> None:
    values = [f"V{n}=1" for n in range(126)]
    assert encode_action({"Action": "Originate", "Variable": values}, "x").count(b"\r\n") == 129
    with pytest.raises(UnsafeActionError, match=r"'Variable'.*128"):
        encode_action({"Action": "Originate", "Variable": [*values, "V=1"]}, "x")


def test_an_action_without_a_name_or_with_two_is_refused() -> None:
    with pytest.raises(UnsafeActionError, match="'Action': missing"):
        encode_action({"Channel": "x"}, "x")
    with pytest.raises(UnsafeActionError, match="'Action'"):
        encode_action([("Action", "Ping"), ("action", "Command")], "x")


def test_a_channel_that_is_a_pattern_is_refused() -> None:
    with pytest.raises(UnsafeActionError, match="'Channel'"):
        encode_action({"Action": "Hangup", "Channel": " /^PJSIP/"}, "x")


def test_text_that_utf_8_cannot_say_is_refused_by_name() -> None:
    with pytest.raises(UnsafeActionError, match="'Data'"):
        encode_action({"Action": "Originate", "Data": "\ud800"}, "x")


def test_a_received_name_in_any_bytes_goes_back_unchanged() -> None:
    [message] = feed(b"Event: Hangup\r\nChannel: PJSIP/M\xfc\xff-1\r\n\r\n")
    frame = encode_action({"Action": "Hangup", "Channel": message.first("Channel")}, "x")
    assert b"Channel: PJSIP/M\xfc\xff-1\r\n" in frame


def test_headers_are_found_in_any_spelling() -> None:
    [message] = feed(b"event: Newchannel\r\nUniqueId: 1.1\r\n\r\n")
    assert message["UNIQUEID"] == message["uniqueid"] == message.get("Uniqueid") == "1.1"
    assert "uniqueID" in message
    assert message.first("uniqueID") == "1.1"
    with pytest.raises(KeyError):
        message["Channel"]


def test_names_that_differ_in_spelling_only_are_one_repeated_header() -> None:
    assert parse_block("Output: a\r\noutput: b").all("Output") == ["a", "b"]


def test_first_and_all_serve_single_repeated_and_absent_headers() -> None:
    message = parse_block("A: 1\r\nB: 1\r\nB: 2\r\nB: 3")
    assert (message.first("A"), message.first("B"), message.first("C", "none")) == (
        "1",
        "1",
        "none",
    )
    assert (message.all("A"), message.all("B"), message.all("C")) == (["1"], ["1", "2", "3"], [])


def test_one_blank_after_the_colon_belongs_to_the_protocol_and_all_others_to_the_value() -> None:
    message = parse_block("Output:   x \r\nOutput:y")
    assert message["output"] == ["  x ", "y"]


def test_lines_that_are_no_headers_are_kept_aside() -> None:
    message = parse_block("Event: A\r\nwithout colon\r\n: no name\r\nB: 1")
    assert dict(message) == {"event": "A", "b": "1"}
    assert message.data == "without colon\r\n: no name"


def test_the_repr_of_a_message_shows_no_values() -> None:
    message = parse_block("Event: Newchannel\r\nCallerIDNum: 3901234567")
    assert "3901234567" not in repr(message)
    assert "Newchannel" in repr(message)


def test_a_message_of_the_limit_passes_and_a_longer_one_is_an_error() -> None:
    body = b"A: " + b"x" * 97
    assert len(feed(body + b"\r\n\r\n" + body + b"\r\n\r\n", max_message_bytes=100)) == 2
    with pytest.raises(AmiProtocolError):
        feed(body + b"x\r\n\r\n", max_message_bytes=100)


def test_endless_bytes_without_an_end_of_message_are_an_error_not_a_growing_buffer() -> None:
    codec = AmiCodec(expect_banner=False, max_message_bytes=1000)
    for _ in range(10):
        codec.feed(b"x" * 100)
    with pytest.raises(AmiProtocolError):
        codec.feed(b"x")


def test_endless_bytes_instead_of_a_banner_are_an_error() -> None:
    with pytest.raises(AmiProtocolError):
        AmiCodec().feed(b"x" * 5000)


def test_a_banner_is_kept_and_what_is_glued_to_it_is_read() -> None:
    codec = AmiCodec()
    [message] = codec.feed(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\n")
    assert codec.banner == "Asterisk Call Manager/11.0.0"
    assert message["response"] == "Success"


def test_a_peer_without_a_banner_is_understood() -> None:
    codec = AmiCodec()
    [message] = codec.feed(b"Event: FullyBooted\r\n\r\n")
    assert (codec.banner, message["event"]) == ("", "FullyBooted")


def test_the_cache_of_header_names_is_bounded() -> None:
    names = "\r\n".join(f"Name{n}: x" for n in range(10_000))
    assert len(parse_block(names)) == 10_000
    assert parse_block("Name9999: y")["name9999"] == "y"


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (r"a\nb", "a\nb"),
        (r"say \"hi\"", 'say "hi"'),
        (r"back\\nslash", r"back\nslash"),
        (r"\q and \x41 stay", r"\q and \x41 stay"),
        ("plain", "plain"),
        ("ends with \\", "ends with \\"),
        (r"\a\b\f\r\t\v\'\?", "\a\b\f\r\t\v'?"),
    ],
)
def test_c_escapes_are_undone_and_unknown_ones_left_alone(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain

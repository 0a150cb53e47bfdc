"""Any split of a byte stream gives the same messages."""

import itertools
from collections.abc import Iterable

from hypothesis import example, given
from hypothesis import strategies as st

from dialer.ami_protocol import AmiCodec, Message

BANNER = b"Asterisk Call Manager/11.0.0\r\n"

names = st.sampled_from([b"Event", b"Response", b"ActionID", b"Output", b"output", b"X-Y(z/1)"])
values = st.one_of(
    st.binary(max_size=12),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"", b" ", b"a: b", b"line1\nline2", b"Event: Shutdown", "Müller".encode()]),
)
lines = st.one_of(
    st.tuples(names, st.sampled_from([b": ", b":"]), values).map(b"".join),
    st.sampled_from([b"no colon", b": no name", b"Response: Follows", b"--END COMMAND--", b"\r"]),
)
blocks = st.lists(lines, max_size=5).map(lambda some: b"\r\n".join(some) + b"\r\n\r\n")
streams = st.lists(st.one_of(blocks, st.sampled_from([b"\r\n", b"\n", b"\r"])), max_size=6).map(
    b"".join
)


def read(segments: Iterable[bytes]) -> list[tuple[dict[str, str | list[str]], str]]:
    codec = AmiCodec()
    messages: list[Message] = []
    for segment in segments:
        messages += codec.feed(segment)
    return [(dict(message), message.data) for message in messages]


@given(stream=streams, cuts=st.lists(st.integers(0, 400), max_size=12))
@example(stream=b"A: 1\r\n\r\n\r\nB: 2\r\n\r\n", cuts=[9, 10])
@example(stream=b"\r\n" * 6 + b"\n\r\n\r\n", cuts=[40])
@example(stream=b"Response: Follows\r\nfoo\nbar\n\r\n--END COMMAND--\r\n\r\n\r\n", cuts=[])
def test_any_segmentation_gives_the_same_messages(stream: bytes, cuts: list[int]) -> None:
    data = BANNER + stream
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert read(pieces) == read([data])


@given(stream=streams)
def test_byte_by_byte_gives_the_same_messages(stream: bytes) -> None:
    data = BANNER + stream
    assert read(data[at : at + 1] for at in range(len(data))) == read([data])


@given(junk=st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_and_a_message_after_them_is_read(junk: bytes) -> None:
    codec = AmiCodec()
    codec.feed(BANNER + junk + b"\r\n\r\n")
    [marker] = codec.feed(b"Event: Marker\r\n\r\n")
    assert marker["event"] == "Marker"


@given(texts=st.lists(st.binary(max_size=20), max_size=5))
def test_every_byte_of_a_value_comes_back(texts: list[bytes]) -> None:
    values = [text.replace(b"\r", b"").replace(b"\n", b"") for text in texts]
    stream = BANNER + b"".join(b"V: " + value + b"\r\n" for value in values) + b"Event: E\r\n\r\n"
    [message] = AmiCodec().feed(stream)
    assert [value.encode("utf-8", "surrogateescape") for value in message.all("V")] == values

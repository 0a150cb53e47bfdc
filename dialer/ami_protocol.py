"""Bytes of the Asterisk Manager Interface to messages, and actions to bytes. No I/O.

Theory of operation
-------------------
A connection opens with one banner line; after it everything is a block of ``Name: value`` lines that
ends with an empty line. `AmiCodec.feed` takes whatever the socket gave, looks for the *last* end of
block, decodes all complete blocks in one go and keeps the rest for the next call; a multi-byte
character is therefore never cut. Text is UTF-8 with surrogateescape, so that any byte a caller puts in
a name comes back unchanged when the value is sent again.

Blocks are parsed on a fast path that assumes well-formed lines and different names. Whatever breaks
the assumption (a repeated name, no space after the colon, a line that is no header) is seen at the end
from the number of names, or from the reserved name ``""``, and the block is parsed again with care.

Sending is where injection would happen: Asterisk ends a line at a bare LF, drops the whole action at
1,024 bytes a line and ignores what follows 128 lines. `encode_action` refuses all of those.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

HeaderValue = str | int | Sequence[str | int]
"""What an action's header may hold; a sequence sends the header once per item."""

Headers = Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]]
"""An action, as a mapping or as pairs (pairs may repeat a name)."""

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
MAX_BANNER_BYTES: Final = 4096
MAX_LINE_BYTES: Final = 1020
MAX_LINES: Final = 128

_END: Final = b"\r\n\r\n"
_FOLLOWS: Final = "Response: Follows\r\n"
_END_COMMAND: Final = "--END COMMAND--"
_UNSAFE_VALUE: Final = re.compile("[\r\n\0]").search
_UNSAFE_NAME: Final = re.compile("[^!-9;-~]").search  # printable ASCII without blank and colon
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}


class AmiProtocolError(Exception):
    """The peer does not speak the manager protocol; the connection is of no more use."""


class UnsafeActionError(ValueError):
    """An action that Asterisk would misread. Names the header, never its value."""


class Message(dict[str, str | list[str]]):
    """One block: header names in lower case, in order of arrival; a repeated name holds a list.

    Looking up by ``[]``, `get`, ``in``, `first` and `all` takes any spelling of a name. Lines that are
    no headers stand in `data`. To be treated as read-only. The repr shows no values.
    """

    __slots__ = ("data",)

    data: str

    def __init__(self, headers: Iterable[tuple[str, str | list[str]]] = (), data: str = "") -> None:
        super().__init__(headers)
        self.data = data

    def __missing__(self, name: str) -> str | list[str]:
        lower = name.lower()
        if lower == name:
            raise KeyError(name)
        return self[lower]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and dict.__contains__(self, name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The value (text, or a list for a repeated name), or `default`."""
        return dict.get(self, name.lower(), default)

    def first(self, name: str, default: str = "") -> str:
        """The first value of a header, or `default`."""
        value = dict.get(self, name.lower(), default)
        return value if isinstance(value, str) else value[0]

    def all(self, name: str) -> list[str]:
        """All values of a header, in order; empty when it is absent."""
        value = dict.get(self, name.lower())
        if value is None:
            return []
        return [value] if isinstance(value, str) else list(value)

    def __repr__(self) -> str:
        kind = "event" if "event" in self else "response"
        return f"<Message {kind}={self.first(kind)!r}, {len(self)} headers>"


class _Names(dict[str, str]):
    """Header name as received -> lower case; ``""`` for what is no plain name. Bounded."""

    __slots__ = ()

    def __missing__(self, raw: str) -> str:
        plain = raw.strip() == raw and not ("\r" in raw or "\n" in raw or ":" in raw)
        name = raw.lower() if plain else ""
        if len(self) < 4096 and len(raw) <= 64 and "(" not in raw:
            self[raw] = name
        return name


_NAMES: Final = _Names()


def parse_block(block: str) -> Message:
    """One block of lines, without the empty line at its end."""
    message = Message.__new__(Message)
    message.data = ""
    names = _NAMES
    if block.startswith(_FOLLOWS):
        return _parse_follows(block)
    lines = block.split("\r\n")
    try:
        for line in lines:
            raw, value = line.split(": ", 1)
            message[names[raw]] = value
    except ValueError:
        return _parse_with_care(lines)
    if len(message) != len(lines) or "" in message:
        return _parse_with_care(lines)
    return message


def _parse_with_care(lines: list[str]) -> Message:
    """Any lines: repeated names become lists, lines that are no headers go to `data`."""
    message = Message()
    rest: list[str] = []
    for line in lines:
        raw, colon, value = line.partition(":")
        name = raw.strip().lower()
        if not colon or not name or "\n" in name or "\r" in name:
            if line:
                rest.append(line)
            continue
        value = value.removeprefix(" ")
        held = dict.get(message, name)
        if held is None:
            message[name] = value
        elif isinstance(held, list):
            held.append(value)
        else:
            message[name] = [held, value]
    message.data = "\r\n".join(rest)
    return message


def _parse_follows(block: str) -> Message:
    """A command's answer as Asterisk 13 and older sent it: three headers, then free text."""
    lines = block.removesuffix("\r\n").split("\r\n")
    count = 0
    for line in lines:
        if line.partition(":")[0].lower() not in ("response", "privilege", "actionid"):
            break
        count += 1
    message = _parse_with_care(lines[:count])
    message.data = "\r\n".join(lines[count:]).removesuffix(_END_COMMAND)
    return message


class AmiCodec:
    """The receiving side of one connection. Any split of the same bytes gives the same messages.

    `banner` is None until the greeting line has arrived, and ``""`` when the peer sent none.
    """

    def __init__(
        self, *, expect_banner: bool = True, max_message_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        self.banner: str | None = None if expect_banner else ""
        self._limit = max_message_bytes
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes, in order.

        Raises AmiProtocolError when a message (or the banner) passes the limit: drop the connection.
        """
        if self.banner is None:
            data = self._take_banner(data)
        tail = self._tail
        if tail:
            start = max(0, len(tail) - 3)
            tail += data
            end = tail.rfind(_END, start)
            if end >= 0:
                data = bytes(tail[:end])
                del tail[: end + 4]
        else:
            end = data.rfind(_END)
            tail += data[end + 4 :] if end >= 0 else data
            data = data[:end]
        if len(tail) > self._limit and self.banner is not None:
            raise AmiProtocolError(f"a message of more than {self._limit} bytes")
        return self._parse(data) if end >= 0 else []

    def _take_banner(self, data: bytes) -> bytes:
        """What follows the banner; empty while the banner is incomplete (it waits in the tail)."""
        self._tail += data
        line, newline, rest = self._tail.partition(b"\r\n")
        if not newline:
            if len(line) > MAX_BANNER_BYTES:
                raise AmiProtocolError("no manager banner")
            return b""
        if b":" in line or not line:
            self.banner = ""
            rest = self._tail
        else:
            self.banner = line.decode("utf-8", "surrogateescape").strip()
        self._tail = bytearray()
        return bytes(rest)

    def _parse(self, chunk: bytes) -> list[Message]:
        if len(chunk) > self._limit and max(map(len, chunk.split(_END))) > self._limit:
            raise AmiProtocolError(f"a message of more than {self._limit} bytes")
        messages = []
        for block in chunk.decode("utf-8", "surrogateescape").split("\r\n\r\n"):
            if block[:1] in ("\r", "\n", ""):
                block = block.lstrip("\r\n")
                if not block:
                    continue
            messages.append(parse_block(block))
        return messages


def encode_action(headers: Headers, action_id: str) -> bytes:
    """The bytes of one action: `Action` first, `ActionID` second, the rest in the order given.

    Raises UnsafeActionError, naming the header: a line break or NUL, a name that is no plain word, a
    line over 1,020 bytes, more than 128 lines, no Action or several, or the hang-up of a *pattern*.
    An ActionID among `headers` is replaced by `action_id`.
    """
    action: str | None = None
    lines: list[str] = []
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        values = [value] if isinstance(value, str | int) else value
        lower = name.lower()
        if lower == "actionid":
            continue
        if lower == "action":
            if action is not None or len(values) != 1:
                raise UnsafeActionError("header 'Action': given more than once")
            action = str(values[0])
            continue
        lines += [f"{name}: {_text(item)}" for item in values]
        if _UNSAFE_NAME(name) or not name:
            raise UnsafeActionError(f"header {name[:40]!a}: not a header name")
        if lower == "channel" and any(str(item).lstrip().startswith("/") for item in values):
            raise UnsafeActionError(
                "header 'Channel': a leading '/' means a pattern, not a channel"
            )
    if not action:
        raise UnsafeActionError("header 'Action': missing")
    lines[:0] = [f"Action: {action}", f"ActionID: {action_id}"]
    return _join(lines)


def _text(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _join(lines: list[str]) -> bytes:
    """The lines on the wire, checked one by one."""
    if len(lines) > MAX_LINES:
        name = lines[MAX_LINES].partition(":")[0]
        raise UnsafeActionError(f"header {name[:40]!a}: more than {MAX_LINES} lines in one action")
    frame: list[bytes] = []
    for line in lines:
        if _UNSAFE_VALUE(line):
            name = line.partition(":")[0]
            raise UnsafeActionError(f"header {name[:40]!a}: a line break or NUL in its value")
        try:
            wire = line.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            name = line.partition(":")[0]
            raise UnsafeActionError(f"header {name[:40]!a}: not encodable as UTF-8") from None
        if len(wire) > MAX_LINE_BYTES:
            name = line.partition(":")[0]
            raise UnsafeActionError(f"header {name[:40]!a}: more than {MAX_LINE_BYTES} bytes")
        frame.append(wire)
    frame.append(_END[:2])
    return b"\r\n".join(frame)


def unescape(value: str) -> str:
    r"""Undo Asterisk's C escapes (``\n``, ``\"``, ``\\`` ...); an unknown escape is left as it is.

    For `CallerIDName`, `ConnectedLineName`, `ChanVariable` and `Value` of `VarSet`; the form
    `ChanVariable(channel)` on `OriginateResponse` is *not* escaped.
    """
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[0]), value)

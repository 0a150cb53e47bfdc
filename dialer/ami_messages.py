"""pyst2's `Event` and `ManagerMsg`, filled by our parser. Header names are found in any spelling."""

from asterisk.manager import Event, ManagerMsg

from dialer.ami_protocol import Message


class Ev(Event):  # type: ignore[misc]
    """An event: `name`, `headers` (a `Message`), and pyst2's accessors in any spelling of the names."""

    __slots__ = ("headers", "name")

    headers: Message
    name: str

    def __init__(self, headers: Message) -> None:
        self.headers = headers
        name = headers["event"]
        self.name = name if isinstance(name, str) else name[0]

    @property
    def message(self) -> "Msg":
        return Msg(self.headers)

    @property
    def data(self) -> str:
        return self.headers.data

    def has_header(self, hname: str) -> bool:
        return hname in self.headers

    def first(self, name: str, default: str = "") -> str:
        """The first value of a header, or `default`."""
        return self.headers.first(name, default)

    def all(self, name: str) -> list[str]:
        """All values of a header; empty when it is absent."""
        return self.headers.all(name)

    def __repr__(self) -> str:
        return f"<Ev {self.name}>"


class Msg(ManagerMsg):  # type: ignore[misc]
    """A response; of a list action also its items, `events`, and whether Asterisk cut it short."""

    __slots__ = ("cancelled", "events", "headers")

    headers: Message
    events: list[Ev]
    cancelled: bool

    def __init__(
        self, headers: Message, events: list[Ev] | None = None, *, cancelled: bool = False
    ) -> None:
        self.headers = headers
        self.events = [] if events is None else events
        self.cancelled = cancelled

    @property
    def ok(self) -> bool:
        """Asterisk did not answer Error (of a list: and it came to its end)."""
        word = self.headers.first("response").lower()
        return word in ("success", "follows", "goodbye", "pong") and not self.cancelled

    @property
    def data(self) -> str:
        """Text that came with the response: a command's output, or lines that are no headers."""
        return "\n".join(self.headers.all("output")) or self.headers.data

    @property
    def response(self) -> list[str]:
        """The message as header lines (pyst2's attribute for the raw lines)."""
        return [f"{name}: {v}\r\n" for name in self.headers for v in self.headers.all(name)]

    def has_header(self, hname: str) -> bool:
        return hname in self.headers

    def first(self, name: str, default: str = "") -> str:
        """The first value of a header, or `default`."""
        return self.headers.first(name, default)

    def all(self, name: str) -> list[str]:
        """All values of a header; empty when it is absent."""
        return self.headers.all(name)

    def __repr__(self) -> str:
        return f"<Msg {self.first('response') or 'without Response'}, {len(self.events)} events>"

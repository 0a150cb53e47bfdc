"""A client that is logged in to the scripted server: what the torture tests talk through."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dialer.ami import AsyncManager, Ev
from dialer.ami_protocol import AmiCodec
from tests.support.ami_server import SECRET, USERNAME, FakeAmi, Link, block, until

MARKER = block("Event: Marker")
NEWSTATE = block("Event: Newstate", "Privilege: call,all", "Uniqueid: 2", "Exten: s")


class Talk:
    """A client that is logged in, and the server's end of its connection."""

    def __init__(self, manager: AsyncManager, link: Link) -> None:
        self.manager = manager
        self.link = link
        self.events: list[Ev] = []
        manager.register_event("*", lambda event, _manager: self.events.append(event))

    async def play(self, *segments: bytes) -> list[Ev]:
        """Send each segment once the one before has been read; the events before the marker."""
        for segment in (*segments, MARKER):
            read = self.manager.stats.bytes_received + len(segment)
            self.link.send(segment)
            await until(lambda read=read: self.manager.stats.bytes_received >= read)  # type: ignore[misc]
        assert self.events[-1].name == "Marker"
        return self.events[:-1]


@asynccontextmanager
async def talk(codec: AmiCodec | None = None) -> AsyncIterator[Talk]:
    async with FakeAmi(fully_booted=False) as server:
        manager = AsyncManager(codec=codec)
        await manager.connect("127.0.0.1", server.port)
        await manager.login(USERNAME, SECRET)
        try:
            yield Talk(manager, await server.link())
        finally:
            await manager.close()


def queue_list(action_id: str, end: str = "Complete", count: int = 2) -> bytes:
    tag = f"ActionID: {action_id}"
    return (
        block("Response: Success", tag, "EventList: start", "Message: Queue status will follow")
        + block("Event: QueueMember", tag, "Name: 1")
        + NEWSTATE
        + block("Event: QueueMember", tag, "Name: 2")
        + block("Event: QueueStatusComplete", tag, f"EventList: {end}", f"ListItems: {count}")
    )

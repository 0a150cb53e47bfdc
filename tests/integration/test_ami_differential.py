"""Stock pyst2 in its threads and AsyncManager, one server: on what pyst2 can read, the same result."""

import asyncio
import warnings
from collections.abc import Callable

import pytest
from asterisk.manager import Event, Manager

from dialer.ami import AsyncManager
from tests.support.ami_server import SECRET, USERNAME, FakeAmi, Link, block, until
from tests.support.ami_talk import NEWSTATE

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Told = tuple[str, dict[str, str]]

STREAMS = {
    "02 a multi-byte character": block("Event: A", "CallerIDName: Müller"),
    "03 bytes that are no UTF-8": block("Event: A", "Exten: s") + NEWSTATE,
    "07 empty values": block("Event: A", "AccountCode: ", "Exten:"),
    "08 an empty value at the end": block("Event: A", "AccountCode: ") + NEWSTATE,
    "09 colons in a value": block("Event: A", "Value: sip:1@h:5060: x"),
    "13 words of an event in a value": block("Event: A", "Value: Event: Shutdown") + NEWSTATE,
    "14 words of an action in a value": block("Event: A", "Info: ActionID lost") + NEWSTATE,
    "15 blank lines": b"\r\n\r\n" + block("Event: A") + b"\r\n" + NEWSTATE,
    "16 no privilege": block("Event: A", "Uniqueid: 1"),
    "17 a long value": block("Event: A", "Value: " + "x" * 70_000),
    "20 a response header in an event": block(
        "Event: OriginateResponse", "ActionID: x", "Response: Failure", "Reason: 0"
    ),
    "a whole call": block("Event: Newchannel", "Privilege: call,all", "Uniqueid: 1")
    + NEWSTATE
    + block("Event: DialBegin", "DestUniqueid: 1", "DialString: 1@trunk")
    + block("Event: Hangup", "Cause: 16", "Cause-txt: Normal Clearing", "Uniqueid: 1"),
}


class Stock:
    """pyst2 as released, driven from worker threads."""

    def __init__(self, port: int, told: Callable[[Event], None]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.manager = Manager()
        self.port = port
        self.manager.register_event("*", lambda event, _manager: told(event))

    async def log_in(self) -> None:
        await asyncio.to_thread(self.manager.connect, "127.0.0.1", self.port)
        await asyncio.to_thread(self.manager.login, USERNAME, SECRET)

    async def close(self, link: Link) -> None:
        """End from the server's side: pyst2's own logoff races with the close that answers it."""
        link.close()
        await until(lambda: not self.manager.connected())
        await asyncio.to_thread(self.manager.close)


def plain(event: Event) -> Told:
    headers = {name: event.get_header(name) for name in event.headers}
    return event.name, {name.lower(): value.strip() for name, value in headers.items()}


async def both(stream: bytes) -> tuple[list[Told], list[Told]]:
    """What pyst2 tells of a stream, and what AsyncManager tells."""
    theirs: list[Told] = []
    ours: list[Told] = []
    async with FakeAmi(fully_booted=False) as server:
        stock = Stock(server.port, lambda event: theirs.append(plain(event)))
        await stock.log_in()
        manager = AsyncManager()
        await manager.connect("127.0.0.1", server.port)
        await manager.login(USERNAME, SECRET)
        manager.register_event("*", lambda event, _manager: ours.append(plain(event)))
        for number in range(2):
            (await server.link(number)).send(stream + block("Event: Marker"))
        for told in (theirs, ours):
            await until(lambda told=told: told and told[-1][0] == "Marker")  # type: ignore[misc]
        await stock.close(await server.link(0))
        await manager.close()
    return theirs, ours


@pytest.mark.parametrize("name", STREAMS)
async def test_both_tell_the_same_names_and_headers(name: str) -> None:
    theirs, ours = await both(STREAMS[name])
    assert len(ours) > 1
    assert ours == theirs


async def test_both_give_the_same_responses_to_inherited_actions() -> None:
    async with FakeAmi(fully_booted=False) as server:
        stock = Stock(server.port, lambda event: None)
        await stock.log_in()
        ours = AsyncManager()
        await ours.connect("127.0.0.1", server.port)
        await ours.login(USERNAME, SECRET)
        args = ("PJSIP/1@trunk", "s", "ctx", "1", "25000")
        kwargs = {"caller_id": "n <1>", "run_async": True, "variables": {"A": "1", "B": "2"}}
        theirs_waiting = asyncio.gather(asyncio.to_thread(stock.manager.originate, *args, **kwargs))
        sent_by_stock, their_answer = await answered(await server.link(0), theirs_waiting)
        ours_waiting = asyncio.gather(ours.originate(*args, **kwargs))
        sent_by_us, our_answer = await answered(await server.link(1), ours_waiting)
        assert sorted(sent_by_us) == sorted(sent_by_stock)
        assert our_answer == their_answer
        await stock.close(await server.link(0))
        await ours.close()


async def answered(link: Link, waiting: "asyncio.Future[list[object]]") -> tuple[list[str], object]:
    """The lines of an Originate less its id, and what its sender was told."""
    action = await link.expect("Originate")
    link.answer(action, "Response: Success", "Message: Originate successfully queued")
    [response] = await waiting
    told = {name: response.get_header(name) for name in ("Response", "Message")}  # type: ignore[attr-defined]
    return [line for line in action.raw if not line.startswith("ActionID")], told


def test_our_classes_are_pyst2_classes() -> None:
    import asterisk.manager as pyst2

    import dialer.ami as ami

    assert issubclass(ami.AsyncManager, pyst2.Manager)
    assert issubclass(ami.Ev, pyst2.Event)
    assert issubclass(ami.Msg, pyst2.ManagerMsg)
    assert ami.ManagerSocketException is pyst2.ManagerSocketException
    assert issubclass(ami.ActionTimeoutError, pyst2.ManagerException)

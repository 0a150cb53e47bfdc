"""The supervisor of one Asterisk, against a scripted one that comes and goes."""

import asyncio
import errno
import random
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dialer.ami import (
    ActionTimeoutError,
    Ev,
    ManagerException,
    ManagerSocketException,
    UnsafeActionError,
)
from dialer.ami_node import DEFAULT_EVENTS, AmiEndpoint, AmiNode, AmiTimings, Backoff
from tests.support.ami_server import SECRET, USERNAME, FakeAmi, Link, block, until

QUICK = AmiTimings(booted_event=0.02)


class CountingBackoff(Backoff):
    """Short delays; what was asked for stays on record."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), first=0.01, most=0.04)
        self.delays: list[float] = []
        self.resets = 0

    def next(self) -> float:
        self.delays.append(super().next())
        return self.delays[-1]

    def reset(self) -> None:
        self.resets += 1
        super().reset()


class Watch:
    """A node with a record of what it told."""

    def __init__(
        self,
        server: FakeAmi,
        timings: AmiTimings,
        mask: str = DEFAULT_EVENTS,
        **endpoint: object,
    ) -> None:
        self.told: list[tuple[object, ...]] = []
        self.backoff = CountingBackoff()
        where = AmiEndpoint("127.0.0.1", USERNAME, SECRET, port=server.port)
        self.node = AmiNode(
            replace(where, **endpoint),  # type: ignore[arg-type]
            on_event=self.on_event,
            on_up=lambda generation: self.told.append(("up", generation)),
            on_down=lambda reason: self.told.append(("down", reason)),
            rng=random.Random(1),
            events=mask,
            backoff=self.backoff,
            timings=timings,
        )

    def on_event(self, event: Ev, generation: int) -> None:
        self.told.append((event.name, generation))

    async def up(self) -> int:
        async with asyncio.timeout(10):
            return await self.node.wait_up()


@asynccontextmanager
async def watch(
    server: FakeAmi, timings: AmiTimings = QUICK, mask: str = DEFAULT_EVENTS, **endpoint: object
) -> AsyncIterator[Watch]:
    watching = Watch(server, timings, mask, **endpoint)
    watching.node.start()
    try:
        yield watching
    finally:
        await watching.node.close()


async def links(server: FakeAmi, session: int = 0) -> tuple[Link, Link]:
    """The events link and the actions link of a session (they come in this order)."""
    return await server.link(2 * session), await server.link(2 * session + 1)


async def test_events_and_actions_have_a_link_each_with_the_right_mask() -> None:
    async with FakeAmi() as server, watch(server) as w:
        await w.up()
        events, actions = await links(server)
        assert (events.mask, actions.mask) == ("system,call,agent,user", "off")
        answer = asyncio.gather(w.node.action({"Action": "Hangup", "Channel": "PJSIP/1"}))
        action = await actions.expect("Hangup")
        actions.answer(action, "Response: Success")
        [response] = await answer
        assert response.ok
        assert [action.name for action in events.actions] == ["Challenge", "Login"]


async def test_up_comes_before_events_and_down_after_them() -> None:
    async with FakeAmi() as server, watch(server) as w:
        generation = await w.up()
        events, _ = await links(server)
        events.send(block("Event: Newstate") + block("Event: Hangup"))
        await until(lambda: len(w.told) == 3)
    assert w.told == [
        ("up", generation),
        ("Newstate", generation),
        ("Hangup", generation),
        ("down", "closed"),
    ]


async def test_an_originate_response_on_both_links_is_told_once() -> None:
    async with FakeAmi() as server, watch(server) as w:
        generation = await w.up()
        events, actions = await links(server)
        actions.send(block("Event: OriginateResponse", "ActionID: x", "Response: Success"))
        assert (await w.node.action({"Action": "Ping"})).ok  # so the one before has been read
        events.send(block("Event: OriginateResponse", "ActionID: x", "Response: Success"))
        events.send(block("Event: Marker"))
        await until(lambda: ("Marker", generation) in w.told)
        assert w.told.count(("OriginateResponse", generation)) == 1
        assert w.node.stats.events["OriginateResponse"] == 1


async def test_an_asterisk_that_sends_no_fully_booted_is_asked_for_its_core_status() -> None:
    async with FakeAmi(fully_booted=False) as server, watch(server) as w:
        await w.up()
        _, actions = await links(server)
        assert "CoreStatus" in [action.name for action in actions.actions]


async def test_an_asterisk_that_is_still_booting_is_asked_again() -> None:
    async with FakeAmi(fully_booted=False, silent=["CoreStatus"]) as server, watch(server) as w:
        _, actions = await links(server)
        actions.answer(await actions.expect("CoreStatus"), "Response: Error", "Message: booting")
        action = await actions.expect("CoreStatus")
        assert not w.node.up
        actions.answer(action, "Response: Success")
        await w.up()


async def test_fully_booted_ends_the_wait_for_an_asterisk_that_refused_its_core_status() -> None:
    slow = replace(QUICK, booted_event=60.0)
    async with (
        FakeAmi(fully_booted=False, silent=["CoreStatus"]) as server,
        watch(server, slow, mask="call") as w,
    ):
        events, actions = await links(server)
        actions.answer(await actions.expect("CoreStatus"), "Response: Error", "Message: booting")
        events.send(block("Event: FullyBooted"))
        await w.up()


@pytest.mark.parametrize("which", [0, 1], ids=["events", "actions"])
async def test_the_loss_of_either_link_fails_what_is_pending_and_brings_both_back(
    which: int,
) -> None:
    async with FakeAmi() as server, watch(server) as w:
        first = await w.up()
        both = await links(server)
        answer = asyncio.gather(w.node.action({"Action": "Originate", "Channel": "PJSIP/1"}))
        await both[1].expect("Originate")
        both[which].close()
        with pytest.raises(ManagerSocketException):
            await answer
        await until(lambda: len(server.links) == 4)
        second = await w.up()
        assert second > first
        assert [entry[0] for entry in w.told] == ["up", "down", "up"]
        assert w.node.stats.reconnects == 1
        again = await links(server, session=1)
        sent = [action.name for link in again for action in link.actions]
        assert "Originate" not in sent


async def test_29_shutdown_brings_one_reconnect_with_back_off() -> None:
    async with FakeAmi() as server, watch(server) as w:
        first = await w.up()
        events, actions = await links(server)
        events.send(block("Event: Shutdown", "Shutdown: Cleanly", "Restart: True"))
        events.close()
        actions.close()
        await until(lambda: len(server.links) == 4)
        second = await w.up()
        assert w.told == [
            ("up", first),
            ("Shutdown", first),
            ("down", "Asterisk shuts down"),
            ("up", second),
        ]
        assert len(w.backoff.delays) == 1


async def test_while_asterisk_is_away_actions_fail_and_tries_get_rarer() -> None:
    async with FakeAmi() as server, watch(server) as w:
        await w.up()
        await server.shut()
        await until(lambda: len(w.backoff.delays) >= 4)
        with pytest.raises(ManagerSocketException) as caught:
            await w.node.action({"Action": "Ping"})
        assert caught.value.args[0] == errno.ENOTCONN
        await server.open()
        await w.up()
        assert [entry[0] for entry in w.told] == ["up", "down", "up"]
        assert w.node.stats.connect_failures >= 3
        bounds = [0.01, 0.02, 0.04, 0.04]
        for delay, bound in zip(w.backoff.delays, bounds, strict=False):
            assert bound / 2 <= delay <= bound


def test_the_back_off_doubles_from_half_a_second_to_half_a_minute_and_starts_anew() -> None:
    backoff = Backoff(random.Random(7))
    ceilings = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    delays = [backoff.next() for _ in ceilings]
    assert all(c / 2 <= delay <= c for delay, c in zip(delays, ceilings, strict=True))
    assert len({delay / c for delay, c in zip(delays, ceilings, strict=True)}) == len(ceilings)
    backoff.reset()
    assert backoff.next() <= 0.5


async def test_only_a_session_that_held_starts_the_back_off_anew() -> None:
    held = replace(QUICK, stable=0.0)
    async with FakeAmi() as server, watch(server) as short, watch(server, held) as long:
        await short.up()
        await long.up()
        for link in list(server.links):
            link.close()
        await until(lambda: short.backoff.delays and long.backoff.delays)
        assert (short.backoff.resets, long.backoff.resets) == (0, 1)


async def test_an_asterisk_that_answers_no_ping_is_dropped() -> None:
    quick = replace(QUICK, ping_interval=0.01, ping_deadline=0.03)
    async with FakeAmi(silent=["Ping"]) as server, watch(server, quick) as w:
        await w.up()
        await until(lambda: ("down", "no answer to Ping") in w.told)


async def test_pings_go_out_on_both_links_and_answered_ones_keep_them() -> None:
    quick = replace(QUICK, ping_interval=0.01)
    async with FakeAmi() as server, watch(server, quick) as w:
        await w.up()
        both = await links(server)
        await until(
            lambda: all([action.name for action in link.actions].count("Ping") > 3 for link in both)
        )
        assert w.node.up
        assert len(server.links) == 2


async def test_a_wrong_secret_is_retried_with_back_off_and_never_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeAmi() as server, watch(server, secret="wrong-secret") as w:
        await until(lambda: len(w.backoff.delays) >= 2)
        assert w.told == []
        assert "login refused" in caplog.text
        assert "wrong-secret" not in caplog.text + repr(w.node.endpoint) + repr(w.node)


async def test_a_raising_callback_is_counted_and_the_node_stays_up() -> None:
    async with FakeAmi() as server:
        node = AmiNode(
            AmiEndpoint("127.0.0.1", USERNAME, SECRET, port=server.port, md5=False),
            on_event=lambda event, generation: 1 / 0,
            on_up=lambda generation: 1 / 0,
            on_down=lambda reason: 1 / 0,
            rng=random.Random(1),
        )
        node.start()
        async with asyncio.timeout(10):
            await node.wait_up()
        events, _ = await links(server)
        events.send(block("Event: Newstate"))
        await until(lambda: node.stats.callback_errors == 2)
        assert node.up
        await node.close()
        assert node.stats.callback_errors == 3


async def test_a_list_action_gives_its_items() -> None:
    async with FakeAmi() as server, watch(server) as w:
        await w.up()
        _, actions = await links(server)
        answer = asyncio.gather(w.node.list_action({"Action": "CoreShowChannels"}))
        action = await actions.expect("CoreShowChannels")
        actions.answer(action, "Response: Success", "EventList: start")
        actions.answer(action, "Event: CoreShowChannel", "Uniqueid: 1")
        actions.answer(action, "Event: CoreShowChannelsComplete", "EventList: Complete")
        [items] = await answer
        assert [item["Uniqueid"] for item in items] == ["1"]


async def test_a_refused_list_action_is_an_error() -> None:
    async with FakeAmi() as server, watch(server) as w:
        await w.up()
        _, actions = await links(server)
        answer = asyncio.gather(w.node.list_action({"Action": "QueueStatus"}))
        actions.answer(
            await actions.expect("QueueStatus"), "Response: Error", "Message: Permission denied"
        )
        with pytest.raises(ManagerException, match="Permission denied"):
            await answer


async def test_a_deadline_and_an_unsafe_value_are_errors_of_their_own() -> None:
    async with FakeAmi() as server, watch(server) as w:
        await w.up()
        with pytest.raises(ActionTimeoutError):
            await w.node.action({"Action": "Status"}, timeout=0.02)
        with pytest.raises(UnsafeActionError):
            await w.node.action({"Action": "Setvar", "Value": "a\nb"})
        assert w.node.up


async def test_run_can_live_in_a_task_group_and_ends_with_it() -> None:
    async with FakeAmi() as server:
        w = Watch(server, QUICK)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(w.node.run())
            await w.up()
            running.cancel()
        assert w.told[-1] == ("down", "closed")
        await until(lambda: all(link.actions[-1].name == "Logoff" for link in server.links))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=pbx"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


async def test_both_links_run_over_tls(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    async with FakeAmi(tls=tls) as server, watch(server, ssl_context=trusting) as w:
        await w.up()
        assert (await w.node.action({"Action": "Ping"})).ok


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    certificate: tuple[Path, Path],
) -> None:
    cert, key = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    wary = ssl.create_default_context()
    async with FakeAmi(tls=tls) as server, watch(server, ssl_context=wary) as w:
        await until(lambda: w.backoff.delays)
        assert w.told == []
        assert all(not link.actions for link in server.links)

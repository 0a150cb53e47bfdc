"""The dialplan on a real Asterisk: what the law wants happens with nobody's help, and a call has one class.

No test speaks to the PBX after a call has been placed (or joined) unless the test is about just that: the server may
be dead for all the dialplan knows.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind
from dialer.testbed import AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports
from tests.support.asterisk_calls import ITALY, USA, Call, attempt_id, place
from tests.support.raw_ami import Message, RawAmi, connected
from tests.support.rtp_tap import Packet, tapped

pytestmark = pytest.mark.asterisk

SILENT = FarEndBehaviour(FarEndKind.SILENT_PERSON, ring_seconds=0.2)
NOISE_AT_MOST = 250  # loudness of the comfort noise; speech of the messages is over 1,000
SPEECH_AT_LEAST = 1000
_codes = itertools.count(5001)


@dataclass
class Switch:
    """Both servers' links, and agents logged in on demand."""

    pair: AsteriskPair
    pbx: RawAmi
    far: RawAmi

    async def agent(self) -> Agent:
        return (await self.agents(1))[0]

    async def agents(self, count: int) -> list[Agent]:
        codes = [str(next(_codes)) for _ in range(count)]
        phones = await asyncio.to_thread(self.pair.login_agents, codes)
        arrived = [await self.pbx.event("DialerAgentIn", Agent=code) for code in codes]
        return [
            Agent(self, code, phones[code], leg["Uniqueid"], leg["Channel"])
            for code, leg in zip(codes, arrived, strict=True)
        ]

    async def place(
        self, behaviour: FarEndBehaviour, variables: dict[str, str], trunk: str = "far-end"
    ) -> Call:
        return await place(self.pbx, behaviour, variables, trunk=trunk, ring_timeout_ms=3000)

    async def far_channel(self, call: Call) -> str:
        """The customer's own channel, on the far end."""
        port = await call.audio_port()
        for message in reversed(self.far.all("Newchannel")):
            if message["Exten"] == call.number:
                asked = (("Channel", message["Channel"]), ("Variable", "CHANNEL(rtp,src)"))
                if (await self.far.send("Getvar", *asked)).get("Value", "").endswith(f":{port}"):
                    return message["Channel"]
        raise AssertionError(f"no far-end channel for {call.number}")


@dataclass
class Agent:
    switch: Switch
    code: str
    phone: str
    leg_id: str
    channel: str

    async def audio_port(self) -> int:
        asked = (("Channel", self.channel), ("Variable", "CHANNEL(rtp,dest)"))
        reply = await self.switch.pbx.send("Getvar", *asked)
        return int(reply["Value"].rpartition(":")[2])

    async def back(self, times: int = 1) -> Message:
        """The leg's return from its first (second...) talk."""
        pbx = self.switch.pbx
        message = await pbx.event("DialerAgentBack", Agent=self.code)
        for _ in range(times - 1):
            after = pbx.events.index(message) + 1
            message = await pbx.event("DialerAgentBack", after=after, Agent=self.code)
        return message

    def backs(self) -> list[Message]:
        return self.switch.pbx.all("DialerAgentBack", Agent=self.code)


@pytest.fixture
async def switch(asterisk_pair: AsteriskPair) -> AsyncIterator[Switch]:
    async with (
        connected(asterisk_pair.pbx.ami) as pbx,
        connected(asterisk_pair.far_end.ami) as far,
    ):
        yield Switch(asterisk_pair, pbx, far)
        for link, events in ((far, far.all("FarAgentUp")), (pbx, pbx.all("DialerWaiting"))):
            for event in events:
                await link.send("Hangup", ("Channel", event["Channel"]))


def loud(packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if packet.loudness >= SPEECH_AT_LEAST]


def longest_gap(packets: list[Packet]) -> float:
    return max(after.at - before.at for before, after in itertools.pairwise(packets))


# --- the limit, with nobody's help --------------------------------------------------------------------------------


async def test_italy_noise_from_the_moment_of_answer_and_a_cut_before_three_seconds(
    switch: Switch,
) -> None:
    with tapped() as tap:
        call = await switch.place(SILENT, ITALY)
        up, port = await call.answered(), await call.audio_port()
        abandoned, end = await call.event("DialerAbandoned"), await call.ended()
    assert abandoned["Action"] == "hangup"
    assert 2.9 < abandoned.at - up.at < 3.0
    assert end.at - up.at < 3.0
    heard = tap.to(port)
    assert heard[0].at - up.at < 0.1
    assert longest_gap(heard) < 0.08
    assert len(heard) >= 0.95 * 50 * (end.at - up.at)
    assert all(20 < packet.loudness < NOISE_AT_MOST for packet in heard)
    assert await call.fate() == "abandoned"


async def test_usa_the_message_starts_within_two_seconds(switch: Switch) -> None:
    with tapped() as tap:
        call = await switch.place(SILENT, USA)
        up, port = await call.answered(), await call.audio_port()
        abandoned, end = await call.event("DialerAbandoned"), await call.ended()
    assert abandoned["Action"] == "message"
    assert 1.9 < abandoned.at - up.at < 2.0
    assert end.at - abandoned.at > 4
    speech = loud(tap.to(port))
    assert len(speech) > 50
    assert abandoned.at <= speech[0].at < abandoned.at + 0.25
    assert await call.fate() == "abandoned"


async def test_without_a_limit_the_dialplan_takes_two_seconds(switch: Switch) -> None:
    call = await switch.place(SILENT, {"DIALER_NOISE": "dialer-noise"})
    up, abandoned = await call.answered(), await call.event("DialerAbandoned")
    assert 1.9 < abandoned.at - up.at < 2.1


async def test_a_person_can_refuse_further_calls_during_the_message(switch: Switch) -> None:
    call = await switch.place(SILENT, USA | {"DIALER_OPT_OUT": "9"})
    await call.event("DialerAbandoned")
    customer = await switch.far_channel(call)
    await switch.far.send("PlayDTMF", ("Channel", customer), ("Digit", "9"), ("Duration", "120"))
    assert (await call.event("DialerOptOut"))["Digit"] == "9"
    await call.ended()
    assert await call.fate() == "abandoned"


async def test_a_person_who_hangs_up_waiting_is_not_abandoned_by_the_dialplan(
    switch: Switch,
) -> None:
    quick = FarEndBehaviour(FarEndKind.HANGS_UP_WAITING, talk_seconds=0.7)
    call = await switch.place(quick, ITALY)
    up, end = await call.answered(), await call.ended()
    assert 0.6 < end.at - up.at < 0.9
    assert not call.all("DialerAbandoned")
    assert await call.fate() == ""


async def test_old_fates_are_swept_and_young_ones_kept(switch: Switch) -> None:
    server = switch.pair.pbx
    old, young = attempt_id(time.time() - 3 * 86_400), attempt_id(time.time() - 86_400)
    for key in (old, young):
        server.cli(f"database put dialer-fate {key} abandoned")
    server.cli("dialplan set global DIALER_SWEEP_ONE_IN 1")
    call = await switch.place(SILENT, ITALY)
    await call.ended()
    server.cli("dialplan set global DIALER_SWEEP_ONE_IN 50")
    assert [await Call(switch.pbx, key, "").fate() for key in (old, young, call.id)] == [
        "",
        "abandoned",
        "abandoned",
    ]


# --- a talk -------------------------------------------------------------------------------------------------------


async def test_a_talk_outlives_the_limit_and_ends_by_the_customer_without_a_message(
    switch: Switch,
) -> None:
    agent = await switch.agent()
    leaver = FarEndBehaviour(FarEndKind.SILENT_PERSON, ring_seconds=0.1, talk_seconds=5)
    with tapped() as tap:
        call = await switch.place(leaver, USA)
        up = await call.event("DialerWaiting")
        port = await call.audio_port()
        await call.join(agent.code)
        talk = await call.talking(agent.code)
        over, end, back = (
            await call.event("DialerTalkEnded"),
            await call.ended(),
            await agent.back(),
        )
    assert talk.at - up.at < 0.5
    assert over.at - up.at > 4.8
    assert over["Agent"] == agent.code
    assert back.at - over.at < 0.5
    assert not call.all("DialerAbandoned")
    assert await call.fate() == ""
    assert [packet for packet in tap.to(port) if packet.at > end.at + 0.1] == []
    await switch.pbx.event(
        "BridgeEnter",
        after=switch.pbx.events.index(back),
        Uniqueid=agent.leg_id,
        BridgeTechnology="holding_bridge",
    )


async def test_a_talk_that_the_agents_phone_ends_ends_without_a_message(switch: Switch) -> None:
    agent = await switch.agent()
    with tapped() as tap:
        call = await switch.place(SILENT, USA)
        await call.event("DialerWaiting")
        port = await call.audio_port()
        await call.join(agent.code)
        talk = await call.talking(agent.code)
        await switch.far.send("Hangup", ("Channel", agent.phone))
        over, end = await call.event("DialerTalkEnded"), await call.ended()
    assert over.at - talk.at < 1
    assert end.at - over.at < 0.1
    assert not call.all("DialerAbandoned")
    gone = await switch.pbx.event("Hangup", Uniqueid=agent.leg_id)
    assert (gone["Context"], gone["Exten"]) == ("dialer-agent", agent.code)
    assert [packet for packet in loud(tap.to(port)) if packet.at > over.at] == []


async def test_the_server_ends_a_talk_and_keeps_the_agent(switch: Switch) -> None:
    agent = await switch.agent()
    for turn in (1, 2):
        call = await switch.place(SILENT, ITALY)
        await call.event("DialerWaiting")
        await call.join(agent.code)
        await call.talking(agent.code)
        await switch.pbx.send("Hangup", ("Channel", call.id), ("Cause", "16"))
        await call.event("DialerTalkEnded")
        await call.ended()
        await agent.back(turn)
    assert len(agent.backs()) == 2


async def test_an_agent_in_a_talk_is_not_pulled_out_of_it(switch: Switch) -> None:
    busy, free = await switch.agents(2)
    first = await switch.place(SILENT, ITALY)
    await first.event("DialerWaiting")
    await first.join(busy.code)
    await first.talking(busy.code)
    second = await switch.place(SILENT, ITALY)
    up = await second.answered()
    await second.event("DialerWaiting")
    await second.join(busy.code)
    failed = await second.event("DialerBridgeFailed")
    assert (failed["Agent"], failed["Result"]) == (busy.code, "NOAGENT")
    assert not first.all("DialerTalkEnded")
    await second.join(free.code)
    await second.talking(free.code)
    third = await switch.place(SILENT, ITALY)
    up = await third.answered()
    await third.event("DialerWaiting")
    await third.join(busy.code)
    await third.event("DialerBridgeFailed")
    abandoned = await third.event("DialerAbandoned")
    assert 2.9 < abandoned.at - up.at < 3.0
    assert not first.all("DialerTalkEnded")


async def test_an_agent_who_has_gone_leaves_the_customer_in_the_wait(switch: Switch) -> None:
    gone, here = await switch.agents(2)
    await switch.far.send("Hangup", ("Channel", gone.phone))
    await switch.pbx.event("Hangup", Uniqueid=gone.leg_id)
    call = await switch.place(SILENT, ITALY)
    await call.event("DialerWaiting")
    await call.join(gone.code)
    assert (await call.event("DialerBridgeFailed"))["Result"] in {"NONEXISTENT", "NOAGENT"}
    await call.join(here.code)
    await call.talking(here.code)


async def test_digits_pass_both_ways(switch: Switch) -> None:
    agent = await switch.agent()
    call = await switch.place(SILENT, ITALY)
    await call.event("DialerWaiting")
    customer = await switch.far_channel(call)
    await call.join(agent.code)
    await call.talking(agent.code)
    for sender, digit, receiver in ((customer, "5", agent.phone), (agent.phone, "7", customer)):
        sent = (("Channel", sender), ("Digit", digit), ("Duration", "150"))
        assert (await switch.far.send("PlayDTMF", *sent))["Response"] == "Success"
        await switch.far.event("DTMFEnd", Channel=receiver, Digit=digit, Direction="Received")


async def test_the_connect_tone_is_the_agents_alone_and_delays_no_word(switch: Switch) -> None:
    agent = await switch.agent()
    talker = FarEndBehaviour(FarEndKind.PERSON, ring_seconds=0.2, talk_seconds=1)
    with tapped() as tap:
        call = await switch.place(talker, ITALY | {"DIALER_TONE": "1"})
        await call.event("DialerWaiting")
        customer_port, agent_port = await call.audio_port(), await agent.audio_port()
        await call.join(agent.code)
        talk = await call.talking(agent.code)
        await call.event("DialerTalkEnded")
    agent_hears = [p for p in tap.to(agent_port) if p.at > talk.at]
    customer_hears = [p for p in tap.to(customer_port) if p.at > talk.at]
    tone = [p for p in agent_hears if p.tone(880) > 2000]
    assert tone
    assert tone[0].at - talk.at < 0.4
    assert not [p for p in customer_hears if p.tone(880) > 500]
    assert loud(agent_hears)[0].at - talk.at < 0.06
    assert longest_gap(agent_hears[:40]) < 0.06


# --- the race of the join against the limit --------------------------------------------------------------------------


async def test_a_hundred_joins_around_the_limit_give_every_call_one_class(switch: Switch) -> None:
    """The join is sent from 25 ms before the limit to 25 ms after it; no guard interval is used."""
    agents = await switch.agents(20)
    short = USA | {"DIALER_LIMIT_MS": "700", "DIALER_MESSAGE": "dialer/connect"}

    async def race(agent: Agent, offset: float) -> tuple[str, Call]:
        call = await switch.place(SILENT, short)
        up = await call.answered()
        await asyncio.sleep(up.at + 0.7 + offset - time.time())
        await call.join(agent.code)
        talk = asyncio.create_task(
            call.event("BridgeEnter", BridgeTechnology="simple_bridge", timeout=60)
        )
        lost = asyncio.create_task(call.event("DialerAbandoned", timeout=60))
        done, rest = await asyncio.wait({talk, lost}, return_when=asyncio.FIRST_COMPLETED)
        for other in rest:
            other.cancel()
        for first in done:
            first.result()
        if talk in done:
            await switch.pbx.send("Hangup", ("Channel", call.id))
            await agent.back()
        await call.ended()
        return ("talk" if talk in done else "abandoned"), call

    results: list[tuple[str, Call]] = []
    offsets = [(i - 49.5) / 49.5 * 0.025 for i in range(100)]
    for turn in range(5):
        some = [race(agent, offsets[turn + 5 * i]) for i, agent in enumerate(agents)]
        results += await asyncio.gather(*some)

    for kind, call in results:
        talks = call.all("BridgeEnter")
        assert (len(call.all("DialerAbandoned")), len(talks)) == (
            (0, 1) if kind == "talk" else (1, 0)
        )
        assert len(call.all("DialerTalkEnded")) == len(talks)
        assert await call.fate() == ("" if kind == "talk" else "abandoned")
    kinds = [kind for kind, _ in results]
    assert kinds.count("talk") >= 10
    assert kinds.count("abandoned") >= 10


async def test_a_join_that_comes_in_the_message_does_not_stop_it(switch: Switch) -> None:
    agent = await switch.agent()
    call = await switch.place(SILENT, USA)
    await call.event("DialerAbandoned")
    await call.join(agent.code)
    await call.ended()
    assert len(call.all("DialerAbandoned")) == 1
    assert not call.all("BridgeEnter")
    assert not agent.backs()


# --- answering machines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FarEndKind.GREETS_THEN_SILENT, "HUMAN"),
        (FarEndKind.VOICEMAIL, "MACHINE"),
        (FarEndKind.FAX, "MACHINE"),
        (FarEndKind.SILENT_PERSON, "NOTSURE"),
    ],
)
async def test_what_answered_is_told_before_the_limit(
    switch: Switch, kind: FarEndKind, status: str
) -> None:
    with tapped() as tap:
        call = await switch.place(
            FarEndBehaviour(kind, ring_seconds=0.2), ITALY | {"DIALER_AMD": "1"}
        )
        up, port = await call.answered(), await call.audio_port()
        screened, end = await call.event("DialerScreened"), await call.ended()
    assert screened["Status"] == status, screened["Cause"]
    assert screened.at - up.at < 2.5
    assert (screened["Cause"] == "FAX") == (kind is FarEndKind.FAX)
    person = status != "MACHINE"
    assert len(call.all("DialerWaiting")) == len(call.all("DialerAbandoned")) == person
    assert end.at - up.at < 3.0
    heard = tap.to(port)
    assert heard[0].at - up.at < 0.1
    assert longest_gap(heard) < 0.1
    assert all(packet.loudness < NOISE_AT_MOST for packet in heard)


async def test_detection_works_where_the_profile_allows_silence(switch: Switch) -> None:
    person = FarEndBehaviour(FarEndKind.GREETS_THEN_SILENT, ring_seconds=0.2)
    call = await switch.place(person, USA | {"DIALER_AMD": "1", "DIALER_NOISE": ""})
    assert (await call.event("DialerScreened"))["Status"] == "HUMAN"
    await call.event("DialerAbandoned")


async def test_an_unknown_noise_class_does_not_shorten_the_wait(switch: Switch) -> None:
    call = await switch.place(SILENT, ITALY | {"DIALER_NOISE": "no-such-class"})
    up, abandoned = await call.answered(), await call.event("DialerAbandoned")
    assert 2.9 < abandoned.at - up.at < 3.0


# --- the far end and its numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sip_code", "cause"), [(486, "17"), (404, "1"), (503, "34"), (603, "21"), (480, "19")]
)
async def test_a_number_that_refuses(switch: Switch, sip_code: int, cause: str) -> None:
    call = await switch.place(FarEndBehaviour(FarEndKind.REFUSES, sip_code=sip_code), ITALY)
    assert (await call.ended())["Cause"] == cause


@pytest.mark.parametrize(
    ("kind", "trunk", "rings"),
    [
        (FarEndKind.RINGS_OUT, "far-end", 1),
        (FarEndKind.NO_REPLY, "far-end", 0),
        (FarEndKind.PERSON, "far-end-dead", 0),
    ],
)
async def test_a_number_that_never_answers(
    switch: Switch, kind: FarEndKind, trunk: str, rings: int
) -> None:
    call = await switch.place(FarEndBehaviour(kind), ITALY, trunk)
    end = await call.ended()
    assert end["Cause"] in {"0", "19"}
    assert len([m for m in call.all("Newstate") if m["ChannelStateDesc"] == "Ringing"]) == rings
    assert not [m for m in call.all("Newstate") if m["ChannelStateDesc"] == "Up"]


@pytest.mark.parametrize("kind", [FarEndKind.PERSON, FarEndKind.LATE_PERSON])
async def test_the_far_ends_record_agrees(switch: Switch, kind: FarEndKind) -> None:
    person = FarEndBehaviour(kind, ring_seconds=0.5, talk_seconds=1, serial=4321)
    call = await switch.place(person, ITALY)
    up, end = await call.answered(), await call.ended()
    started = (await call.event("Newchannel")).at
    assert 0.45 < up.at - started < 0.8
    [row] = [row for row in switch.pair.far_end.cdr() if row.number == call.number]
    assert row.disposition == "ANSWERED"
    assert row.talk_seconds == pytest.approx(1.0, abs=0.1)
    assert row.answer_at is not None
    assert row.answer_at.timestamp() == pytest.approx(up.at, abs=0.05)
    assert row.end_at.timestamp() == pytest.approx(end.at, abs=0.1)


# --- privileges ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        ("Command", (("Command", "core show version"),)),
        ("DBPut", (("Family", "x"), ("Key", "y"), ("Val", "z"))),
        ("GetConfig", (("Filename", "manager.conf"),)),
        ("Reload", ()),
        (
            "Originate",
            (("Channel", "Local/1@x"), ("Application", "System"), ("Data", "true")),
        ),
    ],
)
async def test_the_dialers_user_may_not(
    switch: Switch, action: str, headers: tuple[tuple[str, str], ...]
) -> None:
    reply = await switch.pbx.send(action, *headers)
    assert reply["Response"] == "Error"


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_pair() -> Iterator[AsteriskPair]:
    """A pair to break."""
    pair = pair_for(f"broken-{os.getpid()}", free_ports())
    if isinstance(pair, Unavailable):
        pytest.skip(pair.reason)
    try:
        pair.up()
        yield pair
    finally:
        pair.remove()


async def test_legs_of_a_far_end_that_died_end_by_themselves(own_pair: AsteriskPair) -> None:
    async with connected(own_pair.pbx.ami) as pbx:
        await asyncio.to_thread(own_pair.login_agents, ["101"])
        agent = await pbx.event("DialerAgentIn")
        call = await place(pbx, SILENT, ITALY)
        await call.event("DialerWaiting")
        await call.join("101")
        await call.talking("101")
        own_pair.far_end.kill()
        await call.ended(timeout=40)
        assert not call.all("DialerAbandoned")
        await pbx.event("Hangup", timeout=60, Uniqueid=agent["Uniqueid"])


async def test_a_pbx_that_crashed_comes_back_and_still_knows_the_fates(
    own_pair: AsteriskPair,
) -> None:
    async with connected(own_pair.pbx.ami) as pbx:
        first = await place(pbx, SILENT, USA | {"DIALER_LIMIT_MS": "300"})
        await first.event("DialerAbandoned")
        await first.ended()
    own_pair.pbx.kill()
    assert own_pair.status() == {"pbx": False, "far_end": True}
    own_pair.pbx.start()
    async with connected(own_pair.pbx.ami) as pbx:
        assert await Call(pbx, first.id, "").fate() == "abandoned"
        second = await place(pbx, SILENT, ITALY)
        await second.event("DialerAbandoned")

"""AMI messages to events: small literal messages, one meaning each; and the exchange's clock on ours."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from dialer.ami_events import EventTranslator, ExchangeClock, is_call_id
from dialer.calls import Call, apply, outcome_of
from dialer.events import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentReturned,
    BridgeFailed,
    CallAbandoned,
    CallAnswered,
    CallBridged,
    CallEnded,
    CallEvent,
    CallRefused,
    CallRinging,
    CallScreened,
    CallWaiting,
    Event,
    Screening,
    TalkEnded,
)
from dialer.ids import AgentId, CallId
from dialer.leads import Outcome
from tests.support.playbook import START, at, order

CALL = CallId("01980000-0000-7000-8000-000000000001")
OTHER = CallId("01980000-0000-7000-8000-000000000002")
LEG = "1764000000.17"
ANNA = AgentId("101")


@dataclass
class Message:
    """What the translator reads of an AMI event."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)

    def first(self, name: str, default: str = "") -> str:
        return self.headers.get(name, default)


def message(name: str, unique: str = "", **headers: str) -> Message:
    return Message(name, {"Uniqueid": unique, **headers} if unique else headers)


def said(name: str, unique: str = CALL, **headers: str) -> Message:
    return message("UserEvent", unique, UserEvent=name, **headers)


def hears(*messages: Message, translator: EventTranslator | None = None) -> list[Event]:
    """Each message is heard a second after the one before, the first at START."""
    translator = translator or EventTranslator()
    return [
        event
        for seconds, each in enumerate(messages)
        for event in translator.translate(each, at(seconds))
    ]


AGENT_IN = said("DialerAgentIn", LEG, Agent="101", Channel="PJSIP/101-00000007")
NEW = message("Newchannel", CALL)
FAILED = message("OriginateResponse", CALL, Response="Failure", Reason="0")


@pytest.mark.parametrize(
    ("heard", "event"),
    [
        (message("Newstate", CALL, ChannelState="5"), CallRinging(call_id=CALL, at=START)),
        (message("Newstate", CALL, ChannelState="6"), CallAnswered(call_id=CALL, at=START)),
        (said("DialerWaiting"), CallWaiting(call_id=CALL, at=START)),
        (said("DialerAbandoned", Action="hangup"), CallAbandoned(call_id=CALL, at=START)),
        (said("DialerTalkEnded", Agent="101"), TalkEnded(call_id=CALL, at=START)),
        (
            said("DialerScreened", Status="HUMAN"),
            CallScreened(call_id=CALL, verdict=Screening.HUMAN, at=START),
        ),
        (
            said("DialerScreened", Status="MACHINE", Cause="FAX"),
            CallScreened(call_id=CALL, verdict=Screening.MACHINE, at=START),
        ),
        (
            said("DialerScreened", Status="NOTSURE"),
            CallScreened(call_id=CALL, verdict=Screening.UNSURE, at=START),
        ),
        (
            said("DialerScreened"),
            CallScreened(call_id=CALL, verdict=Screening.UNSURE, at=START),
        ),
        (
            said("DialerBridgeFailed", Agent="101", Result="NOAGENT"),
            BridgeFailed(call_id=CALL, agent_id=ANNA, reason="NOAGENT", at=START),
        ),
        (message("Hangup", CALL, Cause="17"), CallEnded(call_id=CALL, cause=17, at=START)),
        (message("Hangup", CALL), CallEnded(call_id=CALL, cause=0, at=START)),
        (message("Hangup", CALL, Cause="?"), CallEnded(call_id=CALL, cause=0, at=START)),
        (
            AGENT_IN,
            AgentLoggedIn(agent_id=ANNA, leg="PJSIP/101-00000007", leg_id=LEG, at=START),
        ),
        (
            said("DialerAgentBack", LEG, Agent="101"),
            AgentReturned(agent_id=ANNA, leg_id=LEG, at=START),
        ),
        (FAILED, CallRefused(call_id=CALL, reason="no_channel", at=START)),
    ],
)
def test_a_message_means_one_event(heard: Message, event: Event) -> None:
    assert hears(heard) == [event]


@pytest.mark.parametrize(
    "heard",
    [
        NEW,
        message("Newstate", CALL, ChannelState="0"),
        message("Newstate", CALL, ChannelState="4"),
        message("Newstate", LEG, ChannelState="6"),
        said("SomethingElse"),
        said("DialerWaiting", LEG),
        said("Login", LEG, Agent="101"),
        message("Hangup", LEG, Cause="16"),
        message("BridgeEnter", LEG, BridgeUniqueid="b"),
        message("BridgeLeave", LEG, BridgeUniqueid="b"),
        message("OriginateResponse", CALL, Response="Success", Reason="4"),
        message("OriginateResponse", LEG, Response="Failure", Reason="1"),
        message("VarSet", CALL, Variable="X", Value="1"),
        message("FullyBooted"),
    ],
)
def test_most_messages_mean_nothing(heard: Message) -> None:
    assert hears(heard) == []


def test_a_ringing_tone_that_comes_as_sound_is_ringing() -> None:
    """183 with early media, in place of 180."""
    heard = hears(
        NEW,
        message("DialState", "", DestUniqueid=CALL, DialStatus="PROCEEDING"),
        message("DialState", "", DestUniqueid=CALL, DialStatus="PROGRESS"),
        message("DialState", "", DestUniqueid=LEG, DialStatus="PROGRESS"),
    )
    assert heard == [CallRinging(call_id=CALL, at=at(2))]


def test_the_hang_up_of_an_agents_leg_logs_the_agent_out_once() -> None:
    ends = message("Hangup", LEG, Cause="16")
    assert hears(AGENT_IN, ends, ends)[1:] == [AgentLoggedOut(agent_id=ANNA, leg_id=LEG, at=at(1))]


# --- the end of a call that failed, in either order -------------------------------------------------------------------


def outcome(*messages: Message) -> Outcome:
    call = Call(order=order(CALL, ring_timeout=timedelta(seconds=1)))
    for event in hears(*messages):
        assert isinstance(event, CallEvent)
        call = apply(call, event)
    return outcome_of(call)


BUSY = message("Hangup", CALL, Cause="17")
UNKNOWN_NUMBER = message("Hangup", CALL, Cause="1")
RANG_OUT = message("Hangup", CALL, Cause="19")
RINGING = message("Newstate", CALL, ChannelState="5")


@pytest.mark.parametrize(
    ("messages", "came_to"),
    [
        ((NEW, BUSY, FAILED), Outcome.BUSY),
        ((NEW, FAILED, BUSY), Outcome.BUSY),
        ((NEW, UNKNOWN_NUMBER, FAILED), Outcome.INVALID_NUMBER),
        ((NEW, FAILED, UNKNOWN_NUMBER), Outcome.INVALID_NUMBER),
        ((NEW, RINGING, RANG_OUT, FAILED), Outcome.NO_ANSWER),
        ((NEW, RINGING, FAILED, RANG_OUT), Outcome.NO_ANSWER),
        ((NEW, RANG_OUT, FAILED), Outcome.UNREACHABLE),
        ((NEW, FAILED, RANG_OUT), Outcome.UNREACHABLE),
        ((FAILED,), Outcome.FAILED),
    ],
)
def test_a_failed_originate_has_the_same_end_in_either_order(
    messages: tuple[Message, ...], came_to: Outcome
) -> None:
    assert outcome(*messages) is came_to


def test_a_call_that_was_up_before_the_link_is_no_refused_one() -> None:
    translator = EventTranslator()
    translator.learn(legs=[(LEG, ANNA)], calls=[CALL])
    assert hears(FAILED, translator=translator) == []
    assert hears(message("Hangup", LEG), translator=translator) == [
        AgentLoggedOut(agent_id=ANNA, leg_id=LEG, at=START)
    ]


# --- bridges ----------------------------------------------------------------------------------------------------------


def enters(unique: str, bridge: str = "b") -> Message:
    return message("BridgeEnter", unique, BridgeUniqueid=bridge)


def leaves(unique: str, bridge: str = "b") -> Message:
    return message("BridgeLeave", unique, BridgeUniqueid=bridge)


@pytest.mark.parametrize("legs", [(CALL, LEG), (LEG, CALL)])
def test_a_talk_begins_when_both_legs_are_in_one_bridge(legs: tuple[str, str]) -> None:
    assert hears(AGENT_IN, enters(legs[0]), enters(legs[1]))[1:] == [
        CallBridged(call_id=CALL, agent_id=ANNA, at=at(2))
    ]


def test_two_legs_in_two_bridges_do_not_talk() -> None:
    assert hears(AGENT_IN, enters(LEG, "own"), enters(CALL, "b"))[1:] == []


def test_the_agents_own_waiting_bridge_is_no_talk_and_leaving_it_is_forgotten() -> None:
    moved = (enters(LEG, "own"), leaves(LEG, "own"), enters(CALL), enters(LEG))
    assert hears(AGENT_IN, *moved)[1:] == [CallBridged(call_id=CALL, agent_id=ANNA, at=at(4))]


def test_the_next_talk_in_a_bridge_is_another_talk() -> None:
    first = (enters(CALL), enters(LEG), leaves(CALL), leaves(LEG))
    second = (enters(OTHER), enters(LEG))
    talks = [event for event in hears(AGENT_IN, *first, *second) if isinstance(event, CallBridged)]
    assert [talk.call_id for talk in talks] == [CALL, OTHER]


def test_customers_alone_in_a_bridge_do_not_talk_with_an_agent() -> None:
    assert hears(enters(CALL), enters(OTHER)) == []


# --- ids --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (CALL, True),
        ("01980000-0000-4000-8000-000000000001", False),  # version 4
        ("01980000-0000-7000-c000-000000000001", False),  # another variant
        (CALL.upper().replace("8", "A"), False),
        (CALL + "\n", False),
        (CALL + ";2", False),
        ("1764000000.17", False),
        ("", False),
    ],
)
def test_our_channels_are_known_by_their_ids(text: str, ours: bool) -> None:
    assert is_call_id(text) == ours


# --- the exchange's clock ---------------------------------------------------------------------------------------------


def stamp(seconds: float) -> str:
    return f"{START.timestamp() + seconds:.6f}"


@pytest.mark.parametrize("skew", [0.0, 10.0, -10.0, 3600.0, -86400.0])
def test_a_clock_that_is_off_does_not_move_what_lies_between_two_events(skew: float) -> None:
    clock = ExchangeClock()
    clock.at(stamp(skew), at(0.001))
    answered = clock.at(stamp(5 + skew), at(5.4))  # heard late
    waiting = clock.at(stamp(5.2 + skew), at(5.4))
    assert (waiting - answered) / timedelta(seconds=1) == pytest.approx(0.2, abs=1e-4)
    assert (answered - at(5.001)) / timedelta(seconds=1) == pytest.approx(0, abs=1e-4)


def test_nothing_happens_after_it_was_heard() -> None:
    clock = ExchangeClock()
    for seconds, delay in ((0, 0.5), (1, 0.1), (2, 0.9), (3, 0.0), (4, 0.2)):
        heard = at(seconds + delay)
        assert clock.at(stamp(seconds), heard) <= heard


@pytest.mark.parametrize("text", ["", "yesterday", "12:00"])
def test_without_a_stamp_it_happened_when_it_was_heard(text: str) -> None:
    assert ExchangeClock().at(text, START) == START


def test_a_clock_that_is_set_right_is_believed_once_the_old_events_are_forgotten() -> None:
    """The exchange's clock, 10 s ahead, is set right: for `memory` events instants are early, never late; then exact."""
    clock = ExchangeClock(memory=5)
    for seconds in range(5):
        clock.at(stamp(seconds + 10), at(seconds))
    instants = [clock.at(stamp(seconds), at(seconds)) for seconds in range(5, 15)]
    assert all(instant <= at(seconds) for seconds, instant in enumerate(instants, start=5))
    assert instants[-1] == at(14)


def test_an_answer_keeps_its_instant_through_the_translator() -> None:
    translator = EventTranslator()
    early = message("Newstate", CALL, ChannelState="5", Timestamp=stamp(-7))
    late = message("Newstate", CALL, ChannelState="6", Timestamp=stamp(-4))
    (rings,) = translator.translate(early, at(0))
    (answers,) = translator.translate(late, at(3.5))
    assert (rings.at, answers.at) == (at(0), at(3))

"""The simulated public of the test pair does what the dialled number says."""

from dataclasses import replace
from math import inf

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.simulator.far_end import NETWORK_SECONDS, FarEnd
from dialer.simulator.people import Behaviour
from dialer.simulator.scenario import LOSSLESS
from dialer.simulator.switch import Channel, Order, Watcher
from dialer.simulator.world import World

K = FarEndKind


@pytest.mark.parametrize(
    ("orders", "behaviour", "ring", "stay"),
    [
        (FarEndBehaviour(K.PERSON, 1.5, 5), Behaviour.PERSON, 1.5, 5),
        (FarEndBehaviour(K.LATE_PERSON, 17.5, 20), Behaviour.PERSON, 17.5, 20),
        (FarEndBehaviour(K.SILENT_PERSON, 0.0, None), Behaviour.PERSON, 0.0, inf),
        (FarEndBehaviour(K.HANGS_UP_WAITING, talk_seconds=0.7), Behaviour.PERSON, 0.0, 0.7),
        (FarEndBehaviour(K.VOICEMAIL, 3.0, 10), Behaviour.MACHINE, 3.0, 10),
        (FarEndBehaviour(K.RINGS_OUT), Behaviour.NO_ANSWER, inf, inf),
        (FarEndBehaviour(K.REFUSES, sip_code=486), Behaviour.BUSY, 0.0, inf),
        (FarEndBehaviour(K.REFUSES, sip_code=503), Behaviour.CONGESTED, 0.0, inf),
        (FarEndBehaviour(K.UNALLOCATED), Behaviour.INVALID, 0.0, inf),
    ],
)
def test_a_number_is_met_as_it_says(
    orders: FarEndBehaviour, behaviour: Behaviour, ring: float, stay: float
) -> None:
    met = FarEnd().meet(encode(orders), 1, 0.0)
    assert (met.behaviour, met.ring, met.stay) == (behaviour, ring, stay)
    assert met.post_dial == NETWORK_SECONDS


def test_another_pace_changes_the_way_to_the_answer_and_nothing_else() -> None:
    number = encode(FarEndBehaviour(K.LATE_PERSON, 17.5, 20))
    met, halved = FarEnd().meet(number, 1, 0.0), FarEnd(pace=0.5).meet(number, 1, 0.0)
    assert (halved.ring, halved.post_dial) == (met.ring / 2, met.post_dial / 2)
    assert halved.stay == met.stay


class Ends(Watcher):
    """When customers' channels ended."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.at: dict[str, float] = {}

    def closed(self, channel: Channel) -> None:
        assert self.world is not None
        self.at[channel.unique_id] = self.world.now


@pytest.mark.parametrize("bridged", [False, True])
def test_a_person_stays_so_long_from_the_answer_in_a_talk_or_not(bridged: bool) -> None:
    """As on the far end: the wait for an agent is no gift."""
    number = encode(FarEndBehaviour(K.PERSON, 1.5, 5))
    ends = Ends()
    world = World(replace(LOSSLESS, agents=1), ends, seed=1, people=FarEnd())
    ends.world = world
    limit = {"DIALER_LIMIT_MS": "60000"}
    world.originate(
        Order(unique_id="a", number=number, endpoint="trunk", timeout=30.0, variables=limit)
    )
    world.advance_to(3.5)
    if bridged:
        world.redirect("a", str(LOSSLESS.first_code))
    world.advance_to(20.0)
    assert ends.at["a"] == pytest.approx(1.5 + 5.0 + NETWORK_SECONDS, abs=0.01)

"""The simulated public of the test pair does what the dialled number says."""

from math import inf

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.simulator.far_end import NETWORK_SECONDS, FarEnd
from dialer.simulator.people import Behaviour

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

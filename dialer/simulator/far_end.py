"""The public of the test pair, simulated: the dialled number says what happens, as asterisk_conf/numbering.py has it."""

from math import inf

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, decode
from dialer.simulator.people import Behaviour, Encounter

NETWORK_SECONDS = 0.01
"""From the order to the far end's first word, on a network that takes no time."""

BEHAVIOURS = {
    FarEndKind.VOICEMAIL: Behaviour.MACHINE,
    FarEndKind.FAX: Behaviour.FAX,
    FarEndKind.RINGS_OUT: Behaviour.NO_ANSWER,
    FarEndKind.NO_REPLY: Behaviour.DEAD,
    FarEndKind.UNALLOCATED: Behaviour.INVALID,
}
REFUSALS = {
    403: Behaviour.REJECTED,
    404: Behaviour.INVALID,
    410: Behaviour.INVALID,
    484: Behaviour.INVALID,
    486: Behaviour.BUSY,
    603: Behaviour.REJECTED,
}
"""By SIP code; the others say that the network cannot carry the call."""


class FarEnd:
    """People who behave as the dialled number orders, at every attempt alike.

    `pace` stretches the seconds between the order and the answer (1: as the number says). Screening is not played: every
    answer counts as a person's.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        """Raises ValueError for a number that is none of the far end's."""
        orders = decode(number)
        network = NETWORK_SECONDS * self._pace
        if not orders.answers:
            behaviour = _unanswered(orders)
            ring = inf if behaviour is Behaviour.NO_ANSWER else 0.0
            return Encounter(behaviour=behaviour, post_dial=network, ring=ring)
        return Encounter(
            behaviour=BEHAVIOURS.get(orders.kind, Behaviour.PERSON),
            post_dial=network,
            ring=orders.ring_seconds * self._pace,
            stay=inf if orders.talk_seconds is None else orders.talk_seconds,
            talk=inf,
        )


def _unanswered(orders: FarEndBehaviour) -> Behaviour:
    """What becomes of a call that nobody answers."""
    if orders.kind is FarEndKind.REFUSES:
        return REFUSALS.get(orders.sip_code or 0, Behaviour.CONGESTED)
    return BEHAVIOURS[orders.kind]

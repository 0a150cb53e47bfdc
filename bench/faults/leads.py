"""The people that a moment's campaign rings: every way in which a call can go, in an order of chance, each number once."""

from __future__ import annotations

import random
from collections import Counter

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.leads import NewLead
from tests.support.live_server import CAMPAIGN

K = FarEndKind
MIX: tuple[tuple[int, FarEndBehaviour], ...] = (
    (3, FarEndBehaviour(K.PERSON, 0.5, 3)),
    (3, FarEndBehaviour(K.PERSON, 2.0, 5)),
    (3, FarEndBehaviour(K.PERSON, 4.0, 10)),
    (1, FarEndBehaviour(K.GREETS_THEN_SILENT, 1.0, 5)),
    (1, FarEndBehaviour(K.SILENT_PERSON, 1.5, 5)),
    (1, FarEndBehaviour(K.HANGS_UP_WAITING, talk_seconds=1.2)),
    (2, FarEndBehaviour(K.VOICEMAIL, 1.0, 10)),
    (3, FarEndBehaviour(K.RINGS_OUT)),
    (1, FarEndBehaviour(K.REFUSES, sip_code=486)),
    (1, FarEndBehaviour(K.REFUSES, sip_code=503)),
    (1, FarEndBehaviour(K.NO_REPLY)),
)
_PACK = [behaviour for count, behaviour in MIX for _ in range(count)]


class Public:
    """Numbers that were never given out before, by this object."""

    def __init__(self) -> None:
        self._serials: Counter[FarEndBehaviour] = Counter()

    def leads(self, count: int, chance: random.Random) -> list[NewLead]:
        """In every twenty the whole mix."""
        found: list[NewLead] = []
        while len(found) < count:
            found += [self._lead(each) for each in chance.sample(_PACK, len(_PACK))]
        return found[:count]

    def _lead(self, behaviour: FarEndBehaviour) -> NewLead:
        self._serials[behaviour] += 1
        number = FarEndBehaviour(
            behaviour.kind,
            behaviour.ring_seconds,
            behaviour.talk_seconds,
            behaviour.sip_code,
            serial=self._serials[behaviour],
        )
        return NewLead(campaign_id=CAMPAIGN, phone=encode(number))

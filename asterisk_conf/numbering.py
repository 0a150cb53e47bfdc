"""What the far end does with a call, written into the number that is dialled.

The last eight digits of a number are `F PPP SSSS`: family, three digits of parameters, serial. Whatever stands before
them is not looked at. `docs/reference/far-end-numbers.md` has the table; `far_end/extensions.conf` obeys it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "+39069"
"""Before the eight digits: fixed lines of Rome, valid for every family."""

SERIALS = 10_000
TALK_SECONDS: tuple[int | None, ...] = (None, 1, 2, 3, 5, 10, 20, 30, 60, 120)
"""By talk code; None: until the other side hangs up."""

SIP_CODES = (403, 404, 410, 480, 484, 486, 488, 500, 502, 503, 603)
MAX_RING_TENTHS = 99
MAX_LATE_HALVES = 99


class FarEndKind(StrEnum):
    PERSON = "person"
    GREETS_THEN_SILENT = "greets_then_silent"
    SILENT_PERSON = "silent_person"
    HANGS_UP_WAITING = "hangs_up_waiting"
    VOICEMAIL = "voicemail"
    FAX = "fax"
    RINGS_OUT = "rings_out"
    REFUSES = "refuses"
    NO_REPLY = "no_reply"
    UNALLOCATED = "unallocated"
    LATE_PERSON = "late_person"


FAMILIES: tuple[FarEndKind, ...] = tuple(FarEndKind)[:10]
"""By their digit. LATE_PERSON shares the digit of RINGS_OUT, whose ringing it ends."""

_RINGS_AND_TALKS = FAMILIES[:3] + FAMILIES[4:6]
_ANSWERS = (*FAMILIES[:6], FarEndKind.LATE_PERSON)


@dataclass(frozen=True, slots=True)
class FarEndBehaviour:
    """One number's behaviour. A field that its kind has no use for keeps its default.

    `ring_seconds` (tenths, up to 9.9) passes before the answer, `talk_seconds` (one of TALK_SECONDS) from the answer to
    the far end's hang-up; for HANGS_UP_WAITING `talk_seconds` is any number of tenths up to 99.9, for LATE_PERSON
    `ring_seconds` is 0.5 to 49.5 in steps of 0.5.
    """

    kind: FarEndKind
    ring_seconds: float = 0.0
    talk_seconds: float | None = None
    sip_code: int | None = None
    serial: int = 0

    @property
    def answers(self) -> bool:
        return self.kind in _ANSWERS


def encode(behaviour: FarEndBehaviour, prefix: str = PREFIX) -> str:
    """The E.164 number, with its plus sign, that behaves so. ValueError where no number can say it."""
    if not 0 <= behaviour.serial < SERIALS:
        raise ValueError(f"serial {behaviour.serial} is not below {SERIALS}")
    late = behaviour.kind is FarEndKind.LATE_PERSON
    family = FAMILIES.index(FarEndKind.RINGS_OUT if late else behaviour.kind)
    return f"{prefix}{family}{_parameters(behaviour):03}{behaviour.serial:04}"


def _parameters(behaviour: FarEndBehaviour) -> int:
    if behaviour.kind in _RINGS_AND_TALKS:
        return 10 * _tenths(behaviour.ring_seconds, MAX_RING_TENTHS) + _talk_code(behaviour)
    if behaviour.kind is FarEndKind.LATE_PERSON:
        return 10 * _halves(behaviour.ring_seconds) + _talk_code(behaviour)
    if behaviour.kind is FarEndKind.HANGS_UP_WAITING:
        return _tenths(behaviour.talk_seconds or 0.0, 999)
    if behaviour.kind is FarEndKind.REFUSES:
        if behaviour.sip_code not in SIP_CODES:
            raise ValueError(f"the far end cannot refuse with {behaviour.sip_code}")
        return behaviour.sip_code
    return 0


def _tenths(seconds: float, most: int) -> int:
    tenths = round(seconds * 10)
    if not 0 <= tenths <= most or abs(tenths - seconds * 10) > 1e-6:
        raise ValueError(f"{seconds} s is no number of tenths up to {most / 10} s")
    return tenths


def _halves(seconds: float) -> int:
    halves = round(seconds * 2)
    if not 1 <= halves <= MAX_LATE_HALVES or halves != seconds * 2:
        raise ValueError(f"{seconds} s is no number of halves from 0.5 to {MAX_LATE_HALVES / 2} s")
    return halves


def _talk_code(behaviour: FarEndBehaviour) -> int:
    for code, seconds in enumerate(TALK_SECONDS):
        if seconds == behaviour.talk_seconds:
            return code
    raise ValueError(f"talk of {behaviour.talk_seconds} s is none of {TALK_SECONDS}")


def decode(number: str) -> FarEndBehaviour:
    """What the far end does when `number` is dialled. ValueError for fewer than eight digits or none at all."""
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) >= 8):
        raise ValueError("a far-end number has at least eight digits")
    kind = FAMILIES[int(digits[-8])]
    parameters, serial = int(digits[-7:-4]), int(digits[-4:])
    if kind in _RINGS_AND_TALKS:
        ring, talk = divmod(parameters, 10)
        return FarEndBehaviour(kind, ring / 10, TALK_SECONDS[talk], serial=serial)
    if kind is FarEndKind.RINGS_OUT and parameters >= 10:
        halves, talk = divmod(parameters, 10)
        return FarEndBehaviour(
            FarEndKind.LATE_PERSON, halves / 2, TALK_SECONDS[talk], serial=serial
        )
    if kind is FarEndKind.HANGS_UP_WAITING:
        return FarEndBehaviour(kind, talk_seconds=parameters / 10, serial=serial)
    if kind is FarEndKind.REFUSES:
        if parameters not in SIP_CODES:
            return FarEndBehaviour(FarEndKind.UNALLOCATED, serial=serial)
        return FarEndBehaviour(kind, sip_code=parameters, serial=serial)
    return FarEndBehaviour(kind, serial=serial)

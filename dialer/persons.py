"""A person with several telephone numbers: which of them is rung next, and from when on.

Each number has its own tries and waits its own time, as the campaign's retry rules say; how often the person is called in all,
and what the person was told or has said, is the lead's. A number that did not reach anybody makes room for the next one after
a short pause, since an engaged line says little of another; who was reached is not rung at once on another number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MOST_NUMBERS = 10
"""Of a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonNumber:
    """One of several. `last_outcome`: the word of an Outcome."""

    phone: str  # E.164
    zone: str  # IANA name
    tries: int = 0  # those that count as attempts
    never_rang: int = 0  # failures in a row that were not a trunk's
    last_outcome: str | None = None
    not_before: datetime | None = None  # None: whenever its turn comes
    over: bool = False  # not rung any more, by what it came to


Numbers = tuple[PersonNumber, ...]
"""All of a person's, in the order of the list that they came with; empty: the lead's `phone` is the only one."""

PAUSES: Mapping[str, timedelta] = {
    "busy": timedelta(minutes=2),
    "no_answer": timedelta(minutes=5),
    "machine": timedelta(minutes=5),
    "invalid_number": timedelta(minutes=1),
    "unreachable": timedelta(minutes=1),
    "failed": timedelta(minutes=1),
}
"""By outcome, from the end of a call until another number of the same person may be rung. After any other outcome the person
waits as the number does: somebody was reached or declined, or nobody knows what rang."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberTry:
    """What a call to one number came to. `again_at`: when the number itself is due again; None: not any more. `others_from`: when
    other numbers are; None: what becomes of the person does not depend on them."""

    phone: str
    outcome: str
    counts: bool
    blames_number: bool
    again_at: datetime | None
    others_from: datetime | None


def new_numbers(phones: Iterable[tuple[str, str]]) -> Numbers:
    """Of (number, zone) pairs in their order, each number once; empty where there is only one."""
    once: dict[str, str] = {}
    for phone, zone in phones:
        once.setdefault(phone, zone)
    found = tuple(PersonNumber(phone=phone, zone=zone) for phone, zone in once.items())
    return found if len(found) > 1 else ()


def noted(numbers: Numbers, said: NumberTry) -> Numbers:
    """The numbers after the call."""
    return tuple(_after(one, said) if one.phone == said.phone else one for one in numbers)


def put_off(numbers: Numbers, phone: str, until: datetime | None) -> Numbers:
    """A number that may not be rung now; None: no instant is known, and it is not rung any more."""
    return tuple(
        replace(one, not_before=until, over=until is None) if one.phone == phone else one
        for one in numbers
    )


def next_number(
    numbers: Numbers, phone: str, others_from: datetime | None
) -> tuple[PersonNumber, datetime | None] | None:
    """The number after `phone`, and from when on (None: at once): whichever may be rung first, of equals the one that was tried
    least, then the one that follows in the list. `others_from`: see NumberTry; None: at once. None: there is none."""
    here = next((place for place, one in enumerate(numbers) if one.phone == phone), 0)
    found = []
    for place, one in enumerate(numbers):
        if one.over:
            continue
        at = one.not_before
        if one.phone != phone and others_from is not None:
            at = max(at or others_from, others_from)
        turn = (place - here - 1) % len(numbers)
        found.append(((at is not None, at and at.timestamp(), one.tries, turn), one, at))
    if not found:
        return None
    _, one, at = min(found, key=lambda each: each[0])
    return one, at


def _after(one: PersonNumber, said: NumberTry) -> PersonNumber:
    return replace(
        one,
        tries=one.tries + said.counts,
        never_rang=0 if said.counts else one.never_rang + said.blames_number,
        last_outcome=said.outcome,
        not_before=said.again_at,
        over=said.again_at is None,
    )

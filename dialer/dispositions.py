"""Dispositions: what an agent may say of a call, as data of the campaign, and what each makes of the lead.

`find` and `settle` are pure: the code that was said and what is known of the call come in, a `Ruling` goes out. The ruling is
kept in one transaction with the disposition itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum

from dialer.callbacks import Booking
from dialer.errors import ConflictError, InvalidInputError
from dialer.leads import LeadState, Outcome


class Category(StrEnum):
    """What a disposition means, whatever its campaign calls it. Stored with the attempt, shown as the same word."""

    CONTACT = "contact"  # the right person was talked to, nothing was decided
    NO_CONTACT = "no_contact"  # nobody could be talked to
    SUCCESS = "success"
    REFUSAL = "refusal"  # the person does not want this offer
    WRONG_NUMBER = "wrong_number"  # the number is not the person's
    DO_NOT_CALL = "do_not_call"  # the person wants no more calls
    CALLBACK = "callback"  # to be called at an agreed time
    MACHINE = "machine"  # no person answered, whatever the detection said


ALWAYS_FINAL = frozenset({Category.REFUSAL, Category.DO_NOT_CALL})
FINAL = ALWAYS_FINAL | {Category.SUCCESS, Category.WRONG_NUMBER}
"""Categories that end the lead in the campaign, unless the disposition says otherwise (the first ones: always)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disposition:
    """One word of a campaign's set. `counts_as`: the lead is tried again as after this outcome; `delay`: after this long
    instead. With neither, and not final, the lead stays as the outcome of the call left it."""

    code: str
    category: Category
    en: str = ""
    it: str = ""
    final: bool = False
    asks_time: bool = False  # needs the instant of the callback
    blocks_number: bool = False  # the client's campaigns do not ring the number again
    counts_as: Outcome | None = None
    delay: timedelta | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInputError, naming the field."""
        if self.category in ALWAYS_FINAL and not self.final:
            raise InvalidInputError("final", f"{self.category.value} always ends the lead")
        if self.final and (self.asks_time or self.delay is not None or self.counts_as is not None):
            raise InvalidInputError("final", "what ends the lead cannot ask for another call")
        if self.category is Category.CALLBACK and not self.asks_time:
            raise InvalidInputError("asks_time", "a callback needs its time")
        if self.delay is not None and self.delay <= timedelta():
            raise InvalidInputError("delay", "must be more than nothing")


def _default(code: str, category: Category, en: str, it: str, **more: object) -> Disposition:
    settings: dict[str, object] = {"final": category in FINAL, **more}
    return Disposition(code=code, category=category, en=en, it=it, **settings)  # type: ignore[arg-type]


DEFAULT_DISPOSITIONS: tuple[Disposition, ...] = (
    _default("sale", Category.SUCCESS, "Sale", "Vendita"),
    _default("interested", Category.CONTACT, "Interested, undecided", "Interessato, indeciso"),
    _default("callback", Category.CALLBACK, "Call back", "Da richiamare", asks_time=True),
    _default("not_interested", Category.REFUSAL, "Not interested", "Non interessato"),
    _default("do_not_call", Category.DO_NOT_CALL, "Wants no calls", "Non vuole chiamate"),
    _default(
        "wrong_number", Category.WRONG_NUMBER, "Wrong number", "Numero errato", blocks_number=True
    ),
    _default(
        "machine",
        Category.MACHINE,
        "Answering machine",
        "Segreteria telefonica",
        counts_as=Outcome.MACHINE,
    ),
    _default(
        "nobody",
        Category.NO_CONTACT,
        "Nobody on the line",
        "Nessuno in linea",
        counts_as=Outcome.HUNG_UP,
    ),
    _default(
        "not_in", Category.NO_CONTACT, "Person not in", "Assente", counts_as=Outcome.NO_ANSWER
    ),
)
"""What a campaign has that names none."""

CHANGE_WITHIN = timedelta(hours=24)
"""So long after its call an agent may correct a disposition. What a day's report has counted does not change a week later."""


def checked(found: Iterable[Disposition]) -> tuple[Disposition, ...]:
    """A set for a campaign; none: the default. Raises InvalidInputError for a code that is there twice."""
    dispositions = tuple(found) or DEFAULT_DISPOSITIONS
    codes = [one.code for one in dispositions]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise InvalidInputError("dispositions", f"{twice[0]!r} is there twice")
    return dispositions


def find(dispositions: Iterable[Disposition], code: str) -> Disposition:
    """Raises InvalidInputError with the nearest code that there is."""
    known = {one.code: one for one in dispositions}
    if code in known:
        return known[code]
    near = get_close_matches(code, known, n=1, cutoff=0.5)
    if near:
        raise InvalidInputError(
            "disposition", f"the campaign has no such one; did you mean {near[0]!r}?"
        )
    raise InvalidInputError(
        "disposition", f"the campaign has no such one; it has: {', '.join(known)}"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What a disposition does, beside being kept. `lead_state` None: the lead stays as the outcome leaves it."""

    category: Category
    lead_state: LeadState | None = None
    next_at: datetime | None = None  # of RETRY
    do_not_call: bool = False
    blocks_number: bool = False
    booking: Booking | None = None  # the callback that was agreed


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What is known of the call when its agent speaks. Attempts of the lead: this one not counted."""

    attempts: int
    max_attempts: int
    delays: Mapping[Outcome, timedelta]  # of the campaign, by outcome
    ended_at: datetime | None = None  # None: the call is up
    before: Category | None = None  # what was said of it before
    now: datetime


def settle(said: Disposition, callback_at: datetime | None, known: Said) -> Ruling:
    """Raises InvalidInputError for a time that is missing, past, or not to be given; ConflictError for a change that comes
    too late or would take back a do-not-call."""
    _check_change(said, known)
    _check_time(said, callback_at, known.now)
    state, next_at = _lead_after(said, callback_at, known)
    return Ruling(
        category=said.category,
        lead_state=state,
        next_at=next_at,
        do_not_call=said.category is Category.DO_NOT_CALL,
        blocks_number=said.blocks_number,
    )


def _check_change(said: Disposition, known: Said) -> None:
    if known.before is Category.DO_NOT_CALL and said.category is not Category.DO_NOT_CALL:
        raise ConflictError("do_not_call stands: the person's wish is not taken back by an agent")
    late = known.ended_at is not None and known.now > known.ended_at + CHANGE_WITHIN
    if late and said.category is not Category.DO_NOT_CALL:
        raise ConflictError("too_late: a disposition may be said until a day after its call")


def _check_time(said: Disposition, callback_at: datetime | None, now: datetime) -> None:
    if callback_at is None:
        if said.asks_time:
            raise InvalidInputError("callback_at", f"{said.code!r} needs the time of the callback")
        return
    if said.final:
        raise InvalidInputError("callback_at", f"{said.code!r} ends the lead")
    if callback_at <= now:
        raise InvalidInputError("callback_at", "is past")


def _lead_after(
    said: Disposition, callback_at: datetime | None, known: Said
) -> tuple[LeadState | None, datetime | None]:
    if said.category is Category.DO_NOT_CALL:
        return LeadState.EXCLUDED, None
    if said.final:
        return LeadState.DONE, None
    if callback_at is not None:
        return LeadState.RETRY, callback_at
    delay = said.delay
    if delay is None and said.counts_as is not None:
        delay = known.delays.get(said.counts_as)
    elif delay is None:
        return None, None
    if delay is None or known.attempts + 1 >= known.max_attempts:
        return LeadState.DONE, None
    return LeadState.RETRY, known.now + delay

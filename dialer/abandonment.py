"""Abandoned calls, counted as each law counts them. Pure: exact integers and fractions, never rounded percentages.

Theory of operation. Every call that was answered has one class, made from its facts when it ends and made again when a late fact
comes (an agent's word that it was a machine, a look at what the exchange remembers). A formula turns the numbers of the classes
into a ratio: what counts as abandoned over what counts as answered. Whether some of the "machines" were people is not known call
by call: their estimated number, a fraction, is added to both. docs/reference/abandonment.md has the formulas and their sources.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction

from dialer.errors import InvalidInputError
from dialer.leads import Outcome


class EventClass(StrEnum):
    """Of a call that was answered: exactly one. `SYMBOLS` has the letters of the formulas."""

    CONNECTED = "connected"  # a person, with an agent within the allowance
    LATE = "late"  # a person, with an agent after the allowance
    MESSAGE = "message"  # a person, no agent: heard the message, then dropped
    SILENT = "silent"  # a person, no agent: dropped in silence or with comfort noise
    GAVE_UP = "gave_up"  # a person who hung up after the allowance, no agent
    LEFT_EARLY = "left_early"  # a person who hung up before the allowance ran out
    MACHINE = "machine"  # detection said machine: dropped without an agent
    MACHINE_BRIDGED = "machine_bridged"  # an agent had it, and said that it was a machine
    UNSCREENED_DROP = "unscreened_drop"  # dropped where nobody had listened for a machine


SYMBOLS: dict[EventClass, str] = {
    EventClass.CONNECTED: "C",
    EventClass.LATE: "L",
    EventClass.MESSAGE: "M",
    EventClass.SILENT: "S",
    EventClass.GAVE_UP: "H",
    EventClass.LEFT_EARLY: "E",
    EventClass.MACHINE: "T",
    EventClass.MACHINE_BRIDGED: "G",
    EventClass.UNSCREENED_DROP: "D",
}

Counts = Mapping[EventClass, int]
"""So many calls of each class; a class that is not there has none."""

MACHINE_LABEL = "machine"
"""The disposition with which an agent says that a machine had answered."""

ANSWERED = frozenset(
    {Outcome.TALKED, Outcome.ABANDONED, Outcome.HUNG_UP, Outcome.MACHINE, Outcome.LOST}
)
"""Outcomes of calls that may have been answered; a LOST one was where its answer is known."""


class Denominator(StrEnum):
    """Which answered calls a profile counts (abandon.denominator)."""

    ANSWERED_BY_PERSON = "answered_by_person"
    DROPS_PLUS_CONNECTED = "drops_plus_connected"  # who hung up early is in neither number
    ANSWERED_TOTAL = "answered_total"


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonFormula:
    """How one profile counts. `allowance`: from the answer to the agent."""

    denominator: Denominator = Denominator.ANSWERED_TOTAL
    allowance: timedelta = timedelta(seconds=2)
    late_connect_counts: bool = True
    waiting_hangup_counts: bool = True
    amd_fp_included: bool = True
    amd_fp_default: Fraction = Fraction(3, 100)
    amd_fp_min_sample: int = 200
    machine_credit: bool = False  # of unscreened drops, those that were machines by estimate

    def weighs(self, of: EventClass) -> tuple[int, int]:
        """(answered, abandoned) of one call of this class, without any estimate: each 0 or 1."""
        return int(of in self.counted), int(of in self.abandoned)

    @property
    def abandoned(self) -> frozenset[EventClass]:
        e = EventClass
        late = {e.LATE} if self.late_connect_counts else set()
        gave_up = {e.GAVE_UP} if self.waiting_hangup_counts else set()
        return frozenset({e.MESSAGE, e.SILENT, e.UNSCREENED_DROP} | late | gave_up)

    @property
    def counted(self) -> frozenset[EventClass]:
        e = EventClass
        connected = {e.CONNECTED, e.LATE}
        if self.denominator is Denominator.DROPS_PLUS_CONNECTED:
            return self.abandoned | connected
        return self.abandoned | connected | {e.GAVE_UP, e.LEFT_EARLY}

    def machine_error(self, audited: int, persons: int) -> Fraction:
        """The share of "machine" verdicts taken for people: the upper bound of what an audit of `audited` verdicts found,
        where the sample suffices, else the profile's own figure. 0 where the profile does not count them."""
        if not self.amd_fp_included:
            return Fraction(0)
        if audited < max(self.amd_fp_min_sample, 1):
            return self.amd_fp_default
        return wilson_upper(persons, audited)


DEFAULT_FORMULA = AbandonFormula()


def formula_of(abandon: Mapping[str, object], allowance_ms: int) -> AbandonFormula:
    """From a profile's `abandon` and `connect.allowance_ms`. Raises InvalidInputError, naming the field."""
    word = abandon["denominator"]
    if word not in set(Denominator):
        raise InvalidInputError("abandon.denominator", f"{word!r} is not supported")
    return AbandonFormula(
        denominator=Denominator(str(word)),
        allowance=timedelta(milliseconds=allowance_ms),
        late_connect_counts=_flag(abandon, "late_connect_counts"),
        waiting_hangup_counts=_flag(abandon, "waiting_hangup_counts"),
        amd_fp_included=_flag(abandon, "amd_fp_included"),
        amd_fp_default=_share(abandon, "amd_fp_default_ratio"),
        amd_fp_min_sample=int(str(abandon["amd_fp_min_sample"])),
        machine_credit=_flag(abandon, "machine_credit"),
    )


def _flag(abandon: Mapping[str, object], name: str) -> bool:
    value = abandon[name]
    if not isinstance(value, bool):
        raise InvalidInputError(f"abandon.{name}", f"{value!r} is neither true nor false")
    return value


def _share(abandon: Mapping[str, object], name: str) -> Fraction:
    share = Fraction(str(abandon[name]))
    if not 0 <= share <= 1:
        raise InvalidInputError(f"abandon.{name}", f"{abandon[name]!r} is not between 0 and 1")
    return share


# --- one call ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweredCall:
    """What the class of a call is made from. `waited`: from the answer to the agent, or to the end where there was none;
    None: nobody saw it."""

    outcome: Outcome
    answered: bool = True
    bridged: bool = False
    waited: timedelta | None = None
    screened: bool = True
    message: bool = False  # the profile's message was played to whoever was dropped
    machine: bool = False  # detection, the exchange or the agent said machine


def class_of(call: AnsweredCall, formula: AbandonFormula) -> EventClass | None:
    """None: nobody answered, or nobody knows that somebody did.

    A call that was answered and whose end nobody saw (the server or its link was away) counts as dropped in silence, unless
    a talk had begun or detection had said machine: what cannot be known is not counted in one's own favour.
    """
    over = call.waited is not None and call.waited > formula.allowance
    match call.outcome:
        case Outcome.TALKED:
            if call.machine:
                return EventClass.MACHINE_BRIDGED
            return EventClass.LATE if over else EventClass.CONNECTED
        case Outcome.MACHINE:
            return EventClass.MACHINE
        case Outcome.HUNG_UP:
            return EventClass.GAVE_UP if over else EventClass.LEFT_EARLY
        case Outcome.ABANDONED:
            return _drop(call, formula)
        case Outcome.LOST if call.answered:
            return EventClass.MACHINE if call.machine else EventClass.SILENT
        case _:
            return None


def _drop(call: AnsweredCall, formula: AbandonFormula) -> EventClass:
    if formula.machine_credit and not call.screened:
        return EventClass.UNSCREENED_DROP
    return EventClass.MESSAGE if call.message else EventClass.SILENT


def count(calls: Iterable[AnsweredCall], formula: AbandonFormula) -> Counter[EventClass]:
    found = Counter(class_of(call, formula) for call in calls)
    return Counter({of: number for of, number in found.items() if of is not None})


# --- many calls -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonRatio:
    """Exact. `ratio` is None where nothing was answered."""

    abandoned: Fraction
    answered: Fraction
    false_machines: Fraction  # people among the "machines", by estimate; in both numbers
    credited: Fraction  # machines among the unscreened drops, by estimate; in neither

    @property
    def ratio(self) -> Fraction | None:
        return self.abandoned / self.answered if self.answered else None

    def within(self, limit_ppm: int) -> bool | None:
        """Compared as integers are; None: no data, so the dialer stays progressive."""
        if not self.answered:
            return None
        return self.abandoned * 1_000_000 <= limit_ppm * self.answered

    @property
    def strict_ratio(self) -> Fraction | None:
        """Abandoned over those that were not: the stricter reading of the Italian measure."""
        others = self.answered - self.abandoned
        return self.abandoned / others if others else None


def ratio_of(counts: Counts, formula: AbandonFormula, machine_error: Fraction) -> AbandonRatio:
    """`machine_error`: the share of "machine" verdicts that were people; see AbandonFormula.machine_error."""
    false = machine_error * counts.get(EventClass.MACHINE, 0)
    if not formula.amd_fp_included:
        false = Fraction(0)
    credited = _credit(counts, formula)
    abandoned = sum(counts.get(of, 0) for of in formula.abandoned)
    answered = sum(counts.get(of, 0) for of in formula.counted)
    return AbandonRatio(
        abandoned=abandoned + false - credited,
        answered=answered + false - credited,
        false_machines=false,
        credited=credited,
    )


def _credit(counts: Counts, formula: AbandonFormula) -> Fraction:
    """Of unscreened drops, the share that agents found to be machines among the calls that they had."""
    machines = counts.get(EventClass.MACHINE_BRIDGED, 0)
    drops = counts.get(EventClass.UNSCREENED_DROP, 0)
    if not formula.machine_credit or not machines or not drops:
        return Fraction(0)
    connected = counts.get(EventClass.CONNECTED, 0) + counts.get(EventClass.LATE, 0)
    return Fraction(drops * machines, machines + connected)


def message_ok(counts: Counts) -> bool:
    """Nobody was dropped without the message: a duty of its own, beside the ratio."""
    return counts.get(EventClass.SILENT, 0) == 0


def silent_calls(counts: Counts, false_machines: Fraction) -> Fraction:
    """Dropped in silence, by detection's mistakes too: reported on its own in the United Kingdom."""
    return counts.get(EventClass.SILENT, 0) + false_machines


def percent(ratio: Fraction | None) -> str | None:
    """For people: four decimals, half up. Verdicts come from the exact fraction."""
    if ratio is None:
        return None
    scaled = math.floor(ratio * 1_000_000 + Fraction(1, 2))
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"


Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal law: two-sided 95 %."""


def wilson_upper(successes: int, trials: int) -> Fraction:
    """Upper end of Wilson's interval for a share (Wilson 1927), two-sided 95 %, rounded up to parts per million."""
    if trials <= 0:
        return Fraction(1)
    share, z2 = successes / trials, Z_95 * Z_95
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    upper = (share + z2 / (2 * trials) + spread) / (1 + z2 / trials)
    return Fraction(min(math.ceil(upper * 1_000_000), 1_000_000), 1_000_000)


# --- the audit of "machine" verdicts ----------------------------------------------------------------------------------


class AuditLabel(StrEnum):
    """What a human heard on a call that detection took for a machine."""

    PERSON = "person"
    MACHINE = "machine"
    UNCLEAR = (
        "unclear"  # counts as a person: what cannot be known is not counted in one's own favour
    )


AUDIT_ONE_IN = 20
"""One "machine" verdict in so many is kept for a human label."""


def is_audited(call_id: str) -> bool:
    """Whether this call's "machine" verdict belongs to the sample: by chance, seeded from its id, so that anybody can draw the
    same sample again."""
    digest = hashlib.sha256(f"machine audit {call_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % AUDIT_ONE_IN == 0

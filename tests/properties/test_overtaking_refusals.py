"""An Asterisk under load tells that a call failed before it tells of its channel: the busy are busy, whatever else fails.

The story of `test_one_originate`, with all that is told of channels half a second late. The number that ends in 1 is busy after
a fifth of a second: its OriginateResponse overtakes everything else.
"""

from collections import Counter
from functools import cache

import pytest
from hypothesis import settings

from dialer.adapters.asterisk import AsteriskTelephony
from dialer.bootstrap import Dialer
from dialer.events import CallRefused
from dialer.leads import Outcome
from dialer.ports import Attempt
from tests.support.failures import Failure, Point, What, Where
from tests.support.whole_engine import LATER_LEADS, LEADS, Told, play, wrongs

BEHIND = 0.5
DEEP = settings.default is not None and settings.default.max_examples > 1000
STEPS_APART, CUTS_APART = (1, 1) if DEEP else (40, 10)
"""One step of the server in so many, and one message of the exchange in so many.

HYPOTHESIS_PROFILE=deep takes all."""

pytestmark = pytest.mark.timeout(3600 if DEEP else 120)


@cache
def undisturbed() -> Told:
    return play(behind=BEHIND)


def faults(told: Told) -> list[str]:
    """What must not be seen: whatever `wrongs` names, a person who was rung called one who was not, a second ring."""
    found = wrongs(told)
    rung = [attempt for attempt in told.attempts if attempt.call_id in told.received]
    found += [f"rung, and failed: {one.call_id}" for one in rung if one.outcome is Outcome.FAILED]
    times = Counter(attempt.lead_id for attempt in rung)
    return found + [f"rung {count} times" for count in times.values() if count > 1]


def busy(told: Told) -> list[Attempt]:
    (lead,) = [lead for lead in told.leads if lead.phone.endswith("1")]
    return [attempt for attempt in told.attempts if attempt.lead_id == lead.lead_id]


def believes_at_once(dialer: Dialer) -> None:
    """The adapter as it would be without the hold."""
    for telephony in dialer.exchanges.values():
        telephony._refusals = _NoHold(telephony)  # type: ignore[assignment]


class _NoHold:
    def __init__(self, telephony: AsteriskTelephony) -> None:
        self._telephony = telephony

    def __len__(self) -> int:
        return 0

    def hold(self, refusal: CallRefused) -> None:
        self._telephony._refused(refusal)

    def drop(self) -> None:
        """Nothing is held."""


def test_the_busy_are_busy_and_rung_once() -> None:
    told = undisturbed()
    assert faults(told) == []
    (attempt,) = busy(told)
    assert (attempt.outcome, attempt.cause) == (Outcome.BUSY, 17)
    assert len(told.received) == LEADS + LATER_LEADS


def test_a_server_that_believes_at_once_is_found_out() -> None:
    found = faults(play(behind=BEHIND, mutate=believes_at_once))
    assert any(wrong.startswith("rung, and failed") for wrong in found)


def test_killed_at_any_step_it_rings_nobody_twice() -> None:
    """Killed in the hold, the attempt stays open, and what is found when the server is back says: lost, it may have rung."""
    assert undisturbed().steps > 300
    found = []
    for number in range(0, undisturbed().steps, STEPS_APART):
        told = play({Point(Where.STEP, number): Failure(What.DIE, 0.5)}, behind=BEHIND)
        found += [f"step {number}: {wrong}" for wrong in faults(told)]
    assert found == []


def test_the_link_is_cut_at_any_message() -> None:
    found = []
    cuts = [point for point, _ in undisturbed().points if point.where is Where.TOLD]
    for point in cuts[::CUTS_APART]:
        told = play({point: Failure(What.CUT, 0.5)}, behind=BEHIND)
        found += [f"{point}: {wrong}" for wrong in faults(told)]
    assert found == []

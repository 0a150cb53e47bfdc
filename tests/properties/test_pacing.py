"""What pacing promises, whatever it sees: fewer calls for more risk, more for more agents, none for nobody.

Small teams, whose distribution is computed, and large ones, where it is approximated; and what holds between the two.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dialer.answer_curve import BINS, AnswerCurve, AnswerTable
from dialer.brake import WindowState
from dialer.campaign import PacingMode
from dialer.hazards import SPAN, Floats, cumulants
from dialer.pacing import (
    FEW_CALLS,
    SMALL_TEAM,
    Binding,
    CallGroup,
    PacingDecision,
    PacingPolicy,
    PacingSnapshot,
    ReleaseGroup,
    decide,
    together,
)
from dialer.release_curve import ReleaseCurve, ReleaseTable
from dialer.screen_curve import ScreenCurve

NONE = np.zeros(0)
RELEASE = ReleaseCurve(grace=1.75).table(NONE, NONE, 0.0)
PRIOR = AnswerCurve().table(NONE, 0.0)
SCREENED = AnswerCurve(screen=ScreenCurve()).table(NONE, 0.0)


def flat(chance: float) -> AnswerTable:
    """Every call in flight, of any age, is answered with this chance, evenly over the horizons."""
    share = np.arange(1, SPAN + 1) / SPAN
    by_age = np.tile(chance * share, (BINS, 1))
    return AnswerTable.of(by_age, by_age[:, -1], np.full(SPAN, chance / SPAN), evidence=100.0)


def sure() -> AnswerTable:
    """Every call is answered at once."""
    by_age = np.ones((BINS, SPAN))
    return AnswerTable.of(by_age, by_age[:, -1], np.eye(SPAN)[0], evidence=1e12)


def released(chance: float) -> ReleaseTable:
    """Every busy agent is free with this chance, at every horizon."""
    return ReleaseTable(cumulants(np.full(RELEASE.cumulants[:, :SPAN].shape, chance)))


def array(ages: Sequence[float]) -> Floats:
    return np.array(ages, dtype=np.float64)


def policy(mode: PacingMode, ratio: float = 3.0) -> PacingPolicy:
    return PacingPolicy(mode=mode, dial_ratio=ratio, lines=1000)


def calls(
    snapshot: PacingSnapshot, mode: PacingMode = PacingMode.PREDICTIVE, ratio: float = 3.0
) -> int:
    return decide(snapshot, policy(mode, ratio)).calls_to_place


# --- stories ----------------------------------------------------------------------------------------------------------

modes = st.sampled_from(PacingMode)
ratios = st.sampled_from((0.5, 1.0, 1.5, 3.0))
thetas = st.sampled_from((0.002, 0.01, 0.03, 0.1, 0.5))
tables = st.sampled_from(("prior", "screened", 0.05, 0.2, 0.5, 0.8, 1.0))
windows = st.builds(
    WindowState,
    name=st.just("day"),
    limit=st.just(0.03),
    answered=st.sampled_from((0, 50, 1000, 10_000)),
    abandoned=st.sampled_from((0, 1, 25, 32)),
    to_come=st.sampled_from((0.0, 500.0)),
    doomed=st.sampled_from((0.0, 2.0)),
)


def ages(most: int, oldest: float) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0, oldest), max_size=most)


def spread(most: int, oldest: float) -> st.SearchStrategy[list[float]]:
    return st.integers(0, most).map(lambda count: np.linspace(0.0, oldest, count).tolist())


def made(
    *,
    idle: int,
    waiting: int,
    reserved: int,
    talking: list[float],
    wrapping: list[float],
    ringing: list[float],
    odds: float | None,
    table: str | float,
    theta: float,
    burst: int | None,
    legal: list[WindowState],
) -> PacingSnapshot:
    known = {"prior": PRIOR, "screened": SCREENED}
    answers = known[table] if isinstance(table, str) else flat(table)
    several = None if odds is None else np.full(len(ringing), odds)
    group = ReleaseGroup(table=RELEASE, talking=array(talking), wrapping=array(wrapping))
    return PacingSnapshot(
        idle=idle,
        waiting=waiting,
        reserved=reserved,
        busy=(group,),
        in_flight=(CallGroup(table=answers, ages=array(ringing), odds=several),),
        answers=answers,
        theta=theta,
        windows=tuple(legal),
        burst=burst,
        own_in_flight=len(ringing),
    )


def snapshots(legal: int, **size: st.SearchStrategy[Any]) -> st.SearchStrategy[PacingSnapshot]:
    """`legal`: so many windows at most."""
    return st.builds(
        made,
        waiting=st.integers(0, 3),
        odds=st.sampled_from((None, 0.3, 4.0)),
        table=tables,
        theta=thetas,
        burst=st.sampled_from((None, 12, 200)),
        legal=st.lists(windows, max_size=legal),
        **{"reserved": st.integers(0, 2), **size},
    )


FEW = {
    "idle": st.integers(0, 2),
    "talking": ages(1, 600),
    "wrapping": ages(1, 30),
    "ringing": ages(FEW_CALLS - 4, 40),
}
MANY = {
    "idle": st.integers(0, 30),
    "talking": st.integers(7, 120).map(lambda count: np.linspace(0.0, 400.0, count).tolist()),
    "wrapping": ages(10, 30),
    "ringing": st.one_of(ages(40, 40), spread(150, 30)),
}
few, many = snapshots(0, **FEW), snapshots(0, **MANY)
few_by_law, many_by_law = snapshots(2, **FEW), snapshots(2, **MANY)
either = st.one_of(few, many)
either_by_law = st.one_of(few_by_law, many_by_law)


def more_in_flight(snapshot: PacingSnapshot, extra: Sequence[float]) -> PacingSnapshot:
    (group,) = snapshot.in_flight
    odds = None if group.odds is None else np.append(group.odds, np.ones(len(extra)))
    more = replace(group, ages=np.append(group.ages, extra), odds=odds)
    return replace(snapshot, in_flight=(more,))


def with_answers(snapshot: PacingSnapshot, table: AnswerTable) -> PacingSnapshot:
    (group,) = snapshot.in_flight
    return replace(snapshot, answers=table, in_flight=(replace(group, table=table),))


def with_release(snapshot: PacingSnapshot, table: ReleaseTable) -> PacingSnapshot:
    (group,) = snapshot.busy
    return replace(snapshot, busy=(replace(group, table=table),))


# --- in every mode ----------------------------------------------------------------------------------------------------


@given(either_by_law, modes, ratios)
def test_never_less_than_none_nor_more_than_any_cap(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    free = calls(snapshot, mode, ratio)
    assert free >= 0
    for caps in (
        {"own_in_flight": 997},  # of a thousand lines
        {"rate_tokens": 3},
        {"trunk_room": 3},
    ):
        assert calls(replace(snapshot, **caps), mode, ratio) == min(free, 3)
    for caps in ({"own_in_flight": 1200}, {"rate_tokens": 0}, {"rate_tokens": -2}):
        assert calls(replace(snapshot, **caps), mode, ratio) == 0


@given(either_by_law, st.integers(0, 5))
def test_a_burst_is_never_more_than_it_may_be(snapshot: PacingSnapshot, burst: int) -> None:
    assert calls(replace(snapshot, burst=burst)) <= burst
    most = max(2, snapshot.agents // 10 + 1)
    assert calls(replace(snapshot, burst=None)) <= most


@given(either_by_law, modes, ratios)
def test_nobody_logged_in_nothing_placed(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    nobody = decide(replace(snapshot, idle=0, reserved=0, busy=()), policy(mode, ratio))
    assert (nobody.calls_to_place, nobody.limited_by) == (0, Binding.NO_AGENTS)


@given(either_by_law, modes, ratios, st.integers(0, 2**32))
def test_the_order_in_which_agents_and_calls_are_listed_does_not_matter(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float, seed: int
) -> None:
    """Nor whether they are listed in one group or in two."""
    random = np.random.default_rng(seed)
    (group,), (busy,) = snapshot.in_flight, snapshot.busy
    order = random.permutation(len(group.ages))
    shuffled_ages, cut = group.ages[order], len(group.ages) // 2
    odds = None if group.odds is None else group.odds[order]
    halves = tuple(
        replace(group, ages=shuffled_ages[part], odds=None if odds is None else odds[part])
        for part in (slice(None, cut), slice(cut, None))
    )
    agents = (
        replace(busy, talking=random.permutation(busy.talking), wrapping=NONE),
        replace(busy, talking=NONE, wrapping=random.permutation(busy.wrapping)),
    )
    shuffled = replace(snapshot, in_flight=halves, busy=agents)
    if mode is PacingMode.PREDICTIVE:  # the error of a level is one for the calls of a table
        shuffled = replace(shuffled, in_flight=(replace(group, ages=shuffled_ages, odds=odds),))
    assert calls(shuffled, mode, ratio) == calls(snapshot, mode, ratio)


@given(either_by_law, modes, ratios)
def test_the_same_question_has_the_same_answer(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    first, second = (decide(snapshot, policy(mode, ratio)) for _ in range(2))
    assert (first.as_dict(), first.risk, first.allowed) == (
        second.as_dict(),
        second.risk,
        second.allowed,
    )
    assert 0 <= first.risk <= 1 + 1e-9
    assert first.as_dict()["limited_by"] == first.limited_by.value


@given(either_by_law, modes, ratios)
def test_more_people_waiting_never_place_more(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    more = replace(snapshot, waiting=snapshot.waiting + 1)
    assert calls(more, mode, ratio) <= calls(snapshot, mode, ratio)


@given(
    st.sampled_from((PacingMode.PROGRESSIVE, PacingMode.RATIO)),
    either_by_law,
    ratios,
    st.booleans(),
)
def test_by_lines_per_agent_more_calls_never_place_more_and_more_agents_never_fewer(
    mode: PacingMode, snapshot: PacingSnapshot, ratio: float, old: bool
) -> None:
    base = calls(snapshot, mode, ratio)
    free = replace(snapshot, windows=())
    assert calls(more_in_flight(free, [20.0 if old else 0.0]), mode, ratio) <= calls(
        free, mode, ratio
    )
    assert calls(replace(snapshot, idle=snapshot.idle + 1), mode, ratio) >= base


# --- predictive: more risk, fewer calls -------------------------------------------------------------------------------


@given(either_by_law, st.lists(st.floats(0, 40), min_size=1, max_size=4))
def test_more_calls_in_flight_never_place_more(
    snapshot: PacingSnapshot, extra: list[float]
) -> None:
    assert calls(more_in_flight(snapshot, extra)) <= calls(snapshot)


@given(either, st.sampled_from((0.05, 0.2, 0.5)), st.sampled_from((0.5, 0.8, 1.0)))
def test_likelier_answers_never_place_more(
    snapshot: PacingSnapshot, low: float, high: float
) -> None:
    assert calls(with_answers(snapshot, flat(high))) <= calls(with_answers(snapshot, flat(low)))


@given(either, st.sampled_from((1.5, 4.0, 50.0)))
def test_likelier_leads_in_flight_never_place_more(snapshot: PacingSnapshot, factor: float) -> None:
    (group,) = snapshot.in_flight
    odds = np.full(len(group.ages), factor)
    better = replace(snapshot, in_flight=(replace(group, odds=odds),))
    plain = replace(snapshot, in_flight=(replace(group, odds=None),))
    assert calls(better) <= calls(plain)


@given(either_by_law)
def test_another_abandoned_call_never_places_more(snapshot: PacingSnapshot) -> None:
    more = tuple(replace(window, abandoned=window.abandoned + 1) for window in snapshot.windows)
    assert calls(replace(snapshot, windows=more)) <= calls(snapshot)


@given(either, st.sampled_from((0.0, 0.3)), st.sampled_from((0.3, 0.8, 1.0)))
def test_likelier_releases_never_place_fewer(
    snapshot: PacingSnapshot, low: float, high: float
) -> None:
    likely, unlikely = with_release(snapshot, released(high)), with_release(snapshot, released(low))
    assert calls(likely) >= calls(unlikely)


@given(either_by_law)
def test_another_idle_agent_never_places_fewer(snapshot: PacingSnapshot) -> None:
    assert calls(replace(snapshot, idle=snapshot.idle + 1)) >= calls(snapshot)


@given(either, thetas)
def test_a_higher_theta_never_places_fewer(snapshot: PacingSnapshot, theta: float) -> None:
    """Away from any limit. Near one a higher theta makes the calls in flight take more of the room, which may allow less."""
    low = replace(snapshot, theta=min(theta, snapshot.theta))
    high = replace(snapshot, theta=max(theta, snapshot.theta))
    assert calls(high) >= calls(low)


@given(either_by_law)
def test_never_fewer_than_progressive_would_place_but_for_the_burst(
    snapshot: PacingSnapshot,
) -> None:
    most = snapshot.burst if snapshot.burst is not None else max(2, snapshot.agents // 10 + 1)
    assert calls(snapshot) >= min(calls(snapshot, PacingMode.PROGRESSIVE), most)


@given(either_by_law)
def test_where_nothing_is_allowed_never_more_than_progressive(snapshot: PacingSnapshot) -> None:
    """theta at nothing is progressive dialling: far over a limit, or before a cautious campaign's sample is complete."""
    far_over = WindowState(name="day", limit=0.03, answered=1000, abandoned=40)
    none_allowed = WindowState(name="day", limit=0.0, answered=0, abandoned=0)
    for window in (far_over, none_allowed):
        held = replace(snapshot, windows=(*snapshot.windows, window))
        assert calls(held) <= calls(held, PacingMode.PROGRESSIVE)


@given(either_by_law, ratios)
def test_over_the_limit_a_ratio_is_no_more_than_progressive(
    snapshot: PacingSnapshot, ratio: float
) -> None:
    over = WindowState(name="day", limit=0.03, answered=1000, abandoned=31, to_come=1e6)
    held = replace(snapshot, windows=(*snapshot.windows, over))
    assert calls(held, PacingMode.RATIO, ratio) <= calls(held, PacingMode.PROGRESSIVE)


@given(either, st.just(0.002), st.integers(0, 6), st.integers(0, 8))
def test_with_certain_answers_and_hardly_any_risk_allowed_never_more_than_sure_agents(
    snapshot: PacingSnapshot, theta: float, on_call: int, flying: int
) -> None:
    """Agents whose release is certain count as free, all others do not."""
    (group,), (busy,) = snapshot.in_flight, snapshot.busy
    certain = replace(
        snapshot,
        theta=theta,
        answers=sure(),
        in_flight=(replace(group, table=sure(), ages=np.zeros(flying), odds=None),),
        busy=(
            replace(busy, table=released(0.0)),
            ReleaseGroup(table=released(1.0), talking=np.zeros(on_call)),
        ),
    )
    bound = certain.idle + on_call - certain.waiting - flying
    assert calls(certain) <= max(bound, 0)


@given(st.one_of(snapshots(2, **{**FEW, "wrapping": st.just([])}), many_by_law), st.floats(0, 600))
def test_another_busy_agent_never_places_fewer(snapshot: PacingSnapshot, talked: float) -> None:
    assert calls(one_more_busy(snapshot, talked)) >= calls(snapshot)


# --- between small teams and large ones -------------------------------------------------------------------------------
# Where the distribution gives way to its approximation, which is the more careful one there, the promises above hold but
# for a call or two.


def one_more_busy(snapshot: PacingSnapshot, talked: float) -> PacingSnapshot:
    (group,) = snapshot.busy
    return replace(snapshot, busy=(replace(group, talking=np.append(group.talking, talked)),))


at_the_seam = st.integers(0, SMALL_TEAM).flatmap(
    lambda idle: snapshots(
        1,
        idle=st.just(idle),
        talking=st.lists(st.floats(0, 400), min_size=SMALL_TEAM - idle, max_size=SMALL_TEAM - idle),
        wrapping=st.just([]),
        ringing=spread(FEW_CALLS, 30),
        reserved=st.just(0),
    )
)


@given(at_the_seam, st.floats(0, 600))
def test_a_team_that_becomes_large_by_a_busy_agent_dials_at_most_two_fewer(
    snapshot: PacingSnapshot, talked: float
) -> None:
    assert calls(one_more_busy(snapshot, talked)) >= calls(snapshot) - 2


@given(at_the_seam)
def test_a_team_that_becomes_large_by_an_idle_agent_dials_no_fewer(
    snapshot: PacingSnapshot,
) -> None:
    assert calls(replace(snapshot, idle=snapshot.idle + 1)) >= calls(snapshot)


@given(
    snapshots(1, **{**FEW, "ringing": st.just(np.linspace(0, 30, FEW_CALLS).tolist())}),
    st.floats(0, 40),
)
def test_calls_that_become_many_by_one_let_at_most_one_more_be_placed(
    snapshot: PacingSnapshot, age: float
) -> None:
    assert calls(more_in_flight(snapshot, [age])) <= calls(snapshot) + 1


def decision(placed: int, limited_by: Binding, risk: float = 0.0) -> PacingDecision:
    return PacingDecision(calls_to_place=placed, limited_by=limited_by, risk=risk)


def test_the_picture_of_several_servers_sums_them_up() -> None:
    nobody, held = decision(0, Binding.NO_AGENTS), decision(3, Binding.RISK, 0.04)
    more = decision(2, Binding.LINES, 0.01)
    assert together([]) is None
    assert together([held]) is held
    picture = together([nobody, held, more])
    assert picture is not None
    assert (picture.calls_to_place, picture.limited_by, picture.risk) == (5, Binding.RISK, 0.04)

"""What pacing promises, whatever it sees: fewer calls for more risk, more for more agents, none for nobody."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
from dialer.stats import HORIZONS, AnswerCurve, AnswerTable, TalkCurve
from hypothesis import given
from hypothesis import strategies as st

from dialer.campaign import PacingMode
from dialer.pacing import CallGroup, PacingPolicy, PacingSnapshot, decide
from tests.support.playbook import START

RELEASE = TalkCurve().table([], START)
PRIOR = AnswerCurve().table([], START)


def flat(chance: float) -> AnswerTable:
    """Every call in flight, of any age, is answered with this chance, evenly over the horizons."""
    share = np.arange(1, len(HORIZONS) + 1) / len(HORIZONS)
    return AnswerTable(
        by_age=np.tile(chance * share, (120, 1)),
        per_bin=np.full(len(HORIZONS), chance / len(HORIZONS)),
    )


def policy(mode: PacingMode, ratio: float = 3.0) -> PacingPolicy:
    return PacingPolicy(mode=mode, dial_ratio=ratio, lines=200, wrap_up_seconds=15)


ages = st.lists(st.floats(0, 40), max_size=40).map(tuple)
talks = st.lists(st.floats(0, 600), max_size=30).map(tuple)
wraps = st.lists(st.floats(0, 30), max_size=10).map(tuple)
chances = st.sampled_from((0.05, 0.2, 0.5, 0.8, 1.0))
modes = st.sampled_from(PacingMode)
ratios = st.sampled_from((0.5, 1.0, 1.5, 3.0))


@st.composite
def snapshots(draw: st.DrawFn) -> PacingSnapshot:
    table = draw(st.one_of(st.just(PRIOR), chances.map(flat)))
    in_flight = draw(ages)
    return PacingSnapshot(
        idle=draw(st.integers(0, 20)),
        waiting=draw(st.integers(0, 4)),
        reserved=draw(st.integers(0, 3)),
        talking=draw(talks),
        wrapping=draw(wraps),
        in_flight=(CallGroup(table=table, ages=in_flight),),
        answers=table,
        release=RELEASE,
        own_in_flight=len(in_flight),
        rate_tokens=1000,
        theta=draw(st.sampled_from((0.002, 0.01, 0.03, 0.1, 0.5))),
        braked=draw(st.booleans()),
        over_limit=draw(st.booleans()),
        trunk_room=1000,
    )


def calls(snapshot: PacingSnapshot, mode: PacingMode, ratio: float = 3.0) -> int:
    return decide(snapshot, policy(mode, ratio)).calls_to_place


def more_in_flight(snapshot: PacingSnapshot, extra: Sequence[float]) -> PacingSnapshot:
    (group,) = snapshot.in_flight
    return replace(snapshot, in_flight=(replace(group, ages=(*group.ages, *extra)),))


@given(snapshots(), modes, ratios)
def test_never_less_than_none_nor_more_than_lines_and_rate(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    tight = replace(snapshot, own_in_flight=198, rate_tokens=1)
    assert 0 <= calls(tight, mode, ratio) <= 1
    assert calls(replace(snapshot, own_in_flight=200), mode, ratio) == 0
    assert calls(replace(snapshot, own_in_flight=250), mode, ratio) == 0
    assert calls(replace(snapshot, rate_tokens=0), mode, ratio) == 0


@given(snapshots(), modes, ratios)
def test_nobody_logged_in_nothing_placed(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    assert calls(replace(snapshot, idle=0, reserved=0, talking=(), wrapping=()), mode, ratio) == 0


@given(snapshots(), modes, ratios, st.lists(st.floats(0, 40), min_size=1, max_size=5))
def test_more_calls_in_flight_never_place_more(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float, extra: list[float]
) -> None:
    assert calls(more_in_flight(snapshot, extra), mode, ratio) <= calls(snapshot, mode, ratio)


@given(snapshots(), modes, ratios)
def test_more_people_waiting_never_place_more(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    more = replace(snapshot, waiting=snapshot.waiting + 1)
    assert calls(more, mode, ratio) <= calls(snapshot, mode, ratio)


@given(snapshots(), modes, ratios)
def test_another_idle_agent_never_places_fewer(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    more = replace(snapshot, idle=snapshot.idle + 1)
    assert calls(more, mode, ratio) >= calls(snapshot, mode, ratio)


@given(snapshots(), st.sampled_from((0.03, 0.1, 0.5)))
def test_a_higher_theta_never_places_fewer(snapshot: PacingSnapshot, theta: float) -> None:
    low = replace(snapshot, theta=min(theta, snapshot.theta))
    high = replace(snapshot, theta=max(theta, snapshot.theta))
    assert calls(high, PacingMode.PREDICTIVE) >= calls(low, PacingMode.PREDICTIVE)


@given(snapshots(), st.sampled_from((0.05, 0.2, 0.5)), st.sampled_from((0.5, 0.8, 1.0)))
def test_likelier_answers_never_place_more(
    snapshot: PacingSnapshot, low: float, high: float
) -> None:
    def with_chance(chance: float) -> PacingSnapshot:
        (group,) = snapshot.in_flight
        table = flat(chance)
        return replace(snapshot, answers=table, in_flight=(replace(group, table=table),))

    mode = PacingMode.PREDICTIVE
    assert calls(with_chance(high), mode) <= calls(with_chance(low), mode)


@given(snapshots(), modes, ratios, st.integers(0, 2**32))
def test_the_order_in_which_agents_and_calls_are_listed_does_not_matter(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float, seed: int
) -> None:
    random = Random(seed)
    (group,) = snapshot.in_flight
    shuffled = replace(
        snapshot,
        talking=tuple(random.sample(snapshot.talking, len(snapshot.talking))),
        wrapping=tuple(random.sample(snapshot.wrapping, len(snapshot.wrapping))),
        in_flight=(
            replace(group, ages=tuple(random.sample(group.ages, len(group.ages)))),
            CallGroup(table=PRIOR, ages=()),
        ),
    )
    assert calls(shuffled, mode, ratio) == calls(snapshot, mode, ratio)


@given(snapshots(), modes, ratios)
def test_over_the_limit_no_mode_places_more_than_progressive(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    over = replace(snapshot, over_limit=True)
    assert calls(over, mode, ratio) <= calls(over, PacingMode.PROGRESSIVE)


@given(snapshots(), modes, ratios)
def test_the_brake_never_places_more(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    free = replace(snapshot, braked=False, over_limit=False)
    braked, over = replace(free, braked=True), replace(free, braked=True, over_limit=True)
    assert calls(over, mode, ratio) <= calls(braked, mode, ratio) <= calls(free, mode, ratio)


@given(snapshots())
def test_with_certain_answers_and_no_risk_allowed_never_more_than_sure_agents(
    snapshot: PacingSnapshot,
) -> None:
    (group,) = snapshot.in_flight
    sure = AnswerTable(by_age=np.ones((120, len(HORIZONS))), per_bin=np.eye(len(HORIZONS))[0])
    certain = replace(
        snapshot,
        theta=0.002,
        talking=(),
        answers=sure,
        in_flight=(replace(group, table=sure),),
    )
    released = sum(left <= HORIZONS[0] + 1.0 for left in certain.wrapping)
    bound = certain.idle + released - certain.waiting - certain.unanswered
    assert calls(certain, PacingMode.PREDICTIVE) <= max(bound, 0)


@given(snapshots(), modes, ratios)
def test_the_same_question_has_the_same_answer(
    snapshot: PacingSnapshot, mode: PacingMode, ratio: float
) -> None:
    question = policy(mode, ratio)
    assert decide(snapshot, question) == decide(snapshot, question)
    decision = decide(snapshot, question)
    assert 0 <= decision.risk <= 1 + 1e-9
    assert decision.as_dict()["limited_by"] == decision.limited_by.value

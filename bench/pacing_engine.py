"""The production pacing modules as a policy of the lean world: the same curves, brake and decision that dial."""

import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

from dialer.answer_curve import AnswerCurve
from dialer.brake import (
    DEFAULT_TARGET,
    HORIZON,
    SHOCK,
    THETA_START,
    AnswerRate,
    WindowState,
    steered,
    stepped,
)
from dialer.campaign import PacingMode
from dialer.hazards import Floats
from dialer.pacing import CallGroup, PacingPolicy, PacingSnapshot, ReleaseGroup, decide
from dialer.release_curve import ReleaseCurve
from dialer.screen_curve import ScreenCurve
from dialer.simulator.lean import LeanWorld
from dialer.simulator.lean_scenario import LeanScenario

COMPILED = find_spec("numba") is not None
"""Whether the extra `fast` is installed: the same decisions to the last bit, in less time."""

POLICY = PacingPolicy(mode=PacingMode.PREDICTIVE)
CAUTIOUS_TARGET, MIN_SAMPLE = 0.5, 200  # of the limit, and answers: as in the shipped profiles
RAMP_PER_SECOND = 4.0  # bursts


def _curves(compiled: bool) -> tuple[type[AnswerCurve], type[ReleaseCurve]]:
    if not compiled:
        return AnswerCurve, ReleaseCurve
    from dialer.compiled_curves import CompiledAnswerCurve, CompiledReleaseCurve

    return CompiledAnswerCurve, CompiledReleaseCurve


class Engine:
    """A Pacer. `strict`: as Guard.STRICT. `scores`: it is told the leads' odds.
    `revokes`: it may take back calls that have not rung.
    `compiled`: its inner loops are machine code (dialer.compiled_curves)."""

    def __init__(
        self,
        scenario: LeanScenario,
        *,
        target: float = DEFAULT_TARGET,
        strict: bool = False,
        scores: bool = False,
        revokes: bool = False,
        cautious: bool = False,
        compiled: bool = COMPILED,
    ) -> None:
        target = min(target, CAUTIOUS_TARGET) if cautious else target
        self.cautious = cautious
        self.scores, self.policy = scores, replace(POLICY, revokes=revokes)
        self.limit, self.strict = scenario.limit, strict
        self.end = scenario.seconds
        self.goal = target * scenario.limit
        answers, release = _curves(compiled)
        self.answers = answers(screen=ScreenCurve() if scenario.screened else None)
        self.release = release(grace=scenario.grace)
        self.theta, self.rate = THETA_START, AnswerRate()
        self.answered_count = self.abandoned_count = 0
        self._burst, self._burst_at = 2.0, 0.0
        self._scale, self.revoked = 1.0, 0

    # --- what it is told ----------------------------------------------------------------------------------------------

    def call_left(self, age: float, up: bool, now: float) -> None:
        self.answers.left(age, up, now)

    def screen_left(self, age: float, person: bool, now: float, rang: float) -> None:
        assert self.answers.screen is not None
        self.answers.screen.left(age, person, rang)

    def talk_left(self, seconds: float, now: float) -> None:
        self.release.talk_ended(seconds)

    def wrap_left(self, seconds: float, pauses: bool, now: float) -> None:
        self.release.wrap_ended(seconds, not pauses)

    def answered(self, abandoned: bool, now: float) -> None:
        self.rate.answered(now)
        self.answered_count += 1
        self.abandoned_count += abandoned
        horizon = max(HORIZON, 1800.0 * self.rate.per_second(now))
        allowed = steered(self.goal, self.answered_count, self.abandoned_count, horizon, self.limit)
        self.theta = stepped(self.theta, allowed, abandoned)

    # --- what it decides ----------------------------------------------------------------------------------------------

    def decide(self, world: LeanWorld) -> int:
        now = world.now
        if world.staffed == 0:
            return 0
        talking, wrapping = world.talking.ages(now), world.wrapping.ages(now)
        release = self.release.table(talking, wrapping, now)
        snapshot = PacingSnapshot(
            idle=world.idle,
            waiting=len(world.waiting),
            busy=(ReleaseGroup(table=release, talking=talking, wrapping=wrapping),),
            in_flight=(self._in_flight(world),),
            answers=self._table,
            theta=self.theta,
            windows=(self._window(now, self._leads_left(world)),),
            burst=self._room_to_burst(world.staffed, now),
            revocable=self._silent(world) if self.policy.revokes else 0,
            explained=False,
        )
        if self.scores:
            odds = world.next_odds(snapshot.burst or 0)
            snapshot = replace(snapshot, next_odds=self._scaled(odds).tolist())
        decision = decide(snapshot, self.policy)
        if decision.calls_to_revoke:
            self._revoke(world, decision.calls_to_revoke)
        self._burst -= decision.calls_to_place
        if self.scores:
            self._learn_scale(snapshot.next_odds[: decision.calls_to_place])
        return decision.calls_to_place

    def _scaled(self, odds: Floats) -> Floats:
        """Odds against the average of the list, where the world gives them against its middle."""
        return odds * self._scale

    def _learn_scale(self, placed: Sequence[float]) -> None:
        """Stochastic approximation: the mean weight of the calls placed comes to 1."""
        for odds in placed:
            self._scale *= math.exp(-0.02 * (self._table.weight(odds) - 1.0))

    def _revoke(self, world: LeanWorld, count: int) -> None:
        silent = [call for call in world.ringing.ids if world.has_rung(call) is None]
        for call in sorted(silent, reverse=True)[:count]:
            if world.cancel(call):
                self.revoked += 1

    def _in_flight(self, world: LeanWorld) -> CallGroup:
        ages = world.ringing.ages(world.now)
        self._table = self.answers.table(ages, world.now)
        ages = self.answers.stall.ages(ages, world.now)
        odds = self._scaled(world.odds) if self.scores else None
        if not world.screening.size:
            return CallGroup(table=self._table, ages=ages, odds=odds)
        screening = world.screening.ages(world.now)
        rang = self._rang(world)
        return CallGroup(table=self._table, ages=ages, odds=odds, screening=screening, rang=rang)

    @staticmethod
    def _silent(world: LeanWorld) -> int:
        return sum(world.has_rung(call) is None for call in world.ringing.ids)

    def _rang(self, world: LeanWorld) -> Floats:
        return world.rang.array[: world.rang.size]

    def _guarded(self) -> float:
        """The ratio that the brake guards; of a cautious campaign as dialer.budget has it."""
        if not self.cautious:
            return self.limit
        return self.goal / DEFAULT_TARGET if self.answered_count >= MIN_SAMPLE else 0.0

    def _leads_left(self, world: LeanWorld) -> float:
        """Answers that the list can still bring; the same bound as dialer.pacing_feed puts."""
        left = world.leads_left
        if left is None:
            return math.inf
        return (left + world.ringing.size) * self.answers.answer_ratio

    def _window(self, now: float, most_to_come: float = math.inf) -> WindowState:
        left = 0.0 if self.strict or self.cautious else max(self.end - now, 0.0)
        return WindowState(
            name="shift",
            limit=self._guarded(),
            answered=self.answered_count,
            abandoned=self.abandoned_count,
            to_come=min(self.rate.per_second(now) * left, most_to_come),
            shock=SHOCK if self.strict else 0.0,
        )

    def _room_to_burst(self, staffed: int, now: float) -> int:
        most = max(2.0, staffed / 10 + 1)
        self._burst = min(most, self._burst + RAMP_PER_SECOND * most * (now - self._burst_at))
        self._burst_at = now
        return int(self._burst)

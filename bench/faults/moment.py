"""One moment of one fault: a campaign gets under way, the fault strikes and is healed, the campaign goes on and is wound up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.faults import evidence, phones, verdict
from bench.faults.catalogue import Fault
from bench.faults.floor import CODES, Floor, House
from tests.support.live_server import CAMPAIGN, TEAM

LEADS = 700
WINDOW_SECONDS = 8.0
"""The fault strikes at an instant of this window, which opens once each agent has had a talk."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds. Past them the moment goes on, and has a problem."""

    start: float = 60
    recovery: float = 120
    all_agents: float = 90
    calls_over: float = 45
    end: float = 45


@dataclass(slots=True)
class Result:
    fault: str
    number: int
    struck_after_seconds: float = 0.0  # after the window opened
    fault_seconds: float = 0.0
    first_ring_seconds: float | None = None  # from the fault's end
    first_talk_seconds: float | None = None
    agents_seconds: float | None = None  # until all of them are available again
    team_seconds: float | None = None  # until each agent has had a talk that was dialled after it
    judged: verdict.Verdict = field(default_factory=verdict.Verdict)
    problems: list[str] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        return not self.problems


def run(
    house: House, fault: Fault, number: int, seed: int, window_seconds: float = WINDOW_SECONDS
) -> Result:
    """Never raises for what the system under test does: that is a problem in the result."""
    chance = random.Random(f"{seed} {fault.name} {number}")
    with house.floor(fault, number) as floor:
        return _Course(floor, number, chance, window_seconds).run()


class _Course:
    def __init__(self, floor: Floor, number: int, chance: random.Random, window: float) -> None:
        self.floor = floor
        self.window = window
        self.chance = chance
        self.pace = Pace()
        self.result = Result(floor.fault.name, number)
        self.moment: verdict.Moment

    def run(self) -> Result:
        self.floor.seed(LEADS, self.chance)
        self.floor.server.start()
        self._await(
            "the agents at the start", self.pace.start, lambda: _available(self.floor) == len(CODES)
        )
        self.floor.server.ask(f"/campaigns/{CAMPAIGN}/start", "POST")
        self._await(
            "a talk of each agent", self.pace.start, lambda: _talked(self.floor) >= len(CODES)
        )
        self._strike()
        self._recover()
        self._wind_up()
        self._judge()
        return self.result

    def _strike(self) -> None:
        fault = self.floor.fault
        self.result.struck_after_seconds = round(self.chance.uniform(0, self.window), 2)
        time.sleep(self.result.struck_after_seconds)
        struck_at = _now()
        fault.strike(self.floor)
        time.sleep(fault.hold_seconds)
        fault.heal(self.floor)
        self.moment = verdict.Moment(
            struck_at=struck_at,
            healed_at=_now(),
            clock_step=timedelta(seconds=fault.clock_step_seconds),
            pbx_died=fault.pbx_dies,
            far_end_stood_still=fault.name == "far-end-silent",
        )
        self.result.fault_seconds = _seconds(struck_at, self.moment.healed_at)

    def _recover(self) -> None:
        """Until every agent is available and has had a talk that was dialled after the fault's end."""
        healed_at = self.moment.healed_at
        if self._await(
            "the agents back", self.pace.recovery, lambda: _available(self.floor) == len(CODES)
        ):
            self.result.agents_seconds = _seconds(healed_at, _now())
        self._await(
            "a talk after the fault", self.pace.recovery, lambda: len(self._agents_since()) > 0
        )
        self._await(
            "a talk of each agent after the fault",
            self.pace.all_agents,
            lambda: len(self._agents_since()) == len(CODES),
        )

    def _agents_since(self) -> set[str | None]:
        _, attempts = evidence.stored(self.floor.url)
        after = self.moment.healed_at
        return {
            each.agent_id
            for each in verdict.talks_after(attempts, self.moment, started_after=after)
        }

    def _wind_up(self) -> None:
        """Paused; the calls end; the server is stopped as an operator would."""
        pause = f"/campaigns/{CAMPAIGN}/pause"
        self._await(
            "the pause", self.pace.start, lambda: self.floor.server.ask(pause, "POST") is not None
        )
        self._await("calls over, agents free", self.pace.calls_over, lambda: _at_rest(self.floor))
        agents = _available(self.floor)
        if agents != len(CODES):
            self.result.problems.append(
                f"{len(CODES) - agents} agents are not available at the end"
            )
        if not self.floor.server.end(self.pace.end):
            self.result.problems.append("the server did not end when it was told to")
        self._end_orphans()

    def _end_orphans(self) -> None:
        """What still rings or talks on the far end though the PBX has forgotten it: ended, so that it is recorded."""
        far_end = self.floor.pair.far_end.ami
        left = {
            u: name
            for u, name in phones.channels(far_end).items()
            if not u.startswith(phones.PREFIX)
        }
        if left:
            phones.hang_up(far_end, list(left.values()))
            time.sleep(1)

    def _judge(self) -> None:
        floor, result = self.floor, self.result
        log = floor.server.log.read_text(encoding="utf-8", errors="replace")
        floor.keep_log(log)
        if floor.fault.sign not in log:
            result.problems.append("the fault did not reach the server")
        found = evidence.collect(floor.pair, floor.url, log)
        result.judged = verdict.judge(found, self.moment, LEADS)
        result.problems += result.judged.problems
        healed_at = self.moment.healed_at
        result.first_ring_seconds = self._first_ring(found)
        talks = verdict.talks_after(found.attempts, self.moment, started_after=healed_at)
        joined = [self.moment.true_time(each.bridged_at) for each in talks if each.bridged_at]
        result.first_talk_seconds = verdict.first_after(joined, healed_at)
        result.team_seconds = self._team_seconds(talks)

    def _first_ring(self, found: evidence.Evidence) -> float | None:
        """Of a call that was dialled after the fault: what was under way before may arrive later."""
        ringer_of, _ = verdict.rings_of(found, self.moment)
        healed_at = self.moment.healed_at
        new = [
            ringer_of[each.call_id].start_at
            for each in found.attempts
            if each.call_id in ringer_of and self.moment.true_time(each.started_at) > healed_at
        ]
        return verdict.first_after(new, healed_at)

    def _team_seconds(self, talks: list[evidence.StoredAttempt]) -> float | None:
        first: dict[str | None, datetime] = {}
        for each in talks:
            if each.bridged_at is not None:
                at = self.moment.true_time(each.bridged_at)
                first[each.agent_id] = min(at, first.get(each.agent_id, at))
        if len(first) < len(CODES):
            return None
        return _seconds(self.moment.healed_at, max(first.values()))

    def _await(self, what: str, seconds: float, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.result.problems.append(f"not within {seconds:g} s: {what}")
                return False
            time.sleep(0.2)
        return True


def _team(floor: Floor) -> Any:
    return floor.server.ask(f"/teams/{TEAM}") or {}


def _available(floor: Floor) -> int:
    team = _team(floor)
    if not team or not team["telephony_up"]:
        return 0
    return sum(agent["status"] == "available" for agent in team["agents"])


def _at_rest(floor: Floor) -> bool:
    """No call is up, and every agent is free."""
    team = _team(floor)
    free = [each for each in team.get("agents", []) if each["phase"] == "idle"]
    return bool(team) and len(free) == len(CODES) and not sum(team["calls"].values())


def _talked(floor: Floor) -> int:
    team = _team(floor)
    return sum(each["live"]["outcomes"].get("talked", 0) for each in team.get("campaigns", []))


def _now() -> datetime:
    return datetime.now(UTC)


def _seconds(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds(), 1)

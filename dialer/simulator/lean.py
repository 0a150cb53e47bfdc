"""A shift in a lean world: calls, agents and nothing else, for runs by the thousand.

Calls and agents are independent of each other and of the policy: what the k-th dialled call would come to, and how long the
j-th talk of an agent lasts, depend on the seed alone, so that policies compared on one seed meet the same persons. Times are
seconds from the start of the shift. A policy is asked at every tick and after each event that frees an agent or ends a call
without an answer.

A policy may also take back calls: those that have not begun to ring, and those that have rung for 15 s.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from dialer.simulator.lean_agents import IDLE, OUT, PAUSE, TALK, LeanAgents
from dialer.simulator.lean_result import LeanResult
from dialer.simulator.lean_scenario import (
    NO_ANSWER_SECONDS,
    CallDraw,
    CallDraws,
    Floats,
    LeanScenario,
    TalkDraw,
    TalkDraws,
    lead_chance,
)
from dialer.simulator.lean_view import Pacer, Starts

TICK = 0.25
LEAST_RING = 15.0


class LeanWorld:
    """One shift. `run` once. The public attributes are what a policy may read; with an event lag they lag too.

    `stopwatch` (nanoseconds) times every decision when given.
    """

    def __init__(
        self,
        scenario: LeanScenario,
        pacer: Pacer,
        seed: int,
        stopwatch: Callable[[], int] | None = None,
    ) -> None:
        self.scenario, self.pacer, self.now = scenario, pacer, 0.0
        self.ringing, self.screening, self.waiting = Starts(), Starts(), Starts()
        self.rang = Starts()  # seconds that a call rang, beside `screening`
        self.talking, self.wrapping, self.leaving_talks = Starts(), Starts(), Starts()
        self.idle = self.paused = 0
        self.dialled = 0
        self.result = LeanResult()
        self._stopwatch = stopwatch
        self._calls = CallDraws(scenario, seed)
        self._agents = LeanAgents(scenario.most_agents, self.result)
        self._talks = [TalkDraws(scenario, seed, a) for a in range(scenario.most_agents)]
        self._left: dict[int, TalkDraw] = {}
        self._queue: deque[int] = deque()
        self._in_queue: set[int] = set()
        self._passed: set[int] = set()
        self._rings_at: dict[int, float] = {}  # of calls that nobody has answered yet
        self._cancelled: set[int] = set()
        self._persons: dict[int, int] = {}  # of calls to persons whose first call was taken back
        self._again: deque[int] = deque()
        self._lines = 0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0
        self._ask = False
        self._tokens, self._tokens_at = scenario.calls_per_second, 0.0
        self._lags = scenario.event_lag[1] > 0 or scenario.lost_ends > 0
        self._told_at = 0.0
        self._noise = np.random.Generator(np.random.PCG64([seed, 3]))
        for start, _ in scenario.staffing:
            self._at(start, self._restaff)

    @property
    def staffed(self) -> int:
        """Agents who take calls: idle, talking or in wrap-up, without those who go after this call."""
        return self.idle + self.talking.size + self.wrapping.size

    @property
    def logged_in(self) -> int:
        """With those on a break."""
        return self.staffed + self.paused

    @property
    def leads_left(self) -> int | None:
        """Persons of the list who have not been called; None for a list without end."""
        if self.scenario.leads is None:
            return None
        return max(self.scenario.leads - self.dialled, 0) + len(self._again)

    @property
    def odds(self) -> Floats:
        """Of the leads being rung, beside `ringing.array`: exp(spread * score)."""
        return self.ringing.odds

    def next_odds(self, count: int) -> Floats:
        """Of the next leads in the order they will be dialled; fewer at the end of the list."""
        ahead = self._next_persons(count)
        return np.array([self._odds_of(self._calls[person]) for person in ahead])

    def has_rung(self, call: int) -> float | None:
        """For how many seconds the call is known to ring; None before it does."""
        known = self.now - self.scenario.event_lag[1]
        began = self._rings_at.get(call, math.inf)
        return known - began if began <= known else None

    def cancel(self, call: int) -> bool:
        """Takes a call back; a person whose phone has not rung is called at the end of the list.

        False, and nothing is done, when the call is over or answered, or rings for less than 15 s.
        """
        began = self._rings_at.get(call)
        if began is None or 0 <= self.now - began < LEAST_RING:
            return False
        if began > self.now and self.scenario.leads is not None:
            self._again.append(self._persons.get(call, call))
        del self._rings_at[call]
        self._cancelled.add(call)
        self.ringing.remove(call)
        self.result.cancelled += 1
        self._hung_up()
        return True

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self) -> LeanResult:
        end, events, tick = self.scenario.seconds, self._events, 0.0
        while True:
            due = bool(events) and events[0][0] <= tick
            when = events[0][0] if due else tick
            if when >= end or (self.leads_left == 0 and not self._lines):
                break
            self.now = when
            if due:
                _, _, act, values = heapq.heappop(events)
                self._ask = False
                act(*values)
                if self._ask:
                    self._decide()
            else:
                self._decide()
                tick += TICK
        self.now = end = min(end, when)
        self._agents.close(end)
        self.result.open_at_end = self._lines
        return self.result

    def _at(self, when: float, act: Callable[..., None], *values: Any) -> None:
        self._order += 1
        heapq.heappush(self._events, (when, self._order, act, values))

    def _tell(self, act: Callable[..., None], *values: Any) -> None:
        """Changes what the policy sees: now, or after the lag, never before what was told earlier."""
        if not self._lags:
            act(*values)
            return
        lag = float(self._noise.uniform(*self.scenario.event_lag))
        self._told_at = max(self._told_at, self.now + lag)
        self._at(self._told_at, act, *values)

    def _decide(self) -> None:
        result, stopwatch = self.result, self._stopwatch
        result.decisions += 1
        if stopwatch is None:
            wanted = self.pacer.decide(self)
        else:
            began = stopwatch()
            wanted = self.pacer.decide(self)
            result.decide_seconds.append((stopwatch() - began) / 1e9)
        if wanted <= 0:
            return
        s = self.scenario
        tokens = self._tokens + (self.now - self._tokens_at) * s.calls_per_second
        self._tokens, self._tokens_at = min(s.calls_per_second, tokens), self.now
        most = min(wanted, int(self._tokens), s.lines - self._lines)
        if s.leads is not None:
            most = min(most, self.leads_left or 0)
        for _ in range(most):
            self._tokens -= 1
            self._dial()

    # --- calls --------------------------------------------------------------------------------------------------------

    def _dial(self) -> None:
        call = self.dialled
        s, (person,) = self.scenario, self._next_persons(1)
        if person != call:
            self._persons[call] = self._again.popleft()
        draw = self._calls[person]
        self.dialled += 1
        self.result.dialled += 1
        self._lines += 1
        self.result.most_lines = max(self.result.most_lines, self._lines)
        self.ringing.add(call, self.now, self._odds_of(draw))
        rings_at = s.goes_out_at(self.now) + draw.dial
        when, outcome = self._fate(call, draw, rings_at)
        self._rings_at[call] = math.inf if outcome == "fails" else rings_at
        self._at(when, self._up if outcome == "up" else self._ends, call)

    def _fate(self, call: int, draw: CallDraw, rings_at: float) -> tuple[float, str]:
        """When the ringing ends, and how: up, ends, or fails, which never rings."""
        s = self.scenario
        mean = s.person_at(self.now)
        person = lead_chance(mean, s.spread, draw.score)
        others = (1 - person) / (1 - mean) if s.spread else 1.0
        machine = person + s.machine * others
        fails = machine + s.failed * others
        if draw.chance < person:
            return rings_at + draw.ring, "up"
        if s.exponential:
            return rings_at + draw.ring, "ends"
        if draw.chance < machine and draw.machine < NO_ANSWER_SECONDS:
            self._passed.add(call)
            return rings_at + draw.machine, "up"
        if machine <= draw.chance < fails:
            return rings_at + draw.fails, "fails"
        return rings_at + NO_ANSWER_SECONDS, "ends"

    def _next_persons(self, count: int) -> list[int]:
        """By number: of the list first, then those whose first call was taken back."""
        leads = self.scenario.leads
        if leads is None:
            return list(range(self.dialled, self.dialled + count))
        new = list(range(self.dialled, min(self.dialled + count, leads)))
        return new + list(self._again)[: count - len(new)]

    def _odds_of(self, draw: CallDraw) -> float:
        spread = self.scenario.spread
        return math.exp(spread * draw.score) if spread else 1.0

    def _draw_of(self, call: int) -> CallDraw:
        return self._calls[self._persons.get(call, call)]

    def _is_cancelled(self, call: int) -> bool:
        """Asked once, when what would have ended the ringing comes."""
        if call in self._cancelled:
            self._cancelled.discard(call)
            return True
        del self._rings_at[call]
        return False

    def _ends(self, call: int) -> None:
        if self._is_cancelled(call):
            return
        self._hung_up()
        if self.scenario.lost_ends and self._noise.random() < self.scenario.lost_ends:
            self._at(self.now + self.scenario.reconciled_after, self._see_lost, call)
        else:
            self._tell(self._see_left, call, False, self.now)

    def _hung_up(self) -> None:
        self._lines -= 1
        self.result.ended += 1

    def _up(self, call: int) -> None:
        if self._is_cancelled(call):
            return
        screened = self.scenario.screened
        self._tell(self._see_left, call, True, self.now)
        if not screened:
            self._present(call)
            return
        draw = self._draw_of(call)
        machine = call in self._passed
        takes = draw.machine_screen if machine else draw.person_screen
        self._at(self.now + takes, self._screened, call)

    def _screened(self, call: int) -> None:
        machine = call in self._passed
        person = not machine or self._draw_of(call).passes < self.scenario.machine_passes
        self._tell(self._see_screened, call, person, self.now)
        if person:
            self._present(call)
        else:
            self._hung_up()

    def _present(self, call: int) -> None:
        agent = self._agents.longest_idle()
        if agent is not None:
            self._connect(call, agent)
        elif self.scenario.grace <= 0:
            self._abandon(call)
        else:
            self._queue.append(call)
            self._in_queue.add(call)
            self._tell(self.waiting.add, call, self.now)
            self._at(self.now + self.scenario.grace, self._tires, call)

    def _tires(self, call: int) -> None:
        if call in self._in_queue:
            self._queue.remove(call)
            self._in_queue.discard(call)
            self._tell(self._see_taken, call)
            self._abandon(call)

    def _abandon(self, call: int) -> None:
        self._hung_up()
        self.result.add_answer(self.now, True)
        self._tell(self.pacer.answered, True, self.now)

    # --- agents -------------------------------------------------------------------------------------------------------

    def _restaff(self) -> None:
        wanted, agents = self.scenario.staff_at(self.now), self._agents
        here = agents.staying()
        missing = agents.absent()[: max(wanted - len(here), 0)]
        for position, agent in enumerate(missing):
            self._at(self.now + self.scenario.ramp * position / len(missing), self._comes, agent)
        for agent in here[wanted:]:
            state = agents.state[agent]
            if state in (IDLE, PAUSE):
                agents.move(agent, OUT, self.now)
            else:
                agents.leaving.add(agent)
            self._tell(self._see_leaving, agent, state)

    def _comes(self, agent: int) -> None:
        agents = self._agents
        if agent in agents.leaving:
            agents.leaving.discard(agent)
            self._tell(self._see_staying, agent, agents.state[agent], agents.since[agent])
        elif agents.state[agent] == OUT:
            self._free(agent)

    def _free(self, agent: int) -> None:
        self._agents.move(agent, IDLE, self.now)
        self._tell(self._see_idle, 1)
        if self._queue:
            call = self._queue.popleft()
            self._in_queue.discard(call)
            self._tell(self._see_taken, call)
            chosen = self._agents.longest_idle()
            self._connect(call, agent if chosen is None else chosen)

    def _connect(self, call: int, agent: int) -> None:
        self.result.add_answer(self.now, False)
        self.result.talks += 1
        self._agents.move(agent, TALK, self.now)
        self._tell(self._see_talk, agent, self.now)
        draw = self._left[agent] = self._talks[agent].take()
        talk = self.scenario.machine_talk if call in self._passed else draw.talk
        self._at(self.now + talk, self._talked, agent)

    def _talked(self, agent: int) -> None:
        self._hung_up()
        spent = self._agents.wraps_up(agent, self.now)
        self._tell(self._see_wrap, agent, spent, self.now)
        self._at(self.now + self._left[agent].wrap, self._wrapped, agent)

    def _wrapped(self, agent: int) -> None:
        agents, draw = self._agents, self._left[agent]
        pauses = draw.chance < self.scenario.pause_share
        self._tell(self._see_wrapped, agent, draw.wrap, pauses, self.now)
        if agent in agents.leaving:
            agents.move(agent, OUT, self.now)
        elif pauses:
            agents.move(agent, PAUSE, self.now)
            self._tell(self._see_pause, 1)
            self._at(self.now + draw.pause, self._back, agent, self.now)
        else:
            self._free(agent)

    def _back(self, agent: int, paused_at: float) -> None:
        agents = self._agents
        if agents.state[agent] == PAUSE and agents.since[agent] == paused_at:
            self._tell(self._see_pause, -1)
            self._free(agent)

    # --- what the policy sees -----------------------------------------------------------------------------------------

    def _see_left(self, call: int, up: bool, at: float) -> None:
        age = at - self.ringing.remove(call)
        self.pacer.call_left(age, up, at)
        if not up:
            self._ask = True
        elif self.scenario.screened:
            self.screening.add(call, at)
            self.rang.add(call, age)

    def _see_lost(self, call: int) -> None:
        self.ringing.remove(call)
        self._ask = True

    def _see_taken(self, call: int) -> None:
        self.waiting.remove(call)

    def _see_screened(self, call: int, person: bool, at: float) -> None:
        rang = self.rang.remove(call)
        self.pacer.screen_left(at - self.screening.remove(call), person, at, rang)
        if not person:
            self._ask = True

    def _see_idle(self, change: int) -> None:
        self.idle += change
        self._ask = True

    def _see_pause(self, change: int) -> None:
        self.paused += change

    def _see_talk(self, agent: int, at: float) -> None:
        self.pacer.answered(False, at)
        self.idle -= 1
        self.talking.add(agent, at)
        self._ask = False

    def _see_wrap(self, agent: int, spent: float, at: float) -> None:
        self.pacer.talk_left(spent, at)
        if agent in self.talking:
            self.talking.remove(agent)
            self.wrapping.add(agent, at)
        elif agent in self.leaving_talks:
            self.leaving_talks.remove(agent)

    def _see_wrapped(self, agent: int, spent: float, pauses: bool, at: float) -> None:
        self.pacer.wrap_left(spent, pauses, at)
        if agent in self.wrapping:
            self.wrapping.remove(agent)

    def _see_leaving(self, agent: int, state: int) -> None:
        if state == IDLE:
            self.idle -= 1
        elif state == PAUSE:
            self.paused -= 1
        elif state == TALK:
            self.leaving_talks.add(agent, self.talking.remove(agent))
        else:
            self.wrapping.remove(agent)

    def _see_staying(self, agent: int, state: int, since: float) -> None:
        if state == TALK:
            self.leaving_talks.remove(agent)
            self.talking.add(agent, since)
        else:
            self.wrapping.add(agent, since)

"""The agents of a lean shift: who does what since when, and who has been idle longest."""

from dialer.simulator.lean_result import LeanResult

OUT, IDLE, TALK, WRAP, PAUSE = range(5)


class LeanAgents:
    """Agents by number from 0. Time spent is booked to the result when an agent moves on."""

    def __init__(self, count: int, result: LeanResult) -> None:
        self.state = [OUT] * count
        self.since = [0.0] * count
        self.leaving: set[int] = set()  # they go after this call
        self._idle: dict[int, None] = {}  # longest idle first
        self._result = result

    def longest_idle(self) -> int | None:
        return next(iter(self._idle), None)

    def staying(self) -> list[int]:
        return [a for a, state in enumerate(self.state) if state != OUT and a not in self.leaving]

    def absent(self) -> list[int]:
        """Those who may come, or stay after all."""
        return [a for a, state in enumerate(self.state) if state == OUT or a in self.leaving]

    def wraps_up(self, agent: int, now: float) -> float:
        """The seconds talked."""
        spent = now - self.since[agent]
        self.move(agent, WRAP, now)
        return spent

    def move(self, agent: int, state: int, now: float) -> None:
        was, spent = self.state[agent], now - self.since[agent]
        result = self._result
        if was != OUT:
            result.staffed_seconds += spent
        if was == IDLE:
            result.idle_seconds += spent
        elif was == TALK:
            result.talk_seconds += spent
        elif was == WRAP:
            result.wrap_seconds += spent
        elif was == PAUSE:
            result.paused_seconds += spent
        if was == IDLE:
            self._idle.pop(agent, None)
        if state == IDLE:
            self._idle[agent] = None
        elif state == OUT:
            self.leaving.discard(agent)
        self.state[agent], self.since[agent] = state, now

    def close(self, now: float) -> None:
        """Books the time of all up to the end of the shift."""
        for agent, state in enumerate(self.state):
            self.move(agent, state, now)

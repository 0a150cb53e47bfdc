"""How much of the agents' time is talk: counted as the team's clock passes from event to event. Mutable; owned by a Team."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.agents import Agent, AgentPhase
from dialer.clock_step import move


@dataclass
class AgentTime:
    """Seconds, of all agents together. Time on break or logged out is none."""

    talk_seconds: float = 0.0
    staffed_seconds: float = 0.0
    _last_at: datetime | None = None

    def pass_to(self, now: datetime, agents: Iterable[Agent]) -> datetime:
        """Count the time since the last call for the agents as they have been since. Time never runs back: returns the
        present, which is not before what was told already."""
        if self._last_at is not None and now > self._last_at:
            seconds = (now - self._last_at).total_seconds()
            staffed = [agent for agent in agents if agent.is_staffed]
            self.staffed_seconds += seconds * len(staffed)
            talking = sum(agent.phase is AgentPhase.TALKING for agent in staffed)
            self.talk_seconds += seconds * talking
        self._last_at = max(now, self._last_at or now)
        return self._last_at

    def clock_stepped(self, by: timedelta) -> None:
        """An hour that was none counts for nobody."""
        move(self, ("_last_at",), by)

    @property
    def talk_share(self) -> float | None:
        """Of the time logged in and off break; None: there was none."""
        return self.talk_seconds / self.staffed_seconds if self.staffed_seconds else None

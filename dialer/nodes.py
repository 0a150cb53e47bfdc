"""The Asterisk servers as one team sees them: which are up, and since when and why the others are away. Mutable; owned by a Team.

An agent works on the server that holds the agent's leg, and calls for that agent leave there: legs of two servers cannot be
joined. So agents are counted and paced server by server, and a server that is away stops only what it holds itself.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.clock_step import moved
from dialer.ids import ONLY_NODE, NodeId

HOLDS_LINES = timedelta(minutes=2)
"""A server that is away may still carry its calls, so they count as lines in use for this long. Not for ever: a dead one carries
none, and what it held must not keep the others from dialling."""


@dataclass(frozen=True, slots=True)
class _Away:
    reason: str
    since: datetime | None  # None: was never up


class Nodes:
    """`names` as the settings have them, at least one; all of them are away at first."""

    def __init__(self, names: Iterable[NodeId] = (ONLY_NODE,)) -> None:
        self._away: dict[NodeId, _Away | None] = {
            name: _Away("not connected yet", None) for name in names
        }

    def __iter__(self) -> Iterator[NodeId]:
        return iter(self._away)

    def __len__(self) -> int:
        return len(self._away)

    def came_up(self, node: NodeId) -> None:
        self._away[node] = None

    def went_away(self, node: NodeId, reason: str, at: datetime) -> None:
        """Told again with every try to reach it: the reason may change, the instant stays."""
        before = self._away.get(node)
        self._away[node] = _Away(reason, before.since if before else at)

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step."""
        self._away = {
            node: None if away is None else moved(away, by) for node, away in self._away.items()
        }

    def is_up(self, node: NodeId | None) -> bool:
        return node is not None and node in self._away and self._away[node] is None

    @property
    def up(self) -> tuple[NodeId, ...]:
        return tuple(node for node, away in self._away.items() if away is None)

    @property
    def away(self) -> dict[NodeId, str]:
        """Those that are not up, each with the reason."""
        return {node: away.reason for node, away in self._away.items() if away is not None}

    @property
    def reason(self) -> str:
        """Why they are away, in one line."""
        away = self.away
        if len(self._away) == 1:
            return "".join(away.values())
        return "; ".join(f"{node}: {reason}" for node, reason in away.items())

    def home(self, node: NodeId | None) -> NodeId:
        """Where to look for a call that was noted with this name: of a server that the settings do not know any more, and of
        none (noted before there were several), the first."""
        return node if node is not None and node in self._away else next(iter(self._away))

    def seen_until(self, node: NodeId, now: datetime) -> datetime:
        """Until when we know what the calls of this server did: now, or when it was lost."""
        away = self._away.get(node)
        return min(now, away.since) if away and away.since else now

    def holds_lines(self, node: NodeId, now: datetime) -> bool:
        """Whether calls of this server are to be counted as lines in use."""
        return now - self.seen_until(node, now) < HOLDS_LINES

    def neediest_first(self, need: Callable[[NodeId], int]) -> list[NodeId]:
        """Those that are up, by `need` (free agents less calls under way), most first: when what the campaign may place does
        not reach for all, none is always the last."""
        return sorted(self.up, key=lambda node: (-need(node), node))

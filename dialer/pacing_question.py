"""One pacing decision as a question: what it reads besides the pacing board.

The same question to a board that was told the same gives the same decision, bit for bit: so every decision can be made again from
the pacing log (dialer.pacing_log, dialer.pacing_replay).
"""

from dataclasses import dataclass, replace

from dialer.brake import WindowState
from dialer.pacing import Binding, PacingPolicy, PacingSnapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingQuestion:
    """How many calls may `campaign` place on `node` at the instant `at` (seconds)? The fields of PacingSnapshot that the board
    does not know; `elsewhere` and the windows' `doomed` are what PacingBoard.hope said at the same instant."""

    campaign: str
    node: str
    at: float
    policy: PacingPolicy
    theta: float
    windows: tuple[WindowState, ...]
    elsewhere: float
    doomed: float
    own_in_flight: int
    rate_tokens: int
    trunk_room: int
    trunk_binding: Binding
    burst: int | None = None
    inbound_per_second: float = 0.0
    next_odds: tuple[float, ...] = ()
    revocable: int = 0

    def completed(self, board: PacingSnapshot) -> PacingSnapshot:
        """The board's part with this one's."""
        return replace(
            board,
            theta=self.theta,
            windows=self.windows,
            elsewhere=self.elsewhere,
            own_in_flight=self.own_in_flight,
            rate_tokens=self.rate_tokens,
            trunk_room=self.trunk_room,
            trunk_binding=self.trunk_binding,
            burst=self.burst,
            inbound_per_second=self.inbound_per_second,
            next_odds=self.next_odds,
            revocable=self.revocable,
        )

"""A pacing board that is recorded: it does what every board does, and writes down what it was told, asked and what it decided.

Nothing that goes wrong with the record reaches the team: the record ends there, and `fault` says why.
"""

from collections.abc import Sequence
from typing import Any

from dialer.events import PastCall
from dialer.pacing import PacingDecision
from dialer.pacing_board import Duty, PacingBoard, Stage
from dialer.pacing_log import LogHeader, LogWriter
from dialer.pacing_question import PacingQuestion

MOST_WAITING = 8_000_000
"""Bytes that nobody has taken: some minutes of the largest team. The record ends there rather than fill the memory."""


class OverrunError(Exception):
    """The record was not taken for too long"""


class RecordedBoard(PacingBoard):
    """Recorded from `record` on, until `stop` or a fault; one is that nobody takes what is written."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        super().__init__()
        self._most_waiting = most_waiting
        self._writer: LogWriter | None = None
        self.fault: Exception | None = None  # why the record ended by itself

    # --- for whoever keeps the record ---------------------------------------------------------------------------------

    @property
    def recorded(self) -> bool:
        return self._writer is not None

    def record(self, header: LogHeader) -> None:
        """A new log begins, with the board as it is now; what was not taken of another is gone."""
        self.fault = None
        try:
            self._writer = LogWriter(header, self)
        except Exception as error:
            self._fail(error)

    def take(self) -> bytes:
        """What was written since; it is whole, and goes into the same log as what was taken before."""
        return self._writer.take() if self._writer is not None else b""

    def stop(self) -> None:
        self._writer = None

    def _fail(self, error: Exception) -> None:
        self._writer, self.fault = None, error

    def _tell(self, method: str, *values: Any) -> None:
        if self._writer is None:
            return
        try:
            self._writer.told(method, values)
            self._check_room()
        except Exception as error:
            self._fail(error)

    def _check_room(self) -> None:
        if self._writer is not None and len(self._writer) > self._most_waiting:
            raise OverrunError("not written for too long")

    # --- what a board is told -----------------------------------------------------------------------------------------

    def campaign(
        self, campaign: str, *, screened: bool, grace: float, wrap_limit: float | None
    ) -> None:
        self._tell("campaign", campaign, screened, grace, wrap_limit)
        super().campaign(campaign, screened=screened, grace=grace, wrap_limit=wrap_limit)

    def recall(self, campaign: str, past: Sequence[PastCall], at: float) -> None:
        self._tell("recall", campaign, past, at)
        super().recall(campaign, past, at)

    def placed(
        self, call: str, campaign: str, node: str, at: float, odds: float = 1.0, segment: str = ""
    ) -> None:
        self._tell("placed", call, campaign, node, at, odds, segment)
        super().placed(call, campaign, node, at, odds, segment)

    def adopted(self, call: str, campaign: str, node: str, stage: Stage, since: float) -> None:
        self._tell("adopted", call, campaign, node, stage, since)
        super().adopted(call, campaign, node, stage, since)

    def unplaced(self, call: str) -> None:
        self._tell("unplaced", call)
        super().unplaced(call)

    def moved(self, call: str, stage: Stage | None, at: float, *, person: bool) -> None:
        """Of calls that the board does not know, and of ringing, no board learns anything: these are not written."""
        if self.knows(call) and stage is not Stage.RINGING:
            self._tell("moved", call, stage, at, person)
        super().moved(call, stage, at, person=person)

    def agent(
        self, agent: str, node: str, duty: Duty, since: float, *, staffed: bool, campaign: str
    ) -> None:
        self._tell("agent", agent, node, duty, since, staffed, campaign)
        super().agent(agent, node, duty, since, staffed=staffed, campaign=campaign)

    def agent_gone(self, agent: str, at: float) -> None:
        self._tell("agent_gone", agent, at)
        super().agent_gone(agent, at)

    def node_away(self, node: str, since: float) -> None:
        self._tell("node_away", node, since)
        super().node_away(node, since)

    def node_up(self, node: str) -> None:
        self._tell("node_up", node)
        super().node_up(node)

    def shift(self, seconds: float) -> None:
        self._tell("shift", seconds)
        super().shift(seconds)

    def decide(self, asked: PacingQuestion) -> PacingDecision:
        decision = super().decide(asked)
        if self._writer is not None:
            try:
                self._writer.decided(asked, decision)
                self._check_room()
            except Exception as error:
                self._fail(error)
        return decision

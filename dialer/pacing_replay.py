"""A pacing log played again: the same board, told the same and asked the same, must decide the same, bit for bit."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dialer.pacing import PacingDecision
from dialer.pacing_bits import GarbledLogError
from dialer.pacing_board import PacingBoard
from dialer.pacing_frames import DamagedLogError, FrameReader
from dialer.pacing_log import Begun, Decided, LogHeader, LogReader, Told

Value = int | float | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The first value that does not agree. `record`: its number in the file, from 1; `at` in seconds since 1970."""

    record: int
    at: float
    campaign: str
    node: str
    field: str
    logged: Value
    replayed: Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """What playing one file came to, up to its end, its first difference or its first damage.

    `decisions` agree. `damaged_at`: the byte from which the file cannot be read. `cut_short`: its last record is not whole, as a
    crash leaves it.
    """

    header: LogHeader | None
    records: int
    decisions: int
    until: float | None  # the instant of the last decision that was made again
    difference: Difference | None = None
    damaged_at: int | None = None
    cut_short: bool = False

    @property
    def exit_code(self) -> int:
        """0: all agrees; 1: a difference; 2: not readable."""
        if self.difference is not None:
            return 1
        begun = self.header is not None or self.cut_short
        return 0 if self.damaged_at is None and begun else 2


class Player:
    """Plays the records of one file, in order. `see` is given every decision that agrees."""

    def __init__(self, see: Callable[[Decided], None]) -> None:
        self._see = see
        self.header: LogHeader | None = None
        self.records = self.decisions = 0
        self.until: float | None = None
        self.difference: Difference | None = None
        self._board: PacingBoard | None = None

    def play(self, records: Iterable[Begun | Told | Decided]) -> bool:
        """False: something differs. Raises GarbledLogError."""
        for record in records:
            self.records += 1
            match record:
                case Begun(header=header, board=board):
                    self.header, self._board = header, board
                case Told():
                    _tell(self._known, record)
                case Decided():
                    self.difference = _compare(self._known, record, self.records)
                    self.until = record.asked.at
                    if self.difference is not None:
                        return False
                    self.decisions += 1
                    self._see(record)
        return True

    @property
    def _known(self) -> PacingBoard:
        if self._board is None:
            raise GarbledLogError
        return self._board


def replay(content: bytes, see: Callable[[Decided], None] = lambda _: None) -> Replay:
    """The whole file's content. Nothing is raised: what is wrong stands in the result. `see`: see Player."""
    frames, reader, player = FrameReader(content), LogReader(), Player(see)
    damaged_at = None
    try:
        for block in frames:
            if not player.play(reader.records(block)):
                break
    except (DamagedLogError, GarbledLogError, LookupError):
        damaged_at = frames.place
    return Replay(
        header=player.header,
        records=player.records,
        decisions=player.decisions,
        until=player.until,
        difference=player.difference,
        damaged_at=damaged_at,
        cut_short=frames.cut_short,
    )


def _tell(board: PacingBoard, told: Told) -> None:
    """What raised on the board then raises now, and leaves the same behind."""
    try:
        getattr(board, told.method)(**told.arguments)
    except LookupError:
        return


def _compare(board: PacingBoard, record: Decided, number: int) -> Difference | None:
    asked = record.asked
    elsewhere, doomed = board.hope(asked.campaign, asked.node, asked.at)
    logged = {"elsewhere": asked.elsewhere, "doomed": asked.doomed, **values_of(record.decision)}
    again = {"elsewhere": elsewhere, "doomed": doomed, **values_of(board.decide(asked))}
    for field, value in logged.items():
        if _bits(value) != _bits(again[field]):
            return Difference(
                record=number,
                at=asked.at,
                campaign=asked.campaign,
                node=asked.node,
                field=field,
                logged=value,
                replayed=again[field],
            )
    return None


def values_of(decision: PacingDecision) -> dict[str, Value]:
    """All that a decision says, by name."""
    allowed = decision.allowed
    binding = allowed.binding.name if allowed is not None and allowed.binding is not None else None
    return {
        "calls_to_place": decision.calls_to_place,
        "limited_by": decision.limited_by.value,
        "calls_to_revoke": decision.calls_to_revoke,
        "risk": decision.risk,
        "expected_free": decision.expected_free,
        "expected_answers": decision.expected_answers,
        "allowed.theta": allowed.theta if allowed is not None else None,
        "allowed.room": allowed.room if allowed is not None else None,
        "allowed.binding": binding,
    }


def _bits(value: Value) -> bytes | int | str | None:
    return struct.pack("<d", value) if isinstance(value, float) else value

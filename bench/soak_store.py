"""What the soak reads in the server's database, from outside: read only, one short transaction a look."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

FINAL = ("done", "excluded")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        connection.execute("BEGIN")
        yield connection


@dataclass(frozen=True, slots=True)
class OpenAttempts:
    ids: frozenset[str]
    twice: int  # leads or numbers with more than one
    agents_with_two: int  # agents with more than one attempt that is bridged and open


def open_attempts(path: Path) -> OpenAttempts:
    with reading(path) as connection:
        rows = connection.execute(
            "SELECT id, lead_id, phone, agent_id, bridged_at FROM attempts WHERE ended_at IS NULL"
        ).fetchall()
    bridged = Counter(row[3] for row in rows if row[3] and row[4])
    return OpenAttempts(
        ids=frozenset(row[0] for row in rows),
        twice=more_than_one(row[1] for row in rows) + more_than_one(row[2] for row in rows),
        agents_with_two=more_than_one(bridged.elements()),
    )


def more_than_one(values: Iterator[str]) -> int:
    return sum(count > 1 for count in Counter(values).values())


def leads_by_state(path: Path) -> dict[str, int]:
    with reading(path) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM leads GROUP BY state"))


def decided_after(path: Path, last: int) -> tuple[list[float], int]:
    """When the attempts written after row `last` were decided, and the last row now. (`started_at` is when they were
    written, which may take them together.)"""
    with reading(path) as connection:
        rows = connection.execute(
            "SELECT id, rowid FROM attempts WHERE rowid > ? ORDER BY rowid", (last,)
        ).fetchall()
    return sorted(decided_at(row[0]) for row in rows), (rows[-1][1] if rows else last)


def decided_at(call_id: str) -> float:
    """The instant in a call id, seconds of the Unix clock: a UUIDv7 begins with its milliseconds."""
    return (UUID(call_id).int >> 80) / 1000


class Bucket:
    """The calls-per-second limit: a bucket of one second's worth, whose clock never goes back. Pure."""

    def __init__(self, rate: float) -> None:
        self._rate, self._tokens = rate, rate
        self._at: float | None = None
        self.over = 0  # calls for which there was no token

    def take(self, instants: list[float]) -> None:
        """Seconds, to the millisecond: hence the tolerance."""
        for each in instants:
            at = max(each, self._at if self._at is not None else each)
            gone = at - self._at if self._at is not None else 0.0
            self._tokens = min(self._rate, self._tokens + self._rate * gone)
            self._at = at
            if self._tokens < 1 - 0.001 * self._rate - 1e-3:
                self.over += 1
            else:
                self._tokens -= 1


def ended(path: Path) -> dict[str, Any]:
    """The whole history, at the end."""
    with reading(path) as connection:

        def one(query: str) -> int:
            return int(connection.execute(query).fetchone()[0])

        return {
            "attempts": dict(connection.execute("SELECT id, outcome FROM attempts")),
            "outcomes": dict(
                connection.execute(
                    "SELECT coalesce(outcome, 'open'), count(*) FROM attempts GROUP BY outcome"
                )
            ),
            "after_a_talk": one(
                "SELECT count(*) FROM attempts a JOIN attempts t ON t.lead_id = a.lead_id"
                " WHERE t.outcome = 'talked' AND a.started_at > t.started_at"
            ),
            "overlapping": one(
                "SELECT count(*) FROM attempts a JOIN attempts b ON b.lead_id = a.lead_id"
                " WHERE a.started_at < b.started_at AND a.ended_at > b.started_at"
            ),
        }

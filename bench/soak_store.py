"""What the soak reads in the server's database, from outside: read only, one short transaction a look."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

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


def started_after(path: Path, last: int) -> tuple[list[str], int]:
    """The instants at which the attempts written after row `last` were decided, in the order of the decisions, and the
    last row now."""
    with reading(path) as connection:
        rows = connection.execute(
            "SELECT started_at, rowid FROM attempts WHERE rowid > ? ORDER BY rowid", (last,)
        ).fetchall()
    return [row[0] for row in rows], (rows[-1][1] if rows else last)


class Bucket:
    """The calls-per-second limit: a bucket of one second's worth, whose clock never goes back. Pure."""

    def __init__(self, rate: float) -> None:
        self._rate, self._tokens = rate, rate
        self._at: float | None = None
        self.over = 0  # calls for which there was no token

    def take(self, instants: list[str]) -> None:
        """As stored, in the order of the decisions."""
        for each in instants:
            told = datetime.fromisoformat(f"{each}+00:00").timestamp()
            at = max(told, self._at or told)
            self._tokens = min(self._rate, self._tokens + self._rate * (at - (self._at or at)))
            self._at = at
            if self._tokens < 1 - 1e-3:
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

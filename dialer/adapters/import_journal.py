"""What an import of a file leaves beside it: the report of rejected rows, and while it runs, how far it has come.

The journal (REPORT.progress) is a line of JSON for what is imported, then one for each batch that the store has; it goes
when the import is done. It is locked as long as its import runs, and holds no number of anybody. Report and journal are
readable by their owner only. After a crash the last whole line counts: `report_size` cuts off what the report got from a
batch that did not make it, and the batch's ids, drawn from `seed`, show whether the store has it all the same.
"""

import csv
import fcntl
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from dialer.adapters.lead_table import Rejected, safe_cell
from dialer.errors import ConflictError, InvalidInputError
from dialer.ids import LeadId

OWNER_ONLY = 0o600


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is imported, and how its leads get their ids. Two imports with the same `key` are one."""

    key: str
    seed: str
    started_at: str  # ISO 8601


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Of the whole file so far."""

    batches: int = 0
    rows: int = 0
    added: int = 0
    duplicates: int = 0
    rejected: int = 0
    report_size: int = 0
    witness: LeadId | None = None  # a lead that the last batch added


class ImportJournal:
    """Use `open_journal`."""

    def __init__(self, path: Path, file: IO[bytes], report: Path) -> None:
        self._path = path
        self._file = file
        self._report = report
        self.subject = Subject(key="", seed="", started_at="")
        self.totals = Totals()
        self.witnesses: list[LeadId] = []

    def take_up(self, key: str) -> bool:
        """Whether an import with this key was cut short; if so `totals` are those of its last batch."""
        lines = [line for line in self._file if line.endswith(b"\n")]
        try:
            self.subject = Subject(**json.loads(lines[0]))
            done = [Totals(**json.loads(line)) for line in lines[1:]]
        except (IndexError, TypeError, ValueError):
            return False
        if self.subject.key != key:
            return False
        self._file.seek(sum(map(len, lines)))
        self._file.truncate()
        self.totals = done[-1] if done else Totals()
        self.witnesses = [totals.witness for totals in done if totals.witness]
        return True

    def has_report(self) -> bool:
        """Whether the rows that were rejected so far are still there."""
        return _size(self._report) >= self.totals.report_size

    def start(self, subject: Subject) -> None:
        """From the first row. A report of an earlier import is kept beside the new one."""
        if _size(self._report):
            self._report.replace(previous(self._report))
        self.subject, self.totals, self.witnesses = subject, Totals(), []
        self._file.seek(0)
        self._file.truncate()
        self._write(asdict(subject))

    def report(self, rejected: Sequence[Rejected], header: Sequence[str], delimiter: str) -> int:
        """Write the rows of one batch; the report's size then."""
        size = self.totals.report_size
        if not rejected:
            return size
        with _private(self._report) as file:
            file.truncate(size)
            file.seek(size)
            file.write(_text(rejected, header, delimiter, first=size == 0))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def record(self, totals: Totals) -> None:
        """The store has the batch."""
        self.totals = totals
        self._write(asdict(totals))

    def done(self) -> None:
        self._path.unlink(missing_ok=True)

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def open_journal(report: Path) -> Iterator[ImportJournal]:
    """The journal of the import that writes `report`. Raises ConflictError while another process has it open, and
    InvalidInputError when it cannot be written."""
    path = report.with_name(f"{report.name}.progress")
    try:
        file = _locked(path)
    except OSError as error:
        problem = f"cannot be written: {error.strerror}; choose another place with --report"
        raise InvalidInputError("report", problem) from None
    with file:
        yield ImportJournal(path, file, report)


def previous(report: Path) -> Path:
    return report.with_name(f"{report.stem}.previous{report.suffix}")


def _locked(path: Path) -> IO[bytes]:
    while True:
        file = _private(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ConflictError("this file is being imported already") from None
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()  # it was the journal of an import that has just ended


def _private(path: Path) -> IO[bytes]:
    """Open for reading and writing; created when it is not there. Never through a link that somebody laid there."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags, OWNER_ONLY), "r+b")
    os.fchmod(file.fileno(), OWNER_ONLY)
    return file


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _text(
    rejected: Sequence[Rejected], header: Sequence[str], delimiter: str, *, first: bool
) -> bytes:
    """The rows as they were, with three columns before them; a spreadsheet opens it, and `leads import` reads it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    if first:
        writer.writerow(["line", "field", "problem", *map(safe_cell, header)])
    for row in rejected:
        writer.writerow([row.line, row.field, row.problem, *map(safe_cell, row.cells)])
    return out.getvalue().encode("utf-8-sig" if first else "utf-8")

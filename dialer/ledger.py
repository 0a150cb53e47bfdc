"""The ledger: what was done and why, in records that are only ever added, each chained to the one before. Pure.

Theory of operation. Every client company has a chain. A row's hash is made of the hash before it and of the row's own text, so
a row that is changed, removed, or put elsewhere breaks the chain from there on. Whoever can write the database could make the
whole chain anew: against that stands a checkpoint, signed and kept elsewhere, which says how many rows there were and what the
last hash was.

What is personal (the number that was called) is not in the text. There stands its hash with a salt that is kept apart, one for
each person: while the salt is there, the number in the attempt can be proven; once salt and number are erased, nothing leads
from the row to the person any more, and the chain still verifies.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

GENESIS = "0" * 64
"""The hash before the first row."""

_DOMAIN = b"dialer ledger 1\n"

Value = str | int | bool | None | list[str]
Body = Mapping[str, Value]


class Kind(StrEnum):
    CALL = "call"  # an attempt has ended
    DISPOSITION = "disposition"  # an agent's word on it, perhaps minutes later
    MACHINE_LABEL = "machine_label"  # what a human heard where detection had said "machine"
    ERASED = "erased"  # a person's data were erased
    PRUNED = "pruned"  # older rows were removed, their time being over


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRow:
    """`body` is the text that was hashed, to the byte."""

    chain: str
    seq: int  # from 1, without gaps
    at: datetime
    body: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainHead:
    """Where a chain stands: `count` rows were ever written, `hash` is of the last. Rows before `first_seq` were removed when
    their time was over; `first_prev` is the hash before it."""

    chain: str
    count: int = 0
    hash: str = GENESIS
    first_seq: int = 1
    first_prev: str = GENESIS


def instant(at: datetime | None) -> str | None:
    """As it stands in a record: UTC, microseconds."""
    if at is None:
        return None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def text_of(body: Body) -> str:
    """One spelling for each body: keys sorted, no blanks, ASCII."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def hash_of(before: str, text: str) -> str:
    return hashlib.sha256(_DOMAIN + before.encode() + b"\n" + text.encode()).hexdigest()


def personal_hash(salt: str, name: str, value: str) -> str:
    """Of a personal field, with the person's own salt."""
    return hashlib.sha256(f"dialer person 1\n{salt}\n{name}\n{value}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A record that is not in its chain yet."""

    chain: str
    at: datetime
    body: dict[str, Value]


def chained(head: ChainHead, drafts: Iterable[Draft]) -> tuple[list[LedgerRow], ChainHead]:
    """The drafts of one chain as its next rows, and where it stands then."""
    rows: list[LedgerRow] = []
    seq, last = head.count, head.hash
    for draft in drafts:
        assert draft.chain == head.chain
        seq += 1
        body = draft.body | {"chain": head.chain, "seq": seq, "at": instant(draft.at)}
        text = text_of(body)
        last = hash_of(last, text)
        rows.append(LedgerRow(chain=head.chain, seq=seq, at=draft.at, body=text, hash=last))
    return rows, ChainHead(
        chain=head.chain,
        count=seq,
        hash=last,
        first_seq=head.first_seq,
        first_prev=head.first_prev,
    )


# --- is it whole? -----------------------------------------------------------------------------------------------------


class Fault(StrEnum):
    """What is wrong with a chain."""

    ROW_CHANGED = "row_changed"  # the hash is not that of its text and the row before
    COLUMN_CHANGED = "column_changed"  # a column does not say what the text says
    ROWS_MISSING = "rows_missing"  # numbers are left out, or come in another order
    CUT_OFF = "cut_off"  # fewer rows than were written
    HEAD_CHANGED = "head_changed"  # the chain's own word on its end is not so
    BEGIN_CHANGED = "begin_changed"  # rows are gone at the begin, and no record says why
    PERSON_CHANGED = "person_changed"  # the number in the attempt is not the one that was called
    PERSON_GONE = (
        "person_gone"  # number or salt are not there, and no record says that they were erased
    )
    OTHER_THAN_CHECKPOINT = "other_than_checkpoint"  # made anew after the checkpoint
    CHAIN_MISSING = "chain_missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    fault: Fault
    chain: str
    seq: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonalFacts:
    """What the tables hold today of the person behind one record. None: not there."""

    salt: str | None
    phone: str | None


@dataclass
class ChainCheck:
    """Feed every row in order, then ask `finish`. Mutable; remembers no rows, only the persons who are gone."""

    head: ChainHead
    expected: Mapping[int, str] = field(default_factory=dict)
    """What signed checkpoints say: by number of the row, its hash."""
    findings: list[Finding] = field(default_factory=list)
    _seq: int = 0
    _hash: str = ""
    _gone: dict[str, int] = field(default_factory=dict)
    _erased: set[str] = field(default_factory=set)
    _pruned: tuple[Value, Value] | None = None
    _met: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._seq, self._hash = self.head.first_seq - 1, self.head.first_prev

    def feed(self, row: LedgerRow, person: PersonalFacts | None = None) -> None:
        """`person`: of a record that holds the hash of a number."""
        if row.seq != self._seq + 1:
            self._find(Fault.ROWS_MISSING, row.seq)
        if hash_of(self._hash, row.body) != row.hash:
            self._find(Fault.ROW_CHANGED, row.seq)
        self._seq, self._hash = row.seq, row.hash
        expected = self.expected.get(row.seq)
        if expected is not None:
            self._met.add(row.seq)
            if expected != row.hash:
                self._find(Fault.OTHER_THAN_CHECKPOINT, row.seq)
        self._read(row, person)

    def _read(self, row: LedgerRow, person: PersonalFacts | None) -> None:
        try:
            body = json.loads(row.body)
        except ValueError:
            return  # then its hash does not fit either
        columns = (row.chain, row.seq, instant(row.at))
        if columns != (body.get("chain"), body.get("seq"), body.get("at")):
            self._find(Fault.COLUMN_CHANGED, row.seq)
        match body.get("kind"):
            case Kind.ERASED:
                self._erased.add(str(body.get("lead")))
            case Kind.PRUNED:
                self._pruned = (body.get("first_seq"), body.get("first_prev"))
            case Kind.CALL:
                self._look_at_person(row, body, person)
            case _:
                pass

    def _look_at_person(
        self, row: LedgerRow, body: Mapping[str, Value], person: PersonalFacts | None
    ) -> None:
        if person is None or person.salt is None or not person.phone:
            self._gone.setdefault(str(body.get("lead")), row.seq)
        elif personal_hash(person.salt, "phone", person.phone) != body.get("phone"):
            self._find(Fault.PERSON_CHANGED, row.seq)

    def finish(self) -> list[Finding]:
        """All that was found."""
        if self._seq < self.head.count:
            self._find(Fault.CUT_OFF, self._seq + 1)
        elif (self._seq, self._hash) != (self.head.count, self.head.hash):
            self._find(Fault.HEAD_CHANGED, self._seq)
        begin = (self.head.first_seq, self.head.first_prev)
        if begin != (self._pruned or (1, GENESIS)):
            self._find(Fault.BEGIN_CHANGED, self.head.first_seq)
        for seq in sorted(self.expected.keys() - self._met):
            if seq > self._seq:
                self._find(Fault.CUT_OFF, seq)
            elif seq == self.head.first_seq - 1 and self.expected[seq] != self.head.first_prev:
                self._find(Fault.OTHER_THAN_CHECKPOINT, seq)
        for lead, seq in self._gone.items():
            if lead not in self._erased:
                self._find(Fault.PERSON_GONE, seq)
        return self.findings

    def _find(self, fault: Fault, seq: int) -> None:
        self.findings.append(Finding(fault=fault, chain=self.head.chain, seq=seq))


# --- checkpoints ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What to remember elsewhere: where every chain stood at an instant."""

    at: datetime
    heads: tuple[ChainHead, ...]

    def text(self) -> str:
        """What is signed."""
        heads = [text_of({"chain": h.chain, "count": h.count, "hash": h.hash}) for h in self.heads]
        return text_of({"kind": "dialer checkpoint 1", "at": instant(self.at), "heads": heads})

    @classmethod
    def read(cls, text: str) -> "Checkpoint":
        """Raises ValueError, KeyError or TypeError for a text of another form."""
        found = json.loads(text)
        if found["kind"] != "dialer checkpoint 1":
            raise ValueError("no checkpoint")
        heads = [json.loads(head) for head in found["heads"]]
        return cls(
            at=datetime.fromisoformat(found["at"]),
            heads=tuple(
                ChainHead(chain=h["chain"], count=h["count"], hash=h["hash"]) for h in heads
            ),
        )

    def expected(self, chain: str) -> dict[int, str]:
        return {head.count: head.hash for head in self.heads if head.chain == chain and head.count}

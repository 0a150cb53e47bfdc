"""The chain by itself: any change of any byte is found."""

from datetime import UTC, datetime

import pytest

from dialer.adapters.sql.ledger import blank_phone
from dialer.errors import InvalidInputError
from dialer.ids import LeadId
from dialer.ledger import (
    GENESIS,
    ChainCheck,
    ChainHead,
    Checkpoint,
    Draft,
    Fault,
    LedgerRow,
    chained,
    text_of,
)
from dialer.ledger_commands import instant_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def chain(length: int) -> tuple[list[LedgerRow], ChainHead]:
    drafts = [
        Draft(chain="main", at=NOON, body={"kind": "disposition", "call": f"c{n}", "text": "è ok"})
        for n in range(length)
    ]
    return chained(ChainHead(chain="main"), drafts)


def found(rows: list[LedgerRow], head: ChainHead) -> set[Fault]:
    check = ChainCheck(head)
    for row in rows:
        check.feed(row)
    return {finding.fault for finding in check.finish()}


def test_a_chain_as_it_was_written_is_whole() -> None:
    rows, head = chain(5)
    assert found(rows, head) == set()
    assert (head.count, head.hash) == (5, rows[-1].hash)
    assert found([], ChainHead(chain="main")) == set()


def test_it_goes_on_where_it_stopped() -> None:
    rows, head = chain(2)
    more, after = chained(head, [Draft(chain="main", at=NOON, body={"kind": "disposition"})])
    assert found([*rows, *more], after) == set()


def test_every_bit_of_every_row_matters() -> None:
    rows, head = chain(3)
    for index, row in enumerate(rows):
        for name in ("body", "hash"):
            said: str = getattr(row, name)
            for place in range(len(said)):
                for bit in range(7):
                    letter = chr(ord(said[place]) ^ (1 << bit))
                    changed = {name: said[:place] + letter + said[place + 1 :]}
                    other = LedgerRow(
                        chain=row.chain,
                        seq=row.seq,
                        at=row.at,
                        body=changed.get("body", row.body),
                        hash=changed.get("hash", row.hash),
                    )
                    assert found([*rows[:index], other, *rows[index + 1 :]], head)


def test_one_body_has_one_spelling() -> None:
    assert text_of({"b": 1, "a": "è"}) == text_of({"a": "è", "b": 1}) == '{"a":"\\u00e8","b":1}'


def test_a_checkpoint_reads_as_it_was_written() -> None:
    _, head = chain(2)
    point = Checkpoint(at=NOON, heads=(head, ChainHead(chain="acme")))
    assert Checkpoint.read(point.text()) == point
    assert point.expected("main") == {2: head.hash}
    assert point.expected("acme") == {}  # nothing was written: nothing to expect
    assert point.heads[1].hash == GENESIS


def test_a_blank_number_is_short_enough_and_no_number() -> None:
    blank = blank_phone(LeadId("0193a5c0-0000-7000-8000-000000000001"))
    assert len(blank) <= 20
    assert not blank.lstrip("+").isdigit()


@pytest.mark.parametrize(
    ("said", "whole_day", "expected"),
    [
        ("2026-03-02", False, "2026-03-02T00:00:00+00:00"),
        ("2026-03-02", True, "2026-03-03T00:00:00+00:00"),
        ("2026-03-02T10:00", False, "2026-03-02T10:00:00+00:00"),
        ("2026-03-02T10:00+01:00", True, "2026-03-02T10:00:00+01:00"),
    ],
)
def test_days_and_instants(said: str, whole_day: bool, expected: str) -> None:
    assert instant_of("from", said, whole_day=whole_day).isoformat() == expected


@pytest.mark.parametrize("said", ["", "yesterday", "2026-13-01", "9999-12-31"])
def test_what_is_neither_is_refused_by_field(said: str) -> None:
    with pytest.raises(InvalidInputError, match="to"):
        instant_of("to", said, whole_day=True)

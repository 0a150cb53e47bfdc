"""`dialer callbacks` and what `dialer why` says of callbacks, as a person uses them."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from dialer.__main__ import app
from dialer.adapters.sql.store import open_stores
from dialer.callbacks import Booking, CallbackKind
from dialer.commands import RecordDisposition
from dialer.dispositions import Category, Ruling
from dialer.errors import ConflictError, InvalidInputError, NotFoundError
from dialer.ids import AgentId
from dialer.leads import LeadState, NewLead, Outcome
from dialer.ports import Stores
from tests.contract.world import LEASE, SPRING, call_to, closing, policy

T = TypeVar("T")

NOW = datetime.now(UTC)
_TENTH = date(NOW.year + (NOW.date() >= date(NOW.year, 11, 9)), 11, 10)
TUESDAY = _TENTH + timedelta(days=(1 - _TENTH.weekday()) % 7)
"""In the middle of the next November, when no holiday is near."""


class Desk:
    """A database in which one person was promised a call, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'dialer.db'}"
        self.config = folder / "dialer.toml"
        self.config.write_text(f"database = {{ url = '{self.url}' }}\n", encoding="utf-8")
        self.callback_id = self.stores(_promise)

    def run(self, *words: object) -> Result:
        return CliRunner().invoke(app, [*map(str, words), "--config", str(self.config)])

    def listed(self, *words: object) -> list[dict[str, str]]:
        result = self.run("callbacks", "list", "spring", *words)
        assert result.exit_code == 0, result.output
        return list(csv.DictReader(io.StringIO(result.output)))

    def stores(self, work: Callable[[Stores], Coroutine[Any, Any, T]]) -> T:
        async def whole() -> T:
            stores = await open_stores(self.url)
            try:
                return await work(stores)
            finally:
                await stores.close()

        return asyncio.run(whole())


async def _promise(stores: Stores) -> str:
    at = NOW - timedelta(hours=1)
    await stores.campaigns.save(replace(policy(SPRING), profile="IT-GARANTE"))
    await stores.leads.add([NewLead(campaign_id=SPRING, phone="+393470000001")], at=at)
    (lead,) = await stores.leads.reserve_due(SPRING, 1, owner="one", lease=LEASE, at=at)
    call = call_to(lead, "0190d0d0-0000-7000-8000-000000000001", at=at)
    await stores.attempts.open([call], owner="one")
    due_at = datetime(TUESDAY.year, TUESDAY.month, TUESDAY.day, 14, tzinfo=UTC)
    agreed = Booking(
        kind=CallbackKind.RECALL,
        due_at=due_at,
        agent_id=AgentId("101"),
        grace=timedelta(minutes=15),
        most_tries=3,
        note="after lunch",
    )
    word = RecordDisposition(
        call_id=call.call_id,
        agent_id=AgentId("101"),
        disposition="callback",
        callback_at=due_at,
        at=at,
        ruling=Ruling(
            category=Category.CALLBACK, lead_state=LeadState.RETRY, next_at=due_at, booking=agreed
        ),
    )
    ended_at = at + timedelta(minutes=2)
    close = closing(call, Outcome.TALKED, LeadState.DONE, None, ended_at, at, None)
    assert await stores.attempts.record([word, close]) == {}
    return call.call_id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_listed_moved_and_cancelled(desk: Desk) -> None:
    (row,) = desk.listed()
    assert (row["id"], row["state"], row["agent"]) == (desk.callback_id, "booked", "101")
    assert row["due_at"] == f"{TUESDAY}T14:00:00+00:00"
    assert row["note"] == "after lunch"
    assert desk.listed("--agent", "102") == desk.listed("--state", "done") == []
    assert len(desk.listed("--from", f"{TUESDAY}T14:00", "--before", f"{TUESDAY}T14:01")) == 1

    wednesday = TUESDAY + timedelta(days=1)
    moved = desk.run("callbacks", "move", desk.callback_id, "--to", f"{wednesday}T10:30")
    assert moved.exit_code == 0, moved.output
    (row,) = desk.listed()
    assert row["agent"] == "101"
    assert row["due_at"] == f"{wednesday}T09:30:00+00:00"  # by the clocks of Rome
    desk.run("callbacks", "move", desk.callback_id, "--anyone")
    assert desk.listed()[0]["agent"] == ""

    said = desk.run("callbacks", "cancel", desk.callback_id, "--language", "it")
    assert said.output == "annullata\n"
    assert [row["state"] for row in desk.listed()] == ["cancelled"]
    refused = desk.run("callbacks", "move", desk.callback_id, "--anyone")
    assert isinstance(refused.exception, ConflictError)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--to", "soon"), InvalidInputError),
        (("--to", "2020-01-01T10:00"), InvalidInputError),
        (("--to", f"{TUESDAY + timedelta(days=5)}T10:00"), InvalidInputError),  # a Sunday
        (("--agent", "999"), NotFoundError),
    ],
)
def test_what_cannot_be_changes_nothing(
    desk: Desk, words: tuple[str, ...], error: type[Exception]
) -> None:
    before = desk.listed()
    result = desk.run("callbacks", "move", desk.callback_id, *words)
    assert isinstance(result.exception, error)
    assert desk.listed() == before


def test_a_move_says_what_and_an_unknown_one_is_not_found(desk: Desk) -> None:
    assert desk.run("callbacks", "move", desk.callback_id).exit_code == 2
    assert isinstance(desk.run("callbacks", "cancel", "none").exception, NotFoundError)


def test_why_names_it(desk: Desk) -> None:
    said = desk.run("why", "spring").output
    assert f"callbacks: 1 wait, 0 of them overdue; the first was agreed for {TUESDAY}" in said
    told = json.loads(desk.run("why", "spring", "--json").output)
    assert told["callbacks"]["waiting"] == 1

"""`dialer dnc` and `dialer registers`, as a person uses them."""

import asyncio
import csv
import io
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from dialer.__main__ import app
from dialer.adapters.sql.store import open_stores
from dialer.leads import LeadState, NewLead
from dialer.ports import Stores
from tests.contract.world import SPRING, policy

T = TypeVar("T")

NUMBERS = [f"+39347000000{index}" for index in range(1, 6)]
LONG_AGO = (datetime.now(UTC) - timedelta(days=16)).isoformat()
RECENTLY = (datetime.now(UTC) - timedelta(days=1)).isoformat()


class Desk:
    """A settings file, a database with one campaign and five leads, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'dialer.db'}"
        self.config = folder / "dialer.toml"
        self.config.write_text(
            f"database = {{ url = '{self.url}' }}\n[[clients]]\nid = 'acme'\n", encoding="utf-8"
        )
        self.stores(self._fill)

    def run(self, *words: object, code: int = 0) -> Result:
        arguments = [*map(str, words), "--config", str(self.config)]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, result.output
        return result

    def stores(self, work: Callable[[Stores], Coroutine[Any, Any, T]]) -> T:
        async def whole() -> T:
            stores = await open_stores(self.url)
            try:
                return await work(stores)
            finally:
                await stores.close()

        return asyncio.run(whole())

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    @staticmethod
    async def _fill(stores: Stores) -> None:
        await stores.campaigns.save(replace(policy(SPRING), name="Spring"))
        leads = [NewLead(campaign_id=SPRING, phone=number) for number in NUMBERS]
        await stores.leads.add(leads, at=datetime(2026, 3, 2, tzinfo=UTC))

    def states(self) -> dict[str, LeadState]:
        async def look(stores: Stores) -> dict[str, LeadState]:
            page = await stores.leads.page(SPRING, after=None, limit=99, state=None)
            return {lead.phone: lead.state for lead in page}

        return self.stores(look)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class TestDoNotCall:
    def test_a_number_that_is_added_excludes_its_leads(self, desk: Desk) -> None:
        assert "added" in desk.run("dnc", "add", "347 0000001", "--who", "anna").output
        assert "already" in desk.run("dnc", "add", NUMBERS[0]).output
        assert desk.states()[NUMBERS[0]] is LeadState.EXCLUDED
        (listed,) = rows(desk.run("dnc", "list").output)
        assert (listed["phone"], listed["who"]) == (NUMBERS[0], "anna")

    def test_a_removal_stands_in_the_history(self, desk: Desk) -> None:
        desk.run("dnc", "add", "+39347", "--prefix", "--client", "acme", "--who", "anna")
        desk.run("dnc", "remove", "+39347", "--prefix", "--client", "acme", "--who", "bruno")
        history = rows(desk.run("dnc", "list", "--history").output)
        assert [(row["action"], row["who"]) for row in history] == [
            ("removed", "bruno"),
            ("added", "anna"),
        ]
        assert rows(desk.run("dnc", "list").output) == []

    def test_what_is_exported_can_be_imported(self, desk: Desk) -> None:
        desk.run("dnc", "add", NUMBERS[0], "--until", "2036-01-01T00:00+01:00")
        desk.run("dnc", "add", NUMBERS[1], "--client", "acme")
        desk.run("dnc", "add", "+39899", "--prefix")
        file = desk.folder / "list.csv"
        desk.run("dnc", "export", file)
        before = desk.run("dnc", "list").output
        for key in ([NUMBERS[0]], [NUMBERS[1], "--client", "acme"], ["+39899", "--prefix"]):
            desk.run("dnc", "remove", *key)
        told = desk.run("dnc", "import", file).output
        assert told == "3 added, 0 were there already, 0 rejected\n"
        assert desk.run("dnc", "import", file).output.startswith("0 added, 3 were there")
        assert rows(desk.run("dnc", "list").output) == rows(before)

    def test_wrong_rows_are_told_by_line_and_never_by_number(self, desk: Desk) -> None:
        file = desk.file(
            "list.csv",
            "numero;motivo;until\n3470000001;asked;\n12345;asked;\n3470000002;asked;soon\n",
        )
        told = desk.run("dnc", "import", file, code=3).output
        assert "line 3: phone:" in told
        assert "line 4: expires_at:" in told
        assert "1 added, 0 were there already, 2 rejected" in told
        assert "12345" not in told

    def test_a_file_without_numbers_is_refused(self, desk: Desk) -> None:
        file = desk.file("list.csv", "name\nAnna\n")
        desk.run("dnc", "import", file, code=1)


class TestRegisters:
    def batch(self, desk: Desk, *more: object) -> list[str]:
        """The numbers that are due, over all files."""
        folder = desk.folder / "batches"
        desk.run("registers", "export", folder, "--campaign", "Spring", *more)
        found = [
            row["phone"] for path in sorted(folder.iterdir()) for row in rows(path.read_text())
        ]
        for path in folder.iterdir():
            path.unlink()
        return found

    def test_all_are_due_that_were_not_asked_in_fifteen_days(self, desk: Desk) -> None:
        assert sorted(self.batch(desk, "--batch", 2)) == NUMBERS
        file = desk.file(
            "results.csv",
            "phone,listed,checked_at\n"
            f"{NUMBERS[0]},no,{RECENTLY}\n{NUMBERS[1]},si,{RECENTLY}\n{NUMBERS[2]},no,{LONG_AGO}\n",
        )
        desk.run("registers", "import", file)
        assert sorted(self.batch(desk)) == NUMBERS[2:]
        status = desk.run("registers", "status", "--campaign", "spring").output
        assert "not listed: 1; listed: 1" in status
        assert "to be asked: 3 (too old: 1, never asked: 2)" in status

    def test_the_age_is_that_of_the_answer(self, desk: Desk) -> None:
        file = desk.file("results.csv", f"phone,listed\n{NUMBERS[0]},no\n")
        desk.run("registers", "import", file, "--checked-at", LONG_AGO)
        assert sorted(self.batch(desk)) == NUMBERS

    def test_whoever_does_not_come_back_in_a_cleaned_list_is_listed(self, desk: Desk) -> None:
        sent = desk.file("sent.csv", "phone\n" + "\n".join(NUMBERS))
        back = desk.file("back.csv", "numero\n" + "\n".join(NUMBERS[:3]))
        told = desk.run("registers", "import", back, "--asked", sent, "--checked-at", RECENTLY)
        assert told.output.startswith("5 kept")
        status = desk.run("registers", "status", "--campaign", "spring").output
        assert "not listed: 3; listed: 2" in status

    def test_part_of_the_answers_and_the_same_file_again_do_no_harm(self, desk: Desk) -> None:
        text = f"phone,listed,checked_at\n{NUMBERS[0]},yes,{RECENTLY}\nnonsense,no,{RECENTLY}\n"
        file = desk.file("results.csv", text)
        told = desk.run("registers", "import", file, code=3).output
        assert "line 3: phone" in told
        assert "1 kept, 0 not newer" in told
        assert "0 kept, 1 not newer" in desk.run("registers", "import", file, code=3).output

    def test_an_answer_without_its_time_is_refused(self, desk: Desk) -> None:
        file = desk.file("results.csv", f"phone,listed\n{NUMBERS[0]},no\n")
        told = desk.run("registers", "import", file, code=1).output
        assert "checked_at: is missing" in told
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        desk.run("registers", "import", file, "--checked-at", later, code=1)

    def test_a_register_that_the_profile_does_not_name_is_refused(self, desk: Desk) -> None:
        arguments = ("registers", "status", "--campaign", "spring", "--register", "TPS")
        desk.run(*arguments, code=1)


class TestConsents:
    def test_consents_come_in_and_are_withdrawn(self, desk: Desk) -> None:
        file = desk.file(
            "consents.csv",
            f"numero,data,base,settore,prova\n{NUMBERS[0]},{RECENTLY},consent,energy,box 7\n"
            f"{NUMBERS[1]},,consent,,\n{NUMBERS[2]},{RECENTLY},rumour,,\n",
        )
        told = desk.run("consents", "import", file, code=3).output
        assert "line 3: obtained_at: is missing" in told
        assert "line 4: basis: must be one of" in told
        assert "1 added, 0 were there already, 2 rejected" in told
        told = desk.run("consents", "withdraw", NUMBERS[0], "--who", "bruno").output
        assert told.startswith("withdrawn: 1")
        (kept,) = rows(desk.run("consents", "list", NUMBERS[0]).output)
        assert (kept["sector"], kept["proof"]) == ("energy", "box 7")
        assert kept["withdrawn_at"]
        assert desk.states()[NUMBERS[0]] is LeadState.EXCLUDED


def test_one_number_is_explained_rule_by_rule(desk: Desk) -> None:
    arguments = ("check", NUMBERS[0], "--campaign", "Spring", "--at")
    allowed = desk.run(*arguments, "2026-03-03T10:00+01:00").output
    assert allowed.startswith("May be called\n")
    assert "Do-not-call list: passed" in allowed
    assert "IT-GARANTE@" in allowed
    assert "Have your counsel confirm it" in allowed
    denied = desk.run(*arguments, "2026-03-03T21:00+01:00", "--language", "it", code=3).output
    assert denied.startswith("Non si può chiamare prima di 2026-03-04 09:00")
    assert NUMBERS[0] not in allowed + denied

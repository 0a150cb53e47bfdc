"""The whole log of a server that dials, is disturbed in every way we know, and stops: each line parses, no number in it."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import urllib.request
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import (
    AgentSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    Settings,
)
from dialer.ids import CampaignId
from dialer.leads import NewLead
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from tests.support.live_server import server_process, until

pytestmark = pytest.mark.process

CAMPAIGN = CampaignId("spring")
LEADS = [NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}", name=f"Anna {n}") for n in range(400)]
TEXT_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) +[a-z_]+( |$)"
)


class Public:
    """Every third is engaged, the others answer and talk for a moment."""

    def __init__(self) -> None:
        self.rung: Counter[str] = Counter()

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        self.rung[number] += 1
        if self.rung.total() % 3 == 0:
            return Encounter(behaviour=Behaviour.BUSY, post_dial=0.1)
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.2, talk=0.5)


def lines_of(folder: Path) -> list[str]:
    return (folder / "server.log").read_text(encoding="utf-8").splitlines()


async def disturbed_log(folder: Path, form: str) -> list[str]:
    """What the server says from its start to its end."""
    variables = {"DIALER_LOG_LEVEL": "DEBUG", "DIALER_LOG_FORMAT": form}
    people = Public()
    scenario = replace(FAST, agents=4, login_spread=0.0)
    async with SimulatedExchange(scenario, clock=SystemClock(), people=people) as exchange:
        value = settings(exchange.port, folder)
        stores = await open_stores(value.database.url)
        await stores.campaigns.save(value.campaigns[0].policy())
        await stores.leads.add(LEADS, at=SystemClock().now())
        await stores.close()
        with server_process(value, folder, variables) as pid:
            await until(lambda: people.rung.total() >= 10, 20, "the campaign dials")
            await asyncio.to_thread(ask_foolishly, port_in(lines_of(folder)))
            exchange.refuse_logins = True
            exchange.drop_links()
            await until(lambda: "login refused" in "".join(lines_of(folder)), 10, "refused")
            exchange.refuse_logins = False
            before = people.rung.total()
            await until(lambda: people.rung.total() >= before + 5, 30, "it dials again")
            with closing(sqlite3.connect(folder / "logs.sqlite3", isolation_level=None)) as held:
                held.execute("BEGIN IMMEDIATE")
                await until(lambda: "store_down" in "".join(lines_of(folder)), 30, "store down")
            await until(lambda: "store_up" in "".join(lines_of(folder)), 20, "store up")
            os.kill(pid, signal.SIGTERM)
            _, status = await asyncio.to_thread(os.waitpid, pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    assert people.rung.total() > 15
    return lines_of(folder)


def port_in(lines: list[str]) -> int:
    found = re.search(
        r'(?:port=|"port": ?)(\d+)', next(line for line in lines if "serving" in line)
    )
    assert found is not None
    return int(found[1])


def ask_foolishly(port: int) -> None:
    """Requests with numbers in their path and body, and one that is no HTTP."""
    root = f"http://127.0.0.1:{port}"
    for path in (f"/leads/{LEADS[0].phone}", f"/campaigns/x?phone=%2B{LEADS[1].phone[1:]}"):
        with suppress(OSError):
            urllib.request.urlopen(root + path, timeout=5).close()
    body = json.dumps({"phone": LEADS[2].phone, "reason": LEADS[2].phone}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{root}/do-not-call", body, headers, method="POST")
    with suppress(OSError):
        urllib.request.urlopen(request, timeout=5).close()


def settings(port: int, folder: Path) -> Settings:
    return Settings(
        asterisk=AsteriskSettings(port=port, secret=SecretStr("dialer")),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'logs.sqlite3'}"),
        agents=[AgentSettings(code=str(FAST.first_code + n)) for n in range(4)],
        campaigns=[
            CampaignSettings(
                id=CAMPAIGN,
                profile="DEMO",
                mode="progressive",
                wrap_up_seconds=0.2,
                ring_timeout_seconds=5,
                caller_id="+390612345678",
                running=True,
            )
        ],
    )


async def test_no_number_is_in_the_log_and_every_line_parses(tmp_path: Path) -> None:
    """Two servers side by side, since each waits for the same deadlines."""
    for form in ("json", "text"):
        (tmp_path / form).mkdir()
    as_json, as_text = await asyncio.gather(
        *(disturbed_log(tmp_path / form, form) for form in ("json", "text"))
    )
    check([json.loads(line)["event"] for line in as_json], as_json)
    heads = [line for line in as_text if not line.startswith("    ")]
    assert [line for line in heads if not TEXT_LINE.match(line)] == []
    check([line.split()[2] for line in heads], as_text)


def check(events: list[str], lines: list[str]) -> None:
    told = "\n".join(lines)
    assert not [lead for lead in LEADS if lead.phone in told or lead.phone[1:] in told]
    assert "390612345678" not in told
    assert "Anna" not in told
    assert {"team_taken", "serving", "node_up", "node_down", "store_down", "store_up"} <= {*events}
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", event) for event in events)

"""The command line as a user meets it: processes, signals, exit codes, one line for each thing that is wrong."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dialer.adapters.system_clock import SystemClock
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from tests.support.live_server import until

pytestmark = pytest.mark.process

DEADLINE_SECONDS = 60.0
WARNINGS = "error::RuntimeWarning,error::ResourceWarning"


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """`python -m dialer ...`, its output as pipes."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dialer",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ) | {"PYTHONWARNINGS": WARNINGS, "DIALER_ASTERISK__SECRET": "dialer"},
    )


async def dialer(*arguments: str) -> tuple[int, str, str]:
    """Run to the end: exit code, standard output, standard error."""
    process = await start(*arguments)
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "dialer.toml"
    path.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path / "dialer.sqlite3"}"\n'
        '[[campaigns]]\nid = "spring"\nname = "Spring 2026"\n'
    )
    return path


def add(config: Path, text: str) -> None:
    config.write_text(config.read_text() + text)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        yield taken.getsockname()[1]


# --- what is wrong is one line ----------------------------------------------------------------------------------------


async def test_a_port_that_is_taken_is_one_line_and_nothing_is_begun(
    tmp_path: Path, config: Path, taken_port: int
) -> None:
    add(config, f"[api]\nport = {taken_port}\n")
    code, out, err = await dialer("run", "--config", str(config))
    assert (code, out) == (1, "")
    assert err == f"dialer: port {taken_port} is taken; choose another\n"
    assert not (tmp_path / "dialer.sqlite3").exists()


async def test_an_address_that_is_not_ours_is_one_line(config: Path) -> None:
    add(config, '[api]\nhost = "192.0.2.1"\n')
    code, _, err = await dialer("run", "--config", str(config))
    assert code == 1
    assert err.startswith("dialer: cannot listen on 192.0.2.1, port 8000: ")
    assert err.count("\n") == 1


async def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[asterisk]\nhots = 'pbx'\n")
    assert await dialer("run", "--config", str(path)) == (
        1,
        "",
        "dialer: asterisk.hots: no such setting; did you mean 'host'?\n",
    )


async def test_a_database_that_cannot_be_is_one_line(
    monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    monkeypatch.setenv("DIALER_DATABASE__URL", "sqlite:////nowhere/at/all.sqlite3")
    code, _, err = await dialer("run", "--config", str(config))
    assert code == 1
    assert err.startswith("dialer: database url: ")
    assert err.count("\n") == 1


async def test_a_profile_that_is_not_there_is_named(config: Path) -> None:
    add(config, 'profile = "ATLANTIS"\n[api]\nport = 0\n')
    code, _, err = await dialer("run", "--config", str(config))
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith("dialer: ")
    assert "ATLANTIS" in last


# --- lists of leads ---------------------------------------------------------------------------------------------------


def rows(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "dialer.sqlite3")) as database:
        return [phone for (phone,) in database.execute("SELECT phone FROM leads ORDER BY phone")]


async def test_a_list_is_imported_and_what_is_rejected_is_told_by_line(
    tmp_path: Path, config: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("phone,name\n06 9000 0001,Anna\n12,Carla\n+390690000002,Bruno\n0690000001,A.\n")
    asked = ("leads", "import", str(file), "--config", str(config), "--campaign")
    rejected = f"rejected rows: {tmp_path / 'list.rejected.csv'}\n"
    assert await dialer(*asked, "Spring 2026") == (
        3,
        "2 added, 1 duplicates, 1 rejected\n" + rejected,
        "line 3: phone: is not a valid telephone number\n",
    )
    assert rows(tmp_path) == ["+390690000001", "+390690000002"]
    code, out, _ = await dialer(*asked, "spring")  # by its id, once more
    assert (code, out) == (3, "0 added, 3 duplicates, 1 rejected\n" + rejected)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"phone\n12\n", "line 2: phone: is not a valid telephone number"),
        (b"colour;size\nred;1\n", "dialer: phone: the first line names no column"),
        (b"", "dialer: phone: the first line names no column"),
        (b"\x00\xff\xfe" * 500, "dialer: phone: "),
        (None, "No such file or directory"),
    ],
)
async def test_a_list_of_which_nothing_can_be_used_ends_with_one(
    tmp_path: Path, config: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "list.csv"
    if content is not None:
        file.write_bytes(content)
    asked = ("leads", "import", str(file), "--config", str(config), "--campaign", "spring")
    code, _, err = await dialer(*asked)
    assert code == 1
    assert said in err
    assert err.count("\n") == 1


async def test_a_list_for_a_campaign_that_is_not_there_names_those_that_are(
    tmp_path: Path, config: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("phone\n0690000001\n")
    code, _, err = await dialer(
        "leads", "import", str(file), "--config", str(config), "--campaign", "Autumn"
    )
    assert code == 1
    assert err == "dialer: no campaign 'Autumn'; there are: Spring 2026\n"


# --- the server -------------------------------------------------------------------------------------------------------


class Talkers:
    """Everybody answers soon and talks for two seconds."""

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.3, talk=2.0)


def talks(exchange: SimulatedExchange) -> int:
    return sum(leg.agent != "" and leg.talk is not None for leg in exchange.world.channels())


async def test_a_server_that_is_told_to_stop_ends_its_talks_first(
    tmp_path: Path, config: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("phone\n" + "\n".join(f"069000{n:04}" for n in range(200)) + "\n")
    scenario = replace(FAST, agents=3, login_spread=0.0)
    async with SimulatedExchange(scenario, clock=SystemClock(), people=Talkers()) as exchange:
        add(
            config,
            'profile = "DEMO"\nmode = "progressive"\nrunning = true\nwrap_up_seconds = 0.2\n'
            + "".join(f'[[agents]]\ncode = "{FAST.first_code + n}"\n' for n in range(3))
            + f"[asterisk]\nport = {exchange.port}\n[api]\nport = 0\n",
        )
        code, _, _ = await dialer(
            "leads", "import", str(file), "--config", str(config), "--campaign", "spring"
        )
        assert code == 0
        process = await start("run", "--config", str(config))
        await until(lambda: talks(exchange) == 3, 30, "three talks")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_SECONDS):
            _, err = await process.communicate()
        assert process.returncode == 0
        text = err.decode()
        assert "draining" in text
        assert "Traceback" not in text
        assert "drain_unfinished" not in text
        assert not [leg for leg in exchange.world.channels() if not leg.agent]
    with closing(sqlite3.connect(tmp_path / "dialer.sqlite3")) as database:
        (left,) = database.execute(
            "SELECT count(*) FROM attempts WHERE ended_at IS NULL"
        ).fetchone()
        outcomes = dict(database.execute("SELECT outcome, count(*) FROM attempts GROUP BY 1"))
        states = {state for (state,) in database.execute("SELECT DISTINCT state FROM leads")}
    assert left == 0
    assert outcomes["talked"] >= 3
    assert states <= {"new", "retry", "done"}


# --- the demonstration ------------------------------------------------------------------------------------------------


async def test_the_demonstration_as_json() -> None:
    """With the environment of a real server: it must not dial there."""
    code, out, err = await dialer("demo", "--seconds", "12", "--json", "--port", "0")
    assert code == 0, err
    summary = json.loads(out)
    assert summary["talks"] > 0, (summary, err)
    assert summary["agents"] == 20
    assert 12 <= summary["seconds"] < 20
    assert 0 < summary["talk_share"] <= 1
    assert all(" WARNING " in line for line in err.splitlines()), err


async def test_the_live_demonstration_ends_cleanly_on_ctrl_c() -> None:
    """It was asked to stop and did: exit code 0, and the figures of what it has done."""
    process = await start("demo", "--port", "0", "--agents", "3")
    assert process.stderr is not None
    seen = b""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while b"/metrics" not in seen:
            seen += await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"Traceback" not in err
    assert json.loads(out)["agents"] <= 3


async def test_the_demonstration_on_a_port_that_is_taken(taken_port: int) -> None:
    code, out, err = await dialer("demo", "--port", str(taken_port))
    assert (code, out) == (1, "")
    assert err == f"dialer: port {taken_port} is taken; choose another\n"


async def test_why_tells_from_the_database_alone(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("phone\n+390612345678\n+390612345679\n")
    code, out, _ = await dialer(
        "leads", "import", str(file), "--campaign", "spring", "--config", str(config)
    )
    assert (code, out.splitlines()[0]) == (0, "2 added, 0 duplicates, 0 rejected")
    code, out, _ = await dialer("why", "Spring 2026", "--recount", "--config", str(config))
    assert code == 0
    assert "2 leads may be tried now, 0 more within the hour" in out
    assert "2 were never tried" in out
    assert "a full recount agrees" in out
    code, out, _ = await dialer("why", "spring", "--json", "--config", str(config))
    assert (code, json.loads(out)["held"][0]["count"]) == (0, 2)
    code, _, err = await dialer("why", "winter", "--config", str(config))
    assert (code, err) == (1, "dialer: no campaign 'winter'; there are: Spring 2026\n")


async def test_a_command_does_not_load_the_server() -> None:
    """Nobody waits for the API before an answer of `dialer why` or `dialer leads`."""
    program = (
        "import sys, dialer.__main__; print({'api.app', 'fastapi', 'uvicorn'} & set(sys.modules))"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe)
    out, _ = await process.communicate()
    assert out == b"set()\n"

"""A whole server leaves a pacing log, stopped or killed, and `dialer replay` makes every decision of it again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import read_settings
from dialer.ids import CampaignId
from dialer.leads import NewLead
from dialer.pacing_frames import MARK, FrameReader, FrameWriter
from dialer.pacing_recorder import RecordedBoard
from dialer.replay_run import replay_files
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.people import Behaviour, Encounter
from dialer.simulator.scenario import FAST
from dialer.texts import Language
from tests.support.board_story import BoardStory
from tests.support.live_server import until
from tests.support.pacing_logs import Recording

DEADLINE_SECONDS = 60.0


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialer", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ) | {"DIALER_ASTERISK__SECRET": "dialer"},
    )


async def replayed(files: Sequence[Path], *options: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    process = await start("replay", *map(str, files), *options)
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def prepare(folder: Path, port: int) -> Path:
    config = folder / "dialer.toml"
    agents = "".join(f'[[agents]]\ncode = "{FAST.first_code + n}"\n' for n in range(4))
    config.write_text(
        f'log_format = "json"\ndrain_seconds = 2\n'
        f"[asterisk]\nport = {port}\n[api]\nport = 0\n"
        f'[database]\nurl = "sqlite:///{folder / "dialer.sqlite3"}"\n{agents}'
        '[[campaigns]]\nid = "spring"\nname = "Spring"\nprofile = "DEMO"\nrunning = true\n'
        "wrap_up_seconds = 1\n"
    )
    return config


async def add_leads(config: Path) -> None:
    settings = read_settings(config)
    stores = await open_stores(settings.database.url)
    for _, policy in settings.campaign_policies():
        await stores.campaigns.save(policy)
    leads = [
        NewLead(campaign_id=CampaignId("spring"), phone=f"+39069{number:08}")
        for number in range(400)
    ]
    await stores.leads.add(leads, at=SystemClock().now())
    await stores.close()


class Talkers:
    """Everybody answers soon and talks for two seconds."""

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        return Encounter(behaviour=Behaviour.PERSON, post_dial=0.1, ring=0.3, talk=2.0)


def logs(folder: Path) -> list[Path]:
    return sorted((folder / "pacing-log").glob("*.pacing"))


def logged(folder: Path) -> int:
    return sum(file.stat().st_size for file in logs(folder))


@pytest.mark.process
async def test_a_server_that_is_killed_and_one_that_stops_leave_logs_that_agree(
    tmp_path: Path,
) -> None:
    scenario = replace(FAST, agents=4, login_spread=0.0)
    async with SimulatedExchange(scenario, clock=SystemClock(), people=Talkers()) as exchange:
        config = prepare(tmp_path, exchange.port)
        await add_leads(config)
        for last in (signal.SIGKILL, signal.SIGTERM):
            before = logged(tmp_path)
            server = await start("run", "--config", str(config))
            await until(lambda: logged(tmp_path) > before + 1500, 40, "a log")  # noqa: B023
            server.send_signal(last)
            async with asyncio.timeout(DEADLINE_SECONDS):
                _, err = await server.communicate()
            assert "pacing_log" not in err.decode()
    files = logs(tmp_path)
    assert len(files) == 2
    code, out, err = await replayed(files, "--decisions", "--language", "it")
    assert code == 0, err
    assert err.count("tutte concordano") == 2
    assert " 0 decisioni" not in err
    decisions = [json.loads(line) for line in out.splitlines()]
    assert {each["campaign"] for each in decisions} == {"spring"}
    assert sum(each["calls_to_place"] for each in decisions) > 0
    assert "+39069" not in out


@pytest.fixture
def log(tmp_path: Path) -> Path:
    board = RecordedBoard()
    story, recording = BoardStory(board, Random(1), agents=3), Recording(board)
    story.go_on(40)
    recording.flush()
    file = tmp_path / "sales.20261123T083000-000000Z.pacing"
    file.write_bytes(recording.logs[0])
    return file


def say(*files: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    return replay_files(files, Language.EN, said.append), said


def test_a_damaged_file_says_from_where_on(log: Path) -> None:
    code, (other, agrees) = say(log)
    assert code == 0
    assert "written with other rules" in other
    assert "all agree" in agrees
    content = bytearray(log.read_bytes())
    content[-9] ^= 1
    log.write_bytes(content)
    code, said = say(log)
    assert code == 2
    assert "damaged from byte" in said[-1]


def test_files_that_are_no_logs_are_named_and_the_others_played(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.pacing"
    other.write_text("hello")
    code, said = say(tmp_path / "none.pacing", other, log)
    assert code == 2
    assert [line.partition(": ")[2] for line in said[:2]] == [
        "No such file or directory",
        "no pacing log that this version can read",
    ]
    assert "all agree" in said[-1]


def test_a_file_that_was_cut_is_played_up_to_there(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-5])
    code, said = say(log)
    assert code == 0
    assert "the last record is not whole" in said[0]


def test_a_decision_that_differs_is_named_with_both_values(log: Path) -> None:
    blocks = list(FrameReader(log.read_bytes()))
    frames = FrameWriter()
    answered = [block.replace(b"no_agents", b"free_agen") for block in blocks]
    log.write_bytes(MARK + b"".join(frames.frame(block) for block in answered))
    assert say(log)[0] == 2  # no such reason
    answered = [block.replace(b"\x09no_agents", b"\x0bfree_agents") for block in blocks]
    frames = FrameWriter()
    log.write_bytes(MARK + b"".join(frames.frame(block) for block in answered))
    code, said = say(log)
    assert code == 1
    assert "limited_by was 'free_agents', is 'no_agents' now" in said[-1]

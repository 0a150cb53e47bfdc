"""`dialer doctor` on the real pair: nothing to mend on a good one; on a broken one the fault and the line that mends it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from dialer.__main__ import app
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import ApiSettings, CampaignSettings, DatabaseSettings, Settings
from dialer.doctor import Finding, Level, check
from dialer.doctor_run import examine, gather
from dialer.testbed import AsteriskPair
from tests.support.live_server import campaign, settings

pytestmark = pytest.mark.asterisk

RIGHTS = "write = call,agent,originate,reporting,user"
SCREENED = campaign(screen=True, lines=10)
NOTES = {"write_timeout", "global_variables", "audio_ports"}


@pytest.fixture(scope="module")
def pair(own_pair: AsteriskPair) -> AsteriskPair:
    return own_pair


def good(pair: AsteriskPair, folder: Path, *campaigns: CampaignSettings) -> Settings:
    value = settings(pair, folder, ["2001", "2002"], SCREENED)
    more = {"api": ApiSettings(port=0)} | ({"campaigns": list(campaigns)} if campaigns else {})
    return value.model_copy(update=more)


def wrong(findings: list[Finding]) -> dict[str, tuple[Level, str]]:
    return {f.key: (f.level, f.line) for f in findings if f.level in (Level.WARNING, Level.FAULT)}


async def test_a_good_pair_has_nothing_to_mend(pair: AsteriskPair, tmp_path: Path) -> None:
    calls = pair.far_end.cdr()
    speaking = campaign(id="usa", profile="US-FED", lines=10, ring_timeout_seconds=16)
    findings = await examine(good(pair, tmp_path, SCREENED, speaking))
    assert wrong(findings) == {}
    assert {f.key for f in findings if f.level is Level.NOTE} == NOTES
    said = [f.values.get("name") for f in findings if f.key in ("sound", "noise", "trunk")]
    assert said == ["dialer/connect", "dialer/message-it", "dialer-noise", pair.trunk]
    assert not (tmp_path / "test.sqlite3").exists()
    assert pair.far_end.cdr() == calls


# --- the exchange, broken ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Break:
    """In `file` of the PBX `old` becomes `new`; `reload` has Asterisk read it."""

    key: str
    file: str
    old: str
    new: str
    reload: str
    level: Level
    line: str


F, W = Level.FAULT, Level.WARNING
MANAGER, MOH = "manager reload", "moh reload"
INCLUDE = "#include dialer-extensions.conf"
MOH_INCLUDE = "#include dialer-musiconhold.conf"
BREAKS = [
    Break(
        "write_class_missing",
        "dialer-manager.conf",
        RIGHTS,
        "write = call,agent,originate,user",
        MANAGER,
        F,
        RIGHTS,
    ),
    Break(
        "write_class_missing",
        "dialer-manager.conf",
        RIGHTS,
        "write = call,agent,reporting,user",
        MANAGER,
        F,
        RIGHTS,
    ),
    Break(
        "write_class_missing",
        "dialer-manager.conf",
        RIGHTS,
        "write = agent,originate,reporting,user",
        MANAGER,
        F,
        RIGHTS,
    ),
    Break("too_much", "dialer-manager.conf", RIGHTS, f"{RIGHTS},command", MANAGER, W, RIGHTS),
    Break(
        "read_class_missing",
        "dialer-manager.conf",
        "read = system,call,agent,user",
        "read = system,call,agent",
        MANAGER,
        F,
        "read = system,call,agent,user",
    ),
    Break(
        "ami_one_session",
        "dialer-manager.conf",
        "allowmultiplelogin = yes",
        "allowmultiplelogin = no",
        MANAGER,
        F,
        "allowmultiplelogin = yes",
    ),
    Break(
        "ami_refused",
        "manager.conf",
        "#include dialer-manager.conf",
        "",
        MANAGER,
        F,
        "#include dialer-manager.conf",
    ),
    Break(
        "no_event_times",
        "manager.conf",
        "timestampevents = yes",
        "timestampevents = no",
        MANAGER,
        W,
        "timestampevents = yes",
    ),
    Break("no_dialplan", "extensions.conf", INCLUDE, "", "dialplan reload", F, INCLUDE),
    Break(
        "contexts_missing",
        "dialer-extensions.conf",
        "[dialer-talk]",
        "[dialer-talk-of-mine]",
        "dialplan reload",
        F,
        INCLUDE,
    ),
    Break("noise_missing", "musiconhold.conf", MOH_INCLUDE, "", MOH, F, MOH_INCLUDE),
    Break(
        "noise_other",
        "musiconhold.conf",
        MOH_INCLUDE,
        "[default]\nmode = files\ndirectory = sounds/far-end\n",
        MOH,
        F,
        MOH_INCLUDE,
    ),
    Break(
        "trunk_codecs",
        "dialer-pjsip.conf",
        "allow = alaw,ulaw\ndirect_media = no\nrtp_symmetric = yes\ndtmf_mode",
        "allow = gsm\ndirect_media = no\nrtp_symmetric = yes\ndtmf_mode",
        "module reload res_pjsip.so",
        F,
        "allow = alaw,ulaw",
    ),
    Break(
        "trunk_rtp_timeout",
        "dialer-pjsip.conf",
        "rtp_timeout = 20\n",
        "",
        "module reload res_pjsip.so",
        W,
        "rtp_timeout = 20",
    ),
]


@contextlib.contextmanager
def broken(pair: AsteriskPair, each: Break) -> Iterator[None]:
    path = pair.pbx.folder / "etc" / each.file
    whole = path.read_text(encoding="utf-8")
    assert each.old in whole
    path.write_text(whole.replace(each.old, each.new, 1), encoding="utf-8")
    try:
        pair.pbx.cli(each.reload)
        yield
    finally:
        path.write_text(whole, encoding="utf-8")
        pair.pbx.cli(each.reload)


@pytest.mark.parametrize("each", BREAKS, ids=[f"{b.key}-{b.new[:24].strip()}" for b in BREAKS])
async def test_a_broken_exchange_is_told_with_the_line_that_mends_it(
    pair: AsteriskPair, tmp_path: Path, each: Break
) -> None:
    with broken(pair, each):
        found = wrong(await examine(good(pair, tmp_path)))
    assert found[each.key] == (each.level, each.line)
    assert set(found) <= {each.key, "contexts_unseen"}


async def test_a_module_that_is_not_loaded_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    pair.pbx.cli("module unload app_amd.so")
    try:
        found = wrong(await examine(good(pair, tmp_path)))
    finally:
        pair.pbx.cli("module load app_amd.so")
    assert found == {"module_missing": (F, "load = app_amd.so")}


async def test_a_sound_that_is_not_there_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    sounds = pair.pbx.folder / "data" / "sounds" / "dialer"
    (sounds / "connect.ulaw").rename(sounds / "gone.ulaw")
    try:
        found = wrong(await examine(good(pair, tmp_path)))
    finally:
        (sounds / "gone.ulaw").rename(sounds / "connect.ulaw")
    assert found == {"sound_missing": (F, "cp -r asterisk_conf/sounds/dialer DATA/sounds/")}


async def test_a_carrier_that_does_not_answer_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    """The dead trunk has no sign of life to lose until it is watched."""
    watched = Break(
        "trunk_silent",
        "pjsip_local.conf",
        "contact = sip:",
        "qualify_frequency = 60\nqualify_timeout = 0.5\ncontact = sip:",
        "module reload res_pjsip.so",
        W,
        "",
    )
    dead = campaign(id="dead", trunks=["far-end-dead"])
    with broken(pair, watched):
        found = wrong(await examine(good(pair, tmp_path, dead)))
    assert found == {"trunk_silent": (W, "")}


# --- the settings, broken ---------------------------------------------------------------------------------------------


async def test_a_wrong_secret_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    value = good(pair, tmp_path)
    for secret, key, line in (
        ("wrong", "ami_refused", "#include dialer-manager.conf"),
        ("", "ami_no_secret", "DIALER_ASTERISK__SECRET=..."),
    ):
        ami = value.asterisk.model_copy(update={"secret": SecretStr(secret)})
        found = wrong(await examine(value.model_copy(update={"asterisk": ami})))
        assert found == {key: (F, line)}


async def test_an_exchange_that_is_not_there_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    value = good(pair, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ami = value.asterisk.model_copy(update={"port": port})
    found = wrong(await examine(value.model_copy(update={"asterisk": ami})))
    assert found == {"ami_unreachable": (F, "enabled = yes")}


async def test_a_trunk_that_is_not_there_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    found = wrong(await examine(good(pair, tmp_path, campaign(trunks=["carrier"]))))
    assert found == {"trunk_missing": (F, "[carrier](dialer-trunk)")}


async def test_a_profile_that_is_not_there_is_told(pair: AsteriskPair, tmp_path: Path) -> None:
    found = wrong(await examine(good(pair, tmp_path, campaign(profile="XX"))))
    assert found == {"profile_unknown": (F, 'profile = "IT-GARANTE"')}


class ClockAhead:
    def now(self) -> datetime:
        return SystemClock().now() + timedelta(seconds=90)


async def test_clocks_that_differ_are_told(pair: AsteriskPair, tmp_path: Path) -> None:
    (facts,) = (await gather(good(pair, tmp_path), ClockAhead())).values()
    assert facts.asterisk.skew_seconds == pytest.approx(-90, abs=0.5)
    assert wrong(check(facts)) == {"clock_behind": (F, "timedatectl set-ntp true")}


# --- our own side, broken (no exchange needed: its findings are left out) ---------------------------------------------


async def at_home(value: Settings) -> dict[str, tuple[Level, str]]:
    nobody = value.asterisk.model_copy(update={"port": 1})
    found = wrong(await examine(value.model_copy(update={"asterisk": nobody})))
    del found["ami_unreachable"]
    return found


def home(database: Path, **more: object) -> Settings:
    values = {"database": DatabaseSettings(url=f"sqlite:///{database}")} | more
    return Settings().model_copy(update={"api": ApiSettings(port=0)} | values)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_at(file: Path, place: int, value: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] = value
    file.write_bytes(data)


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """A file with today's schema."""
    file = tmp_path / "dialer.sqlite3"
    await (await open_stores(f"sqlite:///{file}")).close()
    return file


async def test_a_database_of_today_is_well_and_left_as_it_is(database: Path) -> None:
    before = digest(database)
    assert await at_home(home(database)) == {}
    assert digest(database) == before


async def test_a_database_that_takes_no_writes_is_told(database: Path) -> None:
    """Byte 18 of an SQLite file names the format to write it in: one that SQLite does not know makes it read-only."""
    write_at(database, 18, 3)
    found = await at_home(home(database))
    assert found == {"database_read_only": (F, f"chown dialer: {database}")}


@pytest.mark.parametrize(
    ("revision", "key", "level"), [("9999", "database_newer", F), ("0001", "database_older", W)]
)
async def test_a_database_of_another_version_is_told(
    database: Path, revision: str, key: str, level: Level
) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        [(now,)] = connection.execute("SELECT version_num FROM alembic_version")
        if revision == "0001" and now == "0001":
            pytest.skip("there is one version only")
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    assert await at_home(home(database)) == {key: (level, "")}


async def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("bread, milk\n" * 100)
    for place in (file, tmp_path / "nowhere" / "dialer.sqlite3"):
        assert await at_home(home(place)) == {"database_unreadable": (F, "url = ...")}


async def test_a_port_that_is_taken_is_told_and_our_own_server_is_known(database: Path) -> None:
    async def alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.0 200 OK\r\n\r\n{"status":"alive"}')
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        port = other.getsockname()[1]
        taken = ApiSettings(port=port)
        answer = asyncio.create_task(_hang_up_on(other))
        assert await at_home(home(database, api=taken)) == {"api_taken": (F, f"port = {port + 1}")}
        await answer
    server = await asyncio.start_server(alive, "127.0.0.1", 0)
    async with server:
        ours = ApiSettings(port=server.sockets[0].getsockname()[1])
        assert await at_home(home(database, api=ours)) == {}


async def _hang_up_on(listener: socket.socket) -> None:
    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
    connection.close()


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_says_it_in_both_languages_and_by_its_exit_code(
    pair: AsteriskPair, tmp_path: Path
) -> None:
    ami = pair.pbx.ami
    config = tmp_path / "dialer.toml"
    config.write_text(
        f'[asterisk]\nport = {ami.port}\n[database]\nurl = "sqlite:///{tmp_path}/d.sqlite3"\n'
        f'[api]\nport = 0\n[[campaigns]]\nid = "spring"\ntrunks = ["{pair.trunk}"]\n'
    )
    command = ["doctor", "--config", str(config)]
    runner = CliRunner(env={"DIALER_ASTERISK__SECRET": ami.secret})
    well = runner.invoke(app, command)
    assert (well.exit_code, well.stdout.splitlines()[-1]) == (
        0,
        "No faults, 0 warnings: the dialer can run.",
    )
    refused = CliRunner(env={"DIALER_ASTERISK__SECRET": "wrong"})
    ill = refused.invoke(app, [*command, "--language", "it"])
    assert ill.exit_code == 1
    assert "GUASTO" in ill.stdout
    assert "riga: #include dialer-manager.conf" in ill.stdout
    told = refused.invoke(app, [*command, "--json"])
    first = json.loads(told.stdout)["findings"][0]
    assert (told.exit_code, first["level"], first["check"]) == (1, "fault", "ami_refused")
    assert ami.secret not in ill.stdout + well.stdout

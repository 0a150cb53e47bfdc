"""What compose.yaml mounts and sets, given to the real programs: each is healthy by its own check, and they work together."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dialer.testbed import Unavailable, find_root
from dialer.testbed_ami import sync_ami
from tests.support import deployed
from tests.support.compose import ROOT
from tests.support.deployed import SERVICES, Asterisk, Postgres, Redis, poll
from tests.support.prometheus import prometheus

pytestmark = [pytest.mark.service, pytest.mark.process]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with deployed.redis(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with deployed.prepared_postgres() as started:
        yield started


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    root = find_root()
    if isinstance(root, Unavailable):
        pytest.fail(root.reason) if os.environ.get("CI") == "true" else pytest.skip(root.reason)
    folder = tmp_path_factory.mktemp("asterisk")
    with deployed.asterisk(folder, PBX_EXTERNAL_ADDRESS="203.0.113.5") as started:
        yield started


# --- Redis --------------------------------------------------------------------------------------------------------------


def test_redis_knows_one_user_and_no_other(redis: Redis) -> None:
    assert redis.healthy()
    assert redis.say("ping", user=None).startswith("NOAUTH")
    assert redis.say("acl", "list").startswith("NOPERM")
    assert (
        redis.environment["REDIS_PASSWORD"]
        not in (Path(redis.environment["REDIS_RUN"]) / "users.acl").read_text()
    )


def test_the_user_of_redis_reaches_its_own_keys_only(redis: Redis) -> None:
    assert redis.say("set", "dialer:test", "1", "ex", "5") == "OK"
    assert redis.say("mget", "dialer:test") == "1"
    assert redis.say("publish", "dialer:test", "x") == "0"
    for refused in (
        ("set", "other", "1"),
        ("publish", "other", "x"),
        ("flushall",),
        ("config", "get", "dir"),
        ("keys", "*"),
        ("shutdown",),
    ):
        assert redis.say(*refused).startswith("NOPERM"), refused


def test_redis_makes_room_and_writes_nothing_to_the_disk(redis: Redis) -> None:
    memory = redis.say("info", "memory")
    assert "maxmemory_policy:allkeys-lru" in memory
    assert re.search(r"^maxmemory:[1-9]", memory, re.MULTILINE)
    written = {path.name for path in Path(redis.environment["REDIS_RUN"]).iterdir()}
    assert written == {"users.acl"}


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------


def test_the_servers_role_owns_its_one_database_and_nothing_else(postgres: Postgres) -> None:
    assert postgres.healthy()
    superuser = postgres.cluster.sql
    rights = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    asked = f"SELECT {rights} FROM pg_roles WHERE rolname = 'dialer_server'"
    assert superuser("postgres", asked) == [["f"] * 5]
    for database, may in (("dialer", "t"), ("postgres", "f"), ("template1", "f")):
        asked = f"SELECT has_database_privilege('dialer_server', '{database}', 'CONNECT')"
        assert superuser("postgres", asked) == [[may]], database


def test_the_role_needs_its_password(postgres: Postgres) -> None:
    assert _psql(postgres.url(), "SELECT current_user") == (0, "dialer_server")
    code, said = _psql(postgres.url(password="guessed"), "SELECT 1")
    assert code != 0
    assert "password authentication failed" in said


def _psql(url: str, statement: str) -> tuple[int, str]:
    command = ["psql", "-X", "-A", "-t", "-d", url, "-c", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, (done.stdout + done.stderr).strip()


# --- Asterisk -----------------------------------------------------------------------------------------------------------


@pytest.mark.asterisk
def test_asterisk_has_what_the_dialer_needs(asterisk: Asterisk) -> None:
    dialplan = asterisk.cli("dialplan show")
    for context in ("dialer-answered", "dialer-abandoned", "dialer-talk", "dialer-agent"):
        assert f"Context '{context}'" in dialplan
    trunk = SERVICES["asterisk"]["environment"]["PBX_TRUNK_NAME"]
    assert f"Endpoint:  {trunk} " in asterisk.cli("pjsip show endpoints")
    transport = asterisk.cli("pjsip show transport transport-udp")
    for name in ("external_media_address", "external_signaling_address"):
        assert re.search(rf"{name}\s+: 203\.0\.113\.5", transport)
    assert re.search(r"local_net\s+: 172\.30\.95\.0/", transport)


@pytest.mark.asterisk
def test_its_manager_lets_the_dialer_in_and_nobody_with_another_secret(asterisk: Asterisk) -> None:
    with sync_ami(asterisk.ami, "off", seconds=5) as (_, messages):
        assert next(messages)["Response"] == "Success"
    guessed = replace(asterisk.ami, secret="guessed")
    with sync_ami(guessed, "off", seconds=5) as (_, messages):
        assert next(messages)["Response"] == "Error"


@pytest.mark.asterisk
def test_no_secret_of_asterisk_can_be_read_by_others(asterisk: Asterisk) -> None:
    etc = Path(asterisk.environment["PBX_ROOT"]) / asterisk.state.lstrip("/") / "etc"
    assert {path.stat().st_mode & 0o077 for path in etc.glob("*.conf")} == {0}


def test_asterisk_does_not_start_without_a_word_and_names_it(tmp_path: Path) -> None:
    given = {"PATH": os.environ["PATH"], **SERVICES["asterisk"]["environment"]}
    (tmp_path / "usr/lib/x/asterisk/modules").mkdir(parents=True)
    given |= {"PBX_ROOT": str(tmp_path), "PBX_STATE": "/state", "PBX_AMI_SECRET": ""}
    done = subprocess.run(
        [ROOT / "deploy/asterisk/start"], env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "PBX_AMI_SECRET" in done.stderr


def test_a_value_that_would_change_the_configuration_is_refused_and_not_shown(
    tmp_path: Path,
) -> None:
    given = {"PATH": os.environ["PATH"], **SERVICES["asterisk"]["environment"]}
    (tmp_path / "usr/lib/x/asterisk/modules").mkdir(parents=True)
    given |= {
        "PBX_ROOT": str(tmp_path),
        "PBX_STATE": "/state",
        "PBX_AMI_SECRET": "tail;1\nwrite=all",
    }
    done = subprocess.run(
        [ROOT / "deploy/asterisk/start"], env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "PBX_AMI_SECRET" in done.stderr
    assert "tail" not in done.stderr


# --- all together -------------------------------------------------------------------------------------------------------


def answer(port: int, path: str) -> tuple[int, Any]:
    """Status and body; 0: nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as got:
            return got.status, json.load(got)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, None


def healthcheck_of_the_image(port: int) -> int:
    """The exit code of the Dockerfile's HEALTHCHECK."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    command = json.loads(text.partition("HEALTHCHECK")[2].partition("CMD ")[2].splitlines()[0])
    words = [sys.executable, *(word.replace(":8000/", f":{port}/") for word in command[1:])]
    return subprocess.run(words, capture_output=True, check=False, timeout=20).returncode


@pytest.mark.asterisk
def test_the_server_works_with_all_of_them_and_prometheus_sees_it(
    redis: Redis, postgres: Postgres, asterisk: Asterisk, tmp_path: Path
) -> None:
    port = deployed.free_port()
    environment = deployed.server_environment(port, asterisk, postgres, redis)
    source = "./deploy/dialer/dialer.toml"
    assert any(source in volume for volume in SERVICES["dialer"]["volumes"])
    command = [sys.executable, "-m", "dialer", "run", "--config", str(ROOT / source)]
    assert healthcheck_of_the_image(port) != 0
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    try:
        poll("the server can work", lambda: answer(port, "/readyz")[0] == 200)
        assert healthcheck_of_the_image(port) == 0
        status, agents = answer(port, "/agents")
        assert status == 200
        assert "1001" in json.dumps(agents)
        with prometheus(tmp_path / "prometheus", f"127.0.0.1:{port}") as watcher:
            poll("Prometheus is ready", watcher.ready)
            poll("it sees the link", lambda: is_one(watcher.query("dialer_telephony_up")), 30)
            assert is_one(watcher.query("dialer_redis_up"))
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0, (tmp_path / "server.log").read_text()[-2000:]
    finally:
        server.kill()
        server.wait()
    said = (tmp_path / "server.log").read_text()
    assert not [word for word in ("ERROR", "redis_down", "NOPERM") if word in said]


def is_one(series: list[dict[str, Any]]) -> bool:
    return [one["value"][1] for one in series] == ["1"]

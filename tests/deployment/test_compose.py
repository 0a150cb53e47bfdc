"""compose.yaml is valid, safe by default, and mounts what is there."""

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from dialer.bootstrap import WRITE_SECONDS
from dialer.config import read_settings
from tests.support import compose
from tests.support.compose import COMPOSE, EXAMPLE, GIVEN, ROOT

SERVICES = compose.services()
TEXT = COMPOSE.read_text(encoding="utf-8")
each_service = pytest.mark.parametrize("name", SERVICES)


def mounted(name: str) -> list[tuple[str, str, str]]:
    """(source, target, options) of the service's files and folders; volumes are left out."""
    rows = [volume.split(":") for volume in SERVICES[name].get("volumes", [])]
    return [(row[0], row[1], row[2] if len(row) > 2 else "") for row in rows if "/" in row[0]]


def run_compose(*arguments: str, env_file: Path) -> subprocess.CompletedProcess[str]:
    """docker-compose with nothing of ours in the environment."""
    name = compose.program("docker-compose", "docker-compose")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        [name, "-f", str(COMPOSE), "--env-file", str(env_file), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )


# --- valid --------------------------------------------------------------------------------------------------------------


@pytest.mark.service
def test_docker_compose_takes_it_with_the_example_filled_in(tmp_path: Path) -> None:
    filled = EXAMPLE.read_text(encoding="utf-8")
    for name, value in GIVEN.items():
        filled = re.sub(rf"(?m)^{name}=$", f"{name}={value}", filled)
    (tmp_path / "env").write_text(filled)
    done = run_compose("config", "-q", env_file=tmp_path / "env")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.service
def test_docker_compose_and_these_tests_see_the_same_services(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("".join(f"{name}={value}\n" for name, value in GIVEN.items()))
    done = run_compose("config", env_file=tmp_path / "env")
    (tmp_path / "seen.yaml").write_text(done.stdout)
    seen = compose.read(tmp_path / "seen.yaml")["services"]
    assert {name: one.get("environment", {}) for name, one in seen.items()} == {
        name: one.get("environment", {}) for name, one in SERVICES.items()
    }


@pytest.mark.service
def test_docker_compose_refuses_the_example_while_it_is_empty() -> None:
    done = run_compose("config", "-q", env_file=EXAMPLE)
    assert done.returncode != 0
    assert "see .env.example" in done.stderr


def test_every_secret_is_asked_for() -> None:
    assert compose.needs(TEXT) == GIVEN.keys()
    for name in GIVEN:
        with pytest.raises(KeyError, match=name):
            compose.services({key: value for key, value in GIVEN.items() if key != name})


def test_it_follows_the_compose_specification() -> None:
    """What `docker compose` (v2) reads."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            COMPOSE,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_key_that_the_specification_calls_obsolete() -> None:
    assert "version" not in compose.read(COMPOSE)


# --- what is mounted and copied -----------------------------------------------------------------------------------------


@each_service
def test_every_mounted_path_exists_and_is_read_only(name: str) -> None:
    for source, _, options in mounted(name):
        assert source.startswith("./"), source
        assert (ROOT / source).exists(), source
        assert options == "ro", source


def test_what_is_mounted_is_in_the_repository() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a working copy of git")
    for name in SERVICES:
        for source, _, _ in mounted(name):
            command = [git, "-C", str(ROOT), "ls-files", "--error-unmatch", source]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["dialer", "asterisk"])
def test_what_an_image_copies_exists_and_is_let_through(name: str) -> None:
    context = ROOT / SERVICES[name]["build"]
    ignore = context / ".dockerignore"
    let_through = [
        line[1:]
        for line in (ignore.read_text().split() if ignore.exists() else [])
        if line[0] == "!"
    ]
    for line in (context / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            source = line.split()[1]
            assert (context / source).exists(), line
            assert any(fnmatch(source, pattern) for pattern in let_through), line


def test_no_dotfile_of_secrets_reaches_an_image() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert not [line for line in lines if line.startswith("!") and ".env" in line]


# --- safe by default ----------------------------------------------------------------------------------------------------


@each_service
def test_nothing_is_published_beyond_this_machine(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert str(port).startswith("127.0.0.1:"), port


def test_the_manager_interface_is_on_a_network_of_its_own_and_not_published() -> None:
    assert not [port for port in SERVICES["asterisk"]["ports"] if "5038" in str(port)]
    on_ami = {name for name, one in SERVICES.items() if "ami" in one["networks"]}
    assert on_ami == {"asterisk", "dialer"}
    assert compose.read(COMPOSE)["networks"]["ami"]["internal"] is True
    asterisk = SERVICES["asterisk"]
    bind, permit = (asterisk["environment"][word] for word in ("PBX_AMI_HOST", "PBX_AMI_PERMIT"))
    assert bind == asterisk["networks"]["ami"]["ipv4_address"]
    assert permit == SERVICES["dialer"]["networks"]["ami"]["ipv4_address"] + "/255.255.255.255"


def test_database_and_redis_are_reached_by_the_server_only() -> None:
    on_data = {name for name, one in SERVICES.items() if "data" in one["networks"]}
    assert on_data == {"dialer", "postgres", "redis"}
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["data"]


@each_service
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()


@each_service
def test_a_service_is_restarted_and_its_log_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@each_service
def test_a_service_tells_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    dockerfile = ROOT / service.get("build", "nowhere") / "Dockerfile"
    in_image = dockerfile.exists() and "\nHEALTHCHECK " in dockerfile.read_text(encoding="utf-8")
    assert "healthcheck" in service or in_image


@each_service
def test_an_image_is_pinned_by_its_version(name: str) -> None:
    service = SERVICES[name]
    tag = service["image"].rpartition(":")[2]
    assert tag == "local" if "build" in service else re.match(r"v?\d+\.\d+", tag)


def test_the_server_has_time_to_let_talks_end() -> None:
    grace = float(SERVICES["dialer"]["stop_grace_period"].removesuffix("s"))
    settings = read_settings(ROOT / "deploy" / "dialer" / "dialer.toml")
    assert grace >= settings.drain_seconds + 2 * WRITE_SECONDS


# --- settings and secrets -----------------------------------------------------------------------------------------------


def test_the_example_names_every_variable_and_no_other() -> None:
    named = set(re.findall(r"(?m)^#?([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8")))
    assert named == compose.variables(TEXT)


def test_the_example_leaves_what_must_be_given_empty() -> None:
    empty = set(re.findall(r"(?m)^([A-Z_]+)=$", EXAMPLE.read_text(encoding="utf-8")))
    assert empty == compose.needs(TEXT) == GIVEN.keys()


def test_the_servers_settings_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["dialer"]["environment"].items():
        monkeypatch.setenv(name, value)
    ((source, _, _),) = mounted("dialer")
    settings = read_settings(ROOT / source)
    assert settings.asterisk.host == "asterisk"
    assert settings.asterisk.secret.get_secret_value() == GIVEN["AMI_SECRET"]
    assert GIVEN["DATABASE_PASSWORD"] in settings.database.url
    assert GIVEN["REDIS_PASSWORD"] in settings.redis.url.get_secret_value()
    trunk = SERVICES["asterisk"]["environment"]["PBX_TRUNK_NAME"]
    assert {name for one in settings.campaigns for name in one.trunks} == {trunk}
    assert not any(campaign.running for campaign in settings.campaigns)

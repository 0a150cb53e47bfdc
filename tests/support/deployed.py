"""The programs of compose.yaml without containers: the same files, commands and variables; only addresses are loopback's."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dialer.testbed import Unavailable, find_root
from dialer.testbed_ami import AmiAccess
from dialer.testbed_render import free_ports
from tests.support import compose, postgres
from tests.support.compose import ROOT

GIVEN = compose.GIVEN | {"TRUNK_HOST": "127.0.0.1", "TRUNK_PORT": "9"}
"""A carrier that is never there: nothing leaves the machine."""

SERVICES = compose.services(GIVEN)
START_SECONDS = 40.0
STOP_SECONDS = 20.0


def poll(what: str, is_so: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def health(service: str, changes: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """The service's own health check, with some of its words changed."""
    kind, *words = SERVICES[service]["healthcheck"]["test"]
    for old, new in changes.items():
        words = [word.replace(old, new) for word in words]
    command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, check=False, timeout=10
    )
    return done.returncode == 0


@contextlib.contextmanager
def _process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A program that ends with this one."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- Redis --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Redis:
    port: int
    environment: Mapping[str, str]

    def healthy(self) -> bool:
        return health("redis", {"redis-cli": f"redis-cli -p {self.port}"}, self.environment)

    def say(self, *words: str, user: str | None = "dialer") -> str:
        """The answer to one command; `user`: None for somebody without a password."""
        login = ["--user", user] if user else []
        environment = dict(self.environment)
        if user:
            environment["REDISCLI_AUTH"] = environment["REDIS_PASSWORD"]
        command = ["redis-cli", "-p", str(self.port), *login, *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=10
        )
        return done.stdout.strip()


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[Redis]:
    compose.program("redis-server", "redis-server")
    run = folder / "redis"
    run.mkdir()
    service = SERVICES["redis"]
    environment = {"PATH": os.environ["PATH"], "REDIS_RUN": str(run), **service["environment"]}
    (mounted,) = (volume.split(":")[:2] for volume in service["volumes"])
    start = service["entrypoint"][0].replace(mounted[1], str(ROOT / mounted[0]))
    port = free_port()
    command = [start, "--port", str(port), "--bind", "127.0.0.1"]
    with _process(command, environment, folder / "redis.log"):
        started = Redis(port, environment)
        poll("Redis is healthy", started.healthy)
        yield started


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Postgres:
    cluster: postgres.Cluster
    password: str

    def url(self, password: str | None = None, database: str = "dialer") -> str:
        login = f"dialer_server:{password or self.password}"
        return f"postgresql://{login}@127.0.0.1:{self.cluster.port}/{database}"

    def healthy(self) -> bool:
        environment = {"PATH": os.environ["PATH"], "PGPORT": str(self.cluster.port)}
        return health("postgres", {}, environment)


@contextlib.contextmanager
def prepared_postgres() -> Iterator[Postgres]:
    """A fresh cluster on which the mounted script has run, and which asks for passwords as the image's does."""
    service = SERVICES["postgres"]
    (script,) = (v.split(":")[0] for v in service["volumes"] if "/docker-entrypoint" in v)
    with postgres.cluster() as cluster:
        environment = {
            **service["environment"],
            "PATH": f"{postgres.binaries()}:{os.environ['PATH']}",
            "POSTGRES_USER": "dialer",  # the superuser of this cluster
            "PGHOST": "127.0.0.1",
            "PGPORT": str(cluster.port),
        }
        done = subprocess.run(
            [ROOT / script], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        access = cluster.folder / "data" / "pg_hba.conf"
        rules = "host all dialer 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        access.write_text(rules)
        cluster.sql("postgres", "SELECT pg_reload_conf()")
        yield Postgres(cluster, service["environment"]["DIALER_DATABASE_PASSWORD"])


# --- Asterisk -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asterisk:
    ami: AmiAccess
    environment: Mapping[str, str]
    state: str

    def healthy(self) -> bool:
        return health("asterisk", {"/var/lib/dialer-pbx": self.state}, self.environment)

    def cli(self, command: str) -> str:
        words = ["asterisk", "-C", f"{self.state}/etc/asterisk.conf", "-rx", command]
        done = subprocess.run(
            words,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=10,
        )
        return done.stdout


@contextlib.contextmanager
def asterisk(folder: Path, **changes: str) -> Iterator[Asterisk]:
    """The mounted start script, in the prepared tree. `changes`: of its variables."""
    tree = find_root()
    assert not isinstance(tree, Unavailable), tree.reason
    state = f"/srv/dialer/compose-{uuid.uuid4().hex[:8]}"
    ports = free_ports().pbx
    service = SERVICES["asterisk"]["environment"]
    environment = {
        **service,
        "PATH": f"{_asterisk_in(tree, state, folder)}:{os.environ['PATH']}:/usr/sbin",
        "PBX_ROOT": str(tree),
        "PBX_STATE": state,
        "PBX_AMI_HOST": "127.0.0.1",
        "PBX_AMI_PORT": str(ports.ami),
        "PBX_AMI_PERMIT": "127.0.0.1/255.255.255.255",
        "PBX_SIP_BIND": "127.0.0.1",
        "PBX_SIP_PORT": str(ports.sip),
        **changes,
    }
    ami = AmiAccess("127.0.0.1", ports.ami, service["PBX_AMI_USER"], service["PBX_AMI_SECRET"])
    started = Asterisk(ami, environment, state)
    try:
        start = str(ROOT / "deploy" / "asterisk" / "start")
        with _process([start], environment, folder / "asterisk.log"):
            poll("Asterisk is healthy", started.healthy)
            yield started
    finally:
        shutil.rmtree(tree / state.lstrip("/"), ignore_errors=True)


def _asterisk_in(tree: Path, state: str, folder: Path) -> Path:
    """A folder with a command `asterisk` that is the prepared tree's, run as its user `asterisk`, as the image does."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    lines = (
        "#!/bin/sh",
        f'if [ "$1" = -f ]; then chroot {tree} chown -R asterisk:asterisk {state}; fi',
        f'exec chroot --userspec=asterisk:asterisk {tree} /usr/sbin/asterisk "$@"',
    )
    (programs / "asterisk").write_text("\n".join(lines) + "\n")
    (programs / "asterisk").chmod(0o755)
    return programs


# --- the server ---------------------------------------------------------------------------------------------------------


def server_environment(
    port: int, exchange: Asterisk, database: Postgres, wire: Redis
) -> dict[str, str]:
    """The variables of compose.yaml, with the addresses of the programs started here."""
    moved = {
        "@postgres:5432/": f"@127.0.0.1:{database.cluster.port}/",
        "@redis:6379": f"@127.0.0.1:{wire.port}",
    }
    given = dict(SERVICES["dialer"]["environment"])
    for old, new in moved.items():
        given = {name: value.replace(old, new) for name, value in given.items()}
    return {
        "PATH": os.environ["PATH"],
        **given,
        "DIALER_ASTERISK__HOST": exchange.ami.host,
        "DIALER_ASTERISK__PORT": str(exchange.ami.port),
        "DIALER_API__HOST": "127.0.0.1",
        "DIALER_API__PORT": str(port),
    }

"""A private PostgreSQL for tests: its own data folder, a free port of the loopback, gone with the process that started it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

START_SECONDS = 60
STOP_SECONDS = 60
READY = "database system is ready to accept connections"
MISSING = "PostgreSQL is not installed (Debian: apt-get install postgresql)"


def binaries() -> Path | None:
    """The folder of the newest server programs of this machine. DIALER_POSTGRES_BIN says which to take."""
    named = os.environ.get("DIALER_POSTGRES_BIN")
    folders = (
        [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_age)
    )
    on_path = shutil.which("initdb")
    if not named and on_path:
        folders.insert(0, Path(on_path).parent)
    return next((one for one in reversed(folders) if (one / "initdb").exists()), None)


def _age(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


@contextmanager
def cluster(*, durable: bool = False) -> Iterator["Cluster"]:
    """A running cluster. Skips the test where PostgreSQL is not installed; with CI=true that is a failure."""
    programs = binaries()
    if programs is None:
        pytest.fail(MISSING) if os.environ.get("CI") == "true" else pytest.skip(MISSING)
    started = Cluster(programs, durable=durable)
    try:
        started.create()
        started.start()
        yield started
    finally:
        started.stop()
        started.remove()


class Cluster:
    """`durable`: what is committed is on the disk, as in production. Else a test costs little.

    Its folder is made in `parent` (None: among the temporary files)."""

    def __init__(self, programs: Path, *, durable: bool, parent: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dialer-postgres-", dir=parent))
        self.port = _free_port()
        self._programs = programs
        self._durable = durable
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None

    def create(self) -> None:
        """Sorted in English, so that a test sees where the order of the database is not ours."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        options = ["--no-sync", "--auth=trust", "--username=dialer", "--encoding=UTF8"]
        options += ["--locale=C.UTF-8"]
        if "--icu-locale" in self._run("initdb", "--help"):  # PostgreSQL 15 and later
            options += ["--locale-provider=icu", "--icu-locale=en-US"]
        self._run("initdb", "-D", self._data, *options)

    def start(self) -> None:
        """Returns when it takes connections. In the main thread, see `launch`."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Returns at once. The server ends with the thread that calls this."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self._durable else "off",
            "max_connections": "100",
            "lc_messages": "C",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self._process = subprocess.Popen(
            [*self._as_postgres(), self._program("postgres"), "-D", self._data, *options],
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        assert self._process.stderr is not None
        self._ready = threading.Event()
        following = (self._process.stderr, self._ready)
        self._reader = threading.Thread(target=self._follow, args=following)
        self._reader.start()

    def wait(self) -> None:
        """Until it takes connections."""
        assert self._ready.wait(START_SECONDS), self.log
        assert self._process is not None
        assert self._process.poll() is None, self.log

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts the connections and shuts down; SIGQUIT is a crash, after which `start` has to recover."""
        if self._process is None or self._reader is None:
            return
        self._process.send_signal(how)
        self._process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        self._process = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://dialer@127.0.0.1:{self.port}/{database}"

    def sql(self, database: str, statements: str) -> list[list[str]]:
        """What psql answers: rows of words."""
        options = ["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        answer = self._run("psql", *options, "-d", self.url(database), "-c", statements)
        return [line.split("\t") for line in answer.splitlines()]

    @property
    def log(self) -> str:
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, name: str, *options: str) -> str:
        command = [*self._as_postgres(), self._program(name), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _program(self, name: str) -> str:
        return str(self._programs / name)

    def _as_postgres(self) -> list[str]:
        """The server refuses to run as root. It ends with the thread that started it, even if that one is killed."""
        as_postgres = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        return ["setpriv", *(as_postgres if os.geteuid() == 0 else []), "--pdeathsig", "INT"]

    def _follow(self, lines: IO[str], ready: threading.Event) -> None:
        with (self.folder / "log").open("a") as log:
            for line in lines:
                with contextlib.suppress(OSError):  # its disk may be full
                    log.write(line)
                    log.flush()
                if READY in line:
                    ready.set()
        lines.close()
        ready.set()  # or never will be


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

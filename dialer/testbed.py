"""A pair of real Asterisk servers on loopback: the PBX a centre would run, and a far end that plays the public.

Both run from one prepared Debian tree (`scripts/prepare-asterisk`), each with folders, ports and secrets of its
own, so several pairs can run side by side. Only processes started here are ever signalled, by their number, after
a look at what runs under it.

    pair = pair_for("demo", FIXED_PORTS)
    if isinstance(pair, Unavailable): print(pair.reason)
    else: pair.up(); pair.pbx.ami; pair.far_end.cdr(); pair.down()
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from asterisk_conf.render import copy_sounds, make_folders, render
from dialer.errors import DialerError
from dialer.testbed_ami import AmiAccess, sync_ami
from dialer.testbed_render import (
    FIXED_PORTS,
    HOST,
    PairPorts,
    PairSecrets,
    ServerPorts,
    common_variables,
    local_pjsip,
    new_secrets,
    ports_from_json,
    ports_to_json,
    render_pbx,
)

TRUNK = "far-end"
PHONE_USER = "agent-phone"
_STEP_SECONDS = 0.05

WritePbx = Callable[[Path, Mapping[str, str]], None]
"""Writes the PBX's configuration to a folder, given what stands for the words between @ signs."""


class TestbedError(DialerError):
    """A server of the pair did not do what it was told"""

    __test__ = False


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why no pair can run here."""

    reason: str


@dataclass(frozen=True, slots=True)
class CdrRow:
    """One call as a server itself recorded it. `number` is what was dialled, where the dialplan noted it."""

    uniqueid: str
    channel: str
    context: str
    extension: str
    number: str
    start_at: datetime
    answer_at: datetime | None
    end_at: datetime
    disposition: str

    @property
    def talk_seconds(self) -> float:
        """From answer to end; 0 where nobody answered."""
        return (self.end_at - self.answer_at).total_seconds() if self.answer_at else 0.0


def cache_folder() -> Path:
    """Where `scripts/prepare-asterisk` keeps its tree."""
    if chosen := os.environ.get("DIALER_CACHE"):
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "dialer"


def find_root() -> Path | Unavailable:
    """The prepared tree, or why it cannot be used."""
    root = cache_folder() / f"asterisk-{os.environ.get('DIALER_ASTERISK_SUITE', 'sid')}"
    if os.geteuid() != 0:
        return Unavailable("a pair of Asterisk servers needs root (chroot)")
    if not (root / ".complete").is_file():
        return Unavailable("no prepared Asterisk: run scripts/prepare-asterisk")
    return root


class AsteriskServer:
    """One Asterisk of a pair. Every method leaves a consistent state behind it, called twice or not."""

    def __init__(self, root: Path, inside: PurePosixPath, ports: ServerPorts, ami: AmiAccess):
        self.ami = ami
        self.sip_port = ports.sip
        self._root = root
        self._inside = inside
        self.folder = root / inside.relative_to("/")

    @property
    def cdr_path(self) -> Path:
        return self.folder / "log" / "cdr-custom" / "dialer.csv"

    @property
    def log_path(self) -> Path:
        return self.folder / "log" / "messages"

    def cdr(self) -> list[CdrRow]:
        """Every call that has ended so far."""
        if not self.cdr_path.is_file():
            return []
        with self.cdr_path.open(newline="", encoding="utf-8") as lines:
            return [_cdr_row(fields) for fields in csv.reader(lines) if len(fields) == 9]

    def pid(self) -> int | None:
        """The running process, or None."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if _runs(pid, self._conf) else None

    def start(self) -> None:
        """Start the process and return when AMI says that it is fully booted."""
        if self.pid() is None:
            self._check_port()
            self._pid_file.write_text(str(self._spawn()))
        self._wait_until_booted(seconds=30)

    def stop(self) -> None:
        """End it in an orderly way; by force where it does not listen."""
        if not self._signal(signal.SIGTERM, seconds=8):
            self.kill()

    def kill(self) -> None:
        """`kill -9`: what a crash looks like."""
        if not self._signal(signal.SIGKILL, seconds=8):
            raise TestbedError(f"process {self.pid()} does not die")

    def cli(self, command: str) -> str:
        """What Asterisk's own command line says to `command`."""
        done = subprocess.run(
            [_chroot(), str(self._root), "/usr/sbin/asterisk", "-C", self._conf, "-rx", command],
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=10,
        )
        return done.stdout

    def make_folders(self) -> None:
        make_folders(self.folder)

    @property
    def _conf(self) -> str:
        return str(self._inside / "etc" / "asterisk.conf")

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    def _spawn(self) -> int:
        chroot = _chroot()
        output = os.open(self.folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            return os.posix_spawn(
                chroot,
                ["chroot", str(self._root), "/usr/sbin/asterisk", "-f", "-n", "-C", self._conf],
                {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsid=True,
            )
        finally:
            os.close(output)

    def _check_port(self) -> None:
        try:
            socket.create_connection((self.ami.host, self.ami.port), timeout=1).close()
        except OSError:
            return
        raise TestbedError(f"port {self.ami.port} is taken by another program")

    def _wait_until_booted(self, seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if _is_booted(self.ami):
                return
            if self.pid() is None:
                break
            time.sleep(_STEP_SECONDS)
        said = [p.read_text(errors="replace")[-1500:] for p in self._logs() if p.is_file()]
        raise TestbedError(f"Asterisk in {self.folder} did not start: {said}")

    def _logs(self) -> tuple[Path, Path]:
        return self.folder / "output", self.log_path

    def _signal(self, number: signal.Signals, seconds: float) -> bool:
        """Send it, and say whether the process was gone in time (or was not there at all)."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        for _ in range(int(seconds / _STEP_SECONDS)):
            if self.pid() is None:
                self._pid_file.unlink(missing_ok=True)
                return True
            time.sleep(_STEP_SECONDS)
        return False


class AsteriskPair:
    """The PBX and its far end. Made by `pair_for`."""

    trunk = TRUNK

    def __init__(
        self,
        root: Path,
        name: str,
        ports: PairPorts,
        secrets: PairSecrets,
        write_pbx: WritePbx = render_pbx,
    ):
        inside = PurePosixPath("/srv/dialer") / name
        self.name = name
        self.ports = ports
        self.folder = root / inside.relative_to("/")
        self._root = root
        self._inside = inside
        self._secrets = secrets
        self._write_pbx = write_pbx
        self.pbx = AsteriskServer(
            root,
            inside / "pbx",
            ports.pbx,
            AmiAccess(HOST, ports.pbx.ami, "dialer", secrets.pbx_ami),
        )
        self.far_end = AsteriskServer(
            root,
            inside / "far_end",
            ports.far_end,
            AmiAccess(HOST, ports.far_end.ami, "tests", secrets.far_end_ami),
        )

    def up(self) -> None:
        """Render the files, start both, wait until both answer."""
        self.render()
        for server in (self.far_end, self.pbx):
            server.start()

    def down(self) -> None:
        """Stop both. The folder stays, for its logs and records."""
        for server in (self.pbx, self.far_end):
            server.stop()

    def login_agents(self, codes: Sequence[str], seconds: float = 15) -> dict[str, str]:
        """Make one far-end phone for each code call the PBX's log-in extension and stay there.

        Returns the far end's channel of each code (for PlayDTMF or Hangup on the far end's AMI).
        """
        calls = [
            f"Action: Originate\r\nChannel: PJSIP/*45{code}@phone\r\nContext: agents\r\n"
            f"Exten: {code}\r\nPriority: 1\r\nAsync: true\r\nTimeout: 10000\r\n\r\n"
            for code in codes
        ]
        channels: dict[str, str] = {}
        with sync_ami(self.far_end.ami, "user", seconds) as (send, messages):
            send("".join(calls))
            for message in messages:
                if message.get("UserEvent") == "FarAgentUp" and message["Agent"] in codes:
                    channels[message["Agent"]] = message["Channel"]
                if len(channels) == len(set(codes)):
                    return channels
        raise TestbedError(f"{sorted(set(codes) - set(channels))} did not log in")

    def remove(self) -> None:
        """Stop both and delete the folder."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self) -> dict[str, bool]:
        """Which of the two runs."""
        return {
            "pbx": self.pbx.pid() is not None,
            "far_end": self.far_end.pid() is not None,
        }

    def render(self) -> None:
        """Write both servers' folders. Done by `up`; safe to repeat."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        modules = PurePosixPath("/") / _modules(self._root).relative_to(self._root)
        ports, secrets = self.ports, self._secrets
        for role, server, mine, more in (
            ("pbx", self.pbx, ports.pbx, self._pbx_variables()),
            ("far_end", self.far_end, ports.far_end, self._far_end_variables()),
        ):
            server.make_folders()
            variables = common_variables(mine, self._inside / role, modules)
            variables |= {"AMI_USER": server.ami.username, "AMI_SECRET": server.ami.secret}
            variables |= more | {"PHONE_USER": PHONE_USER, "PHONE_SECRET": secrets.phone}
            if role == "pbx":
                self._write_pbx(server.folder / "etc", variables)
            else:
                render(role, variables, server.folder / "etc")
            copy_sounds(server.folder / "data" / "sounds")
        local = self.pbx.folder / "etc" / "pjsip_local.conf"
        local.write_text(local_pjsip(dead_port=9), encoding="utf-8")
        self._save()

    def _pbx_variables(self) -> dict[str, str]:
        sip = str(self.ports.far_end.sip)
        return {"TRUNK_NAME": TRUNK, "TRUNK_HOST": HOST, "TRUNK_PORT": sip}

    def _far_end_variables(self) -> dict[str, str]:
        return {"PBX_HOST": HOST, "PBX_PORT": str(self.ports.pbx.sip)}

    def _save(self) -> None:
        saved = self.folder / "pair.json"
        saved.touch(mode=0o600)
        saved.write_text(
            json.dumps({"ports": ports_to_json(self.ports), "secrets": asdict(self._secrets)})
        )


def pair_for(
    name: str, ports: PairPorts = FIXED_PORTS, write_pbx: WritePbx = render_pbx
) -> AsteriskPair | Unavailable:
    """A new pair, or the one of that name where it has been started before (then with its own ports).

    `write_pbx` is for a PBX with a configuration of its own."""
    root = find_root()
    if isinstance(root, Unavailable):
        return root
    saved = root / "srv" / "dialer" / name / "pair.json"
    try:
        data = json.loads(saved.read_text())
    except (OSError, ValueError):
        return AsteriskPair(root, name, ports, new_secrets(), write_pbx)
    saved_ports, secrets = ports_from_json(data["ports"]), PairSecrets(**data["secrets"])
    return AsteriskPair(root, name, saved_ports, secrets, write_pbx)


def _chroot() -> str:
    found = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise TestbedError("no chroot program")
    return found


def _modules(root: Path) -> Path:
    found = sorted(
        [*root.glob("usr/lib/*/asterisk/modules"), *root.glob("usr/lib/asterisk/modules")]
    )
    if not found:
        raise TestbedError(f"{root} holds no Asterisk modules")
    return found[0]


def _runs(pid: int, argument: str) -> bool:
    """Whether process `pid` lives and was started with `argument` (or is just replacing its program)."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
    # The first thread of a killed process is a zombie before the last one has let go of the sockets.
    gone = state in "ZX" and threads <= 1
    return not gone and (not command or argument.encode() in command.split(b"\0"))


def _is_booted(ami: AmiAccess) -> bool:
    """Log in and look for FullyBooted, which Asterisk sends after the log-in once it is up."""
    try:
        with sync_ami(ami, "system", seconds=2) as (_, messages):
            return any(message.get("Event") == "FullyBooted" for message in messages)
    except OSError:
        return False


def _cdr_row(fields: Sequence[str]) -> CdrRow:
    uniqueid, channel, context, extension, number, start, answer, end, disposition = fields
    return CdrRow(
        uniqueid=uniqueid,
        channel=channel,
        context=context,
        extension=extension,
        number=number,
        start_at=_instant(start),
        answer_at=_instant(answer) if float(answer or 0) else None,
        end_at=_instant(end),
        disposition=disposition,
    )


def _instant(seconds: str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)

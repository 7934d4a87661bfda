"""Whether the server of a data directory lives. Starting and stopping it belongs to `server`."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lead_pipeline.sandbox.embedded_postgres.address import SOCKET_NAME, ServerAddress
from lead_pipeline.sandbox.embedded_postgres.binaries import EmbeddedPostgresError

PROC = Path("/proc")
PID_FILE = "postmaster.pid"
SOCKET_DIRECTORY_LINE = 4
STATUS_LINE = 7
READY = "ready"
DEAD_STATES = "ZX"  # zombie (nobody reaps it where process 1 is no init) and dead
ORPHAN_TIMEOUT_SECONDS = 15.0  # workers notice within milliseconds that their postmaster was killed
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Postmaster:
    """What a server wrote into its pid file."""

    pid: int
    socket_directory: Path
    is_ready: bool

    @property
    def address(self) -> ServerAddress:
        """Where it listens."""
        return ServerAddress(self.socket_directory)


def read_pid_file(data: Path) -> Postmaster | None:
    """Return what the pid file of a data directory says; `None` when there is none, or only half of one."""
    try:
        lines = (data / PID_FILE).read_text().splitlines()
        return Postmaster(
            pid=int(lines[0]),
            socket_directory=Path(lines[SOCKET_DIRECTORY_LINE].strip()),
            is_ready=len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == READY,
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def living_postmaster(data: Path) -> Postmaster | None:
    """Return the running server of a data directory; `None` when its pid file is missing or names a dead process."""
    postmaster = read_pid_file(data)
    if postmaster is None or not is_postgres(postmaster.pid):
        return None
    return postmaster if _serves(postmaster.pid, data.resolve()) else None


def _serves(pid: int, data: Path) -> bool:
    """Whether a Postgres serves this directory: after a restart of the machine, the number may be another one's."""
    if not PROC.joinpath("self").exists():
        return True  # nothing to tell by (macOS)
    try:
        return (PROC / str(pid) / "cwd").readlink() == data
    except PermissionError:  # in a container, root may lack the right to look into the server's user's processes
        return is_started_for(data, (PROC / str(pid) / "cmdline").read_bytes())
    except OSError:  # it is ending and has given up its directory already
        return False


def is_started_for(data: Path, command_line: bytes) -> bool:
    """Whether a NUL-separated command line is that of the server of this directory; empty for one that ended."""
    arguments = command_line.split(b"\0")
    return any(
        option == b"-D" and Path(os.fsdecode(value)).resolve() == data.resolve()
        for option, value in itertools.pairwise(arguments)
    )


def is_postgres(pid: int) -> bool:
    """Whether a process is a living Postgres, not a zombie and not a stranger that got an old number."""
    if PROC.joinpath("self").exists():
        try:
            text = PROC.joinpath(str(pid), "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        name, _, rest = text.partition("(")[2].rpartition(")")
        return name == "postgres" and rest.split()[0] not in DEAD_STATES
    return _is_postgres_by_ps(pid)


def _is_postgres_by_ps(pid: int) -> bool:
    """Ask `ps`, for systems without /proc (macOS)."""
    answer = subprocess.run(
        ["/bin/ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, name = answer.stdout.strip().partition(" ")
    return bool(state) and state[0] not in DEAD_STATES and Path(name.strip()).name == "postgres"


def accepts_connections(address: ServerAddress) -> bool:
    """Whether somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(address.socket_path))
        except OSError:
            return False
    return True


def clear_remains(data: Path, socket_directory: Path) -> None:
    """Remove what a killed server left behind, once the last of its workers is gone.

    A zombie postmaster counts as running for Postgres itself, so that it would refuse to start; and its pid file may
    only go when no worker writes to the data any more.

    Raises:
        EmbeddedPostgresError: Workers of the killed server do not end.
    """
    deadline = time.monotonic() + ORPHAN_TIMEOUT_SECONDS
    while _has_workers(data):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"has workers of a killed server left in {data}; end them")
        time.sleep(POLL_SECONDS)
    for remains in (data / PID_FILE, socket_directory / SOCKET_NAME, socket_directory / f"{SOCKET_NAME}.lock"):
        remains.unlink(missing_ok=True)


def _has_workers(data: Path) -> bool:
    """Whether any Postgres process works inside a data directory (Linux; elsewhere Postgres' own check has to do)."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()) if PROC.exists() else ()
    return any(_working_directory(pid) == data.resolve() and is_postgres(pid) for pid in pids)


def _working_directory(pid: int) -> Path | None:
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None

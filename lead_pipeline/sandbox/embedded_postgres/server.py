"""The shared server of one home directory: whoever needs it first starts it, all others attach to it.

A server that ends with its process belongs to `child`.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from lead_pipeline.sandbox.embedded_postgres.address import SOCKET_NAME, SUPERUSER, ServerAddress
from lead_pipeline.sandbox.embedded_postgres.binaries import (
    PUBLIC_ROOT,
    EmbeddedPostgresError,
    Programs,
    choose_account,
    find_programs,
    is_public,
)
from lead_pipeline.sandbox.embedded_postgres.processes import (
    POLL_SECONDS,
    accepts_connections,
    clear_remains,
    living_postmaster,
)

START_TIMEOUT_SECONDS = 60  # recovery after a crash replays the log before it answers
SOCKET_PATH_LIMIT = 103  # bytes; macOS allows 103, Linux 107
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # Postgres and libpq split lists at commas and trip over quotes
SHORT_ROOT = Path("/tmp")  # noqa: S108  # for a socket whose own path is too long; the directory is private to us
POINTER_FILE = "postgres.location"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",  # the socket only: nothing on the network to protect
    "unix_socket_permissions": "0700",
    "max_connections": "200",  # Dagster's storage opens a connection per call, from several processes
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",  # statements hold personal data and do not belong in a log file
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",  # leaves out DETAIL, which quotes the rows that failed
}


@dataclass(frozen=True)
class Layout:
    """Where the files of one server are; all of them belong to the server's user alone."""

    root: Path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.root / "server.log"

    @property
    def sockets(self) -> Path:
        """The directory of the socket: beside the data, or another one where that path is too long or too special."""
        beside = self.root / "socket"
        if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and PLAIN_PATH.fullmatch(str(beside)):
            return beside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return SHORT_ROOT / f"lead_pipeline_{digest}"


def ensure_running(home: Path) -> ServerAddress:
    """Return the address of the home's server, starting it when it does not run.

    Safe from several processes at once. The server outlives the caller, and a server that was killed comes back with
    everything that was committed.

    Raises:
        EmbeddedPostgresError: The server cannot run here.
    """
    home = home.resolve()
    if running := running_address(home):
        return running
    home.mkdir(parents=True, exist_ok=True)
    with _lock(home):
        layout = _locate(home) or _choose_location(home)
        return _wait_while_it_lives(layout) or _start(layout)


def running_address(home: Path) -> ServerAddress | None:
    """Return the address of the home's server when it runs and answers; starts nothing."""
    layout = _locate(home.resolve())
    postmaster = living_postmaster(layout.data) if layout else None
    if postmaster is None or not postmaster.is_ready or not accepts_connections(postmaster.address):
        return None
    return postmaster.address


def stop(home: Path) -> None:
    """Stop the home's server, when one runs; its data stays."""
    home = home.resolve()
    layout = _locate(home)
    if layout is None:
        return
    with _lock(home):
        if living_postmaster(layout.data):
            programs = find_programs(choose_account(layout.data))
            programs.run("pg_ctl", "stop", f"--pgdata={layout.data}", "--mode=fast", "--wait", "--silent")
        if not layout.sockets.is_relative_to(layout.root) and layout.sockets.exists():
            layout.sockets.rmdir()


def initialize(programs: Programs, data: Path, *, durable: bool) -> None:
    """Make an empty cluster in `data` in one step, so that a crash leaves no half of one.

    Args:
        programs: The Postgres programs, with the user that shall own the cluster.
        data: Its directory; must not exist, in a directory of that user.
        durable: Whether to wait for the disk.
    """
    staging = data.with_name(f"{data.name}.{secrets.token_hex(4)}.part")
    programs.run(
        "initdb",
        f"--pgdata={staging}",
        f"--username={SUPERUSER}",
        "--auth=trust",  # the directory of the socket is the lock; a password would cost 5 ms at each connect
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",  # sorts alike on every machine, whatever its C library
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
        *(() if durable else ("--no-sync",)),
    )
    staging.rename(data)


def server_options(sockets: Path) -> list[str]:
    """Return the command line options of the postmaster."""
    settings = {**SETTINGS, "unix_socket_directories": str(sockets)}
    return [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]


def _lock(home: Path) -> FileLock:
    return FileLock(home / "postgres.lock", timeout=2 * START_TIMEOUT_SECONDS)


def _locate(home: Path) -> Layout | None:
    """Return where this home keeps its server, when it has one."""
    pointer = home / POINTER_FILE
    if pointer.exists():
        return Layout(Path(pointer.read_text().strip()))
    beside = Layout(home / "postgres")
    return beside if beside.root.exists() else None


def _choose_location(home: Path) -> Layout:
    """Decide once where the server lives: in the home, or for root in a public place when `nobody` cannot enter it."""
    beside = home / "postgres"
    if not choose_account(beside).is_other or is_public(beside):
        return Layout(beside)
    elsewhere = PUBLIC_ROOT / secrets.token_hex(8)
    pointer = home / POINTER_FILE
    written = pointer.with_suffix(".part")
    written.write_text(f"{elsewhere}\n")
    written.rename(pointer)
    return Layout(elsewhere)


def _start(layout: Layout) -> ServerAddress:
    account = choose_account(layout.data)
    layout.root.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    for directory in (layout.root, layout.sockets):
        account.own(directory)
        if directory.stat().st_uid != account.uid:
            raise EmbeddedPostgresError(f"may not use {directory}, which belongs to another user; remove it")
    programs = find_programs(account)
    if not layout.data.exists():
        initialize(programs, layout.data, durable=True)
    clear_remains(layout.data, layout.sockets)
    try:
        programs.run(
            "pg_ctl",
            "start",
            f"--pgdata={layout.data}",
            f"--log={layout.log}",
            f"--options={shlex.join(server_options(layout.sockets))}",
            f"--timeout={START_TIMEOUT_SECONDS}",
            "--wait",
            "--silent",
        )
    except EmbeddedPostgresError as error:
        raise EmbeddedPostgresError(f"did not start; {layout.log} says why") from error
    return ServerAddress(layout.sockets)


def _wait_while_it_lives(layout: Layout) -> ServerAddress | None:
    """Wait for a server that still starts or recovers; `None` when there is none, or it ends meanwhile.

    A killed server looks alive for some milliseconds, with a pid file that says ready, so life is asked for each time.
    """
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while postmaster := living_postmaster(layout.data):
        if postmaster.is_ready and accepts_connections(postmaster.address):
            return postmaster.address
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"runs as process {postmaster.pid} but does not answer; {layout.log} says why")
        time.sleep(POLL_SECONDS)
    return None

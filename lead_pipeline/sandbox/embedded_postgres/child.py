"""A server of its own for one test session: a child of the present process that never outlives it."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lead_pipeline.sandbox.embedded_postgres.address import ServerAddress
from lead_pipeline.sandbox.embedded_postgres.binaries import (
    EmbeddedPostgresError,
    Programs,
    choose_account,
    find_programs,
)
from lead_pipeline.sandbox.embedded_postgres.processes import POLL_SECONDS, accepts_connections, read_pid_file
from lead_pipeline.sandbox.embedded_postgres.server import (
    START_TIMEOUT_SECONDS,
    Layout,
    initialize,
    server_options,
)

PR_SET_PDEATHSIG = 1  # prctl(2)
STOP_TIMEOUT_SECONDS = 20
FORGETFUL_SETTINGS: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@contextmanager
def child_server(root: Path | None = None, *, durable: bool = False) -> Iterator[ServerAddress]:
    """Run a server for as long as the context lasts; when the process is killed, the server ends with it.

    Args:
        root: Directory of data, socket and log, kept afterwards; without one, a temporary one is used and removed.
        durable: Whether commits wait for the disk. Off makes tests quick; a power cut would lose them.

    Raises:
        EmbeddedPostgresError: The server cannot run here.
    """
    directory = Path(tempfile.mkdtemp(prefix="lead_pipeline_pg_")) if root is None else root.resolve()
    try:
        with _run(Layout(directory), durable=durable) as address:
            yield address
    finally:
        if root is None:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _run(layout: Layout, *, durable: bool) -> Iterator[ServerAddress]:
    account = choose_account(layout.data)
    for directory in (layout.root, layout.sockets):
        account.own(directory)
    programs = find_programs(account)
    if not layout.data.exists():
        initialize(programs, layout.data, durable=durable)
    process = _spawn(programs, layout, durable=durable)
    try:
        _wait_until_ready(process, layout)
        yield ServerAddress(layout.sockets)
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown: open sessions are ended
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _spawn(programs: Programs, layout: Layout, *, durable: bool) -> subprocess.Popen[bytes]:
    forgetful = [] if durable else [part for item in FORGETFUL_SETTINGS.items() for part in ("-c", "=".join(item))]
    command = programs.command("postgres", "-D", str(layout.data), *server_options(layout.sockets), *forgetful)
    with layout.log.open("ab") as log:
        return subprocess.Popen(
            command,
            **{**programs.environment(), "stderr": log},
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # prctl can only be called between fork and exec
        )


def _die_with_parent() -> None:
    """Have the kernel ask this process for a fast shutdown when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_until_ready(process: subprocess.Popen[bytes], layout: Layout) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        postmaster = read_pid_file(layout.data)
        if postmaster and postmaster.is_ready and accepts_connections(postmaster.address):
            return
        time.sleep(POLL_SECONDS)
    raise EmbeddedPostgresError(f"did not start; {layout.log} says why")

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from lead_pipeline.sandbox.embedded_postgres import (
    ServerAddress,
    ensure_database,
    ensure_running,
    running_address,
    stop,
)
from lead_pipeline.sandbox.embedded_postgres.processes import is_started_for

START = """
import sys
from pathlib import Path
from lead_pipeline.sandbox.embedded_postgres import ensure_running
print(ensure_running(Path(sys.argv[1])).socket_directory, flush=True)
"""
START_AND_DIE = START + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lead_pipeline_home_") as directory:
        Path(directory).chmod(0o711)  # the server's user has to get through when the tests run as root
        yield Path(directory)
        stop(Path(directory))


@pytest.fixture
def address(home: Path) -> ServerAddress:
    return ensure_running(home)


def ask(address: ServerAddress, statement: str) -> object:
    with psycopg.connect(address.dsn("postgres"), autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


def remember(address: ServerAddress, answer: int) -> None:
    with psycopg.connect(address.dsn("postgres")) as connection:
        connection.execute("create table if not exists memory (answer int)")
        connection.execute("insert into memory values (%s)", [answer])


def postmaster_pid(address: ServerAddress) -> int:
    return int(str(ask(address, "select pg_read_file('postmaster.pid')")).split()[0])


def test_a_running_server_is_attached_to_at_once(home: Path, address: ServerAddress) -> None:
    started = time.monotonic()
    again = ensure_running(home)

    assert again == address == running_address(home)
    assert time.monotonic() - started < 0.1


def test_what_is_committed_waits_for_the_disk(address: ServerAddress) -> None:
    assert [ask(address, f"show {name}") for name in ("fsync", "synchronous_commit")] == ["on", "on"]


def test_the_server_works_in_utc_and_utf8_and_listens_on_no_network(address: ServerAddress) -> None:
    names = ("timezone", "server_encoding", "listen_addresses")

    assert [ask(address, f"show {name}") for name in names] == ["UTC", "UTF8", ""]


def test_only_the_owner_may_enter_the_directory_of_the_socket(address: ServerAddress) -> None:
    assert address.socket_directory.stat().st_mode & 0o077 == 0


def test_settings_of_the_surroundings_do_not_redirect_a_connection(
    address: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "6543", "PGHOST": "nowhere", "PGUSER": "stranger"}.items():
        monkeypatch.setenv(name, value)

    assert ask(address, "select current_user::text") == "postgres"


def test_dagsters_driver_understands_the_address(address: ServerAddress) -> None:
    engine = sqlalchemy.create_engine(address.psycopg2_url("postgres"), poolclass=sqlalchemy.NullPool)

    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select current_user::text")).scalar() == "postgres"


def test_a_database_is_created_once_and_can_be_named_again(address: ServerAddress) -> None:
    for _ in range(2):
        ensure_database(address, "Leads & more")

    with psycopg.connect(address.dsn("Leads & more")) as connection:
        assert connection.info.dbname == "Leads & more"


def test_processes_that_start_at_the_same_time_share_one_server(home: Path) -> None:
    stop(home)
    starters = [
        subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]

    answers = {starter.communicate(timeout=60)[0] for starter in starters}

    assert answers == {f"{ensure_running(home).socket_directory}\n"}


def test_the_server_survives_the_violent_end_of_the_process_that_started_it(home: Path) -> None:
    stop(home)
    ended = subprocess.run([sys.executable, "-c", START_AND_DIE, str(home)], stdout=subprocess.DEVNULL, check=False)

    running = running_address(home)

    assert ended.returncode == -signal.SIGKILL
    assert running is not None
    assert ask(running, "select 1") == 1


def test_a_killed_server_comes_back_with_everything_that_was_committed(home: Path, address: ServerAddress) -> None:
    remember(address, 42)
    os.kill(postmaster_pid(address), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while running_address(home) and time.monotonic() < deadline:
        time.sleep(0.01)

    back = ensure_running(home)

    assert ask(back, "select max(answer) from memory") == 42


def stranded_pid_file(home: Path, *, pid: int) -> None:
    """Leave the pid file of a server that answered once and is gone: what a kill or a restart of the machine leaves."""
    address = ensure_running(home)
    text = str(ask(address, "select pg_read_file('postmaster.pid')"))
    data = Path(str(ask(address, "show data_directory")))
    stop(home)
    (data / "postmaster.pid").write_text("\n".join([str(pid), *text.split("\n")[1:]]))


def pretend_postgres(folder: Path, *, directory: Path, seconds: float) -> "subprocess.Popen[bytes]":
    """Start a process that is called postgres and works in a directory, but serves nobody."""
    program = folder / "postgres"
    program.symlink_to(str(shutil.which("sleep")))
    return subprocess.Popen(["sleep", str(seconds)], executable=program, cwd=directory)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_server_that_dies_while_it_is_waited_for_is_started_anew(
    home: Path, address: ServerAddress, tmp_path: Path
) -> None:
    data = Path(str(ask(address, "show data_directory")))
    dying = pretend_postgres(tmp_path, directory=data, seconds=0.5)  # nobody reaps it meanwhile: a zombie afterwards
    stranded_pid_file(home, pid=dying.pid)

    back = ensure_running(home)

    assert ask(back, "select 1") == 1
    assert postmaster_pid(back) != dying.pid
    dying.wait()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_postgres_of_another_directory_that_got_the_number_is_no_server_of_this_home(
    home: Path, tmp_path: Path
) -> None:
    stranger = pretend_postgres(tmp_path, directory=tmp_path, seconds=600)
    stranded_pid_file(home, pid=stranger.pid)
    found = running_address(home)

    assert found is None
    assert ask(ensure_running(home), "select 1") == 1
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize(
    ("command_line", "verdict"),
    [
        (b"/bin/postgres\0-D\0/home/data\0-c\0a=b\0", True),
        (b"/bin/postgres\0-D\0/home/other\0", False),
        (b"postgres: checkpointer \0", False),
        (b"", False),
    ],
)
def test_where_a_process_hides_its_directory_its_command_line_tells(command_line: bytes, *, verdict: bool) -> None:
    assert is_started_for(Path("/home/data"), command_line) is verdict


def test_a_stopped_server_is_not_found_and_starts_again_with_its_data(home: Path, address: ServerAddress) -> None:
    remember(address, -7)
    stop(home)
    stop(home)
    found = running_address(home)

    assert found is None
    assert ask(ensure_running(home), "select min(answer) from memory") == -7


def test_the_path_of_the_home_may_be_long_and_hold_spaces(home: Path) -> None:
    awkward = home / "a home, with 'spaces'" / ("x" * 90)

    address = ensure_running(awkward)

    assert len(str(address.socket_path)) < 104
    assert ask(address, "select 1") == 1
    stop(awkward)
    assert not address.socket_directory.exists()


def test_no_server_is_found_where_none_was_started(tmp_path: Path) -> None:
    stop(tmp_path)

    assert running_address(tmp_path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that the server's user cannot enter")
def test_for_root_a_home_nobody_can_enter_keeps_its_data_in_a_public_place(home: Path) -> None:
    private = home / "private"
    private.mkdir(mode=0o700)

    address = ensure_running(private)

    assert ask(address, "select 1") == 1
    assert not address.socket_directory.is_relative_to(private)
    assert running_address(private) == address
    stop(private)
    shutil.rmtree(address.socket_directory.parent)

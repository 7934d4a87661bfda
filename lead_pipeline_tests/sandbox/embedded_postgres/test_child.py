import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, child_server
from lead_pipeline.sandbox.embedded_postgres.processes import accepts_connections

START_AND_WAIT = """
import time
from lead_pipeline.sandbox.embedded_postgres import child_server
with child_server() as address:
    print(address.socket_directory, flush=True)
    time.sleep(60)
"""


def setting(address: ServerAddress, name: str) -> str:
    with psycopg.connect(address.dsn("postgres")) as connection:
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
        return str(row and row[0])


def test_a_server_for_tests_does_not_wait_for_the_disk(postgres_server: ServerAddress) -> None:
    assert setting(postgres_server, "fsync") == "off"


def test_a_durable_server_waits_for_the_disk_and_leaves_nothing_behind() -> None:
    with child_server(durable=True) as address:
        assert setting(address, "fsync") == "on"

    assert not address.socket_directory.parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_server_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", START_AND_WAIT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    address = ServerAddress(Path(parent.stdout.readline().strip()))
    answered = accepts_connections(address)

    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 10
    while accepts_connections(address) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert (answered, accepts_connections(address)) == (True, False)
    # What a killed parent could not clean up.
    subprocess.run(["/bin/rm", "-rf", str(address.socket_directory.parent)], check=True)


def test_each_test_has_a_database_of_its_own(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()

    assert tables == (0,)

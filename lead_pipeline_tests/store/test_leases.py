"""Claims on a piece of work: one holder at a time, a dead one never in the way, a robbed one stopped."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.errors import LockNotAvailable

from lead_pipeline.errors import LeaseHeldError, LeaseLostError
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import LEASE_TIME, Lease, hold_lease, take_turn
from lead_pipeline.store.pulls import add_batch

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
HOLD_AND_WAIT = """
import sys
from datetime import UTC, datetime
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import hold_lease
with hold_lease(Database(sys.argv[1]), "batch:1", holder="run 1", now=lambda: datetime.now(UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def lease_rows(database: Database) -> list[tuple[str, datetime]]:
    with database.connect() as connection:
        rows = connection.execute("SELECT holder, expires_at FROM lease ORDER BY name").fetchall()
    return [(row["holder"], row["expires_at"]) for row in rows]


def begin_batch(database: Database, lease: Lease) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO batch (batch_id, source, created_at) VALUES ('1', 'search', now())")
        lease.beat(connection)


def test_a_second_holder_is_told_who_works_there(database: Database) -> None:
    with (
        hold_lease(database, "batch:1", holder="run 1", now=Hands()),
        pytest.raises(LeaseHeldError, match="run 1"),
        hold_lease(database, "batch:1", holder="run 2", now=Hands()),
    ):
        pass


def test_other_work_is_free(database: Database) -> None:
    with (
        hold_lease(database, "batch:1", holder="run 1", now=Hands()),
        hold_lease(database, "batch:2", holder="run 2", now=Hands()),
    ):
        assert [holder for holder, _ in lease_rows(database)] == ["run 1", "run 2"]


def test_a_heartbeat_prolongs_the_claim(database: Database) -> None:
    clock = Hands()
    with hold_lease(database, "batch:1", holder="run 1", now=clock) as lease:
        clock.at += timedelta(minutes=1)
        with database.transaction() as connection:
            lease.beat(connection)

        assert lease_rows(database) == [("run 1", NOW + timedelta(minutes=1) + LEASE_TIME)]


def test_a_finished_claim_leaves_nothing_behind_even_after_an_error(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), hold_lease(database, "batch:1", holder="run 1", now=Hands()):
        raise ZeroDivisionError

    assert lease_rows(database) == []
    with hold_lease(database, "batch:1", holder="run 2", now=Hands()):
        assert [holder for holder, _ in lease_rows(database)] == ["run 2"]


def test_a_holder_whose_claim_was_taken_over_stops_and_keeps_nothing(database: Database) -> None:
    with hold_lease(database, "batch:1", holder="run 1", now=Hands()) as lease:
        with database.transaction() as connection:
            connection.execute("UPDATE lease SET holder = 'run 2'")

        with pytest.raises(LeaseLostError):
            begin_batch(database, lease)

    with database.connect() as connection:
        assert connection.execute("SELECT count(*) AS n FROM batch").fetchone() == {"n": 0}
    assert [holder for holder, _ in lease_rows(database)] == ["run 2"]


def test_a_killed_process_is_in_nobodys_way(database: Database, postgres_dsn_of_database: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT, postgres_dsn_of_database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeldError), hold_lease(database, "batch:1", holder="run 2", now=Hands()):
            pass
        other.kill()
        other.wait()

    with hold_lease(database, "batch:1", holder="run 2", now=Hands()):
        assert [holder for holder, _ in lease_rows(database)] == ["run 2"]


def test_two_runs_replace_a_stage_of_a_batch_one_after_the_other(database: Database) -> None:
    with database.transaction() as connection:
        add_batch(connection, "2026-05-04", source="search", at=datetime(2026, 5, 4, tzinfo=UTC))
    with database.transaction() as first:
        take_turn(first, "2026-05-04")
        with database.connect() as second:
            second.execute("SET lock_timeout = '50ms'")
            with pytest.raises(LockNotAvailable):
                take_turn(second, "2026-05-04")
    with database.transaction() as second:
        take_turn(second, "2026-05-04")


@pytest.fixture
def postgres_dsn_of_database(database: Database) -> str:
    with database.connect() as connection:
        return connection.info.dsn

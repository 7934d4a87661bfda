import threading

import psycopg
import pytest

from lead_pipeline.errors import ConfigurationError, DatabaseUnavailableError
from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline.store.database import APPLICATION_NAME, SESSION_SETTINGS, Database

DEAD_ADDRESS = "postgresql://someone:s3cret@127.0.0.1:1/leads"


def backend(database: Database) -> int:
    with database.connect() as connection:
        return connection.info.backend_pid


def terminate(database: Database, process_id: int) -> None:
    with psycopg.connect(database._dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process_id])


@pytest.mark.parametrize("name", SESSION_SETTINGS)
def test_a_session_has_the_settings_of_the_product(database: Database, name: str) -> None:
    with database.connect() as connection:
        row = connection.execute("SELECT current_setting(%s) AS value", [name]).fetchone()
        wanted = connection.execute(
            "SELECT set_config(%s, %s, false) AS value", [name, SESSION_SETTINGS[name]]
        ).fetchone()

    assert row == wanted


def test_the_server_sees_which_program_is_connected(database: Database) -> None:
    with database.connect() as connection:
        assert connection.info.parameter_status("application_name") == APPLICATION_NAME


def test_what_the_address_says_wins_over_our_defaults(database_dsn: str) -> None:
    with Database(f"{database_dsn}&application_name=nightly").connect() as connection:
        assert connection.info.parameter_status("application_name") == "nightly"
        connection.close()


def test_rows_come_as_dicts(database: Database) -> None:
    with database.connect() as connection:
        assert connection.execute("SELECT 1 AS one, 'x' AS letter").fetchone() == {"one": 1, "letter": "x"}


def test_a_statement_outside_a_transaction_commits_by_itself(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE note (text text)")
        with database.connect() as other:
            assert other.execute("SELECT count(*) AS notes FROM note").fetchone() == {"notes": 0}


def test_a_transaction_that_ends_in_an_error_leaves_nothing(database: Database) -> None:
    def work() -> None:
        with database.transaction() as connection:
            connection.execute("CREATE TABLE note (text text)")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        work()

    with database.connect() as connection:
        assert connection.execute("SELECT to_regclass('note') AS found").fetchone() == {"found": None}


def test_a_connection_is_used_again(database: Database) -> None:
    assert backend(database) == backend(database)


def test_callers_at_the_same_time_have_connections_of_their_own(database: Database) -> None:
    seen: list[int] = []
    barrier = threading.Barrier(3)

    def work() -> None:
        with database.connect() as connection:
            seen.append(connection.info.backend_pid)
            barrier.wait(10)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(seen)) == 3


def test_a_connection_left_inside_a_transaction_is_not_lent_again(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("BEGIN")
        left = connection.info.backend_pid

    assert backend(database) != left


def test_an_idle_connection_that_the_server_closed_is_replaced(database: Database) -> None:
    lost = backend(database)
    terminate(database, lost)

    assert backend(database) != lost


def test_losing_the_server_in_the_middle_of_work_says_that_it_is_unavailable(database: Database) -> None:
    def work() -> None:
        with database.connect() as connection:
            terminate(database, connection.info.backend_pid)
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        work()


def test_an_error_of_a_statement_stays_what_it_is(database: Database) -> None:
    with database.connect() as connection, pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1 / 0")


def test_a_statement_over_its_time_limit_does_not_look_like_a_lost_database(database: Database) -> None:
    def work() -> None:
        with database.transaction() as connection:
            connection.execute("SET LOCAL statement_timeout = '10ms'")
            connection.execute("SELECT pg_sleep(5)")

    with pytest.raises(psycopg.errors.QueryCanceled):
        work()


def test_a_database_that_is_down_is_named_without_its_password() -> None:
    with (
        pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1:1/leads") as caught,
        Database(DEAD_ADDRESS).connect(),
    ):
        pass

    assert "s3cret" not in str(caught.value)


def test_a_database_that_does_not_exist_is_named(postgres_server: ServerAddress) -> None:
    absent = Database(postgres_server.dsn("nowhere"))

    with pytest.raises(DatabaseUnavailableError, match='"nowhere" does not exist'), absent.connect():
        pass


def test_an_address_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError, match="LEAD_PIPELINE_DATABASE_URL") as caught:
        Database("mysql:s3cret@host")

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None

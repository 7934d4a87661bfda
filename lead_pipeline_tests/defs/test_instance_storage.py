"""Dagster's storage on the product's server: one instance file for a laptop and for production."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster_postgres import PostgresRunStorage
from sqlalchemy.engine import make_url

import lead_pipeline
from lead_pipeline.defs.instance_storage import ensure_database, sqlalchemy_url
from lead_pipeline.errors import ConfigurationError, DatabaseUnavailableError
from lead_pipeline.local_servers import stop_local_servers
from lead_pipeline.settings import load_settings

INSTANCE_FILE = Path(lead_pipeline.__file__).parents[1] / "dagster.yaml"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql://db.example:5433/leads", "postgresql+psycopg2://db.example:5433/dagster"),
        ("postgres://anna@db.example/leads", "postgresql+psycopg2://anna@db.example/dagster"),
        (
            "postgresql://anna:p%40ss%2Fword@db.example/leads",
            "postgresql+psycopg2://anna:p%40ss%2Fword@db.example/dagster",
        ),
        ("host=/run/pg dbname=leads user=anna", "postgresql+psycopg2://anna@/dagster?host=%2Frun%2Fpg"),
        ("host=/run/pg port=5433 dbname=leads", "postgresql+psycopg2:///dagster?host=%2Frun%2Fpg&port=5433"),
        (
            "postgresql://db.example/leads?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgresql+psycopg2://db.example/dagster?sslmode=verify-full&sslrootcert=%2Fca.pem",
        ),
    ],
)
def test_an_address_keeps_everything_but_the_database(address: str, expected: str) -> None:
    assert make_url(sqlalchemy_url(address, database="dagster")) == make_url(expected)


def test_dagsters_database_is_made_once_on_the_server_of_the_product(database_dsn: str) -> None:
    ensure_database(database_dsn, "dagster_of_a_test")
    ensure_database(database_dsn, "dagster_of_a_test")

    with psycopg.connect(database_dsn, autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM pg_database WHERE datname = 'dagster_of_a_test'").fetchone()
        connection.execute("DROP DATABASE dagster_of_a_test")
    assert found == (1,)


def test_a_database_that_is_down_is_one_line_without_the_password() -> None:
    with pytest.raises(DatabaseUnavailableError) as caught:
        ensure_database("postgresql://anna:hidden@127.0.0.1:1/leads", "dagster")

    assert "127.0.0.1:1" in str(caught.value)
    assert "LEAD_PIPELINE_DATABASE_URL" in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_user_who_may_make_no_database_is_told_what_an_administrator_has_to_do(database_dsn: str) -> None:
    with psycopg.connect(database_dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_user LOGIN")
        try:
            plain = psycopg.conninfo.make_conninfo(database_dsn, user="plain_user")
            with pytest.raises(ConfigurationError, match="CREATE DATABASE dagster_of_a_test"):
                ensure_database(plain, "dagster_of_a_test")
        finally:
            connection.execute("DROP ROLE plain_user")


@pytest.fixture
def instance_home(tmp_path: Path) -> str:
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copyfile(INSTANCE_FILE, home / "dagster.yaml")
    return str(home)


def test_the_instance_file_leads_to_the_server_that_the_environment_names(
    instance_home: str, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAD_PIPELINE_DATABASE_URL", database_dsn)

    with dg.DagsterInstance.from_config(instance_home) as instance:
        storage = instance.run_storage
        done = dg.job(name="ping")(lambda: None).execute_in_process(instance=instance)
        kept = instance.get_run_by_id(done.run_id)

    assert kept is not None
    assert kept.is_success
    assert isinstance(storage, PostgresRunStorage)


def test_a_connection_is_used_again_and_replaced_when_the_server_has_closed_it(
    instance_home: str, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAD_PIPELINE_DATABASE_URL", database_dsn)

    def backend() -> int:
        storage: Any = instance.run_storage
        with storage.connect() as connection:
            return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    with dg.DagsterInstance.from_config(instance_home) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        first = backend()
        run_count = instance.get_runs_count()
        second = backend()
        with psycopg.connect(database_dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", (second,))
        assert instance.get_runs_count() == run_count
        third = backend()

    assert first == second != third


def test_the_same_file_starts_the_embedded_server_where_no_address_is_set(
    instance_home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEAD_PIPELINE_DATABASE_URL", raising=False)
    monkeypatch.setenv("LEAD_PIPELINE_HOME", str(tmp_path / "home"))
    try:
        with dg.DagsterInstance.from_config(instance_home) as instance:
            assert instance.get_runs_count() == 0
            assert isinstance(instance.run_storage, PostgresRunStorage)
    finally:
        stop_local_servers(load_settings())


def test_nothing_is_reported_to_anybody_and_dead_workers_hold_no_place(
    instance_home: str, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAD_PIPELINE_DATABASE_URL", database_dsn)

    with dg.DagsterInstance.from_config(instance_home) as instance:
        assert instance.telemetry_enabled is False
        assert instance.nux_enabled is False
        assert instance.run_monitoring_enabled is True
        assert instance.run_monitoring_max_runtime_seconds == 7200
        concurrency = instance.get_concurrency_config()
        assert concurrency.run_queue_config is not None
        assert concurrency.run_queue_config.max_concurrent_runs == 2
        assert {"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1} in list(
            concurrency.run_queue_config.tag_concurrency_limits
        )
        assert concurrency.pool_config.default_pool_limit == 1

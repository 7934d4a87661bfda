"""Log search and explain on the command line: what is printed, what goes into files, what stays out."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from psycopg.types.json import Jsonb

from lead_pipeline.apps.cli.logs import explain, log, read_moment
from lead_pipeline.errors import ConfigurationError, UnknownSubjectError
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations

NIGHT = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
ADDRESS = "anna.probe@firm.example"


@pytest.fixture
def dsn(database_dsn: str) -> str:
    """A database with two entries of two leads."""
    database = Database(database_dsn)
    apply_migrations(database)
    with database.transaction() as connection:
        for number, operation in enumerate(("create", "update"), start=1):
            connection.execute(
                "INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, object_name,"
                " salesforce_id, op_id, payload_sha256, mapping_version, fields_changed, actor, outcome)"
                " VALUES (%s, '2026-05-04', 'run-1', %s, %s, 'Lead', %s, %s, '', '1', %s, 'test', 'applied')",
                [
                    NIGHT.replace(day=3 + number),
                    f"lead-{number}",
                    operation,
                    f"record-{number}",
                    uuid4(),
                    Jsonb([{"field": "Title", "before": None, "after": "Head"}]),
                ],
            )
        connection.execute("INSERT INTO lead_identity VALUES ('email', %s, 'lead-1', %s)", [ADDRESS, NIGHT])
        connection.execute("INSERT INTO salesforce_link VALUES ('lead-1', 'Lead', 'record-1', NULL, %s)", [NIGHT])
    database.close()
    return database_dsn


def run(dsn: str, tmp_path: Path, *arguments: str) -> Result:
    command, *rest = arguments
    environment = {"LEAD_PIPELINE_DATABASE_URL": dsn, "LEAD_PIPELINE_HOME": str(tmp_path / "home")}
    return CliRunner().invoke({"log": log, "explain": explain}[command], rest, env=environment)


@pytest.mark.parametrize(
    ("conditions", "leads"),
    [
        ((), ["lead-2", "lead-1"]),
        (("--lead", ADDRESS), ["lead-1"]),
        (("--lead", "lead-1"), ["lead-1"]),
        (("--record", "record-2"), ["lead-2"]),
        (("--operation", "create"), ["lead-1"]),
        (("--run", "run-2"), []),
        (("--from", "2026-05-05"), ["lead-2"]),
        (("--to", "2026-05-04"), ["lead-1"]),
        (("--from", "2026-05-04T02:00", "--to", "2026-05-04T02:00"), ["lead-1"]),
        (("--most", "1"), ["lead-2"]),
    ],
)
def test_conditions_add_up(dsn: str, tmp_path: Path, conditions: tuple[str, ...], leads: list[str]) -> None:
    result = run(dsn, tmp_path, "log", "search", *conditions, "--json")

    assert [entry["dievio_lead_id"] for entry in json.loads(result.stdout)["entries"]] == leads


def test_a_line_shows_the_whole_run_id_and_the_address_never(dsn: str, tmp_path: Path) -> None:
    result = run(dsn, tmp_path, "log", "search", "--lead", ADDRESS)

    assert result.stdout.splitlines()[1].endswith("run-1")
    assert ADDRESS not in result.output


def test_a_file_gets_everything_that_fits(dsn: str, tmp_path: Path) -> None:
    page = tmp_path / "entries.csv"

    run(dsn, tmp_path, "log", "search", "--csv", str(page))

    with page.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["dievio_lead_id"] for row in rows] == ["lead-2", "lead-1"]
    assert json.loads(rows[0]["fields_changed"]) == [{"field": "Title", "before": None, "after": "Head"}]


def test_explain_tells_in_words_and_as_json(dsn: str, tmp_path: Path) -> None:
    words = run(dsn, tmp_path, "explain", ADDRESS)
    (story,) = json.loads(run(dsn, tmp_path, "explain", ADDRESS, "--json").stdout)["stories"]

    assert "create Lead record-1 applied by test" in words.stdout
    assert "Title: None -> 'Head'" in words.stdout
    assert story["subject"] == {"dievio_lead_id": "lead-1", "salesforce_id": "record-1"}


def test_an_unknown_address_is_refused_without_repeating_it(dsn: str, tmp_path: Path) -> None:
    result = run(dsn, tmp_path, "explain", "nobody@firm.example")

    assert isinstance(result.exception, UnknownSubjectError)
    assert "nobody@firm" not in str(result.exception)


def test_a_day_means_all_of_it_and_nonsense_is_refused() -> None:
    end = read_moment("2026-05-04", "--to", is_end=True)

    assert end is not None
    assert (end.date().isoformat(), end.hour) == ("2026-05-04", 23)
    with pytest.raises(ConfigurationError, match="no day and no time"):
        read_moment("yesterday", "--from")

"""The commands around the suppression list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.main import root
from lead_pipeline.store.database import Database

PROFILE = "https://www.linkedin.com/in/Jane-Doe"


class CommandLine:
    """Calls the commands on a database of one's own."""

    def __init__(self, database: Database, home: Path) -> None:
        self._environment = {
            "LEAD_PIPELINE_HOME": str(home),
            "LEAD_PIPELINE_DATABASE_URL": database._dsn,
            "COLUMNS": "200",
        }

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, ["suppression", *arguments], env=self._environment)

    def entries(self, *arguments: str) -> list[dict[str, Any]]:
        answer: dict[str, list[dict[str, Any]]] = json.loads(self.call(*arguments, "--json").stdout)
        return answer["entries"]


@pytest.fixture
def line(database: Database, tmp_path: Path) -> CommandLine:
    return CommandLine(database, tmp_path)


def test_an_entry_shows_whom_it_names_who_entered_it_and_why(line: CommandLine) -> None:
    added = line.entries(
        "add", "--linkedin", PROFILE, "--domain", "www.acme.com", "--reason", "objected", "--by", "ann"
    )
    again = line.entries("add", "--linkedin", "linkedin.com/in/jane-doe", "--reason", "twice", "--by", "bob")

    assert [(entry["alias"], entry["state"], entry["records"]) for entry in added] == [
        ("jane-doe", "added", 0),
        ("acme.com", "added", 0),
    ]
    assert again[0]["state"] == "was there already"
    held = {entry["alias"]: (entry["reason"], entry["by"]) for entry in line.entries("list")}
    assert held == {"jane-doe": ("objected", "ann"), "acme.com": ("objected", "ann")}
    assert "objected" in line.call("list").stdout


def test_what_was_removed_is_gone_from_the_list_and_stays_in_its_history(line: CommandLine) -> None:
    line.call("add", "--email", "jane@acme.com", "--reason", "objected", "--by", "ann")

    removed = line.call("remove", "--email", "JANE@acme.com", "--reason", "agreed", "--by", "bob").stdout
    again = line.call("remove", "--email", "jane@acme.com", "--reason", "agreed").stdout

    assert (removed, again) == ("email jane@acme.com: removed\n", "email jane@acme.com: was not there\n")
    assert line.call("list").stdout == "Nobody is suppressed.\n"
    log = [(entry["change"], entry["reason"], entry["by"]) for entry in line.entries("list", "--changes")]
    assert log == [("removed", "agreed", "bob"), ("added", "objected", "ann")]


UNCLEAR = (
    ("add", "--reason", "nobody named"),
    ("add", "--email", "jane@acme.com"),
    ("add", "--email", "info@acme.com", "--domain", "acme.com", "--reason", "shared mailbox"),
    ("list", "--stale", "--changes"),
)


def test_an_unclear_order_changes_nothing(line: CommandLine) -> None:
    assert [line.call(*arguments).exit_code for arguments in UNCLEAR] == [2, 2, 2, 2]
    assert line.entries("list", "--changes") == []


def test_stale_records_that_work_leaves_out_are_listed_without_personal_data(
    line: CommandLine, database: Database
) -> None:
    nobody = line.call("list", "--stale").stdout
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO stale_record VALUES ('Lead', '00Q1', 'li:a', '2025-01-01Z', true, '2026-01-01Z'),"
            " ('Lead', '00Q2', 'li:b', '2025-09-01Z', false, '2026-01-01Z')"
        )

    assert "stale" in nobody
    assert [entry["salesforce_id"] for entry in line.entries("list", "--stale")] == ["00Q1"]

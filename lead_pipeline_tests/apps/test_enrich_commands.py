"""The commands around enrichment, against a sandbox of Dievio and an org."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.main import root
from lead_pipeline.errors import GateClosedError, UnknownSubjectError
from lead_pipeline.sandbox.dievio_api import DEFAULT_API_KEY
from lead_pipeline_tests.dievio_worlds import DievioWorld, running_dievio
from lead_pipeline_tests.services.conftest import (  # noqa: F401  # pytest finds fixtures by their names
    bench,
    written_database,
    written_org,
)
from lead_pipeline_tests.services.night_bench import NightBench, day, page_text, row
from lead_pipeline_tests.services.write_bench import WriteBench


@pytest.fixture(scope="module")
def dievio() -> Iterator[DievioWorld]:
    with running_dievio() as world:
        yield world


class CommandLine:
    """Calls commands against the servers of a bench."""

    def __init__(self, nights: NightBench, dievio: DievioWorld, home: Path) -> None:
        self._environment = {
            "LEAD_PIPELINE_HOME": str(home),
            "LEAD_PIPELINE_DATABASE_URL": nights.database._dsn,
            "SALESFORCE_INSTANCE_URL": nights.emulated.base_url,
            "SALESFORCE_CLIENT_ID": "sandbox-client",
            "SALESFORCE_CLIENT_SECRET": "sandbox-secret",
            "DIEVIO_BASE_URL": dievio.address,
            "DIEVIO_API_KEY": DEFAULT_API_KEY,
            "COLUMNS": "200",
        }

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, ["enrich", *arguments], env=self._environment)

    def read(self, *arguments: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = json.loads(self.call(*arguments, "--json").stdout)
        return answer


@pytest.fixture
def nights(bench: WriteBench) -> NightBench:  # noqa: F811  # the fixture's value
    bench.emulated.org.reset()
    return NightBench(database=bench.database, emulated=bench.emulated, client=bench.client)


@pytest.fixture
def line(nights: NightBench, dievio: DievioWorld, tmp_path: Path) -> Iterator[CommandLine]:
    """One synced person, and a day of whose two people one lacks a title."""
    dievio.reset()
    dievio.sell(row(job_title="CFO", last_enriched_at="2026-11-01T00:00:00Z"))
    nights.night(day(1), row(last_enriched_at="2026-05-03T00:00:00Z"))
    lacking = row(
        first_name="Mary", email="mary@acme.com", job_title=None, linkedin_url="https://www.linkedin.com/in/mary"
    )
    nights.deliver(
        day(2), {"plain": page_text([row(first_name="Ann", email="ann@acme.com", linkedin_url=None), lacking])}
    )
    nights.normalize(day(2))
    yield CommandLine(nights, dievio, tmp_path)
    nights.database.close()


def test_the_preview_says_who_why_and_what_it_costs_and_spends_nothing(line: CommandLine, dievio: DievioWorld) -> None:
    shown = line.read("preview", "--date", day(2))

    assert sum(reason["people"] for reason in shown["reasons"]) == 2
    assert {reason["reason"] for reason in shown["reasons"] if reason["choice"] == "ask"} >= {"missing_fields"}
    assert (shown["calls"] > 0, shown["credits_at_most"] > 0, dievio.rows_charged) == (True, True, 0)
    told = line.call("preview", "--date", day(2), "--who").stdout
    assert ("nothing is spent" in told, next(iter(shown["people"])) in told) == (True, True)
    assert "No lead of this day is open" in line.call("preview", "--date", day(9)).stdout


def test_one_person_is_looked_up_by_profile_and_the_budget_shows_it(
    line: CommandLine, nights: NightBench, dievio: DievioWorld
) -> None:
    done = line.read("one", "--linkedin", "https://www.linkedin.com/in/jane-doe")
    budget = line.read("budget")

    assert (done["found"], done["credits"], done["failed_gates"]) == (1, 1, "")
    assert dievio.rows_charged == 1
    assert (budget["lines"][0]["used"], budget["lines"][0]["limit"]) == (1, 1000)
    assert budget["lines"][1]["subject"] == "on_demand"
    assert nights.records("Lead")[0]["Title"] == "CFO"
    assert "spent on what we knew already" in line.call("budget").stdout


def test_what_the_org_refuses_while_somebody_waits_is_told_with_the_next_step(
    line: CommandLine, nights: NightBench
) -> None:
    nights.fault("row_lock", route="composite", method="POST", body_contains="If-Unmodified-Since")

    told = line.call("one", "--linkedin", "https://www.linkedin.com/in/jane-doe").stdout

    assert "`lead-pipeline dlq retry` tries again" in told
    assert nights.records("Lead")[0]["Title"] != "CFO"


def test_what_a_fault_ended_is_finished_by_the_retry(line: CommandLine, nights: NightBench) -> None:
    nights.fault("reset_before_commit", route="composite", method="POST", body_contains="If-Unmodified-Since")
    ended = line.call("one", "--linkedin", "https://www.linkedin.com/in/jane-doe")
    nights.end_faults()
    with nights.database.transaction() as connection:
        connection.execute("UPDATE batch SET created_at = created_at - interval '1 hour' WHERE source = 'on_demand'")

    retried, again = line.read("retry"), line.read("retry")

    assert isinstance(ended.exception, GateClosedError)
    assert retried["finished_batches"].startswith("one-")
    assert "finished_batches" not in again
    assert nights.records("Lead")[0]["Title"] == "CFO"


def test_a_profile_without_a_record_is_shown_with_its_price_and_not_written(
    line: CommandLine, nights: NightBench, dievio: DievioWorld
) -> None:
    dievio.sell(row(first_name="Olga", job_title="CTO", linkedin_url="https://www.linkedin.com/in/olga"))

    shown = line.call("one", "--linkedin", "linkedin.com/in/olga").stdout
    again = line.read("one", "--linkedin", "linkedin.com/in/olga")
    nobody = line.call("one", "--linkedin", "linkedin.com/in/nobody").stdout

    assert ("CTO" in shown, "1 credit · " in shown, "nothing was written" in shown) == (True, True, True)
    assert (again["credits"], again["reason"], again["findings"][0]["provider"]) == (0, "asked_before", "dievio")
    assert "No provider has anything" in nobody
    assert (len(nights.records("Lead")), dievio.rows_charged) == (1, 1)


def test_a_person_nobody_knows_is_refused_and_two_names_are_one_too_many(line: CommandLine) -> None:
    unknown = line.call("one", "--lead", "li-nobody")
    both = line.call("one", "--lead", "li-1", "--linkedin", "https://www.linkedin.com/in/jane-doe")

    assert isinstance(unknown.exception, UnknownSubjectError)
    assert both.exit_code == 2


def test_stale_records_are_refreshed_and_nobody_waits_for_a_retry(line: CommandLine, nights: NightBench) -> None:
    refreshed, retried = line.read("refresh"), line.read("retry")

    decided = line.read("preview", "--date", refreshed["batch_id"])["decided"]
    assert (refreshed["records"], refreshed["credits"], retried["records"]) == (1, 1, 0)
    assert [(entry["reason"], entry["state"], entry["people"]) for entry in decided] == [
        ("stale_fields", "answered", 1)
    ]
    assert nights.records("Lead")[0]["Title"] == "CFO"

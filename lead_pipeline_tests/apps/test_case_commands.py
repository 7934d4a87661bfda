"""The commands for questions and dead letters, from the command line to the org and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.main import root
from lead_pipeline.errors import (
    DecisionRefusedError,
    NoLettersError,
    UnknownBatchError,
    UnknownCaseError,
    UnknownReportError,
)
from lead_pipeline.services.report import build_report
from lead_pipeline.services.writing.ports import CrashPoint
from lead_pipeline.store.pulls import add_batch
from lead_pipeline_tests.services.conftest import (  # noqa: F401  # pytest finds fixtures by their names
    bench,
    written_database,
    written_org,
)
from lead_pipeline_tests.services.rework_bench import end_night
from lead_pipeline_tests.services.write_bench import BATCH_ID, BEGINNING, WriteBench, org_lead, person

INSERT_ROUTE = {"route": "composite/sobjects", "method": "POST"}


class CommandLine:
    """Calls commands against the servers of a bench."""

    def __init__(self, bench: WriteBench, home: Path) -> None:  # noqa: F811  # the fixture's value
        self.bench = bench
        self._environment = {
            "LEAD_PIPELINE_HOME": str(home),
            "LEAD_PIPELINE_DATABASE_URL": bench.database._dsn,
            "SALESFORCE_INSTANCE_URL": bench.emulated.base_url,
            "SALESFORCE_CLIENT_ID": "sandbox-client",
            "SALESFORCE_CLIENT_SECRET": "sandbox-secret",
        }

    def call(self, *arguments: str, columns: int = 200) -> Result:
        return CliRunner().invoke(root, list(arguments), env={**self._environment, "COLUMNS": str(columns)})

    def read(self, *arguments: str) -> Mapping[str, Any]:
        """Return what a command says in JSON."""
        result = self.call(*arguments, "--json")
        assert result.exception is None or isinstance(result.exception, SystemExit)
        answer: Mapping[str, Any] = json.loads(result.stdout)
        return answer


@pytest.fixture
def line(bench: WriteBench, tmp_path: Path) -> Iterator[CommandLine]:  # noqa: F811  # the fixture's value
    """After a night with one question and one dead letter beside a created lead."""
    bench.load("Lead", *(org_lead(1, Email=None, Website="https://firm1.example") for _ in range(2)))
    bench.add_leads(person(1), person(2), person(3))
    bench.fault("partial_failure", record_index=0, code="STRING_TOO_LONG", times=1, **INSERT_ROUTE)
    end_night(bench)
    bench.end_faults()
    assert sorted(bench.outcomes().values()) == ["created", "dead_letter", "review"]
    yield CommandLine(bench, tmp_path)
    bench.database.close()


def item_id(line: CommandLine) -> str:
    (item,) = line.read("review", "list")["items"]
    return str(item["review_item_id"])


def test_the_list_names_reason_and_owner_and_no_value_of_a_person(line: CommandLine) -> None:
    listed = line.call("review", "list")

    assert listed.exit_code == 0
    assert "several_candidates" in listed.output
    assert "sales_ops" in listed.output
    assert "Probe" not in listed.output + line.call("review", "list", "--json").output
    assert line.read("review", "list", "--reason", "near_name")["items"] == []


def test_show_puts_the_lead_beside_both_candidates(line: CommandLine) -> None:
    shown = line.call("review", "show", item_id(line), "--all")

    assert shown.exit_code == 0
    assert "More than one person" in shown.output
    assert "lena.probe1@firm1.example" in shown.output
    assert "the same name and domain" in shown.output
    assert "--same, --not-same, --create, --skip" in shown.output
    fields = {field["label"]: field for field in line.read("review", "show", item_id(line))["fields"]}
    assert fields["Title"]["lead_value"] == "Head of Operations"
    assert [cell["winner"] for cell in fields["Title"]["cells"]] == ["lead", "lead"]


def test_decide_writes_the_named_record(line: CommandLine) -> None:
    record = line.read("review", "show", item_id(line))["records"][0]["salesforce_id"]

    result = line.call("review", "decide", item_id(line), "--same", record, "--by", "anna", "--reason", "same phone")

    assert (result.exit_code, result.stdout) == (0, "decided: 1 updated\n")
    assert line.bench.outcomes()["lead-00001"] == "updated"
    assert line.read("review", "list")["items"] == []
    (decided,) = line.read("review", "list", "--decided")["items"]
    assert (decided["decided_by"], decided["decision"]["reason"]) == ("anna", "same phone")


def test_beside_same_a_value_is_taken_and_beside_skip_none(line: CommandLine) -> None:
    record = line.read("review", "show", item_id(line))["records"][0]["salesforce_id"]

    refused = line.call("review", "decide", item_id(line), "--skip", "--take", "Title")
    unknown = line.call("review", "decide", item_id(line), "--same", record, "--take", "Nickname__c")
    taken = line.call("review", "decide", item_id(line), "--same", record, "--take", "title", "--keep", "Phone")

    assert "may also stand beside --same" in refused.output
    assert isinstance(unknown.exception, DecisionRefusedError)
    assert taken.exit_code == 0
    (decided,) = line.read("review", "list", "--decided")["items"]
    assert {name: kept["choice"] for name, kept in decided["decision"]["fields"].items()} == {
        "Phone": "keep",
        "Title": "take",
    }


def test_an_answer_that_cannot_be_carried_out_now_is_kept_and_says_how_to_go_on(line: CommandLine) -> None:
    line.bench.ask("UPDATE gate_result SET passed = false WHERE gate = 'core_leads__sync_plan__risk_box' RETURNING 1")

    record = line.read("review", "show", item_id(line))["records"][0]["salesforce_id"]

    held = line.call("review", "decide", item_id(line), "--same", record)

    assert held.exit_code == 1
    assert "decided: not carried out yet" in held.stdout
    assert "lead-pipeline review apply" in held.output


def test_an_answer_for_a_batch_from_before_an_upgrade_names_the_way_out(line: CommandLine) -> None:
    line.bench.ask("DELETE FROM gate_result WHERE gate = 'core_leads__sync_plan__risk_box' RETURNING 1")

    held = line.call("review", "decide", item_id(line), "--create")

    assert held.exit_code == 1
    assert "core_leads__sync_plan__risk_box has not passed. 1 of them has no answer" in held.output
    assert f"lead-pipeline run --date {BATCH_ID}`. Then lead-pipeline review apply" in held.output


def test_an_answer_that_salesforce_refuses_says_where_it_waits(line: CommandLine) -> None:
    line.bench.fault("partial_failure", record_index=0, code="STRING_TOO_LONG", times=1, **INSERT_ROUTE)

    refused = line.call("review", "decide", item_id(line), "--create")

    assert refused.stdout == "decided: 1 dead_letter\nSalesforce refused it · next: lead-pipeline dlq list\n"


@pytest.mark.parametrize(
    "answer",
    [(), ("--skip", "--create"), ("--again", "--take", "Title"), ("--same", "a", "--create")],
)
def test_decide_takes_exactly_one_answer(line: CommandLine, answer: tuple[str, ...]) -> None:
    result = line.call("review", "decide", "1", *answer)

    assert result.exit_code == 2
    assert "Give one answer" in result.output


def test_an_answer_or_number_that_does_not_fit_is_refused(line: CommandLine) -> None:
    refused = line.call("review", "decide", item_id(line), "--again")
    unknown = line.call("review", "show", "4711")

    assert isinstance(refused.exception, DecisionRefusedError)
    assert isinstance(unknown.exception, UnknownCaseError)


def test_assign_changes_the_owner(line: CommandLine) -> None:
    line.call("review", "assign", item_id(line), "anna")

    assert [item["owner"] for item in line.read("review", "list", "--owner", "anna")["items"]] == ["anna"]
    assert isinstance(line.call("review", "assign", "4711", "anna").exception, UnknownCaseError)


def test_dead_letters_are_listed_by_what_to_mend(line: CommandLine) -> None:
    (group,) = line.read("dlq", "list")["groups"]

    assert (group["error_code"], group["letters"], group["owner"]) == ("STRING_TOO_LONG", 1, "sales_ops")
    assert group["cause"] in line.call("dlq", "list").output
    (letter,) = line.read("dlq", "show", "STRING_TOO_LONG")["letters"]
    assert letter["payload"]["LastName"].startswith("Probe")
    assert "attempts" in line.call("dlq", "show", str(letter["dead_letter_id"])).output
    shown = line.call("dlq", "show", "STRING_TOO_LONG").output
    assert all(whole in shown for whole in (letter["dievio_lead_id"], letter["batch_id"]))


def test_retry_by_code_recovers_the_letter(line: CommandLine) -> None:
    result = line.call("dlq", "retry", "--code", "STRING_TOO_LONG", "--by", "ben")

    assert (result.exit_code, result.stdout) == (0, "1 of 1 recovered: 1 created\n")
    assert "dead_letter" not in line.bench.outcomes().values()
    assert isinstance(line.call("dlq", "retry", "--all").exception, NoLettersError)


def test_retry_and_discard_want_to_be_told_what_is_meant(line: CommandLine) -> None:
    assert line.call("dlq", "retry").exit_code == 2
    assert line.call("dlq", "retry", "1", "--all").exit_code == 2
    assert line.call("dlq", "discard", "--code", "STRING_TOO_LONG").exit_code == 2
    assert line.call("dlq", "discard", "--code", "STRING_TOO_LONG", "--reason", " ").exit_code == 2


def test_discard_keeps_the_letter_in_sight(line: CommandLine) -> None:
    result = line.call("dlq", "discard", "--code", "STRING_TOO_LONG", "--reason", "left the company")

    assert result.stdout == "1 discarded\n"
    (group,) = line.read("dlq", "list", "--state", "discarded")["groups"]
    assert group["letters"] == 1
    assert "dlq retry" not in line.call("dlq", "list", "--state", "discarded").output
    assert "dead_letter" in line.bench.outcomes().values()


def test_codes_explains_every_code() -> None:
    result = CliRunner().invoke(root, ["dlq", "codes"])

    assert result.exit_code == 0
    assert "DUPLICATES_DETECTED" in result.output


def test_codes_fit_a_narrow_window_each_on_a_line_of_its_own() -> None:
    result = CliRunner().invoke(root, ["dlq", "codes"], env={"COLUMNS": "80"})

    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 80
    assert {"STRING_TOO_LONG", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "several_candidates"} <= set(lines)


def test_an_id_in_the_list_is_never_broken_over_two_lines(line: CommandLine) -> None:
    line.bench.ask("UPDATE review_item SET dievio_lead_id = 'li-00aef285fe8cea3afe1a3985' RETURNING 1")

    listed = line.call("review", "list", columns=80)

    assert "li-00aef285fe8cea3afe1a3985" in listed.output
    assert "1 shown, the oldest first · 1 open in all" in listed.output


def test_the_audit_says_that_every_promise_holds(line: CommandLine) -> None:
    result = line.call("audit", "--date", BATCH_ID)

    assert result.exit_code == 0
    assert "1 batch, 3 rows and 3 writes held against the org by its records" in result.output
    assert result.output.endswith("every promise holds\n")


def test_an_audit_of_nothing_does_not_say_that_all_is_well(line: CommandLine) -> None:
    unknown = line.call("audit", "--date", "1999-01-01")
    with line.bench.database.transaction() as connection:
        add_batch(connection, "1999-01-02", source="search", at=line.bench.now())
    empty = line.call("audit", "--date", "1999-01-02")

    assert isinstance(unknown.exception, UnknownBatchError)
    assert "Nothing was held against the org" in empty.output
    assert "holds" not in empty.output


def test_the_audit_names_what_is_broken_and_ends_with_one(line: CommandLine) -> None:
    line.bench.ask("DELETE FROM sync_log WHERE outcome = 'applied' RETURNING 1")

    told, read = line.call("audit", "--date", BATCH_ID), line.read("audit", "--date", BATCH_ID)

    assert told.exit_code == 1
    assert "next: lead-pipeline explain" in told.output
    assert {violation["invariant"] for violation in read["violations"]} == {"I5"}


def test_a_dry_run_of_an_undoing_writes_nothing_and_says_how_to_go_on(line: CommandLine) -> None:
    journal = line.bench.journal()

    result = line.call("revert", "--run", "run-1", "--dry-run")

    assert result.exit_code == 0
    assert "nothing was written · next: the same command without --dry-run" in result.output
    assert line.bench.journal() == journal


def test_an_undoing_notes_created_records_and_names_its_own_log(line: CommandLine) -> None:
    done = line.read("revert", "--run", "run-1")
    logged = line.read("log", "search", "--run", done["run_id"])["entries"]

    assert (done["is_dry_run"], len(done["created_records"]), done["tagged_records"]) == (False, 1, 1)
    assert [entry["operation"] for entry in logged] == ["revert"]
    assert "nothing is left to undo" in line.call("revert", "--run", "run-1", "--dry-run").output
    assert len(line.bench.records()) == 3


def test_recover_settles_what_a_dead_process_left_and_finds_nothing_the_second_time(line: CommandLine) -> None:
    line.bench.add_leads(person(4))
    line.bench.prepare()
    line.bench.die_at(CrashPoint.AFTER_ANSWER)
    records = len(line.bench.records())

    first = line.call("recover")
    second = line.read("recover")

    assert "1 write settled by reading, 0 still open" in first.stdout
    assert second == {"leases_freed": [], "writes_settled": 0, "writes_open": 0}
    assert len(line.bench.records()) == records
    assert "nothing to clear up" in line.call("recover").stdout


def test_an_unknown_reason_is_refused_with_the_known_ones(line: CommandLine) -> None:
    result = line.call("review", "list", "--reason", "nearname")

    assert result.exit_code == 2
    assert "near_name" in result.output


def test_a_question_always_names_who_is_meant(line: CommandLine) -> None:
    shown = line.call("review", "show", item_id(line)).stdout

    assert "Last Name" in shown
    assert "Company" in shown


def test_the_report_of_a_night_can_be_read_after_a_replay_made_its_own(line: CommandLine) -> None:
    build_report(line.bench.database, batch_id=BATCH_ID, run_id="night", started_at=BEGINNING, now=line.bench.now)
    line.bench.wait(60)
    assert line.call("dlq", "retry", "--code", "STRING_TOO_LONG").exit_code == 0

    newest, night = line.read("report", "--date", BATCH_ID), line.read("report", "--run", "night")
    told = line.call("report", "--run", "night")

    assert (newest["created"], newest["dead_letter"]) == (2, 0)
    assert (night["created"], night["dead_letter"]) == (1, 1)
    assert [run["run_id"] for run in newest["runs"]] == [newest["run_id"], "night"]
    assert newest["run_id"] in told.output.partition("other runs of this batch: lead-pipeline report --run ID")[2]
    assert "other runs" in line.call("report", "--date", BATCH_ID).output


def test_a_report_that_is_not_there_is_no_report_of_another_run(line: CommandLine) -> None:
    unknown = line.call("report", "--run", "0e4a")
    both = line.call("report", "--run", "night", "--date", BATCH_ID)

    assert isinstance(unknown.exception, UnknownReportError)
    assert "Give one of them" in both.output

"""`lead-pipeline sandbox fault` against a sandbox that runs as its own process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.main import root
from lead_pipeline.errors import LocalServerError
from lead_pipeline.sandbox import processes
from lead_pipeline.sandbox.processes import SandboxAddresses


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("home")
    yield directory
    processes.stop(directory)


class Line:
    """The command line of a home."""

    def __init__(self, home: Path, addresses: SandboxAddresses | None = None) -> None:
        self._home = home
        self.addresses = addresses

    def call(self, *arguments: str, columns: int = 200) -> Result:
        environment = {"LEAD_PIPELINE_HOME": str(self._home), "COLUMNS": str(columns)}
        return CliRunner().invoke(root, ["sandbox", "fault", *arguments], env=environment)

    def in_force(self) -> dict[str, list[dict[str, Any]]]:
        rules: dict[str, list[dict[str, Any]]] = json.loads(self.call("list", "--json").stdout)
        return rules


@pytest.fixture
def line(home: Path) -> Line:
    """With a running sandbox that has no fault."""
    line = Line(home, processes.ensure_running(home, scenario="empty"))
    assert line.call("clear").exit_code == 0
    return line


def test_a_fault_strikes_the_calls_it_names_and_is_listed_with_its_count(line: Line) -> None:
    arguments = ("set", "status", "status=502", "retry_after_seconds=2", "--nth", "2", "--route", "oauth2")
    assert line.call(*arguments).exit_code == 0

    assert line.addresses is not None
    login = f"{line.addresses.salesforce_url}/services/oauth2/token"
    answers = [httpx.post(login) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 502, 400]
    assert answers[1].headers["retry-after"] == "2"
    (rule,) = line.in_force()["salesforce"]
    assert (rule["kind"], rule["matched"], rule["fired"]) == ("status", 3, 1)
    assert "nth=2" in line.call("list").output


def test_a_value_is_json_where_it_can_be_and_text_elsewhere(line: Line) -> None:
    line.call("set", "edit", "field=Email", "value=a@b.example", 'fields={"Title": "CTO"}', "--times", "1")

    (rule,) = line.in_force()["salesforce"]

    assert (rule["value"], rule["fields"]) == ("a@b.example", {"Title": "CTO"})


def test_every_system_has_its_own_kinds(line: Line) -> None:
    assert "charged_but_lost" in line.call("kinds", "--system", "dievio").output
    assert "charged_but_lost" not in line.call("kinds").output


def test_every_parameter_is_shown_whole_in_a_narrow_window(line: Line) -> None:
    shown = line.call("kinds", columns=80)
    known = json.loads(line.call("kinds", "--json").output)["kinds"]

    together = "".join(shown.output.split())
    for kind in known.values():
        for name, default in kind["parameters"].items():
            words = name if default is None else f"{name}={json.dumps(default)}"
            assert words.replace(" ", "") in together
    listed, _, _ = shown.output.partition("next: ")
    assert max(map(len, listed.splitlines())) <= 80

    for system, kind in (("dievio", "page_shift"), ("contact_api", "short_answer"), ("lead_platform", "slow")):
        assert line.call("set", kind, "--system", system).exit_code == 0

    assert {system: len(rules) for system, rules in line.in_force().items()} == {
        "salesforce": 0, "dievio": 1, "contact_api": 1, "lead_platform": 1,
    }  # fmt: skip


def test_one_fault_is_cleared_or_all(line: Line) -> None:
    ids = [json.loads(line.call("set", "slow", "--json").stdout)["id"] for _ in range(2)]

    one = line.call("clear", str(ids[0]))
    left = line.in_force()["salesforce"]
    rest = line.call("clear")

    assert [rule["id"] for rule in left] == ids[1:]
    assert f"fault {ids[0]}" in one.output
    assert rest.output == "1 fault cleared\n"
    assert line.call("list").output == "No fault is in force.\n"


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("set", "row_lok"), "nearest: row_lock"),
        (("set", "edit", "feilds={}", "id=00Q"), "it knows id, object, field, value, fields"),
        (("set", "merge", "id=00Q"), "needs master_id"),
        (("set", "late_commit", "delay_seconds=soon"), "has to be a number"),
        (("set", "slow", "--system", "lead_platform", "minutes=1"), "knows no parameter minutes; it knows seconds"),
        (("clear", "4711"), "there is no fault 4711"),
    ],
)
def test_a_fault_that_cannot_work_is_refused_with_what_to_write(
    line: Line, arguments: tuple[str, ...], advice: str
) -> None:
    refused = line.call(*arguments)

    assert isinstance(refused.exception, LocalServerError)
    assert advice in str(refused.exception)
    assert not any(line.in_force().values())


@pytest.mark.parametrize(("parameter", "advice"), [("nth=3", "write --nth 3"), ("seconds", "write NAME=VALUE")])
def test_a_parameter_in_the_wrong_form_is_told_its_form(tmp_path: Path, parameter: str, advice: str) -> None:
    refused = Line(tmp_path).call("set", "slow", parameter)

    assert refused.exit_code == 2
    assert advice in refused.output


def test_without_a_running_sandbox_it_says_how_to_start_one(tmp_path: Path) -> None:
    refused = Line(tmp_path).call("list")

    assert isinstance(refused.exception, LocalServerError)
    assert "lead-pipeline sandbox up" in str(refused.exception)

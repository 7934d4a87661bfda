"""Deliberately broken configurations: each is answered with the right line, code, cause and repair."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.main import main
from lead_pipeline.apps.cli.mapping import mapping
from lead_pipeline.config.loading import PACKAGED_DIRECTORY
from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.connections import Connections
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.settings import load_settings

NOBODY = "http://127.0.0.1:9"
NOWHERE = {
    "DIEVIO_BASE_URL": NOBODY,
    "DIEVIO_API_KEY": "key",
    "CONTACT_API_BASE_URL": NOBODY,
    "CONTACT_API_KEY": "key",
    "SALESFORCE_INSTANCE_URL": NOBODY,
    "SALESFORCE_ACCESS_TOKEN": "token",
    "LEAD_PIPELINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
}
#: File that only the client of its system reads -> what opens that client; all others are read together.
WITH_A_FILE_OF_THEIR_OWN: Mapping[str, Callable[[Connections], object]] = {
    "dievio.yaml": lambda connections: connections.dievio,
    "contact_api.yaml": lambda connections: connections.contact_api,
}
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("broken_configurations.yaml").read_text("utf-8"))


def break_file(folder: Path, name: str, old: str, new: str) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    text = (target if target.exists() else PACKAGED_DIRECTORY / name).read_text("utf-8")
    assert old in text, f"the packaged {name} no longer holds {old!r}"
    target.write_text(text.replace(old, new, 1), "utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mapping, arguments, env={"LEAD_PIPELINE_HOME": "/nowhere"})


def validate(folder: Path, *options: str) -> Result:
    return run("validate", "--directory", str(folder), *options)


def test_there_are_sixty_of_them_of_thirty_kinds() -> None:
    codes = {line.rpartition("[")[2] for case in CASES for line in case["says"]}
    assert len(CASES) >= 60
    assert len(codes) >= 30


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_broken_configuration_is_answered_in_these_words(case: dict[str, Any], tmp_path: Path) -> None:
    break_file(tmp_path, case["file"], case["old"], case["new"])

    result = validate(tmp_path)

    *said, total = result.output.replace(f"{tmp_path}/", "").splitlines()
    assert said == case["says"]
    assert total == f"{len(said)} to mend in 1 file"
    assert result.exit_code == 4


def _read_config(connections: Connections) -> object:
    return connections.config


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_broken_configuration_is_refused_without_a_call(case: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is planned or bought without it, so nothing is written; nobody listens: a call would end otherwise."""
    break_file(tmp_path, case["file"], case["old"], case["new"])
    settings = load_settings({**NOWHERE, "LEAD_PIPELINE_CONFIG_DIR": str(tmp_path)})

    with Connections(settings) as connections, pytest.raises(ConfigurationError, match=case["file"]):
        WITH_A_FILE_OF_THEIR_OWN.get(case["file"], _read_config)(connections)


def test_the_flaws_of_all_files_and_of_all_kinds_are_told_at_once(tmp_path: Path) -> None:
    break_file(tmp_path, "mapping/lead.yaml", "write: tracked", "write: trakced")
    break_file(tmp_path, "mapping/lead.yaml", "    label: Rating\n", "    label: Rating\n    from: seniority\n")
    break_file(tmp_path, "mapping/contact.yaml", "owner: rep", "owner: reps")
    break_file(tmp_path, "segments.yaml", "credit_budget: 6000", "credit_budget: 50")
    break_file(tmp_path, "dievio.yaml", "connect_seconds: 10", "connect_seconds: 0")
    (tmp_path / "mapping" / "leads.yaml").write_text("version: 1\n")

    answer = json.loads(validate(tmp_path, "--json").stdout)

    told = [
        (Path(entry["file"]).name, entry["line"] > 0, entry["code"], entry["nearest"]) for entry in answer["problems"]
    ]
    assert told == [
        ("leads.yaml", False, "stray_file", "mapping/lead.yaml"),
        ("lead.yaml", True, "not_a_choice", "tracked"),
        ("lead.yaml", True, "never_with_source", ""),
        ("contact.yaml", True, "not_a_choice", "rep"),
        ("segments.yaml", True, "budget_below_page", ""),
        ("dievio.yaml", True, "out_of_bounds", ""),
    ]
    assert answer["ok"] is False
    assert answer["problems"][1]["key"] == "fields[3].write"


def test_a_run_refuses_with_the_same_words_before_it_connects_to_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_file(tmp_path, "mapping/lead.yaml", "write: tracked", "write: trakced")
    monkeypatch.setenv("LEAD_PIPELINE_CONFIG_DIR", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        main(["mapping", "docs"])

    assert ended.value.code == 4
    assert "lead.yaml:56:5: fields[3].write: trakced is not allowed. Did you mean tracked?" in capsys.readouterr().err


def test_the_packaged_configuration_has_nothing_to_mend(tmp_path: Path) -> None:
    result = validate(tmp_path)
    assert (result.exit_code, json.loads(validate(tmp_path, "--json").stdout)) == (0, {"ok": True, "problems": []})
    assert "nothing to mend" in result.output


def test_the_document_is_printed_and_written_as_a_page(tmp_path: Path) -> None:
    page = tmp_path / "mapping.html"

    text = run("docs").output
    written = run("docs", "--html", str(page))

    assert text.startswith("# What is written to Salesforce")
    assert written.output == f"wrote {page}\n"
    html = page.read_text("utf-8")
    config = load_pipeline_config(None)
    names = [row.to for row in (*config.mappings.lead.fields, *config.mappings.contact.fields)]
    assert html.count("<tr>") == len(names) + html.count("<thead>")
    assert all(f"<code>{name}</code>" in html for name in names)
    assert "<script" not in html


def test_a_folder_is_compared_with_the_default(tmp_path: Path) -> None:
    break_file(tmp_path, "mapping/lead.yaml", "write: tracked", "write: fill_blank")

    changed, same = run("diff", "default", str(tmp_path)), run("diff", "default", "default", "--json")

    assert "~ Lead.Company write: tracked → fill_blank" in changed.output
    assert changed.exit_code == 2
    assert (json.loads(same.output)["changes"], same.exit_code) == ([], 0)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    result = run("diff", "default", str(tmp_path / "nothing"))
    assert "is no folder" in str(result.exception)


def test_the_second_provider_is_checked_before_a_run_as_soon_as_it_is_named(tmp_path: Path) -> None:
    break_file(tmp_path, "contact_api.yaml", "per_second: 5", "per_second: 0")
    load_pipeline_config(tmp_path)

    break_file(tmp_path, "enrichment.yaml", "providers: [dievio]", "providers: [dievio, contact_api]")

    with pytest.raises(ConfigurationError, match=r"contact_api\.yaml"):
        load_pipeline_config(tmp_path)
    assert validate(tmp_path).output.count("rate.per_second") == 1

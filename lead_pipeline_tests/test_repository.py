"""What holds for the whole tree: its shape, its sizes, its configuration, and what must never be in it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.mapping import SourceOfTruth, WritePolicy
from lead_pipeline.domain.mapping_document import parse_mapping

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "lead_pipeline" / "config"
TOP_LEVEL = (
    "pyproject.toml", "README.md", "lead_pipeline", "lead_pipeline_tests", "workspace.yaml", "dagster.yaml", "sql",
    "Makefile", "CHANGELOG.md", "LICENSE", "docs", ".ci/run",
)  # fmt: skip
MOST_LINES, MOST_TEST_LINES = 400, 600
MOST_FUNCTION_LINES, MOST_TEST_FUNCTION_LINES = 40, 60  # without the docstring
VAGUE_NAMES = {"utils", "helpers", "common", "misc"}
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
FORBIDDEN = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\n\s*[A-Za-z0-9+/]{40}"),
    "an access key": re.compile(r"\b(?:AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|xox[bap]-[0-9A-Za-z-]{20,})\b"),
    "a home directory": re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]\w*/"),
    "a package index": re.compile(r"(?:--(?:extra-)?index-url|--find-links)\s+\S"),
}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [file for name in listed.stdout.split("\0") if name and (file := ROOT / name).is_file()]


TRACKED = tracked_files()
PYTHON_FILES = [file for file in TRACKED if file.suffix == ".py"]
YAML_FILES = sorted(CONFIG.rglob("*.yaml"))


def is_test(file: Path) -> bool:
    return "lead_pipeline_tests" in file.parts


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without decorators and docstring."""
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    said = 0 if docstring is None else (docstring.end_lineno or 0) - docstring.lineno + 1
    return (node.end_lineno or 0) - node.lineno + 1 - said


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_the_tree_has_its_parts(name: str) -> None:
    assert (ROOT / name).exists()


def test_no_file_is_too_long_or_vaguely_named() -> None:
    too_long = [
        f"{shown(file)}: {lines}"
        for file in PYTHON_FILES
        if (lines := file.read_text("utf-8").count("\n")) > (MOST_TEST_LINES if is_test(file) else MOST_LINES)
    ]
    vague = [shown(file) for file in PYTHON_FILES if file.stem in VAGUE_NAMES]

    assert (too_long, vague) == ([], [])


def test_no_function_is_too_long() -> None:
    too_long = [
        f"{shown(file)}:{node.lineno} {node.name}: {lines}"
        for file in PYTHON_FILES
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := function_lines(node)) > (MOST_TEST_FUNCTION_LINES if is_test(file) else MOST_FUNCTION_LINES)
    ]

    assert too_long == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_tree_holds_no_secret_and_nothing_of_one_machine(what: str) -> None:
    found = [
        shown(file)
        for file in TRACKED
        if file != Path(__file__) and FORBIDDEN[what].search(file.read_bytes().decode("utf-8", "replace"))
    ]

    assert found == []


def test_the_pins_name_no_registry() -> None:
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]

    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._\[\]-]+==[^\s/@]+(?:\s*;.*)?", pin.strip())] == []


def test_links_of_the_documents_lead_somewhere() -> None:
    broken = [
        f"{shown(file)} -> {target}"
        for file in TRACKED
        if file.suffix == ".md"
        for target in LINK.findall(file.read_text("utf-8"))
        if not (file.parent / target).exists()
    ]

    assert broken == []


def test_the_changelog_has_a_heading_for_what_comes_next() -> None:
    assert re.search(
        r"^## .*(unreleased|0\.1\.0)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.IGNORECASE | re.MULTILINE
    )


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: str(file.relative_to(CONFIG)))
def test_every_packaged_configuration_obeys_its_schema_and_names_it(file: Path) -> None:
    first_line = file.read_text("utf-8").splitlines()[0]
    named = re.search(r"\$schema=(\S+)", first_line)
    name = str(file.relative_to(CONFIG).with_suffix(""))
    schema = {"sources": "source_mapping"}.get(file.parent.name)

    assert load_document(name, schema=schema) == yaml.safe_load(file.read_text("utf-8"))
    if named is not None:
        assert json.loads((file.parent / named[1]).read_text("utf-8"))["type"] == "object"


#: Field -> who is right about it, and when it is written: the defaults that R081 and R082 name.
LEAD_DEFAULTS = {
    "Employee_Count__c": (SourceOfTruth.DIEVIO, WritePolicy.ALWAYS),
    "Last_Enriched_At__c": (SourceOfTruth.INTEGRATION, WritePolicy.ALWAYS),
    "Original_Source__c": (SourceOfTruth.INTEGRATION, WritePolicy.WRITE_ONCE),
    "Phone": (SourceOfTruth.REP, WritePolicy.FILL_BLANK),
    "LinkedIn_URL__c": (SourceOfTruth.DIEVIO, WritePolicy.FILL_BLANK),
    "Company_Domain__c": (SourceOfTruth.DIEVIO, WritePolicy.FILL_BLANK),
    "Email": (SourceOfTruth.DIEVIO, WritePolicy.TRACKED),
    "Status": (SourceOfTruth.SALESFORCE, WritePolicy.NEVER),
    "OwnerId": (SourceOfTruth.SALESFORCE, WritePolicy.NEVER),
    "LeadSource": (SourceOfTruth.SALESFORCE, WritePolicy.NEVER),
    "Qualification_Notes__c": (SourceOfTruth.REP, WritePolicy.NEVER),
    "Owner_Notes__c": (SourceOfTruth.REP, WritePolicy.NEVER),
    "Description": (SourceOfTruth.REP, WritePolicy.NEVER),
}


@pytest.mark.parametrize(("name", "default"), LEAD_DEFAULTS.items(), ids=LEAD_DEFAULTS)
def test_a_field_has_the_owner_and_the_policy_it_was_promised(
    name: str, default: tuple[SourceOfTruth, WritePolicy]
) -> None:
    row = next(row for row in parse_mapping(load_document("mapping/lead")).fields if row.to == name)

    assert (row.owner, row.write) == default


def test_all_policies_of_the_mapping_are_in_use_by_default() -> None:
    assert {row.write for row in parse_mapping(load_document("mapping/lead")).fields} == set(WritePolicy)

"""What the package brings as Apex is Apex: parsed by a public parser, and kept to what a reviewer would ask for."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lead_pipeline.config.loading import APEX_DIRECTORY
from lead_pipeline_tests.clients.conftest import HERE, install_packages

pytestmark = pytest.mark.slow

PARSER = HERE / "apex"


@pytest.fixture(scope="module")
def parser_modules() -> Path:
    return install_packages(PARSER)


def parse(modules: Path, *files: Path) -> dict[str, Any]:
    command = ["node", str(PARSER / "parse.cjs"), *map(str, files)]
    environment = {"NODE_PATH": str(modules), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_source_parses_and_neither_queries_nor_writes_in_a_loop(parser_modules: Path) -> None:
    files = sorted(APEX_DIRECTORY.iterdir())
    parsed = parse(parser_modules, *files)
    assert sorted(parsed) == [file.name for file in files]
    assert {name: entry["problems"] for name, entry in parsed.items() if entry["problems"]} == {}
    assert {name: entry["inLoops"] for name, entry in parsed.items() if entry["inLoops"]} == {}
    ours = [query for name, entry in parsed.items() if not name.endswith("Test.cls") for query in entry["queries"]]
    assert ours, "the resource looks up what the org knows"
    assert all(query.endswith("WITHUSER_MODE") for query in ours)


def test_the_parser_would_see_what_is_wrong(parser_modules: Path, tmp_path: Path) -> None:
    flawed = tmp_path / "Flawed.cls"
    flawed.write_text(
        "public class Flawed { void a() { for (Lead each : new List<Lead>()) { insert each;"
        " Database.insert(each); List<Lead> found = [SELECT Id FROM Lead]; } } }"
    )
    torn = tmp_path / "Torn.cls"
    torn.write_text("public class Torn { void a( { }")
    parsed = parse(parser_modules, flawed, torn)
    assert [entry.split()[1] for entry in parsed["Flawed.cls"]["inLoops"]] == ["insert", "insert", "query"]
    assert parsed["Torn.cls"]["problems"]

"""The first day: a commented configuration folder that editors can complete, and that never takes anything away."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.mapping import mapping
from lead_pipeline.apps.cli.setup import ENVIRONMENT_EXAMPLE, init
from lead_pipeline.config.loading import packaged_names
from lead_pipeline.settings import VARIABLES

SCHEMA_MARK = "# yaml-language-server: $schema="


def run_init(folder: Path) -> Result:
    return CliRunner().invoke(init, ["--directory", str(folder)], catch_exceptions=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("day") / "config"
    assert run_init(made).exit_code == 0
    return made


def test_every_file_is_commented_versioned_and_names_a_schema_that_is_there(folder: Path) -> None:
    for name in packaged_names():
        path = folder / f"{name}.yaml"
        first, second, *_ = lines = path.read_text("utf-8").splitlines()
        assert first.startswith(SCHEMA_MARK), name
        assert (path.parent / first.removeprefix(SCHEMA_MARK)).is_file(), name
        assert second.startswith("# "), name
        assert any(line.startswith("version:") for line in lines), name


def test_what_was_written_is_sound_and_differs_in_nothing_from_the_default(folder: Path) -> None:
    checked = CliRunner().invoke(mapping, ["validate", "--directory", str(folder)])
    compared = CliRunner().invoke(mapping, ["diff", "default", str(folder)])

    assert (checked.exit_code, compared.exit_code) == (0, 0)


def test_the_example_names_every_variable_and_sets_none(folder: Path) -> None:
    lines = (folder / ENVIRONMENT_EXAMPLE).read_text("utf-8").splitlines()

    assert all(not line or line.startswith("#") for line in lines)
    assert all(any(line.startswith(f"# {name}=") for line in lines) for name in VARIABLES)


def test_a_second_call_changes_nothing_and_fills_only_what_is_missing(tmp_path: Path) -> None:
    run_init(tmp_path)
    (tmp_path / "segments.yaml").write_text("mine\n")
    (tmp_path / "gates.yaml").unlink()
    (tmp_path / "notes.txt").write_text("mine too\n")
    before = contents(tmp_path)

    said = run_init(tmp_path).output

    after = contents(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} == {"gates.yaml"}
    assert before.keys() <= after.keys()
    assert f"kept  {tmp_path / 'segments.yaml'}" in said
    assert f"wrote {tmp_path / 'gates.yaml'}" in said

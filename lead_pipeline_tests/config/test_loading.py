"""Reading configuration files: fallback, safety, and messages that point at the flaw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lead_pipeline.config import loading
from lead_pipeline.errors import ConfigurationError, InvalidDocumentError

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2, "description": "what people call it"},
        "pages": {"type": "integer", "minimum": 1, "maximum": 9, "description": "a whole number from 1 to 9"},
        "grade": {"enum": ["certain", "possible"]},
        "countries": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "code": {"type": "string", "pattern": "^[a-z]+$", "description": "lower-case letters"},
        "either": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["path"]}]},
        "inner": {"type": "object", "additionalProperties": False, "properties": {"depth": {"type": "number"}}},
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration directory beside a package that knows the kind `sample` only."""
    package = tmp_path / "package"
    (package / "schemas").mkdir(parents=True)
    (package / "schemas" / "sample.schema.json").write_text(json.dumps(SCHEMA))
    (package / "sample.yaml").write_text("name: packaged\n")
    monkeypatch.setattr(loading, "PACKAGED_DIRECTORY", package)
    monkeypatch.setattr(loading, "SCHEMA_DIRECTORY", package / "schemas")
    operator = tmp_path / "operator"
    operator.mkdir()
    loading._validator.cache_clear()
    return operator


def test_the_packaged_document_serves_where_the_operator_has_none(folder: Path) -> None:
    assert loading.load_document("sample", directory=folder) == {"name": "packaged"}
    assert loading.load_document("sample") == {"name": "packaged"}


def test_the_operators_document_goes_before_the_packaged_one(folder: Path) -> None:
    (folder / "sample.yaml").write_text("name: ours\npages: 3\n")

    assert loading.load_document("sample", directory=folder) == {"name": "ours", "pages": 3}


def test_files_of_a_folder_share_a_schema_and_another_can_be_named(folder: Path) -> None:
    (folder / "sample").mkdir()
    (folder / "sample" / "first.yaml").write_text("name: one\n")
    (folder / "other.yaml").write_text("name: two\n")

    assert loading.load_document("sample/first", directory=folder) == {"name": "one"}
    assert loading.load_document("other", directory=folder, schema="sample") == {"name": "two"}


@pytest.mark.parametrize("name", ["../secrets", "/etc/passwd", "a b", "sample.yaml", "", "sample//x"])
def test_a_name_that_leaves_the_directory_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a configuration file"):
        loading.load_document(name, directory=folder)


def test_a_missing_document_says_where_it_was_sought(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"operator/absent\.yaml: there is no such file"):
        loading.load_document("absent", directory=folder)


def test_every_flaw_is_named_at_once_in_the_order_of_the_file(folder: Path) -> None:
    (folder / "sample.yaml").write_text("pagse: 2\ngrade: certian\ninner:\n  deep: 1\npages: many\n")

    with pytest.raises(InvalidDocumentError) as caught:
        loading.load_document("sample", directory=folder)

    path = folder / "sample.yaml"
    assert str(caught.value).splitlines() == [
        f"{path}:1:1: pagse: unknown key. Did you mean pages?",
        f"{path}:1:1: the document: the key name is missing. Add name: what people call it",
        f"{path}:2:1: grade: certian is not allowed. Did you mean certain?",
        f"{path}:4:3: inner.deep: unknown key. Did you mean depth?",
        f"{path}:5:1: pages: many is not a whole number. Give a whole number",
    ]
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("countries: [DE, no]", ":2:17: countries[1]: false is not text. Write it in quotes"),
        ("countries: DE", ":2:1: countries: DE is not a list. Give a list"),
        ("countries: [DE, DE]", 'countries: ["DE", "DE"] names an entry twice'),
        ("pages: 0", "pages: 0 is less than 1. Give a whole number from 1 to 9"),
        ("pages: 10", "pages: 10 is more than 9. Give a whole number from 1 to 9"),
        ("code: ABC", "code: ABC has not the right form. Give lower-case letters"),
        ("either: {root: a}", "either: the key path is missing. Add path"),
        ("either: [1]", "either: [1] is not text or a block of keys. Give text or a block of keys"),
        ("unlike_all: 1", "unlike_all: unknown key. Use one of: name, pages, grade, countries, code, either, inner"),
        ("name: again", ":2:1: name stands here again, first in line 1. Keep one of them"),
        ("no: 1", ":2:1: a key is not text. Write the key in quotes"),
        ("code: &a x\neither: *a", ":3:9: an alias (*) is not allowed. Write the value out"),
        ("code: !!python/object:os.system x", ":2:7: this is not valid YAML: could not determine a constructor"),
        ("code: [", ":3:1: this is not valid YAML"),
        ("code: \x07", ":2:7: a character stands here that YAML does not allow. Remove it"),
    ],
)
def test_a_flaw_is_told_with_its_place_and_repair(folder: Path, line: str, message: str) -> None:
    (folder / "sample.yaml").write_text(f"name: fine\n{line}\n")

    with pytest.raises(InvalidDocumentError) as caught:
        loading.load_document("sample", directory=folder)

    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing but a remark\n", "- a\n- b\n", "just text\n"])
def test_a_document_without_keys_is_refused(folder: Path, text: str) -> None:
    (folder / "sample.yaml").write_text(text)

    with pytest.raises(InvalidDocumentError, match=r"sample\.yaml:1:1: the document: .* is not a block of keys"):
        loading.load_document("sample", directory=folder)


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "sample.yaml").write_bytes(b"name: \xff\xfe\n")

    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        loading.load_document("sample", directory=folder)


def test_every_packaged_schema_is_sound_and_every_packaged_document_obeys_its_schema() -> None:
    names = [path.relative_to(loading.PACKAGED_DIRECTORY) for path in loading.PACKAGED_DIRECTORY.rglob("*.yaml")]

    documents = [loading.load_document(name.with_suffix("").as_posix()) for name in names]

    assert all(documents)

"""Reading a configuration file: the operator's own or the packaged default, safely, against its schema.

Every flaw of a file is reported at once with `file:line:column`. What the content means is decided by the
`parse_...` function of the domain module that uses it; the environment is read by `settings`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from jsonschema import Draft202012Validator

from lead_pipeline.config.positions import KeyPath, Position, PositionedDocument, YamlFlawsError, read_yaml
from lead_pipeline.config.problems import Problem, describe, suggest, write_path
from lead_pipeline.errors import ConfigurationError, InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

T = TypeVar("T")

PACKAGED_DIRECTORY = Path(__file__).parent
APEX_DIRECTORY = PACKAGED_DIRECTORY / "apex"
SCHEMA_DIRECTORY = PACKAGED_DIRECTORY / "schemas"
FOLDER_SCHEMAS: Mapping[str, str] = {"sources": "source_mapping"}  # where folder and schema have different names
DOCUMENT_NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")


def load_document(name: str, *, directory: Path | None = None, schema: str | None = None) -> Mapping[str, object]:
    """Return a configuration document that obeys its schema.

    Args:
        name: Name without ending, with a folder where there are several of a kind: `segments`, `mapping/lead`.
        directory: The operator's configuration directory; a file missing there falls back to the packaged default.
        schema: Stem of the file in `config/schemas`; by default the first part of `name`, so that all files of a
            folder share one schema: `mapping/lead` and `mapping/contact` obey `mapping.schema.json`.

    Raises:
        ConfigurationError: There is no such document, or it has flaws; all of them are named.
    """
    return load_parsed(name, _as_it_is, directory=directory, schema=schema)


def load_parsed(
    name: str,
    parse: Callable[[Mapping[str, object]], T],
    *,
    directory: Path | None = None,
    schema: str | None = None,
    check_rest: Callable[[Mapping[str, object], Collection[KeyPath]], Iterable[ConfigurationProblem]] | None = None,
) -> T:
    """Return what a document means; contradictions that `parse` finds get their line and column.

    Args:
        name: As for `load_document`.
        parse: Turns a document that obeys its schema into its meaning.
        directory: As for `load_document`.
        schema: As for `load_document`.
        check_rest: Looks for contradictions in the sound parts of a document that breaks its schema; it is told the
            key paths that do, so that one reading of the messages mends both.

    Raises:
        ConfigurationError: There is no such document, or it has flaws; all of them are named.
    """
    path = find_document(name, directory=directory)
    document = _read(path)
    flaws = _find_flaws(document, schema=schema or _schema_of(name))
    value = cast("Mapping[str, object]", document.value)  # every schema says `type: object`
    if not flaws:
        try:
            return parse(value)
        except InvalidDocumentError as error:
            raise InvalidDocumentError(_put_in_place(error.problems, document, path=path)) from error
    problems = [
        ConfigurationProblem("", what=flaw.what, repair=flaw.repair, code=flaw.code, path=flaw.path) for flaw in flaws
    ]
    if check_rest is not None and isinstance(value, dict):
        problems += check_rest(value, [flaw.path for flaw in flaws])
    raise InvalidDocumentError(_put_in_place(problems, document, path=path))


def find_document(name: str, *, directory: Path | None = None) -> Path:
    """Return the file that holds a document.

    Raises:
        ConfigurationError: Neither the operator nor the package has it.
    """
    if not DOCUMENT_NAME.fullmatch(name):
        raise ConfigurationError(name, what="this is no name of a configuration file", repair="Use a-z, 0-9, _ and /")
    candidates = [folder / f"{name}.yaml" for folder in (directory, PACKAGED_DIRECTORY) if folder is not None]
    for path in candidates:
        if path.is_file():
            return path
    raise ConfigurationError(str(candidates[0]), what="there is no such file", repair="Create it or correct its name")


def packaged_names() -> tuple[str, ...]:
    """Return the name of every document there is, e.g. `mapping/lead`."""
    paths = sorted(PACKAGED_DIRECTORY.rglob("*.yaml"))
    return tuple(path.relative_to(PACKAGED_DIRECTORY).with_suffix("").as_posix() for path in paths)


def find_stray_files(directory: Path | None) -> Iterator[ConfigurationProblem]:
    """Yield the YAML files of an operator's folder that nothing reads, as one with a misspelt name."""
    if directory is None:
        return
    known = tuple(f"{name}.yaml" for name in packaged_names())
    for path in sorted(path for ending in ("*.yaml", "*.yml") for path in directory.rglob(ending)):
        name = path.relative_to(directory).as_posix()
        if name not in known:
            yield ConfigurationProblem(
                str(path),
                what="nothing reads a file of this name",
                repair=suggest(name, known),
                code="stray_file",
                file=str(path),
            )


def _schema_of(name: str) -> str:
    folder = name.partition("/")[0]
    return FOLDER_SCHEMAS.get(folder, folder)


def _read(path: Path) -> PositionedDocument:
    try:
        return read_yaml(path.read_text("utf-8"))
    except YamlFlawsError as error:
        problems = [
            _at(path, flaw.position, ConfigurationProblem("", what=flaw.what, repair=flaw.repair, code=flaw.code))
            for flaw in error.flaws
        ]
        raise InvalidDocumentError(problems) from error
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigurationError(str(path), what=f"cannot be read ({cause})", repair="Check the file") from error


def _find_flaws(document: PositionedDocument, *, schema: str) -> list[Problem]:
    return [problem for error in _validator(schema).iter_errors(document.value) for problem in describe(error)]


def _put_in_place(
    problems: Sequence[ConfigurationProblem], document: PositionedDocument, *, path: Path
) -> list[ConfigurationProblem]:
    """Return the problems with file, line and column, in the order of the file."""
    placed = [
        _at(path, document.position_of(problem.path), problem, words=problem.place or write_path(problem.path))
        for problem in problems
    ]
    return sorted(placed, key=lambda problem: (problem.line, problem.column))


def _at(path: Path, position: Position, problem: ConfigurationProblem, *, words: str = "") -> ConfigurationProblem:
    place = f"{path}:{position.line}:{position.column}" + (f": {words}" if words else "")
    key = write_path(problem.path) if problem.path else ""
    return replace(problem, place=place, file=str(path), line=position.line, column=position.column, key=key)


def _as_it_is(document: Mapping[str, object]) -> Mapping[str, object]:
    return document


@cache
def _validator(schema: str) -> Draft202012Validator:
    definition = json.loads((SCHEMA_DIRECTORY / f"{schema}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(definition)
    return Draft202012Validator(definition)


def load_apex_sources() -> dict[str, str]:
    """Return file name -> text of the Apex that the setup package may bring along."""
    return {path.name: path.read_text("utf-8") for path in sorted(APEX_DIRECTORY.iterdir()) if path.is_file()}

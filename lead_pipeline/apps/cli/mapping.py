"""Commands about the mapping, for the people who agree on it: is it sound, what does it say, what has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from lead_pipeline.apps.terminal import count_of, open_console
from lead_pipeline.config.loading import PACKAGED_DIRECTORY, load_parsed, packaged_names
from lead_pipeline.config.pipeline import PIPELINE_DOCUMENTS, PipelineConfig, load_pipeline_config, problems_of
from lead_pipeline.domain.extraction import parse_source_mapping
from lead_pipeline.domain.mapping_diff import ChangeKind, MappingChange, diff_mappings
from lead_pipeline.domain.mapping_docs import document_mapping, draw_markdown
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.problems import ConfigurationProblem
from lead_pipeline.services.mapping_page import draw_mapping_page
from lead_pipeline.settings import load_settings

CHANGES_EXIT_CODE = 2
DEFAULT_WORD = "default"  # names the packaged configuration where a folder is asked for

_directory = click.option(
    "--directory",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Configuration folder; default: LEAD_PIPELINE_CONFIG_DIR, else the packaged configuration.",
)


@click.group()
def mapping() -> None:
    """Check, print or compare what is written to Salesforce."""


@mapping.command(short_help="Name everything wrong with the configuration files.")
@_directory
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def validate(context: click.Context, *, directory: Path | None, is_json: bool) -> None:
    """Name everything that is wrong with the configuration files, all at once; exit code 4 if anything is.

    Whether the mapping fits an org is told by `doctor`.

    Example: lead-pipeline mapping validate --directory config
    """
    folder = directory or load_settings().config_dir
    problems = list(dict.fromkeys(_find_problems(folder)))  # a provider's file is read by who names it, too
    if is_json:
        entries = [_as_json(problem) for problem in problems]
        click.echo(json.dumps({"ok": not problems, "problems": entries}, indent=2, ensure_ascii=False))
    else:
        _print_problems(problems, folder or PACKAGED_DIRECTORY)
    context.exit(ConfigurationError.exit_code if problems else 0)


@mapping.command(short_help="Print the whole mapping for people.")
@_directory
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
def docs(*, directory: Path | None, page: Path | None) -> None:
    """Print the whole mapping for people as Markdown, or write it as a page to print and sign.

    Example: lead-pipeline mapping docs --html mapping.html
    """
    config = load_pipeline_config(directory or load_settings().config_dir)
    document = document_mapping(config.mappings, config.source)
    if page is None:
        click.echo(draw_markdown(document), nl=False)
        return
    page.write_text(draw_mapping_page(document), "utf-8")
    click.echo(f"wrote {page}")


@mapping.command(short_help="Show what two configuration folders write differently.")
@click.argument("before")
@click.argument("after")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def diff(context: click.Context, *, before: str, after: str, is_json: bool) -> None:
    """Show what two configuration folders write differently; `default` is the packaged one. Exit code 2 if anything.

    Example: lead-pipeline mapping diff default config
    """
    old, new = _load(before), _load(after)
    changes = [
        *diff_mappings(old.mappings.lead, new.mappings.lead),
        *diff_mappings(old.mappings.contact, new.mappings.contact),
    ]
    versions = {"before": old.mappings.mapping_version, "after": new.mappings.mapping_version}
    if is_json:
        click.echo(json.dumps({**versions, "changes": [asdict(change) for change in changes]}, indent=2))
    else:
        _print_changes(changes, versions["before"], versions["after"])
    context.exit(CHANGES_EXIT_CODE if changes else 0)


def _find_problems(folder: Path | None) -> Iterator[ConfigurationProblem]:
    """Yield the problems of every file, also of those that only one command reads."""
    try:
        load_pipeline_config(folder)
    except ConfigurationError as error:
        yield from problems_of(error)
    for name in packaged_names():
        if name not in PIPELINE_DOCUMENTS:
            parse = parse_source_mapping if name.startswith("sources/") else dict
            try:
                load_parsed(name, parse, directory=folder)
            except ConfigurationError as error:
                yield from problems_of(error)


def _as_json(problem: ConfigurationProblem) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "key": problem.key,
        "what": problem.what,
        "repair": problem.repair,
        "nearest": problem.nearest,
    }


def _print_problems(problems: Sequence[ConfigurationProblem], folder: Path) -> None:
    for problem in problems:
        click.echo(f"{problem} [{problem.code}]")
    files = {problem.file for problem in problems}
    click.echo(
        f"{len(problems)} to mend in {count_of(len(files), 'file')}" if problems else f"{folder}: nothing to mend"
    )


def _load(folder: str) -> PipelineConfig:
    """Return the configuration of a folder.

    Raises:
        ConfigurationError: There is no such folder, or its files have flaws.
    """
    if folder == DEFAULT_WORD:
        return load_pipeline_config(None)
    path = Path(folder)
    if not path.is_dir():
        raise ConfigurationError(folder, what="is no folder", repair=f"Name a configuration folder, or {DEFAULT_WORD}")
    return load_pipeline_config(path)


def _print_changes(changes: Sequence[MappingChange], before: str, after: str) -> None:
    console = open_console()
    console.print(f"[bold]{before} → {after}[/bold]: {len(changes)} differences", highlight=False)
    for change in changes:
        subject = f"{change.object_name}.{change.field}"
        if change.kind is ChangeKind.CHANGED:
            text = f"~ {subject} {change.key}: {change.before} → {change.after}"
        else:
            text = f"{'+' if change.kind is ChangeKind.ADDED else '-'} {subject}"
        console.print(text, markup=False, highlight=False)

"""What all commands share: help that is whole in eighty columns, slips that are refused before anything is opened."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from lead_pipeline.apps.cli.main import main, root
from lead_pipeline.errors import ConfigurationError

COLUMNS = 80


def groups(command: click.Command, path: str = "lead-pipeline") -> Iterator[tuple[str, click.Group]]:
    """Return a command's groups, itself included, with the words they are called by."""
    if isinstance(command, click.Group):
        yield path, command
        context = click.Context(command)
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None
            yield from groups(part, f"{path} {name}")


def test_no_list_of_commands_breaks_a_sentence_off() -> None:
    for path, group in groups(root):
        lines = group.get_help(click.Context(group, info_name=path, terminal_width=COLUMNS)).splitlines()

        assert [line for line in lines if line.endswith("...") and not line.startswith("Usage")] == [], path


@pytest.mark.parametrize("arguments", [("plan", "--bogus"), ("statsu",), ("revert",), ("review", "show", "abc")])
def test_a_slip_of_the_pen_is_no_answer(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == ConfigurationError.exit_code
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("audit", "--date", "yesterday"), "'yesterday' is no day. Write it as 2026-11-20"),
        (("review", "list", "--date", "2026-13-01"), "'2026-13-01' is no day"),
        (("gates", "--date", "20-11-2026"), "is no day"),
        (("enrich", "preview", "--date", "x"), "is no day"),
        (("enrich", "one", "--linkedin", "jane doe"), "is no profile"),
        (("status", "--most", "-3"), "x>=1"),
        (("log", "search", "--most", "0"), "x>=1"),
        (("ui", "--port", "99999"), "1<=x<=65535"),
        (("sandbox", "up", "--salesforce-port", "70000"), "0<=x<=65535"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(arguments: tuple[str, ...], words: str) -> None:
    refused = CliRunner().invoke(root, arguments)

    assert isinstance(refused.exception, SystemExit)
    assert words in refused.output


def test_a_search_that_ends_before_it_begins_is_refused() -> None:
    refused = CliRunner().invoke(root, ["log", "search", "--from", "2026-11-21", "--to", "2026-11-20"])

    assert str(refused.exception) == "--from/--to: 2026-11-21 lies after 2026-11-20. Swap the two"


@pytest.mark.parametrize(
    ("days", "option"),
    [(("--from", "2020-01-01", "--to", "2026-11-02"), "--from"), (("--from", "2026-11-01", "--to", "soon"), "--to")],
)
def test_the_day_that_a_backfill_cannot_run_is_named_by_its_option(days: tuple[str, ...], option: str) -> None:
    refused = CliRunner().invoke(root, ["backfill", *days])

    assert str(refused.exception).startswith(f"{option}: ")

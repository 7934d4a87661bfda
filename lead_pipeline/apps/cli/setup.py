"""Commands of the first day: a configuration folder of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from lead_pipeline.config.loading import PACKAGED_DIRECTORY, SCHEMA_DIRECTORY
from lead_pipeline.settings import describe_settings

ENVIRONMENT_EXAMPLE = ".env.example"


@click.command(short_help="Write the default configuration into a folder.")
@click.option(
    "--directory",
    default=Path("lead_pipeline_config"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the configuration goes.",
)
def init(*, directory: Path) -> None:
    """Write the commented default configuration into a folder; asks nothing and changes nothing that exists.

    Example: lead-pipeline init --directory config
    """
    sources = [*sorted(PACKAGED_DIRECTORY.rglob("*.yaml")), *sorted(SCHEMA_DIRECTORY.glob("*.json"))]
    for source in sources:
        _copy(source, directory / source.relative_to(PACKAGED_DIRECTORY))
    _write(directory / ENVIRONMENT_EXAMPLE, describe_settings())
    click.echo(
        f"Next: set LEAD_PIPELINE_CONFIG_DIR={directory.resolve()}, then export what "
        f"{ENVIRONMENT_EXAMPLE} names; the file itself is not read"
    )


def _copy(source: Path, target: Path) -> None:
    if _is_kept(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    click.echo(f"wrote {target}")


def _write(target: Path, text: str) -> None:
    if _is_kept(target):
        return
    target.write_text(text, "utf-8")
    click.echo(f"wrote {target}")


def _is_kept(target: Path) -> bool:
    if target.exists():
        click.echo(f"kept  {target}")
    return target.exists()

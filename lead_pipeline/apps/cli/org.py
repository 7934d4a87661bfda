"""Commands that set up an org: write the package that the mapping needs, and deploy it."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import click

from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.config.loading import load_apex_sources
from lead_pipeline.connections import Connections, admin_credentials
from lead_pipeline.domain.org_package.build import build_org_package
from lead_pipeline.domain.org_package.markup import PackageFile
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.services.org_setup import SetupSummary, SetupTarget, apply_org_package
from lead_pipeline.settings import load_settings

CHANGES_EXIT_CODE = 2
FIRST_CALL = "SELECT Id FROM Organization"  # signing in tells who our user is
PACKAGE_SUFFIXES = frozenset({".xml", ".json", ".cls", ".trigger"})
WITH_APEX = click.option(
    "--with-apex",
    "has_apex",
    is_flag=True,
    help="Add the Apex parts: a REST resource for leads from outside, a trigger that tells of changes.",
)


@click.group(short_help="Set up an org: fields, permissions, guards, queues.")
def org() -> None:
    """Set up an org for the mapping: fields, permissions, guard rules, queue, list views."""


@org.command("package", short_help="Write the setup of the org as metadata.")
@click.option(
    "--out",
    "directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the package goes; files of the same name are replaced.",
)
@WITH_APEX
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
def package(*, directory: Path, has_apex: bool, is_json: bool) -> None:
    """Write the setup of the org as metadata in source format; the same mapping gives the same bytes.

    Example: lead-pipeline org package --out salesforce
    """
    settings = load_settings()
    with Connections(settings) as connections:
        files = _package_of(connections, has_apex=has_apex)
    for file in files:
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text, "utf-8")
    if is_json:
        click.echo(json.dumps({"directory": str(directory), "files": [file.path for file in files]}, indent=2))
        return
    click.echo(f"wrote {len(files)} files to {directory}")
    click.echo(f"Next: lead-pipeline org apply --from {directory} --dry-run")


@org.command("apply", short_help="Deploy the package as an admin, after a check.")
@click.option(
    "--from",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A package written by `org package`; default: the one the mapping gives now.",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Let the org check the package and say what would change.")
@WITH_APEX
@click.option("--user", "user_name", help="User name of the integration user; default: whom our credentials sign in.")
@click.option("--production", "may_be_production", is_flag=True, help="Allow an org in production.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def apply(
    context: click.Context,
    *,
    directory: Path | None,
    is_dry_run: bool,
    has_apex: bool,
    user_name: str | None,
    may_be_production: bool,
    is_json: bool,
) -> None:
    """Deploy the package as an admin, after a check by the org, and give our user its permission set.

    Needs SALESFORCE_ADMIN_ACCESS_TOKEN unless the org is the sandbox of this machine. A dry run exits with 2 when
    anything would change.

    Example: lead-pipeline org apply --from salesforce --dry-run
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        files = _read_package(directory) if directory else _package_of(connections, has_apex=has_apex)
        admin = connect(admin_credentials(settings))
        try:
            summary = apply_org_package(
                admin,
                files,
                SetupTarget(
                    holding_queue=connections.config.routing.holding_queue,
                    user_id=None if user_name else _our_user(connections),
                    user_name=user_name,
                ),
                is_dry_run=is_dry_run,
                may_be_production=may_be_production,
                wait=time.sleep,
            )
        finally:
            admin.close()
    _tell(summary, is_json=is_json)
    context.exit(CHANGES_EXIT_CODE if is_dry_run and summary.created + summary.changed else 0)


def _package_of(connections: Connections, *, has_apex: bool) -> tuple[PackageFile, ...]:
    config = connections.config
    queues = [name for name in (config.routing.holding_queue, config.routing.fallback_queue) if name]
    return build_org_package(config.mappings, queues=queues, apex=load_apex_sources() if has_apex else {})


def _read_package(directory: Path) -> tuple[PackageFile, ...]:
    """Read a package as it stands on disk, with what people changed in it.

    Raises:
        ConfigurationError: There is none.
    """
    paths = sorted(path for path in directory.rglob("*") if path.suffix in PACKAGE_SUFFIXES and path.is_file())
    files = tuple(PackageFile(path.relative_to(directory).as_posix(), path.read_text("utf-8")) for path in paths)
    if not any(file.path.startswith("force-app/") for file in files):
        raise ConfigurationError(
            "--from",
            what=f"{directory} holds no package",
            repair=f"Write one: lead-pipeline org package --out {directory}",
        )
    return files


def _our_user(connections: Connections) -> str | None:
    next(connections.salesforce.query(FIRST_CALL), None)
    return connections.salesforce.user_id


def _tell(summary: SetupSummary, *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(_as_json(summary), indent=2))
        return
    kind = "sandbox" if summary.org.is_sandbox else "in production"
    click.echo(f"{summary.org.name} ({summary.org.edition}, {kind})")
    for row in summary.components:
        if row.is_created or row.is_changed:
            click.echo(f"  {'+' if row.is_created else '~'} {row.kind:<20} {row.name}")
    done = "would be" if summary.is_dry_run else "were"
    line = f"{summary.created} components {done} created, {summary.changed} changed, {summary.unchanged} right already"
    click.echo(line)
    if summary.is_set_assigned:
        click.echo("the permission set was given to the integration user")


def _as_json(summary: SetupSummary) -> dict[str, object]:
    kinds = Counter(row.kind for row in summary.components)
    return {
        "org": summary.org.name,
        "is_sandbox": summary.org.is_sandbox,
        "is_dry_run": summary.is_dry_run,
        "created": summary.created,
        "changed": summary.changed,
        "unchanged": summary.unchanged,
        "is_permission_set_assigned": summary.is_set_assigned,
        "components": dict(sorted(kinds.items())),
    }

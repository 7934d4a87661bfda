"""The root command and the outermost loop: every expected error ends here as one line on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from lead_pipeline.errors import ConfigurationError, LeadPipelineError

#: Command -> module and function. A table, so that `lead-pipeline status` does not import Dagster.
COMMANDS = {
    "demo": "running:demo",
    "run": "running:run",
    "backfill": "running:backfill",
    "plan": "planning:plan",
    "status": "reading:status",
    "gates": "reading:gates",
    "report": "reading:report",
    "log": "logs:log",
    "explain": "logs:explain",
    "revert": "undoing:revert",
    "audit": "auditing:audit_command",
    "recover": "recovering:recover_command",
    "review": "reviewing:review",
    "dlq": "dead_letters:dlq",
    "enrich": "enriching:enrich",
    "suppression": "suppressing:suppression",
    "init": "setup:init",
    "doctor": "examining:doctor",
    "mapping": "mapping:mapping",
    "org": "org:org",
    "sandbox": "servers:sandbox",
    "ui": "servers:ui",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the commands in the order of a first day's use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Return a command, or None so that click names the nearest one."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, function = place.partition(":")
        command: click.Command = getattr(import_module(f"lead_pipeline.apps.cli.{module}"), function)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lead-pipeline")
def root() -> None:
    """B2B leads from Dievio into Salesforce without losing data quality, and the proof after every run.

    \b
    First time:   lead-pipeline demo
    Every night:  lead-pipeline run --date 2026-11-20
    What it did:  lead-pipeline report
    """  # noqa: D301  # click's mark for keeping the lines below as they are


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; expected errors become one line and their exit code, never a traceback.

    Args:
        arguments: What stands behind the program's name; that of this process unless given.
    """
    try:
        # outside its standalone mode click hands an exit code back instead of leaving with it
        sys.exit(root.main(arguments, standalone_mode=False))
    except LeadPipelineError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # the reader of a pipe has seen enough; Python would complain about the rest at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"error: {error.filename}: {error.strerror}. Name another place, or give yourself access", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        # click's own code for a slip of the pen, 2, means changes here: a script would take it for an answer
        sys.exit(ConfigurationError.exit_code if isinstance(error, click.UsageError) else error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was finished stays, run again to go on", err=True)
        sys.exit(1)

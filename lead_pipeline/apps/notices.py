"""The line that says which systems are the sandbox's, so that nobody takes a demo for the real thing."""

from __future__ import annotations

import click

from lead_pipeline.settings import Settings


def announce_sandboxes(settings: Settings) -> None:
    """Say on standard error which systems are emulated because their address is not set."""
    emulated = [
        name
        for name, is_sandbox in (
            ("Dievio", settings.is_dievio_sandbox),
            ("Salesforce", settings.is_salesforce_sandbox),
        )
        if is_sandbox
    ]
    if emulated:
        click.echo(f"sandbox in use for {' and '.join(emulated)} (no address set)", err=True)

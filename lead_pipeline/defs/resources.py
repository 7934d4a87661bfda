"""What assets are given: connections built once per run from the settings, and where progress is told.

A resource only turns settings into plain clients; rules live in `domain`, order of work in `services`. Tests and the
command line put plain objects in place of these.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.services.recover import beating
from lead_pipeline.settings import Settings, load_settings


class ProgressSink(Protocol):
    """Hears how far a stage is."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Tell that `done` of `total` rows of `stage` are finished."""


class SilentProgress:
    """Says nothing: Dagster shows steps, and the counts come as metadata."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Ignore it."""


def connections_from(settings: Settings | None) -> dg.ResourceDefinition:
    """Return the resource that opens the connections of one run, gives its signs of life, and closes them after it.

    Args:
        settings: What to connect to; None reads the environment when the run starts.
    """

    @dg.resource(description="Database, Dievio, Salesforce and configuration, as the settings name them.")
    @contextmanager
    def connections(context: dg.InitResourceContext) -> Iterator[Connections]:
        with Connections(settings or load_settings()) as opened:
            if context.run is None:  # a sensor's look
                yield opened
                return
            with beating(opened.database, context.run.run_id, now=opened.now):
                yield opened

    return connections

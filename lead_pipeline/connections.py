"""Turns settings into plain clients, each opened on first use: database, Dievio, Salesforce and configuration.

Shared by Dagster's resource and the command line. A system whose address is not set is the sandbox's; this module and
the command line are the only ones that start sandbox servers, and the sandbox itself knows nothing of the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import Self

from lead_pipeline.config.pipeline import PipelineConfig, load_pipeline_config
from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.sandbox import embedded_postgres, processes
from lead_pipeline.settings import Settings
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations

PRODUCT_DATABASE = "lead_pipeline"


def database_address(settings: Settings) -> str:
    """Return the address of the product's database, starting the embedded server when none is set."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    address = embedded_postgres.ensure_running(settings.home)
    embedded_postgres.ensure_database(address, PRODUCT_DATABASE)
    return address.dsn(PRODUCT_DATABASE)


class Connections:
    """The clients of one run or one command; use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __enter__(self) -> Self:
        """Return itself; nothing is opened before it is used."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        for name in ("dievio", "salesforce", "database"):
            client = self.__dict__.pop(name, None)
            if client is not None:
                client.close()

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return datetime.now(UTC)

    @cached_property
    def config(self) -> PipelineConfig:
        """The validated configuration."""
        return load_pipeline_config(self.settings.config_dir)

    @cached_property
    def database(self) -> Database:
        """The product's database with its tables up to date."""
        database = Database(database_address(self.settings))
        apply_migrations(database)
        return database

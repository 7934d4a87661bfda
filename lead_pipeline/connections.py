"""Turns settings into plain clients, each opened on first use: database, Dievio, Salesforce and configuration.

Shared by Dagster's resource and the command line. A system whose address is not set is the sandbox's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from lead_pipeline.config.loading import load_document, load_parsed
from lead_pipeline.config.pipeline import PipelineConfig, load_pipeline_config
from lead_pipeline.contact_api.answers import CONTACT_API
from lead_pipeline.contact_api.enrichment import ContactApiEnrichment
from lead_pipeline.contact_api.options import parse_contact_api_options
from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.dievio.enrichment import DievioEnrichment
from lead_pipeline.dievio.options import parse_dievio_options
from lead_pipeline.domain.enrichment.reading import RowRules
from lead_pipeline.domain.extraction import parse_source_mapping
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.local_servers import database_address, sandbox_addresses, sandbox_admin_token
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.services.enriching.refreshing import Refresh
from lead_pipeline.services.measure_enrichment import MeasureInputs
from lead_pipeline.services.reworking import Rework, ReworkRules
from lead_pipeline.services.write import WriteRules
from lead_pipeline.settings import Settings
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import find_org_schema
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline.store.rate_limits import SharedTokenBucket
from lead_pipeline.transport.json_calls import JsonCalls
from lead_pipeline.transport.rate_limits import CallLimit, TokenBucket
from lead_pipeline.transport.redaction import install_redaction
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries, RetryPolicy


def salesforce_credentials(settings: Settings) -> SalesforceCredentials:
    """Return how to sign in to the org, the sandbox's when none is set."""
    if settings.salesforce_instance_url is None:
        addresses = sandbox_addresses(settings)
        return SalesforceCredentials(
            instance_url=addresses.salesforce_url,
            client_id=addresses.salesforce_client_id,
            client_secret=SecretStr(addresses.salesforce_client_secret),
        )
    return SalesforceCredentials(
        instance_url=settings.salesforce_instance_url,
        access_token=settings.salesforce_access_token,
        client_id=settings.salesforce_client_id,
        client_secret=settings.salesforce_client_secret,
        jwt_key_file=settings.salesforce_jwt_key_file,
        username=settings.salesforce_username,
    )


def admin_credentials(settings: Settings) -> SalesforceCredentials:
    """Return how an admin signs in to the org: the sandbox's own, or by the token that is set.

    Raises:
        ConfigurationError: The org is a real one and no token of an admin is set.
    """
    if settings.salesforce_instance_url is None:
        address = sandbox_addresses(settings).salesforce_url
        return SalesforceCredentials(instance_url=address, access_token=SecretStr(sandbox_admin_token(settings)))
    if settings.salesforce_admin_access_token is None:
        raise ConfigurationError(
            "SALESFORCE_ADMIN_ACCESS_TOKEN",
            what="is not set, and the integration user may not change the org's setup",
            repair="Set it for this one command to the access token that `sf org display` shows for an admin",
        )
    return SalesforceCredentials(
        instance_url=settings.salesforce_instance_url, access_token=settings.salesforce_admin_access_token
    )


#: Our own server on this machine needs no sparing; the configured pace is for the real Dievio.
SANDBOX_CALLS_PER_SECOND = 1_000


class Connections:
    """The clients of one run or one command; use it as a context manager.

    Args:
        settings: Where the systems are.
        patience: How reads of the org that failed for the moment are repeated.
    """

    def __init__(self, settings: Settings, *, patience: RetryPolicy = BATCH_RETRIES) -> None:
        self.settings = settings
        self._patience = patience
        install_redaction(settings.secret_values())

    def __enter__(self) -> Self:
        """Return itself; nothing is opened before it is used."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        for name in ("dievio", "contact_api", "salesforce", "database"):
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

    @cached_property
    def dievio(self) -> DievioClient:
        """The source of leads."""
        settings = self.settings
        options = parse_dievio_options(load_document("dievio", directory=settings.config_dir))
        if settings.dievio_base_url is None or settings.dievio_api_key is None:
            addresses = sandbox_addresses(settings)
            unhurried = replace(
                options, calls_per_second=SANDBOX_CALLS_PER_SECOND, burst_calls=SANDBOX_CALLS_PER_SECOND
            )
            return DievioClient(addresses.dievio_url, SecretStr(addresses.dievio_api_key), options=unhurried)
        limit = SharedTokenBucket(
            self.database, "dievio", per_second=options.calls_per_second, burst=options.burst_calls
        )
        return DievioClient(settings.dievio_base_url, settings.dievio_api_key, options=options, limit=limit)

    @cached_property
    def dievio_enrichment(self) -> DievioEnrichment:
        """The source of leads, asked about single people."""
        rules = RowRules(mapping=self.config.source, org_vocabulary=self.org_vocabulary())
        return DievioEnrichment(self.dievio, rules, now=self.now, batch_size=self.config.enrichment.batch_size)

    def enrichment_providers(self) -> dict[str, EnrichmentProvider]:
        """Return the enrichment providers that the configuration names, by name; others are not opened."""
        known: dict[str, Callable[[], EnrichmentProvider]] = {
            "dievio": lambda: self.dievio_enrichment,
            "contact_api": lambda: self.contact_api,
        }
        return {name: known[name]() for name in self.config.enrichment.providers if name in known}

    @cached_property
    def contact_api(self) -> ContactApiEnrichment:
        """The second enrichment provider."""
        settings = self.settings
        options = parse_contact_api_options(load_document("contact_api", directory=settings.config_dir))
        mapping = parse_source_mapping(load_document("sources/contact_api", directory=settings.config_dir))
        rules = RowRules(mapping=mapping, org_vocabulary=self.org_vocabulary())
        if settings.contact_api_base_url is None or settings.contact_api_key is None:
            addresses = sandbox_addresses(settings)
            address, key = addresses.contact_api_url, SecretStr(addresses.contact_api_key)
            limit: CallLimit = TokenBucket(per_second=SANDBOX_CALLS_PER_SECOND, burst=SANDBOX_CALLS_PER_SECOND)
        else:
            address, key = settings.contact_api_base_url, settings.contact_api_key
            limit = SharedTokenBucket(
                self.database, "contact_api", per_second=options.calls_per_second, burst=options.burst_calls
            )
        calls = JsonCalls(CONTACT_API, address, api_key=key, rules=options, limit=limit)
        return ContactApiEnrichment(calls, rules, options=options, now=self.now)

    @cached_property
    def salesforce(self) -> SalesforceClient:
        """The org."""
        return connect(salesforce_credentials(self.settings), retries=Retries(self._patience))

    def calls(self) -> dict[str, int]:
        """Return the calls made so far to each system that was opened."""
        names = ("dievio", "contact_api", "salesforce")
        return {name: self.__dict__[name].calls for name in names if name in self.__dict__}

    def measure_inputs(self) -> MeasureInputs:
        """Return what measuring enrichment needs to know."""
        config = self.config
        return MeasureInputs(rules=config.measures, required=config.enrichment.complete_when, mappings=config.mappings)

    def write_rules(self) -> WriteRules:
        """Return what a write needs to know beside the plan."""
        return WriteRules(
            matching=self.config.matching,
            mappings=self.config.mappings,
            fields_by_object=self.config.fields_by_object,
            holding_queue=self.config.routing.holding_queue,
            companies=self.config.companies,
            owners=self.config.owners,
        )

    def rework_rules(self) -> ReworkRules:
        """Return what decisions and replays need to know to bring a row to its end."""
        return ReworkRules(
            write=self.write_rules(),
            routing=self.config.routing,
            gates=self.config.gates,
            campaigns=self.config.campaigns,
        )

    def refresh(self, *, actor: str) -> Refresh:
        """Return what looking records up again needs to know."""
        rules = self.rework_rules()
        return Refresh(
            work=Rework(database=self.database, salesforce=self.salesforce, rules=rules, actor=actor, now=self.now),
            providers=self.enrichment_providers(),
            policy=self.config.enrichment,
            source=load_parsed("sources/directory", parse_source_mapping, directory=self.settings.config_dir),
            owners=self.config.owners,
            org_vocabulary=self.org_vocabulary,
        )

    def org_vocabulary(self) -> dict[str, frozenset[str]]:
        """Return the picklist values of the org that normalized values must come from, by canonical field."""
        with self.database.connect() as connection:
            known = find_org_schema(connection, "Lead")
        industry = known.schema.fields.get("Industry") if known is not None else None
        return {"industry": frozenset(industry.picklist_values)} if industry and industry.picklist_values else {}

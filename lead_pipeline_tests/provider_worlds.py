"""The worlds in which the contract of enrichment providers is tested: one for each provider, the fake included.

A new provider adds a world to `PROVIDER_WORLDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import SecretStr

from lead_pipeline.contact_api.answers import CONTACT_API
from lead_pipeline.contact_api.enrichment import ContactApiEnrichment
from lead_pipeline.contact_api.options import ContactApiOptions
from lead_pipeline.dievio.enrichment import DievioEnrichment
from lead_pipeline.domain.enrichment.reading import RowRules
from lead_pipeline.errors import LeadPipelineError, ServiceUnavailableError, TransportFaultError
from lead_pipeline.sandbox.contact_api import DEFAULT_API_KEY
from lead_pipeline.sandbox.contact_api import create_app as create_contact_api
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.transport.json_calls import JsonCalls
from lead_pipeline_tests.control_client import ControlClient
from lead_pipeline_tests.dievio_worlds import running_dievio
from lead_pipeline_tests.fakes_enrichment import FakeEnrichmentProvider
from lead_pipeline_tests.lead_builders import load_mapping


@dataclass(frozen=True, kw_only=True)
class ContractPerson:
    """A person that a provider knows."""

    first_name: str
    last_name: str
    slug: str
    email: str | None = None
    email_status: str = "verified"
    phone: str | None = None
    title: str | None = None
    company_name: str = "Acme Inc."
    company_domain: str = "acme.com"


class ProviderWorld(Protocol):
    """A provider with its operator's side."""

    provider: EnrichmentProvider

    @property
    def charged(self) -> int:
        """Credits that the provider says it charged."""

    def know(self, *people: ContractPerson) -> None:
        """Put people into the provider's data, in place of all others."""

    def set_balance(self, balance: int) -> None:
        """Set the credits left."""

    def lose_answers(self) -> None:
        """Let every call be charged and its answer be lost."""

    def refuse_for_now(self) -> None:
        """Let every call be answered that it came too early, to be repeated after two seconds."""


class FakeWorld:
    def __init__(self) -> None:
        self.provider: Any = FakeEnrichmentProvider()

    @property
    def charged(self) -> int:
        return int(self.provider.charged)

    def know(self, *people: ContractPerson) -> None:
        self.provider.rows = [article_of(person) for person in people]

    def set_balance(self, balance: int) -> None:
        self.provider.balance = balance

    def lose_answers(self) -> None:
        self._interrupt(TransportFaultError("fake", "lookup", cause="reset", is_sent=True))

    def refuse_for_now(self) -> None:
        self._interrupt(ServiceUnavailableError("fake", "lookup", status=429, retry_after_seconds=2))

    def _interrupt(self, fault: LeadPipelineError) -> None:
        self.provider.interrupt = lambda _questions: fault


class DievioProviderWorld:
    def __init__(self, world: Any, provider: DievioEnrichment) -> None:
        self.provider: EnrichmentProvider = provider
        self._world = world

    @property
    def charged(self) -> int:
        return int(self._world.rows_charged)

    def know(self, *people: ContractPerson) -> None:
        self._world.sell(*({"_person": person_of(person)} for person in people))

    def set_balance(self, balance: int) -> None:
        self._world.set_credits(balance)

    def lose_answers(self) -> None:
        self._world.set_fault("charged_but_lost")

    def refuse_for_now(self) -> None:
        self._world.switch(rate_limit_every=1, rate_limit_retry_after_seconds=2)


class ContactApiProviderWorld:
    def __init__(self, address: str, provider: EnrichmentProvider) -> None:
        self.provider = provider
        self._control = ControlClient(address)

    @property
    def charged(self) -> int:
        return int(self._control.ledger()["matches_charged"])

    def know(self, *people: ContractPerson) -> None:
        self._control.put("people", [contact_of(person) for person in people])

    def set_balance(self, balance: int) -> None:
        self._control.put("credits", {"balance": balance})

    def lose_answers(self) -> None:
        self.set_fault("charged_but_lost")

    def refuse_for_now(self) -> None:
        self._control.put("clock", {"now": "2026-03-02T12:00:58Z", "frozen": True})
        self._control.put("limits", {"calls_per_minute": 0})

    def set_fault(self, kind: str, **rule: Any) -> None:
        self._control.post("faults", {"kind": kind, **rule})

    def reset(self) -> None:
        self._control.post("reset", {})

    def close(self) -> None:
        self._control.close()


@contextmanager
def fake_world() -> Iterator[ProviderWorld]:
    yield FakeWorld()


@contextmanager
def dievio_world() -> Iterator[ProviderWorld]:
    with running_dievio() as world, world.client() as client:
        rules = RowRules(mapping=load_mapping(), org_vocabulary={})
        yield DievioProviderWorld(world, DievioEnrichment(client, rules, now=lambda: datetime.now(UTC)))


@contextmanager
def contact_api_world() -> Iterator[ContactApiProviderWorld]:
    options = replace(ContactApiOptions(), calls_per_second=1_000, burst_calls=1_000)
    rules = RowRules(mapping=load_mapping("contact_api"), org_vocabulary={})
    with ServerThread(create_contact_api()) as server:
        calls = JsonCalls(CONTACT_API, server.base_url, api_key=SecretStr(DEFAULT_API_KEY), rules=options)
        provider = ContactApiEnrichment(calls, rules, options=options, now=lambda: datetime.now(UTC))
        world = ContactApiProviderWorld(server.base_url, provider)
        yield world
        world.close()
        provider.close()


PROVIDER_WORLDS: Mapping[str, Callable[[], AbstractContextManager[ProviderWorld]]] = {
    "fake": fake_world,
    "dievio": dievio_world,
    "contact_api": contact_api_world,
}


def article_of(person: ContractPerson) -> dict[str, Any]:
    """Return the person as a row of the vendor's field table."""
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "email_status": person.email_status,
        "phone": person.phone,
        "job_title": person.title,
        "company_name": person.company_name,
        "company_domain": person.company_domain,
        "linkedin_url": f"https://www.linkedin.com/in/{person.slug}",
    }


def person_of(person: ContractPerson) -> dict[str, Any]:
    """Return the person as Dievio's emulator keeps one."""
    row = article_of(person)
    del row["linkedin_url"]
    return {**row, "linkedin_slug": person.slug}


def contact_of(person: ContractPerson) -> dict[str, Any]:
    """Return the person as the contact provider keeps one."""
    known = {
        "given_name": person.first_name,
        "family_name": person.last_name,
        "work_address": person.email,
        "direct_line": person.phone,
        "position": person.title,
        "employer": {"name": person.company_name, "domain": person.company_domain},
        "profile": f"linkedin.com/in/{person.slug}",
        "confidence": {"work_address": 97, "direct_line": 84, "position": 72},
    }
    return {key: value for key, value in known.items() if value is not None}

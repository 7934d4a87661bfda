"""Use case: ask the providers about one LinkedIn profile that no record of the org carries, and show what they say.

Nothing is written to the org and no lead is made: a person comes in by a saved search. What was paid for is kept under
our id, so that asking again, or a delivery of the person later, buys nothing twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg

from lead_pipeline.domain.enrichment.merging import ChosenFinding, choose_findings
from lead_pipeline.domain.enrichment.policy import EnrichmentPolicy
from lead_pipeline.domain.enrichment.selection import Candidate, Choice, Selection, Why, select
from lead_pipeline.domain.identity import AliasKind, NewAlias, mint_id
from lead_pipeline.domain.normalize.linkedin import PROFILE_ADDRESS, read_linkedin
from lead_pipeline.errors import UnknownSubjectError
from lead_pipeline.services.enriching.buying import Buyer, Order, Tools
from lead_pipeline.services.enriching.enrich import ON_DEMAND, require_providers, retry_policy
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.services.enriching.waterfall import Waterfall, in_order
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment import find_owners, read_findings, read_memory
from lead_pipeline.store.leads import insert_identities
from lead_pipeline.store.suppressions import is_profile_suppressed
from lead_pipeline.transport.retries import Retries


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileAnswer:
    """What is known about a profile, and what it cost to hear it now.

    Attributes:
        dievio_lead_id: Our id of the person.
        why: Why somebody was asked, or nobody.
        credits: Spent by this call; of answers that were lost, those that may have been billed.
        findings: Canonical field -> the finding that counts. Personal data.
        alerts: What operations should hear.
    """

    dievio_lead_id: str
    why: Why
    credits: int
    findings: Mapping[str, ChosenFinding]
    alerts: tuple[str, ...]


def look_up_profile(
    database: Database,
    providers: Mapping[str, EnrichmentProvider],
    policy: EnrichmentPolicy,
    *,
    linkedin_url: str,
    batch_id: str,
    now: Callable[[], datetime],
    retries: Retries | None = None,
) -> ProfileAnswer:
    """Ask about a profile within the budget; whoever was answered about a moment ago costs nothing.

    Args:
        database: The product's database.
        providers: Name -> provider.
        policy: Order, ages, thresholds and budget.
        linkedin_url: Address of the profile.
        batch_id: Under which the call stands in the ledger.
        now: The clock, aware UTC.
        retries: How often a call is tried; as for whatever somebody waits for, unless given.

    Raises:
        UnknownSubjectError: The address names no profile; nothing is asked.
        ConfigurationError: The policy names a provider that there is not.
    """
    slug = read_linkedin(linkedin_url).slug
    if slug is None:
        raise UnknownSubjectError("LinkedIn profile")
    require_providers(policy, providers)
    tools = Tools(retries=retries or Retries(retry_policy(ON_DEMAND)), now=now, new_id=uuid.uuid4)
    with database.transaction() as connection:
        selection = _select(connection, policy, slug=slug, at=now())
    candidate = selection.candidate
    seen = {candidate.dievio_lead_id: candidate.memory}
    order = Order(batch_id=batch_id, reason=ON_DEMAND, budget=policy.budget, seen=seen, known={})
    buyer = Buyer(database, order, tools=tools)
    waterfall = Waterfall(database, providers, policy, buyer=buyer, tools=tools)
    log = waterfall.ask([selection] if selection.choice is Choice.ASK else [])
    labels = {name: provider.capabilities.label for name, provider in providers.items()}
    with database.connect() as connection:
        found = read_findings(connection, [candidate.dievio_lead_id], labels=labels)
    answers = in_order(found.get(candidate.dievio_lead_id, {}), policy, tools=tools)
    return ProfileAnswer(
        dievio_lead_id=candidate.dievio_lead_id,
        why=selection.why,
        credits=buyer.credits + buyer.uncertain_credits,
        findings={} if selection.why is Why.SUPPRESSED else choose_findings(answers, policy.confidence),
        alerts=tuple(log.alerts.values()),
    )


def _select(connection: psycopg.Connection, policy: EnrichmentPolicy, *, slug: str, at: datetime) -> Selection:
    """Decide whether to ask, and learn who is known by the profile from now on."""
    alias = (AliasKind.LINKEDIN, slug)
    dievio_lead_id = find_owners(connection, [alias]).get(alias) or mint_id(*alias)
    candidate = Candidate(
        dievio_lead_id=dievio_lead_id,
        segment=ON_DEMAND,
        values={"linkedin_url": PROFILE_ADDRESS + slug},
        observed_at=None,
        is_suppressed=is_profile_suppressed(connection, dievio_lead_id=dievio_lead_id, slug=slug),
        memory=read_memory(connection, dievio_lead_id),
    )
    selection = select(candidate, policy, now=at, is_demanded=True)
    if selection.choice is Choice.ASK:
        learned = NewAlias(kind=AliasKind.LINKEDIN, alias=slug, dievio_lead_id=dievio_lead_id)
        insert_identities(connection, [learned], first_seen_at=at)
    return selection

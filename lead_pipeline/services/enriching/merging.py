"""Takes stored answers over into the leads of a batch. Repeating it begins at the lead as delivered.

Which finding wins is decided in `domain/enrichment/merging`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import psycopg

from lead_pipeline.domain.confidence import lead_confidence_percent
from lead_pipeline.domain.enrichment.merging import (
    CHANGING_VERDICTS,
    COMPANIONS,
    UNVERIFIED_FLAG,
    LeadValues,
    Merged,
    MergeVerdict,
    ProviderFindings,
    merge,
)
from lead_pipeline.domain.enrichment.policy import EnrichmentPolicy
from lead_pipeline.domain.enrichment.selection import Selection
from lead_pipeline.domain.identity import AliasKind, NewAlias
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.match_keys import lead_keys
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.domain.normalize.times import write_time
from lead_pipeline.services.enriching.buying import Tools
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.services.enriching.waterfall import in_order
from lead_pipeline.store import enrichment as store
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment import EnrichedLead, OpenLead
from lead_pipeline.store.leads import insert_identities

#: Values by which a person is known -> kind of alias.
_ALIAS_KINDS = {"email": AliasKind.EMAIL, "linkedin_url": AliasKind.LINKEDIN}
_Answers = Mapping[str, list[ProviderFindings]]


def merge_batch(
    database: Database,
    providers: Mapping[str, EnrichmentProvider],
    policy: EnrichmentPolicy,
    *,
    batch_id: str,
    selections: Mapping[str, Selection],
    tools: Tools,
    is_own_record: bool = False,
) -> dict[str, int]:
    """Merge what providers said into the open leads of a batch, and return how many findings got which verdict.

    Args:
        database: The product's database.
        providers: Name -> provider.
        policy: Order, thresholds and ages.
        batch_id: The batch.
        selections: Our id -> selection of the people who may take something over.
        tools: The clock.
        is_own_record: Whether the rows are records of the org, of which only what providers say is kept.
    """
    labels = {name: provider.capabilities.label for name, provider in providers.items()}
    counts: Counter[str] = Counter()
    with database.connect() as connection:
        for page in store.read_open_leads(connection, batch_id):
            leads = [lead for lead in page if is_own_record or lead.candidate.dievio_lead_id in selections]
            with connection.transaction():
                enriched = _merge_page(connection, leads, policy, selections=selections, labels=labels, tools=tools)
                if is_own_record:
                    enriched = [_without_own_values(lead) for lead in _with_the_rest(leads, enriched)]
                store.save_enriched(
                    connection,
                    enriched,
                    batch_id=batch_id,
                    required=_required(policy, enriched),
                    merged_at=tools.now(),
                )
                insert_identities(connection, _learn(enriched), first_seen_at=tools.now())
            counts.update(result.verdict.value for lead in enriched for result in lead.merged.results)
    return dict(counts)


def _merge_page(
    connection: psycopg.Connection,
    leads: list[OpenLead],
    policy: EnrichmentPolicy,
    *,
    selections: Mapping[str, Selection],
    labels: Mapping[str, str],
    tools: Tools,
) -> list[EnrichedLead]:
    found = store.read_findings(connection, [lead.candidate.dievio_lead_id for lead in leads], labels=labels)
    answers = {key: in_order(by_provider, policy, tools=tools) for key, by_provider in found.items()}
    owners = _find_owners(connection, answers)
    enriched = []
    for lead in leads:
        key = lead.candidate.dievio_lead_id
        if key not in answers or key not in selections:
            continue
        values = LeadValues(
            values={name: value for name, value in lead.candidate.values.items() if name != "lead_status"},
            confidences=lead.confidences,
            observed_at=lead.candidate.observed_at,
            stale=selections[key].stale,
            taken=_taken(owners, answers[key], own_id=key),
        )
        merged = merge(values, answers[key], policy.confidence)
        for result in merged.results:  # the first of two people of a batch who get one address keeps it
            if result.verdict in CHANGING_VERDICTS and result.name in _ALIAS_KINDS:
                owners.setdefault((result.name, str(result.value)), key)
        enriched.append(_enriched(lead, merged, labels=labels))
    return enriched


_Owners = dict[tuple[str, str], str]


def _find_owners(connection: psycopg.Connection, answers: _Answers) -> _Owners:
    """Return (field, value) -> our id of whom we know by it, of all addresses and profiles in the answers."""
    named = {
        (name, str(one.findings[name].value))
        for group in answers.values()
        for one in group
        for name in _ALIAS_KINDS
        if name in one.findings
    }
    aliases = {(name, value): (str(_ALIAS_KINDS[name]), _alias(name, value)) for name, value in named}
    known = store.find_owners(connection, set(aliases.values()))
    return {place: known[alias] for place, alias in aliases.items() if alias in known}


def _taken(owners: _Owners, answers: Iterable[ProviderFindings], *, own_id: str) -> dict[str, frozenset[str]]:
    values = [(name, str(one.findings[name].value)) for one in answers for name in _ALIAS_KINDS if name in one.findings]
    foreign = [place for place in values if owners.get(place, own_id) != own_id]
    return {name: frozenset(value for field, value in foreign if field == name) for name in _ALIAS_KINDS}


def _alias(name: str, value: str) -> str:
    return read_linkedin(value).slug or value if name == "linkedin_url" else value


def _enriched(lead: OpenLead, merged: Merged, *, labels: Mapping[str, str]) -> EnrichedLead:
    """Stamp the lead with who changed it, when and why; what is unverified vouches for nothing and is no key."""
    unverified = {flag.removeprefix(UNVERIFIED_FLAG) for flag in merged.flags}
    sure = {name: one for name, one in merged.confidences.items() if name not in unverified}
    values = dict(merged.values)
    if merged.results:
        values["last_enriched_at"] = write_time(max(result.answered_at for result in merged.results))
        values["lead_confidence_percent"] = lead_confidence_percent(sure)
    if merged.changed:
        changed = [result for result in merged.results if result.verdict in CHANGING_VERDICTS]
        sources = " and ".join(dict.fromkeys(labels[result.provider] for result in changed))
        values["enrichment_source"] = sources
        values["enrichment_reason"] = f"{sources}: {_say(changed_names(merged))}"
    return EnrichedLead(
        raw_lead_id=lead.raw_lead_id,
        dievio_lead_id=lead.candidate.dievio_lead_id,
        merged=replace(merged, values=values),
        keys=lead_keys({name: value for name, value in values.items() if name not in unverified}),
        flags=tuple(sorted({*lead.candidate.flags, *merged.flags})),
    )


def changed_names(merged: Merged) -> dict[str, list[str]]:
    """Return verdict -> fields that it changed."""
    names: dict[str, list[str]] = {}
    for result in merged.results:
        if result.verdict in CHANGING_VERDICTS:
            names.setdefault(result.verdict.value, []).append(result.name)
    return names


def _say(names: Mapping[str, list[str]]) -> str:
    words = {MergeVerdict.FILLED.value: "was missing", MergeVerdict.REPLACED.value: "was stale"}
    return "; ".join(f"{', '.join(fields)} {words[verdict]}" for verdict, fields in sorted(names.items()))


def _learn(leads: Iterable[EnrichedLead]) -> list[NewAlias]:
    """Return the aliases by which people are known from now on."""
    learned = {
        (_ALIAS_KINDS[result.name], _alias(result.name, str(result.value))): lead.dievio_lead_id
        for lead in leads
        for result in lead.merged.results
        if result.verdict in CHANGING_VERDICTS and result.name in _ALIAS_KINDS
    }
    return [
        NewAlias(kind=kind, alias=alias, dievio_lead_id=dievio_lead_id)
        for (kind, alias), dievio_lead_id in learned.items()
        if kind is not AliasKind.EMAIL or lead_keys({"email": alias}).em
    ]


#: Values of a lead that are about the lead and its way, not about the person.
_OWN_FIELDS = frozenset(
    {
        "dievio_lead_id", "source", "search_segment", "synced_at", "last_enriched_at", "enrichment_source",
        "lead_confidence_percent", "enrichment_reason",
    }
)  # fmt: skip


def _with_the_rest(leads: Iterable[OpenLead], enriched: Iterable[EnrichedLead]) -> list[EnrichedLead]:
    """Return the enriched leads and those of whom no provider said anything."""
    known = {lead.raw_lead_id: lead for lead in enriched}
    return [
        known.get(lead.raw_lead_id)
        or EnrichedLead(
            raw_lead_id=lead.raw_lead_id,
            dievio_lead_id=lead.candidate.dievio_lead_id,
            merged=Merged(values=lead.candidate.values, confidences=lead.confidences, flags=(), results=()),
            keys=MatchKeys(),
            flags=lead.candidate.flags,
        )
        for lead in leads
    ]


def _without_own_values(lead: EnrichedLead) -> EnrichedLead:
    """Keep of a record's row only what providers added: its own values stand in the record already.

    Of a person about whom nobody said anything nothing is left, not even our id and stamps: the record stays untouched.
    """
    if not lead.merged.results:
        return replace(lead, merged=replace(lead.merged, values={}, confidences={}))
    found = {*lead.merged.changed, *(flag.removeprefix(UNVERIFIED_FLAG) for flag in lead.merged.flags)}
    kept = _OWN_FIELDS | found | {name for one in found for name in COMPANIONS.get(one, ())}
    values = {name: value for name, value in lead.merged.values.items() if name in kept}
    confidences = {name: sure for name, sure in lead.merged.confidences.items() if name in kept}
    return replace(lead, merged=replace(lead.merged, values=values, confidences=confidences))


def _required(policy: EnrichmentPolicy, leads: Iterable[EnrichedLead]) -> dict[str, float]:
    names = {result.name for lead in leads for result in lead.merged.results}
    return {name: policy.confidence.required(name) for name in names}

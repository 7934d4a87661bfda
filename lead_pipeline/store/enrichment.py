"""Who is looked up, what providers said, and what is to be done again: the tables of enrichment, the ledger apart.

Paid calls and what they may cost are `enrichment_calls`; transactions are opened by the services.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.enrichment.merging import FieldResult, Merged, ProviderFindings
from lead_pipeline.domain.enrichment.policy import RetryRules
from lead_pipeline.domain.enrichment.questions import Finding
from lead_pipeline.domain.enrichment.selection import TAKING_REASONS, Candidate, Choice, Memory, Need, Selection
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin, MatchKeys
from lead_pipeline.domain.normalize.times import read_time
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries
from lead_pipeline.store.suppressions import read_suppressed

PAGE_LEADS = 500  # leads in memory at a time, each with some thirty values of each provider
_KEY_NAMES = tuple(key.name for key in fields(MatchKeys))
_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLead:
    """A lead without an outcome, as it was delivered."""

    raw_lead_id: int
    candidate: Candidate
    confidences: Mapping[str, Confidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichedLead:
    """A lead as enrichment leaves it, with the keys its values give."""

    raw_lead_id: int
    dievio_lead_id: str
    merged: Merged
    keys: MatchKeys
    flags: tuple[str, ...]


def read_open_leads(connection: psycopg.Connection[Any], batch_id: str) -> Iterator[list[OpenLead]]:
    """Yield the leads of a batch that have no outcome, page by page, one per person."""
    query, after = load_queries("enrichment").list_candidates, 0
    suppressed = read_suppressed(connection, batch_id)
    while rows := list(query(connection, batch_id=batch_id, after_raw_lead_id=after, row_limit=PAGE_LEADS)):
        yield [_as_lead(row, suppressed) for row in rows]
        after = rows[-1]["raw_lead_id"]


def replace_requests(
    connection: psycopg.Connection[Any], selections: Iterable[Selection], *, batch_id: str, decided_at: datetime
) -> None:
    """Keep why people are, or are not, looked up; those of earlier runs have been forgotten."""
    columns = (
        "batch_id", "dievio_lead_id", "segment", "choice", "reason", "detail", "missing", "stale", "state",
        "decided_at",
    )  # fmt: skip
    rows = (
        (
            batch_id,
            selection.candidate.dievio_lead_id,
            selection.candidate.segment,
            selection.choice.value,
            selection.why.value,
            selection.detail,
            sorted(selection.missing),
            sorted(selection.stale),
            "waiting" if selection.choice is Choice.ASK else "skipped",
            decided_at,
        )
        for selection in selections
    )
    copy_rows(connection, "enrichment_request", columns=columns, rows=rows)


def read_needs(connection: psycopg.Connection[Any], batch_id: str) -> dict[str, Need]:
    """Return our id -> what the batch wanted of a person when it first looked, of those who take over what is said."""
    rows = load_queries("enrichment").list_needs(connection, batch_id=batch_id, reasons=sorted(TAKING_REASONS))
    return {
        row["dievio_lead_id"]: Need(missing=frozenset(row["missing"]), stale=frozenset(row["stale"])) for row in rows
    }


def delete_open_requests(connection: psycopg.Connection[Any], batch_id: str) -> None:
    """Forget what an earlier run decided about people whose row has no outcome yet."""
    load_queries("enrichment").delete_open_requests(connection, batch_id=batch_id)


def set_request_states(connection: psycopg.Connection[Any], states: Mapping[str, str], *, batch_id: str) -> None:
    """Keep how far people have come: our id -> state."""
    document = [{"dievio_lead_id": key, "state": state} for key, state in states.items()]
    load_queries("enrichment").set_request_states(connection, states=Jsonb(document), batch_id=batch_id)


def read_findings(
    connection: psycopg.Connection[Any], dievio_lead_ids: Collection[str], *, labels: Mapping[str, str]
) -> dict[str, dict[str, ProviderFindings]]:
    """Return our id -> provider -> what it said last.

    Args:
        connection: The database.
        dievio_lead_ids: The people.
        labels: Provider -> its name for people; other providers are left out.
    """
    grouped: dict[tuple[str, str], list[_Row]] = {}
    for row in load_queries("enrichment").list_findings(connection, dievio_lead_ids=list(dievio_lead_ids)):
        if row["provider"] in labels:
            grouped.setdefault((row["dievio_lead_id"], row["provider"]), []).append(row)
    found: dict[str, dict[str, ProviderFindings]] = {}
    for (dievio_lead_id, provider), rows in grouped.items():
        found.setdefault(dievio_lead_id, {})[provider] = ProviderFindings(
            provider=provider,
            label=labels[provider],
            answered_at=rows[0]["answered_at"],
            observed_at=rows[0]["observed_at"],
            findings={row["field"]: _as_finding(row) for row in rows},
        )
    return found


def read_memory(connection: psycopg.Connection[Any], dievio_lead_id: str) -> dict[str, Memory]:
    """Return provider -> its last answer about a person."""
    rows = load_queries("enrichment").list_memory(connection, dievio_lead_id=dievio_lead_id)
    return {row["provider"]: Memory(answered_at=row["answered_at"], was_found=row["was_found"]) for row in rows}


def find_owners(
    connection: psycopg.Connection[Any], aliases: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Return (kind, alias) -> our id of the person who is known by it; unknown ones are absent."""
    document = Jsonb([{"alias_kind": kind, "alias": alias} for kind, alias in aliases])
    rows = load_queries("enrichment").list_foreign_aliases(connection, aliases=document)
    return {(row["alias_kind"], row["alias"]): row["dievio_lead_id"] for row in rows}


def save_enriched(
    connection: psycopg.Connection[Any],
    leads: Sequence[EnrichedLead],
    *,
    batch_id: str,
    required: Mapping[str, float],
    merged_at: datetime,
) -> None:
    """Take enriched values over into the leads, and keep what became of each finding.

    Args:
        connection: Inside a transaction of its own.
        leads: The leads.
        batch_id: The batch.
        required: Canonical field -> confidence that was demanded of it.
        merged_at: When.
    """
    queries = load_queries("enrichment")
    queries.create_lead_stage(connection)
    columns = ("raw_lead_id", "field_values", "confidences", "flags", *_KEY_NAMES)
    copy_rows(connection, "enriched_stage", columns=columns, rows=map(_stage_row, leads))
    queries.update_leads(connection, batch_id=batch_id)
    queries.delete_results(connection, batch_id=batch_id, dievio_lead_ids=[lead.dievio_lead_id for lead in leads])
    columns = (
        "batch_id", "dievio_lead_id", "field", "provider", "verdict", "reason", "value", "share", "origin",
        "required_share", "answered_at", "merged_at",
    )  # fmt: skip
    rows = (
        (batch_id, lead.dievio_lead_id, *_result_row(result, required[result.name]), merged_at)
        for lead in leads
        for result in lead.merged.results
    )
    copy_rows(connection, "enrichment_result", columns=columns, rows=rows)


def park(
    connection: psycopg.Connection[Any],
    people: Mapping[str, str],
    *,
    provider: str,
    batch_id: str,
    cause: str,
    rules: RetryRules,
    at: datetime,
) -> None:
    """Put people, our id -> segment, into the retry queue of a provider."""
    load_queries("enrichment").park(
        connection,
        people=Jsonb([{"dievio_lead_id": key, "segment": segment} for key, segment in people.items()]),
        provider=provider,
        batch_id=batch_id,
        cause=cause,
        first_wait_seconds=rules.first_wait.total_seconds(),
        max_attempts=rules.max_attempts,
        at=at,
    )


def unpark(connection: psycopg.Connection[Any], dievio_lead_ids: Collection[str], *, provider: str) -> None:
    """Take people out of the retry queue of a provider that has answered about them."""
    load_queries("enrichment").unpark(connection, dievio_lead_ids=list(dievio_lead_ids), provider=provider)


def replace_alerts(
    connection: psycopg.Connection[Any], alerts: Mapping[tuple[str, str], str], *, batch_id: str, at: datetime
) -> None:
    """Keep what operations should hear: (kind, subject) -> words."""
    queries = load_queries("enrichment")
    queries.delete_alerts(connection, batch_id=batch_id)
    for (kind, subject), message in alerts.items():
        queries.raise_alert(connection, batch_id=batch_id, kind=kind, subject=subject, message=message, at=at)


def list_alerts(connection: psycopg.Connection[Any], batch_id: str) -> dict[str, str]:
    """Return what operations should hear about a batch's enrichment: `kind:subject` -> words."""
    rows = load_queries("enrichment").list_alerts(connection, batch_id=batch_id)
    return {f"{row['kind']}:{row['subject']}": row["message"] for row in rows}


def count_requests(connection: psycopg.Connection[Any], batch_id: str) -> list[_Row]:
    """Return choice, reason, detail, state and people of a batch's requests."""
    return list(load_queries("enrichment").count_requests(connection, batch_id=batch_id))


def count_results(connection: psycopg.Connection[Any], batch_id: str) -> list[_Row]:
    """Return field, verdict and findings of a batch."""
    return list(load_queries("enrichment").count_results(connection, batch_id=batch_id))


def count_states(connection: psycopg.Connection[Any], batch_id: str) -> dict[str, int]:
    """Return how many people that were to be looked up have come how far."""
    return {
        row["state"]: row["people"]
        for row in load_queries("enrichment").list_undisturbed(connection, batch_id=batch_id)
    }


def count_all_results(connection: psycopg.Connection[Any], batch_id: str) -> int:
    """Return how many findings a batch has."""
    return int(load_queries("enrichment").count_all_results(connection, batch_id=batch_id))


def list_unsure(connection: psycopg.Connection[Any], query: str, *, batch_id: str, most: int) -> list[str]:
    """Return our ids of people whose values a query of `enrichment.sql` finds wrongly judged."""
    rows = getattr(load_queries("enrichment"), query)(connection, batch_id=batch_id, most=most)
    return [row["dievio_lead_id"] for row in rows]


def _as_lead(row: _Row, suppressed: Collection[str]) -> OpenLead:
    values = row["field_values"]
    extra = {} if row["lead_status"] is None else {"lead_status": row["lead_status"]}
    lookups, moments = row["lookups"] or {}, row["fields"] or {}
    return OpenLead(
        raw_lead_id=row["raw_lead_id"],
        candidate=Candidate(
            dievio_lead_id=row["dievio_lead_id"],
            segment=row["segment"],
            values={**values, **extra},
            observed_at=read_time(values.get("last_enriched_at")) or row["fetched_at"],
            field_observed_at={name: datetime.fromisoformat(moment) for name, moment in moments.items()},
            flags=tuple(row["flags"]),
            is_weak_id=row["is_weak_id"],
            is_suppressed=row["dievio_lead_id"] in suppressed,
            memory={
                provider: Memory(answered_at=datetime.fromisoformat(answered_at), was_found=was_found)
                for provider, (answered_at, was_found) in lookups.items()
            },
        ),
        confidences={
            name: Confidence(share=sure["share"], origin=ConfidenceOrigin(sure["origin"]))
            for name, sure in row["confidences"].items()
        },
    )


def _as_finding(row: _Row) -> Finding:
    return Finding(
        value=row["value"], confidence=Confidence(share=row["share"], origin=ConfidenceOrigin(row["origin"]))
    )


def _stage_row(lead: EnrichedLead) -> tuple[object, ...]:
    confidences = {name: {"share": sure.share, "origin": sure.origin} for name, sure in lead.merged.confidences.items()}
    return (
        lead.raw_lead_id,
        Jsonb(dict(lead.merged.values)),
        Jsonb(confidences),
        list(lead.flags),
        *(getattr(lead.keys, name) for name in _KEY_NAMES),
    )


def _result_row(result: FieldResult, required: float) -> tuple[object, ...]:
    return (
        result.name,
        result.provider,
        result.verdict.value,
        result.reason,
        Jsonb(result.value),
        result.confidence.share,
        result.confidence.origin.value,
        required,
        result.answered_at,
    )

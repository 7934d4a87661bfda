"""Candidates, evidence and results of matching. What a candidate is worth is decided in `domain/matching`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.matching import CandidateRecord, Hit, LadderAnswer, LeadToMatch, PairAnswer, RuleName
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries

PAGE_LEADS = 5_000  # leads in memory at a time; with their candidates some tens of megabytes
MAX_HOPS = 10  # merges of merges; a longer chain has not been seen and would be a circle


class BlockKind(StrEnum):
    """The key that brings the people of one company together."""

    DOMAIN = "dm"
    COMPANY = "co"


_KEY_NAMES = tuple(entry.name for entry in fields(MatchKeys))
_Row = Mapping[str, Any]


def read_open_leads(
    connection: psycopg.Connection[Any],
    *,
    batch_id: str,
    dievio_lead_ids: Collection[str] | None = None,
    page_leads: int = PAGE_LEADS,
) -> Iterator[list[LeadToMatch]]:
    """Give the leads without an outcome in pages, ordered by id; only the named ones where ids are given."""
    queries = load_queries("matches")
    after, wanted = "", _as_array(dievio_lead_ids)
    while True:
        rows = queries.list_open_leads(
            connection, batch_id=batch_id, after=after, dievio_lead_ids=wanted, page_size=page_leads
        )
        page = [LeadToMatch(dievio_lead_id=row["dievio_lead_id"], keys=_as_keys(row)) for row in rows]
        if not page:
            return
        yield page
        after = page[-1].dievio_lead_id


def count_open_leads(
    connection: psycopg.Connection[Any], *, batch_id: str, dievio_lead_ids: Collection[str] | None = None
) -> int:
    """Count the leads that `read_open_leads` gives."""
    count: int = load_queries("matches").count_open_leads(
        connection, batch_id=batch_id, dievio_lead_ids=_as_array(dievio_lead_ids)
    )
    return count


def find_hits(
    connection: psycopg.Connection[Any], *, batch_id: str, dievio_lead_ids: Collection[str], max_candidates: int
) -> dict[str, list[Hit]]:
    """Return lead id -> the records that share a key with it, by rule."""
    rows = load_queries("matches").find_candidates(
        connection, batch_id=batch_id, dievio_lead_ids=list(dievio_lead_ids), max_candidates=max_candidates
    )
    hits: dict[str, list[Hit]] = defaultdict(list)
    for row in rows:
        hits[row["for_lead_id"]].append(Hit(rule=RuleName(row["rule"]), record=_as_record(row)))
    return hits


def follow_hits(connection: psycopg.Connection[Any], hits: Iterable[Hit]) -> dict[str, CandidateRecord]:
    """Return Salesforce id -> record for all that merges and conversions of these hits lead to."""
    moved = {hit.record.salesforce_id for hit in hits if hit.record.is_deleted or hit.record.is_converted}
    if not moved:
        return {}
    rows = load_queries("matches").follow_records(connection, salesforce_ids=sorted(moved), max_hops=MAX_HOPS)
    return {row["salesforce_id"]: _as_record(row) for row in rows}


def read_answers(
    connection: psycopg.Connection[Any], dievio_lead_ids: Collection[str]
) -> dict[str, dict[str, PairAnswer]]:
    """Return lead id -> Salesforce id -> what a person said about the two."""
    answers: dict[str, dict[str, PairAnswer]] = defaultdict(dict)
    for row in load_queries("matches").list_answers(connection, dievio_lead_ids=list(dievio_lead_ids)):
        answers[row["dievio_lead_id"]][row["salesforce_id"]] = PairAnswer(row["answer"])
    return answers


def read_blocks(
    connection: psycopg.Connection[Any], kind: BlockKind, *, block_keys: Collection[str], max_records: int
) -> dict[str, list[CandidateRecord]]:
    """Return domain or company key -> the people there, at most `max_records` each."""
    queries = load_queries("matches")
    query = queries.list_domain_blocks if kind is BlockKind.DOMAIN else queries.list_company_blocks
    blocks: dict[str, list[CandidateRecord]] = defaultdict(list)
    for row in query(connection, block_keys=sorted(block_keys), max_records=max_records):
        blocks[row["block_key"]].append(_as_record(row))
    return blocks


def read_initial_blocks(
    connection: psycopg.Connection[Any],
    kind: BlockKind,
    *,
    pairs: Collection[tuple[str, str]],
    max_records: int,
) -> dict[tuple[str, str], list[CandidateRecord]]:
    """Return (domain or company key, initial of the family name) -> the people there, at most `max_records` each."""
    queries = load_queries("matches")
    query = queries.list_domain_initial_blocks if kind is BlockKind.DOMAIN else queries.list_company_initial_blocks
    ordered = sorted(pairs)
    rows = query(
        connection,
        block_keys=[key for key, _ in ordered],
        initials=[initial for _, initial in ordered],
        max_records=max_records,
    )
    blocks: dict[tuple[str, str], list[CandidateRecord]] = defaultdict(list)
    for row in rows:
        blocks[row["block_key"], row["initial"]].append(_as_record(row))
    return blocks


def delete_open_matches(
    connection: psycopg.Connection[Any], *, batch_id: str, dievio_lead_ids: Collection[str] | None = None
) -> None:
    """Forget evidence and results of leads without an outcome, and of leads that are no longer there."""
    queries = load_queries("matches")
    wanted = _as_array(dievio_lead_ids)
    queries.delete_open_candidates(connection, batch_id=batch_id, dievio_lead_ids=wanted)
    queries.delete_open_results(connection, batch_id=batch_id, dievio_lead_ids=wanted)


def save_answers(
    connection: psycopg.Connection[Any], answers: Sequence[LadderAnswer], *, batch_id: str, matched_at: datetime
) -> None:
    """Append results and evidence."""
    copy_rows(
        connection,
        "match_result",
        columns=_RESULT_COLUMNS,
        rows=((batch_id, *_result_values(answer), matched_at) for answer in answers),
    )
    copy_rows(
        connection,
        "match_candidate",
        columns=_CANDIDATE_COLUMNS,
        rows=((batch_id, *values) for answer in answers for values in _candidate_values(answer)),
    )


def refresh_statistics(connection: psycopg.Connection[Any]) -> None:
    """Tell the database's planner how large the tables of matching have become."""
    load_queries("matches").refresh_statistics(connection)


def demote_second_claims(
    connection: psycopg.Connection[Any], *, batch_id: str, rules: Sequence[str], reason_code: str, reason: str
) -> int:
    """Turn every claim but the best on one record into a question; return how many.

    Args:
        connection: The database.
        batch_id: The batch; its settled leads keep what they have.
        rules: Rule labels, the strongest first.
        reason_code: Stored with the demoted results.
        reason: The same in words.
    """
    demoted: int = load_queries("matches").demote_second_claims(
        connection, batch_id=batch_id, rules=list(rules), reason_code=reason_code, reason=reason
    )
    return demoted


def count_results(connection: psycopg.Connection[Any], *, batch_id: str) -> list[dict[str, Any]]:
    """Count the batch's results by `grade`, `rule` and `reason_code`, as `leads`."""
    return list(load_queries("matches").count_results(connection, batch_id=batch_id))


_RESULT_COLUMNS = (
    "batch_id",
    "dievio_lead_id",
    "grade",
    "rule",
    "object_name",
    "salesforce_id",
    "reason_code",
    "reason",
    "candidate_count",
    "matched_at",
)
_CANDIDATE_COLUMNS = (
    "batch_id",
    "dievio_lead_id",
    "rule",
    "object_name",
    "salesforce_id",
    "grade",
    "score",
    "evidence",
)


def _result_values(answer: LadderAnswer) -> tuple[object, ...]:
    result = answer.result
    return tuple(getattr(result, column) for column in _RESULT_COLUMNS[1:-1])


def _candidate_values(answer: LadderAnswer) -> Iterator[tuple[object, ...]]:
    for candidate in answer.evidence:
        yield (*(getattr(candidate, column) for column in _CANDIDATE_COLUMNS[1:-1]), Jsonb(candidate.evidence))


def _as_keys(row: _Row) -> MatchKeys:
    return MatchKeys(**{name: row[name] for name in _KEY_NAMES})


def _as_record(row: _Row) -> CandidateRecord:
    return CandidateRecord(
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        keys=_as_keys(row),
        is_deleted=row["is_deleted"],
        master_record_id=row["master_record_id"],
        is_converted=row["is_converted"],
        converted_contact_id=row["converted_contact_id"],
    )


def _as_array(dievio_lead_ids: Collection[str] | None) -> list[str] | None:
    return None if dievio_lead_ids is None else list(dievio_lead_ids)

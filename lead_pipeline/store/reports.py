"""The counts behind the run report and the reports already made. Sums and the verdict belong to `domain/run_report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.decisions import ASKING_VERDICTS, FieldVerdict, Outcome
from lead_pipeline.domain.run_report import (
    CampaignLine,
    DeadLetterLine,
    FieldLine,
    GateLine,
    HandoverLine,
    MatchLine,
    ReasonCount,
    RunReport,
    SegmentLine,
)
from lead_pipeline.store.queries import load_queries

_Row = dict[str, Any]

_REFUSALS = ASKING_VERDICTS | {FieldVerdict.REFUSED_CONFIDENCE, FieldVerdict.REFUSED_INVALID}
_COUNTED_VERDICTS = (
    "set_at_creation",
    "filled_blank",
    "updated",
    "kept_rep_value",
    "kept_equal",
    "kept_by_policy",
    "refused",
)


class _Lines(TypedDict):
    """The tables of a report, each with a query of its own."""

    segments: tuple[SegmentLine, ...]
    field_lines: tuple[FieldLine, ...]
    matches: tuple[MatchLine, ...]
    quarantine_reasons: tuple[ReasonCount, ...]
    dead_letters: tuple[DeadLetterLine, ...]
    handovers: tuple[HandoverLine, ...]
    gates: tuple[GateLine, ...]
    enrichment_alerts: tuple[str, ...]
    campaigns: tuple[CampaignLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A report as it was kept."""

    batch_id: str
    run_id: str
    made_at: datetime
    summary: Mapping[str, object]
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRun:
    """A run of a batch whose report can be read: the night, a repetition, or an answer or replay carried out."""

    run_id: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One batch in the list of `status`."""

    batch_id: str
    source: str
    created_at: datetime
    delivered: int
    created: int
    updated: int
    skipped: int
    review: int
    quarantined: int
    dead_letter: int
    failed_gates: int
    waiting: int = 0


def read_report(
    connection: psycopg.Connection, batch_id: str, *, run_id: str, started_at: datetime, made_at: datetime
) -> RunReport | None:
    """Count everything about one batch and one run of it; None when there is no such batch."""
    queries = load_queries("reports")
    batch = queries.get_batch(connection, batch_id=batch_id)
    if batch is None:
        return None
    outcomes = _rows(queries.count_outcomes(connection, batch_id=batch_id))
    delivered = queries.count_delivered(connection, batch_id=batch_id)
    calls = _calls(_rows(queries.sum_calls_of_run(connection, batch_id=batch_id, run_id=run_id)))
    totals = _totals(outcomes)
    return RunReport(
        batch_id=batch_id,
        run_id=run_id,
        made_at=made_at.isoformat(timespec="seconds"),
        mapping_version=batch["mapping_version"] or "",
        duration_seconds=round((made_at - started_at).total_seconds(), 1),
        delivered=delivered["delivered"],
        distinct_leads=delivered["distinct_leads"],
        unsettled=delivered["unsettled"],
        waiting=delivered["waiting"],
        quarantined=totals[Outcome.QUARANTINE],
        created=totals[Outcome.CREATED],
        updated=totals[Outcome.UPDATED],
        skipped=totals[Outcome.SKIPPED],
        review=totals[Outcome.REVIEW],
        dead_letter=totals[Outcome.DEAD_LETTER],
        unknown=queries.count_unknown_writes(connection, batch_id=batch_id),
        credits=queries.sum_credits_since(connection, batch_id=batch_id, since=started_at),
        batch_credits=queries.sum_batch_credits(connection, batch_id=batch_id),
        salesforce_calls=calls["salesforce"],
        dievio_calls=calls["dievio"],
        writes=queries.count_writes_of_run(connection, batch_id=batch_id, run_id=run_id),
        fields_changed=queries.count_fields_changed(connection, batch_id=batch_id),
        skip_reasons=_reasons(outcomes, Outcome.SKIPPED),
        review_reasons=_reasons(outcomes, Outcome.REVIEW),
        **_read_lines(connection, batch_id),
    )


def read_gate_lines(connection: psycopg.Connection, batch_id: str) -> tuple[GateLine, ...]:
    """Return every gate's answer for a batch in the order they were given."""
    rows = _rows(load_queries("reports").list_gate_results(connection, batch_id=batch_id))
    return tuple(
        GateLine(
            name=row["gate"],
            stage=row["stage"],
            passed=row["passed"],
            is_blocking=row["is_blocking"],
            checked=row["checked_count"],
            count=row["failed_count"],
            failed_ids=tuple(row["failed_ids"]),
            description=row["description"],
            next_step=row["next_step"],
        )
        for row in rows
    )


def save_report(connection: psycopg.Connection, report: RunReport, *, made_at: datetime, html: str) -> None:
    """Keep the report of a run; making it again replaces it."""
    load_queries("reports").insert_run_report(
        connection,
        batch_id=report.batch_id,
        run_id=report.run_id,
        made_at=made_at,
        summary=Jsonb(report.to_summary()),
        html=html,
    )


def read_latest_report(connection: psycopg.Connection, batch_id: str) -> StoredReport | None:
    """Return the newest report of a batch, or None."""
    row = load_queries("reports").get_latest_run_report(connection, batch_id=batch_id)
    return None if row is None else StoredReport(**row)


def read_run_report(connection: psycopg.Connection, run_id: str) -> StoredReport | None:
    """Return the report of one run, or None when it made none."""
    row = load_queries("reports").get_run_report(connection, run_id=run_id)
    return None if row is None else StoredReport(**row)


def list_reported_runs(connection: psycopg.Connection, batch_id: str) -> tuple[ReportedRun, ...]:
    """Return the runs of a batch that made a report, the newest first."""
    rows = _rows(load_queries("reports").list_reported_runs(connection, batch_id=batch_id))
    return tuple(ReportedRun(**row) for row in rows)


def read_newest_batch_id(connection: psycopg.Connection) -> str | None:
    """Return the id of the newest batch, or None before the first run."""
    newest: str | None = load_queries("reports").get_newest_batch_id(connection)
    return newest


def list_batches(connection: psycopg.Connection, *, most: int) -> tuple[BatchLine, ...]:
    """Return the newest batches with their outcomes, newest first."""
    return tuple(BatchLine(**row) for row in _rows(load_queries("reports").list_batches(connection, most=most)))


def _read_lines(connection: psycopg.Connection, batch_id: str) -> _Lines:
    queries = load_queries("reports")
    return _Lines(
        segments=tuple(_segment(row) for row in _rows(queries.list_segments(connection, batch_id=batch_id))),
        field_lines=_field_lines(_rows(queries.count_field_verdicts(connection, batch_id=batch_id))),
        matches=tuple(_match(row) for row in _rows(queries.count_matches(connection, batch_id=batch_id))),
        quarantine_reasons=tuple(
            ReasonCount(code=row["code"], count=row["rows"])
            for row in _rows(queries.count_quarantine_reasons(connection, batch_id=batch_id))
        ),
        dead_letters=tuple(
            _dead_letter(row) for row in _rows(queries.count_dead_letters(connection, batch_id=batch_id))
        ),
        handovers=tuple(_handover(row) for row in _rows(queries.count_handovers(connection, batch_id=batch_id))),
        gates=read_gate_lines(connection, batch_id),
        enrichment_alerts=tuple(
            row["message"] for row in _rows(queries.list_enrichment_alerts(connection, batch_id=batch_id))
        ),
        campaigns=tuple(
            CampaignLine(**row) for row in _rows(queries.count_campaign_members(connection, batch_id=batch_id))
        ),
    )


def _match(row: _Row) -> MatchLine:
    return MatchLine(rule=row["rule"], grade=row["grade"], leads=row["leads"])


def _rows(cursor: Iterable[Any]) -> list[_Row]:
    return list(cursor)


def _totals(outcomes: Sequence[_Row]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for row in outcomes:
        totals[row["outcome"]] += row["rows"]
    return totals


def _reasons(outcomes: Sequence[_Row], outcome: Outcome) -> tuple[ReasonCount, ...]:
    return tuple(
        ReasonCount(code=row["reason_code"], count=row["rows"]) for row in outcomes if row["outcome"] == outcome
    )


def _calls(rows: Sequence[_Row]) -> Counter[str]:
    calls: Counter[str] = Counter()
    for row in rows:
        calls[row["system"]] += row["calls"]
    return calls


def _segment(row: _Row) -> SegmentLine:
    return SegmentLine(
        segment=row["segment"],
        state=row["state"],
        reason=row["reason"],
        rows=row["rows_received"],
        total=row["total_count"],
        credits=row["credits"],
        uncertain_credits=row["uncertain_credits"],
    )


def _field_lines(rows: Sequence[_Row]) -> tuple[FieldLine, ...]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        verdict = "refused" if row["verdict"] in _REFUSALS else row["verdict"]
        counts.setdefault((row["field"], row["policy"]), Counter())[verdict] += row["leads"]
    return tuple(
        FieldLine(field=field, policy=policy, **{name: verdicts[name] for name in _COUNTED_VERDICTS})
        for (field, policy), verdicts in counts.items()
    )


def _dead_letter(row: _Row) -> DeadLetterLine:
    return DeadLetterLine(
        code=row["error_code"],
        cause=row["cause"],
        repair=row["suggested_repair"],
        owner=row["owner"],
        leads=row["leads"],
    )


def _handover(row: _Row) -> HandoverLine:
    return HandoverLine(
        owner_id=row["to_owner_id"],
        owner_kind=row["kind"] or "unknown",
        rule=row["rule"],
        state=row["state"],
        leads=row["leads"],
    )

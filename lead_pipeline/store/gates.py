"""Gate results and the rows that gates look at. What a gate demands is decided in `domain` and `services/gates`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.post_sync import SampleLine, WrittenRecord
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.store.org_facts import find_integration_user
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]

PAGE_RECORDS = 5_000  # written records in memory at a time, with what was sent and what is held


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFailure:
    """A blocking gate of some batch that failed and was not mended."""

    batch_id: str
    gate: str
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPull:
    """How far a saved search came and whether its rows add up."""

    segment: str
    state: str
    reason: str  # why it ended there
    rows_received: int
    rows_before: int  # of the same search, bought by earlier batches
    max_results: int  # rows before included
    total_count: int | None  # of the whole search
    kept_rows: int
    page_rows: int
    pages: int
    page_span: int  # pages from the first to the last number


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRisk:
    """What a plan would do at most."""

    leads: int
    creates: int
    filled_values: int  # non-blank values on existing records that the plan looked at
    replaced_values: int
    protected_ids: tuple[str, ...]  # leads with a write to a protected field of an existing record


def save_gate_result(
    connection: _Connection, result: GateResult, *, batch_id: str, run_id: str, checked_at: datetime
) -> None:
    """Keep the newest answer of a gate."""
    load_queries("gates").upsert_gate_result(
        connection,
        batch_id=batch_id,
        gate=result.gate,
        stage=result.stage,
        passed=result.passed,
        is_blocking=result.is_blocking,
        checked_count=result.checked_count,
        failed_count=result.failed_count,
        failed_ids=Jsonb(list(result.failed_ids)),
        description=result.description,
        next_step=result.next_step,
        run_id=run_id,
        checked_at=checked_at,
    )


def read_passed_gates(connection: _Connection, batch_id: str) -> frozenset[str]:
    """Return the gates whose answer lets the batch go on; those behind the write only if they looked after it."""
    return frozenset(row["gate"] for row in load_queries("gates").list_passed_gates(connection, batch_id=batch_id))


def read_failed_gates(connection: _Connection, batch_id: str) -> frozenset[str]:
    """Return the gates of a batch whose newest answer is no."""
    return frozenset(row["gate"] for row in load_queries("gates").list_failed_gates(connection, batch_id=batch_id))


def list_open_failures(connection: _Connection) -> tuple[OpenFailure, ...]:
    """Return the blocking gates of all batches that failed and were not mended."""
    return tuple(OpenFailure(**row) for row in load_queries("gates").list_open_failures(connection))


def read_frame(connection: _Connection, query: str, *, columns: Sequence[str], **values: object) -> pd.DataFrame:
    """Return the rows of a query of this family as a frame with exactly these columns."""
    return build_frame(getattr(load_queries("gates"), query)(connection, **values), columns=columns)


def build_frame(rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame with exactly these columns."""
    return pd.DataFrame.from_records([[row[column] for column in columns] for row in rows], columns=list(columns))


def read_rows(connection: _Connection, query: str, **values: object) -> list[dict[str, Any]]:
    """Return the rows of a query of this family."""
    return list(getattr(load_queries("gates"), query)(connection, **values))


def read_ids(connection: _Connection, query: str, **values: object) -> tuple[str, ...]:
    """Return the only column of a query of this family, as text."""
    return tuple(str(next(iter(row.values()))) for row in getattr(load_queries("gates"), query)(connection, **values))


def read_count(connection: _Connection, query: str, **values: object) -> int:
    """Return the number that a query of this family gives."""
    return int(getattr(load_queries("gates"), query)(connection, **values) or 0)


def read_segment_pulls(connection: _Connection, batch_id: str) -> tuple[SegmentPull, ...]:
    """Return the saved searches of a batch."""
    return tuple(SegmentPull(**row) for row in load_queries("gates").list_segment_pulls(connection, batch_id=batch_id))


def read_key_shares(connection: _Connection, query: str, batch_id: str) -> Mapping[str, float]:
    """Return key of the delivered rows -> share of rows that carry it."""
    return {row["key"]: row["share"] for row in getattr(load_queries("gates"), query)(connection, batch_id=batch_id)}


def read_plan_risk(connection: _Connection, batch_id: str, *, protected_fields: Collection[str]) -> PlanRisk:
    """Return what the plan of a batch would do at most."""
    row = load_queries("gates").get_plan_risk(connection, batch_id=batch_id, protected_fields=list(protected_fields))
    return PlanRisk(**{**row, "protected_ids": tuple(row["protected_ids"])})


def read_sample_lines(connection: _Connection, batch_id: str) -> list[SampleLine]:
    """Return the written leads with what choosing a sample needs."""
    return [
        SampleLine(**{**row, "flags": tuple(row["flags"])})
        for row in load_queries("gates").list_sample_lines(connection, batch_id=batch_id)
    ]


def read_written_pages(
    connection: _Connection, batch_id: str, *, dievio_lead_ids: Sequence[str] | None = None
) -> Iterator[list[WrittenRecord]]:
    """Yield the written records of a batch, all or those named, a page at a time."""
    queries = load_queries("gates")
    owners = frozenset(read_ids(connection, "list_active_owners"))
    writer_id = find_integration_user(connection) or queries.get_writer_id(connection, batch_id=batch_id)
    after = ""
    while True:
        rows = list(
            queries.list_written(
                connection,
                batch_id=batch_id,
                after=after,
                dievio_lead_ids=None if dievio_lead_ids is None else list(dievio_lead_ids),
                writer_id=writer_id,
                most=PAGE_RECORDS,
            )
        )
        if not rows:
            return
        after = rows[-1]["dievio_lead_id"]
        yield [WrittenRecord(**{**row, "active_owner_ids": owners}) for row in rows]

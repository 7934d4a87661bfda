"""A finished night on the write bench, what people do about it afterwards, and the night that follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.mapping import build_mapping_set
from lead_pipeline.domain.mapping_document import parse_mapping
from lead_pipeline.domain.review_decisions import ReviewDecision, ReviewItem
from lead_pipeline.domain.review_reasons import ReviewChoice
from lead_pipeline.domain.survivorship import AnswerChoice
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.resolve_review import resolve_review
from lead_pipeline.services.reworking import Rework, ReworkRules, ReworkSummary
from lead_pipeline.store import reviews
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench

NEXT_BATCH_ID = "2026-05-05"


def end_night(bench: WriteBench) -> None:
    """Everything from the mirror to the owners, with every gate open."""
    bench.prepare()
    bench.look()
    bench.write()
    bench.wait(5)
    bench.read_back()
    results = bench.look()
    assert [name for name, result in results.items() if not result.passed] == []
    bench.hand_over()
    bench.look(["handover"])
    bench.wait(3_600)


def new_rework(bench: WriteBench, *, actor: str = "anna") -> Rework:
    return Rework(
        database=bench.database,
        salesforce=bench.client,
        rules=ReworkRules(write=bench.rules, routing=bench.routing, gates=bench.settings),
        actor=actor,
        now=bench.now,
        wait=bench.wait,
    )


def open_items(bench: WriteBench) -> tuple[ReviewItem, ...]:
    with bench.database.connect() as connection:
        return reviews.read_items(connection, most=100)


def decide(
    bench: WriteBench,
    choice: ReviewChoice,
    *records: str,
    item: ReviewItem | None = None,
    fields: dict[str, AnswerChoice] | None = None,
) -> ReworkSummary:
    """Answer a question, by default the only open one."""
    if item is None:
        (item,) = open_items(bench)
    decision = ReviewDecision(
        choice=choice, by="anna", reason="looked it up", salesforce_ids=records, fields=fields or {}
    )
    return resolve_review(new_rework(bench), item.review_item_id, decision)


def plan_next_night(bench: WriteBench) -> dict[str, tuple[str, str]]:
    """Deliver the same leads again, match and plan them; return lead -> (decision, reason)."""
    with bench.database.transaction() as connection:
        for statement in _COPY_BATCH:
            connection.execute(statement, {"old": BATCH_ID, "new": NEXT_BATCH_ID})
    match_batch(bench.database, bench.rules.matching, batch_id=NEXT_BATCH_ID, now=bench.now)
    plan_batch(bench.database, bench.rules.mappings, batch_id=NEXT_BATCH_ID, now=bench.now)
    rows = bench.ask(
        "SELECT dievio_lead_id, decision, reason_code FROM sync_decision WHERE batch_id = %s", NEXT_BATCH_ID
    )
    return {row["dievio_lead_id"]: (row["decision"], row["reason_code"]) for row in rows}


def closed_gates(bench: WriteBench) -> list[str]:
    """The gates of the batch that do not pass."""
    rows = bench.ask("SELECT gate FROM gate_result WHERE batch_id = %s AND NOT passed", BATCH_ID)
    return [row["gate"] for row in rows]


def count_rows(bench: WriteBench) -> tuple[int, int]:
    """Delivered rows, and rows with an outcome that nobody works on."""
    (row,) = bench.ask(
        "SELECT (SELECT count(*) FROM raw_lead WHERE batch_id = %s) AS delivered,"
        " (SELECT count(*) FROM settled_outcome WHERE batch_id = %s) AS settled",
        BATCH_ID,
        BATCH_ID,
    )
    return row["delivered"], row["settled"]


def settle_conflicts(bench: WriteBench, field: str, on_conflict: str, **settings: int) -> None:
    """Have conflicts over a field of Leads settled in another way, with other settings of the whole mapping."""
    document: dict[str, Any] = {**load_document("mapping/lead"), **settings}
    document["fields"] = [
        {**row, "on_conflict": on_conflict} if row["to"] == field else row for row in document["fields"]
    ]
    mappings = build_mapping_set(parse_mapping(document), parse_mapping(load_document("mapping/contact")))
    bench.rules = replace(bench.rules, mappings=mappings)


_COPY_BATCH = (
    (
        "INSERT INTO batch (batch_id, source, created_at)"
        " SELECT %(new)s, source, created_at + interval '1 day' FROM batch WHERE batch_id = %(old)s"
    ),
    (
        "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, fetched_at)"
        " SELECT %(new)s, segment, page_number, row_number, payload, fetched_at + interval '1 day' FROM raw_lead"
        " WHERE batch_id = %(old)s"
    ),
    (
        "INSERT INTO lead (batch_id, raw_lead_id, segment, dievio_lead_id, is_weak_id, field_values, confidences,"
        " source_paths, flags, key_version, em, li, fn, ln, dm, co, fetched_at, normalized_at)"
        " SELECT %(new)s, n.raw_lead_id, l.segment, l.dievio_lead_id, l.is_weak_id, l.field_values, l.confidences,"
        " l.source_paths, l.flags, l.key_version, l.em, l.li, l.fn, l.ln, l.dm, l.co, n.fetched_at, n.fetched_at"
        " FROM lead AS l JOIN raw_lead AS o USING (raw_lead_id)"
        " JOIN raw_lead AS n ON n.batch_id = %(new)s AND n.row_number = o.row_number WHERE l.batch_id = %(old)s"
    ),
)

"""Run reports for tests: a good night, to be varied by what a test is about."""

from dataclasses import replace
from typing import Any

from lead_pipeline.domain.run_report import GateLine, RunReport, SegmentLine


def build_gate(name: str = "sync_salesforce__readback__formats", **changes: Any) -> GateLine:
    """A passed blocking gate over ten rows."""
    line = GateLine(
        name=name,
        stage="readback",
        passed=True,
        is_blocking=True,
        checked=10,
        count=0,
        failed_ids=(),
        description="all 10 records hold clean formats",
        next_step="",
    )
    return replace(line, **changes)


def build_segment(**changes: Any) -> SegmentLine:
    """A saved search that was pulled to its end."""
    line = SegmentLine(
        segment="us_saas_executives", state="exhausted", reason="", rows=10, total=10, credits=10, uncertain_credits=0
    )
    return replace(line, **changes)


def build_report(**changes: Any) -> RunReport:
    """Ten rows delivered: 4 created, 3 updated, 1 skipped, 1 in review, 1 in quarantine; every gate passed."""
    report = RunReport(
        batch_id="2026-11-20",
        run_id="run-1",
        made_at="2026-11-21T02:20:00+00:00",
        mapping_version="1-abc",
        duration_seconds=12.5,
        delivered=10,
        distinct_leads=9,
        quarantined=1,
        created=4,
        updated=3,
        skipped=1,
        review=1,
        dead_letter=0,
        unsettled=0,
        unknown=0,
        credits=10,
        batch_credits=10,
        salesforce_calls=9,
        dievio_calls=1,
        writes=7,
        fields_changed=5,
        segments=(build_segment(),),
        field_lines=(),
        matches=(),
        skip_reasons=(),
        review_reasons=(),
        quarantine_reasons=(),
        dead_letters=(),
        handovers=(),
        gates=(build_gate(),),
    )
    return replace(report, **changes)

"""The gates before and behind the write: whether what a stage left in the database may go on.

One function per gate, from rows to a finding. The registry that names, orders and records them is `gates`; the nine
gates over what Salesforce holds afterwards are `post_sync_gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import psycopg

from lead_pipeline.domain.directory_fields import MIRRORED_OBJECTS
from lead_pipeline.domain.drift import find_drift
from lead_pipeline.domain.field_findings import FIELD_CODES
from lead_pipeline.domain.gate_settings import GateSettings
from lead_pipeline.domain.leads import RawLead
from lead_pipeline.domain.plan_schemas import (
    MatchResultModel,
    NoAmbiguousLinkModel,
    SyncPlanModel,
    build_match_frame,
    build_plan_frame,
)
from lead_pipeline.domain.pulling import PullReason
from lead_pipeline.domain.quality import GateFinding, fail_rows, inspect_frame, join_findings
from lead_pipeline.domain.schemas import RawLeadModel, StagedLeadModel, build_raw_frame, build_staged_frame
from lead_pipeline.store import gates, leads
from lead_pipeline.store.companies import read_doubtful_accounts
from lead_pipeline.store.directory import latest_counts
from lead_pipeline.store.field_drift import read_field_drift
from lead_pipeline.store.org_facts import read_findings

ID_COLUMN = "dievio_lead_id"
PAGE_LEADS = 5_000  # staged leads in memory at a time
MOST_KEYS = 10  # new keys named in a remark
MOST_IDS = 1_000  # failing rows fetched; a gate shows 20 of them
COUNT_TOLERANCE = 0.001  # share: records that people create or delete between our reading and our counting
MAX_SHARE_DROP = 0.5  # a key that loses half of its rows against the last batch was renamed or is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What a gate may look at."""

    connection: psycopg.Connection[Any]
    batch_id: str
    settings: GateSettings
    at: datetime  # when the gates look


GateCheck = Callable[[GateContext], GateFinding]


def check_raw_contract(context: GateContext) -> GateFinding:
    """All but a few of the delivered rows keep their contract; the few were read as they are or wait in quarantine."""
    pages = leads.read_rows(context.connection, context.batch_id)
    finding = join_findings(_raw_finding(page) for page in pages)
    if finding.failed_count > context.settings.max_unreadable_share * finding.checked_count:
        return finding
    remarks = tuple(f"Tolerated: {words} ({count:,})" for words, count in (finding.faults or {}).items())
    return GateFinding(checked_count=finding.checked_count, remarks=remarks)


def _raw_finding(page: Sequence[RawLead]) -> GateFinding:
    broken = [str(row.raw_lead_id) for row in page if not isinstance(row.payload, Mapping)]
    finding = fail_rows("rows are no objects", broken, checked_count=len(broken))
    return finding.join(inspect_frame(build_raw_frame(page), RawLeadModel, id_column="raw_lead_id"))


def check_drift(context: GateContext) -> GateFinding:
    """No key that the mapping expects, or that the last batch delivered, has vanished."""
    before = gates.read_key_shares(context.connection, "list_known_keys", context.batch_id)
    now = gates.read_key_shares(context.connection, "list_key_shares", context.batch_id)
    rare = sorted(key for key, share in before.items() if now and now.get(key, 0.0) < share * (1 - MAX_SHARE_DROP))
    finding = fail_rows("keys of the last batch vanished or became rare", rare, checked_count=len(before))
    return finding.join(_mapping_drift(context))


def _mapping_drift(context: GateContext) -> GateFinding:
    source = context.settings.source
    if source is None:
        return GateFinding()
    keys = leads.count_payload_keys(context.connection, context.batch_id, raw_objects=source.raw_objects)
    drift = find_drift(keys.key_counts, row_count=keys.row_count, mapping=source)
    renamed = tuple(f"{entry.field} may now be called {entry.new_key}" for entry in drift.renamed)
    gone = [*drift.missing, *(entry.field for entry in drift.renamed)]
    finding = fail_rows("expected values are gone from every row", gone, checked_count=len(source.expected))
    news = (f"new keys: {', '.join(list(drift.new_keys)[:MOST_KEYS])}",) if drift.new_keys else ()
    return finding.join(GateFinding(remarks=(*renamed, *news)))


def check_complete_pull(context: GateContext) -> GateFinding:
    """Every stored page was taken apart whole, and no search ended before its last row or its limit."""
    pulls = gates.read_segment_pulls(context.connection, context.batch_id)
    lost = [pull.segment for pull in pulls if not pull.kept_rows == pull.page_rows == pull.rows_received]
    torn = [pull.segment for pull in pulls if pull.pages != pull.page_span]
    short = [pull.segment for pull in pulls if pull.state == "exhausted" and pull.rows_received < _expected_rows(pull)]
    findings = (
        fail_rows("segments hold other rows than their pages", lost, checked_count=len(pulls)),
        fail_rows("segments lack a page", torn, checked_count=0),
        fail_rows("segments ended before their last row", short, checked_count=0),
        GateFinding(remarks=tuple(f"{p.segment} is {p.state}" for p in pulls if p.state in {"paused", "failed"})),
    )
    return join_findings(findings)


def _expected_rows(pull: gates.SegmentPull) -> int:
    """Return how many rows this batch alone had to bring, as far as anybody knows."""
    if pull.total_count is None or pull.reason == PullReason.CONTINUED_LATER:
        return 0
    return min(pull.total_count, pull.max_results) - pull.rows_before


def check_staged_leads(context: GateContext) -> GateFinding:
    """Every delivered row is a well-formed lead or in quarantine, not both and not neither."""
    stray = gates.read_ids(context.connection, "list_rows_without_place", batch_id=context.batch_id, most=MOST_IDS)
    staged = leads.read_leads(context.connection, context.batch_id)
    pages = iter(lambda: list(islice(staged, PAGE_LEADS)), [])
    finding = join_findings(
        inspect_frame(build_staged_frame(page), StagedLeadModel, id_column=ID_COLUMN) for page in pages
    )
    return finding.join(fail_rows("rows are neither lead nor in quarantine, or both", stray, checked_count=len(stray)))


def check_one_person_once(context: GateContext) -> GateFinding:
    """No two leads of the batch are the same person."""
    repeated = gates.read_ids(context.connection, "list_repeated_persons", batch_id=context.batch_id)
    total = gates.read_count(context.connection, "count_leads", batch_id=context.batch_id)
    return fail_rows("leads are the same person as another one", repeated, checked_count=total)


def check_directory(context: GateContext) -> GateFinding:
    """Every object was read, the roster is there, and mirror and org count the same records."""
    counts = latest_counts(context.connection)
    unread = sorted(set(MIRRORED_OBJECTS) - {count.object_name for count in counts})
    apart = [
        count.object_name
        for count in counts
        if abs(count.org_count - count.mirror_count) > max(1, count.org_count * COUNT_TOLERANCE)
    ]
    roster = gates.read_count(context.connection, "count_active_roster")
    findings = (
        fail_rows("objects were never read and counted", unread, checked_count=len(MIRRORED_OBJECTS)),
        fail_rows("objects hold other counts than the org", apart, checked_count=0),
        fail_rows("rosters are empty", () if roster else ("roster",), checked_count=1),
    )
    return join_findings(findings)


def check_org_fields(context: GateContext) -> GateFinding:
    """Nothing that the last look at the org found keeps a value of the mapping from being written."""
    findings = read_findings(context.connection)
    lost = [finding.subject for finding in findings if finding.code in FIELD_CODES]
    return fail_rows("fields are gone, locked, narrower or of another kind", lost, checked_count=len(findings))


def check_fields_held(context: GateContext) -> GateFinding:
    """No field of the mapping was taken away, locked or made smaller while the plan was carried out."""
    drifted = read_field_drift(context.connection, context.batch_id)
    lost = list(dict.fromkeys(entry.subject for entry in drifted))
    return fail_rows("fields changed during the write and were switched off", lost, checked_count=len(lost))


def check_match_results(context: GateContext) -> GateFinding:
    """Every match result has a form that planning can rely on."""
    frame = build_match_frame(gates.read_rows(context.connection, "list_match_rows", batch_id=context.batch_id))
    return inspect_frame(frame, MatchResultModel, id_column=ID_COLUMN)


def check_no_ambiguous_link(context: GateContext) -> GateFinding:
    """Nothing uncertain was linked."""
    frame = build_match_frame(gates.read_rows(context.connection, "list_match_rows", batch_id=context.batch_id))
    columns = list(NoAmbiguousLinkModel.to_schema().columns)
    return inspect_frame(frame[columns], NoAmbiguousLinkModel, id_column=ID_COLUMN)


def check_plan(context: GateContext) -> GateFinding:
    """Every decision has a form that the write can rely on, and every person of the batch has one."""
    frame = build_plan_frame(gates.read_rows(context.connection, "list_plan_rows", batch_id=context.batch_id))
    unplanned = gates.read_ids(context.connection, "list_unplanned_leads", batch_id=context.batch_id)
    doubtful = read_doubtful_accounts(context.connection, context.batch_id)
    findings = (
        inspect_frame(frame, SyncPlanModel, id_column=ID_COLUMN),
        fail_rows("leads have no decision", unplanned, checked_count=len(unplanned)),
        fail_rows("leads name an Account that is not the only one of their company", doubtful, checked_count=0),
    )
    return join_findings(findings)


def check_risk_box(context: GateContext) -> GateFinding:
    """The plan stays within what a normal night does, and keeps off protected fields."""
    settings = context.settings
    risk = gates.read_plan_risk(context.connection, context.batch_id, protected_fields=settings.protected_fields)
    unsafe = gates.read_ids(context.connection, "list_unsafe_links", batch_id=context.batch_id)
    share = risk.replaced_values / risk.filled_values if risk.filled_values else 0.0
    is_over_creates = risk.creates > settings.max_creates
    is_over_share = share > settings.max_changed_share
    findings = (
        GateFinding(checked_count=risk.leads),
        fail_rows("updates touch a protected field", risk.protected_ids, checked_count=0),
        fail_rows("updates go to a record that is not the certain match", unsafe, checked_count=0),
        fail_rows(
            f"the plan creates {risk.creates:,} leads, {settings.max_creates:,} are allowed",
            ("creates",) if is_over_creates else (),
            checked_count=0,
        ),
        fail_rows(
            f"the plan replaces {share:.0%} of the values it finds, {settings.max_changed_share:.0%} are allowed",
            ("replaced_values",) if is_over_share else (),
            checked_count=0,
        ),
    )
    return join_findings(findings)


def check_conservation(context: GateContext) -> GateFinding:
    """Every delivered row has its outcome, every commit its entry in the log, and no write is open."""
    connection, batch_id = context.connection, context.batch_id
    findings = (
        fail_rows(
            "delivered rows have no outcome",
            gates.read_ids(connection, "list_unconserved_rows", batch_id=batch_id, most=MOST_IDS),
            checked_count=gates.read_count(connection, "count_raw_rows", batch_id=batch_id),
        ),
        fail_rows(
            "rows count as written without a proven write, or a write has no entry in the log",
            gates.read_ids(connection, "list_outcomes_without_proof", batch_id=batch_id, most=MOST_IDS),
            checked_count=0,
        ),
        fail_rows(
            "writes have no known end",
            gates.read_ids(connection, "list_open_writes", batch_id=batch_id, most=MOST_IDS),
            checked_count=0,
        ),
    )
    return join_findings(findings)


def check_routing(context: GateContext) -> GateFinding:
    """Every created lead reached an owner who may own leads, or stayed with the person who took it."""
    wrong = gates.read_ids(context.connection, "list_wrong_handovers", batch_id=context.batch_id)
    total = gates.read_count(context.connection, "count_created", batch_id=context.batch_id)
    return fail_rows("created leads reached nobody who may own leads", wrong, checked_count=total)

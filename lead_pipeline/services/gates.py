"""The gates of a batch: what they are called, in which order they stand, and what they answered.

Answers are kept in the product's own table. Writes and hand-overs ask there and fail closed: a gate that failed, never
ran, or looked before the last write stops them, whoever started the run. What a gate demands is `stage_gates` and
`post_sync_gates`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lead_pipeline.domain import post_sync
from lead_pipeline.domain.gate_settings import GateSettings
from lead_pipeline.domain.quality import GateFinding, GateResult, say_result
from lead_pipeline.errors import GateClosedError
from lead_pipeline.services import enrichment_gates, post_sync_gates, stage_gates
from lead_pipeline.services.post_sync_gates import WrittenCheck, walk_written
from lead_pipeline.services.stage_gates import GateCheck, GateContext
from lead_pipeline.services.writing.ports import Clock
from lead_pipeline.store import gates
from lead_pipeline.store.database import Database

#: Stages in the order of a lead's way.
CONSERVATION_GATE = "sync_salesforce__writes__conservation"
STAGES = ("raw", "stg", "directory", "enrichments", "matches", "plan", "writes", "readback", "handover")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDefinition:
    """One gate. `subject` names in the plural what it looks at, `next_step` what to do when it fails."""

    name: str
    stage: str
    title: str
    subject: str
    check: GateCheck | WrittenCheck
    next_step: str
    is_blocking: bool = True


_LOOK_AND_MEND = "Look at these records in Salesforce, mend them or correct the mapping, then run the batch again"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")  # the batch of a night is named by its day

_DEFINITIONS = (
    GateDefinition(
        name="raw_dievio__leads__contract",
        stage="raw",
        title="Delivered rows keep their contract, but for a few.",
        subject="delivered rows",
        check=stage_gates.check_raw_contract,
        next_step="Compare the stored page with the source mapping; Dievio may have changed its answer",
    ),
    GateDefinition(
        name="raw_dievio__leads__drift",
        stage="raw",
        title="No key that was delivered before has vanished.",
        subject="known keys",
        check=stage_gates.check_drift,
        next_step="Map the new name of the key in the source mapping",
        is_blocking=False,
    ),
    GateDefinition(
        name="raw_dievio__leads__complete_pull",
        stage="raw",
        title="Every page was stored and taken apart whole, and no search was cut short.",
        subject="segments",
        check=stage_gates.check_complete_pull,
        next_step="Run the batch again: it goes on at the first missing page and buys nothing twice",
    ),
    GateDefinition(
        name="stg_dievio__leads__schema",
        stage="stg",
        title="Every delivered row is a clean lead or in quarantine with a reason.",
        subject="leads",
        check=stage_gates.check_staged_leads,
        next_step="Correct the source mapping or the rule of the field, then run the batch again",
    ),
    GateDefinition(
        name="stg_dievio__leads__one_person_once",
        stage="stg",
        title="A person stands in the batch once.",
        subject="leads",
        check=stage_gates.check_one_person_once,
        next_step="Report these leads: the second copy of a person should point to the first",
    ),
    GateDefinition(
        name="stg_salesforce__directory__complete",
        stage="directory",
        title="The mirror of the org is complete.",
        subject="parts of the mirror",
        check=stage_gates.check_directory,
        next_step="Give the integration user View All on Leads, Contacts and Accounts, then run the batch again",
    ),
    GateDefinition(
        name="stg_salesforce__directory__fields",
        stage="directory",
        title="The fields that the mapping writes are there, as wide and as open as it counts on.",
        subject="findings",
        check=stage_gates.check_org_fields,
        next_step="Run `lead-pipeline doctor`: it names the repair of each; leads went on without the field meanwhile",
        is_blocking=False,
    ),
    GateDefinition(
        name="core_leads__enrichments__within_budget",
        stage="enrichments",
        title="Enrichment stayed within the credits of every day it asked on.",
        subject="limits",
        check=enrichment_gates.check_budget,
        next_step="Report it: calls are booked before they leave, so that no limit can be passed. "
        "If a limit was lowered meanwhile, run the batch again tomorrow",
    ),
    GateDefinition(
        name="core_leads__enrichments__confidence",
        stage="enrichments",
        title="Every found value has its confidence, and no uncertain one counts as fact.",
        subject="found values",
        check=enrichment_gates.check_confidence,
        next_step="Run the batch again; if it fails again, report these leads",
    ),
    GateDefinition(
        name="core_leads__enrichments__undisturbed",
        stage="enrichments",
        title="Every provider answered, and the budget reached for everybody.",
        subject="people to look up",
        check=enrichment_gates.check_undisturbed,
        next_step="The night goes on without. Raise the budget, top up the balance or wait for the provider: "
        "people who got no answer wait in the retry queue",
        is_blocking=False,
    ),
    GateDefinition(
        name="core_leads__matches__schema",
        stage="matches",
        title="Match results are complete and well-formed.",
        subject="match results",
        check=stage_gates.check_match_results,
        next_step="Run the batch again; if it fails again, report these leads",
    ),
    GateDefinition(
        name="core_leads__matches__no_ambiguous_link",
        stage="matches",
        title="Nothing uncertain was linked.",
        subject="match results",
        check=stage_gates.check_no_ambiguous_link,
        next_step="Correct the matching rules: these leads belong in the review queue",
    ),
    GateDefinition(
        name="core_leads__sync_plan__schema",
        stage="plan",
        title="Every lead has a well-formed decision.",
        subject="decisions",
        check=stage_gates.check_plan,
        next_step="Run the batch again; if it fails again, report these leads",
    ),
    GateDefinition(
        name="core_leads__sync_plan__risk_box",
        stage="plan",
        title="The plan does no more than a normal night.",
        subject="decisions",
        check=stage_gates.check_risk_box,
        next_step="Look at the plan; when it is meant so, raise the threshold in gates.yaml and run the batch again",
    ),
    GateDefinition(
        name=CONSERVATION_GATE,
        stage="writes",
        title="Every delivered row ended in exactly one outcome.",
        subject="delivered rows",
        check=stage_gates.check_conservation,
        next_step="Run the batch again: it settles what is open and goes on with the rest",
    ),
    GateDefinition(
        name="sync_salesforce__writes__fields",
        stage="writes",
        title="The fields that the mapping writes stayed as they were until the last write.",
        subject="changes of fields",
        check=stage_gates.check_fields_held,
        next_step="Run `lead-pipeline doctor`: it names the repair of each; leads went on without the field meanwhile",
        is_blocking=False,
    ),
    GateDefinition(
        name="sync_salesforce__readback__record_count",
        stage="readback",
        title="Every lead has its outcome, and every written record exists.",
        subject="leads",
        check=post_sync_gates.check_record_count,
        next_step="Look in the recycle bin of Salesforce for these records and restore them, then run the batch again",
    ),
    GateDefinition(
        name="sync_salesforce__readback__required_fields",
        stage="readback",
        title="Created records have every required field.",
        subject="required fields",
        check=post_sync_gates.over_fields(post_sync.check_required_fields, post_sync.RequiredFieldsModel),
        next_step=_LOOK_AND_MEND,
    ),
    GateDefinition(
        name="sync_salesforce__readback__spot_check",
        stage="readback",
        title="A sample over all segments and edge cases holds what was written.",
        subject="sampled values",
        check=post_sync_gates.check_spots,
        next_step="Find out which automation or person changed these records, then run the batch again",
    ),
    GateDefinition(
        name="sync_salesforce__readback__no_truncation",
        stage="readback",
        title="Texts stand in full, or cut as the mapping declares.",
        subject="written texts",
        check=post_sync_gates.over_fields(post_sync.check_whole_texts, post_sync.NoTruncationModel),
        next_step="Lengthen the field, or declare a trim in the mapping, then run the batch again",
    ),
    GateDefinition(
        name="sync_salesforce__readback__duplicates",
        stage="readback",
        title="Nobody has a second record.",
        subject="written records",
        check=post_sync_gates.check_duplicates,
        next_step="Answer the questions in `lead-pipeline review list --reason twin_created`, merge the records of one "
        "person in Salesforce, then run the batch again",
    ),
    GateDefinition(
        name="sync_salesforce__readback__formats",
        stage="readback",
        title="Phones, e-mails, countries and links have their form.",
        subject="written values",
        check=post_sync_gates.over_fields(post_sync.check_formats, post_sync.FormatsModel),
        next_step=_LOOK_AND_MEND,
    ),
    GateDefinition(
        name="sync_salesforce__readback__ownership",
        stage="readback",
        title="New leads wait with the holding owner.",
        subject="created records",
        check=post_sync_gates.over_owners(),
        next_step="Find out which assignment rule or flow took these leads, switch it off for the integration user, "
        "give them back to the holding owner, then run the batch again",
    ),
    GateDefinition(
        name="sync_salesforce__readback__source_attribution",
        stage="readback",
        title="New leads say where they come from.",
        subject="source fields",
        check=post_sync_gates.over_fields(post_sync.check_source_attribution, post_sync.SourceAttributionModel),
        next_step=_LOOK_AND_MEND,
    ),
    GateDefinition(
        name="sync_salesforce__readback__freshness",
        stage="readback",
        title="Time stamps of sync and enrichment were written.",
        subject="time stamps",
        check=post_sync_gates.over_fields(post_sync.check_freshness, post_sync.FreshnessModel),
        next_step=_LOOK_AND_MEND,
    ),
    GateDefinition(
        name="sync_salesforce__handovers__routing",
        stage="handover",
        title="Every new lead reached an owner who may own leads.",
        subject="created leads",
        check=stage_gates.check_routing,
        next_step="Correct the routing rules or the roster, then run the batch again: it hands over what is left",
    ),
)

GATES: Mapping[str, GateDefinition] = {definition.name: definition for definition in _DEFINITIONS}


def evaluate_gate(
    database: Database, gate: str, *, batch_id: str, run_id: str, now: Clock, config: GateSettings
) -> GateResult:
    """Run one gate over a batch, keep its answer and return it.

    A gate without a single row to look at passes and says so.

    Args:
        database: The product's database.
        gate: A name of `GATES`.
        batch_id: The batch.
        run_id: The run that asks.
        now: The clock, aware UTC.
        config: Thresholds and field lists.
    """
    (result,) = evaluate_gates(database, [gate], batch_id=batch_id, run_id=run_id, now=now, config=config)
    return result


def evaluate_gates(
    database: Database, names: Sequence[str], *, batch_id: str, run_id: str, now: Clock, config: GateSettings
) -> list[GateResult]:
    """Run several gates over a batch as `evaluate_gate` runs one, and return their answers in the order of the names.

    Gates that look at every written record look at the same reading of it.
    """
    definitions = [GATES[name] for name in names]
    with database.transaction() as connection:
        context = GateContext(connection=connection, batch_id=batch_id, settings=config, at=now())
        findings = _find(context, definitions)
        results = [_result(definition, findings[definition.name]) for definition in definitions]
        for result in results:
            gates.save_gate_result(connection, result, batch_id=batch_id, run_id=run_id, checked_at=now())
    return results


def require_gates(database: Database, *, batch_id: str, stage: str) -> None:
    """Let a stage begin only if every blocking gate of the stages before it has passed.

    Args:
        database: The product's database.
        batch_id: The batch.
        stage: The stage that wants to begin, one of `STAGES`.

    Raises:
        GateClosedError: A gate failed, never ran, or looked before the last write.
    """
    earlier = STAGES[: STAGES.index(stage)]
    with database.transaction() as connection:
        passed = gates.read_passed_gates(connection, batch_id)
        failed = gates.read_failed_gates(connection, batch_id)
    closed = tuple(
        definition.name
        for definition in _DEFINITIONS
        if definition.is_blocking and definition.stage in earlier and definition.name not in passed
    )
    if closed:
        raise GateClosedError(batch_id, closed, next_step=_way_out(batch_id, [g for g in closed if g not in failed]))


def _way_out(batch_id: str, unasked: Sequence[str]) -> str:
    """Say what to do about closed gates; a day from before an upgrade lacks answers of gates that came with it."""
    if not unasked:
        return f"`lead-pipeline gates --date {batch_id}` names the next step"
    place = f"`lead-pipeline run --date {batch_id}`" if _DAY.fullmatch(batch_id) else "its job in `lead-pipeline ui`"
    return (
        f"{len(unasked)} of them {'has' if len(unasked) == 1 else 'have'} no answer since the last write or upgrade: "
        f"run the batch again, which buys and writes nothing twice: {place}"
    )


def _find(context: GateContext, definitions: Sequence[GateDefinition]) -> dict[str, GateFinding]:
    written = {entry.name: entry.check for entry in definitions if isinstance(entry.check, WrittenCheck)}
    findings = walk_written(context, written)
    for entry in definitions:
        if not isinstance(entry.check, WrittenCheck):
            findings[entry.name] = entry.check(context)
    return findings


def _result(definition: GateDefinition, finding: GateFinding) -> GateResult:
    passed = finding.failed_count == 0
    return GateResult(
        gate=definition.name,
        stage=definition.stage,
        passed=passed,
        is_blocking=definition.is_blocking,
        checked_count=finding.checked_count,
        failed_count=finding.failed_count,
        failed_ids=finding.failed_ids,
        description=say_result(finding, subject=definition.subject),
        next_step="" if passed else f"{definition.next_step}.",
    )

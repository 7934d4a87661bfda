"""Plans the open leads of a batch: one decision per lead, the risk box, and what carrying it out will cost.

What to decide belongs to `domain/planning`; carrying it out, outcomes included, to `services/write`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import psycopg

from lead_pipeline.domain.call_costs import CallEstimate, estimate_calls, estimate_credits
from lead_pipeline.domain.campaigns import NO_CAMPAIGNS, CampaignRules
from lead_pipeline.domain.companies import NO_COMPANIES, CompanyPolicy
from lead_pipeline.domain.decisions import Decision, SyncDecision
from lead_pipeline.domain.field_drift import FieldPasts, find_shrunk_fields
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.domain.planning import PlanRules, plan_lead
from lead_pipeline.domain.preflight import GapCode, MappingGap, check_mapping
from lead_pipeline.domain.suppression import leave_alone
from lead_pipeline.errors import ConfigurationError, InvalidDocumentError, SchemaUnknownError, StageMissingError
from lead_pipeline.problems import ConfigurationProblem
from lead_pipeline.services.find_accounts import find_accounts
from lead_pipeline.store import plans
from lead_pipeline.store.bulk import STATISTICS_LEADS
from lead_pipeline.store.campaigns import count_expected
from lead_pipeline.store.companies import count_account_matches
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import doubt_org_schemas, find_org_schema
from lead_pipeline.store.field_drift import read_drifted_subjects, read_field_pasts
from lead_pipeline.store.leases import take_turn
from lead_pipeline.store.org_facts import had_owner_guard, had_update_guard

PLANNED_OBJECTS = ("Lead", "Contact")
WRITING_DECISIONS = (Decision.CREATE, Decision.UPDATE)
GUARDED_FIELDS = ("OwnerId", "Status")  # whose change by a plan would be felt by every rep at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """The plan of a batch in numbers; leads that an earlier run settled are included but where it says otherwise."""

    leads: int  # planned by this call
    decisions: Mapping[str, int]
    open_decisions: Mapping[str, int]  # about leads without an outcome: what a run would still do
    reasons: Mapping[str, int]  # "decision: reason code" -> leads
    field_verdicts: Mapping[str, int]  # "policy: verdict" -> fields of leads to be written
    creates: int
    replaced_values: int  # values in place that would be replaced, the integration's own fields apart
    guarded_touches: int  # planned changes of owner or status; anything but 0 is a fault of the mapping
    calls: CallEstimate  # for what is still to do
    credits_at_most: int
    mapping_version: str
    gaps: tuple[MappingGap, ...] = field(default_factory=tuple)
    accounts: Mapping[str, int] = field(default_factory=dict)  # what the look-ups of companies found -> leads
    memberships: Mapping[str, int] = field(default_factory=dict)  # Campaign -> people a run would add

    @property
    def writes_to_do(self) -> int:
        """How many records a run would still write."""
        return sum(self.open_decisions.get(kind, 0) for kind in WRITING_DECISIONS)

    @property
    def has_work(self) -> bool:
        """Whether a run would change anything in the org."""
        return self.writes_to_do > 0 or bool(self.memberships)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        left_out = sorted(f"{gap.object_name}.{gap.field}" for gap in self.gaps if gap.is_left_out)
        return {
            "leads": self.leads,
            "leads_settled": sum(self.decisions.values()) - sum(self.open_decisions.values()),
            **{f"still to {kind}": self.open_decisions.get(kind, 0) for kind in WRITING_DECISIONS},
            **{decision.value: self.decisions.get(decision, 0) for decision in Decision},
            **{f"reason {name}": count for name, count in sorted(self.reasons.items())},
            **{f"account {name}": count for name, count in self.accounts.items()},
            **{f"fields {name}": count for name, count in sorted(self.field_verdicts.items())},
            "replaced_values": self.replaced_values,
            "guarded_touches": self.guarded_touches,
            **self._campaigns_as_metadata(),
            "salesforce_calls": self.calls.total,
            "credits_at_most": self.credits_at_most,
            "mapping_version": self.mapping_version,
            "fields_left_out": ", ".join(left_out),
        }

    def _campaigns_as_metadata(self) -> dict[str, int]:
        if not self.memberships:
            return {}
        return {"campaign_members_to_add": sum(self.memberships.values()), "campaign_calls": self.calls.campaigns}


def plan_batch(
    database: Database,
    mappings: MappingSet,
    *,
    batch_id: str,
    now: Callable[[], datetime],
    dievio_lead_ids: Collection[str] | None = None,
    companies: CompanyPolicy = NO_COMPANIES,
    campaigns: CampaignRules = NO_CAMPAIGNS,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> PlanSummary:
    """Decide about the leads of a batch that have no outcome yet; earlier decisions about them are replaced.

    Args:
        database: The product's database, the leads matched.
        mappings: Which value goes where, and when.
        batch_id: The batch.
        now: The clock, aware UTC.
        dievio_lead_ids: Only these leads, e.g. those whose records have changed.
        companies: Whether the Accounts of their companies are looked up.
        campaigns: Which Campaigns they become members of; counted here, added after the hand-over.
        on_progress: Told the stage, the leads done and, as far as known, the leads in all.

    Raises:
        StageMissingError: Some leads were never matched.
        SchemaUnknownError: The org was never asked what its fields are.
        ConfigurationError: The org has no field for our id, without which no write can be told apart, or a row of the
            mapping names a field that never was there, or cannot be meant for the type its field has there.
    """
    try:
        return _plan(
            database,
            mappings,
            batch_id=batch_id,
            planned_at=now(),
            dievio_lead_ids=dievio_lead_ids,
            companies=companies,
            campaigns=campaigns,
            on_progress=on_progress,
        )
    except ConfigurationError:
        # An administrator who mends the org now must not be told an hour long that it still is as it was.
        with database.transaction() as connection:
            doubt_org_schemas(connection)
        raise


def _plan(
    database: Database,
    mappings: MappingSet,
    *,
    batch_id: str,
    planned_at: datetime,
    dievio_lead_ids: Collection[str] | None,
    companies: CompanyPolicy,
    campaigns: CampaignRules,
    on_progress: Callable[[str, int, int], None] | None,
) -> PlanSummary:
    done = 0
    with database.transaction() as connection:
        take_turn(connection, batch_id)
        _require_matches(connection, batch_id)
        schemas = read_schemas(connection)
        pasts = {name: read_field_pasts(connection, name) for name in PLANNED_OBJECTS}
        rules = PlanRules(mappings=mappings, schemas=schemas, shrunk=_find_shrunk(mappings, schemas, pasts))
        gaps = _check_mappings(connection, rules, pasts, batch_id=batch_id)
        plans.delete_open_plans(connection, batch_id=batch_id, dievio_lead_ids=dievio_lead_ids)
        for page in plans.read_matched_leads(connection, batch_id=batch_id, dievio_lead_ids=dievio_lead_ids):
            entries = find_accounts(connection, companies, page, batch_id=batch_id, at=planned_at)
            plans.save_decisions(
                connection, [(_decide(entry, rules), _known_as_of(entry, planned_at)) for entry in entries]
            )
            done += len(page)
            if on_progress is not None:
                on_progress("plan", done, done)
        if done >= STATISTICS_LEADS:
            plans.refresh_statistics(connection)
        plans.set_mapping_version(connection, batch_id=batch_id, mapping_version=mappings.mapping_version)
        return _summarize(
            connection,
            batch_id=batch_id,
            leads=done,
            gaps=gaps,
            mapping_version=mappings.mapping_version,
            campaigns=campaigns,
        )


def _known_as_of(entry: plans.MatchedLead, planned_at: datetime) -> datetime:
    """Return the moment as of which a plan knows our writes: one whose end is still open it takes for unsent."""
    return min(planned_at, entry.open_since or planned_at)


def _find_shrunk(
    mappings: MappingSet, schemas: Mapping[str, ObjectSchema], pasts: Mapping[str, FieldPasts]
) -> dict[str, frozenset[str]]:
    return {name: find_shrunk_fields(mappings.for_object(name), schemas[name], pasts[name]) for name in PLANNED_OBJECTS}


def _check_mappings(
    connection: psycopg.Connection[Any], rules: PlanRules, pasts: Mapping[str, FieldPasts], *, batch_id: str
) -> tuple[MappingGap, ...]:
    """Return where the mapping and the org do not fit, and refuse what no run can do without."""
    gaps = tuple(
        gap
        for name in PLANNED_OBJECTS
        for gap in check_mapping(rules.mappings.for_object(name), rules.schemas[name], pasts[name])
    )
    _refuse_contradictions(gaps)
    _require_identity_field(rules.mappings, gaps)
    _refuse_unknown_fields(connection, rules.schemas, gaps, batch_id=batch_id)
    return gaps


def _decide(entry: plans.MatchedLead, rules: PlanRules) -> SyncDecision:
    if entry.is_suppressed:
        return leave_alone(entry.lead, entry.match, mapping_version=rules.mappings.mapping_version)
    return plan_lead(
        entry.lead,
        entry.match,
        target=entry.target,
        rules=rules,
        answers=entry.answers,
        standing=entry.standing,
    )


def _require_matches(connection: psycopg.Connection[Any], batch_id: str) -> None:
    unmatched = plans.count_unmatched_leads(connection, batch_id=batch_id)
    if unmatched:
        raise StageMissingError(batch_id, stage="match", count=unmatched)


def read_schemas(connection: psycopg.Connection[Any]) -> dict[str, ObjectSchema]:
    """Return object name -> its fields as the org last described them.

    Raises:
        SchemaUnknownError: The org was never asked.
    """
    schemas = {}
    for name in PLANNED_OBJECTS:
        known = find_org_schema(connection, name)
        if known is None:
            raise SchemaUnknownError(name)
        schemas[name] = known.schema
    return schemas


def _refuse_contradictions(gaps: Sequence[MappingGap]) -> None:
    problems = [
        ConfigurationProblem(f"mapping of {gap.object_name}", what=gap.message, repair="Change this row of the mapping")
        for gap in gaps
        if gap.is_contradiction
    ]
    if problems:
        raise InvalidDocumentError(problems)


def _require_identity_field(mappings: MappingSet, gaps: Sequence[MappingGap]) -> None:
    """Refuse an org whose Leads cannot carry our id, and name everything else that is missing with it."""
    missing = [gap.field for gap in gaps if gap.object_name == "Lead" and gap.is_left_out]
    if mappings.lead.identity_field in missing:
        raise ConfigurationError(
            "Salesforce object Lead",
            what=f"these fields are missing or not writable for our user: {', '.join(missing)}",
            repair="Create them and give the integration user access, then run again",
        )


def _refuse_unknown_fields(
    connection: psycopg.Connection[Any],
    schemas: Mapping[str, ObjectSchema],
    gaps: Sequence[MappingGap],
    *,
    batch_id: str,
) -> None:
    """Refuse a field that has to be made, is misspelt or of another kind; one that was right before is switched off."""
    wrong = [gap for gap in gaps if gap.code in {GapCode.FIELD_MISSING, GapCode.OF_OTHER_KIND} and not gap.is_dropped]
    known = plans.read_written_fields(connection, [gap.field for gap in wrong]) if wrong else frozenset()
    drifted = read_drifted_subjects(connection, batch_id) if wrong else frozenset()
    problems = [
        ConfigurationProblem(
            f"mapping of {gap.object_name}",
            what=f"the field {gap.message}",
            repair=_suggest_repair(gap, schemas[gap.object_name]),
        )
        for gap in wrong
        if gap.field not in known and f"{gap.object_name}.{gap.field}" not in drifted
    ]
    if problems:
        raise InvalidDocumentError(problems)


def _suggest_repair(gap: MappingGap, schema: ObjectSchema) -> str:
    if gap.code is GapCode.OF_OTHER_KIND:
        return "Map a field of the type that the row was written for, or correct its type"
    nearest = get_close_matches(gap.field, schema.fields, n=1)
    return f"Did you mean {nearest[0]}?" if nearest else "Create it and give our user access, or take the row out"


def _summarize(
    connection: psycopg.Connection[Any],
    *,
    batch_id: str,
    leads: int,
    gaps: tuple[MappingGap, ...],
    mapping_version: str,
    campaigns: CampaignRules,
) -> PlanSummary:
    decisions, still_open, reasons = _count_decisions(connection, batch_id)
    verdicts = {
        f"{row['policy']}: {row['verdict']}": row["fields"]
        for row in plans.count_planned_fields(connection, batch_id=batch_id)
    }
    memberships = count_expected(connection, batch_id, campaigns)
    risks = plans.count_risks(connection, batch_id=batch_id, guarded_fields=GUARDED_FIELDS)
    return PlanSummary(
        leads=leads,
        decisions=decisions,
        open_decisions=still_open,
        reasons=reasons,
        field_verdicts=verdicts,
        creates=decisions[Decision.CREATE],
        replaced_values=risks["replaced_values"],
        guarded_touches=risks["guarded_touches"],
        calls=estimate_calls(
            creates=still_open[Decision.CREATE],
            updates=still_open[Decision.UPDATE],
            has_owner_guard=had_owner_guard(connection),
            has_update_guard=had_update_guard(connection, "Lead"),
            memberships=memberships.values(),
        ),
        credits_at_most=estimate_credits(plans.read_segment_accounts(connection, batch_id=batch_id)),
        mapping_version=mapping_version,
        gaps=gaps,
        accounts=count_account_matches(connection, batch_id),
        memberships=memberships,
    )


def _count_decisions(connection: psycopg.Connection[Any], batch_id: str) -> tuple[Counter[str], ...]:
    """Return leads by decision, those of them without an outcome, and leads by decision and reason."""
    decisions, still_open, reasons = Counter[str](), Counter[str](), Counter[str]()
    for row in plans.count_decisions(connection, batch_id=batch_id):
        decisions[row["decision"]] += row["leads"]
        still_open[row["decision"]] += row["open_leads"]
        reasons[f"{row['decision']}: {row['reason_code']}"] += row["leads"]
    return decisions, still_open, reasons

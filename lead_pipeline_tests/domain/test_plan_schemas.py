"""What a match result and a plan must look like: the tidy frame passes, each fault is named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandera.pandas as pa
import pytest
from pandera.errors import SchemaErrors

from lead_pipeline.domain.matching import RuleName
from lead_pipeline.domain.plan_schemas import (
    MatchResultModel,
    NoAmbiguousLinkModel,
    SyncPlanModel,
    build_match_frame,
    build_plan_frame,
)

LINKED: dict[str, Any] = {
    "dievio_lead_id": "li:a",
    "grade": "certain",
    "rule": RuleName.EMAIL,
    "object_name": "Lead",
    "salesforce_id": "00Q1",
    "reason_code": "certain_match",
    "candidate_count": 1,
}
UNKNOWN = {
    **LINKED,
    "dievio_lead_id": "li:b",
    "grade": "none",
    "rule": None,
    "object_name": None,
    "salesforce_id": None,
    "candidate_count": 0,
}
UPDATE: dict[str, Any] = {
    "dievio_lead_id": "li:a",
    "decision": "update",
    "object_name": "Lead",
    "salesforce_id": "00Q1",
    "reason_code": "fields_changed",
    "mapping_version": "1-abc",
    "base_last_modified_at": datetime(2026, 5, 4, tzinfo=UTC),
}
CREATE = {
    **UPDATE,
    "dievio_lead_id": "li:b",
    "decision": "create",
    "salesforce_id": None,
    "base_last_modified_at": None,
}
REVIEW = {**CREATE, "dievio_lead_id": "li:c", "decision": "review", "object_name": None}
SKIP = {**UPDATE, "dievio_lead_id": "li:d", "decision": "skip", "salesforce_id": "00Q1"}


def faults(model: type[pa.DataFrameModel], frame: Any) -> set[str]:
    try:
        model.validate(frame, lazy=True)
    except SchemaErrors as error:
        return set(error.failure_cases["check"])
    return set()


def test_tidy_matches_pass() -> None:
    frame = build_match_frame([LINKED, UNKNOWN])
    assert faults(MatchResultModel, frame) == faults(NoAmbiguousLinkModel, frame) == set()


MATCH_FAULTS = {
    "leads have more than one match result": [LINKED, {**LINKED, "salesforce_id": "00Q2"}],
    "the grade is none of certain, possible, none": [{**UNKNOWN, "grade": "perhaps"}],
    "the rule is not one of the ladder": [{**LINKED, "rule": "BLOCK_X_MATCH_Y"}],
    "certain matches name no record": [{**LINKED, "salesforce_id": None}],
}


@pytest.mark.parametrize(("fault", "rows"), MATCH_FAULTS.items(), ids=list(MATCH_FAULTS))
def test_a_fault_of_a_match_is_named(fault: str, rows: list[dict[str, Any]]) -> None:
    assert faults(MatchResultModel, build_match_frame(rows)) == {fault}


LINK_FAULTS = {
    "leads are linked although more than one person fits": [{**LINKED, "candidate_count": 2}],
    "leads are linked without a certain match": [{**LINKED, "grade": "possible"}],
    "leads are linked by a rule that never links on its own": [{**LINKED, "rule": RuleName.NEAR_NAME}],
    "records are linked to more than one lead": [LINKED, {**LINKED, "dievio_lead_id": "li:c"}],
}


@pytest.mark.parametrize(("fault", "rows"), LINK_FAULTS.items(), ids=list(LINK_FAULTS))
def test_an_uncertain_link_is_named(fault: str, rows: list[dict[str, Any]]) -> None:
    assert faults(NoAmbiguousLinkModel, build_match_frame(rows)) == {fault}


def test_a_tidy_plan_passes() -> None:
    assert faults(SyncPlanModel, build_plan_frame([UPDATE, CREATE, REVIEW, SKIP])) == set()


PLAN_FAULTS = {
    "leads have more than one decision": [CREATE, CREATE],
    "the decision is none of create, update, skip, review": [{**SKIP, "decision": "merge"}],
    "creates name a record, or another object than Lead": [{**CREATE, "salesforce_id": "00Q1"}],
    "updates name no record, or not when it was last changed": [{**UPDATE, "base_last_modified_at": None}],
    "records are to be updated by more than one lead": [UPDATE, {**UPDATE, "dievio_lead_id": "li:e"}],
}


@pytest.mark.parametrize(("fault", "rows"), PLAN_FAULTS.items(), ids=list(PLAN_FAULTS))
def test_a_fault_of_a_plan_is_named(fault: str, rows: list[dict[str, Any]]) -> None:
    assert faults(SyncPlanModel, build_plan_frame(rows)) == {fault}


@pytest.mark.parametrize("row", [{**CREATE, "object_name": None}, {**CREATE, "object_name": "Contact"}])
def test_only_leads_are_created(row: dict[str, Any]) -> None:
    assert faults(SyncPlanModel, build_plan_frame([row])) == {"creates name a record, or another object than Lead"}

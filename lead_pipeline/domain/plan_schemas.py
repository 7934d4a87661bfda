"""What a match result and a plan must look like before anything is written: pandera models and their frames.

The texts of the checks are what people read when a gate fails. Running the gates is `services/gates`, the models of the
records after the write are `post_sync`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lead_pipeline.domain.decisions import Decision, MatchGrade
from lead_pipeline.domain.matching import NEVER_AUTOMATIC, RuleName

_CERTAIN = MatchGrade.CERTAIN.value
_NEVER_AUTOMATIC = [rule.value for rule in NEVER_AUTOMATIC]


class MatchResultModel(pa.DataFrameModel):
    """One row per matched lead."""

    dievio_lead_id: Series[pd.StringDtype] = pa.Field(description="id of the lead; one row each", nullable=False)
    grade: Series[pd.StringDtype] = pa.Field(description="how sure the match is: certain, possible or none")
    rule: Series[pd.StringDtype] = pa.Field(
        description="label of the rule that decided; blank without candidate", nullable=True
    )
    object_name: Series[pd.StringDtype] = pa.Field(description="Lead or Contact; certain matches only", nullable=True)
    salesforce_id: Series[pd.StringDtype] = pa.Field(description="the record; certain matches only", nullable=True)
    reason_code: Series[pd.StringDtype] = pa.Field(description="why the ladder answered so")
    candidate_count: Series[pd.Int64Dtype] = pa.Field(description="people that fit, not records")

    @pa.check("dievio_lead_id", name="leads have more than one match result")
    def _once(cls, value: Series[pd.StringDtype]) -> pd.Series[bool]:  # noqa: N805  # pandera binds the class
        return ~value.duplicated(keep=False)

    @pa.check("grade", name="the grade is none of certain, possible, none")
    def _known_grade(cls, value: Series[pd.StringDtype]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.isin([grade.value for grade in MatchGrade])

    @pa.check("rule", name="the rule is not one of the ladder")
    def _known_rule(cls, value: Series[pd.StringDtype]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.isin([rule.value for rule in RuleName])

    @pa.dataframe_check(name="certain matches name no record")
    def _certain_has_record(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        return (frame["grade"] != _CERTAIN) | (frame["salesforce_id"].notna() & frame["object_name"].notna())


class NoAmbiguousLinkModel(pa.DataFrameModel):
    """One row per matched lead: nothing uncertain may be linked."""

    dievio_lead_id: Series[pd.StringDtype] = pa.Field(description="id of the lead")
    grade: Series[pd.StringDtype] = pa.Field(description="how sure the match is")
    rule: Series[pd.StringDtype] = pa.Field(description="label of the rule that decided", nullable=True)
    salesforce_id: Series[pd.StringDtype] = pa.Field(description="the record that is linked", nullable=True)
    candidate_count: Series[pd.Int64Dtype] = pa.Field(description="people that fit")

    @pa.dataframe_check(name="leads are linked although more than one person fits")
    def _one_person(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        return frame["salesforce_id"].isna() | (frame["candidate_count"] == 1)

    @pa.dataframe_check(name="leads are linked without a certain match")
    def _certain(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        return frame["salesforce_id"].isna() | (frame["grade"] == _CERTAIN)

    @pa.dataframe_check(name="leads are linked by a rule that never links on its own")
    def _allowed_rule(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        return frame["salesforce_id"].isna() | ~frame["rule"].isin(_NEVER_AUTOMATIC)

    @pa.dataframe_check(name="records are linked to more than one lead")
    def _one_lead(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        return frame["salesforce_id"].isna() | ~frame["salesforce_id"].duplicated(keep=False)


class SyncPlanModel(pa.DataFrameModel):
    """One row per planned lead."""

    dievio_lead_id: Series[pd.StringDtype] = pa.Field(description="id of the lead; one row each")
    decision: Series[pd.StringDtype] = pa.Field(description="create, update, skip or review")
    object_name: Series[pd.StringDtype] = pa.Field(description="object to be written", nullable=True)
    salesforce_id: Series[pd.StringDtype] = pa.Field(
        description="record to be updated; blank for creates", nullable=True
    )
    reason_code: Series[pd.StringDtype] = pa.Field(description="why this was decided")
    mapping_version: Series[pd.StringDtype] = pa.Field(description="mapping the decision was made with")
    base_last_modified_at: Series[Any] = pa.Field(
        description="LastModifiedDate of the target as read, UTC; the condition of an update", nullable=True
    )

    @pa.check("dievio_lead_id", name="leads have more than one decision")
    def _once(cls, value: Series[pd.StringDtype]) -> pd.Series[bool]:  # noqa: N805  # as above
        return ~value.duplicated(keep=False)

    @pa.check("decision", name="the decision is none of create, update, skip, review")
    def _known_decision(cls, value: Series[pd.StringDtype]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.isin([decision.value for decision in Decision])

    @pa.dataframe_check(name="creates name a record, or another object than Lead")
    def _create_is_new(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        is_new_lead = frame["salesforce_id"].isna() & (frame["object_name"] == "Lead").fillna(value=False)
        return (frame["decision"] != Decision.CREATE.value) | is_new_lead

    @pa.dataframe_check(name="updates name no record, or not when it was last changed")
    def _update_has_target(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        has_target = frame["salesforce_id"].notna() & frame["base_last_modified_at"].notna()
        return (frame["decision"] != Decision.UPDATE.value) | has_target

    @pa.dataframe_check(name="records are to be updated by more than one lead")
    def _one_lead(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        is_update = frame["decision"] == Decision.UPDATE.value
        return ~is_update | ~frame["salesforce_id"].where(is_update).duplicated(keep=False)


_MATCH_TYPES = {
    "dievio_lead_id": "string",
    "grade": "string",
    "rule": "string",
    "object_name": "string",
    "salesforce_id": "string",
    "reason_code": "string",
    "candidate_count": "Int64",
}
_PLAN_TYPES = {
    "dievio_lead_id": "string",
    "decision": "string",
    "object_name": "string",
    "salesforce_id": "string",
    "reason_code": "string",
    "mapping_version": "string",
    "base_last_modified_at": "object",
}


def build_match_frame(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Lay out match results for `MatchResultModel` and `NoAmbiguousLinkModel`."""
    return pd.DataFrame(list(rows), columns=list(_MATCH_TYPES)).astype(_MATCH_TYPES)


def build_plan_frame(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Lay out decisions for `SyncPlanModel`."""
    return pd.DataFrame(list(rows), columns=list(_PLAN_TYPES)).astype(_PLAN_TYPES)

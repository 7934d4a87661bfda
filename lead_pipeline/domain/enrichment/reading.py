"""A row of a provider as findings: the same cleaning that a delivered lead gets, without asking whether it is a lead.

Which cell holds which value is the provider's source mapping. Which question the row answers is decided by the adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lead_pipeline.domain.confidence import judge_confidence
from lead_pipeline.domain.enrichment.questions import (
    CONTEXT_FIELDS,
    ENRICHABLE_FIELDS,
    AnswerState,
    Finding,
    Question,
    QuestionAnswer,
)
from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin, MatchKeys
from lead_pipeline.domain.match_keys import lead_keys
from lead_pipeline.domain.normalize.cells import Cells
from lead_pipeline.domain.normalize.lead import read_cells, read_freshness

#: Worth of a value that stands for another one, or of a kind nobody measured: below every usual threshold.
UNMEASURED_SHARE = 0.5

#: Values that are another value in other words, and exactly as sure.
_TOLD_BY: Mapping[str, str] = {"country_name": "country", "email_status": "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """How rows are read: the source mapping, and the org's picklist values by canonical field."""

    mapping: SourceMapping
    org_vocabulary: Mapping[str, frozenset[str]]

    def read(self, row: object, *, fetched_at: datetime) -> RowReading:
        """Return what a row that was just delivered says."""
        return read_row(row, self.mapping, fetched_at=fetched_at, org_vocabulary=self.org_vocabulary)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReading:
    """What a row says about a person.

    Attributes:
        findings: Canonical field -> finding.
        keys: By which the row is recognized as the answer to a question: profile slug, names, domain.
        observed_at: When the provider last looked, aware UTC.
    """

    findings: Mapping[str, Finding] = field(default_factory=dict)
    keys: MatchKeys = field(default_factory=MatchKeys)
    observed_at: datetime | None = None

    def answer(self, question: Question, *, state: AnswerState = AnswerState.FOUND) -> QuestionAnswer:
        """Return the row as the answer to a question."""
        return QuestionAnswer(
            dievio_lead_id=question.dievio_lead_id,
            state=state,
            findings=self.findings,
            observed_at=self.observed_at,
        )


def read_row(
    payload: object,
    mapping: SourceMapping,
    *,
    fetched_at: datetime,
    org_vocabulary: Mapping[str, frozenset[str]] | None = None,
) -> RowReading:
    """Return what a row of a provider says; one that is no object says nothing.

    Args:
        payload: The row as delivered.
        mapping: How rows of this provider are read.
        fetched_at: When it was delivered; a moment far behind it is no observation.
        org_vocabulary: Canonical field -> active picklist values of the org.
    """
    if not isinstance(payload, Mapping):
        return RowReading()
    cells, _name = read_cells(payload, mapping, org_vocabulary=org_vocabulary)
    findings = {
        name: Finding(value=value, confidence=_confidence_of(cells, name))
        for name, value in cells.values.items()
        if name in ENRICHABLE_FIELDS
    }
    return RowReading(
        findings=findings | _read_context(cells),
        keys=lead_keys(cells.values, personal_email=cells.personal_email),
        observed_at=read_freshness(cells, fetched_at),
    )


def _read_context(cells: Cells) -> dict[str, Finding]:
    return {
        name: Finding(
            value=text,
            confidence=judge_confidence(name, cells.policy, explicit=cells.row.explicit_confidences.get(name))
            or _unmeasured(),
        )
        for name in sorted(CONTEXT_FIELDS)
        if (text := cells.text(name)) is not None
    }


def _confidence_of(cells: Cells, name: str) -> Confidence:
    return cells.confidences.get(_TOLD_BY.get(name, name)) or _unmeasured()


def _unmeasured() -> Confidence:
    return Confidence(share=UNMEASURED_SHARE, origin=ConfidenceOrigin.PRIOR)

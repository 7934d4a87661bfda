"""Whom an entry of the suppression list names, and what it means for a lead."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.decisions import Decision, MatchGrade, MatchResult
from lead_pipeline.domain.suppression import SuppressionKind, leave_alone, read_suppression_key
from lead_pipeline_tests.domain.plan_builders import lead


@pytest.mark.parametrize(
    ("kind", "text", "alias"),
    [
        (SuppressionKind.LEAD, " li:jane-doe ", "li:jane-doe"),
        (SuppressionKind.EMAIL, "Jane.Doe@Acme.com", "jane.doe@acme.com"),
        (SuppressionKind.EMAIL, "info@acme.com", None),  # several people read it: no lead is keyed by it
        (SuppressionKind.EMAIL, "jane.doe", None),
        (SuppressionKind.LINKEDIN, "de.linkedin.com/in/Jane-Doe/?trk=x", "jane-doe"),
        (SuppressionKind.LINKEDIN, "https://www.linkedin.com/company/acme", None),
        (SuppressionKind.DOMAIN, "https://www.Acme.co.uk/team", "acme.co.uk"),
        (SuppressionKind.DOMAIN, "gmail.com", None),  # everybody with a private address is no company
        (SuppressionKind.LEAD, "  ", None),
    ],
)
def test_an_entry_is_spelled_as_leads_are_keyed(kind: SuppressionKind, text: str, alias: str | None) -> None:
    key = read_suppression_key(kind, text)

    assert (key.alias if key else None) == alias
    assert key is None or key.kind is kind


def test_whoever_is_suppressed_is_skipped_and_the_record_is_named() -> None:
    match = MatchResult(
        dievio_lead_id="li:a",
        grade=MatchGrade.CERTAIN,
        rule="external_id",
        object_name="Lead",
        salesforce_id="00Q1",
        reason_code="external_id",
        reason="same id",
        candidate_count=1,
    )

    decision = leave_alone(lead(), match, mapping_version="1")

    assert (decision.decision, decision.reason_code, decision.changes()) == (Decision.SKIP, "suppressed", {})
    assert (decision.object_name, decision.salesforce_id) == ("Lead", "00Q1")

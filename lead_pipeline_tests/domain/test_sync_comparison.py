"""Source and destination side by side: what agrees, what was kept and why, what nobody can explain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.domain.decisions import ASKING_VERDICTS, FieldDecision, FieldVerdict
from lead_pipeline.domain.sync_comparison import (
    MOST_CONTESTED,
    Agreement,
    ComparedLead,
    ComparisonRules,
    FieldComparison,
    SyncComparison,
    Winner,
    compare_sync,
)
from lead_pipeline_tests.domain.plan_builders import mapping_set, org_schema

ID = "lead-1"
RULES = ComparisonRules(mappings=mapping_set(), schemas={"Lead": org_schema("Lead"), "Contact": org_schema("Contact")})


def decided(name: str, before: object, after: object, *, verdict: FieldVerdict) -> FieldDecision:
    return FieldDecision(field=name, before=before, after=after, policy="tracked", verdict=verdict, reason="why")


IDENTITY = decided("Dievio_Lead_ID__c", None, ID, verdict=FieldVerdict.SET_AT_CREATION)


def lead(*decisions: FieldDecision, held: dict[str, object] | None, **changes: object) -> ComparedLead:
    """A lead whose record carries its id and holds `held` beside."""
    entry = ComparedLead(
        dievio_lead_id=ID,
        object_name="Lead",
        salesforce_id="00Q000000000001AAA",
        source={},
        decisions=(IDENTITY, *decisions),
        held=None if held is None else {"Dievio_Lead_ID__c": ID, **held},
    )
    return replace(entry, **changes)  # type: ignore[arg-type]  # the fields of a lead


def compare(*leads: ComparedLead) -> SyncComparison:
    return compare_sync(leads, RULES, ended={"created": len(leads)})


def line_of(comparison: SyncComparison, name: str) -> FieldComparison:
    (line,) = [line for line in comparison.fields if line.field == name]
    return line


KEPT = [
    (FieldVerdict.KEPT_REP_VALUE, Agreement.KEPT_BY_REP),
    (FieldVerdict.KEPT_BY_POLICY, Agreement.KEPT_BY_POLICY),
    (FieldVerdict.KEPT_EQUAL, Agreement.EQUAL),
    (FieldVerdict.NO_SOURCE_VALUE, Agreement.NO_VALUE),
    (FieldVerdict.REFUSED_CONFIDENCE, Agreement.REFUSED),
    (FieldVerdict.REFUSED_INVALID, Agreement.REFUSED),
    (FieldVerdict.ESCALATED, Agreement.ASKED),
    (FieldVerdict.DOUBTED, Agreement.ASKED),
]
WRITTEN = [FieldVerdict.SET_AT_CREATION, FieldVerdict.FILLED_BLANK, FieldVerdict.UPDATED]


@pytest.mark.parametrize("verdict", WRITTEN)
def test_a_written_field_is_equal_when_the_org_holds_what_was_planned(verdict: FieldVerdict) -> None:
    comparison = compare(
        lead(decided("Email", "old@x.example", "New@x.example", verdict=verdict), held={"Email": "new@x.example"})
    )

    assert line_of(comparison, "Email") == FieldComparison(field="Email", source="email", equal=1)
    assert comparison.is_sound
    assert comparison.verified_ids == 1


@pytest.mark.parametrize(("verdict", "agreement"), KEPT)
def test_a_field_that_was_not_to_be_written_has_to_stand_as_it_was(verdict: FieldVerdict, agreement: Agreement) -> None:
    after = "Proposed" if verdict in ASKING_VERDICTS else "Director"
    planned = decided("Title", "Director", after, verdict=verdict)

    assert getattr(line_of(compare(lead(planned, held={"Title": "Director"})), "Title"), agreement.value) == 1
    touched = compare(lead(planned, held={"Title": "Somebody's"}))
    assert line_of(touched, "Title").differing_ids == (ID,)
    assert not touched.is_sound
    assert touched.headline == "1 records compared field by field: 1 values differ without a reason."


def test_a_change_after_the_sync_is_told_apart_from_a_difference() -> None:
    planned = decided("Title", None, "Head", verdict=FieldVerdict.FILLED_BLANK)

    comparison = compare(lead(planned, held={"Title": "Boss"}, is_changed_since=True))

    assert line_of(comparison, "Title").changed_since == 1
    assert comparison.is_sound


def test_a_record_that_is_gone_or_carries_another_id_is_named() -> None:
    comparison = compare(
        lead(held=None),
        lead(held={"Dievio_Lead_ID__c": "lead-2"}, is_changed_since=True),
        lead(held={}, carriers=2),
    )

    assert comparison.missing_ids == (ID,)
    assert comparison.unverified_ids == (ID, ID)
    assert (comparison.compared, comparison.verified_ids) == (3, 0)
    assert comparison.headline == (
        "3 records compared field by field: 1 records are gone, 2 records do not carry the id of their lead alone."
    )


@pytest.mark.parametrize(
    ("verdict", "winner"),
    [
        (FieldVerdict.UPDATED, Winner.DIEVIO),
        (FieldVerdict.KEPT_REP_VALUE, Winner.REP),
        (FieldVerdict.ESCALATED, Winner.NOBODY_YET),
        (FieldVerdict.DOUBTED, Winner.NOBODY_YET),
    ],
)
@pytest.mark.parametrize("written_before", [{}, {"Title": "Clerk"}])
def test_a_field_that_both_sides_filled_names_who_won_and_why(
    verdict: FieldVerdict, winner: Winner, written_before: dict[str, object]
) -> None:
    after = "Director" if verdict is FieldVerdict.KEPT_REP_VALUE else "Head"
    planned = decided("Title", "Director", after, verdict=verdict)

    (contested,) = compare(
        lead(planned, held={"Title": after}, source={"title": "Head"}, written_before=written_before)
    ).contested

    assert (contested.field, contested.winner, contested.reason) == ("Title", winner, "why")
    assert contested.is_edited_by_both is bool(written_before)


@pytest.mark.parametrize(
    ("name", "before", "source", "written_before"),
    [
        ("Title", None, {"title": "Head"}, {}),  # nothing stood there
        ("Title", "Director", {}, {}),  # nothing came
        ("Title", "Head", {"title": "Head"}, {"Title": "Clerk"}),  # both say the same
        ("Title", "Clerk", {"title": "Head"}, {"Title": "Clerk"}),  # only Dievio changed it
        ("Title", "Director", {"title": "Clerk"}, {"Title": "Clerk"}),  # only the record changed
        ("Search_Segment__c", "us", {"search_segment": "dach"}, {}),  # the field is the integration's own
        ("Gone__c", "x", {"title": "Head"}, {}),  # no row of the mapping
    ],
)
def test_a_field_that_at_most_one_side_changed_is_not_contested(
    name: str, before: object, source: dict[str, object], written_before: dict[str, object]
) -> None:
    planned = decided(name, before, before, verdict=FieldVerdict.KEPT_REP_VALUE)

    comparison = compare(lead(planned, held={name: before}, source=source, written_before=written_before))

    assert comparison.contested == ()


def test_of_many_contested_fields_some_are_named_and_all_are_counted() -> None:
    planned = decided("Title", "Director", "Director", verdict=FieldVerdict.KEPT_REP_VALUE)
    entry = lead(planned, held={"Title": "Director"}, source={"title": "Head"})

    comparison = compare(*[entry] * (MOST_CONTESTED + 1))

    assert len(comparison.contested) == MOST_CONTESTED
    assert comparison.contested_count == MOST_CONTESTED + 1


def test_values_that_reach_no_field_are_named_with_the_reason() -> None:
    source = {"full_name": "Erika Beispiel", "title": "Head", "phone": "", "dievio_lead_id": ID}

    comparison = compare(lead(held={}, source=source))

    assert {line.source: (line.leads, line.reason) for line in comparison.unmapped} == {
        "full_name": (1, "no row of the Lead mapping takes it"),
        "title": (1, "Lead.Title is not there or not ours to write"),
    }


def test_a_field_that_left_the_org_is_compared_as_text() -> None:
    rules = replace(RULES, schemas={**RULES.schemas, "Lead": org_schema("Lead", Title=None)})
    planned = decided("Title", "Director", "Director", verdict=FieldVerdict.KEPT_REP_VALUE)

    comparison = compare_sync([lead(planned, held={"Title": "Director"})], rules, ended={})

    assert line_of(comparison, "Title").kept_by_rep == 1
    assert comparison.contested == ()
    assert comparison.headline.endswith("no difference without a reason.")

"""One decision per lead: what leads to create, update, skip and review."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.domain.decisions import Decision, FieldVerdict, MatchGrade, SyncDecision
from lead_pipeline.domain.mapping import MappingSet, OnConflict, OnInvalid, WritePolicy
from lead_pipeline.domain.matching import MatchReason, RuleName
from lead_pipeline.domain.plan_subjects import PlanReason, PlanTarget
from lead_pipeline.domain.planning import PlanRules, plan_lead
from lead_pipeline.domain.survivorship import AnswerChoice, FieldAnswer
from lead_pipeline_tests.domain.plan_builders import (
    LEAD_ID,
    MODIFIED_AT,
    SYNCED_FIELDS,
    VALUES,
    field,
    lead,
    mapping_set,
    match,
    no_match,
    plan_rules,
    target,
)

MAPPINGS = mapping_set()
RULES = plan_rules(MAPPINGS)
STAMPS = {row.to for row in MAPPINGS.lead.fields if row.is_stamp}


def update(rules: PlanRules = RULES, *, of: PlanTarget | None = None, **values: Any) -> SyncDecision:
    return plan_lead(lead(**values), match(), target=of or target(), rules=rules)


def create(rules: PlanRules = RULES, **values: Any) -> SyncDecision:
    return plan_lead(lead(**values), no_match(), target=None, rules=rules)


def with_row(to: str, **changes: object) -> MappingSet:
    rows = tuple(replace(row, **changes) if row.to == to else row for row in MAPPINGS.lead.fields)  # type: ignore[arg-type]
    return replace(MAPPINGS, lead=replace(MAPPINGS.lead, fields=rows))


def verdict_of(decision: SyncDecision, name: str) -> FieldVerdict:
    return next(entry.verdict for entry in decision.fields if entry.field == name)


def test_a_person_whom_the_org_does_not_know_is_created_with_all_values() -> None:
    decision = create()
    assert (decision.decision, decision.reason_code) == (Decision.CREATE, PlanReason.NEW_PERSON)
    assert (decision.object_name, decision.salesforce_id, decision.base_last_modified_at) == ("Lead", None, None)
    assert decision.mapping_version == MAPPINGS.mapping_version
    assert decision.changes() == {
        **{name: value for name, value in SYNCED_FIELDS.items() if name != "MailingCountry"},
        "Employee_Count__c": 250,
        "Search_Segment__c": "vp_sales_dach",
        "Last_Enriched_At__c": "2026-05-01T00:00:00.000+0000",
        "Dievio_Last_Synced_At__c": "2026-05-04T02:05:00.000+0000",
        "Dievio_Confidence__c": 90,
    }


def test_a_record_that_holds_everything_is_skipped_and_its_stamps_stay() -> None:
    decision = update()
    assert (decision.decision, decision.reason_code, decision.changes()) == (Decision.SKIP, PlanReason.NO_CHANGE, {})
    assert (decision.object_name, decision.salesforce_id) == ("Lead", "00Q000000000001AAA")
    assert {verdict_of(decision, name) for name in ("Last_Enriched_At__c", "Dievio_Confidence__c")} == {
        FieldVerdict.KEPT_BY_POLICY
    }


def test_stamps_go_along_when_something_changes() -> None:
    decision = update(of=target(Phone=None))
    assert (decision.decision, decision.reason_code) == (Decision.UPDATE, PlanReason.FIELDS_CHANGED)
    assert decision.base_last_modified_at == MODIFIED_AT
    assert decision.changes() == {
        "Phone": "+4930123456",
        "Last_Enriched_At__c": "2026-05-01T00:00:00.000+0000",
        "Dievio_Last_Synced_At__c": "2026-05-04T02:05:00.000+0000",
        "Dievio_Confidence__c": 90,
        "Dievio_Update_Reason__c": "matched by our external id",
    }


def test_the_first_link_to_a_record_is_a_change_of_its_own() -> None:
    decision = update(of=target(dievio_lead_id=None))
    assert decision.decision is Decision.UPDATE
    assert decision.changes().keys() - STAMPS == {"Dievio_Lead_ID__c"}


def test_the_original_source_of_a_known_record_is_never_filled_later() -> None:
    assert update(of=target(Original_Source__c=None)).decision is Decision.SKIP


def test_an_own_value_is_refreshed_and_a_reps_correction_kept() -> None:
    known = target(
        Title="Director", Email="rep@acme.example", written={"Title": "Director", "Email": "old@acme.example"}
    )
    decision = update(of=known)
    assert verdict_of(decision, "Title") is FieldVerdict.UPDATED
    assert verdict_of(decision, "Email") is FieldVerdict.KEPT_REP_VALUE
    assert decision.changes().keys() - STAMPS == {"Title"}


def test_a_contact_is_updated_by_its_own_mapping() -> None:
    decision = update(of=target(object_name="Contact", Phone=None, Email="private@x.example", Country=None))
    assert (decision.object_name, decision.decision) == ("Contact", Decision.UPDATE)
    assert decision.changes().keys() - STAMPS == {"Phone"}


REVIEWS = {
    "several people": (
        match(MatchGrade.POSSIBLE, reason_code=MatchReason.SEVERAL_CANDIDATES),
        None,
        "several_candidates",
    ),
    "a record the mirror lost": (match(), None, PlanReason.RECORD_GONE),
    "a deleted record": (match(), target(is_deleted=True), PlanReason.RECORD_GONE),
    "a converted lead without contact": (match(), target(is_converted=True), PlanReason.CONVERTED_LEAD),
    "a record with another lead's id": (match(), target(dievio_lead_id="li:other"), PlanReason.LINK_CONFLICT),
    "a record linked to another lead": (
        match(),
        target(dievio_lead_id=None, linked_lead_id="li:other"),
        PlanReason.LINK_CONFLICT,
    ),
}


@pytest.mark.parametrize(("found", "of", "reason_code"), REVIEWS.values(), ids=REVIEWS)
def test_a_person_is_asked_about(found: object, of: PlanTarget | None, reason_code: str) -> None:
    decision = plan_lead(lead(), found, target=of, rules=RULES)  # type: ignore[arg-type]
    assert (decision.decision, decision.reason_code, decision.fields) == (Decision.REVIEW, reason_code, ())


def test_a_record_linked_to_this_lead_is_no_conflict() -> None:
    assert update(of=target(dievio_lead_id=None, linked_lead_id=LEAD_ID)).decision is Decision.UPDATE


def test_a_rule_set_to_skip_skips() -> None:
    skipped = match(MatchGrade.POSSIBLE, reason_code=MatchReason.RULE_SET_TO_SKIP)
    decision = plan_lead(lead(), skipped, target=None, rules=RULES)
    assert (decision.decision, decision.reason_code) == (Decision.SKIP, "rule_set_to_skip")


@pytest.mark.parametrize("found", [no_match(), match(rule=RuleName.EMAIL), match(rule=RuleName.EXTERNAL_ID)])
def test_a_weak_id_is_never_written_without_a_person(found: object) -> None:
    decision = plan_lead(lead(is_weak_id=True), found, target=None, rules=RULES)  # type: ignore[arg-type]
    assert (decision.decision, decision.reason_code) == (Decision.REVIEW, PlanReason.WEAK_IDENTITY)


def test_a_weak_id_goes_on_once_a_person_said_who_it_is() -> None:
    decision = plan_lead(
        lead(is_weak_id=True), match(rule=RuleName.REMEMBERED_ANSWER), target=target(Phone=None), rules=RULES
    )
    assert decision.decision is Decision.UPDATE


@pytest.mark.parametrize("missing", ["last_name", "company_name"])
def test_a_new_record_without_a_required_value_is_a_question(missing: str) -> None:
    blank: dict[str, Any] = {missing: None}
    decision = create(**blank)
    assert (decision.decision, decision.reason_code) == (Decision.REVIEW, PlanReason.MISSING_REQUIRED)


def test_every_missing_field_is_named_at_once() -> None:
    assert create(last_name=None, company_name=None).reason == "a new record needs LastName, Company"


def test_a_required_value_of_low_confidence_counts_as_missing() -> None:
    decision = create(shares={"company_name": 0.5})
    assert decision.reason_code == PlanReason.MISSING_REQUIRED
    assert verdict_of(decision, "Company") is FieldVerdict.REFUSED_CONFIDENCE


def test_a_known_record_needs_no_required_value_from_us() -> None:
    assert update(last_name=None, company_name=None).decision is Decision.SKIP


def test_a_guessed_name_is_not_written() -> None:
    decision = create(flags=("name_split_low_confidence",))
    assert (decision.decision, decision.reason_code) == (Decision.REVIEW, PlanReason.UNCERTAIN_NAME)


def test_a_guessed_name_does_not_matter_where_no_name_is_written() -> None:
    assert update(of=target(Phone=None), flags=("name_split_low_confidence",)).decision is Decision.UPDATE


def test_a_lead_that_mixes_two_known_people_is_not_written() -> None:
    created = create(flags=("identity_conflict",))
    updated = update(of=target(Phone=None), flags=("identity_conflict",))
    assert {created.reason_code, updated.reason_code} == {PlanReason.MIXED_IDENTITY}


def test_a_lead_that_mixes_two_known_people_does_not_matter_where_nothing_is_written() -> None:
    assert update(flags=("identity_conflict",)).decision is Decision.SKIP


def test_a_lead_that_mixes_two_known_people_goes_on_once_a_person_said_who_it_is() -> None:
    decision = plan_lead(
        lead(flags=("identity_conflict",)),
        match(rule=RuleName.REMEMBERED_ANSWER),
        target=target(Phone=None),
        rules=RULES,
    )
    assert decision.decision is Decision.UPDATE


def test_an_email_of_low_confidence_is_left_out_and_marked() -> None:
    decision = create(shares={"email": 0.65})
    assert decision.decision is Decision.CREATE
    assert "Email" not in decision.changes()
    assert verdict_of(decision, "Email") is FieldVerdict.REFUSED_CONFIDENCE


def test_an_unverified_find_is_never_written_and_a_person_is_asked_where_it_would_be() -> None:
    flags = ("unverified_company_domain", "unverified_title")
    decision = update(of=target(Company_Domain__c=None, Title="What the rep typed"), flags=flags, title="CFO")

    asked = next(entry for entry in decision.fields if entry.field == "Company_Domain__c")
    assert (asked.verdict, asked.before, asked.after) == (FieldVerdict.DOUBTED, None, "acme.example")
    assert verdict_of(decision, "Title") is FieldVerdict.REFUSED_CONFIDENCE
    assert decision.changes() == {}


def test_a_doubt_alone_writes_nothing_and_is_called_a_low_confidence() -> None:
    decision = update(of=target(Company_Domain__c=None), flags=("unverified_company_domain",))
    assert (decision.decision, decision.reason_code) == (Decision.SKIP, PlanReason.LOW_CONFIDENCE)


def test_a_doubt_beside_a_conflict_is_called_a_conflict() -> None:
    rules = plan_rules(with_row("Title", on_conflict=OnConflict.ESCALATE))
    held = target(Title="Founder", Company_Domain__c=None)
    decision = update(rules, of=held, flags=("unverified_company_domain",))
    assert verdict_of(decision, "Company_Domain__c") is FieldVerdict.DOUBTED
    assert (decision.decision, decision.reason_code) == (Decision.SKIP, PlanReason.FIELD_CONFLICT)


def test_an_unverified_find_is_written_on_the_word_of_a_person() -> None:
    answers = {"Company_Domain__c": FieldAnswer(choice=AnswerChoice.TAKE, value="acme.example")}
    doubted = lead(flags=("unverified_company_domain",))

    decision = plan_lead(doubted, match(), target=target(Company_Domain__c=None), rules=RULES, answers=answers)

    assert decision.changes()["Company_Domain__c"] == "acme.example"


@pytest.mark.parametrize(
    ("address", "status", "verdict"),
    [
        ("new@acme.example", "verified", FieldVerdict.UPDATED),
        ("new@acme.example", "unknown", FieldVerdict.KEPT_BY_POLICY),
        ("erika@gmail.com", "verified", FieldVerdict.KEPT_BY_POLICY),
        ("info@acme.example", "verified", FieldVerdict.KEPT_BY_POLICY),
    ],
)
def test_only_a_verified_work_address_replaces_one(address: str, status: str, verdict: FieldVerdict) -> None:
    record = target(Email="old@acme.de", written={"Email": "old@acme.de"})

    decision = update(of=record, email=address, email_status=status, shares={"email": 0.8})

    assert verdict_of(decision, "Email") is verdict


def test_a_blank_address_is_filled_without_a_status() -> None:
    decision = update(of=target(Email=None), email="new@acme.de", email_status=None, shares={"email": 0.8})

    assert verdict_of(decision, "Email") is FieldVerdict.FILLED_BLANK


def test_the_reason_of_an_update_says_what_enrichment_did() -> None:
    decision = update(of=target(Title=None), title="CFO", enrichment_reason="Dievio: title was missing")

    assert decision.changes()["Dievio_Update_Reason__c"].endswith("; Dievio: title was missing")  # type: ignore[attr-defined]


def test_an_over_long_title_is_trimmed_and_the_whole_kept_beside_it() -> None:
    decision = create(title="Head of " + "x" * 200)
    trimmed = next(entry for entry in decision.fields if entry.field == "Title")
    assert (len(str(trimmed.after)), trimmed.trimmed_from) == (128, "Head of " + "x" * 200)


def test_a_value_outside_a_restricted_picklist_is_left_out_of_the_lead() -> None:
    decision = create(seniority="emperor")
    assert decision.decision is Decision.CREATE
    assert verdict_of(decision, "Seniority__c") is FieldVerdict.REFUSED_INVALID


@pytest.mark.parametrize(
    ("on_invalid", "decision", "reason_code"),
    [
        (OnInvalid.SKIP, Decision.CREATE, PlanReason.NEW_PERSON),
        (OnInvalid.REVIEW, Decision.REVIEW, PlanReason.INVALID_VALUE),
        (OnInvalid.REJECT, Decision.SKIP, PlanReason.REJECTED_VALUE),
    ],
)
def test_a_refused_value_has_the_consequence_its_row_declares(
    on_invalid: OnInvalid, decision: Decision, reason_code: PlanReason
) -> None:
    planned = create(plan_rules(with_row("Seniority__c", on_invalid=on_invalid)), seniority="emperor")
    assert (planned.decision, planned.reason_code) == (decision, reason_code)


def test_the_strictest_consequence_wins() -> None:
    rules = plan_rules(with_row("Seniority__c", on_invalid=OnInvalid.REVIEW))
    decision = create(rules, seniority="emperor", dievio_lead_id="x" * 65)
    assert decision.reason_code == PlanReason.REJECTED_VALUE


@pytest.mark.parametrize("clearing", ["#N/A", "#n/a", " #N/A "])
def test_a_text_that_would_clear_a_field_never_goes_out(clearing: str) -> None:
    assert "Title" not in create(title=clearing).changes()


def test_control_characters_never_go_out() -> None:
    assert create(title="VP\x00 Sales\x1b").changes()["Title"] == "VP Sales"


def test_a_field_that_the_org_does_not_have_is_left_out() -> None:
    decision = create(plan_rules(Seniority__c=None))
    assert decision.decision is Decision.CREATE
    assert "Seniority__c" not in {entry.field for entry in decision.fields}


def test_a_field_that_may_be_set_only_at_creation_is_left_out_of_updates() -> None:
    rules = plan_rules(Phone=field("Phone", "phone", 40, is_updateable=False))
    assert create(rules).changes()["Phone"] == "+4930123456"
    assert update(rules, of=target(Phone=None)).decision is Decision.SKIP


def test_a_conflict_to_be_settled_by_a_person_does_not_hold_up_the_rest() -> None:
    rules = plan_rules(with_row("Title", on_conflict=OnConflict.ESCALATE))
    decision = update(rules, of=target(Title="Founder", Phone=None))
    assert (decision.decision, verdict_of(decision, "Title")) == (Decision.UPDATE, FieldVerdict.ESCALATED)
    assert "Title" not in decision.changes()


def test_a_conflict_alone_writes_nothing() -> None:
    rules = plan_rules(with_row("Title", on_conflict=OnConflict.ESCALATE))
    decision = update(rules, of=target(Title="Founder"))
    assert (decision.decision, decision.reason_code) == (Decision.SKIP, PlanReason.FIELD_CONFLICT)
    assert decision.changes() == {}


def test_an_answer_of_a_person_about_a_field_is_carried_out() -> None:
    answers = {"Title": FieldAnswer(choice=AnswerChoice.TAKE, value="VP Sales")}
    decision = plan_lead(lead(), match(), target=target(Title="Founder"), rules=RULES, answers=answers)
    assert decision.changes()["Title"] == "VP Sales"


NEVER_FIELDS = {row.to for row in MAPPINGS.lead.fields if row.write is WritePolicy.NEVER}
LEAD_VALUES = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([None, value, "Other", "n/a"])
        for name, value in VALUES.items()
        if name != "dievio_lead_id"
    },
)
RECORD_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([None, "", value, "Other", "unknown"])
        for name, value in SYNCED_FIELDS.items()
        if name not in {"Dievio_Lead_ID__c", "NumberOfEmployees", "Employee_Count__c", "Dievio_Confidence__c"}
    },
)


@given(LEAD_VALUES, RECORD_FIELDS)
def test_a_plan_neither_clears_a_value_nor_touches_what_is_never_ours(
    values: dict[str, Any], fields: dict[str, Any]
) -> None:
    changes = update(of=target(**fields), **values).changes()
    assert all(value not in (None, "") for value in changes.values())
    assert not changes.keys() & NEVER_FIELDS


@given(LEAD_VALUES, RECORD_FIELDS)
def test_planning_again_on_the_result_of_a_plan_changes_nothing(values: dict[str, Any], fields: dict[str, Any]) -> None:
    first = update(of=target(**fields), **values).changes()
    held: dict[str, Any] = {**fields, **first}
    again = update(of=target(written=first, **held), **values)
    assert again.changes() == {}
    assert again.decision in {Decision.SKIP, Decision.REVIEW}


@given(LEAD_VALUES)
def test_planning_again_on_a_created_record_changes_nothing(values: dict[str, Any]) -> None:
    created = create(**values)
    if created.decision is Decision.CREATE:
        blank = dict.fromkeys(SYNCED_FIELDS)
        written = created.changes()
        held: dict[str, Any] = {
            name: value for name, value in {**blank, **written}.items() if name != "Dievio_Lead_ID__c"
        }
        assert update(of=target(written=written, **held), **values).decision is Decision.SKIP

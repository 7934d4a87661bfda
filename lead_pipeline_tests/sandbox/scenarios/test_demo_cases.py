from collections import defaultdict
from collections.abc import Iterator

import pytest

from lead_pipeline.sandbox.scenarios.scenario import CaseLabel, CaseOutcome, CaseRule, DemoScenario
from lead_pipeline_tests.sandbox.scenarios.likeness import Directory, Keys, row_keys

LADDER = tuple(CaseRule)
Record = dict[str, object]
Row = dict[str, object]


@pytest.fixture(scope="module")
def directory(demo: DemoScenario) -> Directory:
    return Directory(demo)


@pytest.fixture(scope="module")
def people(demo: DemoScenario) -> dict[object, Record]:
    return {record["Id"]: record for name in ("Lead", "Contact") for record in demo.org_records[name]}


def _labelled(demo: DemoScenario, *cases: str) -> Iterator[tuple[CaseLabel, Row]]:
    for label in demo.labels.values():
        row = demo.dievio_rows[label.row_index]
        if isinstance(row, dict) and (not cases or label.case in cases):
            yield label, row


def _target(label: CaseLabel, people: dict[object, Record]) -> Record:
    assert label.target_id is not None
    return people[label.target_id]


def _all_hits(directory: Directory, row: Row) -> set[str]:
    return set().union(*directory.hits(row_keys(row)).values())


def test_a_row_to_be_created_resembles_nobody_in_the_org(demo: DemoScenario, directory: Directory) -> None:
    for label, row in _labelled(demo):
        if label.outcome is CaseOutcome.CREATED:
            assert not directory.hits(row_keys(row)), label.case


def test_a_row_with_a_certain_record_resembles_that_record_alone(demo: DemoScenario, directory: Directory) -> None:
    followed = {"merged_lead", "converted_lead_by_external_id"}  # found through a record that is no longer live
    for label, row in _labelled(demo):
        if label.outcome in {CaseOutcome.UPDATED, CaseOutcome.SKIPPED} and label.target_id:
            assert _all_hits(directory, row) == {label.target_id}, label.case
            if label.rule and label.case not in followed:
                first = next(rule for rule in LADDER if rule in directory.hits(row_keys(row)))
                assert first is label.rule, label.case


def test_a_row_for_review_brings_up_its_candidates_by_the_labelled_rule(
    demo: DemoScenario, directory: Directory
) -> None:
    for label, row in _labelled(demo):
        if label.outcome is CaseOutcome.REVIEW and label.case not in {"weak_identity", "deleted_lead"}:
            hits = directory.hits(row_keys(row))
            rule = next(rule for rule in LADDER if rule in hits)
            assert rule is label.rule, label.case
            assert label.target_id in hits[rule], label.case
            assert len(set().union(*hits.values())) == (2 if label.reason == "several_candidates" else 1), label.case


def test_rows_of_two_people_share_no_key(demo: DemoScenario) -> None:
    owners: dict[tuple[str, object], set[object]] = defaultdict(set)
    for label, row in _labelled(demo):
        keys = row_keys(row)
        person = label.group or label.row_index
        if keys.email not in {"test@test.com", "none@none.com", "example@example.com", None}:
            owners["email", keys.email].add(person)
        if keys.profile:
            owners["profile", keys.profile].add(person)
        if keys.domain and keys.family:
            owners["name and domain", (keys.given, keys.family, keys.domain)].add(person)

    assert {key for key, people_of_key in owners.items() if len(people_of_key) > 1} == set()


def test_copies_of_a_person_share_a_key_and_the_first_is_fresher(demo: DemoScenario) -> None:
    copies: dict[str, list[Row]] = defaultdict(list)
    for label, row in _labelled(demo):
        if label.group:
            copies[label.group].append(row)

    assert len(copies) >= 20
    for first, second in copies.values():
        one, two = row_keys(first), row_keys(second)
        assert one.email == two.email or one.profile == two.profile
        assert str(first["last_enriched_at"]) > str(second["last_enriched_at"])
        assert first["phone"] is not None
        assert second["phone"] is None


def test_the_second_copy_is_skipped_as_a_duplicate(demo: DemoScenario) -> None:
    groups: dict[str, list[CaseLabel]] = defaultdict(list)
    for label, _row in _labelled(demo):
        if label.group:
            groups[label.group].append(label)

    for first, second in groups.values():
        assert first.outcome in {CaseOutcome.CREATED, CaseOutcome.UPDATED}
        assert (second.outcome, second.reason) == (CaseOutcome.SKIPPED, "duplicate_in_batch")
        assert first.row_index < second.row_index


def test_copies_in_two_segments_lie_in_two_segments(demo: DemoScenario) -> None:
    homes: dict[str | None, set[str]] = defaultdict(set)
    for key, label in demo.labels.items():
        if label.case == "same_person_in_two_segments":
            homes[label.group].add(key.partition(":")[0])

    assert {len(names) for names in homes.values()} == {2}


def test_a_deleted_lead_is_known_by_external_id_alone(
    demo: DemoScenario, directory: Directory, people: dict[object, Record]
) -> None:
    for label, row in _labelled(demo, "deleted_lead"):
        lead = _target(label, people)
        assert lead["IsDeleted"]
        assert "MasterRecordId" not in lead
        assert lead["Dievio_Lead_ID__c"] in row_keys(row).external_ids
        assert not _all_hits(directory, row)


def test_a_merged_lead_points_to_the_live_master(demo: DemoScenario, people: dict[object, Record]) -> None:
    for label, row in _labelled(demo, "merged_lead"):
        (loser,) = [lead for lead in people.values() if lead.get("Dievio_Lead_ID__c") in row_keys(row).external_ids]
        assert loser["IsDeleted"]
        assert loser["MasterRecordId"] == label.target_id
        assert not _target(label, people)["IsDeleted"]


def test_a_converted_lead_leads_to_its_contact(demo: DemoScenario, people: dict[object, Record]) -> None:
    for label, _row in _labelled(demo, "converted_lead", "converted_lead_by_external_id"):
        leads = [lead for lead in people.values() if lead.get("ConvertedContactId") == label.target_id]
        assert [lead["IsConverted"] for lead in leads] == [True]


def test_fields_that_must_change_are_blank_or_our_own(demo: DemoScenario, people: dict[object, Record]) -> None:
    ours = {(write.salesforce_id, write.field): write.value for write in demo.earlier_writes}
    for label, _row in _labelled(demo):
        if label.target_id is None:
            continue
        record = _target(label, people)
        for field in label.changed_fields:
            value = record.get(field)
            is_ours = value is not None and ours.get((label.target_id, field)) == value
            assert value in {None, "n/a", "-", "unknown", "#N/A"} or is_ours, (label.case, field)


def test_fields_that_must_stay_hold_a_value_that_is_not_ours(demo: DemoScenario, people: dict[object, Record]) -> None:
    ours = {(write.salesforce_id, write.field): write.value for write in demo.earlier_writes}
    for label, _row in _labelled(demo):
        for field in label.kept_fields:
            value = _target(label, people).get(field)
            assert value is not None, (label.case, field)
            assert ours.get((str(label.target_id), field)) != value, (label.case, field)


def test_unchanged_records_equal_their_row(demo: DemoScenario, people: dict[object, Record]) -> None:
    for label, row in _labelled(demo, "known_unchanged", "email_on_equal_contact"):
        record, keys = _target(label, people), row_keys(row)
        shared = {"FirstName": "first_name", "LastName": "last_name", "Email": "email", "Phone": "phone"}
        shared |= {"Title": "job_title", "LinkedIn_URL__c": "linkedin_url", "Company_Domain__c": "company_domain"}
        assert {record[field] for field in shared} == {row[key] for key in shared.values()}
        assert record["Employee_Count__c"] == row["employee_count"]
        assert str(record["Last_Enriched_At__c"])[:19] == str(row["last_enriched_at"])[:19]
        assert {record["Dievio_Lead_ID__c"]} == keys.external_ids


def test_rep_edits_are_newer_than_the_sync_and_by_the_owner(demo: DemoScenario, people: dict[object, Record]) -> None:
    for label, _row in _labelled(demo, "rep_corrected_email", "rep_typed_everything_else_equal"):
        record = _target(label, people)
        assert record["LastModifiedById"] == record["OwnerId"] != record["CreatedById"]
        assert str(record["LastModifiedDate"]) > str(record["Dievio_Last_Synced_At__c"])


def test_a_namesake_is_in_the_org_under_another_employer(demo: DemoScenario, people: dict[object, Record]) -> None:
    names = {(record.get("FirstName"), record["LastName"]) for record in people.values()}
    for _label, row in _labelled(demo, "namesake_elsewhere"):
        assert (row["first_name"], row["last_name"]) in names


def test_a_title_that_must_be_trimmed_is_longer_than_the_field(demo: DemoScenario) -> None:
    assert all(len(str(row["job_title"])) > 128 for _label, row in _labelled(demo, "over_long_title"))


def test_a_row_without_identity_carries_no_key(demo: DemoScenario) -> None:
    for _label, row in _labelled(demo, "weak_identity"):
        keys = row_keys(row)
        assert (keys.email, keys.profile, keys.domain, keys.external_ids) == (None, None, None, frozenset())


def test_what_is_missing_in_a_row_is_missing_in_the_provider_object(demo: DemoScenario) -> None:
    for _label, row in _labelled(demo, "no_last_name", "full_name_is_one_word", "missing_last_name_and_company"):
        raw = row["raw"]
        assert isinstance(raw, dict)
        assert str(raw.get("last_name", "")).strip() in {"", "-", "#n/a"}
        assert " " not in raw.get("full_name", "")
    for _label, row in _labelled(demo, "missing_company", "missing_last_name_and_company"):
        raw = row["raw"]
        assert isinstance(raw, dict)
        assert raw.get("job_company_name", "") in {"", "n/a", "-"}


def test_every_row_but_the_weak_and_the_unusable_has_an_identity(demo: DemoScenario) -> None:
    unusable = {CaseOutcome.QUARANTINE}
    for label, row in _labelled(demo):
        keys: Keys = row_keys(row)
        if label.outcome not in unusable and label.case != "weak_identity":
            assert keys.external_ids or keys.email, label.case


def test_entries_that_are_no_object_are_quarantined_in_every_segment(demo: DemoScenario) -> None:
    labels = [label for label in demo.labels.values() if not isinstance(demo.dievio_rows[label.row_index], dict)]

    assert len(labels) == 9
    assert {(label.outcome, label.reason) for label in labels} == {(CaseOutcome.QUARANTINE, "row_not_an_object")}

"""The client against an emulated org over HTTP: what services rely on."""

import time
from datetime import datetime, timedelta

import pytest

from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, Remedy
from lead_pipeline.errors import ApiBudgetReachedError, ConfigurationError, InvalidIdentifierError
from lead_pipeline.salesforce.bulk_jobs import BulkJobState, JobState
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.sandbox.salesforce_org import make_id
from lead_pipeline_tests.salesforce.clients import EmulatedOrg


def update(record_id: str, at: datetime, **fields: object) -> ConditionalUpdate:
    return ConditionalUpdate(salesforce_id=record_id, fields=fields, unmodified_since=at)


def modified_at(client: SalesforceClient, record_id: str) -> datetime:
    (record,) = client.query(f"SELECT LastModifiedDate FROM Lead WHERE Id = '{record_id}'")
    return datetime.fromisoformat(str(record["LastModifiedDate"]))


def wait_for(client: SalesforceClient, job_id: str) -> BulkJobState:
    for _ in range(200):
        job = client.read_bulk_job(job_id)
        if job.is_final:
            return job
        time.sleep(0.02)
    raise AssertionError("the job never ended")


def test_describes_of_several_objects_take_one_call_and_are_not_sent_again_while_unchanged(
    client: SalesforceClient,
) -> None:
    described = client.describe_objects({"Lead": None, "Account": None})

    lead, account = described["Lead"], described["Account"]
    assert client.calls == 1
    assert lead is not None
    assert account is not None
    external_id = lead.schema.fields["Dievio_Lead_ID__c"]
    assert (external_id.is_external_id, external_id.is_unique, external_id.is_case_sensitive) == (True, True, True)
    assert set(lead.schema.required_at_creation) == {"LastName", "Company"}
    assert lead.schema.fields["Seniority__c"].is_restricted_picklist
    again = client.describe_objects({"Lead": lead.last_modified, "Account": None})
    assert again == {"Lead": None, "Account": account}


def test_no_question_makes_no_call(client: SalesforceClient) -> None:
    assert client.describe_objects({}) == {}
    assert client.calls == 0


def test_records_answer_one_by_one(client: SalesforceClient) -> None:
    answers = client.insert_records(
        "Lead",
        [
            {"LastName": "Sample", "Company": "Acme", "Dievio_Lead_ID__c": "dv_1", "Title": None},
            {"LastName": "Sample"},
            {"LastName": "Sample", "Company": "Acme", "Email": "no mail"},
        ],
    )
    assert [(answer.kind, answer.error_code) for answer in answers] == [
        (AnswerKind.DONE, ""),
        (AnswerKind.NOT_DONE, "REQUIRED_FIELD_MISSING"),
        (AnswerKind.NOT_DONE, "INVALID_EMAIL_ADDRESS"),
    ]
    assert answers[1].fields == ("Company",)


def test_a_second_insert_with_the_same_external_id_names_the_holder(client: SalesforceClient) -> None:
    record = {"LastName": "Sample", "Company": "Acme", "Dievio_Lead_ID__c": "dv_1"}
    (first,) = client.insert_records("Lead", [record])
    (second,) = client.insert_records("Lead", [record])
    assert second.remedy is Remedy.READ
    assert second.duplicate_candidates == (("Lead", first.salesforce_id),)


def test_an_update_applies_only_to_a_record_nobody_touched(client: SalesforceClient, org: EmulatedOrg) -> None:
    ids = org.org.load("Lead", [{"LastName": "A", "Company": "X"}, {"LastName": "B", "Company": "X"}])
    stale = modified_at(client, ids[1]) - timedelta(seconds=5)
    answers = client.update_conditionally(
        "Lead", [update(ids[0], modified_at(client, ids[0]), Title="CEO"), update(ids[1], stale, Title="CEO")]
    )
    assert [(answer.kind, answer.remedy) for answer in answers] == [
        (AnswerKind.DONE, Remedy.NONE),
        (AnswerKind.NOT_DONE, Remedy.READ),
    ]
    titles = {record["Id"]: record["Title"] for record in client.query("SELECT Id, Title FROM Lead")}
    assert titles == {ids[0]: "CEO", ids[1]: None}


def test_an_id_of_another_object_never_reaches_an_address(client: SalesforceClient) -> None:
    with pytest.raises(InvalidIdentifierError):
        client.update_conditionally("Lead", [update(make_id("003", 1), datetime.fromisoformat("2026-05-04T00:00Z"))])
    assert client.calls == 0


def test_all_pages_of_a_query_arrive(client: SalesforceClient, org: EmulatedOrg) -> None:
    ids = org.org.load("Lead", [{"LastName": f"L{number}", "Company": "X"} for number in range(2_100)])
    assert {record["Id"] for record in client.query("SELECT Id FROM Lead")} == set(ids)
    assert client.calls == 2


def test_several_queries_cost_one_call_and_one_per_further_page(client: SalesforceClient, org: EmulatedOrg) -> None:
    org.org.load("Lead", [{"LastName": f"L{number}", "Company": "X"} for number in range(2_100)])
    queries = ["SELECT Id FROM Lead", "SELECT Id, Name FROM User", "SELECT COUNT() FROM Lead"]
    counts = [len(records) for records in client.query_many([*queries, *queries])]
    assert counts == [2_100, 3, 0, 2_100, 3, 0]
    assert client.calls == 4


def test_parent_fields_come_under_dotted_names(client: SalesforceClient, org: EmulatedOrg) -> None:
    (account,) = org.org.load("Account", [{"Name": "Acme"}])
    org.org.load("Contact", [{"LastName": "A", "AccountId": account}])
    assert list(client.query("SELECT LastName, Account.Name FROM Contact")) == [
        {"LastName": "A", "Account.Name": "Acme"}
    ]


def test_a_bulk_job_answers_row_by_row(client: SalesforceClient) -> None:
    rows = [
        {"LastName": 'Ann "Q" Sample', "Company": "A,\nB", "Dievio_Lead_ID__c": "dv_1"},
        {"LastName": "Bad", "Dievio_Lead_ID__c": "dv_2"},
    ]
    job_id = client.create_bulk_job("Lead", "insert")
    client.upload_bulk_rows(job_id, rows)
    client.close_bulk_job(job_id)

    job = wait_for(client, job_id)

    assert (job.state, job.processed_count, job.failed_count) == (JobState.JOB_COMPLETE, 2, 1)
    (done,) = client.read_bulk_results(job_id, "successful")
    (failed,) = client.read_bulk_results(job_id, "failed")
    assert done.row["Company"] == "A,\nB"
    assert done.answer.is_done
    assert (failed.row["Dievio_Lead_ID__c"], failed.answer.error_code) == ("dv_2", "REQUIRED_FIELD_MISSING")
    assert list(client.read_bulk_results(job_id, "unprocessed")) == []


def test_a_job_that_is_closed_again_goes_on(client: SalesforceClient) -> None:
    job_id = client.create_bulk_job("Lead", "insert")
    client.upload_bulk_rows(job_id, [{"LastName": "A", "Company": "X"}])
    client.close_bulk_job(job_id)

    again = client.close_bulk_job(job_id)

    assert again.state is not JobState.OPEN
    assert wait_for(client, job_id).state is JobState.JOB_COMPLETE
    assert client.abort_bulk_job(job_id).state is JobState.JOB_COMPLETE


def test_an_aborted_job_leaves_its_rows_unprocessed_and_writes_nothing(client: SalesforceClient) -> None:
    job_id = client.create_bulk_job("Lead", "insert")
    client.upload_bulk_rows(job_id, [{"LastName": "A", "Company": "X"}])
    assert client.abort_bulk_job(job_id).state is JobState.ABORTED
    assert list(client.query("SELECT Id FROM Lead")) == []


def test_a_bulk_query_gives_texts(client: SalesforceClient, org: EmulatedOrg) -> None:
    org.org.load("Lead", [{"LastName": "A", "Company": "X", "NumberOfEmployees": 7}])
    (row,) = client.bulk_query("SELECT LastName, NumberOfEmployees, IsDeleted, Title FROM Lead", include_deleted=True)
    assert row == {"LastName": "A", "NumberOfEmployees": "7", "IsDeleted": "false", "Title": ""}


def test_a_bulk_query_the_org_refuses_stops(client: SalesforceClient) -> None:
    with pytest.raises(ConfigurationError):
        list(client.bulk_query("SELECT Nope__c FROM Lead"))


def test_active_validation_rules_are_named(client: SalesforceClient) -> None:
    assert client.active_validation_rules("Contact") == frozenset()
    assert client.active_validation_rules("Lead") == {"Dievio_Owner_Guard"}


def test_usage_and_the_orgs_clock_are_known_after_a_call(client: SalesforceClient) -> None:
    assert (client.usage, client.server_time) == (None, None)
    client.describe_objects({"Lead": None})
    assert client.usage is not None
    assert client.usage.allowed == 100_000
    assert client.server_time is not None


def test_spent_daily_calls_stop_the_run(client: SalesforceClient, org: EmulatedOrg) -> None:
    org.org.settings.daily_calls = 0
    try:
        with pytest.raises(ApiBudgetReachedError):
            list(client.query("SELECT Id FROM Lead"))
    finally:
        org.org.settings.daily_calls = 100_000

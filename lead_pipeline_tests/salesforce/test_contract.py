"""What services rely on, asked of the real client at an emulated org and of the fake alike."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, Remedy
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline_tests.fakes_salesforce import FakeSalesforce

GOOD = {"LastName": "Sample", "Company": "Acme", "Dievio_Lead_ID__c": "dv_1"}


@pytest.fixture(params=["real", "fake"])
def salesforce(request: pytest.FixtureRequest, client: SalesforceClient) -> SalesforceClient | FakeSalesforce:
    return client if request.param == "real" else FakeSalesforce()


def test_an_insert_answers_per_record(salesforce: SalesforceClient) -> None:
    done, missing, twice = salesforce.insert_records("Lead", [GOOD, {"LastName": "x"}, GOOD])
    assert done.is_done
    assert (missing.kind, missing.error_code, missing.fields) == (
        AnswerKind.NOT_DONE,
        "REQUIRED_FIELD_MISSING",
        ("Company",),
    )
    assert (twice.remedy, twice.duplicate_candidates) == (Remedy.READ, (("Lead", done.salesforce_id),))


def test_what_was_inserted_is_found_by_its_external_id(salesforce: SalesforceClient) -> None:
    (done,) = salesforce.insert_records("Lead", [GOOD])
    found, other = salesforce.query_many(
        [
            "SELECT Id, Company FROM Lead WHERE Dievio_Lead_ID__c IN ('dv_1','dv_2')",
            "SELECT Id FROM Lead WHERE Dievio_Lead_ID__c = 'dv_2'",
        ]
    )
    assert (found, other) == ([{"Id": done.salesforce_id, "Company": "Acme"}], [])


def test_an_update_meets_its_condition_or_changes_nothing(salesforce: SalesforceClient) -> None:
    (done,) = salesforce.insert_records("Lead", [GOOD])
    record_id = str(done.salesforce_id)
    now = datetime.now(UTC)
    (stale,) = salesforce.update_conditionally(
        "Lead", [ConditionalUpdate(salesforce_id=record_id, fields={"Title": "x"}, unmodified_since=now - timedelta(9))]
    )
    (fresh,) = salesforce.update_conditionally(
        "Lead",
        [ConditionalUpdate(salesforce_id=record_id, fields={"City": "Bonn"}, unmodified_since=now + timedelta(1))],
    )
    assert (stale.error_code, stale.remedy, fresh.kind) == ("PRECONDITION_FAILED", Remedy.READ, AnswerKind.DONE)
    ((record,),) = salesforce.query_many([f"SELECT Title, City FROM Lead WHERE Id = '{record_id}'"])
    assert record == {"Title": None, "City": "Bonn"}


def test_a_bulk_job_does_nothing_before_it_is_closed_and_then_answers_per_row(salesforce: SalesforceClient) -> None:
    job_id = salesforce.create_bulk_job("Lead", "insert")
    salesforce.upload_bulk_rows(job_id, [GOOD, {"LastName": "x", "Dievio_Lead_ID__c": "dv_2"}])
    assert salesforce.query_many(["SELECT Id FROM Lead"]) == [[]]
    job = salesforce.close_bulk_job(job_id)
    while not job.is_final:
        time.sleep(0.02)
        job = salesforce.read_bulk_job(job_id)
    assert (job.processed_count, job.failed_count) == (2, 1)
    (done,), (failed,) = (list(salesforce.read_bulk_results(job_id, kind)) for kind in ("successful", "failed"))
    assert (done.row["Dievio_Lead_ID__c"], done.answer.is_done) == ("dv_1", True)
    assert (failed.row["Dievio_Lead_ID__c"], failed.answer.error_code) == ("dv_2", "REQUIRED_FIELD_MISSING")


def test_usage_is_known_after_a_call(salesforce: SalesforceClient) -> None:
    assert (salesforce.usage, salesforce.server_time) == (None, None)
    salesforce.query_many(["SELECT Id FROM Lead"])
    assert salesforce.usage is not None
    assert salesforce.server_time is not None
    assert salesforce.calls == 1

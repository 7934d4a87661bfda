"""Bulk API 2.0: jobs, their states, and a result for every row."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest

from lead_pipeline.sandbox.salesforce_org import Org, create_app
from lead_pipeline.sandbox.salesforce_org.job_store import JobStore
from lead_pipeline.sandbox.salesforce_org.messages import Call
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, RunningOrg

CSV = {"Content-Type": "text/csv"}
PATIENCE_SECONDS = 10
MANY_ROWS = 20_000  # seconds of work, so that an abort comes in time


def run_job(org: RunningOrg, table: str, *, operation: str = "insert", **details: Any) -> Any:
    """Create, fill and close a job and wait for its end."""
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": operation, **details}).json()
    assert org.call("PUT", f"/{job['contentUrl']}", content=table.encode(), headers=CSV).status_code == 201
    org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job = org.call("GET", f"/jobs/ingest/{job['id']}").json()
        if job["state"] in {"JobComplete", "Failed", "Aborted"}:
            return job
        time.sleep(0.01)
    raise AssertionError(job)


def rows_of(org: RunningOrg, job: Any, part: str) -> list[dict[str, str]]:
    answer = org.call("GET", f"/jobs/ingest/{job['id']}/{part}")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_bodies_of_a_job_have_the_recorded_members(admin: RunningOrg) -> None:
    request = {
        "object": "Lead",
        "operation": "upsert",
        "externalIdFieldName": "dievio_lead_id__c",
        "contentType": "CSV",
    }

    opened = admin.call("POST", "/jobs/ingest", json=request)
    closed = admin.call("PATCH", f"/jobs/ingest/{opened.json()['id']}", json={"state": "Aborted"})

    job_id = opened.json()["id"]
    assert opened.status_code == 200
    assert opened.json() == {
        "id": job_id, "operation": "upsert", "object": "Lead", "createdById": "0055e0000000001AAA",
        "createdDate": "2026-03-02T12:00:00.000+0000", "systemModstamp": "2026-03-02T12:00:00.000+0000",
        "state": "Open", "externalIdFieldName": "Dievio_Lead_ID__c", "concurrencyMode": "Parallel",
        "contentType": "CSV", "apiVersion": 66.0, "lineEnding": "LF", "columnDelimiter": "COMMA",
        "contentUrl": f"{DATA.lstrip('/')}/jobs/ingest/{job_id}/batches",
    }  # fmt: skip
    assert closed.json()["state"] == "Aborted"
    assert not {"jobType", "lineEnding", "numberRecordsProcessed"} & set(closed.json())


def test_a_finished_job_has_the_recorded_members(admin: RunningOrg) -> None:
    job = run_job(admin, "LastName,Company\na,b\nc,\n")

    assert job == {
        "id": job["id"], "operation": "insert", "object": "Lead", "createdById": "0055e0000000001AAA",
        "createdDate": "2026-03-02T12:00:00.000+0000", "systemModstamp": "2026-03-02T12:00:00.000+0000",
        "state": "JobComplete", "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": 66.0,
        "contentUrl": f"{DATA.lstrip('/')}/jobs/ingest/{job['id']}/batches", "jobType": "V2Ingest", "lineEnding": "LF",
        "columnDelimiter": "COMMA", "numberRecordsProcessed": 2, "numberRecordsFailed": 1, "retries": 0,
        "totalProcessingTime": 0, "apiActiveProcessingTime": 0, "apexProcessingTime": 0, "isPkChunkingSupported": False,
    }  # fmt: skip


def test_an_insert_answers_for_every_row(admin: RunningOrg) -> None:
    table = 'LastName,Company,Email,Street\nGood,C,A@B.example,"1 Way\nBack ""yard"""\nBad,,x,\nWorse,C,no at,\n'

    job = run_job(admin, table)

    [saved] = rows_of(admin, job, "successfulResults")
    failed = rows_of(admin, job, "failedResults")
    assert (job["state"], job["jobType"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (
        "JobComplete", "V2Ingest", 3, 2,
    )  # fmt: skip
    assert (saved["sf__Created"], saved["Email"]) == ("true", "A@B.example")
    assert admin.record(saved["sf__Id"])["Street"] == '1 Way\nBack "yard"'
    assert [(row["sf__Id"], row["sf__Error"]) for row in failed] == [
        ("", "INVALID_EMAIL_ADDRESS:Email: invalid email address: x:Email --"),
        ("", "INVALID_EMAIL_ADDRESS:Email: invalid email address: no at:Email --"),
    ]
    assert rows_of(admin, job, "unprocessedrecords") == []


def test_a_missing_required_field_has_the_recorded_error(admin: RunningOrg) -> None:
    job = run_job(admin, "LastName,Company\nBad,\n")

    [row] = rows_of(admin, job, "failedResults")
    assert row["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"


def test_an_empty_cell_leaves_a_value_and_na_clears_it(admin: RunningOrg) -> None:
    record_id = admin.create(Title="old", City="old")

    run_job(admin, f"Id,Title,City\n{record_id},,#N/A\n", operation="update")

    record = admin.record(record_id)
    assert (record["Title"], record["City"]) == ("old", None)


def test_an_upsert_says_which_rows_it_created(admin: RunningOrg) -> None:
    admin.create(Dievio_Lead_ID__c="k1")
    table = "Dievio_Lead_ID__c,LastName,Company\nk1,New,C\nk2,New,C\nk3,Twice,C\nk3,Twice,C\n"

    job = run_job(admin, table, operation="upsert", externalIdFieldName="Dievio_Lead_ID__c")

    assert [row["sf__Created"] for row in rows_of(admin, job, "successfulResults")] == ["false", "true"]
    assert {row["sf__Error"] for row in rows_of(admin, job, "failedResults")} == {
        "DUPLICATE_VALUE:Duplicate external id specified: k3:Dievio_Lead_ID__c --"
    }


def test_a_delete_puts_rows_into_the_recycle_bin(admin: RunningOrg) -> None:
    record_id = admin.create()

    job = run_job(admin, f"Id\n{record_id}\n{record_id}\n", operation="delete")

    assert len(rows_of(admin, job, "successfulResults")) == 1
    assert rows_of(admin, job, "failedResults")[0]["sf__Error"] == "ENTITY_IS_DELETED:entity is deleted:--"


def test_an_unreadable_value_names_its_column(admin: RunningOrg) -> None:
    job = run_job(admin, "LastName,Company,Last_Enriched_At__c\na,b,soon\n")

    [row] = rows_of(admin, job, "failedResults")
    assert row["sf__Error"] == (
        "INVALID_FIELD:Failed to deserialize field at col 3. Due to, 'soon' is not a valid value "
        "for the type xsd:dateTime:Last_Enriched_At__c --"
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("Nope\nx\n", "InvalidBatch : Field name not found : Nope"),
        (
            "LastName,Company\r\na,b\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        ("LastName,Company\na\n", "InvalidBatch : Row 1 has 1 columns, the header has 2"),
        ('LastName\n"a\n', "ClientInputError : Failed to parse CSV: unbalanced quotes"),
    ],
)
def test_a_file_that_cannot_be_read_fails_the_whole_job(admin: RunningOrg, table: str, message: str) -> None:
    job = run_job(admin, table)

    assert (job["state"], job["errorMessage"], job["numberRecordsProcessed"]) == ("Failed", message, 0)


def test_a_job_takes_one_file_and_goes_away_only_when_it_is_over(admin: RunningOrg) -> None:
    job = admin.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    path = f"/jobs/ingest/{job['id']}"
    admin.call("PUT", f"{path}/batches", content=b"LastName\na\n", headers=CSV)

    again = admin.call("PUT", f"{path}/batches", content=b"LastName\na\n", headers=CSV)
    early = admin.call("DELETE", path)
    aborted = admin.call("PATCH", path, json={"state": "Aborted"})
    removed = admin.call("DELETE", path)

    assert [answer.status_code for answer in (again, early, aborted, removed)] == [400, 400, 200, 204]
    assert admin.call("GET", path).status_code == 404


def test_an_aborted_job_stops_and_names_the_rows_it_left(admin: RunningOrg) -> None:
    job = admin.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    path = f"/jobs/ingest/{job['id']}"
    admin.call("PUT", f"{path}/batches", content=b"LastName,Company\n" + b"a,b\n" * MANY_ROWS, headers=CSV)
    admin.call("PATCH", path, json={"state": "UploadComplete"})

    aborted = admin.call("PATCH", path, json={"state": "Aborted"})

    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (left := rows_of(admin, job, "unprocessedrecords")) and time.monotonic() < deadline:
        time.sleep(0.01)
    saved = rows_of(admin, job, "successfulResults")
    assert (aborted.json()["state"], admin.call("GET", path).json()["state"]) == ("Aborted", "Aborted")
    assert len(saved) + len(left) == MANY_ROWS
    assert admin.query("SELECT COUNT() FROM Lead")["totalSize"] == len(saved)


def test_an_abort_between_two_chunks_is_not_written_over(admin: RunningOrg) -> None:
    store = JobStore(admin.org)
    job_id = admin.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()["id"]
    read_before = store.find("ingest", job_id)
    admin.call("PATCH", f"/jobs/ingest/{job_id}", json={"state": "Aborted"})

    store.change(read_before, numberRecordsProcessed=200)

    assert store.advance(read_before, state="JobComplete") is False
    kept = store.find("ingest", job_id)
    assert (kept["state"], kept["numberRecordsProcessed"]) == ("Aborted", 200)


def test_jobs_are_listed(admin: RunningOrg) -> None:
    jobs = [admin.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json() for _ in range(2)]
    admin.call("POST", "/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Lead"})

    ingest, query = (admin.call("GET", f"/jobs/{kind}").json() for kind in ("ingest", "query"))

    assert [(ingest["done"], ingest["nextRecordsUrl"]), [row["id"] for row in ingest["records"]]] == [
        (True, None), [job["id"] for job in jobs],
    ]  # fmt: skip
    assert [row["operation"] for row in query["records"]] == ["query"]


@pytest.mark.parametrize(
    "changes",
    [{"operation": "merge"}, {"operation": "upsert"}, {"contentType": "XML"}, {"lineEnding": "CR"}],
)
def test_a_job_that_could_not_run_is_not_opened(admin: RunningOrg, changes: dict[str, str]) -> None:
    answer = admin.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert", **changes})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")


def test_a_finished_query_job_goes_away_and_cannot_be_aborted(admin: RunningOrg) -> None:
    job = admin.call("POST", "/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Lead"}).json()
    path = f"/jobs/query/{job['id']}"

    answers = [
        admin.call("PATCH", path, json={"state": "Aborted"}),
        admin.call("GET", f"{path}/results", params={"locator": "x"}),
        admin.call("DELETE", path),
        admin.call("GET", path),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 204, 404]
    assert [answer.json()[0]["errorCode"] for answer in answers[:2]] == ["INVALIDJOBSTATE", "INVALID_QUERY_LOCATOR"]


def test_assignment_rules_run_only_when_the_job_names_one(admin: RunningOrg) -> None:
    [plain] = rows_of(admin, run_job(admin, "LastName,Company\na,b\n"), "successfulResults")
    job = run_job(admin, "LastName,Company\na,b\n", assignmentRuleId="01Q000000000001AAA")
    [assigned] = rows_of(admin, job, "successfulResults")

    assert admin.record(plain["sf__Id"])["OwnerId"].startswith("005")
    assert admin.record(assigned["sf__Id"])["OwnerId"].startswith("00G")


def test_a_query_job_gives_its_result_in_pages(admin: RunningOrg) -> None:
    admin.org.load("Lead", [{"LastName": f"n{place:04}", "Company": "C"} for place in range(4_500)])
    soql = "SELECT LastName, Owner.Name, IsConverted, CreatedDate, Title FROM Lead ORDER BY LastName"

    job = admin.call("POST", "/jobs/query", json={"operation": "query", "query": soql}).json()
    path = f"/jobs/query/{job['id']}"
    pages, counts, locator = [], [], "0"
    while locator != "null":
        answer = admin.call("GET", f"{path}/results", params={"maxRecords": "1700", "locator": locator})
        pages.append(answer.text.splitlines())
        counts.append(answer.headers["sforce-numberofrecords"])
        locator = answer.headers["sforce-locator"]

    assert admin.call("GET", path).json()["state"] == "JobComplete"
    assert [len(page) - 1 for page in pages] == [1700, 1700, 1100] == [int(count) for count in counts]
    assert {page[0] for page in pages} == {'"LastName","Owner.Name","IsConverted","CreatedDate","Title"'}
    assert pages[0][1] == '"n0000","Ada Admin","false","2026-03-02T12:00:00.000Z",""'
    assert [line.split(",")[0] for page in pages for line in page[1:]] == [f'"n{place:04}"' for place in range(4_500)]


@pytest.mark.parametrize(
    "soql", ["SELECT COUNT() FROM Lead", "SELECT Address FROM Lead", "SELECT Id FROM Lead OFFSET 1"]
)
def test_a_query_that_bulk_does_not_know_is_refused(admin: RunningOrg, soql: str) -> None:
    answer = admin.call("POST", "/jobs/query", json={"operation": "query", "query": soql})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")


def test_a_job_that_a_stopped_server_left_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "org.sqlite"
    stopped = Org(state_path=path)
    job_id = half_done_job(stopped)
    stopped.close()

    app = create_app(state_path=path)
    with ServerThread(app):
        job = finished_job(app.state.org, job_id)
        names = [row[0] for row in app.state.org.store.all("SELECT LastName FROM Lead ORDER BY LastName")]

    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 201)
    assert names == ["left over"]


def half_done_job(org: Org) -> str:
    """A job of 201 rows whose first chunk is said to be saved."""
    jobs = JobStore(org)
    caller = org.find_user("admin")
    assert caller is not None
    details = {
        "operation": "insert", "object": "Lead", "state": "InProgress", "columnDelimiter": "COMMA", "lineEnding": "LF",
        "numberRecordsProcessed": 200, "numberRecordsFailed": 0,
    }  # fmt: skip
    job = jobs.open(Call(org, "POST", "", caller=caller, version=66.0), kind="ingest", details=details)
    table = "LastName,Company\n" + "done,C\n" * 200 + "left over,C\n"
    jobs.keep_part(job, "upload", place=0, content=table)
    return str(job["id"])


def finished_job(org: Org, job_id: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job = JobStore(org).find("ingest", job_id)
        if job["state"] == "JobComplete":
            return job
        time.sleep(0.01)
    raise AssertionError(job)

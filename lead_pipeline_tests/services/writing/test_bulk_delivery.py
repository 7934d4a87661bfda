"""Many new leads as one Bulk job: every row accounted for, whatever becomes of the job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from lead_pipeline.errors import WritesRefusedError
from lead_pipeline.salesforce.bulk_jobs import BulkJobState, JobState
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.sandbox.salesforce_org.job_store import JobStore
from lead_pipeline.services.writing.ports import CrashPoint
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person

LEADS = 12


@pytest.fixture
def bulk_bench(bench: WriteBench) -> WriteBench:
    """A batch that is large enough for a job."""
    bench.limits = replace(bench.limits, bulk_threshold=5)
    bench.add_leads(*(person(number) for number in range(1, LEADS + 1)))
    bench.prepare()
    return bench


def test_many_new_leads_go_as_one_job_whose_id_was_committed_first(bulk_bench: WriteBench) -> None:
    summary = bulk_bench.write()

    assert summary.created_by_run == LEADS
    assert summary.is_complete
    assert len({row["bulk_job_id"] for row in bulk_bench.ask("SELECT bulk_job_id FROM write_intent")}) == 1
    assert {record["OwnerId"][:15] for record in bulk_bench.records()} == {"00G5e0000000001"}
    bulk_bench.assert_log_equals_journal()


def test_rows_that_a_job_refused_end_as_dead_letters_and_the_others_stand(bulk_bench: WriteBench) -> None:
    bulk_bench.fault("partial_failure", code="STRING_TOO_LONG", record_index=3, route="jobs/ingest", method="PATCH")

    summary = bulk_bench.write()

    assert summary.created_by_run == LEADS - 1
    assert sorted(bulk_bench.outcomes().values()).count("dead_letter") == 1
    bulk_bench.assert_log_equals_journal()


@pytest.mark.parametrize(
    "point",
    [
        CrashPoint.AFTER_JOB_CREATION,
        CrashPoint.AFTER_INTENT_COMMIT,
        CrashPoint.AFTER_JOB_UPLOAD,
        CrashPoint.AFTER_JOB_CLOSE,
        CrashPoint.AFTER_ANSWER,
        CrashPoint.AFTER_RESULT_COMMIT,
    ],
)
def test_a_job_whose_run_died_is_settled_by_its_results(bulk_bench: WriteBench, point: CrashPoint) -> None:
    bulk_bench.die_at(point)
    summary = bulk_bench.write()

    assert summary.is_complete
    assert len(bulk_bench.records()) == LEADS
    assert len(bulk_bench.journal()) == LEADS
    bulk_bench.assert_log_equals_journal()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "GET"], ids=["upload", "close", "results"])
@pytest.mark.parametrize("kind", ["reset_before_commit", "reset_after_commit"])
def test_a_lost_answer_of_a_job_loses_no_row(bulk_bench: WriteBench, method: str, kind: str) -> None:
    bulk_bench.fault(kind, route="jobs/ingest", method=method, times=1)

    bulk_bench.write()
    summary = bulk_bench.write()

    assert summary.is_complete
    assert len(bulk_bench.records()) == LEADS
    assert len(bulk_bench.journal()) == LEADS
    bulk_bench.assert_log_equals_journal()


def test_a_job_meets_a_person_who_was_typed_in_by_hand(bulk_bench: WriteBench) -> None:
    typed = {key: value for key, value in org_lead(4).items() if "Date" not in key and "Modstamp" not in key}
    bulk_bench.fault("create", object="Lead", fields=typed, times=1, route="jobs/ingest", method="PUT")

    bulk_bench.write()

    assert len(bulk_bench.records()) == LEADS
    assert bulk_bench.outcomes()["lead-00004"] == "review"
    bulk_bench.assert_log_equals_journal()


def test_a_job_that_dies_before_its_first_row_stops_the_run_and_the_next_run_writes_its_leads(
    bulk_bench: WriteBench,
) -> None:
    bulk_bench.fault("job_failed", after_rows=0, times=1, route="jobs/ingest", method="PATCH")

    with pytest.raises(WritesRefusedError):
        bulk_bench.write()
    assert bulk_bench.outcomes() == {}

    assert bulk_bench.write().created_by_run == LEADS


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [(201, 2.0), (10_000, pytest.approx(6.7, abs=0.1)), (150_000, 30.0)],
    ids=["a small job takes the least pause", "a night's job is given its time", "no pause is longer than the longest"],
)
def test_the_first_look_at_a_job_waits_until_its_rows_can_be_done(
    bulk_bench: WriteBench, rows: int, seconds: float
) -> None:
    share = LEADS / rows  # the job has few rows, so the org is said to be slower in the same measure
    bulk_bench.limits = replace(bulk_bench.limits, job_rows_per_second=bulk_bench.limits.job_rows_per_second * share)
    waits: list[float] = []

    bulk_bench.write(wait=waits.append)

    assert waits[0] == seconds


def test_a_job_whose_upload_was_lost_is_aborted(bulk_bench: WriteBench) -> None:
    bulk_bench.fault("reset_after_commit", route="jobs/ingest", method="PUT", times=1)

    bulk_bench.write()

    jobs = JobStore(bulk_bench.emulated.org).all("ingest")
    assert sorted(job["state"] for job in jobs) == ["Aborted", "JobComplete"]


def test_a_job_that_was_never_closed_can_no_longer_be_closed_once_its_rows_are_planned_anew(
    bulk_bench: WriteBench,
) -> None:
    bulk_bench.die_at(CrashPoint.AFTER_JOB_UPLOAD)
    (job,) = bulk_bench.ask("SELECT DISTINCT bulk_job_id FROM write_intent")

    bulk_bench.write()

    assert bulk_bench.client.close_bulk_job(job["bulk_job_id"]).state == "aborted"
    assert len(bulk_bench.records()) == LEADS


def test_a_job_is_aborted_when_another_batch_wrote_all_its_people_first(bulk_bench: WriteBench) -> None:
    other = "2026-05-05"
    again = [{**person(number), "dievio_lead_id": f"again-{number}"} for number in range(1, LEADS + 1)]
    bulk_bench.add_leads(*again, batch_id=other)
    bulk_bench.read_and_plan(other)
    created: list[int] = []

    def overtake(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_JOB_CREATION and not created:
            created.append(bulk_bench.write(batch_id=other).created_by_run)

    bulk_bench.write(reach=overtake)

    assert created == [LEADS]
    assert [job["state"] for job in JobStore(bulk_bench.emulated.org).all("ingest")] == ["Aborted", "JobComplete"]
    assert len(bulk_bench.records()) == LEADS


class SlowJobs:
    """The org, but its jobs run for so many looks longer, and show so many rows done meanwhile."""

    def __init__(self, client: SalesforceClient, *, looks: int, done: int = LEADS) -> None:
        self._client = client
        self._looks = looks
        self._done = done

    def read_bulk_job(self, job_id: str) -> BulkJobState:
        job = self._client.read_bulk_job(job_id)
        self._looks -= 1
        running = replace(job, state=JobState.IN_PROGRESS, processed_count=self._done)
        return running if self._looks >= 0 else job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_job_that_takes_long_is_looked_at_ever_less_often(bulk_bench: WriteBench) -> None:
    bulk_bench.limits = replace(bulk_bench.limits, job_rows_per_second=LEADS / 10)
    bulk_bench.client = cast("SalesforceClient", SlowJobs(bulk_bench.client, looks=3))
    waits: list[float] = []

    bulk_bench.write(wait=waits.append)

    assert waits[:4] == [10.0, 10.0, 15.0, 22.5]


def test_a_job_that_shows_its_pace_is_looked_at_when_its_rest_can_be_done(bulk_bench: WriteBench) -> None:
    bulk_bench.limits = replace(bulk_bench.limits, job_rows_per_second=LEADS / 10, job_pace_margin=1.0)
    bulk_bench.client = cast("SalesforceClient", SlowJobs(bulk_bench.client, looks=1, done=LEADS // 3))
    waits: list[float] = []

    bulk_bench.write(wait=waits.append)

    assert waits[:2] == [10.0, pytest.approx(20.0)]

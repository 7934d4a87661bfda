"""Two new people of one batch who look like one: the second waits, and a person is asked about it."""

from __future__ import annotations

import pytest

from lead_pipeline.services.writing.ports import CrashPoint
from lead_pipeline_tests.services.write_bench import WriteBench, person

SAME_COMPANY = {"company_name": "Firm 1 GmbH", "company_domain": "firm1.example"}


@pytest.fixture
def twin_bench(bench: WriteBench) -> WriteBench:
    bench.add_leads(
        person(1, last_name="Kowalczyk"),
        person(2, last_name="Kowalcyzk", email="lk@mail.example", **SAME_COMPANY),
        person(3, last_name="Lindqvist", email="lena.l@mail.example", **SAME_COMPANY),
    )
    bench.prepare()
    return bench


def assert_second_is_asked_about(bench: WriteBench) -> None:
    assert bench.outcomes() == {"lead-00001": "created", "lead-00002": "review", "lead-00003": "created"}
    (item,) = bench.ask("SELECT reason, candidates FROM review_item")
    (first,) = [record["Id"] for record in bench.records() if record["Dievio_Lead_ID__c"] == "lead-00001"]
    assert item["reason"] == "near_name"
    assert first in str(item["candidates"])


def test_the_second_of_two_like_names_at_one_company_is_asked_about(twin_bench: WriteBench) -> None:
    summary = twin_bench.write()
    assert (summary.created_by_run, summary.unsettled) == (2, 0)
    assert_second_is_asked_about(twin_bench)
    twin_bench.assert_log_equals_journal()


def test_a_run_that_died_in_between_still_asks(twin_bench: WriteBench) -> None:
    twin_bench.die_at(CrashPoint.AFTER_RESULT_COMMIT)
    twin_bench.write()
    assert_second_is_asked_about(twin_bench)


def test_the_second_is_made_when_the_first_was_refused(twin_bench: WriteBench) -> None:
    twin_bench.fault(
        "partial_failure", code="STRING_TOO_LONG", record_index=0, times=1, route="composite/sobjects", method="POST"
    )
    twin_bench.write()
    assert twin_bench.outcomes() == {"lead-00001": "dead_letter", "lead-00002": "created", "lead-00003": "created"}

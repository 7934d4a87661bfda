"""What the run report says at the top, and that its sum cannot lie."""

import json
from typing import Any

import pytest

from lead_pipeline.domain.run_report import DeadLetterLine, ReasonCount, RunReport, Verdict
from lead_pipeline.domain.sync_comparison import SyncComparison
from lead_pipeline_tests.report_builders import build_gate, build_report, build_segment


def test_a_good_night_adds_up() -> None:
    report = build_report()

    assert report.is_conserved
    assert report.conservation_line == (
        "10 delivered = 4 created + 3 updated + 1 skipped + 1 review + 1 quarantine + 0 dead letter"
    )


def test_leads_that_wait_to_be_let_through_stand_in_the_sum() -> None:
    report = build_report(waiting=3, delivered=13)

    assert report.is_conserved
    assert report.conservation_line.endswith("0 dead letter + 3 waiting")


@pytest.mark.parametrize("changes", [{"created": 3}, {"created": 5}, {"unsettled": 1}, {"waiting": 1}])
def test_a_sum_that_does_not_add_up_says_so(changes: dict[str, int]) -> None:
    report = build_report(**changes)

    assert not report.is_conserved
    assert " ≠ " in report.conservation_line
    assert report.verdict is Verdict.STOPPED


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, Verdict.OK, "1 leads wait for a person"),
        ({"review": 0, "delivered": 9}, Verdict.OK, "nobody has anything to do"),
        ({"enrichment_alerts": ("Dievio did not answer",)}, Verdict.ATTENTION, "Enrichment: Dievio did not answer."),
        ({"dead_letter": 1, "delivered": 11}, Verdict.ATTENTION, "wait in the dead letters"),
        (
            {"segments": (build_segment(state="paused", reason="out_of_credits"),)},
            Verdict.ATTENTION,
            "us_saas_executives (out_of_credits)",
        ),
        ({"segments": (build_segment(state="failed"),)}, Verdict.ATTENTION, "us_saas_executives (failed)"),
        ({"gates": (build_gate(passed=False, is_blocking=False, description="drift"),)}, Verdict.ATTENTION, "drift"),
        ({"gates": (build_gate(passed=False, description="2 of 10 broken"),)}, Verdict.STOPPED, "2 of 10 broken"),
        ({"unknown": 2}, Verdict.STOPPED, "2 writes have no known result"),
        ({"unsettled": 3, "delivered": 13}, Verdict.STOPPED, "3 delivered rows have no outcome"),
        ({"waiting": 3, "delivered": 13}, Verdict.ATTENTION, "3 leads wait"),
    ],
)
def test_the_verdict_follows_the_worst_fact(changes: dict[str, Any], verdict: Verdict, words: str) -> None:
    report = build_report(**changes)

    assert report.verdict is verdict
    assert words in report.headline


def test_a_report_survives_its_way_through_json() -> None:
    report = build_report(
        review_reasons=(ReasonCount(code="several_candidates", count=1),),
        dead_letters=(DeadLetterLine(code="STRING_TOO_LONG", cause="too long", repair="widen", owner="crm", leads=1),),
    )

    assert RunReport.from_summary(json.loads(json.dumps(report.to_summary()))) == report


def test_the_summary_holds_what_others_rely_on() -> None:
    summary = build_report().to_summary()

    promised = "delivered quarantined created updated skipped review dead_letter unknown credits salesforce_calls"
    assert set(promised.split()) <= set(summary)
    parts = ("quarantined", "created", "updated", "skipped", "review", "dead_letter")
    assert summary["delivered"] == sum(int(str(summary[name])) for name in parts)
    gates = summary["gates"]
    assert isinstance(gates, tuple)
    assert {"name", "passed", "count"} <= set(gates[0])


def test_metadata_holds_only_numbers_and_short_words() -> None:
    metadata = build_report().as_metadata()

    assert all(isinstance(value, int | float | str) for value in metadata.values())
    assert metadata["created"] == 4


def compare_first_sync(*, missing_ids: tuple[str, ...]) -> SyncComparison:
    return SyncComparison(
        chosen=2,
        ended={"created": 2},
        compared=2,
        missing_ids=missing_ids,
        verified_ids=2 - len(missing_ids),
        unverified_ids=(),
        fields=(),
        contested=(),
        contested_count=0,
        unmapped=(),
    )


def test_a_first_sync_that_lost_a_record_stops_and_says_so() -> None:
    report = build_report(first_sync=compare_first_sync(missing_ids=("li-1",)))
    assert report.verdict is Verdict.STOPPED
    assert report.headline.startswith("2 records compared field by field: 1 records are gone.")


def test_the_summary_tells_whether_a_first_sync_is_sound() -> None:
    summary = build_report(first_sync=compare_first_sync(missing_ids=())).to_summary()
    told = summary["first_sync"]
    assert isinstance(told, dict)
    assert (told["is_sound"], told["chosen"]) == (True, 2)

"""The page of the run report: whole, self-contained, and deaf to what a payload says."""

import re

from lead_pipeline.domain.matching import RuleName
from lead_pipeline.domain.run_report import (
    DeadLetterLine,
    FieldLine,
    HandoverLine,
    MatchLine,
    ReasonCount,
)
from lead_pipeline.services.report_page import draw_report_page
from lead_pipeline_tests.report_builders import build_gate, build_report, build_segment

MARKUP = '<img src="https://example.net/x" onerror="alert(1)">'


def test_the_page_shows_verdict_sum_and_every_gate() -> None:
    gates = (build_gate("first__gate"), build_gate("second__gate"))

    page = draw_report_page(build_report(gates=gates))

    assert "10 delivered = 4 created" in page
    assert "first__gate" in page
    assert "second__gate" in page


def test_a_failed_gate_shows_its_next_step_and_ids() -> None:
    gate = build_gate(passed=False, count=1, failed_ids=("00QXX0000000001AAA",), next_step="Correct the phone rule")

    page = draw_report_page(build_report(gates=(gate,)))

    assert "✗ failed" in page
    assert "Correct the phone rule" in page
    assert "00QXX0000000001AAA" in page


def test_every_section_appears_when_there_is_something_to_show() -> None:
    page = draw_report_page(
        build_report(
            field_lines=(FieldLine(field="Phone", policy="fill_blank", filled_blank=2, kept_rep_value=1),),
            matches=(MatchLine(rule=RuleName.EMAIL, grade="certain", leads=3),),
            review_reasons=(ReasonCount(code="several_candidates", count=1),),
            dead_letters=(DeadLetterLine(code="X", cause="c", repair="r", owner="o", leads=1),),
            handovers=(HandoverLine(owner_id="005A", owner_kind="user", rule="us", state="done", leads=4),),
        )
    )

    for words in ("Phone", "the same e-mail address", "several_candidates", "Dead letters", "Handed over"):
        assert words in page


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = draw_report_page(build_report(gates=()))

    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"""(src|href)\s*=""", page)


def test_text_from_outside_is_shown_as_text() -> None:
    page = draw_report_page(
        build_report(segments=(build_segment(reason=MARKUP),), gates=(build_gate(description=MARKUP),))
    )

    assert MARKUP not in page
    assert "&lt;img" in page

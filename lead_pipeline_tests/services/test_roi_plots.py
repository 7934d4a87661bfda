"""The plots of the enrichment measures: shapes as large as their numbers, and a page that holds them."""

from __future__ import annotations

import pytest

from lead_pipeline.apps.roi_lines import describe_roi
from lead_pipeline.defs.roi_metadata import roi_metadata
from lead_pipeline.domain.enrichment.measures import AgeBucket, DaySpend
from lead_pipeline.services.report_page import draw_report_page
from lead_pipeline.services.roi_plots import (
    plot_accuracy,
    plot_ages,
    plot_completeness,
    plot_days,
    plot_funnel,
)
from lead_pipeline_tests.domain.enrichment.roi_builders import build_roi, empty_roi
from lead_pipeline_tests.report_builders import build_report

ROI = build_roi()


def test_a_bar_is_as_long_as_its_share() -> None:
    before, after, *_ = plot_completeness(ROI.completeness).boxes

    assert after.width / before.width == pytest.approx(180 / 120)
    assert before.hint == "120 of 200 as delivered"


def test_parts_of_a_day_stand_on_each_other_within_the_plot() -> None:
    plot = plot_days(ROI.days)
    spent, uncertain = plot.boxes[:2]

    assert uncertain.y + uncertain.height == pytest.approx(spent.y)
    assert spent.height / uncertain.height == pytest.approx(5)
    assert all(box.x >= 0 and box.x + box.width <= plot.width and box.y >= 0 for box in plot.boxes)


def test_a_whole_window_of_days_fits_and_names_only_a_few() -> None:
    days = [
        DaySpend(day=f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}", credits=day, uncertain_credits=0)
        for day in range(90)
    ]

    plot = plot_days(days)

    assert max(box.x + box.width for box in plot.boxes) <= plot.width
    assert len([text for text in plot.texts if text.anchor == "middle"]) <= 8


def test_records_past_their_age_are_told_apart() -> None:
    buckets = [AgeBucket(from_days=days, records=1) for days in (None, 0, 60, 90)]

    usual, strict = plot_ages(buckets, stale_after_days=90), plot_ages(buckets, stale_after_days=60)

    assert [box.kind for box in usual.boxes] == ["stale", "fresh", "fresh", "stale"]
    assert [box.kind for box in strict.boxes] == ["stale", "fresh", "stale", "stale"]
    assert ("stale", "60 days and more") in strict.legend


def test_an_accuracy_shows_its_band_and_what_was_seen() -> None:
    plot = plot_accuracy(ROI.accuracy)
    observed = [dot for dot in plot.dots if dot.kind.startswith("observed")]

    assert [dot.kind for dot in observed] == ["observed below", "observed within"]
    assert observed[0].x < plot.boxes[0].x
    assert plot.boxes[1].x < observed[1].x < plot.boxes[1].x + plot.boxes[1].width


def test_both_groups_of_the_funnel_carry_an_interval_around_their_share() -> None:
    plot = plot_funnel(ROI.funnel)
    whiskers = [line for line in plot.lines if line.kind == "whisker"]

    assert len(whiskers) == len(plot.boxes) == 4
    for box, whisker in zip(plot.boxes, whiskers, strict=True):
        assert whisker.x1 < box.x + box.width < whisker.x2


def test_the_page_shows_plots_assumption_and_warning_without_fetching_anything() -> None:
    page = draw_report_page(build_report(), roi=ROI)

    assert page.count("<svg") == 5
    assert "if a value takes 3 minutes (assumed)" in page
    assert "A correlation, not an effect" in page
    assert "email: 90 % of 100 values still stand, at least 95 % may be expected" in page
    assert "90 credits (9.00 EUR)" in page
    assert "<script" not in page
    assert "http" not in page.partition("<body>")[2]


def test_nothing_measured_draws_no_empty_picture() -> None:
    page = draw_report_page(build_report(), roi=empty_roi())

    assert "<svg" not in page
    assert "No enrichment call in this time." in page
    assert "a lead created" not in page


def test_a_report_without_measures_has_no_such_part() -> None:
    assert "enrichment is worth" not in draw_report_page(build_report())


def test_a_terminal_tells_cost_time_completeness_drift_and_age() -> None:
    lines = "\n".join(describe_roi(ROI))

    assert "90 credits (9.00 EUR) for 100 people asked about, 80 found; 16 brought nothing new" in lines
    assert "6.0 hours of typing at 3 minutes a value (assumed)" in lines
    assert "complete leads 50% as delivered, 80% after enrichment" in lines
    assert "drift: email 90 of 100 values still stand, 95% may be expected" in lines
    assert "420 stale records flagged, 85 suppressed" in lines
    assert list(describe_roi(empty_roi())) == ["0 credits for 0 people asked about, 0 found; 0 brought nothing new"]


def test_dagster_gets_numbers_that_plot_and_tables_even_of_nothing() -> None:
    metadata, nothing = roi_metadata(ROI), roi_metadata(empty_roi())

    assert (metadata["credits"], metadata["credits_per_created"]) == (90, 2.0)
    assert {"completeness", "accuracy", "funnel", "credits_by_segment", "ages"} <= set(metadata)
    assert "credits_by_segment" in nothing

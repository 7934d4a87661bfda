"""The measures of enrichment: what is divided by what, and what nothing measured looks like."""

from __future__ import annotations

import pytest

from lead_pipeline.config.loading import load_document, load_parsed
from lead_pipeline.domain.enrichment.measure_rules import AccuracyBand, MeasureRules, parse_measure_rules
from lead_pipeline.domain.enrichment.measures import (
    CompletenessLine,
    Drift,
    FunnelLine,
    StandingCount,
    judge_accuracy,
    share_of,
    wilson_interval,
)
from lead_pipeline.domain.enrichment.roi import EnrichmentRoi
from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline_tests.domain.enrichment.roi_builders import build_roi, empty_roi

EMAIL = AccuracyBand(low=0.95, high=0.99, priority="high")


def judged(written: int, standing: int) -> Drift:
    count = StandingCount(field="email", written=written, standing=standing, stated_share=0.97)
    [line] = judge_accuracy([count], {"email": EMAIL}, min_values=30)
    return line.drift


@pytest.mark.parametrize(
    ("written", "standing", "drift"),
    [
        (100, 94, Drift.BELOW),
        (100, 95, Drift.WITHIN),
        (100, 99, Drift.WITHIN),
        (100, 100, Drift.ABOVE),
        (29, 0, Drift.TOO_FEW),
        (30, 0, Drift.BELOW),
        (0, 0, Drift.NOT_MEASURED),
    ],
)
def test_an_accuracy_is_held_against_its_band(written: int, standing: int, drift: Drift) -> None:
    assert judged(written, standing) is drift


def test_a_kind_of_data_that_is_never_written_is_not_measured() -> None:
    [line] = judge_accuracy([], {"technologies": EMAIL}, min_values=30)

    assert (line.drift, line.observed_share, line.stated_share) == (Drift.NOT_MEASURED, None, None)


def test_a_field_without_an_expectation_is_left_out() -> None:
    count = StandingCount(field="city", written=100, standing=1, stated_share=None)

    assert judge_accuracy([count], {}, min_values=30) == ()


def test_nothing_measured_is_not_nothing_found() -> None:
    assert share_of(0, 0) is None
    assert wilson_interval(0, 0) is None
    assert CompletenessLine(field="email", leads=0, before=0, after=0).share_after is None
    assert FunnelLine(is_enriched=True).response_interval is None


def test_the_interval_of_a_share_holds_at_both_ends_and_narrows_with_more_leads() -> None:
    none, some, all_of_them = wilson_interval(0, 10), wilson_interval(5, 10), wilson_interval(10, 10)
    many = wilson_interval(500, 1_000)
    assert none is not None
    assert some is not None
    assert all_of_them is not None
    assert many is not None

    assert list(none) == [0.0, pytest.approx(0.2775, abs=1e-3)]
    assert list(some) == [pytest.approx(0.2366, abs=1e-3), pytest.approx(0.7634, abs=1e-3)]
    assert list(all_of_them) == [pytest.approx(0.7225, abs=1e-3), pytest.approx(1.0)]
    assert many[1] - many[0] < (some[1] - some[0]) / 5


def test_lost_answers_count_as_spent_and_as_wasted() -> None:
    roi = build_roi()

    assert roi.credits == 60 + 20 + 10
    assert roi.wasted_credits == 6 + 10
    assert roi.wasted_share == pytest.approx(16 / 90)


def test_each_cost_is_divided_by_what_it_bought() -> None:
    roi = build_roi()

    assert roi.credits_per_lead == pytest.approx(90 / 100)
    assert roi.credits_per_created == pytest.approx(90 / 45)
    assert roi.changed_values == 120
    assert roi.credits_per_value == pytest.approx(90 / 120)
    assert roi.match_share == pytest.approx(0.8)
    assert roi.call_success_share == pytest.approx(9 / 12)


def test_valid_is_what_was_sure_enough_and_about_the_right_person() -> None:
    assert build_roi().valid_share == pytest.approx(150 / 180)


def test_the_hours_follow_from_the_stated_assumption() -> None:
    assert build_roi().hours_saved == pytest.approx(120 * 3 / 60)


def test_a_price_is_named_only_where_somebody_said_it() -> None:
    assert empty_roi().price(1_200) == "1,200 credits"
    assert build_roi().price(0.5) == "0.50 credits (0.05 EUR)"
    assert build_roi().price(None) == "-"


def test_only_what_was_measured_is_plotted() -> None:
    nothing, something = empty_roi().as_metadata(), build_roi().as_metadata()

    assert "match_share" not in nothing
    assert "enriched_response_share" not in nothing
    assert nothing["credits"] == 0
    assert something["enriched_response_share"] == 0.25
    assert something["other_median_hours_to_touch"] == 30.0
    assert something["complete_share_after"] == 0.8
    assert something["drifting_kinds"] == 1
    assert all(isinstance(number, int | float) for number in something.values())


def test_what_is_kept_reads_back_as_it_was() -> None:
    roi = build_roi()

    assert EnrichmentRoi.from_summary(roi.to_summary()) == roi
    assert "correlation" in str(roi.to_summary()["funnel_note"]).lower()


def test_the_packaged_expectations_are_those_of_the_guide() -> None:
    rules = load_parsed("enrichment_measures", parse_measure_rules)

    bands = {name: (band.low, band.high, band.priority) for name, band in rules.bands.items()}
    assert bands == {
        "email": (0.95, 0.99, "high"),
        "phone": (0.80, 0.90, "medium"),
        "company_revenue": (0.70, 0.85, "medium"),
        "title": (0.60, 0.80, "low"),
        "linkedin_url": (0.90, 0.95, "medium"),
        "technologies": (0.50, 0.70, "low"),
    }
    assert (rules.window.days, rules.stale.flag_after.days, rules.stale.suppress) == (90, 90, False)


def test_numbers_that_contradict_each_other_are_all_named() -> None:
    document = {
        **load_document("enrichment_measures"),
        "credit_price": 0.1,
        "accuracy": {"min_values": 30, "bands": {"email": {"low": 0.9, "high": 0.8, "priority": "high"}}},
        "stale": {"flag_after_days": 90, "suppress": True, "suppress_after_days": 30},
    }

    with pytest.raises(InvalidDocumentError) as caught:
        parse_measure_rules(document)

    assert len(caught.value.problems) == 2


def test_a_price_is_read_as_a_number() -> None:
    rules: MeasureRules = parse_measure_rules({**load_document("enrichment_measures"), "credit_price": 1})

    assert rules.credit_price == 1.0


def test_a_group_is_named_and_its_conversions_have_an_interval() -> None:
    enriched = FunnelLine(is_enriched=True, leads=40, converted=10)
    low, high = enriched.conversion_interval or (1.0, 0.0)

    assert (enriched.label, FunnelLine(is_enriched=False).label) == ("enriched", "not enriched")
    assert low < 0.25 < high

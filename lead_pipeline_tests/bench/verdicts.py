"""Whether what was measured keeps what is promised; the figures come from the modules that measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.enrichment_growth import EnrichmentSpeed, growth
from lead_pipeline_tests.bench.measurements import Result, find_result
from lead_pipeline_tests.bench.org_speed import OrgSpeed

TARGET_CALLS = 25  # Salesforce calls for TARGET_LEADS new leads through the whole nightly job: the product's promise
TARGET_LEADS = 10_000
MOST_GROWTH = 11.0  # times the work for ten times the leads
SIZES_OF_GROWTH = (1_000, 10_000)
LARGE_ORG_LEADS = 1_000_000  # the limit for a page is for an org of this size


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One promise beside its figure; without a figure it was not measured.

    Attributes:
        promise: In words, with its limit.
        needs: What has to be measured for it.
        figure: What was measured, in the promise's unit.
        is_kept: Whether it keeps the promise; None when it was not measured.
    """

    promise: str
    needs: str
    figure: float | None
    is_kept: bool | None

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.figure is None or self.is_kept is None:
            return f"NOT MEASURED: {self.promise}; needs {self.needs}"
        return f"{'PASS' if self.is_kept else 'FAIL'}: {self.figure:,.4g} measured; the promise is {self.promise}"


def judge_calls(results: Sequence[Result]) -> Verdict:
    """Hold the pipeline to its calls; a run that did not bring in every lead proves nothing."""
    result = find_result(results, Contestant.PIPELINE, leads=TARGET_LEADS)
    is_complete = result is not None and not result.problems and not result.missing
    return at_most(
        TARGET_CALLS,
        result.first.total_calls if result is not None and is_complete else None,
        promise=f"at most {TARGET_CALLS} Salesforce calls for {TARGET_LEADS:,} new leads",
        needs=f"the pipeline at {TARGET_LEADS:,} leads, run to its end",
    )


def judge_growth(speeds: Sequence[EnrichmentSpeed]) -> Verdict:
    """Hold enrichment to work that grows as the leads do."""
    small, large = SIZES_OF_GROWTH
    is_measured = {speed.leads for speed in speeds} == {small, large}
    return at_most(
        MOST_GROWTH,
        growth(speeds) if is_measured else None,
        promise=f"at most {MOST_GROWTH:.0f} times the CPU to enrich {large:,} leads in place of {small:,}",
        needs=f"enrichment at {small:,} and {large:,} leads",
    )


def judge_org_speed(speed: OrgSpeed | None) -> list[Verdict]:
    """Hold the emulated org to what a test of size needs of it; a page only at the size that its limit is for."""
    needs = "the speed of the org, --org-leads"
    return [
        at_most(2, None if speed is None else speed.start_seconds, promise="an org that is up in 2 s", needs=needs),
        at_most(
            150,
            None if speed is None or speed.org_leads < LARGE_ORG_LEADS else speed.query_page_ms,
            promise=f"a page of 2,000 rows in 150 ms with {LARGE_ORG_LEADS:,} leads in the org",
            needs=f"--org-leads {LARGE_ORG_LEADS}",
        ),
        at_least(
            3_000,
            None if speed is None else speed.ingest_rows_per_second,
            promise="3,000 Bulk rows a second",
            needs=needs,
        ),
        at_least(
            200,
            None if speed is None else speed.creates_per_second,
            promise="200 single creates a second",
            needs=needs,
        ),
    ]


def at_most(limit: float, figure: float | None, *, promise: str, needs: str) -> Verdict:
    """Judge a figure that may not be larger than its limit."""
    return Verdict(promise=promise, needs=needs, figure=figure, is_kept=None if figure is None else figure <= limit)


def at_least(limit: float, figure: float | None, *, promise: str, needs: str) -> Verdict:
    """Judge a figure that may not be smaller than its limit."""
    return Verdict(promise=promise, needs=needs, figure=figure, is_kept=None if figure is None else figure >= limit)

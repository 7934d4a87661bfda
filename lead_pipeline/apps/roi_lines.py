"""The worth of enrichment in a few lines of a terminal. The whole of it is on the page and in the JSON."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from lead_pipeline.domain.enrichment.roi import EnrichmentRoi


def print_roi(console: Console, roi: EnrichmentRoi) -> None:
    """Print cost, success, completeness, accuracy and time saved."""
    console.print(f"\n[bold]Enrichment[/bold] {roi.since[:10]} to {roi.until[:10]}")
    for line in describe_roi(roi):
        console.print(f"  {line}")


def describe_roi(roi: EnrichmentRoi) -> Iterator[str]:
    """Yield the measures in words; what was not measured is left out."""
    yield (
        f"{roi.price(roi.credits)} for {roi.people.asked:,} people asked about, {roi.people.found:,} found; "
        f"{roi.wasted_credits:,} brought nothing new"
    )
    if roi.changed_values:
        yield (
            f"{roi.changed_values:,} values filled or replaced, {roi.price(roi.credits_per_value)} each; "
            f"{roi.hours_saved:,.1f} hours of typing at {roi.minutes_saved_per_value:g} minutes a value (assumed)"
        )
    lines = roi.complete_leads
    if lines.share_before is not None and lines.share_after is not None:
        yield f"complete leads {lines.share_before:.0%} as delivered, {lines.share_after:.0%} after enrichment"
    for line in roi.drifting:
        yield (
            f"drift: {line.field} {line.standing:,} of {line.written:,} values still stand, "
            f"{line.band.low:.0%} may be expected"
        )
    if roi.stale_records:
        yield f"{roi.stale_records:,} stale records flagged, {roi.suppressed_records:,} suppressed"

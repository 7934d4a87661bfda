"""Draws the run report as one self-contained HTML page: no script, nothing fetched, safe to mail.

Every value passes Jinja's escaping; the content policy in the page forbids whatever might slip through.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lead_pipeline.domain.enrichment.roi import CORRELATION_NOTE, EnrichmentRoi
from lead_pipeline.domain.matching import rule_in_words
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.services.roi_plots import (
    Plot,
    percent,
    plot_accuracy,
    plot_ages,
    plot_completeness,
    plot_days,
    plot_funnel,
)

_TEMPLATES = Path(__file__).parent / "templates"

#: Outcomes in the order of the funnel, with the words under the bars.
_FUNNEL = (
    ("created", "Created", "new Leads in Salesforce"),
    ("updated", "Updated", "existing records improved"),
    ("skipped", "Skipped", "already right, or a second copy"),
    ("review", "Review", "a person decides"),
    ("quarantined", "Quarantine", "row breaks the contract"),
    ("dead_letter", "Dead letter", "write given up, can be replayed"),
)
_WAITING = ("waiting", "Waiting", "not let through yet")  # only while a batch goes step by step


def draw_report_page(report: RunReport, *, roi: EnrichmentRoi | None = None) -> str:
    """Return the HTML of a run report.

    Args:
        report: The run in numbers.
        roi: What enrichment was worth; None leaves its part out.
    """
    steps = (*_FUNNEL, _WAITING) if report.waiting else _FUNNEL
    largest = max((getattr(report, name) for name, _, _ in steps), default=0) or 1
    funnel = [
        {
            "name": name,
            "label": label,
            "note": note,
            "count": getattr(report, name),
            "percent": round(100 * getattr(report, name) / largest, 1),
        }
        for name, label, note in steps
    ]
    return _template().render(
        report=report,
        funnel=funnel,
        roi=roi,
        plots=_plots(roi) if roi is not None else (),
        percent=percent,
        note=CORRELATION_NOTE,
    )


def _plots(roi: EnrichmentRoi) -> tuple[Plot, ...]:
    """Draw what was counted; a picture of nothing would only take up room."""
    drawn = (
        plot_completeness(roi.completeness) if any(line.leads for line in roi.completeness) else None,
        plot_days(roi.days) if roi.days else None,
        _plot_ages(roi),
        plot_accuracy(roi.accuracy) if any(line.written for line in roi.accuracy) else None,
        plot_funnel(roi.funnel) if any(line.leads for line in roi.funnel) else None,
    )
    return tuple(plot for plot in drawn if plot is not None)


def _plot_ages(roi: EnrichmentRoi) -> Plot | None:
    if not any(bucket.records for bucket in roi.ages):
        return None
    return plot_ages(roi.ages, stale_after_days=roi.stale_after_days)


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["rule_in_words"] = rule_in_words
    return environment.get_template("run_report.html.j2")

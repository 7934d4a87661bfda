"""Draws the run report as one self-contained HTML page: no script, nothing fetched, safe to mail.

Every value passes Jinja's escaping; the content policy in the page forbids whatever might slip through.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lead_pipeline.domain.run_report import RunReport

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


def draw_report_page(report: RunReport) -> str:
    """Return the HTML of a run report."""
    largest = max((getattr(report, name) for name, _, _ in _FUNNEL), default=0) or 1
    funnel = [
        {
            "name": name,
            "label": label,
            "note": note,
            "count": getattr(report, name),
            "percent": round(100 * getattr(report, name) / largest, 1),
        }
        for name, label, note in _FUNNEL
    ]
    return _template().render(report=report, funnel=funnel)


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("run_report.html.j2")

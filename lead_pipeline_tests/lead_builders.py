"""Rows and leads for tests: tidy by default, each test names what it varies."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

import lead_pipeline
from lead_pipeline.domain.extraction import SourceMapping, parse_source_mapping
from lead_pipeline.domain.leads import RawLead

NOW = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
FETCHED_AT = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
BATCH_ID = "2026-05-04"
SOURCES = Path(lead_pipeline.__file__).parent / "config" / "sources"

ARTICLE_ROW: Mapping[str, object] = {
    "first_name": "Jane",
    "last_name": "Doe",
    "full_name": "Jane Doe",
    "email": "jane.doe@acme.com",
    "email_status": "verified",
    "phone": "(415) 555-2671",
    "job_title": "VP Sales",
    "company_name": "Acme Inc.",
    "company_domain": "https://www.acme.com/",
    "linkedin_url": "linkedin.com/in/jane-doe",
    "location": {"locality": "Austin", "region": "TX", "country": "United States"},
    "industry": "Computer Software",
    "employee_count": "51-200",
    "source": {"provider": "linkedin", "collected_at": "2026-05-01T00:00:00Z"},
}


def load_mapping(name: str = "dievio") -> SourceMapping:
    """Return a packaged source mapping."""
    return parse_source_mapping(yaml.safe_load((SOURCES / f"{name}.yaml").read_text("utf-8")))


def article_row(**overrides: object) -> dict[str, object]:
    """Return a row as the vendor's field table describes it."""
    return {**ARTICLE_ROW, **overrides}


def raw_lead(
    payload: object, *, raw_lead_id: int = 1, request_email_status: str | None = "verified", segment: str = "saas_us"
) -> RawLead:
    """Return a delivered row."""
    return RawLead(
        raw_lead_id=raw_lead_id,
        batch_id=BATCH_ID,
        segment=segment,
        page_number=1,
        row_number=raw_lead_id,
        payload=payload,
        request_email_status=request_email_status,
        fetched_at=FETCHED_AT,
    )

"""Industries, sizes of employers, titles and moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.employee_counts import EmployeeSize, band_of, read_employee_size
from lead_pipeline.domain.normalize.industries import IndustryReading, read_industry
from lead_pipeline.domain.normalize.reference_data import read_table
from lead_pipeline.domain.normalize.times import NoMomentError, TimeForm, read_time, write_time
from lead_pipeline.domain.normalize.titles import clean_title, derive_department, derive_seniority, title_key

STANDARD_INDUSTRIES = frozenset(
    {
        "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction",
        "Consulting", "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance",
        "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing",
        "Media", "Not For Profit", "Recreation", "Retail", "Shipping", "Technology", "Telecommunications",
        "Transportation", "Utilities",
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("Computer Software", "Technology"),
        ("information technology and services", "Technology"),
        ("Information Technology & Services", "Technology"),
        ("Electrical/Electronic Manufacturing", "Electronics"),
        ("hospital & health care", "Healthcare"),
        ("Software Development", "Technology"),
        ("Food & Beverage", "Food & Beverage"),
        ("Banking", "Banking"),
    ],
)
def test_labels_of_every_provider_become_the_standard_value(raw: str, value: str) -> None:
    assert read_industry(raw) == IndustryReading(value=value)


@pytest.mark.parametrize("raw", ["Quantum Beekeeping", "Fintech-ish", "Wellness of Things", "Real Estate", "Other"])
def test_a_label_without_a_value_is_a_gap_and_never_other(raw: str) -> None:
    assert read_industry(raw) == IndustryReading(is_gap=True)


def test_a_blank_industry_is_no_gap() -> None:
    assert read_industry("n/a") == IndustryReading()


def test_only_values_of_the_org_are_given() -> None:
    vocabulary = frozenset({"SaaS", "Banking", "real estate"})

    assert read_industry("saas", vocabulary).value == "SaaS"
    assert read_industry("Real Estate", vocabulary).value == "real estate"
    assert read_industry("Computer Software", vocabulary) == IndustryReading(is_gap=True)
    assert read_industry("Investment Banking", vocabulary) == IndustryReading(is_gap=True)
    assert read_industry("Savings Institutions", vocabulary).value == "Banking"


def test_the_reviewed_table_holds_both_lists_and_only_standard_values() -> None:
    rows = read_table("industries")

    assert len(rows) > 500
    assert {row["industry"] for row in rows} - {""} == STANDARD_INDUSTRIES


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("250", EmployeeSize(count=250, band="201-500")),
        ("1,200", EmployeeSize(count=1200, band="1001-5000")),
        ("2.300", EmployeeSize(count=2300, band="1001-5000")),
        ("1.2k", EmployeeSize(count=1200, band="1001-5000")),
        ("~500 employees", EmployeeSize(count=500, band="201-500")),
        ("51-200", EmployeeSize(band="51-200")),
        ("201–500", EmployeeSize(band="201-500")),
        ("200-500", EmployeeSize(band="201-500")),
        ("1,001-5,000", EmployeeSize(band="1001-5000")),
        ("1K-5K", EmployeeSize(band="1001-5000")),
        ("1001 to 5000", EmployeeSize(band="1001-5000")),
        ("10001+", EmployeeSize(band="10001+")),
        ("10,001+ employees", EmployeeSize(band="10001+")),
        ("500+", EmployeeSize(band="501-1000")),
        ("20-99", EmployeeSize(band="20-99")),
        ("Nov-50", EmployeeSize(band="11-50")),
        ("10-Jan", EmployeeSize(band="1-10")),
        ("20000", EmployeeSize(count=20000, band="10001+")),
        ("n/a", EmployeeSize()),
        ("0", EmployeeSize(is_unreadable=True)),
        ("9m", EmployeeSize(is_unreadable=True)),
        ("100-50", EmployeeSize(is_unreadable=True)),
        ("many", EmployeeSize(is_unreadable=True)),
    ],
)
def test_a_size_is_a_number_or_a_band(raw: str, expected: EmployeeSize) -> None:
    assert read_employee_size(raw) == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=1, max_value=5_000_000))
def test_a_head_count_reads_back_whatever_its_grouping(count: int) -> None:
    assert read_employee_size(f"{count:,}") == EmployeeSize(count=count, band=band_of(count))


@pytest.mark.parametrize(
    ("raw", "stored", "key", "seniority", "department"),
    [
        ("VP Sales", "VP Sales", "vice president sales", "vp", "sales"),
        ("vp of marketing", "VP of Marketing", "vice president of marketing", "vp", "marketing"),
        ("Sr. Software Engineer", "Sr. Software Engineer", "senior software engineer", "senior", "engineering"),
        ("CEO", "CEO", "chief executive officer", "cxo", None),
        ("President", "President", "president", "cxo", None),
        ("Geschäftsführerin", "Geschäftsführerin", "geschaftsfuhrerin", "cxo", None),
        ("Founder & CEO", "Founder & CEO", "founder and chief executive officer", "owner", None),
        ("Head of Data", "Head of Data", "head of data", "director", "data"),
        ("Partner", "Partner", "partner", "partner", None),
        ("HR Business Partner", "HR Business Partner", "human resources business partner", None, "human_resources"),
        ("Partner Manager", "Partner Manager", "partner manager", "manager", None),
        ("Junior Consultant", "Junior Consultant", "junior consultant", "entry", "consulting"),
        ("Legal Intern", "Legal Intern", "legal intern", "training", "legal"),
        ("null", None, "null", None, None),
        ("!!", None, None, None, None),
    ],
)
def test_a_title_is_stored_compared_and_read(
    raw: str, stored: str | None, key: str | None, seniority: str | None, department: str | None
) -> None:
    assert clean_title(raw) == stored
    assert title_key(raw) == key
    assert (derive_seniority(raw), derive_department(raw)) == (seniority, department)


@pytest.mark.parametrize(
    ("raw", "form", "expected"),
    [
        ("2026-05-04T08:15:00.000+0000", TimeForm.ISO, "2026-05-04T08:15:00Z"),
        ("2026-05-04T08:15:00+02:00", TimeForm.ISO, "2026-05-04T06:15:00Z"),
        ("20260504T081500Z", TimeForm.ISO, "2026-05-04T08:15:00Z"),
        ("2026-05-04T08:15:00.123456789Z", TimeForm.ISO, "2026-05-04T08:15:00.123456Z"),
        ("2026-05-04", TimeForm.ISO, "2026-05-04T00:00:00Z"),
        (1777882500, TimeForm.EPOCH_SECONDS, "2026-05-04T08:15:00Z"),
        ("1777882500.5", TimeForm.EPOCH_SECONDS, "2026-05-04T08:15:00.500000Z"),
        ("1777882500000", TimeForm.EPOCH_MILLISECONDS, "2026-05-04T08:15:00Z"),
    ],
)
def test_moments_become_utc_in_the_declared_form(raw: object, form: TimeForm, expected: str) -> None:
    moment = read_time(raw, form)

    assert moment is not None
    assert write_time(moment) == expected


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        ("2026-05-04T08:15:00", TimeForm.ISO),
        ("04.05.2026", TimeForm.ISO),
        (1777882500, TimeForm.ISO),
        ("2026-05-04", TimeForm.EPOCH_SECONDS),
        (True, TimeForm.EPOCH_SECONDS),
        (1e30, TimeForm.EPOCH_SECONDS),
        ([], TimeForm.EPOCH_MILLISECONDS),
    ],
)
def test_a_moment_without_zone_or_of_another_form_is_refused(raw: object, form: TimeForm) -> None:
    with pytest.raises(NoMomentError):
        read_time(raw, form)


@pytest.mark.parametrize("raw", [None, "", "n/a"])
def test_a_blank_is_no_moment(raw: object) -> None:
    assert read_time(raw) is None


@settings(max_examples=100, deadline=None)
@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30)))))
def test_a_moment_survives_writing_and_reading(moment: datetime) -> None:
    if moment.year < 2:
        return
    assert read_time(write_time(moment)) == moment.astimezone(UTC)

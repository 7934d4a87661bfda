"""Whether a source still sends what its mapping expects."""

import pytest

from lead_pipeline.domain.drift import RenamedField, find_drift
from lead_pipeline_tests.lead_builders import ARTICLE_ROW, load_mapping

COUNTS = dict.fromkeys(ARTICLE_ROW, 100)


def without(*keys: str, **extra: int) -> dict[str, int]:
    return {key: count for key, count in COUNTS.items() if key not in keys} | extra


def test_a_batch_like_the_documentation_has_no_drift() -> None:
    report = find_drift(COUNTS, row_count=100, mapping=load_mapping())

    assert not report.has_drift
    assert report.new_keys == {}


@pytest.mark.parametrize(
    ("counts", "missing"),
    [
        (without("industry"), ("industry",)),
        (without("email", "job_title"), ("email", "title")),
        (without("industry", **{"raw.job_company_industry": 90}), ()),
        (without("company_name", job_company_name=100), ()),
    ],
)
def test_an_expected_value_under_none_of_its_names_is_missing(counts: dict[str, int], missing: tuple[str, ...]) -> None:
    assert find_drift(counts, row_count=100, mapping=load_mapping()).missing == missing


def test_a_new_key_that_looks_like_a_missing_one_is_its_new_name() -> None:
    report = find_drift(without("company_domain", company_domains=80), row_count=100, mapping=load_mapping())

    assert report.renamed == (RenamedField(field="company_domain", new_key="company_domains"),)
    assert report.missing == ()
    assert report.has_drift


def test_a_new_key_is_news_and_no_fault() -> None:
    report = find_drift(without(shoe_size=3), row_count=100, mapping=load_mapping())

    assert report.new_keys == {"shoe_size": 3}
    assert not report.has_drift


def test_a_batch_without_rows_misses_nothing() -> None:
    assert not find_drift({}, row_count=0, mapping=load_mapping()).has_drift

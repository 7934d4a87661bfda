"""Reading a row by its source mapping."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from lead_pipeline.domain.extraction import Conversion, ExtractedRow, extract_fields, parse_source_mapping
from lead_pipeline.errors import ConfigurationError
from lead_pipeline_tests.lead_builders import SOURCES, article_row, load_mapping


def read(payload: dict[str, object], source: str = "dievio") -> ExtractedRow:
    return extract_fields(payload, load_mapping(source))


def mapping_of(**fields: Any) -> Any:
    return parse_source_mapping({"source": "s", "version": 1, "label": "S", "fields": fields})


PROFILES: dict[str, dict[str, object]] = {
    "article": article_row(),
    "pdl": {
        "full_name": "jane doe", "job_title": "vp sales", "job_company_name": "acme inc.",
        "job_company_website": "acme.com", "industry": "computer software", "location_country": "united states",
        "location_region": "texas", "work_email": "jane.doe@acme.com", "mobile_phone": "+14155552671",
        "linkedin_url": "linkedin.com/in/jane-doe",
    },
    "lookup": {
        "linkedin_url": "https://www.linkedin.com/in/jane-doe", "full_name": "Jane Doe", "first_name": "Jane",
        "last_name": "Doe", "job_title": "VP Sales", "company": "Acme Inc.", "work_email": "jane.doe@acme.com",
        "personal_emails": ["jane@gmail.com"], "personal_emails_count": 1, "has_email": True,
        "mobile_phone": "+14155552671", "has_phone": True,
    },
    "camel": {
        "firstName": "Jane", "lastName": "Doe", "fullName": "Jane Doe", "email": "jane.doe@acme.com",
        "jobTitle": "VP Sales", "companyName": "Acme Inc.", "linkedinUrl": "linkedin.com/in/jane-doe",
    },
}  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES)
def test_one_mapping_reads_every_known_row_profile(profile: str) -> None:
    row = read(PROFILES[profile])

    assert str(row.values["full_name"]).lower() == "jane doe"
    assert row.values["email"] == "jane.doe@acme.com"
    assert str(row.values["company_name"]).lower() == "acme inc."
    assert str(row.values["title"]).lower() == "vp sales"
    assert str(row.values["linkedin_url"]).endswith("linkedin.com/in/jane-doe")
    assert row.unknown_keys == ()


def test_another_source_needs_another_file_and_nothing_else() -> None:
    payload = {
        "leadId": "L-7",
        "contact": {"firstName": "Jane", "email": "jane@acme.com"},
        "company": {"name": "Acme"},
        "submittedAt": 1777882500000,
    }

    row = read(payload, "lead_platform")

    assert row.record_id == "L-7"
    assert row.values == {
        "first_name": "Jane",
        "email": "jane@acme.com",
        "company_name": "Acme",
        "last_enriched_at": 1777882500000,
    }
    assert row.conversions == {"last_enriched_at": Conversion.EPOCH_MILLISECONDS}


@pytest.mark.parametrize(
    ("payload", "value", "path"),
    [
        ({"emails": [{"type": "personal", "address": "p@x.com"},
                    {"type": "current_professional", "address": "w@x.com"}]},
         "w@x.com", "emails[type=current_professional].address"),
        ({"emails": [{"address": "a@x.com"}]}, "a@x.com", "emails[0].address"),
        ({"emails": ["a@x.com"]}, "a@x.com", "emails[0]"),
        ({"email": "n/a", "work_email": "w@x.com"}, "w@x.com", "work_email"),
        ({"email": "", "raw": {"email": "r@x.com"}}, "r@x.com", "raw.email"),
        ({"work_email": "w@x.com", "raw": {"email": "r@x.com"}}, "w@x.com", "work_email"),
        ({"emails": []}, None, None),
        ({"emails": "a@x.com"}, None, None),
        ({"emails": ["a", 7]}, "a", "emails[0]"),
        ({"email": {"address": "x"}}, None, None),
        ({"raw": "text"}, None, None),
    ],
)  # fmt: skip
def test_the_first_candidate_that_is_not_blank_wins_and_is_recorded(
    payload: dict[str, object], value: str | None, path: str | None
) -> None:
    row = read(payload)

    assert row.values.get("email") == value
    assert row.source_paths.get("email") == path


def test_a_bare_profile_name_is_read_as_an_address() -> None:
    assert read({"linkedin_username": "jane-doe"}).values["linkedin_url"] == "https://www.linkedin.com/in/jane-doe"


def test_explicit_confidences_are_found_by_value_or_by_key() -> None:
    row = read(article_row(email_confidence=0.9, confidence={"job_title": 0.4, "phone": 0.5}))

    assert row.explicit_confidences == {"email": 0.9, "title": 0.4, "phone": 0.5}
    assert row.unknown_keys == ()


def test_unknown_keys_are_named() -> None:
    assert read(article_row(shoe_size=42, id="x-1")).unknown_keys == ("shoe_size",)


@pytest.mark.parametrize("name", ["dievio", "lead_platform"])
def test_packaged_mappings_obey_their_schema(name: str) -> None:
    schema = json.loads((SOURCES.parent / "schemas" / "source_mapping.schema.json").read_text("utf-8"))

    document = yaml.safe_load((SOURCES / f"{name}.yaml").read_text("utf-8"))

    errors = list(Draft202012Validator(schema).iter_errors(document))

    assert errors == []


@pytest.mark.parametrize(
    "fields", [{"shoe_size": ["x"]}, {"email": "x"}, {"email": ["a..b"]}, {"email": ["a[b"]}, {"email": ["1a"]}]
)
def test_a_wrong_mapping_is_refused_with_its_place(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="sources/s"):
        mapping_of(**fields)


def test_the_enrichment_source_is_the_label_unless_named() -> None:
    assert mapping_of(email=["email"]).enrichment_source == "S"

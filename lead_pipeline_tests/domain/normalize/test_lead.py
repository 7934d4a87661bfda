"""A delivered row as a normalized lead or as a quarantined one."""

from typing import Any

import pytest

from lead_pipeline.domain.identity import AliasKind
from lead_pipeline.domain.leads import CANONICAL_FIELDS, Confidence, ConfidenceOrigin, QuarantinedLead
from lead_pipeline.domain.normalize.lead import LeadDraft, normalize_row
from lead_pipeline_tests.lead_builders import NOW, article_row, load_mapping, raw_lead


def normalize(payload: object, *, request_email_status: str | None = "verified", **options: Any) -> LeadDraft:
    result = normalize_row(
        raw_lead(payload, request_email_status=request_email_status), load_mapping(), now=NOW, **options
    )
    assert isinstance(result, LeadDraft)
    return result


def quarantine_codes(payload: object) -> list[str]:
    result = normalize_row(raw_lead(payload), load_mapping(), now=NOW)
    assert isinstance(result, QuarantinedLead)
    return [reason.code for reason in result.reasons]


def test_a_tidy_row_becomes_clean_values_with_stamps() -> None:
    draft = normalize(article_row())

    assert draft.values == {
        "first_name": "Jane", "last_name": "Doe", "full_name": "Jane Doe", "email": "jane.doe@acme.com",
        "email_status": "verified", "phone": "+14155552671", "title": "VP Sales", "seniority": "vp",
        "department": "sales", "company_name": "Acme Inc.", "company_domain": "acme.com",
        "website": "https://www.acme.com", "linkedin_url": "https://www.linkedin.com/in/jane-doe",
        "industry": "Technology", "employee_band": "51-200", "city": "Austin", "state": "Texas", "country": "US",
        "country_name": "United States", "source": "Dievio search", "search_segment": "saas_us",
        "enrichment_source": "linkedin", "last_enriched_at": "2026-05-01T00:00:00Z",
        "synced_at": "2026-05-04T06:00:00Z", "lead_confidence_percent": 92,
        "update_reason": "Dievio search, segment saas_us, batch 2026-05-04", "updated_by_system": "lead_pipeline",
    }  # fmt: skip
    assert draft.flags == ()
    assert set(draft.values) <= set(CANONICAL_FIELDS)


def test_every_value_knows_its_cell_and_its_confidence() -> None:
    draft = normalize(article_row(title_confidence=0.4))

    assert draft.source_paths["city"] == "location.locality"
    assert draft.source_paths["seniority"] == "job_title"
    assert draft.confidences["email"] == Confidence(share=0.98, origin=ConfidenceOrigin.STATUS)
    assert draft.confidences["title"] == Confidence(share=0.4, origin=ConfidenceOrigin.EXPLICIT)
    assert "synced_at" not in draft.confidences


@pytest.mark.parametrize(
    ("own", "requested", "share"),
    [("likely", "verified", 0.65), (None, "verified", 0.98), (None, "all", 0.65), (None, None, 0.65)],
)
def test_the_status_of_the_row_wins_over_that_of_the_search(
    own: str | None, requested: str | None, share: float
) -> None:
    draft = normalize(article_row(email_status=own), request_email_status=requested)

    assert draft.confidences["email"].share == share


@pytest.mark.parametrize(
    ("overrides", "codes"),
    [
        ({"last_name": "-", "full_name": None}, ["missing_last_name"]),
        ({"first_name": None, "last_name": None, "full_name": "Prudence"}, ["missing_last_name"]),
        ({"company_name": "N/A"}, ["missing_company"]),
        (
            {"first_name": None, "last_name": None, "full_name": "Acme GmbH"},
            ["missing_last_name", "name_is_not_a_person"],
        ),
        (
            {"last_name": None, "full_name": None, "company_name": None, "email": None, "linkedin_url": None},
            ["missing_last_name", "missing_company", "no_usable_identity"],
        ),
    ],
)
def test_a_row_that_breaks_the_contract_is_quarantined_with_every_reason(
    overrides: dict[str, object], codes: list[str]
) -> None:
    assert quarantine_codes(article_row(**overrides)) == codes


@pytest.mark.parametrize("payload", [None, "timeout", 503, ["x"]])
def test_an_entry_that_is_no_object_is_quarantined(payload: object) -> None:
    assert quarantine_codes(payload) == ["row_not_an_object"]


@pytest.mark.parametrize(
    ("overrides", "absent", "flag"),
    [
        ({"email": "a@acme.com; b@acme.com"}, "email", "email_several_addresses"),
        ({"email": "jane@"}, "email_status", "email_malformed"),
        ({"email": "test@test.com"}, "email", "email_placeholder"),
        ({"phone": "555-555-5555"}, "phone", "phone_invalid"),
        ({"industry": "Quantum Beekeeping"}, "industry", "industry_not_in_vocabulary"),
        ({"employee_count": "many"}, "employee_band", "employee_count_unreadable"),
        ({"company_domain": "gmail.com"}, "website", "company_domain_unusable"),
        ({"linkedin_url": "https://lnkd.in/x"}, "linkedin_url", "linkedin_without_slug"),
        ({"location": {"country": "Atlantis"}}, "country", "country_unknown"),
        ({"job_title": "null"}, "title", None),
        ({"phone": "#N/A"}, "phone", None),
        ({"email": None}, "email", None),
        ({"location": None, "phone": None}, "country", None),
        ({"linkedin_url": None}, "linkedin_url", None),
        ({"industry": None}, "industry", None),
        ({"employee_count": None}, "employee_band", None),
    ],
)
def test_a_wrong_value_is_dropped_and_said_but_the_lead_goes_on(
    overrides: dict[str, object], absent: str, flag: str | None
) -> None:
    draft = normalize(article_row(**overrides))

    assert absent not in draft.values
    assert (flag is None) == (draft.flags == ())
    assert flag is None or flag in draft.flags


@pytest.mark.parametrize(
    ("overrides", "flag"),
    [
        ({"email": "info@acme.com"}, "email_role"),
        ({"email": "jane@gmail.com"}, "email_free"),
        ({"phone": "1-800-356-9377"}, "phone_shared"),
        ({"location": "Berlin, DE"}, "location_ambiguous"),
        ({"first_name": None, "last_name": None}, "name_split"),
        ({"first_name": None, "last_name": None, "full_name": "Van Morrison"}, "name_split_low_confidence"),
        ({"last_enriched_at": "2026-05-04T08:15:00"}, "last_enriched_at_unreadable"),
        ({"last_enriched_at": "0001-01-01T00:00:00Z"}, "last_enriched_at_unreadable"),
        ({"last_enriched_at": "0001-01-01T00:00:00+14:00"}, "last_enriched_at_unreadable"),
        ({"last_enriched_at": "9999-12-31T23:59:59Z"}, "last_enriched_at_unreadable"),
    ],
)
def test_what_a_person_may_want_to_know_is_flagged(overrides: dict[str, object], flag: str) -> None:
    assert flag in normalize(article_row(**overrides)).flags


def test_a_split_name_is_as_sure_as_its_split_and_names_the_cell_it_came_from() -> None:
    draft = normalize(article_row(first_name=None, last_name=None))

    assert draft.confidences["last_name"] == Confidence(share=0.95, origin=ConfidenceOrigin.SPLIT)
    assert draft.source_paths["last_name"] == "full_name"


def test_a_row_without_a_moment_is_as_fresh_as_its_page() -> None:
    assert normalize(article_row(source="linkedin")).values["last_enriched_at"] == "2026-05-04T02:00:00Z"


def test_an_epoch_is_read_in_its_declared_form() -> None:
    draft = normalize(article_row(source={"enriched_at_epoch": 1777882500}))

    assert draft.values["last_enriched_at"] == "2026-05-04T08:15:00Z"


def test_industries_are_looked_up_in_the_org() -> None:
    draft = normalize(article_row(), org_vocabulary={"industry": frozenset({"Computer Software"})})

    assert draft.values["industry"] == "Computer Software"


def test_seniority_of_the_row_wins_over_the_title() -> None:
    draft = normalize(article_row(seniority="Director", department="Human Resources"))

    assert (draft.values["seniority"], draft.values["department"]) == ("director", "human_resources")


def test_a_website_fills_a_missing_domain_and_streets_are_kept() -> None:
    draft = normalize(article_row(company_domain=None, website="acme.co.uk/home", street="1 main st", zip="78701"))

    assert draft.values["company_domain"] == "acme.co.uk"
    assert draft.values["website"] == "https://acme.co.uk/home"
    assert (draft.values["street"], draft.values["postal_code"]) == ("1 Main St", "78701")


def test_a_website_beside_the_domain_is_stored_and_does_not_replace_it() -> None:
    draft = normalize(article_row(website="https://shop.acme.de"))

    assert draft.values["company_domain"] == "acme.com"
    assert draft.values["website"] == "https://shop.acme.de"


def test_the_claim_names_every_alias_strongest_first() -> None:
    draft = normalize(article_row(id="X1"))

    assert draft.claim.aliases == (
        (AliasKind.EXPLICIT, "X1"),
        (AliasKind.LINKEDIN, "jane-doe"),
        (AliasKind.EMAIL, "jane.doe@acme.com"),
    )


def test_a_person_with_nothing_but_a_name_is_weak() -> None:
    draft = normalize(article_row(email="info@acme.com", linkedin_url=None))

    assert draft.claim.aliases == ((AliasKind.NAME_DOMAIN, "jane|doe|acme.com"),)
    assert "identity_weak" in draft.flags


def test_a_private_address_is_a_key_and_never_a_value() -> None:
    draft = normalize(article_row(raw={"personal_emails": ["jane@gmx.de"]}))

    assert draft.keys.pe == "jane@gmx.de"
    assert "jane@gmx.de" not in draft.values.values()


@pytest.mark.parametrize(
    ("absurd", "lost"),
    [
        ({"title_confidence": 10**400}, set()),
        ({"employee_count": 10**400}, {"employee_band"}),
        ({"employee_count": f"1-{10**30}"}, {"employee_band"}),
        ({"company_domain": "https://xn--%00\N{LATIN SMALL LETTER SHARP S}.acme.com"}, {"website"}),
    ],
)
def test_an_absurd_value_costs_itself_and_no_other(absurd: dict[str, object], lost: set[str]) -> None:
    plain = normalize(article_row()).values

    values = normalize(article_row(**absurd)).values

    assert set(plain) - set(values) == lost

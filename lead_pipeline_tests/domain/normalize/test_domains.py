"""Websites and the domain of a company."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.domains import company_domain, normalize_website, registrable_domain


@pytest.mark.parametrize(
    ("raw", "domain", "website"),
    [
        ("acme.com", "acme.com", "https://acme.com"),
        ("HTTP://WWW.Acme.com/?utm_source=x#y", "acme.com", "https://www.acme.com"),
        ("https://acme.co.uk/en/", "acme.co.uk", "https://acme.co.uk/en"),
        ("https://acme.com/?a=1&gclid=2", "acme.com", "https://acme.com/?a=1"),
        ("http://acme.com:8080/", "acme.com", "http://acme.com:8080"),
        ("info@acme.com", "acme.com", None),
        ("acme.myshopify.com", "acme.myshopify.com", "https://acme.myshopify.com"),
        ("linkedin.com", "linkedin.com", "https://linkedin.com"),
        ("https://linkedin.com/company/acme", None, "https://linkedin.com/company/acme"),
        ("facebook.com/acme", None, "https://facebook.com/acme"),
        ("jane@linkedin.com", None, None),
        ("gmail.com", None, "https://gmail.com"),
        ("mailinator.com", None, "https://mailinator.com"),
        ("acme.c0m", None, None),
        ("www.acme,com", None, None),
        ("192.168.0.1", None, None),
        ("localhost", None, None),
        ("ftp://acme.com", "acme.com", None),
        ("https://acme.com:99999", "acme.com", None),
        ("Acme Inc", None, None),
        ("{.com", "{.com", None),
        ("n/a", None, None),
    ],
)
def test_a_company_is_known_by_its_registrable_domain(raw: str, domain: str | None, website: str | None) -> None:
    assert (company_domain(raw), normalize_website(raw)) == (domain, website)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_no_text_breaks_the_readers(host: str, path: str) -> None:
    raw = f"{host}.com/{path}"

    website, domain = normalize_website(raw), registrable_domain(raw)

    assert website is None or website.startswith("http")
    assert domain is None or domain == domain.lower()

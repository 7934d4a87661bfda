"""Company names: stored whole, compared without legal form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.companies import clean_company, company_key, has_legal_form


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Acme GmbH & Co. KG", "acme"),
        ("Acme Co., Ltd.", "acme"),
        ("Acme S.p.A.", "acme"),
        ("Acme S.r.l.", "acme"),
        ("Acme Sp. z o.o.", "acme"),
        ("Acme S.A. de C.V.", "acme"),
        ("Acme Pty Ltd", "acme"),
        ("Acme K.K.", "acme"),
        ("Acme A/S", "acme"),
        ("Acme 株式会社", "acme"),
        ("(株)トヨタ", "toyota"),
        ("ООО Ромашка", "romashka"),
        ("The Acme Group Holdings, Inc.", "acme"),
        ("Acme (Germany) GmbH", "acme"),
        ("Bose & Co.", "bose"),
        ("AT&T Inc.", "at and t"),
        ("Smith and", "smith"),
        ("Limited Brands", "limited brands"),
        ("Amazon.com, Inc.", "amazon com"),
        ("Müller AG", "muller"),
        ("Co", "co"),
        ("(Acme)", "acme"),
        ("Ltd.", "ltd"),
        ("!!!", None),
    ],
)
def test_the_key_has_no_legal_form_and_is_never_empty(name: str, expected: str | None) -> None:
    assert company_key(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Acme Inc.", True), ("Kim Co", False), ("Inc", False), ("Jane Doe", False)]
)
def test_a_legal_form_at_the_end_tells_an_organization(name: str, *, expected: bool) -> None:
    assert has_legal_form(name) is expected


@pytest.mark.parametrize(("raw", "expected"), [("🏭 Acme  GmbH", "Acme GmbH"), ("-", None), (None, None)])
def test_the_stored_name_keeps_its_legal_form(raw: str | None, expected: str | None) -> None:
    assert clean_company(raw) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("aB .,&()-ÄGmbHInc株"), min_size=1, max_size=25))
def test_a_key_is_stable_under_a_second_pass(name: str) -> None:
    key = company_key(name)

    assert key is None or company_key(key) in {key, company_key(company_key(key) or "")}
    assert key != ""

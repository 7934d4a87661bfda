"""Profile addresses: one slug whatever the spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.linkedin import LinkedinReading, profile_url, read_linkedin


@pytest.mark.parametrize(
    "raw",
    [
        "https://www.linkedin.com/in/jane-doe", "linkedin.com/in/Jane-Doe/", "http://de.linkedin.com/in/jane-doe/en",
        "HTTPS://WWW.LinkedIn.com/in/jane-doe#about", "linkedin.com/in/jane-doe?trk=x", "linkedin.com/in/jane%2Ddoe",
        "linkedin.com/pub/jane-doe",
    ],
)  # fmt: skip
def test_every_spelling_of_a_profile_is_one_slug(raw: str) -> None:
    expected = LinkedinReading(slug="jane-doe", url="https://www.linkedin.com/in/jane-doe")

    assert read_linkedin(raw) == expected


@pytest.mark.parametrize(
    ("raw", "slug"),
    [
        ("https://sy.linkedin.com/pub/jane-doe/a7/576/b50?trk=p", "jane-doe-b50576a7"),
        ("linkedin.com/pub/jane/1/b3/b45", "jane-b450b31"),
        ("linkedin.com/in/j%C3%B6rg-m", "jörg-m"),
    ],
)
def test_old_and_escaped_addresses_become_the_modern_slug(raw: str, slug: str) -> None:
    assert read_linkedin(raw).slug == slug


@pytest.mark.parametrize(
    "raw",
    [
        "https://www.linkedin.com/sales/lead/ACwAAB7c1,NAME_SEARCH,x", "https://www.linkedin.com/company/acme",
        "https://lnkd.in/d1", "https://profiles.example/linkedin.com/in/jane", "evillinkedin.com/in/jane", "jane",
        "http://[", "linkedin.com/in/", "linkedin.com/pub/jane/1/zz", "linkedin.com/pub/jane/1/2/zz",
        "linkedin.com/in/%FF%FF", "linkedin.com/profile/view",
    ],
)  # fmt: skip
def test_other_pages_and_other_hosts_name_no_person(raw: str) -> None:
    assert read_linkedin(raw) == LinkedinReading(is_foreign=True)


def test_an_opaque_member_id_is_kept_as_address_and_is_no_slug() -> None:
    reading = read_linkedin("https://www.linkedin.com/in/ACoAAAx12Yz")

    assert reading == LinkedinReading(url="https://www.linkedin.com/in/ACoAAAx12Yz")


def test_a_blank_says_nothing() -> None:
    assert read_linkedin("-") == LinkedinReading()


@pytest.mark.parametrize("name", ["jane-doe", "https://www.linkedin.com/in/jane-doe"])
def test_a_bare_profile_name_becomes_an_address(name: str) -> None:
    assert profile_url(name) == "https://www.linkedin.com/in/jane-doe"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_a_stored_address_reads_as_the_same_slug(name: str) -> None:
    reading = read_linkedin(f"linkedin.com/in/{name}")

    assert reading.url is None or read_linkedin(reading.url) == reading

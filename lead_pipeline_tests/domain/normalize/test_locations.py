"""Places: countries by any name, states, and whole locations in one cell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.countries import country_codes, country_name, find_country, find_state
from lead_pipeline.domain.normalize.locations import Location, parse_location, read_location


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("UK", "GB"), ("U.S.A.", "US"), ("England", "GB"), ("Russia", "RU"), ("Turkey", "TR"), ("Deutschland", "DE"),
        ("Brasil", "BR"), ("UAE", "AE"), ("Ivory Coast", "CI"), ("Côte d’Ivoire", "CI"), ("日本", "JP"),
        ("Schweiz", "CH"),
        ("Österreich", "AT"), ("united states", "US"), ("USA", "US"), ("DEU", "DE"), ("de", "DE"), ("Korea", "KR"),
        ("Czech Republic", "CZ"), ("Czechia", "CZ"),
        ("Nederland", "NL"), ("Germny", None), ("Europe", None), ("x", None),
    ],
)  # fmt: skip
def test_a_country_is_found_by_any_of_its_names(text: str, code: str | None) -> None:
    assert find_country(text) == code


@pytest.mark.parametrize(
    ("text", "country", "state"),
    [
        ("TX", "US", "Texas"), ("texas", "US", "Texas"), ("NSW", "AU", "New South Wales"), ("ON", "CA", "Ontario"),
        ("Bayern", "DE", "Bayern"), ("NSW", "US", None), ("x", "ZZ", None),
    ],
)  # fmt: skip
def test_a_state_is_only_looked_for_in_its_country(text: str, country: str, state: str | None) -> None:
    assert find_state(text, country) == state


def test_every_code_has_an_english_name() -> None:
    assert country_name("DE") == "Germany"
    assert all(country_name(code) != code for code in country_codes())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("San Francisco, California, United States", Location(city="San Francisco", state="California", country="US")),
        ("san francisco, california, united states", Location(city="San Francisco", state="California", country="US")),
        ("Austin, TX", Location(city="Austin", state="Texas", country="US")),
        ("Austin, TX 78701", Location(city="Austin", state="Texas", country="US", postal_code="78701")),
        ("Austin, TX, 78701", Location(city="Austin", state="Texas", country="US", postal_code="78701")),
        ("10115 Berlin, Germany", Location(city="Berlin", country="DE", postal_code="10115")),
        ("78701", Location(postal_code="78701")),
        ("Berlin, DE", Location(city="Berlin", state="Delaware", country="US", is_guess=True)),
        ("London, England, United Kingdom", Location(city="London", state="England", country="GB")),
        ("München, Bayern, Deutschland", Location(city="München", state="Bayern", country="DE")),
        ("Atlanta, Georgia", Location(city="Atlanta", state="Georgia", country="US")),
        ("Atlanta, Georgia, United States", Location(city="Atlanta", state="Georgia", country="US")),
        ("Tbilisi, Georgia", Location(city="Tbilisi", country="GE")),
        ("Georgia", Location()),
        ("United States", Location(country="US")),
        ("California", Location(state="California", country="US")),
        ("New York", Location(city="New York")),
        ("New York, United States", Location(state="New York", country="US")),
        ("Greater Boston Area", Location(city="Boston")),
        ("San Francisco Bay Area", Location(city="San Francisco")),
        ("東京, 日本", Location(city="東京", country="JP")),
        ("Foo, Bar", Location(city="Foo", state="Bar")),
        ("Paris", Location(city="Paris")),
        ("CA", Location()),
        ("GB", Location(country="GB")),
        ("zz", Location()),
        ("Remote", Location()),
        (",", Location()),
        (", ,a", Location(city="A")),
        ("n/a", Location()),
    ],
)
def test_a_location_in_one_cell_is_taken_apart(raw: str, expected: Location) -> None:
    assert parse_location(raw) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("Austin", "TX", "USA", None), Location(city="Austin", state="Texas", country="US")),
        (("atlanta", "GA", "Georgia", None), Location(city="Atlanta", state="Georgia", country="US")),
        (("Tbilisi", None, "Georgia", None), Location(city="Tbilisi", country="GE")),
        ((None, None, "Georgia", None), Location(country="GE")),
        ((None, "Nowhere", "Georgia", None), Location(state="Nowhere", country="GE")),
        ((None, "Texas", None, None), Location(state="Texas", country="US")),
        ((None, "Bavaria", "Germany", None), Location(state="Bavaria", country="DE")),
        ((None, "bavaria", None, None), Location(state="Bavaria")),
        ((None, None, "Germany", "Berlin, Germany"), Location(city="Berlin", country="DE")),
        ((None, None, "Germany", "Paris, France"), Location(country="DE")),
        ((None, None, "Germany", "Berlin, DE"), Location(country="DE")),
        (("Berlin", None, None, "Berlin, DE"), Location(city="Berlin", state="Delaware", country="US", is_guess=True)),
        ((None, None, None, "Austin, TX"), Location(city="Austin", state="Texas", country="US")),
        ((None, None, None, None), Location()),
    ],
)
def test_separate_cells_win_over_the_text(
    cells: tuple[str | None, str | None, str | None, str | None], expected: Location
) -> None:
    city, state, country, text = cells

    assert read_location(city=city, state=state, country=country, text=text) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40))
def test_a_country_that_is_found_is_a_code(raw: str) -> None:
    assert parse_location(raw).country in country_codes() | {None}

"""When two names may be one person."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.name_compatibility import (
    NameComparison,
    compare_family_names,
    compare_given_names,
    compare_names,
    family_names_compatible,
    given_names_compatible,
)

EQUAL, COMPATIBLE, CONFLICTING, UNKNOWN = NameComparison


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Jane", "JANE", EQUAL),
        ("Jean-Luc", "Jean Luc", EQUAL),
        ("Dr. Jane", "Jane", EQUAL),
        ("José", "Jose", EQUAL),
        ("Иван", "Ivan", EQUAL),
        ("J.", "Jane", COMPATIBLE),
        ("Bob", "Robert", COMPATIBLE),
        ("Robert", "Bob", COMPATIBLE),
        ("Alex", "Alexander", COMPATIBLE),
        ("Jörg", "Joerg", COMPATIBLE),
        ("Katherine", "Katharine", COMPATIBLE),
        ("Jane Marie", "Jane", COMPATIBLE),
        ("J. Robert", "Robert", COMPATIBLE),
        ("Robert", "J. Robert", COMPATIBLE),
        ("Mark", "Mary", CONFLICTING),
        ("Anna", "Peter", CONFLICTING),
        ("Al", "Alfonsina", CONFLICTING),
        ("J. Robert", "Peter", CONFLICTING),
        (None, "Jane", UNKNOWN),
        ("Jane", "", UNKNOWN),
        ("Mr", "Jane", UNKNOWN),
    ],
)
def test_given_names_stand_for_each_other_or_not(
    first: str | None, second: str | None, expected: NameComparison
) -> None:
    assert compare_given_names(first, second) is expected
    assert given_names_compatible(first, second) == (expected in {EQUAL, COMPATIBLE})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Doe Jr.", "Doe", EQUAL),
        ("Doe, Ph.D.", "Doe", EQUAL),
        ("MacDonald", "Mac Donald", EQUAL),
        ("Müller", "Mueller", COMPATIBLE),
        ("Smith", "Smith-Jones", COMPATIBLE),
        ("van der Berg", "Berg", COMPATIBLE),
        ("Lindqvist", "Lindquist", COMPATIBLE),
        ("Li", "Lu", CONFLICTING),
        ("Smith", "Jones", CONFLICTING),
        ("Smith-Jones", "Smith-Brown", CONFLICTING),
        ("Ma", "Ma", EQUAL),
        (None, "Doe", UNKNOWN),
    ],
)
def test_family_names_are_spellings_of_one_name_or_not(
    first: str | None, second: str, expected: NameComparison
) -> None:
    assert compare_family_names(first, second) is expected
    assert family_names_compatible(first, second) == (expected in {EQUAL, COMPATIBLE})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("Jane", "Doe"), ("Jane", "Doe"), EQUAL),
        (("J", "Doe"), ("Jane", "Doe"), COMPATIBLE),
        ((None, "Doe"), ("Jane", "Doe"), UNKNOWN),
        ((None, "Doe"), ("Jane", "Roe"), CONFLICTING),
    ],
)
def test_the_weaker_part_decides(
    first: tuple[str | None, str], second: tuple[str, str], expected: NameComparison
) -> None:
    assert compare_names(first, second) is expected


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_the_order_of_two_names_does_not_matter(first: str, second: str) -> None:
    assert compare_given_names(first, second) is compare_given_names(second, first)
    assert compare_family_names(first, second) is compare_family_names(second, first)

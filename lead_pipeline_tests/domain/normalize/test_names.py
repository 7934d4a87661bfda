"""Names of persons: parts, splits and what is no person."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.names import (
    LOWEST_TRUSTED_SPLIT,
    PersonName,
    clean_name_part,
    is_person_name,
    read_name,
    repair_case,
    split_full_name,
)


@pytest.mark.parametrize(
    ("text", "given", "family", "share"),
    [
        ("Jane Doe", "Jane", "Doe", 0.95),
        ("Doe, Jane", "Jane", "Doe", 0.95),
        ("DOE, JANE", "Jane", "Doe", 0.5),
        ("JANE DOE", "Jane", "Doe", 0.95),
        ("jane van der berg", "Jane", "van der Berg", 0.8),
        ("Juan Carlos de la Cruz", "Juan Carlos", "de la Cruz", 0.8),
        ("Dr. Jane Doe, PhD", "Jane", "Doe", 0.95),
        ("Jane Doe 2nd", "Jane", "Doe", 0.95),
        ("Jane Doe - VP Sales", "Jane", "Doe", 0.8),
        ("Jane Doe | Acme", "Jane", "Doe", 0.8),
        ("Jane Doe, VP of Sales", "Jane", "Doe", 0.8),
        ("Van Morrison", "Van", "Morrison", 0.5),
        ("Mr. Smith", None, "Smith", 0.5),
        ("Ali Ali", "Ali", "Ali", 0.5),
        ("山田 太郎", "太郎", "山田", 0.95),
        ("김민준", "민준", "김", 0.95),
        ("Иван Петров", "Иван", "Петров", 0.95),
        ("محمد نجم", "محمد", "نجم", 0.95),
    ],
)
def test_a_whole_name_is_split_with_the_confidence_it_deserves(
    text: str, given: str | None, family: str, share: float
) -> None:
    assert split_full_name(text) == PersonName(given=given, family=family, share=share, is_split=True)


@pytest.mark.parametrize("text", ["Prudence", "山田太郎"])
def test_one_word_never_becomes_a_family_name(text: str) -> None:
    name = split_full_name(text)

    assert name.family is None
    assert name.share < LOWEST_TRUSTED_SPLIT


def test_one_word_becomes_a_family_name_where_the_operator_asks_for_it() -> None:
    assert split_full_name("Prudence", use_full_as_family=True).family == "Prudence"


@pytest.mark.parametrize(
    "text",
    ["Acme Inc.", "IT Department", "bob@acme.com", "Test Test", "Jane 2 Doe", "Müller GmbH & Co. KG", "山田株式会社"],
)
def test_organizations_mailboxes_and_test_entries_are_no_persons(text: str) -> None:
    assert not is_person_name(text)
    assert not split_full_name(text).is_person


@pytest.mark.parametrize("text", ["Kim Co", "Christopher Guest", "Roma As", "Jane Doe 3rd", "Na Li"])
def test_names_that_look_odd_are_still_persons(text: str) -> None:
    assert is_person_name(text)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("Jane", "Doe", None), PersonName(given="Jane", family="Doe")),
        (("JANE", "DOE", "JANE DOE"), PersonName(given="Jane", family="Doe")),
        (("Dr. Jane", "Doe, MBA", None), PersonName(given="Jane", family="Doe")),
        (
            ("Jane", None, "Jane van der Berg"),
            PersonName(given="Jane", family="van der Berg", share=0.95, is_split=True),
        ),
        ((None, "Doe", "Jane Doe"), PersonName(given="Jane", family="Doe", share=0.95, is_split=True)),
        (("Jane", "-", "Jane"), PersonName(given="Jane")),
        (("Jane", None, "Janet Doe"), PersonName(given="Jane")),
        (("Jane", None, "Jane, MBA"), PersonName(given="Jane")),
        (("Jane", None, "Jane Doe 77"), PersonName(given="Jane")),
        (("Jane", None, None), PersonName(given="Jane")),
        ((None, None, "Jane Doe"), PersonName(given="Jane", family="Doe", share=0.95, is_split=True)),
        ((None, None, None), PersonName()),
        (("Test", "test", None), PersonName(share=0.2, is_person=False)),
        (("info@acme.com", "Doe", None), PersonName(share=0.2, is_person=False)),
        (("Ali", "Ali", None), PersonName(given="Ali", family="Ali")),
        (("Sales", "Team", None), PersonName(share=0.2, is_person=False)),
    ],
)
def test_separate_cells_win_and_the_whole_name_completes_them(
    cells: tuple[str | None, str | None, str | None], expected: PersonName
) -> None:
    given, family, full = cells

    assert read_name(given, family, full=full) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("MÜLLER", "Müller"),
        ("o'brien", "O'Brien"),
        ("mcdonald", "McDonald"),
        ("jean-luc", "Jean-Luc"),
        ("JP", "JP"),
        ("DeShawn", "DeShawn"),
        ("Mrs Jane", "Jane"),
        ("Dr.", "Dr."),
        ("Smith, Jane", "Smith, Jane"),
        ("Doe, Ph.D.", "Doe"),
        ("n/a", None),
        (None, None),
    ],
)
def test_a_part_loses_salutation_credentials_and_shouting(raw: str | None, expected: str | None) -> None:
    assert clean_name_part(raw) == expected


def test_a_short_part_of_a_shouted_name_is_no_set_of_initials() -> None:
    assert repair_case("DOE", is_shouted=True) == "Doe"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_no_text_breaks_the_split_or_leaves_a_whole_name_in_the_family_name(text: str) -> None:
    name = split_full_name(text)

    assert 0 < name.share <= 1
    assert name.family is None or name.family.strip()
    assert name.given is None or name.given

"""Whose a row is: ids, aliases and copies."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.identity import (
    Alias,
    AliasKind,
    IdentityClaim,
    KnownPerson,
    NewAlias,
    explicit_alias,
    mint_id,
    name_domain_alias,
    resolve_identities,
)

EXPLICIT, LINKEDIN, EMAIL, NAME_DOMAIN = AliasKind
TODAY = datetime(2026, 5, 4, tzinfo=UTC)
JANE = "li-2751e2c022b8c61ce7b3780c"  # sha256 of her slug, so that anybody can compute it again


def claim(number: int, *aliases: Alias, name: str = "jane doe", completeness: int = 5, age: int = 0) -> IdentityClaim:
    first, _, last = name.partition(" ")
    return IdentityClaim(
        raw_lead_id=number,
        aliases=aliases,
        given_name=first,
        family_name=last,
        completeness=completeness,
        fresh_at=TODAY - timedelta(days=age),
    )


def ids(claims: list[IdentityClaim], known: dict[Alias, KnownPerson] | None = None) -> dict[int, str]:
    resolution = resolve_identities(claims, known or {})
    return {one.raw_lead_id: one.dievio_lead_id for one in resolution.assignments}


@pytest.mark.parametrize(
    ("kind", "alias", "expected"),
    [
        (EXPLICIT, "lead_42-x", "lead_42-x"),
        (EXPLICIT, "Lead_42-x", "ex-"),
        (EXPLICIT, "a.b:c", "ex-"),
        (EXPLICIT, "li-fake", "ex-"),
        (LINKEDIN, "jane-doe", "li-"),
        (LINKEDIN, "jörg", "li-"),
        (LINKEDIN, "j" * 70, "li-"),
        (EMAIL, "jane@acme.com", "em-"),
        (NAME_DOMAIN, "jane|doe|acme.com", "nd-"),
    ],
)
def test_an_id_is_plain_or_tells_nothing_and_fits_an_address(kind: AliasKind, alias: str, expected: str) -> None:
    minted = mint_id(kind, alias)

    assert minted.startswith(expected)
    assert minted == expected or len(minted) == 27
    assert len(minted) <= 64
    assert minted.replace("-", "").replace("_", "").isalnum()
    assert minted.isascii()
    assert kind is EXPLICIT or "jane" not in minted


def test_ids_that_differ_in_case_alone_stay_apart_where_the_org_ignores_case() -> None:
    minted = {mint_id(EXPLICIT, "lead_42"), mint_id(EXPLICIT, "Lead_42"), mint_id(EXPLICIT, "LEAD_42")}

    assert len({each.lower() for each in minted}) == 3
    assert minted == {each.lower() for each in minted}


def test_the_email_id_is_a_hash_that_anybody_can_compute_again() -> None:
    assert mint_id(EMAIL, "jane@acme.com") == "em-7bb9e30283184c3b4bbbf226"


def test_a_new_person_gets_an_id_and_every_alias_is_learned() -> None:
    resolution = resolve_identities([claim(1, (LINKEDIN, "jane-doe"), (EMAIL, "jane@acme.com"))], {})

    assert resolution.assignments[0].dievio_lead_id == JANE
    assert not resolution.assignments[0].is_weak
    assert resolution.new_aliases == (
        NewAlias(kind=LINKEDIN, alias="jane-doe", dievio_lead_id=JANE),
        NewAlias(kind=EMAIL, alias="jane@acme.com", dievio_lead_id=JANE),
    )


def test_a_changed_email_keeps_the_id() -> None:
    known = {(LINKEDIN, "jane-doe"): KnownPerson(dievio_lead_id="em-1", slugs=frozenset({"jane-doe"}))}

    assert ids([claim(1, (LINKEDIN, "jane-doe"), (EMAIL, "new@acme.com"))], known) == {1: "em-1"}


def test_an_explicit_id_of_a_known_person_becomes_one_more_alias() -> None:
    known = {(LINKEDIN, "jane-doe"): KnownPerson(dievio_lead_id=JANE, slugs=frozenset({"jane-doe"}))}

    assert ids([claim(1, (EXPLICIT, "X1"), (LINKEDIN, "jane-doe"))], known) == {1: JANE}


def test_an_explicit_id_wins_over_a_profile_of_somebody_else_and_the_alias_stays() -> None:
    known = {
        (EXPLICIT, "X1"): KnownPerson(dievio_lead_id="X1", explicit_ids=frozenset({"X1"})),
        (LINKEDIN, "jane-doe"): KnownPerson(dievio_lead_id=JANE, slugs=frozenset({"jane-doe"})),
    }

    resolution = resolve_identities([claim(1, (EXPLICIT, "X1"), (LINKEDIN, "jane-doe"))], known)

    assert resolution.assignments[0].dievio_lead_id == "X1"
    assert resolution.assignments[0].has_conflict
    assert resolution.new_aliases == ()


def test_two_explicit_ids_on_one_profile_are_two_people() -> None:
    rows = [claim(1, (EXPLICIT, "x1"), (LINKEDIN, "jane-doe")), claim(2, (EXPLICIT, "x2"), (LINKEDIN, "jane-doe"))]

    assert ids(rows) == {1: "x1", 2: "x2"}


@pytest.mark.parametrize(
    ("name", "is_same"), [("jane doe", True), ("j doe", True), ("john doe", False), ("jane roe", False)]
)
def test_a_shared_address_is_one_person_only_if_the_names_fit(name: str, *, is_same: bool) -> None:
    rows = [claim(1, (EMAIL, "doe@acme.com")), claim(2, (EMAIL, "doe@acme.com"), name=name)]

    found = ids(rows)

    assert (found[1] == found[2]) is is_same
    assert len({*found.values()}) == (1 if is_same else 2)


def test_a_shared_address_with_two_profiles_is_two_people() -> None:
    rows = [
        claim(1, (LINKEDIN, "jane-1"), (EMAIL, "doe@acme.com")),
        claim(2, (LINKEDIN, "jane-2"), (EMAIL, "doe@acme.com")),
    ]

    assert ids(rows) == {1: mint_id(LINKEDIN, "jane-1"), 2: mint_id(LINKEDIN, "jane-2")}


def test_rows_that_know_one_alias_each_meet_through_the_row_that_knows_both() -> None:
    rows = [
        claim(1, (EMAIL, "jane@acme.com")),
        claim(2, (LINKEDIN, "jane-doe")),
        claim(3, (LINKEDIN, "jane-doe"), (EMAIL, "jane@acme.com")),
    ]

    assert set(ids(rows).values()) == {JANE}


def test_a_person_with_nothing_but_a_name_is_weak() -> None:
    alias = name_domain_alias("jane", "doe", "acme.com")
    assert alias is not None

    assignment = resolve_identities([claim(1, alias)], {}).assignments[0]

    assert assignment.is_weak
    assert assignment.dievio_lead_id.startswith("nd-")


@pytest.mark.parametrize(("family", "place"), [(None, "acme.com"), ("doe", None)])
def test_a_name_without_family_name_or_company_is_no_alias(family: str | None, place: str | None) -> None:
    assert name_domain_alias("jane", family, place) is None


def test_a_blank_record_id_is_no_alias() -> None:
    assert explicit_alias(None) is None
    assert explicit_alias("X1") == (EXPLICIT, "X1")


@pytest.mark.parametrize(
    ("first", "second", "primary"),
    [
        ({"completeness": 5}, {"completeness": 9}, 2),
        ({"age": 9}, {"age": 1}, 2),
        ({"completeness": 9, "age": 9}, {"age": 1}, 1),
        ({}, {}, 1),
    ],
)
def test_the_most_complete_then_the_freshest_then_the_first_copy_counts(
    first: dict[str, int], second: dict[str, int], primary: int
) -> None:
    slug = (LINKEDIN, "jane-doe")

    resolution = resolve_identities([claim(1, slug, **first), claim(2, slug, **second)], {})  # type: ignore[arg-type]

    assert resolution.duplicate_groups == {primary: (3 - primary,)}


def test_a_copy_of_a_settled_row_never_counts() -> None:
    resolution = resolve_identities([claim(7, (LINKEDIN, "jane-doe"), completeness=99)], {}, settled={JANE: 3})

    assert resolution.duplicate_groups == {3: (7,)}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", ""]),
            st.sampled_from(["x@y.com", "z@y.com", ""]),
            st.sampled_from(["jane doe", "john roe"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_row_gets_one_id_whatever_the_order_and_a_second_run_agrees(rows: list[tuple[str, str, str]]) -> None:
    claims = [
        claim(
            number,
            *([(LINKEDIN, slug)] if slug else []),
            *([(EMAIL, email)] if email else []),
            *([] if slug or email else [(NAME_DOMAIN, name)]),
            name=name,
        )
        for number, (slug, email, name) in enumerate(rows, start=1)
    ]

    forward, backward = ids(claims), ids(claims[::-1])

    assert forward == backward
    assert set(forward) == {one.raw_lead_id for one in claims}

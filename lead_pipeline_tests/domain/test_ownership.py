"""Every case has an owner: its own, its role's, or the default."""

from __future__ import annotations

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.ownership import ROLES, OwnerRules, parse_owner_rules
from lead_pipeline.domain.refusals import REFUSALS, TRANSIENT_REFUSAL, UNCLASSIFIED_REFUSAL
from lead_pipeline.domain.review_reasons import GUIDES
from lead_pipeline.errors import InvalidDocumentError

RULES = OwnerRules(default="revops", roles={"sales_ops": "mapping-team"}, cases={"near_name": "anna"})


@pytest.mark.parametrize(
    ("subject", "role", "owner"),
    [
        ("near_name", "sales_ops", "anna"),
        ("names_conflict", "sales_ops", "mapping-team"),
        ("INVALID_FIELD", "salesforce_admin", "revops"),
        ("", "no_such_role", "revops"),
    ],
)
def test_the_nearest_line_names_the_owner(subject: str, role: str, owner: str) -> None:
    assert RULES.owner_of(subject, role=role) == owner


def test_every_role_and_every_case_has_a_line_for_the_database() -> None:
    assert RULES.as_subjects() == {
        "sales_ops": "mapping-team",
        "salesforce_admin": "revops",
        "data_engineer": "revops",
        "dievio": "revops",
        "revops": "revops",
        "near_name": "anna",
    }


@pytest.mark.parametrize(
    ("reasons", "owner"),
    [
        (("missing_company",), "rows-team"),
        (("missing_company", "missing_last_name"), "berta"),
        ((), "rows-team"),
    ],
)
def test_a_row_in_quarantine_goes_to_whom_its_reasons_name_else_to_its_role(
    reasons: tuple[str, ...], owner: str
) -> None:
    rules = OwnerRules(default="revops", roles={"revops": "rows-team"}, cases={"missing_last_name": "berta"})

    assert rules.owner_of_row(reasons) == owner


def test_every_code_and_reason_belongs_to_a_known_role() -> None:
    refusals = (*REFUSALS.values(), TRANSIENT_REFUSAL, UNCLASSIFIED_REFUSAL)

    assert {refusal.owner for refusal in refusals} | {guide.owner for guide in GUIDES.values()} <= set(ROLES)


def test_the_packaged_owners_name_every_role() -> None:
    rules = parse_owner_rules(load_document("owners"))

    assert set(rules.roles) == set(ROLES)


@pytest.mark.parametrize(
    ("part", "name", "is_fine"),
    [
        ("roles", "sales_opps", False),
        ("cases", "near_names", False),
        ("cases", "near_name", True),
        ("cases", "missing_company", True),
        ("cases", "SOME_CODE_OF_TOMORROW", True),
    ],
)
def test_a_misspelt_name_is_found(part: str, name: str, *, is_fine: bool) -> None:
    document = {"version": 1, "default": "revops", "roles": {}, "cases": {}} | {part: {name: "anna"}}

    if is_fine:
        assert parse_owner_rules(document).default == "revops"
    else:
        with pytest.raises(InvalidDocumentError, match=f"{part}.{name}"):
            parse_owner_rules(document)

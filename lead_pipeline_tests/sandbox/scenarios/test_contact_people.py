"""Whom the second provider knows of the demo's people."""

from __future__ import annotations

from lead_pipeline.sandbox.scenarios.contact_people import build_contact_people


def row(number: int, **raw: object) -> dict[str, object]:
    return {
        "raw": {
            "first_name": "anna",
            "linkedin_url": f"linkedin.com/in/anna-{number}",
            "mobile_phone": "+4930901820",
            "work_email": f"anna-{number}@acme.example",
            "job_company_name": "acme",
            **raw,
        }
    }


def test_most_people_are_known_with_other_gaps_and_scores_of_their_own() -> None:
    people = build_contact_people([row(number) for number in range(10)])

    assert len(people) == 8
    assert [("direct_line" in person) for person in people] == [True, True, False, True, False, True, True, False]
    assert people[0]["confidence"] == {"work_address": 61, "direct_line": 61}
    assert people[0]["given_name"] == "Anna"
    assert people[0]["employer"] == {"name": "acme"}


def test_a_row_without_the_providers_object_or_profile_is_nobody() -> None:
    rows = [7, "x", {"first_name": "Anna"}, {"raw": None}, row(4, linkedin_url=None), row(6)]

    assert build_contact_people([None, *rows[:5], None, *rows[5:], rows[5]]) != []
    assert build_contact_people([None, *rows[:5]]) == []

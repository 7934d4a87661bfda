"""What a client sees when a duplicate rule refuses a record."""

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, RunningOrg


def test_duplicates_detected_carries_the_matches_beside_code_and_message(admin: RunningOrg) -> None:
    twin = admin.create(FirstName="Ann", LastName="Meyer", Email="ann@meyer.example")

    answer = admin.call(
        "POST",
        "/sobjects/Lead",
        json={"FirstName": "Ann", "LastName": "Meier", "Company": "B", "Email": "Ann@Meyer.example"},
    )

    [error] = answer.json()
    assert (answer.status_code, error["errorCode"], error["message"]) == (
        400,
        "DUPLICATES_DETECTED",
        "Use one of these records?",
    )
    record = {"attributes": {"type": "Lead", "url": f"{DATA}/sobjects/Lead/{twin}"}, "Id": twin}
    found = {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
    assert error["duplicateResult"] == {
        "allowSave": True,
        "duplicateRule": "Standard_Lead_Duplicate_Rule",
        "duplicateRuleEntityType": "Lead",
        "errorMessage": "Use one of these records?",
        "matchResults": [
            {
                "entityType": "Lead", "errors": [], "matchEngine": "FuzzyMatchEngine", "matchRecords": [found],
                "rule": "Standard_Lead_Match_Rule_v1_0", "size": 1, "success": True,
            }
        ],
    }  # fmt: skip


def test_old_versions_spell_the_duplicate_result_as_they_did(admin: RunningOrg) -> None:
    admin.create(Email="ann@meyer.example")

    answer = admin.call(
        "POST",
        "/services/data/v56.0/sobjects/Lead",
        json={"LastName": "Test", "Company": "B", "Email": "ann@meyer.example"},
    )

    assert "duplicateResut" in answer.json()[0]


@pytest.mark.parametrize(("effect", "status"), [("alert", 201), ("block", 400)])
def test_allow_save_passes_an_alerting_rule_only(admin: RunningOrg, effect: str, status: int) -> None:
    rule = {"name": "Standard_Lead_Duplicate_Rule", "message": "Stop", "compares": [["Lead", "R"]], "on_insert": effect}
    admin.call("PUT", "/_sandbox/schema/Lead", json={"duplicate_rules": [rule]})
    admin.create(Email="a@b.example")

    answer = admin.call("POST", "/sobjects/Lead", json={"LastName": "Test", "Company": "B", "Email": "a@b.example"},
                        headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"})  # fmt: skip

    assert answer.status_code == status


def test_include_record_details_shows_what_the_caller_may_read_of_the_match(
    admin: RunningOrg, integration: RunningOrg
) -> None:
    twin = admin.create(Email="a@b.example", City="Bonn", Fax="0228")
    admin.call("PUT", "/_sandbox/schema/Lead", json={"access": {"integration": {"not_readable": ["Fax"]}}})

    answer = integration.call(
        "POST", "/sobjects/Lead", json={"LastName": "Test", "Company": "B", "Email": "a@b.example"},
        headers={"Sforce-Duplicate-Rule-Header": "includeRecordDetails=true"},
    )  # fmt: skip

    [found] = answer.json()[0]["duplicateResult"]["matchResults"][0]["matchRecords"]
    assert (found["record"]["Id"], found["record"]["City"]) == (twin, "Bonn")
    assert "Fax" not in found["record"]


def test_a_lead_on_a_contacts_address_is_a_duplicate_across_objects(admin: RunningOrg) -> None:
    contact = admin.create("Contact", FirstName="Ann", LastName="Meyer", Email="a@b.example")

    answer = admin.call(
        "POST", "/sobjects/Lead", json={"FirstName": "A.", "LastName": "Meyer", "Company": "B", "Email": "a@b.example"}
    )

    [match] = answer.json()[0]["duplicateResult"]["matchResults"]
    assert (match["entityType"], match["matchRecords"][0]["record"]["Id"]) == ("Contact", contact)

"""State and country picklists once they are on: listed values only, and codes that go with names."""

from typing import Any

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import NO_ASSIGNMENT, RunningOrg

GERMANY = {"Country": "Germany", "CountryCode": "DE"}
NO_PLACE: dict[str, Any] = {"Country": None, "CountryCode": None, "State": None, "StateCode": None}
COMPLETED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a country's name gives its code": ({"Country": "Germany"}, GERMANY),
    "a country's code gives its name": ({"CountryCode": "DE"}, GERMANY),
    "names come in any case": ({"Country": "gErMaNy"}, GERMANY),
    "a name of the platform's own": ({"Country": "South Korea"}, {"Country": "South Korea", "CountryCode": "KR"}),
    "a code wins over a name": ({"Country": "France", "CountryCode": "de"}, GERMANY),
    "a state's name gives its code": (
        {"Country": "United States", "State": "texas"},
        {"Country": "United States", "CountryCode": "US", "State": "Texas", "StateCode": "TX"},
    ),
    "two codes give two names": (
        {"CountryCode": "CA", "StateCode": "ON"},
        {"Country": "Canada", "CountryCode": "CA", "State": "Ontario", "StateCode": "ON"},
    ),
}
REFUSED = {
    "an unknown country": ({"Country": "Atlantis"}, "Country"),
    "an unknown country code": ({"CountryCode": "ZZ"}, "Country"),
    "an unknown state": ({"Country": "United States", "State": "Bavaria"}, "State"),
    "a state of a country without states": ({"Country": "Germany", "State": "Bavaria"}, "State"),
    "a state without a country": ({"State": "Texas"}, "State"),
}


@pytest.fixture
def picky(admin: RunningOrg) -> RunningOrg:
    """The org with its state and country picklists on."""
    shown = admin.call("PUT", "/_sandbox/limits", json={"place_picklists": True}).json()
    assert shown["place_picklists"] is True
    return admin


def places(org: RunningOrg, record_id: str) -> dict[str, Any]:
    return {name: org.record(record_id)[name] for name in NO_PLACE}


@pytest.mark.parametrize("name", COMPLETED)
def test_a_place_is_completed(name: str, picky: RunningOrg) -> None:
    given, stored = COMPLETED[name]

    assert places(picky, picky.create(**given)) == {**NO_PLACE, **stored}


@pytest.mark.parametrize("name", REFUSED)
def test_a_place_that_is_not_listed_is_refused(name: str, picky: RunningOrg) -> None:
    given, field = REFUSED[name]

    answer = picky.call("POST", "/sobjects/Lead", json={"LastName": "A", "Company": "B", **given})

    [error] = answer.json()
    assert (answer.status_code, error["errorCode"], error["fields"]) == (400, "FIELD_INTEGRITY_EXCEPTION", [field])


def test_an_update_keeps_name_and_code_together(picky: RunningOrg) -> None:
    record_id = picky.create(Country="Germany")

    for change in ({"CountryCode": "FR"}, {"Country": None}):
        picky.call("PATCH", f"/sobjects/Lead/{record_id}", json=change, headers=NO_ASSIGNMENT)
        if change.get("CountryCode"):
            assert places(picky, record_id) == {**NO_PLACE, "Country": "France", "CountryCode": "FR"}

    assert places(picky, record_id) == NO_PLACE


def test_addresses_of_other_objects_have_codes_too(picky: RunningOrg) -> None:
    contact = picky.create("Contact", LastName="A", MailingCountryCode="DE")
    account = picky.create("Account", Name="A", BillingCountry="Germany")

    assert picky.record(contact, "Contact")["MailingCountry"] == "Germany"
    assert picky.record(account, "Account")["BillingCountryCode"] == "DE"


def test_off_again_any_text_is_a_country_and_there_are_no_codes(picky: RunningOrg) -> None:
    picky.call("PUT", "/_sandbox/limits", json={"place_picklists": False})

    record = picky.record(picky.create(Country="Atlantis"))

    assert record["Country"] == "Atlantis"
    assert "CountryCode" not in record

"""The same keys from a lead and from a record of the org."""

from dataclasses import replace

import pytest

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.match_keys import directory_keys, family_name_key, given_name_key, lead_keys, shared_keys

VALUES: dict[str, object] = {
    "first_name": "Jörg", "last_name": "Müller", "email": "joerg@acme.de", "phone": "+4930901820", "title": "VP Sales",
    "company_name": "Acme GmbH", "company_domain": "acme.de", "linkedin_url": "https://www.linkedin.com/in/jm",
    "street": "Hauptstraße 1", "postal_code": "10115",
}  # fmt: skip
KEYS = MatchKeys(
    em="joerg@acme.de", li="jm", dm="acme.de", fn="jorg", ln="muller", co="acme", ti="vice president sales",
    ph="+4930901820", st="hauptstrasse 1 10115",
)  # fmt: skip


def test_a_shared_phone_is_nobodys_key() -> None:
    assert lead_keys(VALUES).ph == "+4930901820"
    assert lead_keys(VALUES, is_phone_shared=True).ph is None


def test_a_lead_has_one_key_per_kind() -> None:
    assert lead_keys(VALUES) == KEYS
    assert lead_keys({}) == MatchKeys()


def test_a_lead_record_as_reps_type_it_has_the_keys_of_the_lead() -> None:
    fields = {
        "FirstName": " JÖRG ", "LastName": "Müller, MBA", "Email": "JOERG@acme.de", "Phone": "030 / 901820",
        "Title": "Vice President Sales", "Company": "ACME Gmbh", "Website": "www.acme.de",
        "LinkedIn_URL__c": "http://de.linkedin.com/in/JM/", "Street": "Hauptstraße 1", "PostalCode": "10115",
        "Country": "Germany",
    }  # fmt: skip

    assert directory_keys("Lead", fields) == KEYS


def test_a_contact_takes_company_and_domain_from_its_account() -> None:
    fields = {
        "LastName": "Doe", "Account.Name": "Acme Inc.", "Account.Website": "https://acme.com/x",
        "MobilePhone": "(415) 555-2671", "MailingCountry": "USA", "MailingStreet": "1 Main Street",
        "MailingPostalCode": "78701", "Email": None,
    }  # fmt: skip

    assert directory_keys("Contact", fields) == MatchKeys(
        ln="doe", co="acme", dm="acme.com", ph="+14155552671", st="1 main st 78701"
    )


def test_an_account_is_known_by_name_and_website() -> None:
    assert directory_keys("Account", {"Name": "Acme Inc.", "Website": "acme.com", "Phone": "1"}) == MatchKeys(
        co="acme", dm="acme.com"
    )


@pytest.mark.parametrize(
    ("email", "em", "dm", "pe"),
    [
        ("info@acme.com", None, "acme.com", None),
        ("jane@gmail.com", "jane@gmail.com", None, "jane@gmail.com"),
        ("jane@mailinator.com", None, None, None),
        ("info@gmail.com", None, None, None),
        ("no mail", None, None, None),
        (7, None, None, None),
    ],
)
def test_an_address_is_only_a_key_for_what_it_proves(
    email: object, em: str | None, dm: str | None, pe: str | None
) -> None:
    keys = directory_keys("Lead", {"Email": email})

    assert (keys.em, keys.dm, keys.pe) == (em, dm, pe)


def test_a_private_address_beside_the_work_address_is_a_key_of_its_own() -> None:
    assert lead_keys(VALUES, personal_email="joerg@gmx.de").pe == "joerg@gmx.de"


def test_the_domain_of_a_free_mailer_as_website_falls_back_to_the_work_address() -> None:
    assert directory_keys("Lead", {"Website": "gmail.com", "Email": "jane@acme.com"}).dm == "acme.com"


def test_a_street_without_postal_code_is_no_key() -> None:
    assert lead_keys({"street": "Main Street 1"}).st is None


@pytest.mark.parametrize(
    ("name", "key"), [("Jane Q.", "jane"), ("Dr. Jean-Luc", "jean luc"), ("n/a", None), (None, None)]
)
def test_a_given_name_key_has_no_initials_and_no_salutation(name: str | None, key: str | None) -> None:
    assert given_name_key(name) == key


def test_a_placeholder_is_no_name_company_or_title() -> None:
    assert family_name_key("[[unknown]]") is None
    assert directory_keys("Lead", {"Company": "[not provided]", "Title": "n/a"}) == MatchKeys()


def test_leads_of_a_batch_meet_by_what_alone_makes_a_person_and_by_what_does_so_beside_the_name() -> None:
    assert shared_keys(KEYS) == {
        "em:joerg@acme.de", "li:jm", "dm:jorg|muller|acme.de", "co:jorg|muller|acme", "ph:jorg|muller|+4930901820",
        "st:jorg|muller|hauptstrasse 1 10115",
    }  # fmt: skip


def test_without_a_whole_name_only_address_and_profile_bring_leads_together() -> None:
    assert shared_keys(replace(KEYS, fn=None)) == {"em:joerg@acme.de", "li:jm"}

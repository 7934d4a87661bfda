"""A record of the org as a row that can be looked up."""

from __future__ import annotations

from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.domain.enrichment.records import NEVER_LOOKED_UP, row_of_record

MAPPINGS = load_pipeline_config(None).mappings
RECORD_ID = "00Q5e00000000001"


def test_a_record_is_read_by_the_names_of_the_mapping_and_blanks_are_left_out() -> None:
    fields = {"FirstName": "Ada", "LastName": "Probe", "Title": "", "Phone": None, "Last_Enriched_At__c": "2026-01-02"}

    row = row_of_record(fields, MAPPINGS.lead, salesforce_id=RECORD_ID)

    assert row == {
        "salesforce_id": RECORD_ID,
        "first_name": "Ada",
        "last_name": "Probe",
        "last_enriched_at": "2026-01-02",
    }


def test_a_record_that_nobody_looked_up_is_older_than_any_age() -> None:
    row = row_of_record({}, MAPPINGS.lead, salesforce_id=RECORD_ID)

    assert row["last_enriched_at"] == NEVER_LOOKED_UP


def test_a_contact_has_its_family_name_and_the_company_of_its_account() -> None:
    fields = {
        "FirstName": "Ada",
        "LastName": "Probe",
        "Account.Name": "Probe Works",
        "Account.Website": "probe.example",
    }

    row = row_of_record(fields, MAPPINGS.contact, salesforce_id="0035e00000000001")

    assert (row["first_name"], row["last_name"]) == ("Ada", "Probe")
    assert (row["company_name"], row["website"]) == ("Probe Works", "probe.example")

"""A record of the org as a row to be looked up: its values under canonical names, and how old they are.

Only what a provider answers is written back; the record's own values say who it is and what has become old.
"""

from __future__ import annotations

from collections.abc import Mapping

from lead_pipeline.domain.mapping import ObjectMapping

#: For a record that nobody ever looked up: older than any age, and still read as a moment.
NEVER_LOOKED_UP = "2000-01-01T00:00:00Z"
#: Canonical values that tell who a person is, or whose age matters.
ROW_FIELDS = (
    "first_name", "last_name", "email", "email_status", "phone", "title", "company_name", "company_domain", "website",
    "linkedin_url", "industry", "employee_count", "street", "postal_code", "city", "state", "country_name",
    "last_enriched_at",
)  # fmt: skip
#: What an object keeps where no row of its mapping writes: nobody writes the family name of a Contact.
_ELSEWHERE = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "company_name": "Account.Name",
    "website": "Account.Website",
}


def row_of_record(fields: Mapping[str, object], mapping: ObjectMapping, *, salesforce_id: str) -> dict[str, object]:
    """Return a record as a row of the source `directory`; blanks are left out.

    Args:
        fields: API name -> value, as the mirror holds it.
        mapping: Which canonical value stands in which field.
        salesforce_id: The record, for people who look at the row.
    """
    places = {row.source: row.to for row in mapping.fields if row.source in ROW_FIELDS}
    row: dict[str, object] = {"salesforce_id": salesforce_id}
    for name in ROW_FIELDS:
        value = fields.get(places.get(name, "")) or fields.get(_ELSEWHERE.get(name, ""))
        if value not in (None, ""):
            row[name] = value
    row.setdefault("last_enriched_at", NEVER_LOOKED_UP)
    return row

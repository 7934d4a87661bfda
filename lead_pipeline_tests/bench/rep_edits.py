"""What a rep corrects between two runs, and how much of it the second run leaves alone.

Two corrections that reps make every day: another phone number, and another e-mail address. The second also shows who
looks a person up by the address alone, and so makes a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from lead_pipeline_tests.bench.sandbox import query

EDITS_PER_FIELD = 50
COLLECTION_PATH = "/services/data/v66.0/composite/sobjects"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepEdit:
    """One value that a rep has typed."""

    record_id: str
    field: str
    value: str


def plan_edits(record_ids: Sequence[str], *, per_field: int = EDITS_PER_FIELD) -> list[RepEdit]:
    """Return the corrections: phones on the first records, addresses on the next ones; a value of its own for each."""
    phones = [
        RepEdit(record_id=record_id, field="Phone", value=f"+44 20 7946 {number:04}")
        for number, record_id in enumerate(record_ids[:per_field])
    ]
    addresses = [
        RepEdit(record_id=record_id, field="Email", value=f"corrected.{number}@rep.example")
        for number, record_id in enumerate(record_ids[per_field : 2 * per_field])
    ]
    return [*phones, *addresses]


def make_edits(rep: httpx.Client) -> list[RepEdit]:
    """Carry out the corrections as the rep and return them."""
    limit = 2 * EDITS_PER_FIELD
    # Only delivered leads carry a profile; leads of other people, which nobody delivers again, do not.
    page = query(rep, f"SELECT Id FROM Lead WHERE LinkedIn_URL__c != null ORDER BY Id LIMIT {limit}")
    edits = plan_edits([record["Id"] for record in page["records"]])
    records = [{"attributes": {"type": "Lead"}, "id": edit.record_id, edit.field: edit.value} for edit in edits]
    answer = rep.patch(COLLECTION_PATH, json={"allOrNone": True, "records": records})
    answer.raise_for_status()
    return edits


def read_back_edits(rep: httpx.Client, edits: Sequence[RepEdit]) -> int:
    """Return how many of the corrections the org still holds."""
    ids = ", ".join(f"'{edit.record_id}'" for edit in edits)
    page = query(rep, f"SELECT Id, Phone, Email FROM Lead WHERE Id IN ({ids})")
    return count_kept(edits, {record["Id"]: record for record in page["records"]})


def count_kept(edits: Sequence[RepEdit], records: Mapping[str, Mapping[str, object]]) -> int:
    """Count the corrections that the records still show; a record that is gone keeps nothing."""
    return sum(records.get(edit.record_id, {}).get(edit.field) == edit.value for edit in edits)

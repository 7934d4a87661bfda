"""Values whose field the org lacks, on their way into the notes of a real record, and the night after."""

from __future__ import annotations

from dataclasses import replace

from lead_pipeline.domain.mapping import NOTES_SOURCE, OnUnmapped, WritePolicy, build_mapping_set
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person

NEXT_NIGHT = "2026-05-05"
NOTED = ("Department__c", "Employee_Band__c")
TEXT = "From Dievio:\nEmployee Band: 51-200\nDepartment: Operations"


def send_into_notes(bench: WriteBench) -> None:
    """Take two fields out of the org, and have the mapping send their values into the Description."""
    lead = bench.rules.mappings.lead
    rows = tuple(
        replace(row, on_unmapped=OnUnmapped.NOTES)
        if row.to in NOTED
        else replace(row, source=NOTES_SOURCE, write=WritePolicy.FILL_BLANK)
        if row.to == "Description"
        else row
        for row in lead.fields
    )
    mappings = build_mapping_set(replace(lead, fields=rows), bench.rules.mappings.contact)
    bench.rules = replace(bench.rules, mappings=mappings)
    bench.emulated.org.change_schema("Lead", {"remove": list(NOTED), "access": {"integration": {"not_editable": []}}})


def test_notes_are_written_once_beside_what_people_wrote(bench: WriteBench) -> None:
    send_into_notes(bench)
    bench.load("Lead", org_lead(2, Description="Met at the fair"))
    leads = [person(number, department="Operations", employee_band="51-200") for number in (1, 2)]
    bench.add_leads(*leads)
    bench.prepare()

    bench.write()

    notes = {record["Dievio_Lead_ID__c"]: record["Description"] for record in bench.records()}
    assert notes == {"lead-00001": TEXT, "lead-00002": "Met at the fair"}

    bench.add_leads(*leads, batch_id=NEXT_NIGHT)
    bench.prepare(NEXT_NIGHT)
    summary = bench.write(batch_id=NEXT_NIGHT)

    assert (summary.created_by_run, summary.updated_by_run) == (0, 0)
    bench.assert_log_equals_journal()

"""What the demo's org already went through: values that an earlier sync wrote into it.

A product that joins an org in use imports its predecessor's memory; the demo does the same, so that its `tracked`
fields can tell a value a sync wrote from a value a rep typed.
"""

from __future__ import annotations

from datetime import date

from lead_pipeline.sandbox.scenarios.demo import build_demo_scenario
from lead_pipeline.store.database import Database
from lead_pipeline.store.imports import WrittenValue, import_written_values


def remember_earlier_sync(database: Database, *, filled_on: date | None = None) -> int:
    """Import the values that the demo's earlier sync wrote; repeating it imports nothing.

    Args:
        database: The product's database.
        filled_on: Day on which the demo's org was filled; its history lies before that day.

    Returns:
        How many values were new.
    """
    scenario = build_demo_scenario(partition_on=filled_on)
    values = [
        WrittenValue(
            salesforce_id=entry.salesforce_id,
            field=entry.field,
            value=entry.value,
            written_at=entry.written_at,
        )
        for entry in scenario.earlier_writes
    ]
    with database.transaction() as connection:
        return import_written_values(connection, values)

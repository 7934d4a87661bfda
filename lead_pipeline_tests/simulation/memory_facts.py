"""What is known of the org beside its records, in memory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lead_pipeline_tests.simulation.memory_tables import MemoryTables


class FactQueries:
    """The queries of the family `org_facts` that the write path asks."""

    def __init__(self, tables: MemoryTables) -> None:
        self.tables = tables

    def keep_org_fact(self, *, name: str, value: Any, seen_at: datetime) -> int:
        self.tables.org_fact.put(name, {"name": name, "value": value, "seen_at": seen_at})
        return 1

"""Whether the org itself refuses what the mapping forbids: asked once per run, and only when a job would be worth it.

Which rules a mapping needs is `domain/org_guard`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.org_guard import is_guarded
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import read_updateable_fields
from lead_pipeline.store.org_facts import keep_update_guard


class RuleSource(Protocol):
    """The part of the Salesforce client that knows validation rules."""

    def active_validation_rules(self, object_name: str) -> Collection[str]:
        """Return the names of an object's active validation rules."""


class OrgGuard:
    """The guard of one org, as one run finds it.

    Args:
        database: Keeps the answer, for the forecast of later runs.
        salesforce: The org.
        mappings: What is written, and how.
    """

    def __init__(self, database: Database, salesforce: RuleSource, mappings: MappingSet) -> None:
        self._database = database
        self._salesforce = salesforce
        self._mappings = mappings
        self._answers: dict[str, bool] = {}
        self._fields: dict[str, frozenset[str]] = {}

    def covers(self, object_name: str, *, at: datetime) -> bool:
        """Tell whether every rule that the mapping of an object needs is active.

        Args:
            object_name: Lead or Contact.
            at: The present moment, aware UTC.
        """
        if object_name not in self._answers:
            active = self._salesforce.active_validation_rules(object_name)
            self._answers[object_name] = is_guarded(self._mappings.for_object(object_name), active)
            with self._database.transaction() as connection:
                keep_update_guard(connection, object_name, is_active=self._answers[object_name], at=at)
        return self._answers[object_name]

    def changeable_fields(self, object_name: str) -> frozenset[str]:
        """Return the fields of an object that our user may change, as the org last described it."""
        if object_name not in self._fields:
            with self._database.connect() as connection:
                self._fields[object_name] = read_updateable_fields(connection, object_name)
        return self._fields[object_name]

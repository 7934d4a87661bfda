"""Reads records of the org by id, as they are now: few calls, and no more ids in a query than a URI holds.

The mirror is brought up to date by `refresh_directory`; this is for what has to be read past it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.salesforce.ids import check_record_id
from lead_pipeline.salesforce.records import Record
from lead_pipeline.salesforce.soql import allowed_names, soql_in_chunks

_BY_ID = "SELECT {fields} FROM {object_name} WHERE Id IN {ids}"


class RecordSource(Protocol):
    """The part of the Salesforce client that records are read from."""

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[Record]]:
        """Return the records of several queries, five queries a call."""


def read_records(
    salesforce: RecordSource, schema: ObjectSchema, *, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, Record]:
    """Return records by id, deleted ones included; one that is gone for good is absent. 1,000 ids cost one call.

    Args:
        salesforce: The org.
        schema: What the org says about the object; its fields are the allow-list.
        ids: Record ids, 15 or 18 characters.
        fields: API names.

    Raises:
        InvalidIdentifierError: An id is none of this object.
        ConfigurationError: A field the org does not have.
    """
    members = list(dict.fromkeys(check_record_id(record_id, schema.object_name) for record_id in ids))
    queries = soql_in_chunks(
        _BY_ID,
        name="ids",
        members=members,
        fields=allowed_names(("Id", *(name for name in fields if name != "Id")), allowed=schema.fields),
        object_name=allowed_names((schema.object_name,), allowed=(schema.object_name,)),
    )
    answers = salesforce.query_many(list(queries), include_deleted=True)
    return {str(record["Id"]): record for records in answers for record in records}

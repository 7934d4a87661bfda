from collections.abc import Sequence

import pytest

from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.errors import ConfigurationError, InvalidIdentifierError
from lead_pipeline.salesforce.records import Record
from lead_pipeline.salesforce.soql import MAX_URI_CHARS, uri_chars
from lead_pipeline.sandbox.salesforce_org import make_id
from lead_pipeline.services.record_reads import read_records

LEAD = ObjectSchema(
    object_name="Lead",
    fields={name: FieldSchema(name=name, label=name, type="string") for name in ("Id", "Email", "Title")},
)


class FakeSource:
    """Answers each query with the ids it names."""

    def __init__(self) -> None:
        self.queries: list[str] = []

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[Record]]:
        assert include_deleted
        self.queries += soqls
        return [[{"Id": part} for part in query.split("'")[1::2]] for query in soqls]


def test_many_ids_are_read_in_queries_a_uri_can_hold() -> None:
    source = FakeSource()
    ids = [make_id("00Q", number) for number in range(1_000)]
    records = read_records(source, LEAD, ids=[*ids, ids[0][:15]], fields=["Email"])
    assert list(records) == ids
    assert len(source.queries) == 5
    assert all(uri_chars(query) < MAX_URI_CHARS for query in source.queries)
    assert source.queries[0].startswith("SELECT Id, Email FROM Lead WHERE Id IN ('00Q")


def test_no_ids_ask_nothing() -> None:
    source = FakeSource()
    assert read_records(source, LEAD, ids=[], fields=["Email"]) == {}
    assert source.queries == []


def test_a_foreign_id_or_an_unknown_field_is_refused_before_anything_is_asked() -> None:
    source = FakeSource()
    with pytest.raises(InvalidIdentifierError):
        read_records(source, LEAD, ids=[make_id("003", 1)], fields=["Email"])
    with pytest.raises(ConfigurationError, match="Nope__c"):
        read_records(source, LEAD, ids=[make_id("00Q", 1)], fields=["Nope__c"])
    assert source.queries == []

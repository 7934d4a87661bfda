from datetime import UTC, datetime

from lead_pipeline.domain.directory_fields import mirror_record, read_moment, select_fields
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema


def schema(object_name: str, *names: str) -> ObjectSchema:
    fields = {name: FieldSchema(name=name, label=name, type="string") for name in names}
    return ObjectSchema(object_name=object_name, fields=fields)


SCHEMAS = {
    "Lead": schema("Lead", "Id", "SystemModstamp", "Email", "Rating"),
    "Contact": schema("Contact", "Id", "AccountId", "Email"),
    "Account": schema("Account", "Id", "Name"),
}


def test_base_and_mapped_fields_are_read_as_far_as_the_org_has_them() -> None:
    chosen = select_fields("Lead", ["Rating", "Nope__c", "Email"], schemas=SCHEMAS)
    assert tuple(chosen.fields) == ("Id", "SystemModstamp", "Email", "Rating")
    assert chosen.unknown == ("Nope__c",)


def test_a_parent_field_is_read_if_the_parent_has_it() -> None:
    chosen = select_fields("Contact", ["Account.Name", "Account.Nope", "Owner.Name"], schemas=SCHEMAS)
    assert "Account.Name" in chosen.fields
    assert chosen.unknown == ("Account.Nope", "Owner.Name")


def test_a_parent_field_needs_the_lookup_and_a_known_parent() -> None:
    lonely = {**SCHEMAS, "Contact": schema("Contact", "Id", "OwnerId")}
    assert select_fields("Contact", ["Account.Name", "Owner.Name"], schemas=lonely).unknown == (
        "Account.Name",
        "Owner.Name",
    )


def test_another_selection_has_another_hash() -> None:
    narrow = select_fields("Lead", [], schemas=SCHEMAS)
    wide = select_fields("Lead", ["Rating"], schemas=SCHEMAS)
    assert narrow.sha256 != wide.sha256
    assert wide.sha256 == select_fields("Lead", ["Rating", "Nope__c"], schemas=SCHEMAS).sha256


def test_a_record_as_read_becomes_one_of_the_mirror() -> None:
    fields = {
        "Id": "00Q5e00000000G9EAI",
        "LastModifiedDate": "2026-05-04T08:15:00.000+0000",
        "SystemModstamp": "2026-05-04T08:16:00.000Z",
        "IsDeleted": True,
        "MasterRecordId": "00Q5e00000000GBEAY",
        "OwnerId": "",
    }
    record = mirror_record("Lead", fields, keys=MatchKeys(ln="sample"))
    assert (record.salesforce_id, record.is_deleted, record.is_converted) == ("00Q5e00000000G9EAI", True, False)
    assert (record.master_record_id, record.owner_id) == ("00Q5e00000000GBEAY", None)
    assert record.last_modified_at == datetime(2026, 5, 4, 8, 15, tzinfo=UTC)
    assert record.system_modstamp == read_moment("2026-05-04T10:16:00.000+0200")

import json
from collections import Counter
from dataclasses import asdict
from datetime import date

import phonenumbers
import pytest

from lead_pipeline.sandbox.dievio_api.filters import passes, wanted_values
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.salesforce_org.org import Org
from lead_pipeline.sandbox.salesforce_org.schema import load_sources, read_object
from lead_pipeline.sandbox.scenarios.demo import build_demo_scenario
from lead_pipeline.sandbox.scenarios.scenario import CaseOutcome, DemoScenario

PREFIXES = {"User": "005", "Group": "00G", "Account": "001", "Contact": "003", "Lead": "00Q"}


def _as_bytes(demo: DemoScenario) -> bytes:
    return json.dumps(asdict(demo), ensure_ascii=False, sort_keys=True, default=dict).encode()


def test_the_demo_has_the_promised_size(demo: DemoScenario) -> None:
    sizes = {name: len(records) for name, records in demo.org_records.items()}

    assert sizes == {"User": 25, "Group": 2, "QueueSobject": 2, "Account": 600, "Contact": 1_000, "Lead": 5_000}
    assert len(demo.dievio_rows) == 1_000
    assert len(demo.segments) == 3


def test_one_seed_gives_one_scenario_to_the_byte(demo: DemoScenario) -> None:
    assert _as_bytes(build_demo_scenario()) == _as_bytes(demo)


def test_another_seed_gives_other_people(demo: DemoScenario) -> None:
    other = build_demo_scenario(seed=1)

    assert other.dievio_rows != demo.dievio_rows
    assert Counter(label.case for label in other.labels.values()) == Counter(
        label.case for label in demo.labels.values()
    )


def test_another_night_moves_every_time() -> None:
    later = build_demo_scenario(partition_on=date(2027, 5, 3))

    newest = max(str(lead["SystemModstamp"]) for lead in later.org_records["Lead"])
    assert "2027-04" < newest < "2027-05-03"


def test_everything_happened_before_the_night_and_within_two_years(demo: DemoScenario) -> None:
    for name in PREFIXES:
        for record in demo.org_records[name]:
            created, modified = str(record["CreatedDate"]), str(record["LastModifiedDate"])
            assert "2024-11-21" <= created <= modified <= str(record["SystemModstamp"]) < "2026-11-21"


def test_every_id_has_its_prefix_and_checksum_and_is_unique(demo: DemoScenario) -> None:
    for name, prefix in PREFIXES.items():
        ids = [str(record["Id"]) for record in demo.org_records[name]]
        assert len(set(ids)) == len(ids)
        assert all(normalize_id(record_id) == record_id and record_id[:3] == prefix for record_id in ids)


def test_the_org_points_only_at_records_that_exist(demo: DemoScenario) -> None:
    ids = {name: {record["Id"] for record in demo.org_records[name]} for name in PREFIXES}
    active = {user["Id"] for user in demo.org_records["User"] if user["IsActive"]}

    for name in ("Account", "Contact", "Lead"):
        assert {record["OwnerId"] for record in demo.org_records[name]} <= active
    assert {contact["AccountId"] for contact in demo.org_records["Contact"]} <= ids["Account"]
    converted = [lead for lead in demo.org_records["Lead"] if lead["IsConverted"]]
    assert {lead["ConvertedContactId"] for lead in converted} <= ids["Contact"]
    assert {lead["ConvertedAccountId"] for lead in converted} <= ids["Account"]
    queues = {entry["QueueId"] for entry in demo.org_records["QueueSobject"]}
    assert queues == ids["Group"]
    masters = {lead["MasterRecordId"] for lead in demo.org_records["Lead"] if "MasterRecordId" in lead}
    assert masters <= ids["Lead"]


def test_the_org_holds_every_kind_of_record(demo: DemoScenario) -> None:
    leads = demo.org_records["Lead"]

    assert sum(bool(lead["IsConverted"]) for lead in leads) >= 100
    assert sum(bool(lead["IsDeleted"]) for lead in leads) >= 50
    assert sum("MasterRecordId" in lead for lead in leads) >= 20
    assert sum("Dievio_Lead_ID__c" in lead for lead in leads) >= 100
    assert sum(not user["IsActive"] for user in demo.org_records["User"]) == 4


@pytest.mark.parametrize("name", PREFIXES)
def test_every_value_fits_the_field_of_the_demo_org(demo: DemoScenario, name: str) -> None:
    schema = read_object(load_sources("demo")[name])

    for record in demo.org_records[name]:
        for field_name, value in record.items():
            field = schema.fields[field_name]
            assert not field.is_text or not field.length or len(str(value)) <= field.length


def test_the_sandbox_org_takes_every_record_and_ends_with_four_queues(demo: DemoScenario) -> None:
    org = Org(edition="demo")
    loaded = {name: len(org.load(name, records)) for name, records in demo.org_records.items()}
    queues = org.store.all("SELECT DeveloperName FROM \"Group\" WHERE Type = 'Queue'")
    org.close()

    assert loaded["Lead"] == 5_000
    assert len(queues) == 4
    assert ("Dievio_Holding",) in queues


def test_external_ids_are_unique_in_the_org(demo: DemoScenario) -> None:
    for name in ("Lead", "Contact"):
        ids = [record["Dievio_Lead_ID__c"] for record in demo.org_records[name] if "Dievio_Lead_ID__c" in record]
        assert len(set(ids)) == len(ids)


def test_the_filters_of_each_segment_return_exactly_its_rows(demo: DemoScenario) -> None:
    for segment in demo.segments:
        wanted = wanted_values(segment.filters)
        found = tuple(index for index, row in enumerate(demo.dievio_rows) if passes(row, wanted, silent_rows_pass=True))
        assert found == segment.row_indexes


def test_every_object_row_belongs_to_one_segment_and_every_other_entry_to_all(demo: DemoScenario) -> None:
    homes = Counter(index for segment in demo.segments for index in segment.row_indexes)

    assert {index: 1 if isinstance(row, dict) else 3 for index, row in enumerate(demo.dievio_rows)} == homes


def test_every_delivered_row_has_a_label(demo: DemoScenario) -> None:
    delivered = {f"{segment.name}:{index}" for segment in demo.segments for index in segment.row_indexes}

    assert demo.labels.keys() == delivered
    assert all(key.endswith(f":{label.row_index}") for key, label in demo.labels.items())


def test_no_row_tells_its_case(demo: DemoScenario) -> None:
    cases = {label.case for label in demo.labels.values()}

    assert not any(case in json.dumps(row) for row in demo.dievio_rows for case in cases)


def test_every_case_is_played_at_least_three_times(demo: DemoScenario) -> None:
    counts = Counter(label.case for label in demo.labels.values())

    assert len(counts) >= 70
    assert min(counts.values()) >= 3


def test_every_outcome_of_a_plan_occurs(demo: DemoScenario) -> None:
    counts = Counter(label.outcome for label in demo.labels.values())

    assert counts.keys() == set(CaseOutcome)
    assert counts[CaseOutcome.CREATED] > counts[CaseOutcome.UPDATED] > counts[CaseOutcome.REVIEW] >= 50


def test_tidy_phones_are_valid_numbers(demo: DemoScenario) -> None:
    rows = [demo.dievio_rows[label.row_index] for label in demo.labels.values() if label.case == "new_lead"]

    for row in rows:
        assert isinstance(row, dict)
        number = phonenumbers.parse(row["raw"]["mobile_phone"])
        assert phonenumbers.is_valid_number(number)


def test_phones_written_as_at_home_are_the_same_numbers_as_in_e164(demo: DemoScenario) -> None:
    codes = {"united states": "US", "germany": "DE", "austria": "AT", "switzerland": "CH", "united kingdom": "GB"}
    labels = [label for label in demo.labels.values() if label.case in {"new_lead", "phone_format"}]

    for row in (demo.dievio_rows[label.row_index] for label in labels):
        assert isinstance(row, dict)
        number = phonenumbers.parse(row["phone"].removeprefix("tel:"), codes[row["raw"]["location_country"]])
        assert phonenumbers.is_valid_number(number)


def test_earlier_writes_name_records_and_fields_of_the_org(demo: DemoScenario) -> None:
    ids = {record["Id"] for name in ("Lead", "Contact") for record in demo.org_records[name]}
    schema = read_object(load_sources("demo")["Lead"])

    assert len(demo.earlier_writes) >= 300
    assert {write.salesforce_id for write in demo.earlier_writes} <= ids
    assert all(write.field in schema.fields for write in demo.earlier_writes)

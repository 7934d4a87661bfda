"""Every row of the success table: status, headers and body as real orgs answer, field by field."""

import re
from typing import Any

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, NO_ASSIGNMENT, NOON, RunningOrg

STAMP = "2026-03-02T12:00:00.000+0000"
LEAD = {"LastName": "Test", "Company": "Test GmbH"}
KEY = "/sobjects/Lead/Dievio_Lead_ID__c"
RECORDED_ORDER = [
    "Id", "IsDeleted", "MasterRecordId", "LastName", "FirstName", "Salutation", "Name", "Title", "Company", "Street",
]  # fmt: skip


def typed(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, **fields}


def test_create_answers_201_with_location(admin: RunningOrg) -> None:
    answer = admin.call("POST", "/sobjects/Lead", json=LEAD)

    record_id = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (201, {"id": record_id, "success": True, "errors": []})
    assert answer.headers["location"] == f"{DATA}/sobjects/Lead/{record_id}"
    assert re.fullmatch(r"00Q[0-9A-Za-z]{15}", record_id)


def test_update_answers_204_without_a_body(admin: RunningOrg) -> None:
    answer = admin.call("PATCH", f"/sobjects/Lead/{admin.create()}", json={"Title": "x"})

    assert (answer.status_code, answer.content) == (204, b"")


def test_delete_answers_204_without_a_body(admin: RunningOrg) -> None:
    answer = admin.call("DELETE", f"/sobjects/Lead/{admin.create()}")

    assert (answer.status_code, answer.content) == (204, b"")


def test_upsert_answers_201_when_it_creates_and_200_when_it_updates(admin: RunningOrg) -> None:
    created = admin.call("PATCH", f"{KEY}/k1", json=LEAD)
    updated = admin.call("PATCH", f"{KEY}/k1", json={"Title": "x"})

    body = {"id": created.json()["id"], "success": True, "errors": []}
    assert (created.status_code, created.json()) == (201, {**body, "created": True})
    assert (updated.status_code, updated.json()) == (200, {**body, "created": False})


def test_upsert_in_old_versions_answers_204_and_knows_no_created(admin: RunningOrg) -> None:
    path = "/services/data/v45.0/sobjects/Lead/Dievio_Lead_ID__c/k1"
    created, updated = (admin.call("PATCH", path, json=LEAD) for _ in range(2))

    assert "created" not in created.json()
    assert (updated.status_code, updated.content) == (204, b"")


def test_update_only_never_creates(admin: RunningOrg) -> None:
    answer = admin.call("PATCH", f"{KEY}/k1", params={"updateOnly": "true"}, json=LEAD)

    assert answer.status_code == 404
    assert admin.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_read_shows_every_field_in_describe_order_and_empty_ones_as_null(admin: RunningOrg) -> None:
    record_id = admin.create(Email="MiXed@Case.example", City="Bonn", NumberOfEmployees="12", AnnualRevenue=3)

    record = admin.record(record_id)

    described = [item["name"] for item in admin.call("GET", "/sobjects/Lead/describe").json()["fields"]]
    assert list(record) == ["attributes", *described]
    assert described[: len(RECORDED_ORDER)] == RECORDED_ORDER
    assert record["attributes"] == {"type": "Lead", "url": f"{DATA}/sobjects/Lead/{record_id}"}
    assert (record["Email"], record["NumberOfEmployees"], record["AnnualRevenue"]) == ("mixed@case.example", 12, 3.0)
    assert (record["FirstName"], record["IsUnreadByOwner"], record["CreatedDate"]) == (None, True, STAMP)
    assert record["Address"] == {
        "city": "Bonn", "country": None, "geocodeAccuracy": None, "latitude": None, "longitude": None,
        "postalCode": None, "state": None, "street": None,
    }  # fmt: skip


def test_read_takes_a_choice_of_fields_and_a_15_character_id(admin: RunningOrg) -> None:
    record_id = admin.create()

    answer = admin.call("GET", f"/sobjects/Lead/{record_id[:15]}", params={"fields": "LastName,Company"})

    assert answer.json() == {
        "attributes": {"type": "Lead", "url": f"{DATA}/sobjects/Lead/{record_id}"},
        "LastName": "Test", "Company": "Test GmbH", "Id": record_id,
    }  # fmt: skip


def test_read_by_external_id_finds_the_record(admin: RunningOrg) -> None:
    record_id = admin.create(Dievio_Lead_ID__c="a b/c")

    assert admin.call("GET", f"{KEY}/a%20b%2Fc").json()["Id"] == record_id


def test_a_read_answers_304_or_412_by_the_stamp_of_the_record(admin: RunningOrg) -> None:
    path = f"/sobjects/Lead/{admin.create()}"
    before, at = (f"Mon, 02 Mar 2026 1{hour}:00:00 GMT" for hour in (1, 2))
    conditions = [(f"If-{kind}-Since", moment) for kind in ("Modified", "Unmodified") for moment in (before, at)]

    answers = [admin.call("GET", path, headers={name: moment}) for name, moment in conditions]

    assert [answer.status_code for answer in answers] == [200, 304, 412, 200]
    assert answers[1].content == b""


def test_a_record_is_deleted_by_its_external_id(admin: RunningOrg) -> None:
    admin.create(Dievio_Lead_ID__c="k1")

    answers = [admin.call("DELETE", f"{KEY}/k1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 404]


def test_an_external_id_of_several_records_answers_300_to_reading_and_deleting(admin: RunningOrg) -> None:
    fields = [{"name": "ExtId__c", "type": "string", "length": 20, "external_id": True}]
    admin.call("PUT", "/_sandbox/schema/UpsertTable__c", json={"prefix": "a00", "fields": fields})
    ids = [admin.create("UpsertTable__c", ExtId__c="e") for _ in range(2)]

    answers = [admin.call(method, "/sobjects/UpsertTable__c/ExtId__c/e") for method in ("GET", "DELETE")]

    addresses = [f"{DATA}/sobjects/UpsertTable__c/{record_id}" for record_id in ids]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(300, addresses)] * 2


def test_a_query_of_one_page_is_done(admin: RunningOrg) -> None:
    record_id = admin.create(FirstName="Ann")

    body = admin.query("select id, name, Owner.Name from lead")

    owner = "0055e0000000001AAA"
    assert body == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {"type": "Lead", "url": f"{DATA}/sobjects/Lead/{record_id}"},
                "Id": record_id,
                "Name": "Ann Test",
                "Owner": {"attributes": {"type": "Name", "url": f"{DATA}/sobjects/User/{owner}"}, "Name": "Ada Admin"},
            }
        ],
    }


def test_count_and_aggregates_have_their_own_bodies(admin: RunningOrg) -> None:
    admin.create(AnnualRevenue=5)

    assert admin.query("SELECT COUNT() FROM Lead") == {"totalSize": 1, "done": True, "records": []}
    assert admin.query("SELECT Company, COUNT(Id), SUM(AnnualRevenue) s FROM Lead GROUP BY Company")["records"] == [
        {"attributes": {"type": "AggregateResult"}, "Company": "Test GmbH", "expr0": 1, "s": 5.0}
    ]


def test_a_long_query_comes_in_pages_that_later_changes_do_not_shift(admin: RunningOrg) -> None:
    ids = admin.org.load("Lead", [{**LEAD, "Title": f"{place:03}"} for place in range(450)])
    options = {"Sforce-Query-Options": "batchSize=200"}

    first = admin.call("GET", "/query", params={"q": "SELECT Id FROM Lead ORDER BY Title"}, headers=options).json()
    admin.call("DELETE", f"/sobjects/Lead/{ids[0]}")
    second = admin.call("GET", first["nextRecordsUrl"], headers=options).json()
    third = admin.call("GET", second["nextRecordsUrl"], headers=options).json()

    found = [record["Id"] for page in (first, second, third) for record in page["records"]]
    assert (first["totalSize"], first["done"], second["done"], third["done"]) == (450, False, False, True)
    assert re.fullmatch(rf"{DATA}/query/01g[0-9A-Za-z]{{15}}-200", first["nextRecordsUrl"])
    assert found == ids
    assert "nextRecordsUrl" not in third


def test_the_pages_of_an_unordered_result_fit_together_after_edits(admin: RunningOrg) -> None:
    record_ids = admin.org.load("Lead", [LEAD] * 450)
    admin.call("PUT", "/_sandbox/clock", json={"advance_seconds": 60})
    for record_id in record_ids[:40]:
        admin.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Title": "Edited"}, headers=NO_ASSIGNMENT)
    options = {"Sforce-Query-Options": "batchSize=200"}
    page = admin.call("GET", "/query", params={"q": "SELECT Id, Title FROM Lead"}, headers=options).json()
    found = [record["Id"] for record in page["records"]]
    while not page["done"]:
        page = admin.call("GET", page["nextRecordsUrl"], headers=options).json()
        found += [record["Id"] for record in page["records"]]
    assert sorted(found) == sorted(record_ids)


def test_query_all_sees_deleted_and_merged_records(admin: RunningOrg) -> None:
    master, loser, deleted = admin.create(), admin.create(), admin.create()
    admin.call("POST", "/_sandbox/merge", json={"master_id": master, "loser_ids": [loser]})
    admin.call("DELETE", f"/sobjects/Lead/{deleted}")

    soql = "SELECT Id, IsDeleted, MasterRecordId FROM Lead ORDER BY Id"
    rows = [
        (row["Id"], row["IsDeleted"], row["MasterRecordId"])
        for row in admin.query(soql, resource="queryAll")["records"]
    ]

    assert rows == [(master, False, None), (loser, True, master), (deleted, True, None)]
    assert admin.query(soql)["totalSize"] == 1


def test_collections_answer_in_request_order(admin: RunningOrg) -> None:
    created = admin.call("POST", "/composite/sobjects", json={"records": [typed(**LEAD), typed(**LEAD)]}).json()
    ids = [row["id"] for row in created]
    updated = admin.call("PATCH", "/composite/sobjects", json={"records": [typed(Id=ids[1], Title="x")]}).json()
    read = admin.call("GET", "/composite/sobjects/Lead", params={"ids": f"{ids[1]},{ids[0]}", "fields": "Title"}).json()
    deleted = admin.call("DELETE", "/composite/sobjects", params={"ids": ",".join(ids), "allOrNone": "true"}).json()

    assert created == [{"id": record_id, "success": True, "errors": []} for record_id in ids]
    assert updated == [{"id": ids[1], "success": True, "errors": []}]
    assert [(row["Id"], row["Title"]) for row in read] == [(ids[1], "x"), (ids[0], None)]
    assert deleted == [{"id": record_id, "success": True, "errors": []} for record_id in ids]


def test_a_collection_upsert_says_which_rows_it_created(admin: RunningOrg) -> None:
    known = admin.create(Dievio_Lead_ID__c="k1")
    rows = [typed(Dievio_Lead_ID__c="k1", Title="x"), typed(**LEAD, Dievio_Lead_ID__c="k2")]

    answer = admin.call("PATCH", "/composite/sobjects/Lead/Dievio_Lead_ID__c", json={"records": rows})

    updated, created = answer.json()
    assert updated == {"id": known, "success": True, "errors": [], "created": False}
    assert (created["success"], created["created"]) == (True, True)


def test_more_than_two_hundred_records_are_refused(admin: RunningOrg) -> None:
    answer = admin.call("POST", "/composite/sobjects", json={"records": [typed(**LEAD)] * 201})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_MAX_SIZE_REQUEST")


def sub(method: str, path: str, reference: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "url": DATA + path, "referenceId": reference, **more}


def test_a_composite_answers_each_subrequest_and_stays_200(admin: RunningOrg) -> None:
    requests = [
        sub("POST", "/sobjects/Lead", "made", body=LEAD),
        sub("PATCH", "/sobjects/Lead/@{made.id}", "changed", body={"Title": "for @{made.id}"}),
        sub("POST", "/sobjects/Lead", "refused", body={"LastName": "x"}),
        sub("GET", "/sobjects/Lead/@{refused.id}", "follows"),
    ]

    answer = admin.call("POST", "/composite", json={"compositeRequest": requests})

    made, changed, refused, follows = answer.json()["compositeResponse"]
    record_id = made["body"]["id"]
    assert answer.status_code == 200
    assert made == {
        "body": {"id": record_id, "success": True, "errors": []},
        "httpHeaders": {"Location": f"{DATA}/sobjects/Lead/{record_id}"}, "httpStatusCode": 201, "referenceId": "made",
    }  # fmt: skip
    assert changed == {"body": None, "httpHeaders": {}, "httpStatusCode": 204, "referenceId": "changed"}
    assert (refused["httpStatusCode"], refused["body"][0]["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    assert (follows["httpStatusCode"], follows["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert admin.record(record_id)["Title"] == f"for {record_id}"


def test_subrequests_carry_their_own_conditions(admin: RunningOrg) -> None:
    old, young = admin.org.load(
        "Lead", [{**LEAD, "LastModifiedDate": f"2026-03-0{day}T00:00:00.000+0000"} for day in (1, 2)]
    )
    since = {"If-Unmodified-Since": "Sun, 01 Mar 2026 12:00:00 GMT"}
    requests = [
        sub("PATCH", f"/sobjects/Lead/{record_id}", f"r{place}", body={"Title": "x"}, httpHeaders=since)
        for place, record_id in enumerate((old, young))
    ]

    parts = admin.call("POST", "/composite", json={"compositeRequest": requests}).json()["compositeResponse"]

    assert [part["httpStatusCode"] for part in parts] == [204, 412]
    assert (admin.record(old)["Title"], admin.record(young)["Title"]) == ("x", None)


def test_a_composite_with_all_or_none_undoes_everything(admin: RunningOrg) -> None:
    requests = [sub("POST", "/sobjects/Lead", "a", body=LEAD), sub("POST", "/sobjects/Lead", "b", body={})]

    parts = admin.call("POST", "/composite", json={"allOrNone": True, "compositeRequest": requests}).json()

    codes = [part["body"][0]["errorCode"] for part in parts["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert admin.query("SELECT COUNT() FROM Lead")["totalSize"] == 0
    assert admin.org.store.journal() == []


@pytest.mark.parametrize(("count", "queries", "status"), [(25, 5, 200), (26, 0, 400), (6, 6, 400)])
def test_a_composite_takes_25_subrequests_and_5_queries(
    admin: RunningOrg, count: int, queries: int, status: int
) -> None:
    paths = ["/query?q=SELECT+Id+FROM+Lead"] * queries + ["/sobjects/User"] * (count - queries)
    requests = [sub("GET", path, f"r{place}") for place, path in enumerate(paths)]

    assert admin.call("POST", "/composite", json={"compositeRequest": requests}).status_code == status


def test_the_token_body_has_the_recorded_members(admin: RunningOrg) -> None:
    form = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}

    answer = admin.call("POST", "/services/oauth2/token", data=form)

    body = answer.json()
    assert set(body) == {"access_token", "signature", "instance_url", "id", "token_type", "issued_at"}
    assert body["access_token"].startswith("00D5e0000000001!")
    assert (body["token_type"], body["instance_url"]) == ("Bearer", str(admin.http.base_url).rstrip("/"))
    assert body["id"].endswith("/id/00D5e0000000001EAA/0055e0000000002AAA")
    assert body["issued_at"] == str(int(NOON.timestamp() * 1000))


def test_updated_and_deleted_list_ids_with_the_dates_they_cover(admin: RunningOrg) -> None:
    kept, gone = admin.create(), admin.create()
    admin.call("DELETE", f"/sobjects/Lead/{gone}")
    window = {"start": "2026-03-02T11:00:00Z", "end": "2026-03-02T13:00:00+00:00"}

    updated = admin.call("GET", "/sobjects/Lead/updated", params=window).json()
    deleted = admin.call("GET", "/sobjects/Lead/deleted", params=window).json()

    assert updated == {"ids": [kept], "latestDateCovered": "2026-03-02T13:00:00.000+0000"}
    assert deleted == {
        "deletedRecords": [{"deletedDate": STAMP, "id": gone}],
        "earliestDateAvailable": "2026-03-02T11:00:00.000+0000",
        "latestDateCovered": "2026-03-02T13:00:00.000+0000",
    }


def test_limits_and_the_usage_header_count_calls(admin: RunningOrg) -> None:
    before = admin.call("GET", "/limits")
    after = admin.call("GET", "/limits")

    assert before.headers["sforce-limit-info"] == "api-usage=1/100000"
    assert after.json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_998}


def test_describe_answers_304_while_the_schema_stays(admin: RunningOrg) -> None:
    described = admin.call("GET", "/sobjects/Lead/describe")
    since = {"If-Modified-Since": described.headers["last-modified"]}
    unchanged = admin.call("GET", "/sobjects/Lead/describe", headers=since)
    admin.call("PUT", "/_sandbox/clock", json={"now": "2030-01-01T00:00:00Z"})
    admin.call("PUT", "/_sandbox/schema/Lead", json={"remove": ["Phone"]})
    changed = admin.call("GET", "/sobjects/Lead/describe", headers=since)

    assert (unchanged.status_code, unchanged.content, changed.status_code) == (304, b"", 200)
    assert admin.call("GET", "/sobjects", headers={"If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"}).content == b""
    assert "Phone" not in [item["name"] for item in changed.json()["fields"]]


def test_pretty_print_says_the_same_in_lines(admin: RunningOrg) -> None:
    plain, pretty = (
        admin.call("GET", "/sobjects/Lead/describe", headers=more) for more in ({}, {"X-PrettyPrint": "1"})
    )

    assert plain.json() == pretty.json()
    assert plain.text.count("\n") < pretty.text.count("\n")


def test_every_answer_names_its_request(admin: RunningOrg) -> None:
    answers = [admin.call("GET", path) for path in ("/limits", "/limits", "/nothing")]

    ids = {answer.headers["x-sfdc-request-id"] for answer in answers}
    assert len(ids) == len(answers)


def test_answers_carry_the_time_of_the_sandbox_clock(admin: RunningOrg) -> None:
    answer = admin.call("GET", "/limits")

    assert answer.headers["date"] == "Mon, 02 Mar 2026 12:00:00 GMT"


def test_the_owner_reads_its_lead_by_saving_it(admin: RunningOrg) -> None:
    record_id = admin.create()
    admin.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Title": "x"}, headers=NO_ASSIGNMENT)

    assert admin.record(record_id)["IsUnreadByOwner"] is False


def test_assignment_rules_run_unless_told_not_to(admin: RunningOrg) -> None:
    assigned = admin.call("POST", "/sobjects/Lead", json=LEAD).json()["id"]

    assert admin.record(assigned)["OwnerId"].startswith("00G5e0000000002")
    assert admin.record(admin.create())["OwnerId"] == "0055e0000000001AAA"

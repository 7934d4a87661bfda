"""Every row of the error table: provoke it, compare code, status, message and fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, NO_ASSIGNMENT, RunningOrg

Provoke = Callable[[RunningOrg], Any]
UNKNOWN_LEAD = "00Q0000000000zzEAA"


@dataclass(frozen=True)
class Row:
    """One row of the table: how to provoke it and what a client must see."""

    name: str
    provoke: Provoke
    status: int
    code: str
    message: str
    fields: list[str] | None


def post(path: str, body: Any, **headers: str) -> Provoke:
    return lambda org: org.call("POST", path, json=body, headers=headers)


def query(soql: str) -> Provoke:
    return lambda org: org.call("GET", "/query", params={"q": soql})


def lead(**fields: Any) -> Provoke:
    return post("/sobjects/Lead", {"LastName": "A", "Company": "B", **fields})


def on_lead(method: str, body: Any = None, *, before: Callable[[RunningOrg, str], object] | None = None) -> Provoke:
    """Create a lead, do something to it, then send a request at it."""

    def provoke(org: RunningOrg) -> Any:
        record_id = org.create()
        if before is not None:
            before(org, record_id)
        return org.call(method, f"/sobjects/Lead/{record_id}", json=body)

    return provoke


def convert(org: RunningOrg, lead_id: str) -> None:
    assert org.call("POST", "/_sandbox/convert", json={"lead_id": lead_id}).status_code == 200


def delete(org: RunningOrg, lead_id: str) -> None:
    assert org.call("DELETE", f"/sobjects/Lead/{lead_id}").status_code == 204


def with_fault(kind: str, provoke: Provoke, **params: Any) -> Provoke:
    def struck(org: RunningOrg) -> Any:
        org.call("POST", "/_sandbox/faults", json={"kind": kind, "times": 1, **params})
        return provoke(org)

    return struck


def with_settings(provoke: Provoke, **settings: Any) -> Provoke:
    def prepared(org: RunningOrg) -> Any:
        org.call("PUT", "/_sandbox/limits", json=settings)
        return provoke(org)

    return prepared


def with_schema(change: dict[str, Any], provoke: Provoke) -> Provoke:
    def prepared(org: RunningOrg) -> Any:
        assert org.call("PUT", "/_sandbox/schema/Lead", json=change).status_code == 200
        return provoke(org)

    return prepared


def duplicate_value(org: RunningOrg) -> Any:
    org.create(Dievio_Lead_ID__c="d1")
    return org.call("POST", "/sobjects/Lead", json={"LastName": "A", "Company": "B", "Dievio_Lead_ID__c": "d1"})


def inactive_owner(org: RunningOrg) -> Any:
    [user] = org.org.load("User", [{"LastName": "Gone", "Username": "gone@x.example", "IsActive": False}])
    return lead(OwnerId=user)(org)


def hidden_account(org: RunningOrg) -> Any:
    org.org.load("Account", [{"Id": "001000000000007", "Name": "Acme", "OwnerId": UNSEEN_OWNER}])
    change = {"access": {"admin": {"hidden_owners": [UNSEEN_OWNER]}}}
    assert org.call("PUT", "/_sandbox/schema/Account", json=change).status_code == 200
    return org.call("POST", "/sobjects/Contact", json={"LastName": "A", "AccountId": "001000000000007"})


def too_many_changes(kind: str) -> Provoke:
    def provoke(org: RunningOrg) -> Any:
        org.call("PUT", "/_sandbox/limits", json={"changed_ids": 2})
        org.org.load("Lead", [{"LastName": "A", "Company": "B", "IsDeleted": kind == "deleted"}] * 3)
        return org.call("GET", f"/sobjects/Lead/{kind}", params=AROUND_NOON)

    return provoke


UNSEEN_OWNER = "0055e0000000003AAA"
TOO_MANY_IDS = "Exceeded maximum of 600,000 ids: narrow the date range"
AROUND_NOON = {"start": "2026-03-02T11:00:00Z", "end": "2026-03-02T13:00:00Z"}
TRIGGER = {"name": "LeadTrigger", "formula": "Title = 'CTO'", "message": "execution of BeforeInsert"}
ACCESS = (
    "Please check the security settings of this field and verify that it is read/write "
    "for your profile or permission set."
)
JSON = {"Content-Type": "application/json"}
BAD_DATE = {"If-Unmodified-Since": "soon"}
BACKWARDS = {"start": "2026-03-02T13:00:00Z", "end": "2026-03-02T12:00:00Z"}
ERRORS = [
    Row("REQUIRED_FIELD_MISSING", post("/sobjects/Lead", {"LastName": "A"}), 400, "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [Company]", ["Company"]),
    Row("STRING_TOO_LONG", lead(City="c" * 41), 400, "STRING_TOO_LONG",
        f"City: data value too large: {'c' * 41} (max length=40)", ["City"]),
    Row("INVALID_EMAIL_ADDRESS", lead(Email="no at"), 400, "INVALID_EMAIL_ADDRESS",
        "Email: invalid email address: no at", ["Email"]),
    Row("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", lead(Seniority__c="boss"), 400,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Seniority: bad value for restricted picklist field: boss",
        ["Seniority__c"]),
    Row("FIELD_INTEGRITY_EXCEPTION (country)", with_settings(lead(Country="Atlantis"), place_picklists=True), 400,
        "FIELD_INTEGRITY_EXCEPTION", "There's a problem with this country, even though it may appear correct. "
        "Please select a country from the list of valid countries.: Country", ["Country"]),
    Row("FIELD_INTEGRITY_EXCEPTION (lookup)", lead(OwnerId="00Q000000000001EAA"), 400, "FIELD_INTEGRITY_EXCEPTION",
        "Owner ID: id value of incorrect type: 00Q000000000001EAA", ["OwnerId"]),
    Row("FIELD_CUSTOM_VALIDATION_EXCEPTION",
        with_schema({"validation_rules": [{"name": "No_Bobs", "formula": 'LastName = "Bob"', "message": "No Bobs."}]},
                    lead(LastName="Bob")), 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No Bobs.", []),
    Row("FIELD_CUSTOM_VALIDATION_EXCEPTION (at a field)",
        with_schema({"validation_rules": [{"name": "R", "formula": "TRUE", "message": "No.", "field": "Title"}]},
                    lead()), 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No.", ["Title"]),
    Row("DUPLICATE_VALUE", duplicate_value, 400, "DUPLICATE_VALUE",
        "duplicate value found: Dievio_Lead_ID__c duplicates value on record with id: 00Q5e00000000G9EAI",
        ["Dievio_Lead_ID__c"]),
    Row("CANNOT_UPDATE_CONVERTED_LEAD", on_lead("PATCH", {"Title": "x"}, before=convert), 400,
        "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", []),
    Row("ENTITY_IS_DELETED (update)", on_lead("PATCH", {"Title": "x"}, before=delete), 404, "ENTITY_IS_DELETED",
        "entity is deleted", []),
    Row("ENTITY_IS_DELETED (delete)", on_lead("DELETE", before=delete), 404, "ENTITY_IS_DELETED",
        "entity is deleted", []),
    Row("NOT_FOUND (deleted record)", on_lead("GET", before=delete), 404, "NOT_FOUND",
        "The requested resource does not exist", None),
    Row("NOT_FOUND (path)", lambda org: org.call("GET", "/sobjects/Nothing"), 404, "NOT_FOUND",
        "The requested resource does not exist", None),
    Row("NOT_FOUND (external id field)", lambda org: org.call("GET", "/sobjects/Lead/Title/x"), 404, "NOT_FOUND",
        "Provided external ID field does not exist or is not accessible: Title", None),
    Row("INVALID_FIELD", lead(Nope__c="x"), 400, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Lead",
        None),
    Row("INVALID_FIELD_FOR_INSERT_UPDATE", lead(CreatedDate="2026-01-01T00:00:00Z"), 400,
        "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: CreatedDate. {ACCESS}", ["CreatedDate"]),
    Row("INVALID_TYPE", query("SELECT Id FROM Leads"), 400, "INVALID_TYPE",
        "\nSELECT Id FROM Leads\n               ^\nERROR at Row:1:Column:16\nsObject type 'Leads' is not supported. "
        "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
        "Please reference your WSDL or the describe call for the appropriate names.", None),
    Row("MALFORMED_QUERY", query("SELECT Id FROM Lead WHERE"), 400, "MALFORMED_QUERY",
        "\nSELECT Id FROM Lead WHERE\n                         ^\nERROR at Row:1:Column:26\nunexpected token: '<EOF>'",
        None),
    Row("INVALID_QUERY_FILTER_OPERATOR", query("SELECT Id FROM Lead WHERE Id = 'abc'"), 400,
        "INVALID_QUERY_FILTER_OPERATOR", "\nSELECT Id FROM Lead WHERE Id = 'abc'\n                               ^\n"
        "ERROR at Row:1:Column:32\ninvalid ID field: abc", None),
    Row("MALFORMED_ID", lead(IndividualId="x!"), 400, "MALFORMED_ID", "Individual ID: id value of incorrect type: x!",
        ["IndividualId"]),
    Row("INVALID_CROSS_REFERENCE_KEY", lead(OwnerId="005000000000999AAA"), 400, "INVALID_CROSS_REFERENCE_KEY",
        "invalid cross reference id", []),
    Row("INSUFFICIENT_ACCESS_OR_READONLY",
        with_schema({"access": {"admin": {"denied": ["create"]}}}, lead()), 400, "INSUFFICIENT_ACCESS_OR_READONLY",
        "insufficient access rights on object id", []),
    Row("REQUIRED_FIELD_MISSING (empty list)", post("/composite/sobjects", {"records": []}), 400,
        "REQUIRED_FIELD_MISSING", "At least 1 record is required", None),
    Row("JSON_PARSER_ERROR (syntax)",
        lambda org: org.call("POST", "/sobjects/Lead", content=b'{"LastName": ', headers=JSON),
        400, "JSON_PARSER_ERROR", "Expecting value at [line:1, column:14]", None),
    Row("JSON_PARSER_ERROR (type)", lead(AnnualRevenue="much"), 400, "JSON_PARSER_ERROR",
        "Cannot deserialize instance of currency from VALUE_STRING value much or request may be missing a required "
        "field at [line:1, column:31]", None),
    Row("UNABLE_TO_LOCK_ROW", with_fault("row_lock", lead()), 400, "UNABLE_TO_LOCK_ROW",
        "unable to obtain exclusive access to this record or 1 records: the requested record", []),
    Row("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", with_schema({"triggers": [TRIGGER]}, lead(Title="CTO")), 400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: execution of BeforeInsert", []),
    Row("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY (scripted)",
        with_fault("partial_failure", lead(), code="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message="LeadTrigger: boom"),
        400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: boom", []),
    Row("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", hidden_account, 400,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "insufficient access rights on cross-reference id: 001000000000007", []),
    Row("EXCEEDED_ID_LIMIT (updated)", too_many_changes("updated"), 400, "EXCEEDED_ID_LIMIT", TOO_MANY_IDS, None),
    Row("EXCEEDED_ID_LIMIT (deleted)", too_many_changes("deleted"), 400, "EXCEEDED_ID_LIMIT", TOO_MANY_IDS, None),
    Row("REQUEST_LIMIT_EXCEEDED (daily)", with_settings(lead(), daily=0), 403, "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.", None),
    Row("REQUEST_LIMIT_EXCEEDED (concurrent)", with_fault("concurrent_limit", lead()), 403, "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentPerOrgLongTxn Limit exceeded.", None),
    Row("INVALID_SESSION_ID", lambda org: org.call("GET", "/limits", headers={"Authorization": "Bearer x"}), 401,
        "INVALID_SESSION_ID", "Session expired or invalid", None),
    Row("API_DISABLED_FOR_ORG", with_settings(lead(), api_disabled=True), 403, "API_DISABLED_FOR_ORG",
        "The REST API is not enabled for this Organization.", None),
    Row("API_CURRENTLY_DISABLED", with_fault("api_disabled", lead()), 403, "API_CURRENTLY_DISABLED",
        "API is currently disabled for this user.", None),
    Row("QUERY_TIMEOUT", with_fault("query_timeout", query("SELECT Id FROM Lead")), 400, "QUERY_TIMEOUT",
        "Your query request was running for too long.", None),
    Row("SERVER_UNAVAILABLE", with_fault("server_unavailable", lead()), 503, "SERVER_UNAVAILABLE",
        "Server is unavailable. Please try again later.", None),
    Row("UNKNOWN_EXCEPTION", with_fault("unknown_exception", lead()), 500, "UNKNOWN_EXCEPTION",
        "An unexpected error occurred.", None),
    Row("STORAGE_LIMIT_EXCEEDED", with_fault("storage_limit", lead()), 403, "STORAGE_LIMIT_EXCEEDED",
        "storage limit exceeded", None),
    Row("UNSUPPORTED_API_VERSION", lambda org: org.call("GET", "/services/data/v20.0/limits"), 410,
        "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", None),
    Row("METHOD_NOT_ALLOWED", lambda org: org.call("PUT", "/limits", json={}), 405, "METHOD_NOT_ALLOWED",
        "HTTP Method 'PUT' not allowed. Allowed are GET, HEAD", None),
    Row("UNSUPPORTED_MEDIA_TYPE",
        lambda org: org.call("POST", "/sobjects/Lead", content=b"<x/>", headers={"Content-Type": "text/xml"}), 415,
        "UNSUPPORTED_MEDIA_TYPE", "Content-Type header specified in HTTP request is not supported: text/xml", None),
    Row("PRECONDITION_FAILED",
        lambda org: org.call("PATCH", f"/sobjects/Lead/{org.create()}", json={"Title": "x"},
                             headers={"If-Unmodified-Since": "Sun, 01 Mar 2026 00:00:00 GMT"}), 412,
        "PRECONDITION_FAILED", "The precondition of the request was not met", None),
    Row("BAD_REQUEST (header)",
        lambda org: org.call("PATCH", f"/sobjects/Lead/{org.create()}", json={}, headers=BAD_DATE),
        400, "BAD_REQUEST", "Unable to parse the header if-unmodified-since", None),
    Row("OPERATION_WITH_INACTIVE_USER_EXCEPTION", inactive_owner, 400, "OPERATION_WITH_INACTIVE_USER_EXCEPTION",
        "operation performed with inactive user [0055e00000000G9] as owner of Lead", ["OwnerId"]),
    Row("NUMBER_OUTSIDE_VALID_RANGE", lead(Dievio_Confidence__c=101), 400, "NUMBER_OUTSIDE_VALID_RANGE",
        "Dievio Confidence: value outside of valid range on numeric field: 101", ["Dievio_Confidence__c"]),
    Row("INVALID_REPLICATION_DATE",
        lambda org: org.call("GET", "/sobjects/Lead/updated", params=BACKWARDS),
        400, "INVALID_REPLICATION_DATE", "startDate has to be at least one minute before endDate", None),
]  # fmt: skip


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row.name)
def test_an_error_of_the_table_has_its_recorded_form(row: Row, admin: RunningOrg) -> None:
    answer = row.provoke(admin)

    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    expected: dict[str, Any] = {"message": row.message, "errorCode": row.code}
    if row.fields is not None:
        expected["fields"] = row.fields
    assert (answer.status_code, answer.json()) == (row.status, [expected])


ROW_ERRORS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "REQUIRED_FIELD_MISSING": ({"LastName": "x"}, "Required fields are missing: [Company]", ["Company"]),
    "INVALID_FIELD": (
        {"LastName": "x", "Company": "y", "Nope": 1},
        "No such column 'Nope' on sobject of type Lead",
        [],
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": (
        {"LastName": "x", "Id": UNKNOWN_LEAD},
        "cannot specify Id in an insert call",
        ["Id"],
    ),
}


@pytest.mark.parametrize("code", ROW_ERRORS)
def test_a_failed_row_of_a_collection_has_status_code_and_no_id(code: str, admin: RunningOrg) -> None:
    fields, message, names = ROW_ERRORS[code]
    good = {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "y"}

    answer = admin.call(
        "POST", "/composite/sobjects", json={"records": [{"attributes": {"type": "Lead"}, **fields}, good]}
    )

    failed, saved = answer.json()
    assert answer.status_code == 200
    assert failed == {"success": False, "errors": [{"statusCode": code, "message": message, "fields": names}]}
    assert saved["success"] is True


def test_missing_argument_is_the_answer_to_an_update_without_id(admin: RunningOrg) -> None:
    answer = admin.call(
        "PATCH", "/composite/sobjects", json={"records": [{"attributes": {"type": "Lead"}, "Title": "x"}]}
    )

    error = {"statusCode": "MISSING_ARGUMENT", "message": "Id not specified in an update call", "fields": []}
    assert answer.json() == [{"success": False, "errors": [error]}]


def test_all_or_none_rolls_back_and_says_so_on_the_innocent_rows(admin: RunningOrg) -> None:
    records = [
        {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "y"},
        {"attributes": {"type": "Lead"}, "LastName": "x"},
    ]

    answer = admin.call("POST", "/composite/sobjects", json={"allOrNone": True, "records": records})

    rolled_back, culprit = answer.json()
    assert rolled_back == {"success": False, "errors": [{
        "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "fields": [],
        "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    }]}  # fmt: skip
    assert culprit["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert admin.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_the_same_external_id_twice_in_one_request_fails_both_rows(admin: RunningOrg) -> None:
    rows = [
        {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "y", "Dievio_Lead_ID__c": "d"} for _ in range(2)
    ]

    answer = admin.call("PATCH", "/composite/sobjects/Lead/Dievio_Lead_ID__c", json={"records": rows})

    error = {
        "statusCode": "DUPLICATE_VALUE",
        "message": "Duplicate external id specified: d",
        "fields": ["Dievio_Lead_ID__c"],
    }
    assert answer.json() == [{"success": False, "errors": [error]}] * 2


def test_a_non_unique_external_id_refuses_the_row_and_answers_300_to_a_single_upsert(admin: RunningOrg) -> None:
    fields = [
        {"name": "Name", "type": "string", "length": 80},
        {"name": "ExtId__c", "type": "string", "length": 20, "external_id": True},
    ]
    admin.call("PUT", "/_sandbox/schema/UpsertTable__c", json={"prefix": "a00", "fields": fields})
    first, second = (admin.create("UpsertTable__c", ExtId__c="e") for _ in range(2))

    single = admin.call("PATCH", "/sobjects/UpsertTable__c/ExtId__c/e", json={"Name": "n"})
    row = admin.call(
        "PATCH",
        "/composite/sobjects/UpsertTable__c/ExtId__c",
        json={"records": [{"attributes": {"type": "UpsertTable__c"}, "ExtId__c": "e"}]},
    )

    root = f"{DATA}/sobjects/UpsertTable__c"
    assert (single.status_code, single.json()) == (300, [f"{root}/{first}", f"{root}/{second}"])
    [error] = row.json()[0]["errors"]
    assert error["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    assert error["message"] == f"ExtId: more than one record found for external id field: [{first}, {second}]"


def test_the_guard_lets_the_integration_move_a_lead_out_of_the_holding_queue_only(integration: RunningOrg) -> None:
    holding, rep = "00G5e0000000001", "0055e0000000003"
    lead_id = integration.create(OwnerId=holding)

    moved = integration.call("PATCH", f"/sobjects/Lead/{lead_id}", json={"OwnerId": rep}, headers=NO_ASSIGNMENT)
    moved_again = integration.call(
        "PATCH", f"/sobjects/Lead/{lead_id}", json={"OwnerId": holding}, headers=NO_ASSIGNMENT
    )

    assert moved.status_code == 204
    assert (moved_again.status_code, moved_again.json()[0]["errorCode"]) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")

"""The table of error codes, row by row of the Salesforce guides and recorded answers."""

import pytest

from lead_pipeline.domain.record_answers import AnswerKind, Remedy
from lead_pipeline.salesforce.error_rules import ERROR_RULES, rule_for_code, rule_for_status

R = Remedy
# code, HTTP status, text, remedy, transient
ROWS = (
    ("REQUIRED_FIELD_MISSING", 400, "Required fields are missing: [Company]", R.REVIEW, False),
    ("STRING_TOO_LONG", 400, "Title: data value too large: x (max length=40)", R.REVIEW, False),
    ("INVALID_EMAIL_ADDRESS", 400, "Email: invalid email address: x", R.REVIEW, False),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", 400, "Seniority: bad value for restricted picklist", R.REVIEW, False),
    ("FIELD_INTEGRITY_EXCEPTION", 400, "There's a problem with this country: Country", R.REVIEW, False),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400, "Ask Ops first", R.REVIEW, False),
    ("DUPLICATES_DETECTED", 400, "Use one of these records?", R.REVIEW, False),
    ("DUPLICATE_VALUE", 400, "duplicate value found: F__c duplicates value on record with id: 00Q", R.READ, False),
    ("DUPLICATE_VALUE", 200, "Duplicate external id specified: x", R.DEAD_LETTER, False),
    ("DUPLICATE_EXTERNAL_ID", 300, "more than one record found for external id field", R.REVIEW, False),
    ("CANNOT_UPDATE_CONVERTED_LEAD", 400, "cannot reference converted lead", R.READ, False),
    ("ENTITY_IS_DELETED", 404, "entity is deleted", R.READ, False),
    ("NOT_FOUND", 404, "The requested resource does not exist", R.READ, False),
    ("INVALID_FIELD", 400, "No such column 'X' on sobject of type Lead", R.STOP, False),
    ("INVALID_FIELD", 200, "Failed to deserialize field at col 3. Due to, 'x' is not a valid value", R.REVIEW, False),
    ("INVALID_FIELD_FOR_INSERT_UPDATE", 400, "Unable to create/update fields: X", R.STOP, False),
    ("INVALID_TYPE", 400, "sObject type 'X' is not supported", R.STOP, False),
    ("MALFORMED_QUERY", 400, "unexpected token: x", R.STOP, False),
    ("INVALID_QUERY_FILTER_OPERATOR", 400, "invalid ID field: x", R.STOP, False),
    ("MALFORMED_ID", 400, "Lead ID: id value of incorrect type: x", R.DEAD_LETTER, False),
    ("MISSING_ARGUMENT", 200, "Id not specified in an update call", R.DEAD_LETTER, False),
    ("INVALID_CROSS_REFERENCE_KEY", 400, "invalid cross reference id", R.REVIEW, False),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", 400, "insufficient access rights", R.REVIEW, False),
    ("INSUFFICIENT_ACCESS_OR_READONLY", 403, "insufficient access rights on object id", R.REVIEW, False),
    ("ALL_OR_NONE_OPERATION_ROLLED_BACK", 200, "Record rolled back because", R.RETRY, True),
    ("REQUIRED_FIELD_MISSING", 400, "At least 1 record is required", R.DEAD_LETTER, False),
    ("JSON_PARSER_ERROR", 400, "Unexpected character at line 1", R.DEAD_LETTER, False),
    ("UNABLE_TO_LOCK_ROW", 400, "unable to obtain exclusive access to this record", R.RETRY, True),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", 400, "T: UNABLE_TO_LOCK_ROW, unable to", R.RETRY, True),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", 400, "T: too many SOQL queries: 101", R.RETRY, True),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", 400, "T: execution of BeforeInsert", R.REVIEW, False),
    ("REQUEST_LIMIT_EXCEEDED", 403, "TotalRequests Limit exceeded.", R.STOP, False),
    ("REQUEST_LIMIT_EXCEEDED", 403, "ConcurrentPerOrgLongTxn Limit exceeded", R.RETRY, True),
    ("INVALID_SESSION_ID", 401, "Session expired or invalid", R.STOP, False),
    ("API_DISABLED_FOR_ORG", 403, "The REST API is not enabled for this Organization", R.STOP, False),
    ("API_CURRENTLY_DISABLED", 403, "API is currently disabled", R.STOP, False),
    ("INVALID_LOGIN", 401, "Invalid username", R.STOP, False),
    ("QUERY_TIMEOUT", 400, "Your query request was running for too long", R.RETRY, True),
    ("SERVER_UNAVAILABLE", 503, "The server is busy", R.RETRY, True),
    ("UNKNOWN_EXCEPTION", 500, "An unexpected error occurred", R.READ, True),
    ("STORAGE_LIMIT_EXCEEDED", 403, "storage limit exceeded", R.STOP, False),
    ("EXCEEDED_ID_LIMIT", 400, "exceeded ID limit", R.STOP, False),
    ("UNSUPPORTED_API_VERSION", 410, "The requested version was retired", R.STOP, False),
    ("PRECONDITION_FAILED", 412, "", R.READ, False),
    ("OPERATION_WITH_INACTIVE_USER_EXCEPTION", 400, "operation performed with inactive user", R.REVIEW, False),
    ("INACTIVE_OWNER_OR_USER", 400, "owner is inactive", R.REVIEW, False),
    ("PROCESSING_HALTED", 400, "The transaction was rolled back", R.RETRY, True),
)


@pytest.mark.parametrize(("code", "status", "text", "remedy", "is_transient"), ROWS)
def test_each_known_error_has_its_remedy(
    code: str,
    status: int,
    text: str,
    remedy: Remedy,
    is_transient: bool,  # noqa: FBT001 - a table row
) -> None:
    rule = rule_for_code(code, text, status=status)
    assert (rule.remedy, rule.is_transient) == (remedy, is_transient)


def test_every_rule_of_the_table_is_reached_by_a_row() -> None:
    reached = {id(rule_for_code(code, text, status=status)) for code, status, text, _, _ in ROWS}
    assert [rule.code for rule in ERROR_RULES if id(rule) not in reached] == []


def test_only_a_failure_in_the_midst_of_the_work_leaves_a_write_unknown() -> None:
    unknown = {rule.code for rule in ERROR_RULES if rule.kind is AnswerKind.UNKNOWN}
    assert unknown == {"UNKNOWN_EXCEPTION"}


@pytest.mark.parametrize(
    ("status", "remedy", "kind"),
    [
        (400, R.DEAD_LETTER, AnswerKind.NOT_DONE),
        (200, R.DEAD_LETTER, AnswerKind.NOT_DONE),
        (401, R.STOP, AnswerKind.NOT_DONE),
        (403, R.STOP, AnswerKind.NOT_DONE),
        (410, R.STOP, AnswerKind.NOT_DONE),
        (412, R.READ, AnswerKind.NOT_DONE),
        (429, R.RETRY, AnswerKind.NOT_DONE),
        (500, R.READ, AnswerKind.UNKNOWN),
        (503, R.READ, AnswerKind.UNKNOWN),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status: int, remedy: Remedy, kind: AnswerKind) -> None:
    rule = rule_for_code("BRAND_NEW_CODE", "x", status=status)
    assert (rule.remedy, rule.kind) == (remedy, kind)


def test_a_code_that_leaves_all_open_is_outdone_by_a_status_that_turns_the_call_away() -> None:
    assert rule_for_code("UNKNOWN_EXCEPTION", "x", status=500).kind is AnswerKind.UNKNOWN
    turned_away = rule_for_code("UNKNOWN_EXCEPTION", "x", status=429)
    assert (turned_away.remedy, turned_away.kind, turned_away.is_transient) == (R.RETRY, AnswerKind.NOT_DONE, True)


@pytest.mark.parametrize(
    ("status", "remedy", "kind"),
    [
        (302, R.STOP, AnswerKind.NOT_DONE),
        (400, R.READ, AnswerKind.UNKNOWN),
        (408, R.READ, AnswerKind.UNKNOWN),
        (412, R.READ, AnswerKind.NOT_DONE),
        (429, R.RETRY, AnswerKind.NOT_DONE),
        (500, R.READ, AnswerKind.UNKNOWN),
        (502, R.READ, AnswerKind.UNKNOWN),
        (503, R.READ, AnswerKind.UNKNOWN),
        (504, R.READ, AnswerKind.UNKNOWN),
    ],
)
def test_an_answer_without_a_salesforce_error_is_unknown_unless_it_cannot_have_reached_salesforce(
    status: int, remedy: Remedy, kind: AnswerKind
) -> None:
    rule = rule_for_status(status)
    assert (rule.remedy, rule.kind) == (remedy, kind)

from dataclasses import replace

import pytest

from lead_pipeline.domain.record_answers import AnswerKind, Remedy
from lead_pipeline.salesforce.answers import (
    answer_of_bulk_error,
    answer_of_error,
    answers_of_collection,
    answers_of_composite,
    errors_in,
)
from lead_pipeline.salesforce.ids import checksum
from lead_pipeline.salesforce.session import AnswerFacts

FACTS = AnswerFacts(
    status=400,
    request_id="req-1",
    retry_after_seconds=None,
    server_time=None,
    content_type="application/json",
    last_modified=None,
)
LEAD = "00Q5e000001AbCd" + checksum("00Q5e000001AbCd")
CONTACT = "0035e000001AbCd" + checksum("0035e000001AbCd")
PERSON = ("anna.sample@example.com", "+49 30 1234567", "Anna Sample")


def duplicate_result(*ids: str) -> dict[str, object]:
    records = [{"matchConfidence": 100.0, "record": {"attributes": {"type": "Lead"}, "Id": each}} for each in ids]
    return {"allowSave": False, "matchResults": [{"entityType": "Lead", "matchRecords": records, "size": len(ids)}]}


@pytest.mark.parametrize("key", ["duplicateResult", "duplicateResut"])
def test_the_records_a_duplicate_rule_found_become_candidates_in_either_spelling(key: str) -> None:
    error = {"errorCode": "DUPLICATES_DETECTED", "message": "x", key: duplicate_result(LEAD, CONTACT, LEAD, "junk")}
    assert answer_of_error(error, facts=FACTS).duplicate_candidates == (("Lead", LEAD), ("Contact", CONTACT))


def test_the_holder_of_a_unique_value_becomes_a_candidate() -> None:
    text = f"duplicate value found: Dievio_Lead_ID__c duplicates value on record with id: {LEAD[:15]}"
    answer = answer_of_error({"statusCode": "DUPLICATE_VALUE", "message": text}, facts=FACTS)
    assert answer.duplicate_candidates == (("Lead", LEAD),)


@pytest.mark.parametrize(
    ("code", "text", "kept"),
    [
        (
            "INVALID_EMAIL_ADDRESS",
            "E-Mail: invalid email address: {}",
            "E-Mail: not an e-mail address Salesforce accepts",
        ),
        (
            "STRING_TOO_LONG",
            "Titel: Datenwert zu groß: {} (max length=40)",
            "Titel: the value is longer than the field",
        ),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Level: bad value: {}", "Level: not a value of the picklist"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: {} broke it", "a trigger of the org refused it"),
        ("BRAND_NEW_CODE", "{} is odd", "an error this product does not know"),
    ],
)
@pytest.mark.parametrize("value", PERSON)
def test_no_value_of_a_person_survives_in_a_message(code: str, text: str, kept: str, value: str) -> None:
    answer = answer_of_error({"errorCode": code, "message": text.format(value)}, facts=FACTS)
    assert answer.message == kept


def test_the_text_of_a_validation_rule_is_kept_with_addresses_masked() -> None:
    error = {"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Ask anna.sample@example.com\nfirst"}
    message = answer_of_error(error, facts=FACTS).message
    assert message.startswith("Ask ")
    assert message.endswith(" first")
    assert "anna.sample" not in message


def test_fields_and_request_id_come_along() -> None:
    error = {"errorCode": "REQUIRED_FIELD_MISSING", "message": "m", "fields": ["Company", 7]}
    answer = answer_of_error(error, facts=replace(FACTS, retry_after_seconds=3.0))
    assert (answer.fields, answer.request_id, answer.retry_after_seconds) == (("Company",), "req-1", 3.0)


@pytest.mark.parametrize("body", [None, [], {}, "x", [1], [{"message": "m"}], {"error": "invalid_grant"}, [[]]])
def test_what_names_no_error_code_is_no_salesforce_error(body: object) -> None:
    assert errors_in(body) == ()


def test_a_collection_is_read_row_by_row() -> None:
    body = [
        {"id": LEAD[:15], "success": True, "errors": []},
        {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "m", "fields": []}]},
        {"success": True},
        {"success": False, "errors": []},
        "junk",
    ]
    answers = answers_of_collection(body, count=5, object_name="Lead", facts=replace(FACTS, status=200))
    assert [answer.kind for answer in answers] == [
        AnswerKind.DONE,
        AnswerKind.NOT_DONE,
        AnswerKind.UNKNOWN,
        AnswerKind.UNKNOWN,
        AnswerKind.UNKNOWN,
    ]
    assert answers[0].salesforce_id == LEAD
    assert answers[1].is_transient


@pytest.mark.parametrize("body", [None, {}, [], [{"success": True, "id": LEAD}]])
def test_a_collection_with_another_number_of_rows_says_nothing_about_any(body: object) -> None:
    answers = answers_of_collection(body, count=2, object_name="Lead", facts=FACTS)
    assert [answer.kind for answer in answers] == [AnswerKind.UNKNOWN] * 2


def test_composite_answers_are_found_by_name_not_by_place() -> None:
    body = {
        "compositeResponse": [
            {"referenceId": "r1", "httpStatusCode": 412, "body": [{"errorCode": "PRECONDITION_FAILED", "message": ""}]},
            {"referenceId": "r0", "httpStatusCode": 204, "body": None},
            {"referenceId": "r3", "httpStatusCode": 502, "body": None},
        ]
    }
    answers = answers_of_composite(body, ids=[LEAD, LEAD, LEAD, LEAD], facts=replace(FACTS, status=200))
    assert [(answer.kind, answer.remedy) for answer in answers] == [
        (AnswerKind.DONE, Remedy.NONE),
        (AnswerKind.NOT_DONE, Remedy.READ),
        (AnswerKind.UNKNOWN, Remedy.READ),
        (AnswerKind.UNKNOWN, Remedy.READ),
    ]


@pytest.mark.parametrize("body", [None, [], {"compositeResponse": None}, {"compositeResponse": [1, {}]}])
def test_a_composite_answer_that_is_none_leaves_every_record_unknown(body: object) -> None:
    assert answers_of_composite(body, ids=[LEAD], facts=FACTS)[0].kind is AnswerKind.UNKNOWN


@pytest.mark.parametrize(
    ("text", "code", "fields", "remedy"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
            "REQUIRED_FIELD_MISSING",
            ("Name",),
            "review",
        ),
        ("DUPLICATES_DETECTED:Use one of these records?:--", "DUPLICATES_DETECTED", (), "review"),
        (
            "INVALID_FIELD:Failed to deserialize field at col 3. 'x' is not valid for the type xsd:date:CloseDate --",
            "INVALID_FIELD",
            ("CloseDate",),
            "review",
        ),
        ("UNABLE_TO_LOCK_ROW:unable to: obtain: access:A,B --", "UNABLE_TO_LOCK_ROW", ("A", "B"), "retry"),
        ("", "", (), "dead_letter"),
        ("NO_COLON_AT_ALL", "NO_COLON_AT_ALL", (), "dead_letter"),
    ],
)
def test_a_bulk_error_is_split_at_its_first_and_last_colon(
    text: str, code: str, fields: tuple[str, ...], remedy: str
) -> None:
    answer = answer_of_bulk_error(text)
    assert (answer.error_code, answer.fields, answer.remedy) == (code, fields, remedy)

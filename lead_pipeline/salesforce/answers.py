"""Takes Salesforce's answers apart, record by record, and keeps nothing of a person in them.

What each error code means is `error_rules`; what to do with a lead afterwards is decided in the domain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.errors import InvalidIdentifierError
from lead_pipeline.salesforce.error_rules import ErrorRule, TextTreatment, rule_for_code, rule_for_status
from lead_pipeline.salesforce.ids import check_record_id, object_of
from lead_pipeline.salesforce.session import AnswerFacts
from lead_pipeline.transport.redaction import mask_excerpt

MAX_MESSAGE_CHARS = 300  # enough for any text of Salesforce's own; an admin may write more
MAX_LABEL_CHARS = 80  # Salesforce cuts field labels at 40 characters; packages may add a prefix
TRANSPORT_CODE = "NO_COMPLETE_ANSWER"
NOT_SENT_CODE = "NOT_SENT"
UNREADABLE_CODE = "UNREADABLE_ANSWER"
UNPROCESSED_CODE = "UNPROCESSED"

_RECORD_ID = re.compile(r"\b[a-zA-Z0-9]{15}(?:[A-Z0-5]{3})?\b")
# Recorded answers of v37 to v56 misspell the key.
_DUPLICATE_KEYS = ("duplicateResult", "duplicateResut")
_OK_STATUSES = range(200, 300)


def errors_in(body: object) -> tuple[Mapping[str, object], ...]:
    """Return the error objects of a Salesforce error body, empty when it is none."""
    candidates = body if isinstance(body, list) else [body]
    return tuple(
        error
        for error in candidates
        if isinstance(error, dict) and isinstance(error.get("errorCode", error.get("statusCode")), str)
    )


def answer_of_error(error: Mapping[str, object], *, facts: AnswerFacts) -> RecordAnswer:
    """Read one error object: `errorCode` in single-record answers, `statusCode` in collections."""
    code = str(error.get("errorCode") or error.get("statusCode") or "")
    text = str(error.get("message") or "")
    rule = rule_for_code(code, text, status=facts.status)
    return replace(
        _answer_of_rule(rule, text=text, facts=facts),
        fields=_field_names(error.get("fields")),
        duplicate_candidates=_candidates(error, code=code, text=text),
    )


def answer_of_status(facts: AnswerFacts) -> RecordAnswer:
    """Read an answer that holds no Salesforce error: only its status speaks."""
    return _answer_of_rule(rule_for_status(facts.status), text="", facts=facts)


def unknown_answer(code: str, cause: str, *, request_id: str | None = None) -> RecordAnswer:
    """Return the answer for a record whose write may or may not have happened."""
    return RecordAnswer(
        kind=AnswerKind.UNKNOWN,
        remedy=Remedy.READ,
        error_code=code,
        message=cause,
        is_transient=True,
        request_id=request_id,
    )


def not_sent_answer(cause: str) -> RecordAnswer:
    """Return the answer for a record whose request never left this machine."""
    return RecordAnswer(
        kind=AnswerKind.NOT_DONE,
        remedy=Remedy.RETRY,
        error_code=NOT_SENT_CODE,
        message=cause,
        is_transient=True,
        is_org_wide=True,
    )


def done_answer(salesforce_id: str, *, request_id: str | None) -> RecordAnswer:
    """Return the answer for a record that was written."""
    return RecordAnswer(kind=AnswerKind.DONE, remedy=Remedy.NONE, salesforce_id=salesforce_id, request_id=request_id)


def answers_of_collection(body: object, *, count: int, object_name: str, facts: AnswerFacts) -> list[RecordAnswer]:
    """Read the array of a composite/sobjects answer, which comes in the order of the request."""
    if not isinstance(body, list) or len(body) != count:
        lost = unknown_answer(UNREADABLE_CODE, "the answer has not one row per record", request_id=facts.request_id)
        return [lost] * count
    return [_answer_of_row(row, object_name=object_name, facts=facts) for row in body]


def answers_of_composite(body: object, *, ids: Sequence[str], facts: AnswerFacts) -> list[RecordAnswer]:
    """Read the answers of PATCH sub-requests named r0, r1, ... in the order of `ids`."""
    entries = body.get("compositeResponse") if isinstance(body, dict) else None
    by_reference = {
        entry["referenceId"]: entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("referenceId"), str)
    }
    return [
        _answer_of_subrequest(by_reference.get(reference_name(place)), salesforce_id=record_id, facts=facts)
        for place, record_id in enumerate(ids)
    ]


def reference_name(place: int) -> str:
    """Return the name of a composite sub-request by its place."""
    return f"r{place}"


def answer_of_bulk_error(text: str) -> RecordAnswer:
    """Read `CODE:message:Field1,Field2 --`. The message may hold colons, so the first and the last one count."""
    code, _, rest = text.partition(":")
    message, _, names = rest.rpartition(":")
    fields = [name.strip() for name in names.removesuffix("--").split(",") if name.strip()]
    return answer_of_error({"statusCode": code, "message": message, "fields": fields}, facts=_BULK_FACTS)


_BULK_FACTS = AnswerFacts(
    status=200, request_id=None, retry_after_seconds=None, server_time=None, content_type="text/csv", last_modified=None
)


def _answer_of_row(row: object, *, object_name: str, facts: AnswerFacts) -> RecordAnswer:
    if isinstance(row, dict) and row.get("success") is True:
        try:
            record_id = check_record_id(row.get("id"), object_name)
        except InvalidIdentifierError:
            return unknown_answer(UNREADABLE_CODE, "a success without a usable id", request_id=facts.request_id)
        return done_answer(record_id, request_id=facts.request_id)
    errors = errors_in(row.get("errors")) if isinstance(row, dict) and row.get("success") is False else ()
    if not errors:
        return unknown_answer(UNREADABLE_CODE, "a row that is neither success nor error", request_id=facts.request_id)
    return answer_of_error(errors[0], facts=facts)


def _answer_of_subrequest(entry: object, *, salesforce_id: str, facts: AnswerFacts) -> RecordAnswer:
    status = entry.get("httpStatusCode") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(status, int):
        return unknown_answer(UNREADABLE_CODE, "no answer for this record", request_id=facts.request_id)
    if status in _OK_STATUSES:
        return done_answer(salesforce_id, request_id=facts.request_id)
    own_facts = replace(facts, status=status)
    errors = errors_in(entry.get("body"))
    answer = answer_of_error(errors[0], facts=own_facts) if errors else answer_of_status(own_facts)
    return replace(answer, salesforce_id=salesforce_id)


def _answer_of_rule(rule: ErrorRule, *, text: str, facts: AnswerFacts) -> RecordAnswer:
    return RecordAnswer(
        kind=rule.kind,
        remedy=rule.remedy,
        error_code=rule.code,
        message=redact_text(rule, text),
        is_transient=rule.is_transient,
        is_org_wide=rule.is_org_wide,
        request_id=facts.request_id,
        retry_after_seconds=facts.retry_after_seconds,
    )


def redact_text(rule: ErrorRule, text: str) -> str:
    """Return what may be kept of an error text: never the value that was refused, in whatever language it comes."""
    if rule.text is TextTreatment.WHOLE and text:
        return redact_free_text(text)
    label, colon, _ = text.partition(":")
    if rule.text is TextTreatment.LABEL and colon and len(label) <= MAX_LABEL_CHARS:
        return f"{mask_excerpt(label)}: {rule.meaning}"
    return rule.meaning


def redact_free_text(text: str) -> str:
    """Return a text of Salesforce or an admin on one line, with addresses and long numbers masked."""
    return mask_excerpt(text)[:MAX_MESSAGE_CHARS]


def _field_names(fields: object) -> tuple[str, ...]:
    return tuple(name for name in fields if isinstance(name, str)) if isinstance(fields, list) else ()


def _candidates(error: Mapping[str, object], *, code: str, text: str) -> tuple[tuple[str, str], ...]:
    """Name the records an error points at: those of a duplicate rule, or the holder of a unique value."""
    if code == "DUPLICATE_VALUE":
        found = _RECORD_ID.findall(text.rpartition(":")[2])
        return tuple(dict.fromkeys(pair for record_id in found if (pair := _known_record(record_id))))
    result = next((error[key] for key in _DUPLICATE_KEYS if isinstance(error.get(key), dict)), None)
    return tuple(dict.fromkeys(_matched_records(result))) if isinstance(result, dict) else ()


def _matched_records(result: Mapping[str, object]) -> list[tuple[str, str]]:
    records = [
        match_record.get("record")
        for match in _objects(result.get("matchResults"))
        for match_record in _objects(match.get("matchRecords"))
    ]
    ids = [record.get("Id") for record in records if isinstance(record, dict)]
    return [pair for record_id in ids if isinstance(record_id, str) and (pair := _known_record(record_id))]


def _objects(value: object) -> list[Mapping[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _known_record(record_id: str) -> tuple[str, str] | None:
    object_name = object_of(record_id)
    if object_name is None:
        return None
    try:
        return object_name, check_record_id(record_id, object_name)
    except InvalidIdentifierError:
        return None

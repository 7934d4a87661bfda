"""Every error code of Salesforce we know, and what has to follow each: a table and the function that reads it.

How an answer is taken apart into codes and texts is `answers`. Codes and texts are those of the REST and Bulk 2.0
guides and of recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.record_answers import AnswerKind, Remedy


class TextTreatment(StrEnum):
    """How much of Salesforce's own text may be kept: some texts quote the value that was refused."""

    WHOLE = "whole"  # names fields, ids and rules only
    LABEL = "label"  # `<field label>: <words> <value>`: only the label is kept
    NONE = "none"  # may hold anything


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One error code. `phrase` narrows a rule to texts that contain it; the first rule that fits wins."""

    code: str
    remedy: Remedy
    meaning: str
    text: TextTreatment = TextTreatment.NONE
    phrase: str = ""
    kind: AnswerKind = AnswerKind.NOT_DONE
    is_transient: bool = False
    is_org_wide: bool = False  # it says nothing about the record


_WHOLE, _LABEL = TextTreatment.WHOLE, TextTreatment.LABEL

ERROR_RULES: tuple[ErrorRule, ...] = (
    # The value of one record is at fault: a person or the mapping has to mend it.
    ErrorRule("REQUIRED_FIELD_MISSING", Remedy.DEAD_LETTER, "the request held no record", phrase="At least 1 record"),
    ErrorRule("REQUIRED_FIELD_MISSING", Remedy.REVIEW, "a required field is missing", _WHOLE),
    ErrorRule("STRING_TOO_LONG", Remedy.REVIEW, "the value is longer than the field", _LABEL),
    ErrorRule("INVALID_EMAIL_ADDRESS", Remedy.REVIEW, "not an e-mail address Salesforce accepts", _LABEL),
    ErrorRule("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Remedy.REVIEW, "not a value of the picklist", _LABEL),
    ErrorRule("FIELD_INTEGRITY_EXCEPTION", Remedy.REVIEW, "the value does not fit the field", _WHOLE),
    ErrorRule("FIELD_CUSTOM_VALIDATION_EXCEPTION", Remedy.REVIEW, "a validation rule of the org refused it", _WHOLE),
    ErrorRule("INVALID_FIELD", Remedy.REVIEW, "a value has the wrong type for its field", phrase="deserialize"),
    ErrorRule("INVALID_CROSS_REFERENCE_KEY", Remedy.REVIEW, "the owner or a looked-up record is gone", _WHOLE),
    ErrorRule("OPERATION_WITH_INACTIVE_USER_EXCEPTION", Remedy.REVIEW, "the owner is inactive"),
    ErrorRule("INACTIVE_OWNER_OR_USER", Remedy.REVIEW, "the owner is inactive"),
    ErrorRule(
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Remedy.REVIEW, "no access to a looked-up record", _WHOLE
    ),
    ErrorRule("INSUFFICIENT_ACCESS_OR_READONLY", Remedy.REVIEW, "no access to this record", _WHOLE),
    # Another record is in the way.
    ErrorRule("DUPLICATES_DETECTED", Remedy.REVIEW, "a duplicate rule of the org found records like it"),
    ErrorRule(
        "DUPLICATE_VALUE", Remedy.DEAD_LETTER, "the same external id stood twice in one request", phrase="specified"
    ),
    ErrorRule("DUPLICATE_VALUE", Remedy.READ, "a record already holds this unique value"),
    ErrorRule("DUPLICATE_EXTERNAL_ID", Remedy.REVIEW, "several records hold this external id"),
    # The record changed under us: what it is now decides.
    ErrorRule("CANNOT_UPDATE_CONVERTED_LEAD", Remedy.READ, "the lead was converted", _WHOLE),
    ErrorRule("ENTITY_IS_DELETED", Remedy.READ, "the record was deleted", _WHOLE),
    ErrorRule("NOT_FOUND", Remedy.READ, "no such record or resource"),
    ErrorRule("PRECONDITION_FAILED", Remedy.READ, "the record was changed since it was read"),
    # Busy: the same request may succeed later.
    ErrorRule("UNABLE_TO_LOCK_ROW", Remedy.RETRY, "another transaction holds the record", _WHOLE, is_transient=True),
    ErrorRule(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        Remedy.RETRY,
        "a trigger could not lock a record",
        phrase="UNABLE_TO_LOCK_ROW",
        is_transient=True,
    ),
    ErrorRule(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        Remedy.RETRY,
        "a trigger ran into its query limit",
        phrase="too many SOQL queries",
        is_transient=True,
    ),
    ErrorRule("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Remedy.REVIEW, "a trigger of the org refused it"),
    ErrorRule(
        "REQUEST_LIMIT_EXCEEDED",
        Remedy.RETRY,
        "too many long calls at the same time",
        _WHOLE,
        phrase="Concurrent",
        is_transient=True,
        is_org_wide=True,
    ),
    ErrorRule("QUERY_TIMEOUT", Remedy.RETRY, "the query ran too long", is_transient=True),
    ErrorRule("SERVER_UNAVAILABLE", Remedy.RETRY, "Salesforce is busy", is_transient=True, is_org_wide=True),
    ErrorRule(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        Remedy.RETRY,
        "rolled back because of another record",
        _WHOLE,
        is_transient=True,
    ),
    ErrorRule("PROCESSING_HALTED", Remedy.RETRY, "not tried because of another record", is_transient=True),
    # Nobody knows: the write may have happened.
    ErrorRule(
        "UNKNOWN_EXCEPTION",
        Remedy.READ,
        "Salesforce failed while it worked on it",
        kind=AnswerKind.UNKNOWN,
        is_transient=True,
    ),
    # The request is our own mistake; this item is set aside.
    ErrorRule("MALFORMED_ID", Remedy.DEAD_LETTER, "the id is not one of this object", _LABEL),
    ErrorRule("MISSING_ARGUMENT", Remedy.DEAD_LETTER, "an id is missing", _WHOLE),
    ErrorRule("JSON_PARSER_ERROR", Remedy.DEAD_LETTER, "Salesforce could not read the request"),
    # The set-up is at fault: every further call would fail the same way.
    ErrorRule("INVALID_FIELD", Remedy.STOP, "a field does not exist or is hidden from our user", _WHOLE),
    ErrorRule("INVALID_FIELD_FOR_INSERT_UPDATE", Remedy.STOP, "our user may not write a field", _WHOLE),
    ErrorRule("INVALID_TYPE", Remedy.STOP, "an object does not exist or is hidden from our user"),
    ErrorRule("MALFORMED_QUERY", Remedy.STOP, "Salesforce could not read a query"),
    ErrorRule("INVALID_QUERY_FILTER_OPERATOR", Remedy.STOP, "a query compares a field with a value of another type"),
    ErrorRule("EXCEEDED_ID_LIMIT", Remedy.STOP, "more changes than one answer may list; read a smaller window"),
    ErrorRule("REQUEST_LIMIT_EXCEEDED", Remedy.STOP, "the daily calls of the org are spent", _WHOLE),
    ErrorRule("STORAGE_LIMIT_EXCEEDED", Remedy.STOP, "the org has no storage left", _WHOLE),
    ErrorRule("INVALID_SESSION_ID", Remedy.STOP, "the session expired"),
    ErrorRule("API_DISABLED_FOR_ORG", Remedy.STOP, "the API is not enabled for this org or user", _WHOLE),
    ErrorRule("API_CURRENTLY_DISABLED", Remedy.STOP, "the API is switched off for the moment", _WHOLE),
    ErrorRule("INVALID_LOGIN", Remedy.STOP, "the user may not sign in"),
    ErrorRule("UNSUPPORTED_API_VERSION", Remedy.STOP, "this API version was retired"),
)

_RULES_BY_CODE: Mapping[str, tuple[ErrorRule, ...]] = {
    code: tuple(rule for rule in ERROR_RULES if rule.code == code) for code in {rule.code for rule in ERROR_RULES}
}

_STATUS_MEANS_STOP = frozenset({401, 403, 405, 410, 415})
_PRECONDITION_FAILED = 412
_TOO_MANY_REQUESTS = 429
_CLIENT_ERRORS = range(400, 500)
_REDIRECTS = range(300, 400)


def rule_for_code(code: str, text: str, *, status: int) -> ErrorRule:
    """Find the rule of an error that Salesforce itself named; unknown codes are judged by the HTTP status.

    So are codes that leave open what was done, where the status says that nothing was.
    """
    rule = next((rule for rule in _RULES_BY_CODE.get(code, ()) if rule.phrase in text), None)
    if rule is not None and not (rule.kind is AnswerKind.UNKNOWN and status == _TOO_MANY_REQUESTS):
        return rule
    if status == _TOO_MANY_REQUESTS:
        return _turned_away(code)
    if status == _PRECONDITION_FAILED:
        return ErrorRule(code, Remedy.READ, "the record was changed since it was read")
    if status in _STATUS_MEANS_STOP:
        return ErrorRule(code, Remedy.STOP, "the org refused our user or our request")
    if status in _CLIENT_ERRORS or status < _REDIRECTS.start:
        return ErrorRule(code, Remedy.DEAD_LETTER, "an error this product does not know")
    return _unknown(code)


def rule_for_status(status: int) -> ErrorRule:
    """Find the rule of an answer without a Salesforce error body: a proxy, a web page, a server that gave up.

    Only what cannot have reached Salesforce is called not done; in doubt it is unknown.
    """
    code = f"HTTP_{status}"
    if status == _TOO_MANY_REQUESTS:
        return _turned_away(code)
    if status == _PRECONDITION_FAILED:
        return ErrorRule(code, Remedy.READ, "the record was changed since it was read")
    if status in _REDIRECTS:
        return ErrorRule(code, Remedy.STOP, "the address leads elsewhere")
    return _unknown(code)


def _turned_away(code: str) -> ErrorRule:
    """Too many requests, says Salesforce or something in front of it: the call was not begun."""
    return ErrorRule(code, Remedy.RETRY, "too many requests", is_transient=True, is_org_wide=True)


def _unknown(code: str) -> ErrorRule:
    return ErrorRule(code, Remedy.READ, "no answer that Salesforce gives", kind=AnswerKind.UNKNOWN, is_transient=True)

"""What a refused write means: cause and repair in words, who mends it, and what the engine does with the lead.

The table is the specification. Which answer carries which code is decided in `salesforce/`; when a refusal is final is
decided in `write_protocol`. Texts are for people and hold no values of records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RefusalStep(StrEnum):
    """What the engine does after a refusal."""

    READ = "read"  # the receipt on the record decides
    REPLAN = "replan"
    REVIEW = "review"
    DEAD_LETTER = "dead_letter"
    STOP = "stop"  # every further write would fail the same way


class ErrorClass(StrEnum):
    """Kind of fault, for grouping dead letters."""

    VALIDATION_FAILED = "validation_failed"  # the payload cannot be saved as it stands
    MAPPING = "mapping"  # the mapping and the org disagree
    PERMISSION = "permission"
    RECORD_CHANGED = "record_changed"  # the record is not what the plan saw
    DUPLICATE = "duplicate"
    TRANSIENT = "transient"  # tries used up
    UNCLASSIFIED = "unclassified"


class ReviewReason(StrEnum):
    """Why a person is asked after a write."""

    DUPLICATE_RULE = "duplicate_rule"
    LINK_CONFLICT = "link_conflict"
    RECORD_CHANGED = "record_changed"
    CONVERTED_OR_DELETED = "converted_or_deleted"
    POLICY_CONFLICT = "policy_conflict"
    TWIN_CREATED = "twin_created"  # found when the records are read back, after the write


SALES_OPS = "sales_ops"  # mends data, mapping and review questions
ADMIN = "salesforce_admin"  # mends the org: permissions, rules, fields
DATA_ENGINEER = "data_engineer"  # mends us
DIEVIO = "dievio"  # asks Dievio to correct what it delivers

MAX_REPLANS_AFTER_EDIT = 3  # a record edited three times during one run is being worked on: ask its owner
MAX_REPLANS_AFTER_MOVE = 1  # a conversion or deletion shows in the next reading, or never


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The meaning of one error code."""

    code: str
    step: RefusalStep
    error_class: ErrorClass
    cause: str
    repair: str
    owner: str
    replan_limit: int = 0
    review_reason: ReviewReason = ReviewReason.POLICY_CONFLICT


def _payload_fault(code: str, cause: str, repair: str, *, owner: str = SALES_OPS) -> Refusal:
    return Refusal(
        code=code,
        step=RefusalStep.DEAD_LETTER,
        error_class=ErrorClass.VALIDATION_FAILED,
        cause=cause,
        repair=repair,
        owner=owner,
    )


def _set_up_fault(code: str, cause: str, repair: str, *, step: RefusalStep, error_class: ErrorClass) -> Refusal:
    return Refusal(code=code, step=step, error_class=error_class, cause=cause, repair=repair, owner=ADMIN)


def _moved(code: str, cause: str) -> Refusal:
    return Refusal(
        code=code,
        step=RefusalStep.REPLAN,
        error_class=ErrorClass.RECORD_CHANGED,
        cause=cause,
        repair="Decide in the review queue which record the lead belongs to",
        owner=SALES_OPS,
        replan_limit=MAX_REPLANS_AFTER_MOVE,
        review_reason=ReviewReason.CONVERTED_OR_DELETED,
    )


UNCLASSIFIED_REFUSAL = Refusal(
    code="",
    step=RefusalStep.DEAD_LETTER,
    error_class=ErrorClass.UNCLASSIFIED,
    cause="Salesforce refused the write with a code that has no entry here",
    repair="Look the code up, mend the cause, then replay",
    owner=DATA_ENGINEER,
)

TRANSIENT_REFUSAL = Refusal(
    code="",
    step=RefusalStep.DEAD_LETTER,
    error_class=ErrorClass.TRANSIENT,
    cause="Salesforce refused the write for the time being, on every try",
    repair="Wait until Salesforce has recovered, then replay",
    owner=DATA_ENGINEER,
)

#: Codes that a write may be given up with once its tries are used up -> what stood in the way. The last three are our
#: own words: no answer of Salesforce names them.
TRANSIENT_CAUSES: Mapping[str, str] = {
    "UNABLE_TO_LOCK_ROW": "Another transaction held the record",
    "REQUEST_LIMIT_EXCEEDED": "Too many long calls ran in the org at the same time",
    "QUERY_TIMEOUT": "The org took too long",
    "SERVER_UNAVAILABLE": "Salesforce was busy",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": "Another record of the same call failed, and all were rolled back",
    "PROCESSING_HALTED": "Another record of the same call failed, and this one was not tried",
    "HTTP_429": "Salesforce (request rate exceeded) or a server on the way asked us to slow down, and we waited",
    "NOT_SENT": "Salesforce could not be reached, or the call never left",
    "UNPROCESSED": "The Bulk job ended before it came to this row",
}

#: Our own word for a refusal by the guard, which Salesforce reports as any other validation rule's.
GUARD_REFUSAL = Refusal(
    code="GUARD_REFUSED",
    step=RefusalStep.REPLAN,
    error_class=ErrorClass.RECORD_CHANGED,
    cause="The org's guard found another value than the one the update was planned with",
    repair="Decide in the review queue whether the lead's values still help",
    owner=SALES_OPS,
    replan_limit=MAX_REPLANS_AFTER_EDIT,
    review_reason=ReviewReason.RECORD_CHANGED,
)

_TABLE = (
    # --- the record is not what the plan saw -------------------------------------------------------------------------
    Refusal(
        code="PRECONDITION_FAILED",
        step=RefusalStep.REPLAN,
        error_class=ErrorClass.RECORD_CHANGED,
        cause="Somebody edited the record between our reading and our write",
        repair="Decide in the review queue whether the lead's values still help",
        owner=SALES_OPS,
        replan_limit=MAX_REPLANS_AFTER_EDIT,
        review_reason=ReviewReason.RECORD_CHANGED,
    ),
    GUARD_REFUSAL,
    _moved("CANNOT_UPDATE_CONVERTED_LEAD", "The lead was converted"),
    _moved("ENTITY_IS_DELETED", "The record was deleted"),
    _moved("NOT_FOUND", "The record does not exist or is hidden from the integration user"),
    # --- another record stands in the way ----------------------------------------------------------------------------
    Refusal(
        code="DUPLICATE_VALUE",
        step=RefusalStep.READ,
        error_class=ErrorClass.DUPLICATE,
        cause="Another record already carries a value that has to be unique",
        repair="Decide in the review queue which record is this person",
        owner=SALES_OPS,
        replan_limit=MAX_REPLANS_AFTER_EDIT,
        review_reason=ReviewReason.LINK_CONFLICT,
    ),
    Refusal(
        code="DUPLICATE_EXTERNAL_ID",
        step=RefusalStep.REVIEW,
        error_class=ErrorClass.DUPLICATE,
        cause="Several records carry the external id of this lead",
        repair="Merge the records in Salesforce and make the external id field unique",
        owner=ADMIN,
        review_reason=ReviewReason.LINK_CONFLICT,
    ),
    Refusal(
        code="DUPLICATES_DETECTED",
        step=RefusalStep.REVIEW,
        error_class=ErrorClass.DUPLICATE,
        cause="A duplicate rule of the org found records that may be this person",
        repair="Decide in the review queue whether one of the candidates is this person",
        owner=SALES_OPS,
        review_reason=ReviewReason.DUPLICATE_RULE,
    ),
    Refusal(
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        step=RefusalStep.REVIEW,
        error_class=ErrorClass.VALIDATION_FAILED,
        cause="A validation rule of the org refused the values",
        repair="Mend the values or the rule, then decide in the review queue",
        owner=SALES_OPS,
        review_reason=ReviewReason.POLICY_CONFLICT,
    ),
    Refusal(
        code="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        step=RefusalStep.REVIEW,
        error_class=ErrorClass.VALIDATION_FAILED,
        cause="A trigger or flow of the org refused the values",
        repair="Mend the values or the trigger, then decide in the review queue",
        owner=ADMIN,
        review_reason=ReviewReason.POLICY_CONFLICT,
    ),
    # --- the payload cannot be saved as it stands --------------------------------------------------------------------
    _payload_fault(
        "MALFORMED_ID",
        "An id does not belong to its object",
        "Report the lead: an id was kept wrongly",
        owner=DATA_ENGINEER,
    ),
    _payload_fault(
        "MISSING_ARGUMENT", "An id is missing in the call", "Report the lead: an id was lost", owner=DATA_ENGINEER
    ),
    _payload_fault(
        "REQUIRED_FIELD_MISSING",
        "A field that the org requires has no value",
        "Give the field a value in the mapping, then replay",
    ),
    _payload_fault(
        "STRING_TOO_LONG",
        "A text is longer than its field",
        "Declare a trim for the field in the mapping or lengthen the field, then replay",
    ),
    _payload_fault(
        "INVALID_EMAIL_ADDRESS",
        "Salesforce does not accept the e-mail address",
        "Correct the address at its source, then replay",
        owner=DIEVIO,
    ),
    _payload_fault(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "A restricted picklist does not know the value",
        "Map the value to one of the org's, or add it to the picklist, then replay",
    ),
    _payload_fault(
        "FIELD_INTEGRITY_EXCEPTION",
        "A country, state or reference does not exist in the org",
        "Map the value to one the org knows, then replay",
    ),
    _payload_fault(
        "NUMBER_OUTSIDE_VALID_RANGE",
        "A number does not fit its field",
        "Correct the number at its source or widen the field, then replay",
        owner=DIEVIO,
    ),
    _payload_fault("JSON_PARSER_ERROR", "A value has the wrong type for its field", "Correct the mapping, then replay"),
    _payload_fault(
        "UNSENDABLE_VALUE",
        "A value cannot be carried by any call",
        "Correct the value at its source or declare it invalid in the mapping, then replay",
    ),
    _payload_fault(
        "INVALID_CROSS_REFERENCE_KEY",
        "A referenced record or owner does not exist any more",
        "Refresh the roster, choose another owner or reference, then replay",
    ),
    _payload_fault(
        "OPERATION_WITH_INACTIVE_USER_EXCEPTION",
        "The owner is an inactive user",
        "Refresh the roster or correct the routing, then replay",
    ),
    _payload_fault(
        "INACTIVE_OWNER_OR_USER",
        "The owner is an inactive user",
        "Refresh the roster or correct the routing, then replay",
    ),
    # --- the set-up of the org ---------------------------------------------------------------------------------------
    _set_up_fault(
        "INVALID_FIELD",
        "A mapped field does not exist in the org",
        "Create the field or correct the mapping, then run again",
        step=RefusalStep.STOP,
        error_class=ErrorClass.MAPPING,
    ),
    _set_up_fault(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "The integration user may not edit a mapped field",
        "Give the integration user edit rights to the field, or take it out of the mapping, then run again",
        step=RefusalStep.STOP,
        error_class=ErrorClass.PERMISSION,
    ),
    _set_up_fault(
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "The integration user may not edit this record",
        "Give the integration user access to the record, then replay",
        step=RefusalStep.DEAD_LETTER,
        error_class=ErrorClass.PERMISSION,
    ),
    _set_up_fault(
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "The integration user may not use a referenced record or owner",
        "Give the integration user access to it, then replay",
        step=RefusalStep.DEAD_LETTER,
        error_class=ErrorClass.PERMISSION,
    ),
    _set_up_fault(
        "STORAGE_LIMIT_EXCEEDED",
        "The org's storage is full",
        "Free storage in Salesforce, then run again",
        step=RefusalStep.STOP,
        error_class=ErrorClass.PERMISSION,
    ),
)

REFUSALS: Mapping[str, Refusal] = {entry.code: entry for entry in _TABLE}


#: Codes that a value gets whose field was changed after it was planned: gone, locked, shorter, of another type.
CODES_OF_DRIFT = frozenset(
    {
        "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "STRING_TOO_LONG",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_EMAIL_ADDRESS",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "FIELD_INTEGRITY_EXCEPTION",
        "JSON_PARSER_ERROR",
    }
)


def find_refusal(code: str) -> Refusal | None:
    """Return the meaning of an error code, None for one without an entry."""
    return REFUSALS.get(code)

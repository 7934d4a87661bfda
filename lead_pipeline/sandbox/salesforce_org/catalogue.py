"""The error catalogue: code, HTTP status and message form of every refusal the org gives.

Belongs here: the table and the exception that carries one of its rows. When a refusal is due is decided by the module
that owns the rule. Marks: R seen in recorded answers, D documented, T third-party text, K general knowledge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class ErrorForm:
    """HTTP status and message template of one error code."""

    status: int
    template: str
    mark: str


_ACCESS = (
    "Please check the security settings of this field and verify that it is read/write for your profile "
    "or permission set."
)

FORMS: Final[Mapping[str, ErrorForm]] = MappingProxyType(
    {
        "REQUIRED_FIELD_MISSING": ErrorForm(400, "Required fields are missing: [{names}]", "R"),
        "REQUIRED_FIELD_MISSING.empty": ErrorForm(400, "At least 1 record is required", "R"),
        "STRING_TOO_LONG": ErrorForm(400, "{label}: data value too large: {value} (max length={length})", "T"),
        "INVALID_EMAIL_ADDRESS": ErrorForm(400, "{label}: invalid email address: {value}", "R"),
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": ErrorForm(
            400, "{label}: bad value for restricted picklist field: {value}", "T"
        ),
        "FIELD_INTEGRITY_EXCEPTION": ErrorForm(400, "{label}: id value of incorrect type: {value}", "T"),
        "FIELD_INTEGRITY_EXCEPTION.place": ErrorForm(
            400,
            "There's a problem with this {noun}, even though it may appear correct. "
            "Please select a {noun} from the list of valid {plural}.: {label}",
            "R",
        ),
        "FIELD_CUSTOM_VALIDATION_EXCEPTION": ErrorForm(400, "{text}", "K"),
        "DUPLICATES_DETECTED": ErrorForm(400, "{text}", "R"),
        "DUPLICATE_VALUE": ErrorForm(
            400, "duplicate value found: {name} duplicates value on record with id: {record_id}", "T"
        ),
        "DUPLICATE_VALUE.request": ErrorForm(400, "Duplicate external id specified: {value}", "T"),
        "DUPLICATE_VALUE.member": ErrorForm(400, "Already a campaign member.", "K"),
        "DUPLICATE_EXTERNAL_ID": ErrorForm(
            400, "{label}: more than one record found for external id field: [{ids}]", "T"
        ),
        "CANNOT_UPDATE_CONVERTED_LEAD": ErrorForm(400, "cannot reference converted lead", "R"),
        "ENTITY_IS_DELETED": ErrorForm(404, "entity is deleted", "R"),
        "UNDELETE_FAILED": ErrorForm(400, "Entity is not in the recycle bin", "T"),
        "NOT_FOUND": ErrorForm(404, "The requested resource does not exist", "R"),
        "NOT_FOUND.external": ErrorForm(
            404, "Provided external ID field does not exist or is not accessible: {name}", "R"
        ),
        "INVALID_FIELD": ErrorForm(400, "No such column '{name}' on sobject of type {object_name}", "R"),
        "INVALID_FIELD.query": ErrorForm(400, "{text}", "R"),
        "INVALID_FIELD_FOR_INSERT_UPDATE": ErrorForm(400, "Unable to create/update fields: {names}. " + _ACCESS, "R"),
        "INVALID_TYPE": ErrorForm(400, "{text}", "R"),
        "MALFORMED_QUERY": ErrorForm(400, "{text}", "K"),
        "INVALID_QUERY_FILTER_OPERATOR": ErrorForm(400, "{text}", "R"),
        "INVALID_QUERY_LOCATOR": ErrorForm(400, "invalid query locator", "T"),
        "MALFORMED_ID": ErrorForm(400, "{label}: id value of incorrect type: {value}", "T"),
        "MISSING_ARGUMENT": ErrorForm(400, "Id not specified in an update call", "R"),
        "MISSING_ARGUMENT.key": ErrorForm(400, "{name} not specified", "T"),
        "MALFORMED_ID.delete": ErrorForm(400, "malformed id {value}", "T"),
        "DUPLICATE_VALUE.id": ErrorForm(400, "duplicate id in list: {record_id}", "T"),
        "INVALID_CROSS_REFERENCE_KEY": ErrorForm(400, "invalid cross reference id", "K"),
        "INVALID_CROSS_REFERENCE_KEY.owner": ErrorForm(400, "{label}: owner cannot be blank", "T"),
        "INVALID_FIELD_FOR_INSERT_UPDATE.id": ErrorForm(400, "cannot specify Id in an insert call", "T"),
        "INVALID_FIELD.key": ErrorForm(400, "The {name} field should not be specified in the sobject data.", "T"),
        "INVALID_FIELD.id": ErrorForm(400, "The Id field should not be specified in the sobject data.", "T"),
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": ErrorForm(
            400, "insufficient access rights on cross-reference id: {short_id}", "R"
        ),
        "INSUFFICIENT_ACCESS_OR_READONLY": ErrorForm(400, "insufficient access rights on object id", "T"),
        "ALL_OR_NONE_OPERATION_ROLLED_BACK": ErrorForm(
            400,
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
            "R",
        ),
        "JSON_PARSER_ERROR": ErrorForm(400, "{text}", "K"),
        "NUMBER_OUTSIDE_VALID_RANGE": ErrorForm(
            400, "{label}: value outside of valid range on numeric field: {value}", "T"
        ),
        "NUMBER_OUTSIDE_VALID_RANGE.offset": ErrorForm(400, "Maximum SOQL offset allowed is 2000", "T"),
        "UNABLE_TO_LOCK_ROW": ErrorForm(
            400, "unable to obtain exclusive access to this record or 1 records: {record_id}", "R"
        ),
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": ErrorForm(400, "{text}", "T"),
        "CANNOT_UNDELETE_MERGED": ErrorForm(400, "merged records cannot be restored", "K"),
        "OPERATION_WITH_INACTIVE_USER_EXCEPTION": ErrorForm(
            400, "operation performed with inactive user [{short_id}] as owner of {object_name}", "T"
        ),
        "REQUEST_LIMIT_EXCEEDED": ErrorForm(403, "TotalRequests Limit exceeded.", "T"),
        "REQUEST_LIMIT_EXCEEDED.concurrent": ErrorForm(403, "ConcurrentPerOrgLongTxn Limit exceeded.", "T"),
        "INVALID_LOGIN": ErrorForm(500, "Invalid username, password, security token; or user locked out.", "K"),
        "INVALID_OPERATION": ErrorForm(500, "No operation available for request {text}", "K"),
        "INVALID_SESSION_ID": ErrorForm(401, "Session expired or invalid", "R"),
        "API_DISABLED_FOR_ORG": ErrorForm(403, "The REST API is not enabled for this Organization.", "K"),
        "API_CURRENTLY_DISABLED": ErrorForm(403, "API is currently disabled for this user.", "K"),
        "QUERY_TIMEOUT": ErrorForm(400, "Your query request was running for too long.", "T"),
        "SERVER_UNAVAILABLE": ErrorForm(503, "Server is unavailable. Please try again later.", "T"),
        "UNKNOWN_EXCEPTION": ErrorForm(500, "An unexpected error occurred.", "K"),
        "UNKNOWN_EXCEPTION.script": ErrorForm(500, "{text}", "K"),
        "STORAGE_LIMIT_EXCEEDED": ErrorForm(403, "storage limit exceeded", "K"),
        "EXCEEDED_ID_LIMIT": ErrorForm(400, "Exceeded maximum of 600,000 ids: narrow the date range", "D"),
        "EXCEEDED_ID_LIMIT.aggregate": ErrorForm(
            400,
            "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch",
            "T",
        ),
        "INVALID_REPLICATION_DATE": ErrorForm(400, "{text}", "T"),
        "UNSUPPORTED_API_VERSION": ErrorForm(410, "Invalid Api version specified on URL", "D"),
        "METHOD_NOT_ALLOWED": ErrorForm(405, "HTTP Method '{method}' not allowed. Allowed are {allowed}", "R"),
        "PRECONDITION_FAILED": ErrorForm(412, "The precondition of the request was not met", "D"),
        "BAD_REQUEST": ErrorForm(400, "{text}", "K"),
        "URI_TOO_LONG": ErrorForm(414, "URI Too Long", "D"),
        "HEADERS_TOO_LARGE": ErrorForm(431, "Request Header Fields Too Large", "D"),
        "REQUEST_TOO_LARGE": ErrorForm(
            413, "Maximum size of request reached. Maximum size of request is {size} bytes", "K"
        ),
        "UNSUPPORTED_MEDIA_TYPE": ErrorForm(
            415, "Content-Type header specified in HTTP request is not supported: {value}", "D"
        ),
        "EXCEEDED_MAX_SIZE_REQUEST": ErrorForm(400, "{text}", "T"),
        "PROCESSING_HALTED": ErrorForm(
            400,
            "The transaction was rolled back since another operation in the same transaction failed.",
            "R",
        ),
        "PROCESSING_HALTED.reference": ErrorForm(
            400, "Invalid reference specified. No value for {reference} found in the results of this request", "T"
        ),
        "INVALID_INPUT": ErrorForm(400, "{text}", "T"),
        "INVALIDJOBSTATE": ErrorForm(400, "{text}", "T"),
        "INVALIDJOB": ErrorForm(400, "{text}", "T"),
        "TOO_MANY_SUBREQUESTS": ErrorForm(400, "{text}", "T"),
        "INVALID_STATUS": ErrorForm(400, "{text}", "K"),
        "INVALID_TYPE_FOR_OPERATION": ErrorForm(400, "entity type {object_name} does not support {operation}", "T"),
    }
)
"""Every refusal by code; a dot names a second form of the same code."""


@dataclass
class SalesforceFault(Exception):  # noqa: N818 - "fault" is the platform's word; the class is the answer itself
    """One refusal in the platform's own terms.

    Attributes:
        code: error code without its form suffix.
        message: text as the client sees it.
        fields: API names, or None where the platform leaves the key out.
        status: HTTP status when it is the answer to the whole request.
        extra: further members of the error object (duplicateResult).
    """

    code: str
    message: str
    fields: tuple[str, ...] | None = None
    status: int = 400
    extra: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the code alone: messages may carry the client's own values."""
        return self.code

    def as_rest(self) -> dict[str, object]:
        """The member of a single-record or query error array."""
        body: dict[str, object] = {**self.extra, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return body

    def as_row(self) -> dict[str, object]:
        """The member of a collection row's `errors`."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}

    def as_cell(self) -> str:
        """The sf__Error text of a Bulk result row."""
        names = ",".join(self.fields or ())
        return f"{self.code}:{self.message}:{names + ' ' if names else ''}--"


def fault(form: str, *, fields: Sequence[str] | None = None, **values: object) -> SalesforceFault:
    """Build the refusal named `form` (a key of `FORMS`) with its values filled in."""
    entry = FORMS[form]
    return SalesforceFault(
        code=form.partition(".")[0],
        message=entry.template.format(**values),
        fields=None if fields is None else tuple(fields),
        status=entry.status,
    )

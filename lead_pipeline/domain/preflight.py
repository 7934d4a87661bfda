"""Before anything is sent: whether the mapping fits the org, and each value its field.

Values are brought into the form that Salesforce takes; where that is impossible the reason is given and nothing is
guessed. What a field accepts is told by `org_schema`, what follows from a refusal by the mapping's `on_invalid`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from lead_pipeline.domain.field_drift import FieldPasts, find_shrunk_fields
from lead_pipeline.domain.mapping import FieldMapping, ObjectMapping, OnUnmapped, WritePolicy
from lead_pipeline.domain.org_schema import NULL_MARK, NUMBER_TYPES, TEXT_TYPES, FieldSchema, ObjectSchema, check_value

TRIMMABLE_TYPES = frozenset({"string", "textarea"})  # half an address or half a phone number is a wrong one

#: Types among which values need no conversion.
_KINDS = (
    TEXT_TYPES,
    NUMBER_TYPES | {"int"},
    frozenset({"date", "datetime"}),
    frozenset({"reference", "id"}),
)

# Everything Unicode calls a control character except tab and line feed, which text areas may hold.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class GapCode(StrEnum):
    """Why a row of the mapping does not work in an org."""

    FIELD_MISSING = "field_missing"
    NOT_WRITABLE = "not_writable"
    OF_OTHER_KIND = "of_other_kind"
    SHRUNK = "shrunk"
    BOOLEAN_NEVER_BLANK = "boolean_never_blank"
    UNSAFE_TRIM = "unsafe_trim"
    REQUIRED_WITHOUT_SOURCE = "required_without_source"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingGap:
    """A place where mapping and org do not fit; `is_dropped`: the mapping says to go on without a missing field."""

    object_name: str
    field: str
    code: GapCode
    message: str
    is_dropped: bool = False

    @property
    def is_left_out(self) -> bool:
        """Whether leads go on without the field."""
        return self.code in {GapCode.FIELD_MISSING, GapCode.NOT_WRITABLE, GapCode.OF_OTHER_KIND, GapCode.SHRUNK}

    @property
    def is_contradiction(self) -> bool:
        """Whether the row cannot be meant like this, in this org, and has to be changed."""
        return self.code in {GapCode.BOOLEAN_NEVER_BLANK, GapCode.UNSAFE_TRIM}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedValue:
    """A value in the form Salesforce takes, or the reason why there is none.

    Attributes:
        value: What would be sent; None when there is nothing to send.
        problem: Why Salesforce would refuse it; does not repeat it.
        trimmed_from: The whole text where a declared trim shortened it.
    """

    value: object = None
    problem: str | None = None
    trimmed_from: str | None = None


def check_mapping(
    mapping: ObjectMapping, schema: ObjectSchema, pasts: FieldPasts = MappingProxyType({})
) -> tuple[MappingGap, ...]:
    """Return every place where a mapping does not fit the org, all at once.

    Args:
        mapping: The mapping of one object.
        schema: The object as the org describes it now.
        pasts: What its fields once were; without them none has shrunk.
    """
    shrunk = find_shrunk_fields(mapping, schema, pasts)
    return (
        *_check_rows(mapping, schema),
        *(_gap(mapping, name, code=GapCode.SHRUNK, words="takes less than it did") for name in sorted(shrunk)),
        *_check_required(mapping, schema),
    )


def is_of_declared_kind(row: FieldMapping, field: FieldSchema) -> bool:
    """Tell whether a field still is what the row was written for; lengths apart, which are checked value by value."""
    return row.type is None or _kind(row.type.name) == _kind(field.type)


def _kind(type_name: str) -> frozenset[str]:
    return next((kind for kind in _KINDS if type_name in kind), frozenset({type_name}))


def prepare_value(row: FieldMapping, value: object, *, schema: FieldSchema) -> PreparedValue:
    """Bring a canonical value into the form its Salesforce field takes.

    Args:
        row: The mapping row, for its value map and its permission to trim.
        value: The canonical value; None when the lead has none.
        schema: The field as the org describes it.
    """
    if value is None:
        return PreparedValue()
    if row.value_map is not None:
        if str(value) not in row.value_map:
            return PreparedValue(problem=f"{row.to}: the value is not in the value map of {row.source}")
        value = row.value_map[str(value)]
    formed = _form_value(value, schema)
    if isinstance(formed, str) and formed.casefold() == NULL_MARK.casefold():
        return PreparedValue(problem=f"{row.to}: the text {NULL_MARK} would clear the field")
    trimmed_from = None
    may_trim = row.trim and schema.type in TRIMMABLE_TYPES
    if may_trim and isinstance(formed, str) and 0 < schema.length < len(formed):
        trimmed_from, formed = formed, formed[: schema.length].rstrip()
    problem = None if formed is None else check_value(schema, formed)
    if problem is not None:
        return PreparedValue(problem=problem.message)
    return PreparedValue(value=formed, trimmed_from=trimmed_from)


def _check_rows(mapping: ObjectMapping, schema: ObjectSchema) -> Iterator[MappingGap]:
    for row in mapping.written_fields:
        field = schema.fields.get(row.to)
        if field is None:
            gap = _gap(
                mapping, row.to, code=GapCode.FIELD_MISSING, words="is not in the org, or not visible to our user"
            )
            yield replace(gap, is_dropped=row.on_unmapped is not OnUnmapped.CREATE_FIELD)
            continue
        if not field.is_createable and not field.is_updateable:
            yield _gap(mapping, row.to, code=GapCode.NOT_WRITABLE, words="may not be written by our user")
        if not is_of_declared_kind(row, field):
            yield _gap(mapping, row.to, code=GapCode.OF_OTHER_KIND, words=f"is of type {field.type}, not {row.type}")
            continue
        if field.type == "boolean" and row.write in {WritePolicy.FILL_BLANK, WritePolicy.TRACKED}:
            yield _gap(
                mapping,
                row.to,
                code=GapCode.BOOLEAN_NEVER_BLANK,
                words=f"is true or false, so {row.write} never applies",
            )
        is_as_declared = row.type is None or row.type.name == field.type
        if row.trim and field.type not in TRIMMABLE_TYPES and is_as_declared:
            yield _gap(
                mapping, row.to, code=GapCode.UNSAFE_TRIM, words=f"is of type {field.type}, which cut short is wrong"
            )


def _check_required(mapping: ObjectMapping, schema: ObjectSchema) -> Iterator[MappingGap]:
    if mapping.object_name != "Lead":  # we create Leads only
        return
    sources = {row.to for row in mapping.written_fields}
    for name in schema.required_at_creation:
        if name not in sources:
            yield MappingGap(
                object_name=mapping.object_name,
                field=name,
                code=GapCode.REQUIRED_WITHOUT_SOURCE,
                message=f"{name} is required for a new {mapping.object_name} and the mapping has no source for it",
            )


def _gap(mapping: ObjectMapping, name: str, *, code: GapCode, words: str) -> MappingGap:
    return MappingGap(object_name=mapping.object_name, field=name, code=code, message=f"{name} {words}")


def _form_value(value: object, schema: FieldSchema) -> object:
    if schema.type == "datetime":
        return _form_moment(value)
    if schema.type == "int" or schema.type in NUMBER_TYPES:
        return _form_number(value)
    if schema.type in TEXT_TYPES:
        return _form_text(value, schema)
    return value


def _form_moment(value: object) -> object:
    """Write a time as Salesforce does, e.g. 2026-05-04T08:15:00.000+0000; what is no time stays for the check."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return value
    if moment.tzinfo is None:
        return value
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def _form_number(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def _form_text(value: object, schema: FieldSchema) -> object:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = _CONTROL_CHARACTERS.sub(" ", str(value)).strip()
    if schema.type != "textarea":
        text = " ".join(text.split())
    if schema.is_restricted_picklist:
        text = next((choice for choice in schema.picklist_values if choice.casefold() == text.casefold()), text)
    return text or None

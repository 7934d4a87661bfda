"""What an org says about its fields, and whether a value would fit one: asked before anything is sent.

Reading a describe is `salesforce/describe`; which field gets which value is `mapping` and `survivorship`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum

TEXT_TYPES = frozenset(
    {"string", "textarea", "phone", "url", "email", "picklist", "multipicklist", "combobox", "encryptedstring"}
)
NUMBER_TYPES = frozenset({"double", "currency", "percent"})
ID_TYPES = frozenset({"id", "reference"})
NULL_MARK = "#N/A"  # Bulk CSV reads this text as "clear the field"

_INT_RANGE = range(-(2**31), 2**31)
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
# The form Salesforce accepts: ASCII local part, double dots inside pass, at least two labels of 1 to 63 characters.
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*/=?^_+\-`{|}~](?:[A-Za-z0-9!#$%&'*/=?^_+\-`{|}~.]*[A-Za-z0-9!#$%&'*/=?^_+\-`{|}~])?"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


class ProblemCode(StrEnum):
    """Why a value does not fit a field."""

    REQUIRED = "required"
    NOT_WRITABLE = "not_writable"
    WRONG_TYPE = "wrong_type"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    NOT_IN_PICKLIST = "not_in_picklist"
    NOT_AN_EMAIL = "not_an_email"
    UNSENDABLE = "unsendable"


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that would be refused. `message` is for people and does not repeat the value."""

    code: ProblemCode
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSchema:
    """One field as the org describes it to our user."""

    name: str
    label: str
    type: str  # Salesforce's own word, e.g. string, picklist, datetime
    length: int = 0  # characters; 0 where the type has none
    precision: int = 0  # digits in all
    scale: int = 0  # digits after the point
    is_createable: bool = True
    is_updateable: bool = True
    is_nillable: bool = True
    is_defaulted: bool = False
    is_restricted_picklist: bool = False
    picklist_values: tuple[str, ...] = ()  # active ones, in the org's order
    is_external_id: bool = False
    is_unique: bool = False
    is_case_sensitive: bool = False

    @property
    def is_required_at_creation(self) -> bool:
        """Tell whether a new record needs a value for it."""
        return self.is_createable and not self.is_nillable and not self.is_defaulted and self.type != "boolean"


_FIELD_NAMES = tuple(part.name for part in fields(FieldSchema))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSchema:
    """One object of the org with the fields our user can see."""

    object_name: str
    fields: Mapping[str, FieldSchema]

    @property
    def sha256(self) -> str:
        """Hash of everything in it: two equal hashes, two equal schemas."""
        return hashlib.sha256(json.dumps(schema_as_json(self), sort_keys=True).encode()).hexdigest()

    @property
    def required_at_creation(self) -> tuple[str, ...]:
        """Names of the fields a new record needs a value for."""
        return tuple(name for name, field in self.fields.items() if field.is_required_at_creation)


def check_value(field: FieldSchema, value: object) -> Problem | None:
    """Return why Salesforce would refuse a value, None when it fits.

    Args:
        field: The field it is meant for.
        value: As it would be sent: text, number, boolean, ISO text for dates; None clears the field.
    """
    if value is None or value == "":
        return None if field.is_nillable else _problem(field, ProblemCode.REQUIRED, "needs a value")
    check = _CHECK_BY_TYPE.get(field.type)
    if check is None:
        return _problem(field, ProblemCode.NOT_WRITABLE, f"is of type {field.type}, which cannot be written")
    return check(field, value)


def check_writable(field: FieldSchema, *, is_creation: bool) -> Problem | None:
    """Return why our user may not write a field at creation, or afterwards; None when it may."""
    if field.is_createable if is_creation else field.is_updateable:
        return None
    moment = "at creation" if is_creation else "on existing records"
    return _problem(field, ProblemCode.NOT_WRITABLE, f"may not be written {moment} by the integration user")


def typed_value(field: FieldSchema, text: str) -> object:
    """Return a CSV cell as REST would give it: blanks as None, numbers and booleans typed, times with +0000."""
    if text == "":
        return None
    if field.type == "boolean":
        return text == "true"
    if field.type == "int":
        return int(float(text))
    if field.type in NUMBER_TYPES:
        return float(text)
    if field.type == "datetime" and text.endswith("Z"):
        return f"{text[:-1]}+0000"
    return text


def schema_as_json(schema: ObjectSchema) -> dict[str, object]:
    """Return a schema as JSON values."""
    # By name: `asdict` copies every value on the way, and took most of the time of a look at an org with many fields.
    rows = [{name: getattr(field, name) for name in _FIELD_NAMES} for field in schema.fields.values()]
    return {"object_name": schema.object_name, "fields": rows}


def schema_from_json(stored: Mapping[str, object]) -> ObjectSchema:
    """Return the schema that `schema_as_json` wrote."""
    rows = stored["fields"]
    if not isinstance(rows, list):
        raise TypeError("a stored schema holds a list of fields")
    known = [FieldSchema(**{**row, "picklist_values": tuple(row["picklist_values"])}) for row in rows]
    return ObjectSchema(object_name=str(stored["object_name"]), fields={field.name: field for field in known})


def _problem(field: FieldSchema, code: ProblemCode, words: str) -> Problem:
    return Problem(code, field.name, f"{field.name} {words}")


def _check_text(field: FieldSchema, value: object) -> Problem | None:
    if not isinstance(value, str):
        return _problem(field, ProblemCode.WRONG_TYPE, "needs text")
    if value.strip() == NULL_MARK:
        return _problem(field, ProblemCode.UNSENDABLE, f"would be cleared by the text {NULL_MARK}")
    if "\0" in value:
        return _problem(field, ProblemCode.UNSENDABLE, "may not hold a NUL")
    if field.length and len(value) > field.length:
        return _problem(field, ProblemCode.TOO_LONG, f"takes {field.length} characters, the value has {len(value)}")
    if field.type == "email" and not _EMAIL.fullmatch(value):
        return _problem(field, ProblemCode.NOT_AN_EMAIL, "needs an e-mail address in the form Salesforce accepts")
    return _check_picklist(field, value)


def _check_picklist(field: FieldSchema, value: str) -> Problem | None:
    if not field.is_restricted_picklist:
        return None
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    if all(choice in field.picklist_values for choice in chosen):
        return None
    count = len(field.picklist_values)
    return _problem(field, ProblemCode.NOT_IN_PICKLIST, f"takes one of its {count} picklist values only")


def _check_id(field: FieldSchema, value: object) -> Problem | None:
    if isinstance(value, str) and _RECORD_ID.fullmatch(value):
        return None
    return _problem(field, ProblemCode.WRONG_TYPE, "needs a record id")


def _check_boolean(field: FieldSchema, value: object) -> Problem | None:
    return None if isinstance(value, bool) else _problem(field, ProblemCode.WRONG_TYPE, "needs true or false")


def _check_number(field: FieldSchema, value: object) -> Problem | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return _problem(field, ProblemCode.WRONG_TYPE, "needs a number")
    if field.type == "int":
        is_whole = float(value).is_integer()
        fits = is_whole and int(value) in _INT_RANGE
        return None if fits else _problem(field, ProblemCode.OUT_OF_RANGE, "needs a whole number of 32 bits")
    if field.precision and abs(value) >= 10 ** (field.precision - field.scale):
        return _problem(
            field, ProblemCode.OUT_OF_RANGE, f"takes {field.precision - field.scale} digits before the point"
        )
    return None


def _check_time(field: FieldSchema, value: object) -> Problem | None:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value) if field.type == "datetime" else date.fromisoformat(value)
        except ValueError:
            return _problem(field, ProblemCode.WRONG_TYPE, f"needs an ISO 8601 {field.type}")
        if field.type == "date" or (isinstance(moment, datetime) and moment.tzinfo):
            return None
        return _problem(field, ProblemCode.WRONG_TYPE, "needs a time with its zone")
    return _problem(field, ProblemCode.WRONG_TYPE, f"needs an ISO 8601 {field.type}")


_CHECK_BY_TYPE: Mapping[str, Callable[[FieldSchema, object], Problem | None]] = {
    **dict.fromkeys(TEXT_TYPES, _check_text),
    **dict.fromkeys(ID_TYPES, _check_id),
    **dict.fromkeys(NUMBER_TYPES | {"int"}, _check_number),
    **dict.fromkeys(("date", "datetime"), _check_time),
    "boolean": _check_boolean,
}

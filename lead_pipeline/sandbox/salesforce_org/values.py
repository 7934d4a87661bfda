"""Values on their way in and out: from JSON or CSV to the stored form, checked field by field.

Belongs here: one field and one value. Rules over a whole record: saving.py.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import floor
from types import MappingProxyType
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.salesforce_org.schema import NUMBER_TYPES, Field

_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*/=?^_+\-`{|}~][A-Za-z0-9.!#$%&'*/=?^_+\-`{|}~]*(?<!\.)@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BOOLEANS: Final = MappingProxyType({"true": 1, "false": 0, "1": 1, "0": 0})
_JSON_NAMES: Final = MappingProxyType(
    {
        dict: "START_OBJECT",
        list: "START_ARRAY",
        str: "VALUE_STRING",
        int: "VALUE_NUMBER_INT",
        float: "VALUE_NUMBER_FLOAT",
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INT_LIMIT: Final = 2**31
_INT_DIGITS: Final = 8  # Salesforce int fields hold at most eight digits


class UnreadableValueError(ValueError):
    """A value whose JSON or CSV form does not fit the field's type at all."""

    def __init__(self, item: Field, value: object) -> None:
        super().__init__(f"{item.name}: not a value of type {item.type}")
        self.field = item
        self.value = value

    def as_json_error(self, line: int, column: int) -> SalesforceFault:
        """The parser's refusal of the whole request."""
        token = (
            "VALUE_TRUE"
            if self.value is True
            else "VALUE_FALSE"
            if self.value is False
            else _JSON_NAMES[type(self.value)]
        )
        shown = "" if isinstance(self.value, dict | list) else f" value {self.value}"
        text = (
            f"Cannot deserialize instance of {self.field.type} from {token}{shown} "
            f"or request may be missing a required field at [line:{line}, column:{column}]"
        )
        return fault("JSON_PARSER_ERROR", text=text)

    def as_csv_error(self, column: int) -> SalesforceFault:
        """The refusal of one Bulk row."""
        kind = {"boolean": "boolean", "int": "int", "date": "date", "datetime": "dateTime"}.get(
            self.field.type, "double"
        )
        text = (
            f"Failed to deserialize field at col {column}. Due to, '{self.value}' is not a valid value "
            f"for the type xsd:{kind}"
        )
        return fault("INVALID_FIELD.query", text=text, fields=[self.field.name])


def stored_value(item: Field, value: object) -> Any:  # noqa: ANN401 - SQLite's own scalar types
    """Check one value and return its stored form; empty text is no value.

    Raises:
        SalesforceFault: the value has the right shape and breaks a rule of the field.
        UnreadableValueError: the value has the wrong shape.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return 0 if item.type == "boolean" else None
    return _READERS[item.type](item, value)


def format_moment(moment: datetime) -> str:
    """The platform's form of a moment: whole seconds, UTC."""
    return _second_text(floor(moment.timestamp()))


@lru_cache(maxsize=4_096)  # writes of one second share it: formatting anew took a tenth of a bulk row's time
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 moment with a zone.

    Raises:
        ValueError: another form, or no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError("a moment needs a time and a zone")
    return moment.astimezone(UTC)


def show_value(item: Field, value: Any) -> Any:  # noqa: ANN401 - JSON scalars
    """The JSON form of a stored value."""
    return bool(value) if item.type == "boolean" else value


def _read_text(item: Field, value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableValueError(item, value)
    if item.length and len(value) > item.length:
        raise fault("STRING_TOO_LONG", label=item.label, value=value, length=item.length, fields=[item.name])
    return value


def _read_picklist(item: Field, value: object) -> str:
    text = _read_text(item, value)
    if not item.restricted:
        return text
    for listed in item.values:
        if listed.casefold() == text.casefold():
            return listed
    raise fault("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", label=item.label, value=text, fields=[item.name])


def _read_email(item: Field, value: object) -> str:
    text = _read_text(item, value)
    if _EMAIL.fullmatch(text) is None:
        raise fault("INVALID_EMAIL_ADDRESS", label=item.label, value=text, fields=[item.name])
    return text.lower()


def _read_boolean(item: Field, value: object) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise UnreadableValueError(item, value)


def _read_number(item: Field, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnreadableValueError(item, value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is None:
        raise UnreadableValueError(item, value)
    number = float(value)
    if not _fits(item, number):
        raise fault("NUMBER_OUTSIDE_VALID_RANGE", label=item.label, value=value, fields=[item.name])
    return round(number, item.scale)


def _fits(item: Field, number: float) -> bool:
    whole_digits = (item.precision or 18) - item.scale
    low = item.minimum if item.minimum is not None else float("-inf")
    high = item.maximum if item.maximum is not None else float("inf")
    return abs(number) < 10**whole_digits and low <= number <= high


def _read_int(item: Field, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnreadableValueError(item, value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is None:
        raise UnreadableValueError(item, value)
    number = float(value)
    if number != number // 1 or abs(number) >= _INT_LIMIT:
        raise UnreadableValueError(item, value)
    if abs(number) >= 10 ** (item.precision or _INT_DIGITS):
        raise fault("NUMBER_OUTSIDE_VALID_RANGE", label=item.label, value=value, fields=[item.name])
    return int(number)


def _read_date(item: Field, value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableValueError(item, value)
    try:
        return (
            date.fromisoformat(value[:10]).isoformat()
            if len(value) == len("2026-01-31")
            else parse_moment(value).date().isoformat()
        )
    except ValueError:
        raise UnreadableValueError(item, value) from None


def _read_moment(item: Field, value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableValueError(item, value)
    try:
        if len(value) == len("2026-01-31"):
            return format_moment(datetime.combine(date.fromisoformat(value), time(0), UTC))
        return format_moment(parse_moment(value))
    except (ValueError, OverflowError):
        raise UnreadableValueError(item, value) from None


def _read_reference(item: Field, value: object) -> str:
    record_id = normalize_id(value)
    if record_id is None:
        if not isinstance(value, str):
            raise UnreadableValueError(item, value)
        raise fault("MALFORMED_ID", label=item.label, value=value, fields=[item.name])
    return record_id


_READERS: Final[Mapping[str, Callable[[Field, object], Any]]] = MappingProxyType(
    {
        "string": _read_text,
        "textarea": _read_text,
        "phone": _read_text,
        "url": _read_text,
        "combobox": _read_text,
        "encryptedstring": _read_text,
        "picklist": _read_picklist,
        "email": _read_email,
        "boolean": _read_boolean,
        "int": _read_int,
        "date": _read_date,
        "datetime": _read_moment,
        "reference": _read_reference,
        "id": _read_reference,
        **dict.fromkeys(NUMBER_TYPES, _read_number),
    }
)
FIELD_TYPES: Final = frozenset(_READERS)
"""Every type a schema may use, besides the compound address."""

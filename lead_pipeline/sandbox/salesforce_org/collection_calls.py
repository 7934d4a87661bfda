"""Up to 200 records in one call: composite/sobjects in all its methods.

Belongs here: the arrays and allOrNone. One record's rules: saving.py; subrequests of any kind: composite.py.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.row_faults import RowFaults
from lead_pipeline.sandbox.salesforce_org.saving import Refused, Saver
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema
from lead_pipeline.sandbox.salesforce_org.sobjects import (
    chosen_fields,
    key_field,
    object_of,
    record_payload,
    shown_record,
    visible_ids,
    visible_row,
)

MAX_RECORDS: Final = 200  # Salesforce limit per call
_MAX_READ: Final = 2_000  # ids of a POST read

Result = dict[str, Any]
SaveOne = Callable[[int], Result]


class _RollBack(Exception):  # noqa: N818 - control flow inside one transaction
    """Leaves the transaction of an allOrNone call."""


def create_many(call: Call) -> Answer:
    """POST composite/sobjects."""
    records, all_or_none = _records(call)
    schemas = [_typed(call, record) for record in records]
    saver = Saver(call.org, call.save_context())

    def save(place: int) -> Result:
        payload = record_payload(records[place])
        if any(name.lower() == "id" for name in payload):
            raise fault("INVALID_FIELD_FOR_INSERT_UPDATE.id", fields=["Id"])
        return _success(saver.create(_known(schemas[place], records[place]), payload))

    return Answer(body=_save_all(call, len(records), save=save, all_or_none=all_or_none))


def update_many(call: Call) -> Answer:
    """PATCH composite/sobjects."""
    records, all_or_none = _records(call)
    schemas = [_typed(call, record) for record in records]
    saver = Saver(call.org, call.save_context())
    repeated = _repeated([_id_of(record) for record in records])

    def save(place: int) -> Result:
        record = records[place]
        text = _id_of(record)
        if text is None:
            raise fault("MISSING_ARGUMENT", fields=[])
        schema = _known(schemas[place], record)
        record_id = checked_id(schema, text)
        if text in repeated:
            raise fault("DUPLICATE_VALUE.id", record_id=record_id, fields=["Id"])
        payload = {name: value for name, value in record_payload(record).items() if name.lower() != "id"}
        saver.update(schema, record_id, payload=payload)
        return _success(record_id)

    return Answer(body=_save_all(call, len(records), save=save, all_or_none=all_or_none))


def upsert_many(call: Call) -> Answer:
    """PATCH composite/sobjects/{Object}/{field}."""
    schema = object_of(call)
    item = key_field(schema, call.parts["field"])
    records, all_or_none = _records(call)
    saver = Saver(call.org, call.save_context())
    keys = [
        next((value for name, value in record.items() if name.lower() == item.name.lower()), None) for record in records
    ]
    repeated = _repeated([_folded(key, sensitive=item.case_sensitive) for key in keys])

    def save(place: int) -> Result:
        key, payload = keys[place], record_payload(records[place])
        _check_type(schema, records[place])
        if _folded(key, sensitive=item.case_sensitive) in repeated:
            raise fault("DUPLICATE_VALUE.request", value=key, fields=[item.name])
        record_id, created = upsert_one(call, saver, schema=schema, key_name=item.name, payload=payload)
        return {**_success(record_id), "created": created}

    results = _save_all(call, len(records), save=save, all_or_none=all_or_none)
    if call.org.switches["failed_upsert_rows"] == "created_true":
        results = [result if result["success"] else {**result, "created": True} for result in results]
    return Answer(body=results)


def upsert_one(
    call: Call, saver: Saver, *, schema: ObjectSchema, key_name: str, payload: Mapping[str, Any]
) -> tuple[str, bool]:
    """Create or update one record by a key among its fields; says which record and whether it is new.

    Raises:
        SalesforceFault: several records carry the key.
        Refused: a rule of the org.
    """
    item = schema.fields[key_name]
    given = {name.lower(): value for name, value in payload.items()}
    key = given.get(key_name.lower())
    rest = {name: value for name, value in payload.items() if name.lower() != key_name.lower()}
    if key_name == "Id":
        if key is None:
            return saver.create(schema, rest), True
        record_id = checked_id(schema, str(key))
        saver.update(schema, record_id, payload=rest)
        return record_id, False
    if key in (None, ""):
        raise fault("MISSING_ARGUMENT.key", name=key_name, fields=[key_name])
    with call.org.store.transaction():
        ids = visible_ids(call, schema, item=item, value=key)
        if len(ids) > 1:
            raise fault("DUPLICATE_EXTERNAL_ID", label=item.label, ids=", ".join(ids), fields=[key_name])
        if ids:
            saver.update(schema, ids[0], payload=rest)
            return ids[0], False
        return saver.create(schema, {**rest, key_name: key}), True


def delete_many(call: Call) -> Answer:
    """DELETE composite/sobjects?ids=."""
    ids = [text for text in call.query.get("ids", "").split(",") if text]
    _check_count(len(ids))
    saver = Saver(call.org, call.save_context())

    def save(place: int) -> Result:
        record_id = normalize_id(ids[place])
        schema = None if record_id is None else call.org.object_of(record_id)
        if schema is None or record_id is None:
            raise fault("MALFORMED_ID.delete", value=ids[place], fields=[])
        saver.delete(schema, record_id)
        return _success(record_id)

    all_or_none = call.query.get("allOrNone", "false").lower() == "true"
    return Answer(body=_save_all(call, len(ids), save=save, all_or_none=all_or_none))


def read_many(call: Call) -> Answer:
    """GET composite/sobjects/{Object}?ids=&fields=, or POST with the same in the body; unknown ids answer null."""
    schema = object_of(call)
    if call.method == "POST":
        document = call.json_object()
        ids, names = _texts(document, "ids"), _texts(document, "fields")
    else:
        ids = [text for text in call.query.get("ids", "").split(",") if text]
        names = [text for text in call.query.get("fields", "").split(",") if text]
    if not ids or not names:
        raise fault("MALFORMED_QUERY", text="The ids and fields parameters are required")
    if len(ids) > _MAX_READ:
        raise fault(
            "EXCEEDED_MAX_SIZE_REQUEST",
            text=f"record limit reached. cannot submit more than {_MAX_READ} records into this call",
        )
    fields = chosen_fields(call, schema, names=names)
    return Answer(body=[_shown_or_null(call, schema, text=text, fields=fields) for text in ids])


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise fault("JSON_PARSER_ERROR", text=f"Cannot deserialize the {name} of the request at [line:1, column:1]")
    return value


def _shown_or_null(call: Call, schema: ObjectSchema, *, text: object, fields: Any) -> Result | None:  # noqa: ANN401 - list of fields
    record_id = normalize_id(text)
    row = None if record_id is None else visible_row(call, schema, record_id=record_id)
    return None if row is None or row.get("IsDeleted") else shown_record(call, schema, row=row, fields=fields)


# --- records of a request ---------------------------------------------------------------------------------------------


def _records(call: Call) -> tuple[list[dict[str, Any]], bool]:
    document = call.json_object()
    records = document.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        records = [] if records is None else _not_records()
    _check_count(len(records))
    return records, document.get("allOrNone") is True


def _not_records() -> list[dict[str, Any]]:
    raise fault("JSON_PARSER_ERROR", text="Cannot deserialize the records of the request at [line:1, column:1]")


def _check_count(count: int) -> None:
    if count == 0:
        raise fault("REQUIRED_FIELD_MISSING.empty")
    if count > MAX_RECORDS:
        raise fault(
            "EXCEEDED_MAX_SIZE_REQUEST",
            text=f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call",
        )


def _typed(call: Call, record: Mapping[str, Any]) -> ObjectSchema | None:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise fault("INVALID_INPUT", text="Include an entity type for each record: attributes.type is missing")
    return call.find_object(name)


def _check_type(schema: ObjectSchema, record: Mapping[str, Any]) -> None:
    """Refuse a record of another object than the path names; without a type it is taken for one of the path's."""
    attributes = record.get("attributes")
    name = attributes.get("type", schema.name) if isinstance(attributes, dict) else schema.name
    if str(name).lower() != schema.name.lower():
        raise fault("INVALID_TYPE", text=f"the request upserts {schema.name}, the record is of type {name}", fields=[])


def _known(schema: ObjectSchema | None, record: Mapping[str, Any]) -> ObjectSchema:
    if schema is None:
        name = record["attributes"]["type"]
        raise fault("INVALID_TYPE", text=f"sObject type '{name}' is not supported.", fields=[])
    return schema


def _id_of(record: Mapping[str, Any]) -> str | None:
    value = next((value for name, value in record.items() if name.lower() == "id"), None)
    return None if value in (None, "") else str(value)


def checked_id(schema: ObjectSchema, text: str) -> str:
    """The canonical form of an id of this object.

    Raises:
        SalesforceFault: MALFORMED_ID.
    """
    record_id = normalize_id(text)
    if record_id is None or record_id[:3] != schema.prefix:
        raise fault("MALFORMED_ID", label=f"{schema.label} ID", value=text, fields=["Id"])
    return record_id


def _folded(key: object, *, sensitive: bool) -> str | None:
    """A key as others are compared with it; whatever has no place in a key field is refused later."""
    if key is None:
        return None
    text = key if isinstance(key, str) else json.dumps(key)
    return text if sensitive else text.casefold()


def _repeated(keys: Sequence[object]) -> set[object]:
    seen: set[object] = set()
    return {key for key in keys if key is not None and (key in seen or seen.add(key))}  # type: ignore[func-returns-value]


# --- saving and answering ---------------------------------------------------------------------------------------------


def _save_all(call: Call, count: int, *, save: SaveOne, all_or_none: bool) -> list[Result]:
    """Save each record and answer in request order; with allOrNone one failure undoes the rest."""
    row_faults = RowFaults(call.faults)
    results: list[Result] = []
    try:
        with call.org.store.transaction(undoable=all_or_none):
            results.extend(_save_one(call, place, save=save, row_faults=row_faults) for place in range(count))
            _roll_back_if(all_or_none and not all(result["success"] for result in results))
    except _RollBack:
        rolled_back = _failure(call, [fault("ALL_OR_NONE_OPERATION_ROLLED_BACK", fields=[])])
        return [rolled_back if result["success"] else result for result in results]
    return results


def _roll_back_if(condition: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if condition:
        raise _RollBack


def _save_one(call: Call, place: int, *, save: SaveOne, row_faults: RowFaults) -> Result:
    try:
        row_faults.strike(place)
        return save(place)
    except Refused as refused:
        return _failure(call, refused.faults)
    except SalesforceFault as single:
        return _failure(call, [single])


def _success(record_id: str) -> Result:
    return {"id": record_id, "success": True, "errors": []}


def _failure(call: Call, faults: Sequence[SalesforceFault]) -> Result:
    switches = call.org.switches
    with_extra = switches["row_duplicates"] == "with_result"
    errors = [{**(item.extra if with_extra else {}), **switches.settle(item).as_row()} for item in faults]
    return {"success": False, "errors": errors}

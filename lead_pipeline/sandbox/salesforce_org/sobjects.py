"""Single records: create, read, change and delete by id or by external id.

Belongs here: paths under sobjects/{Object}. The rules of saving: saving.py; lists of records: collection_calls.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.saving import Saver
from lead_pipeline.sandbox.salesforce_org.schema import Field, ObjectSchema
from lead_pipeline.sandbox.salesforce_org.soql.shaping import address
from lead_pipeline.sandbox.salesforce_org.store import Row
from lead_pipeline.sandbox.salesforce_org.values import show_value, stored_value

_FIRST_VERSION_WITH_CREATED: Final = 46.0
_LIST_URL_LIMIT: Final = 200


def create(call: Call) -> Answer:
    """POST sobjects/{Object}."""
    schema = object_of(call)
    payload = record_payload(call.json_object())
    if any(name.lower() == "id" for name in payload):
        raise fault("INVALID_FIELD_FOR_INSERT_UPDATE.id", fields=["Id"])
    record_id = Saver(call.org, call.save_context()).create(schema, payload)
    return _created(call, schema, record_id=record_id)


def read(call: Call) -> Answer:
    """GET sobjects/{Object}/{id}, with ?fields= and If-Modified-Since."""
    schema = object_of(call)
    row = live_row(call, schema, text=call.parts["id"])
    return _read_answer(call, schema, row=row)


def update(call: Call) -> Answer:
    """PATCH sobjects/{Object}/{id}."""
    schema = object_of(call)
    payload = record_payload(call.json_object())
    if any(name.lower() == "id" for name in payload):
        raise fault("INVALID_FIELD.id")
    Saver(call.org, call.save_context()).update(
        schema, existing_id(call, schema, text=call.parts["id"]), payload=payload
    )
    return Answer(204)


def delete(call: Call) -> Answer:
    """DELETE sobjects/{Object}/{id}."""
    schema = object_of(call)
    Saver(call.org, call.save_context()).delete(schema, existing_id(call, schema, text=call.parts["id"]))
    return Answer(204)


def read_by_key(call: Call) -> Answer:
    """GET sobjects/{Object}/{field}/{value}."""
    schema = object_of(call)
    ids = _ids_by_key(call, schema)
    if len(ids) > 1:
        return _several(call, schema, ids=ids)
    if not ids:
        raise fault("NOT_FOUND")
    return _read_answer(call, schema, row=call.org.store.get(schema, ids[0]) or {})


def upsert(call: Call) -> Answer:
    """PATCH sobjects/{Object}/{field}/{value}: create, update or, with several matches, refuse with 300."""
    schema = object_of(call)
    item = key_field(schema, call.parts["field"])
    payload = record_payload(call.json_object())
    if item.name in payload or any(name.lower() == "id" for name in payload):
        raise fault("INVALID_FIELD.key", name=item.name)
    saver = Saver(call.org, call.save_context())
    with call.org.store.transaction():
        ids = _ids_by_key(call, schema)
        if len(ids) > 1:
            return _several(call, schema, ids=ids)
        if ids:
            saver.update(schema, ids[0], payload=payload)
            return _updated(call, ids[0])
        if call.query.get("updateOnly", "").lower() == "true":
            raise replace(fault("NOT_FOUND"), status=int(call.org.switches["update_only_missing"]))
        if item.name == "Id":
            raise fault("NOT_FOUND")
        record_id = saver.create(schema, {**payload, item.name: call.parts["value"]})
    return _created(call, schema, record_id=record_id, by_key=True)


def delete_by_key(call: Call) -> Answer:
    """DELETE sobjects/{Object}/{field}/{value}."""
    schema = object_of(call)
    ids = _ids_by_key(call, schema)
    if len(ids) > 1:
        return _several(call, schema, ids=ids)
    if not ids:
        raise fault("NOT_FOUND")
    Saver(call.org, call.save_context()).delete(schema, ids[0])
    return Answer(204)


def create_by_id_path(call: Call) -> Answer:
    """POST sobjects/{Object}/Id: a create in the form some clients use; any other field has no POST."""
    if call.parts["id"].lower() != "id":
        raise fault("METHOD_NOT_ALLOWED", method="POST", allowed="DELETE, GET, HEAD, PATCH")
    return create(call)


# --- shared by the other record modules -------------------------------------------------------------------------------


def object_of(call: Call, name: str | None = None) -> ObjectSchema:
    """The object a request names.

    Raises:
        SalesforceFault: NOT_FOUND.
    """
    schema = call.find_object(call.parts["object"] if name is None else name)
    if schema is None:
        raise fault("NOT_FOUND")
    return schema


def record_payload(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record in a request, without its `attributes`."""
    return {name: value for name, value in document.items() if name != "attributes"}


def existing_id(call: Call, schema: ObjectSchema, *, text: str) -> str:
    """The canonical id of a record that exists, deleted or not.

    Raises:
        SalesforceFault: NOT_FOUND.
    """
    record_id = normalize_id(text)
    if record_id is None or record_id[:3] != schema.prefix or visible_row(call, schema, record_id=record_id) is None:
        raise fault("NOT_FOUND.external", name=text)
    return record_id


def visible_row(call: Call, schema: ObjectSchema, *, record_id: str) -> Row | None:
    """The row of an id, deleted or not, unless sharing hides it from the caller."""
    row = call.org.store.get(schema, record_id)
    return None if row is None or row.get("OwnerId") in schema.access_of(call.caller.key).hidden_owners else row


def visible_ids(call: Call, schema: ObjectSchema, *, item: Field, value: object) -> list[str]:
    """Ids of live records whose key field has this value, as far as the caller sees them."""
    ids = call.org.store.ids_with(schema, item, value=stored_value(item, value), limit=_LIST_URL_LIMIT)
    return [record_id for record_id in ids if visible_row(call, schema, record_id=record_id) is not None]


def live_row(call: Call, schema: ObjectSchema, *, text: str) -> Row:
    """The row of a record that is not deleted.

    Raises:
        SalesforceFault: NOT_FOUND.
    """
    record_id = normalize_id(text)
    row = None if record_id is None else visible_row(call, schema, record_id=record_id)
    if row is None or row.get("IsDeleted"):
        raise fault("NOT_FOUND")
    return row


def key_field(schema: ObjectSchema, name: str) -> Field:
    """The field that a path uses as a key.

    Raises:
        SalesforceFault: NOT_FOUND, it is not one.
    """
    item = schema.find(name)
    if item is None or not item.is_key:
        raise fault("NOT_FOUND.external", name=name)
    return item


def shown_record(
    call: Call, schema: ObjectSchema, *, row: Row, fields: Iterable[Field] | None = None
) -> dict[str, Any]:
    """A record as GET shows it: every readable field in describe order, empty ones null."""
    hidden = schema.access_of(call.caller.key).not_readable
    body: dict[str, Any] = {
        "attributes": {"type": schema.name, "url": f"{call.root}/sobjects/{schema.name}/{row['Id']}"}
    }
    for item in schema.fields.values() if fields is None else fields:
        if item.name in hidden:
            continue
        if item.compound is None:
            body[item.name] = show_value(item, row.get(item.name))
        else:
            body[item.name] = address([(member, row.get(part.name)) for member, part in schema.parts_of(item)])
    return body


def chosen_fields(call: Call, schema: ObjectSchema, *, names: Iterable[str]) -> list[Field]:
    """The fields a request asks for, Id always among them.

    Raises:
        SalesforceFault: INVALID_FIELD.
    """
    hidden = schema.access_of(call.caller.key).not_readable
    fields = []
    for name in names:
        item = schema.find(name.strip())
        if item is None or item.name in hidden:
            raise fault("INVALID_FIELD", name=name.strip(), object_name=schema.name)
        fields.append(item)
    head = schema.fields["Id"]
    return fields if head in fields else [*fields, head]


def _read_answer(call: Call, schema: ObjectSchema, *, row: Row) -> Answer:
    since = call.moment_header("if-modified-since")
    if since is not None and row["LastModifiedDate"] <= since:
        return Answer(304)
    limit = call.moment_header("if-unmodified-since")
    if limit is not None and row["LastModifiedDate"] > limit:
        raise fault("PRECONDITION_FAILED")
    names = call.query.get("fields")
    fields = None if names is None else chosen_fields(call, schema, names=names.split(","))
    return Answer(body=shown_record(call, schema, row=row, fields=fields))


def _ids_by_key(call: Call, schema: ObjectSchema) -> list[str]:
    item = key_field(schema, call.parts["field"])
    value = call.parts["value"]
    if item.name == "Id":
        return [live_row(call, schema, text=value)["Id"]]
    return visible_ids(call, schema, item=item, value=value)


def _several(call: Call, schema: ObjectSchema, *, ids: Iterable[str]) -> Answer:
    return Answer(300, [f"{call.root}/sobjects/{schema.name}/{record_id}" for record_id in ids])


def _created(call: Call, schema: ObjectSchema, *, record_id: str, by_key: bool = False) -> Answer:
    body: dict[str, Any] = {"id": record_id, "success": True, "errors": []}
    if by_key and call.version >= _FIRST_VERSION_WITH_CREATED:
        body["created"] = True
    return Answer(201, body, {"Location": f"{call.root}/sobjects/{schema.name}/{record_id}"})


def _updated(call: Call, record_id: str) -> Answer:
    if call.version < _FIRST_VERSION_WITH_CREATED:
        return Answer(204)
    return Answer(200, {"id": record_id, "success": True, "errors": [], "created": False})

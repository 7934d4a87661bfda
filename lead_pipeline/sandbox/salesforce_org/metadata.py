"""The REST resource metadata/deployRequest: what a deployment of metadata does to this org.

Belongs here: checking components against the org and making them. Reading the zip: metadata_files.py; what permission
sets give: permission_sets.py. A deployment is done when its status is asked for; a failed one changes nothing.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.ids import make_id
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.metadata_files import MAX_ZIP_BYTES, Component, Problem, read_package
from lead_pipeline.sandbox.salesforce_org.org import Org, SchemaChangeError
from lead_pipeline.sandbox.salesforce_org.page_parts import check_layout, check_list_view
from lead_pipeline.sandbox.salesforce_org.permission_sets import renew_access

_ADMIN: Final = "admin"
_CREATED: Final = 201
_PREFIX: Final = "0Af"
_TYPES: Final = {
    "Text": "string",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "DateTime": "datetime",
    "Date": "date",
    "Email": "email",
    "Url": "url",
    "Phone": "phone",
    "Picklist": "picklist",
    "Checkbox": "boolean",
    "LongTextArea": "textarea",
}
_SETTING_NAME: Final = re.compile(r"\$CustomMetadata\.(?P<type>\w+)\.(?P<record>\w+)\.(?P<field>\w+)")
#: Order in which components are made: what others refer to comes first.
_ORDER: Final = (
    *("CustomObject", "CustomField", "CustomMetadata", "CustomPermission", "Queue", "ValidationRule", "ListView"),
    *("Layout", "LeadConvertSettings", "ApexClass", "ApexTrigger", "PermissionSet"),
)
_FALSE_TRUE: Final = {"true": True, "false": False}


def start(call: Call) -> Answer:
    """POST metadata/deployRequest: take a zip, check it, and make its components unless it is only a check."""
    if call.caller.key != _ADMIN:
        raise fault("INSUFFICIENT_ACCESS_OR_READONLY", fields=[])
    options, content = _read_form(call)
    org = call.org
    deployment_id = make_id(_PREFIX, org.store.next_serial("DeployRequest", _PREFIX))
    result = _deploy(org, content, is_check_only=options.get("checkOnly") is True)
    result |= {"id": deployment_id, "createdDate": org.now_text()}
    org.store.keep_setting(f"deployment.{deployment_id}", json.dumps(result))
    shown = {"id": deployment_id, "done": False, "status": "Pending", "success": False}
    return Answer(_CREATED, {"id": deployment_id, "deployOptions": options, "deployResult": shown})


def show(call: Call) -> Answer:
    """GET metadata/deployRequest/<id>: the result; its details only when they are asked for."""
    kept = call.org.store.setting(f"deployment.{call.parts['id']}")
    if kept is None or call.caller.key != _ADMIN:
        raise fault("NOT_FOUND")
    result = json.loads(kept)
    if call.query.get("includeDetails", "").lower() != "true":
        result.pop("details")
    return Answer(200, {"id": result["id"], "deployResult": result})


def _read_form(call: Call) -> tuple[dict[str, Any], bytes]:
    head = f"Content-Type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    message: Message = BytesParser(policy=HTTP).parsebytes(head + call.body)
    parts = {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in (message.get_payload() if message.is_multipart() else [])
        if isinstance(part, Message)
    }
    document, content = parts.get("json") or parts.get("entity_content"), parts.get("file")
    if not isinstance(document, bytes) or not isinstance(content, bytes) or len(content) > MAX_ZIP_BYTES:
        raise fault("BAD_REQUEST", text="A deployment takes a JSON part and a zip of at most 39 MB")
    return json.loads(document)["deployOptions"], content


def _deploy(org: Org, content: bytes, *, is_check_only: bool) -> dict[str, Any]:
    components, problems = read_package(content)
    components.sort(key=lambda item: (_ORDER.index(item.kind), item.name))
    states = [_state_of(org, component) for component in components]
    if not problems:
        problems = _make(org, components, is_check_only=is_check_only)
    failures = [
        _row(item.kind, item.name, file=item.file, success=False, problem=item.text, problemType="Error")
        for item in problems
    ]
    successes = [] if failures else states
    return {
        "checkOnly": is_check_only,
        "details": {"componentFailures": failures, "componentSuccesses": successes},
        "done": True,
        "numberComponentErrors": len(failures),
        "numberComponentsDeployed": len(successes),
        "numberComponentsTotal": len(components),
        "status": "Failed" if failures else "Succeeded",
        "success": not failures,
    }


def _state_of(org: Org, component: Component) -> dict[str, Any]:
    """The row of a component: created where the org lacks it, changed where it holds another content."""
    kept = org.store.setting(_setting(component))
    is_new = kept is None and not _exists(org, component)
    is_changed = kept != _text(component)
    return _row(component.kind, component.name, file=component.file, success=True, created=is_new, changed=is_changed)


def _exists(org: Org, component: Component) -> bool:
    object_name, _, name = component.name.partition(".")
    schema = org.schema(object_name)
    if component.kind == "CustomObject":
        return schema is not None
    if component.kind == "CustomField":
        return schema is not None and schema.find(name) is not None
    if component.kind == "ValidationRule":
        return schema is not None and any(rule.name == name for rule in schema.validation_rules)
    if component.kind == "Queue":
        return _queue_exists(org, component.name)
    return False


def _row(kind: str, name: str, *, file: str, success: bool, **more: object) -> dict[str, Any]:
    flags = {"changed": False, "created": False, "deleted": False}
    return {"componentType": kind, "fullName": name, "fileName": file, "success": success, **flags, **more}


class _Undone(Exception):  # noqa: N818 - the way out of a transaction that must leave nothing behind
    """A check, or a deployment with problems."""


def _make(org: Org, components: Iterable[Component], *, is_check_only: bool) -> list[Problem]:
    """Make the components in one transaction; a check goes the same way and is undone."""
    schemas = dict(org.schemas)
    problems: list[Problem] = []
    try:
        with org.store.transaction(undoable=True):
            for component in components:
                try:
                    _MAKERS.get(component.kind, _keep_only)(org, component)
                    org.store.keep_setting(_setting(component), _text(component))
                except (KeyError, SchemaChangeError, ValueError) as error:
                    problems.append(Problem(component.kind, component.name, component.file, str(error)))
            if not problems:
                _renew_rules(org)
                renew_access(org)
            _require(not problems and not is_check_only)
    except _Undone:
        org.restore_schemas(schemas)
    return problems


def _require(is_kept: bool) -> None:  # noqa: FBT001 - the one thing it asks
    if not is_kept:
        raise _Undone


def _make_object(org: Org, component: Component) -> None:
    if org.schema(component.name) is not None:
        return
    prefix = "m" if component.name.endswith("__mdt") else "a"
    number = sum(name.endswith(("__c", "__mdt")) for name in org.schemas)
    name_field = component.document.get("nameField") or {"label": "Label"}
    fields = [
        {"name": "Name", "type": "string", "label": name_field["label"], "length": 80},
        *({"name": name, "type": "string", "length": 80} for name in _RECORD_NAMES if prefix == "m"),
    ]
    change = {
        "prefix": f"{prefix}{number:02d}",
        "fields": fields,
        "label": component.document["label"],
        "label_plural": component.document["pluralLabel"],
        "writable": prefix == "a",
    }
    org.change_schema(component.name, change)


def _make_field(org: Org, component: Component) -> None:
    object_name, _, name = component.name.partition(".")
    if org.schema(object_name) is None:
        raise SchemaChangeError(f"Entity Enumeration Or ID: bad value for restricted picklist field: {object_name}")
    org.change_schema(object_name, {"fields": [_field_source(name, component.document)]})


def _field_source(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(document["type"])
    if kind is None:
        raise SchemaChangeError(f"type {document['type']} is not one that this org makes")
    source: dict[str, Any] = {"name": name, "type": kind, "label": document["label"]}
    source |= {key: int(document[key]) for key in ("length", "precision", "scale") if key in document}
    if document.get("unique") == "true":
        source |= {"unique": True, "case_sensitive": document.get("caseSensitive") == "true"}
    if document.get("externalId") == "true":
        source |= {"external_id": True, "id_lookup": True}
    if kind == "string" and "length" not in document:
        raise SchemaChangeError("Must specify 'length' for a CustomField of type Text")
    if value_set := document.get("valueSet"):
        values = [str(value["fullName"]) for value in value_set["valueSetDefinition"]["value"]]
        source |= {"values": values, "restricted": value_set.get("restricted") == "true"}
    return source


def _make_record(org: Org, component: Component) -> None:
    """Put a record of a custom metadata type into its table."""
    type_name, _, name = component.name.partition(".")
    schema = org.schema(f"{type_name}__mdt")
    if schema is None:
        raise SchemaChangeError(f"no custom metadata type {type_name}__mdt")
    values = {str(row["field"]): row["value"] for row in component.document.get("values", ())}
    if unknown := set(values) - set(schema.fields):
        raise SchemaChangeError(f"no such field: {sorted(unknown)}")
    label = component.document["label"]
    found = org.store.one(f'SELECT Id FROM "{schema.name}" WHERE DeveloperName = ?', [name])
    if found is None:
        org.load(schema.name, [{"DeveloperName": name, "MasterLabel": label, "Name": label, **values}])
    else:
        org.store.update(schema, found[0], changes=values)


def _make_queue(org: Org, component: Component) -> None:
    if _queue_exists(org, component.name):
        return
    (queue_id,) = org.load(
        "Group", [{"Name": component.document["name"], "DeveloperName": component.name, "Type": "Queue"}]
    )
    members = [{"QueueId": queue_id, "SobjectType": row["sobjectType"]} for row in component.document["queueSobject"]]
    org.load("QueueSobject", members)


def _queue_exists(org: Org, name: str) -> bool:
    return org.store.one('SELECT 1 FROM "Group" WHERE DeveloperName = ? AND IsDeleted = 0', [name]) is not None


def _make_rule(org: Org, component: Component) -> None:
    object_name, _, name = component.name.partition(".")
    if org.schema(object_name) is None:
        raise SchemaChangeError("the object of the rule does not exist")
    org.change_schema(object_name, {"validation_rules": [_rule_source(org, name, component.document)]})


def _make_permission_set(org: Org, component: Component) -> None:
    """Keep a set; every field it names has to exist."""
    for row in component.document.get("fieldPermissions", ()):
        object_name, _, field_name = str(row["field"]).partition(".")
        schema = org.schema(object_name)
        if schema is None or schema.find(field_name) is None:
            raise SchemaChangeError(f"In field: field - no CustomField named {row['field']} found")
    for row in component.document.get("classAccesses", ()):
        if org.store.setting(f"metadata.ApexClass.{row['apexClass']}") is None:
            raise SchemaChangeError(f"In field: apexClass - no ApexClass named {row['apexClass']} found")
    if org.store.one('SELECT 1 FROM "PermissionSet" WHERE Name = ?', [component.name]) is None:
        org.load("PermissionSet", [{"Name": component.name, "Label": component.document["label"]}])


def _keep_only(_org: Org, _component: Component) -> None:
    """Components that are read where they are needed, as conversion settings, or never, as Apex: this org runs none."""


_RECORD_NAMES: Final = ("DeveloperName", "MasterLabel")
_MAKERS: Final[Mapping[str, Callable[[Org, Component], None]]] = {
    "CustomObject": _make_object,
    "CustomField": _make_field,
    "CustomMetadata": _make_record,
    "Queue": _make_queue,
    "ValidationRule": _make_rule,
    "PermissionSet": _make_permission_set,
    "Layout": check_layout,
    "ListView": check_list_view,
}


def _renew_rules(org: Org) -> None:
    """Install every deployed rule again: what it reads from custom metadata may have changed."""
    rows = org.store.all(
        "SELECT name, value FROM sandbox_setting WHERE name LIKE 'metadata.ValidationRule.%' ORDER BY name"
    )
    rules: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, text in rows:
        object_name, _, rule_name = str(name).removeprefix("metadata.ValidationRule.").partition(".")
        rules[object_name].append(_rule_source(org, rule_name, json.loads(text)))
    for object_name, items in rules.items():
        org.change_schema(object_name, {"validation_rules": items})


def _rule_source(org: Org, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    formula = _SETTING_NAME.sub(lambda found: _setting_value(org, found), document["errorConditionFormula"])
    return {
        "name": name,
        "formula": formula,
        "message": document["errorMessage"],
        "active": document["active"] == "true",
        "field": document.get("errorDisplayField"),
    }


def _setting_value(org: Org, found: re.Match[str]) -> str:
    schema = org.schema(found["type"])
    if schema is None or found["field"] not in schema.fields:
        raise SchemaChangeError(f"Field {found[0]} does not exist")
    row = org.store.one(f'SELECT "{found["field"]}" FROM "{schema.name}" WHERE DeveloperName = ?', [found["record"]])
    return '"' + (str(row[0]) if row is not None and row[0] is not None else "") + '"'


def _setting(component: Component) -> str:
    return f"metadata.{component.kind}.{component.name}"


def _text(component: Component) -> str:
    return json.dumps(component.document, sort_keys=True)

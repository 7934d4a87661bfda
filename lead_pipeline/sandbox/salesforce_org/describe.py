"""What clients learn about the org's objects: the global list and one object's fields.

Belongs here: the describe bodies. Schemas: schema.py; the routes: discovery.py.
"""

from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.schema import NUMBER_TYPES, Access, Field, ObjectSchema

_SOAP_TYPES: Final = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "date": "xsd:date",
}
_SOAP_TYPES_MORE: Final = {
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    **dict.fromkeys(NUMBER_TYPES, "xsd:double"),
}
_BYTES_PER_CHARACTER: Final = 3
_OBJECT_FLAGS: Final = {
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "customSetting": False,
    "deepCloneable": False,
    "deprecatedAndHidden": False,
    "feedEnabled": False,
    "hasSubtypes": False,
    "isInterface": False,
    "isSubtype": False,
    "layoutable": True,
    "mruEnabled": True,
    "queryable": True,
    "replicateable": True,
    "retrieveable": True,
    "searchable": True,
    "triggerable": True,
}
_FIELD_FLAGS: Final = {
    **dict.fromkeys(
        (
            "aiPredictionField", "autoNumber", "calculated", "cascadeDelete", "dependentPicklist",
            "deprecatedAndHidden", "displayLocationInDecimal", "encrypted", "formulaTreatNullNumberAsZero",
            "highScaleNumber", "htmlFormatted", "restrictedDelete", "writeRequiresMasterRead",
        ),
        False,
    ),
    **dict.fromkeys(
        (
            "calculatedFormula", "compoundFieldName", "controllerName", "defaultValueFormula", "filteredLookupInfo",
            "inlineHelpText", "mask", "maskType", "referenceTargetField", "relationshipOrder",
        ),
        None,
    ),
}  # fmt: skip
"""What is the same for every field here."""
_MERGEABLE: Final = frozenset({"Lead", "Contact", "Account"})


def describe_summary(schema: ObjectSchema, access: Access, *, root: str) -> dict[str, Any]:
    """The entry of an object in the global describe."""
    base = f"{root}/sobjects/{schema.name}"
    can = {
        operation: schema.writable and operation not in access.denied for operation in ("create", "update", "delete")
    }
    return {
        **_OBJECT_FLAGS,
        "createable": can["create"],
        "custom": schema.name.endswith("__c"),
        "deletable": can["delete"],
        "keyPrefix": schema.prefix,
        "label": schema.label,
        "labelPlural": schema.label_plural,
        "mergeable": schema.name in _MERGEABLE,
        "name": schema.name,
        "undeletable": can["delete"],
        "updateable": can["update"],
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def describe_object(schema: ObjectSchema, access: Access, *, root: str) -> dict[str, Any]:
    """The full describe of an object as one user sees it."""
    fields = [describe_field(item, access) for item in schema.fields.values() if item.name not in access.not_readable]
    return {
        "actionOverrides": [],
        "childRelationships": [],
        "compactLayoutable": True,
        "fields": fields,
        "lookupLayoutable": None,
        "listviewable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [],
        "searchLayoutable": True,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {schema.label_plural.lower()}", "name": "everything"}],
        **describe_summary(schema, access, root=root),
    }


def describe_field(item: Field, access: Access) -> dict[str, Any]:
    """One field with every flag a client may look at, in alphabetical order as on the platform."""
    is_number = item.type in NUMBER_TYPES
    is_editable = item.name not in access.not_editable
    told = {
        "aggregatable": item.filterable and item.type != "boolean",
        "byteLength": item.length * (_BYTES_PER_CHARACTER if item.is_text else 1),
        "caseSensitive": item.case_sensitive,
        "createable": item.createable and is_editable,
        "custom": item.custom,
        "defaultValue": item.default if item.type == "boolean" else None,
        "defaultedOnCreate": item.defaulted,
        "digits": item.precision if item.type == "int" else 0,
        "externalId": item.external_id,
        "extraTypeInfo": "plaintextarea" if item.type == "textarea" else None,
        "filterable": item.filterable,
        "groupable": item.filterable and item.type != "datetime" and not is_number,
        "idLookup": item.id_lookup or item.name == "Id",
        "label": item.label,
        "length": item.length,
        "name": item.name,
        "nameField": item.name == "Name",
        "nillable": item.nillable,
        "picklistValues": [_picklist_entry(item, value) for value in item.values],
        "precision": item.precision if is_number else 0,
        "restrictedPicklist": item.restricted,
        "scale": item.scale,
        "soapType": (_SOAP_TYPES | _SOAP_TYPES_MORE).get(item.type, "xsd:string"),
        "sortable": item.filterable,
        "type": item.type,
        "unique": item.unique,
        "updateable": item.updateable and is_editable,
    }
    return dict(sorted({**_FIELD_FLAGS, **told, **_reference_flags(item)}.items()))


def _reference_flags(item: Field) -> dict[str, Any]:
    is_polymorphic = len(item.reference_to) > 1
    return {
        "namePointing": is_polymorphic,
        "permissionable": item.nillable and item.compound is None,
        "polymorphicForeignKey": is_polymorphic,
        "queryByDistance": item.compound is not None,
        "referenceTo": list(item.reference_to),
        "relationshipName": item.relationship,
        "searchPrefilterable": item.type == "reference",
    }


def _picklist_entry(item: Field, value: str) -> dict[str, Any]:
    return {"active": True, "defaultValue": value == item.default, "label": value, "validFor": None, "value": value}

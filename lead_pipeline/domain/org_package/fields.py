"""The custom fields: which ones a mapping needs, and the shape of each: as its row declares it, else by what it takes.

Elements follow the order of Salesforce's own source files: the full name, then the others by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lead_pipeline.domain.mapping import NOTES_SOURCE, FieldMapping, ObjectMapping
from lead_pipeline.domain.org_guard import DECISION_FIELD, compared_rows, seen_field
from lead_pipeline.domain.org_package.markup import SOURCE_ROOT, Element, PackageFile, render_document, text_element
from lead_pipeline.domain.write_protocol import RECEIPT_FIELD

REVIEW_STATUS_FIELD = "Dievio_Review_Status__c"
MAX_HELP_CHARACTERS = 510  # inline help text, Salesforce limit
_ID_CHARACTERS = 36  # a UUID
_STANDARD_LENGTHS: Mapping[str, int] = {"Company": 255, "Title": 128, "Email": 80, "FirstName": 40, "LastName": 80}
_MAX_TEXT = 255
_LEAST_LONG_TEXT = 256  # characters; Salesforce makes no shorter long text area
_MAX_DIGITS = 18  # of a number, before and after the point together
_COMPARED_AS_THEY_ARE = frozenset(  # a text is never equal to them
    {"Checkbox", "Currency", "Date", "DateTime", "Number", "Percent"}
)
_MADE_BY_ADMINS = frozenset({"multipicklist", "reference"})  # `doctor` names what is missing
_NEVER_REQUIRED = frozenset({"Checkbox", "LongTextArea"})  # the element makes their deployment fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The type of a custom field, in Salesforce's own words."""

    type: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    visible_lines: int | None = None  # of a text area on the page
    is_unique_id: bool = False  # External ID, unique, case-sensitive
    values: tuple[str, ...] = ()
    is_restricted: bool = False
    default: str | None = None  # what a checkbox starts with


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomField:
    """One custom field of the package."""

    object_name: str
    name: str
    label: str
    shape: Shape
    description: str
    help_text: str = ""
    manageability: str | None = None  # fields of a custom metadata type only


def text_shape(length: int) -> Shape:
    """Return a text of so many characters."""
    return Shape(type="Text", length=length)


#: Canonical field -> the shape that holds every value of it.
SHAPES: Mapping[str, Shape] = {
    "dievio_lead_id": Shape(type="Text", length=64, is_unique_id=True),
    "email": Shape(type="Email"),
    "phone": Shape(type="Phone"),
    "website": Shape(type="Url"),
    "linkedin_url": Shape(type="Url"),
    "employee_count": Shape(type="Number", precision=18, scale=0),
    "lead_confidence_percent": Shape(type="Number", precision=3, scale=0),
    "last_enriched_at": Shape(type="DateTime"),
    "synced_at": Shape(type="DateTime"),
    "seniority": Shape(
        type="Picklist",
        values=("owner", "cxo", "partner", "vp", "director", "manager", "senior", "entry", "training", "unpaid"),
        is_restricted=True,
    ),
    "employee_band": text_shape(40),
    "email_status": text_shape(40),
    "updated_by_system": text_shape(40),
    "search_segment": text_shape(80),
    "enrichment_source": text_shape(80),
    "department": text_shape(80),
    NOTES_SOURCE: Shape(type="LongTextArea", length=32_768, visible_lines=6),
}
DEFAULT_SHAPE = text_shape(_MAX_TEXT)
#: Declared type without sizes -> its shape.
_SIZELESS: Mapping[str, Shape] = {
    "email": Shape(type="Email"),
    "phone": Shape(type="Phone"),
    "url": Shape(type="Url"),
    "date": Shape(type="Date"),
    "datetime": Shape(type="DateTime"),
    "boolean": Shape(type="Checkbox", default="false"),
}
REVIEW_STATUS = Shape(type="Picklist", values=("Verified", "Unverified", "Needs review"))


def custom_fields(mapping: ObjectMapping) -> tuple[CustomField, ...]:
    """Return the custom fields of an object, sorted by name.

    Fields that are never written belong to people and are not created, except the review status that the list view
    'Needs review' looks at. Look-ups and lists of several values need more than a mapping says: an admin makes them.
    """
    fields = [_mapped_field(mapping, row) for row in mapping.written_fields if row.is_custom and not _is_for_admin(row)]
    fields += [_seen_field(mapping, row) for row in compared_rows(mapping)]
    fields += _own_fields(mapping.object_name)
    return tuple(sorted({field.name: field for field in fields}.values(), key=lambda field: field.name))


def field_file(field: CustomField) -> PackageFile:
    """Return the source file of a custom field."""
    path = f"{SOURCE_ROOT}/objects/{field.object_name}/fields/{field.name}.field-meta.xml"
    return PackageFile(path, render_document("CustomField", field_elements(field)))


def field_elements(field: CustomField) -> tuple[Element, ...]:
    """Return the elements of a custom field, the full name first, then by name."""
    shape = field.shape
    values: dict[str, object] = {
        "description": field.description,
        "externalId": shape.is_unique_id,
        "label": field.label,
        "required": False,
        "type": shape.type,
    }
    if field.help_text:
        values["inlineHelpText"] = field.help_text[:MAX_HELP_CHARACTERS]
    if shape.type in _NEVER_REQUIRED:
        del values["required"]
    optional: dict[str, object | None] = {
        "length": shape.length,
        "precision": shape.precision,
        "scale": shape.scale,
        "visibleLines": shape.visible_lines,
        "defaultValue": shape.default,
        "fieldManageability": field.manageability,
    }
    values |= {name: value for name, value in optional.items() if value is not None}
    if shape.is_unique_id:
        values |= {"caseSensitive": True, "unique": True}
    elements = [text_element(name, value) for name, value in values.items()]
    if shape.values:
        elements.append(_value_set(shape))
    return (text_element("fullName", field.name), *sorted(elements, key=lambda element: element.name))


def _value_set(shape: Shape) -> Element:
    values = tuple(
        Element(
            "value",
            (text_element("fullName", value), text_element("default", value=False), text_element("label", value)),
        )
        for value in shape.values
    )
    definition = Element("valueSetDefinition", (text_element("sorted", value=False), *values))
    return Element("valueSet", (text_element("restricted", shape.is_restricted), definition))


def _is_for_admin(row: FieldMapping) -> bool:
    return row.type is not None and row.type.name in _MADE_BY_ADMINS


def _mapped_field(mapping: ObjectMapping, row: FieldMapping) -> CustomField:
    return CustomField(
        object_name=mapping.object_name,
        name=row.to,
        label=row.label,
        shape=_shape_of(row),
        description=f"Written by lead_pipeline ({row.write.value}) from {row.source}. {_sentence(row.reason)}",
        help_text=_sentence(row.reason),
    )


def _shape_of(row: FieldMapping) -> Shape:
    """Return what a row declares, where it does; the field of our id is what it has to be, whatever a row says."""
    by_source = SHAPES.get(str(row.source), DEFAULT_SHAPE)
    declared = row.type
    if declared is None or by_source.is_unique_id:
        return by_source
    length = declared.length
    shapes = {
        **_SIZELESS,
        "string": text_shape(min(length or _MAX_TEXT, _MAX_TEXT)),
        "textarea": Shape(type="LongTextArea", length=max(length or 0, _LEAST_LONG_TEXT), visible_lines=6),
        "double": Shape(type="Number", precision=length or _MAX_DIGITS, scale=declared.scale or 0),
        "int": Shape(type="Number", precision=length or _MAX_DIGITS, scale=0),
        "currency": Shape(type="Currency", precision=length or _MAX_DIGITS, scale=declared.scale or 0),
        "percent": Shape(type="Percent", precision=length or _MAX_DIGITS, scale=declared.scale or 0),
        "picklist": Shape(type="Picklist", values=row.values, is_restricted=True),
    }
    return shapes.get(declared.name, by_source)


def _seen_field(mapping: ObjectMapping, row: FieldMapping) -> CustomField:
    return CustomField(
        object_name=mapping.object_name,
        name=seen_field(row.to),
        label=f"Dievio Seen {row.label}"[:40],
        shape=_seen_shape(row),
        description=f"The {row.label} that the latest update was planned with; read by the guard only.",
    )


def _seen_shape(row: FieldMapping) -> Shape:
    """Return a shape whose values a rule can compare with those of the row's field: it compares picklists as text."""
    shape = _shape_of(row)
    return shape if shape.type in _COMPARED_AS_THEY_ARE else text_shape(_STANDARD_LENGTHS.get(row.to, _MAX_TEXT))


def _own_fields(object_name: str) -> list[CustomField]:
    return [
        CustomField(
            object_name=object_name,
            name=RECEIPT_FIELD,
            label="Dievio Last Op",
            shape=text_shape(_ID_CHARACTERS),
            description="Id of the latest write by lead_pipeline: the receipt that settles a lost answer.",
        ),
        CustomField(
            object_name=object_name,
            name=DECISION_FIELD,
            label="Dievio Decision",
            shape=text_shape(_ID_CHARACTERS),
            description="Id of the latest write that carried out a person's decision; the guard lets it pass.",
        ),
        CustomField(
            object_name=object_name,
            name=REVIEW_STATUS_FIELD,
            label="Dievio Review Status",
            shape=REVIEW_STATUS,
            description="Set by the person who reviewed the record; never written by lead_pipeline.",
            help_text="What a person found out about the values from Dievio.",
        ),
    ]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."

"""The page of a lead: a layout of its own, in which our fields stand together in one section.

A layout is deployed whole, so the org's own ones are left alone: an admin gives this one to people, or drags its
section into theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lead_pipeline.domain.mapping import IDENTITY_SOURCE, ObjectMapping, WritePolicy
from lead_pipeline.domain.org_guard import is_guard_field
from lead_pipeline.domain.org_package.fields import REVIEW_STATUS_FIELD, CustomField
from lead_pipeline.domain.org_package.markup import (
    SOURCE_ROOT,
    Element,
    PackageFile,
    render_document,
    text_element,
    text_elements,
)
from lead_pipeline.domain.write_protocol import RECEIPT_FIELD

LAYOUT_NAME = "Lead-Dievio Lead Layout"
SECTION_LABEL = "Dievio"
_REQUIRED, _EDITED, _READ = "Required", "Edit", "Readonly"

_Item = tuple[str, str]  # field, what people may do with it

_WHO: tuple[Sequence[_Item], Sequence[_Item]] = (
    (
        ("Name", _REQUIRED),
        ("Company", _REQUIRED),
        ("Title", _EDITED),
        ("Email", _EDITED),
        ("Phone", _EDITED),
        ("MobilePhone", _EDITED),
        ("Website", _EDITED),
    ),
    (
        ("OwnerId", _EDITED),
        ("Status", _REQUIRED),
        ("LeadSource", _EDITED),
        ("Rating", _EDITED),
        ("Industry", _EDITED),
        ("NumberOfEmployees", _EDITED),
        ("AnnualRevenue", _EDITED),
    ),
)


def layout_file(mapping: ObjectMapping, fields: Iterable[CustomField]) -> PackageFile:
    """Return the layout of the Lead.

    Args:
        mapping: Who may change what.
        fields: The custom fields of the Lead; those that serve the guard or a lost answer are not for people.
    """
    shown = sorted(
        (field for field in fields if not is_guard_field(field.name) and field.name != RECEIPT_FIELD),
        key=lambda field: field.label,
    )
    ours = [(field.name, _behavior(mapping, field.name)) for field in shown]
    half = (len(ours) + 1) // 2
    children = (
        _section("Lead Information", _WHO),
        _section("Address Information", ((("Address", _EDITED),), ())),
        _section(SECTION_LABEL, (ours[:half], ours[half:]), is_custom=True),
        _section("Description Information", ((("Description", _EDITED),),), style="OneColumn"),
        _section("System Information", ((("CreatedById", _READ),), (("LastModifiedById", _READ),))),
        *text_elements(
            showEmailCheckbox=False,
            showHighlightsPanel=False,
            showInteractionLogPanel=False,
            showRunAssignmentRulesCheckbox=False,
            showSubmitAndAttachButton=False,
        ),
    )
    return PackageFile(f"{SOURCE_ROOT}/layouts/{LAYOUT_NAME}.layout-meta.xml", render_document("Layout", children))


def _behavior(mapping: ObjectMapping, name: str) -> str:
    """Let people change what they are right about; what the machine writes they only see."""
    policies = {row.to: row.write for row in mapping.written_fields if row.source != IDENTITY_SOURCE}
    may_edit = name == REVIEW_STATUS_FIELD or policies.get(name) in {WritePolicy.FILL_BLANK, WritePolicy.TRACKED}
    return _EDITED if may_edit else _READ


def _section(
    label: str,
    columns: Sequence[Sequence[_Item]],
    *,
    is_custom: bool = False,
    style: str = "TwoColumnsTopToBottom",
) -> Element:
    return Element(
        "layoutSections",
        (
            *text_elements(customLabel=is_custom, detailHeading=True, editHeading=True, label=label),
            *(Element("layoutColumns", tuple(_item(*item) for item in column) or "") for column in columns),
            text_element("style", style),
        ),
    )


def _item(field: str, behavior: str) -> Element:
    return Element("layoutItems", text_elements(behavior=behavior, field=field))

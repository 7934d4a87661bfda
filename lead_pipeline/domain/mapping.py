"""The mapping as data: which canonical field goes to which Salesforce field, who owns it and when it is written.

Reading a document is `mapping_document`; whether a mapping fits an org is `preflight`; what the write policies mean is
`survivorship`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property

IDENTITY_SOURCE = "dievio_lead_id"
NOTES_SOURCE = "unmapped_values"  # canonical field of the block that takes what the org has no field for
CUSTOM_SUFFIX = "__c"
VERSION_HASH_CHARACTERS = 12  # 48 bits: enough to tell mappings apart, short enough for a log line


class SourceOfTruth(StrEnum):
    """Who is right about a field when two disagree."""

    DIEVIO = "dievio"
    REP = "rep"
    SALESFORCE = "salesforce"
    INTEGRATION = "integration"


class WritePolicy(StrEnum):
    """When a field of an existing record may be written."""

    NEVER = "never"
    WRITE_ONCE = "write_once"  # only when we create the record
    FILL_BLANK = "fill_blank"  # while it is blank or holds a placeholder
    TRACKED = "tracked"  # while it is blank or still holds what we wrote last
    ALWAYS = "always"  # fields that belong to the machine


class OnConflict(StrEnum):
    """What happens when a person's value stands where a policy would like to write another."""

    KEEP = "keep"
    ESCALATE = "escalate"  # keep it and ask a person
    NEWEST = "newest"  # the later change wins; fragile, because clocks differ and our own writes count as changes


class OnInvalid(StrEnum):
    """What happens with a value that Salesforce would refuse."""

    SKIP = "skip"  # leave the field out
    REVIEW = "review"  # ask a person about the lead
    REJECT = "reject"  # do not write the lead


class Bucket(StrEnum):
    """What a field is for."""

    CORE = "core"
    ENRICHMENT = "enrichment"
    AUDIT = "audit"
    DO_NOT_WRITE = "do_not_write"


class Direction(StrEnum):
    """Which way values travel."""

    TO_CRM = "to_crm"
    FROM_CRM = "from_crm"
    BOTH = "both"


class OnUnmapped(StrEnum):
    """What happens with a value whose field the org does not have."""

    CREATE_FIELD = "create_field"  # nothing is written before somebody makes the field
    NOTES = "notes"  # it goes, with its label, into the row from `unmapped_values`
    DROP = "drop"  # leads go on without the value


class PersonalData(StrEnum):
    """What a field tells about a person."""

    NONE = "none"
    IDENTITY = "identity"
    CONTACT = "contact"
    EMPLOYMENT = "employment"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredType:
    """What kind of field a row was written for.

    Attributes:
        name: Salesforce's word, as in a describe.
        length: Characters, or digits before and after the point together; None where the type has none.
        scale: Digits after the point; None where the type has none.
    """

    name: str
    length: int | None = None
    scale: int | None = None

    def __str__(self) -> str:
        """Return it as it stands in a mapping, e.g. `double(18,0)`."""
        sizes = [str(size) for size in (self.length, self.scale) if size is not None]
        return f"{self.name}({','.join(sizes)})" if sizes else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """One row of the mapping.

    Attributes:
        to: Salesforce API name.
        source: Canonical field; None on rows that are never written.
        label: What people in Salesforce call the field.
        owner: Who is right about it.
        write: When it may be written.
        on_conflict: What happens when a person's value stands in the way.
        min_confidence: Share from 0 to 1 below which a value is not written.
        on_invalid: What happens with a value that Salesforce would refuse.
        bucket: What the field is for.
        direction: Which way its values travel.
        trim: Whether a text that is too long may be cut to the field's length.
        is_stamp: Whether the field only dates or explains a write, and so is no reason for one.
        pii: What it tells about a person.
        reason: Why it is mapped like this.
        value_map: Source value -> Salesforce value; values outside it are invalid. None takes values as they are.
        type: The kind of field it was written for; None where the mapping does not say.
        values: The picklist values it may send; empty where any text will do.
        on_unmapped: What happens when the org has no such field.
        confirm_overwrite: Whether somebody confirmed that a standard field is meant to be overwritten every night.
    """

    to: str
    source: str | None
    label: str
    owner: SourceOfTruth
    write: WritePolicy
    bucket: Bucket
    reason: str
    on_conflict: OnConflict = OnConflict.KEEP
    min_confidence: float = 0.0
    on_invalid: OnInvalid = OnInvalid.SKIP
    direction: Direction = Direction.TO_CRM
    trim: bool = False
    is_stamp: bool = False
    pii: PersonalData = PersonalData.NONE
    value_map: Mapping[str, object] | None = None
    type: DeclaredType | None = None
    values: tuple[str, ...] = ()
    on_unmapped: OnUnmapped = OnUnmapped.CREATE_FIELD
    confirm_overwrite: bool = False

    @property
    def is_custom(self) -> bool:
        """Whether the org has the field only after somebody made it."""
        return self.to.endswith(CUSTOM_SUFFIX)


#: A change of job replaces about five values: company, title, address, head count and its band.
LARGE_CHANGE_VALUES = 6


@dataclass(frozen=True, kw_only=True)
class ObjectMapping:
    """The mapping of one Salesforce object.

    Attributes:
        object_name: Lead or Contact.
        version: As declared in the file.
        fields: One row per Salesforce field.
        placeholders: Texts, in lower case, that count as blank.
        ask_from_replaced_values: An update that would replace so many filled values is asked about; 0 asks never.
    """

    object_name: str
    version: str
    fields: tuple[FieldMapping, ...]
    placeholders: frozenset[str] = field(default_factory=frozenset)
    ask_from_replaced_values: int = LARGE_CHANGE_VALUES

    @cached_property
    def written_fields(self) -> tuple[FieldMapping, ...]:
        """The rows that have a source."""
        return tuple(row for row in self.fields if row.source is not None)

    @cached_property
    def stamp_fields(self) -> frozenset[str]:
        """API names of the fields that go along with other changes only."""
        return frozenset(row.to for row in self.written_fields if row.is_stamp)

    @property
    def identity_field(self) -> str:
        """API name of the field that carries our id."""
        return next(row.to for row in self.fields if row.source == IDENTITY_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSet:
    """The mappings of one run. `mapping_version` changes with every change of their content."""

    mapping_version: str
    lead: ObjectMapping
    contact: ObjectMapping

    def for_object(self, object_name: str) -> ObjectMapping:
        """Return the mapping of an object."""
        return {"Lead": self.lead, "Contact": self.contact}[object_name]


def build_mapping_set(lead: ObjectMapping, contact: ObjectMapping) -> MappingSet:
    """Join the two mappings under one version: the declared ones and a hash of the whole content."""
    content = json.dumps([_canonical_content(lead), _canonical_content(contact)], sort_keys=True, default=str)
    digest = hashlib.sha256(content.encode()).hexdigest()[:VERSION_HASH_CHARACTERS]
    declared = lead.version if lead.version == contact.version else f"{lead.version}+{contact.version}"
    return MappingSet(mapping_version=f"{declared}-{digest}", lead=lead, contact=contact)


def _canonical_content(mapping: ObjectMapping) -> dict[str, object]:
    return {
        "object": mapping.object_name,
        "placeholders": sorted(mapping.placeholders),
        "ask_from_replaced_values": mapping.ask_from_replaced_values,
        "fields": [asdict(row) for row in mapping.fields],
    }

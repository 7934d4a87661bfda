"""The mapping as data: which canonical field goes to which Salesforce field, who owns it and when it is written.

Reading the YAML files is `config/loading`; whether a mapping fits an org is `preflight`; what the write policies mean
is `survivorship`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Any, cast

from lead_pipeline.domain.leads import CANONICAL_FIELDS
from lead_pipeline.errors import ConfigurationProblem, InvalidDocumentError

IDENTITY_SOURCE = "dievio_lead_id"
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


class PersonalData(StrEnum):
    """What a field tells about a person."""

    NONE = "none"
    IDENTITY = "identity"
    CONTACT = "contact"
    EMPLOYMENT = "employment"


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


@dataclass(frozen=True, kw_only=True)
class ObjectMapping:
    """The mapping of one Salesforce object; `placeholders` are texts, in lower case, that count as blank."""

    object_name: str
    version: str
    fields: tuple[FieldMapping, ...]
    placeholders: frozenset[str] = field(default_factory=frozenset)

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


def parse_mapping(document: Mapping[str, object]) -> ObjectMapping:
    """Turn a mapping document, which obeys its schema, into a mapping.

    Raises:
        InvalidDocumentError: The document contradicts itself; every contradiction is named.
    """
    mapping = ObjectMapping(
        object_name=str(document["object"]),
        version=str(document["version"]),
        placeholders=frozenset(text.strip().lower() for text in cast("Sequence[str]", document["placeholders"])),
        fields=tuple(_parse_row(row) for row in cast("Sequence[Mapping[str, Any]]", document["fields"])),
    )
    problems = tuple(_find_problems(mapping))
    if problems:
        raise InvalidDocumentError(problems)
    return mapping


def _canonical_content(mapping: ObjectMapping) -> dict[str, object]:
    return {
        "object": mapping.object_name,
        "placeholders": sorted(mapping.placeholders),
        "fields": [asdict(row) for row in mapping.fields],
    }


def _parse_row(row: Mapping[str, Any]) -> FieldMapping:
    value_map = row.get("value_map")
    return FieldMapping(
        to=row["to"],
        source=row.get("from"),
        label=row["label"],
        owner=SourceOfTruth(row["owner"]),
        write=WritePolicy(row["write"]),
        bucket=Bucket(row["bucket"]),
        reason=row["reason"],
        on_conflict=OnConflict(row.get("on_conflict", OnConflict.KEEP)),
        min_confidence=row.get("min_confidence", 0.0),
        on_invalid=OnInvalid(row.get("on_invalid", OnInvalid.SKIP)),
        direction=Direction(row.get("direction", Direction.TO_CRM)),
        trim=row.get("trim", False),
        is_stamp=row.get("is_stamp", False),
        pii=PersonalData(row.get("pii", PersonalData.NONE)),
        value_map=None if value_map is None else dict(value_map),
    )


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """A combination that cannot be meant: the test, what is wrong and the repair."""

    applies: Callable[[FieldMapping], bool]
    what: str
    repair: str


_CONTRADICTIONS = (
    _Contradiction(
        lambda row: row.owner is SourceOfTruth.REP and row.write in {WritePolicy.ALWAYS, WritePolicy.TRACKED},
        "a field that belongs to reps would be overwritten",
        "Use fill_blank or never, or name another owner",
    ),
    _Contradiction(
        lambda row: (
            row.owner is SourceOfTruth.SALESFORCE and row.write not in {WritePolicy.NEVER, WritePolicy.WRITE_ONCE}
        ),
        "a field that belongs to Salesforce would be written on existing records",
        "Use never or write_once, or name another owner",
    ),
    _Contradiction(
        lambda row: (row.bucket is Bucket.DO_NOT_WRITE) is not (row.write is WritePolicy.NEVER),
        "bucket do_not_write and write never go together",
        "Set both or neither",
    ),
    _Contradiction(
        lambda row: row.write is WritePolicy.NEVER and row.source is not None,
        "a field that is never written has a source",
        "Remove from, or choose another write policy",
    ),
    _Contradiction(
        lambda row: row.write is not WritePolicy.NEVER and row.source is None,
        "a field that is written has no source",
        "Add from, or set write to never and bucket to do_not_write",
    ),
    _Contradiction(
        lambda row: row.direction is Direction.FROM_CRM and row.write is not WritePolicy.NEVER,
        "a field that only comes from the CRM would be written to it",
        "Use direction to_crm or both, or set write to never",
    ),
    _Contradiction(
        lambda row: (
            row.on_conflict is not OnConflict.KEEP and row.write not in {WritePolicy.FILL_BLANK, WritePolicy.TRACKED}
        ),
        "on_conflict has no meaning with this write policy",
        "Remove it, or use fill_blank or tracked",
    ),
    _Contradiction(
        lambda row: row.is_stamp and row.write is not WritePolicy.ALWAYS,
        "a stamp has to be written with every change",
        "Use write always, or remove is_stamp",
    ),
    _Contradiction(
        lambda row: row.source == IDENTITY_SOURCE and row.write is not WritePolicy.FILL_BLANK,
        "our id is given once and never moves",
        "Use write fill_blank",
    ),
)


def _find_problems(mapping: ObjectMapping) -> Iterator[ConfigurationProblem]:
    counts = Counter(row.to.lower() for row in mapping.fields)
    for number, row in enumerate(mapping.fields):
        place = f"mapping of {mapping.object_name}: fields[{number}] (to: {row.to})"
        for rule in _CONTRADICTIONS:
            if rule.applies(row):
                yield ConfigurationProblem(place, what=rule.what, repair=rule.repair)
        if row.source is not None and row.source not in CANONICAL_FIELDS:
            yield ConfigurationProblem(
                place, what=f"there is no canonical field {row.source}", repair=_suggest_source(row.source)
            )
        if counts[row.to.lower()] > 1:
            yield ConfigurationProblem(place, what="this field has two rows", repair="Keep one of them")
    if sum(row.source == IDENTITY_SOURCE for row in mapping.fields) != 1:
        yield ConfigurationProblem(
            f"mapping of {mapping.object_name}",
            what=f"not exactly one row writes {IDENTITY_SOURCE}; a lost answer could not be told from a refusal",
            repair=f"Map one field from {IDENTITY_SOURCE}",
        )


def _suggest_source(name: str) -> str:
    nearest = get_close_matches(name, CANONICAL_FIELDS, n=1)
    return f"Did you mean {nearest[0]}? (from:)" if nearest else f"Use one of: {', '.join(CANONICAL_FIELDS)}"

"""The mapping as a document for people: every field with its owner, when it is written, and why.

Pure words and order. The HTML around them is drawn in `services/mapping_page`; what the words mean for a single lead is
`survivorship`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.domain.leads import CANONICAL_FIELDS
from lead_pipeline.domain.mapping import (
    Bucket,
    Direction,
    FieldMapping,
    MappingSet,
    ObjectMapping,
    OnConflict,
    OnInvalid,
    OnUnmapped,
    PersonalData,
    SourceOfTruth,
    WritePolicy,
)

OWNER_WORDS: Mapping[SourceOfTruth, str] = {
    SourceOfTruth.DIEVIO: "Dievio",
    SourceOfTruth.REP: "the rep",
    SourceOfTruth.SALESFORCE: "Salesforce",
    SourceOfTruth.INTEGRATION: "this integration",
}
POLICY_WORDS: Mapping[WritePolicy, str] = {
    WritePolicy.NEVER: "never",
    WritePolicy.WRITE_ONCE: "once, in a new record",
    WritePolicy.FILL_BLANK: "only while it is blank",
    WritePolicy.TRACKED: "while blank, or still what we wrote",
    WritePolicy.ALWAYS: "every time",
}
POLICY_MEANINGS: Mapping[WritePolicy, str] = {
    WritePolicy.FILL_BLANK: "A value that a person entered is never replaced, and one that was removed stays removed.",
    WritePolicy.TRACKED: "Kept fresh as long as nobody else changes it. The first correction by a person ends that.",
    WritePolicy.WRITE_ONCE: "Set in a record that we create, and left alone ever after.",
    WritePolicy.ALWAYS: "Belongs to the machine. What a person enters there is replaced.",
    WritePolicy.NEVER: "Ours to read at most. Nothing we do changes it.",
}
CONFLICT_WORDS: Mapping[OnConflict, str] = {
    OnConflict.KEEP: "the person's value stays",
    OnConflict.ESCALATE: "the person's value stays and somebody is asked",
    OnConflict.NEWEST: "the later change wins",
}
INVALID_WORDS: Mapping[OnInvalid, str] = {
    OnInvalid.SKIP: "does not fit: left out",
    OnInvalid.REVIEW: "does not fit: somebody is asked",
    OnInvalid.REJECT: "does not fit: the lead is not written",
}
UNMAPPED_WORDS: Mapping[OnUnmapped, str] = {
    OnUnmapped.CREATE_FIELD: "no such field: nothing is written",
    OnUnmapped.NOTES: "no such field: the value goes into the notes",
    OnUnmapped.DROP: "no such field: the value is dropped",
}
DIRECTION_WORDS: Mapping[Direction, str] = {
    Direction.TO_CRM: "to Salesforce",
    Direction.FROM_CRM: "from Salesforce",
    Direction.BOTH: "both ways",
}
PERSONAL_WORDS: Mapping[PersonalData, str] = {
    PersonalData.NONE: "no",
    PersonalData.IDENTITY: "identity",
    PersonalData.CONTACT: "contact",
    PersonalData.EMPLOYMENT: "employment",
}
BUCKET_TITLES: Mapping[Bucket, str] = {
    Bucket.CORE: "Fields that people work with",
    Bucket.ENRICHMENT: "Enrichment",
    Bucket.AUDIT: "Traces of the synchronization",
    Bucket.DO_NOT_WRITE: "Never written",
}
OBJECT_NOTES: Mapping[str, str] = {
    "Lead": "New people become Leads; known Leads are updated by the rules below. A converted Lead is never changed.",
    "Contact": "People who are customers already. Contacts are updated, never created.",
}
_COLUMNS = (
    "field", "API name", "type", "value", "read from", "who is right", "written", "conditions", "direction",
    "personal data", "why",
)  # fmt: skip
CONFLICTING_POLICIES = frozenset({WritePolicy.FILL_BLANK, WritePolicy.TRACKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedField:
    """One row of the document, in words."""

    label: str
    api_name: str
    type: str
    origin: str  # what the value is; empty where the field is never written
    keys: tuple[str, ...]  # cells of the source's row that it is read from, the first filled one wins
    owner: str
    policy: str
    conditions: tuple[str, ...]
    direction: str
    personal_data: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedBucket:
    """The fields of one purpose."""

    title: str
    fields: tuple[DocumentedField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedObject:
    """One Salesforce object."""

    name: str
    version: str
    note: str
    written: int
    untouched: int
    buckets: tuple[DocumentedBucket, ...]
    unmapped: tuple[tuple[str, str], ...]  # value that no field takes, and its meaning
    placeholders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingDocument:
    """The whole mapping."""

    version: str
    source: str
    policies: tuple[tuple[str, str], ...]
    objects: tuple[DocumentedObject, ...]


def document_mapping(mappings: MappingSet, source: SourceMapping) -> MappingDocument:
    """Put a mapping into words, with the cells of the source that each value is read from."""
    return MappingDocument(
        version=mappings.mapping_version,
        source=f"{source.label}, version {source.version}",
        policies=tuple((POLICY_WORDS[policy], meaning) for policy, meaning in POLICY_MEANINGS.items()),
        objects=tuple(_document_object(mapping, source) for mapping in (mappings.lead, mappings.contact)),
    )


def draw_markdown(document: MappingDocument) -> str:
    """Return the document as Markdown."""
    return "\n".join(_markdown_lines(document)) + "\n"


def _document_object(mapping: ObjectMapping, source: SourceMapping) -> DocumentedObject:
    mapped = {row.source for row in mapping.fields}
    return DocumentedObject(
        name=mapping.object_name,
        version=mapping.version,
        note=f"{OBJECT_NOTES[mapping.object_name]} {_say_large_change(mapping.ask_from_replaced_values)}".rstrip(),
        written=len(mapping.written_fields),
        untouched=len(mapping.fields) - len(mapping.written_fields),
        buckets=tuple(
            DocumentedBucket(title=title, fields=found)
            for bucket, title in BUCKET_TITLES.items()
            if (found := tuple(_document_row(row, source) for row in mapping.fields if row.bucket is bucket))
        ),
        unmapped=tuple((name, meaning) for name, meaning in CANONICAL_FIELDS.items() if name not in mapped),
        placeholders=tuple(sorted(mapping.placeholders)),
    )


def _say_large_change(least: int) -> str:
    if not least:
        return ""
    return f"Before {least} filled values of a record or more are replaced at once, a person is asked."


def _document_row(row: FieldMapping, source: SourceMapping) -> DocumentedField:
    return DocumentedField(
        label=row.label,
        api_name=row.to,
        type=str(row.type or "as the org has it"),
        origin=CANONICAL_FIELDS[row.source] if row.source else "",
        keys=tuple(path.text for path in source.fields.get(row.source or "", ())),
        owner=OWNER_WORDS[row.owner],
        policy=POLICY_WORDS[row.write],
        conditions=tuple(_conditions(row)),
        direction=DIRECTION_WORDS[row.direction],
        personal_data=PERSONAL_WORDS[row.pii],
        reason=row.reason,
    )


def _conditions(row: FieldMapping) -> Iterator[str]:
    """Yield what else holds for a row that is written."""
    if row.source is None:
        return
    if row.write in CONFLICTING_POLICIES:
        yield f"conflict: {CONFLICT_WORDS[row.on_conflict]}"
    if row.min_confidence:
        yield f"from a confidence of {row.min_confidence:.0%}"
    if row.is_stamp:
        yield "only along with another change"
    if row.value_map is not None:
        yield "as " + ", ".join(f"{before} → {after}" for before, after in row.value_map.items())
    if row.values:
        yield f"one of {', '.join(row.values)}"
    if row.trim:
        yield "too long: cut, and recorded"
    yield INVALID_WORDS[row.on_invalid]
    if row.is_custom:
        yield UNMAPPED_WORDS[row.on_unmapped]


def _markdown_lines(document: MappingDocument) -> Iterator[str]:
    yield f"# What is written to Salesforce\n\nMapping `{document.version}`, source: {document.source}.\n"
    yield "## When a field is written\n"
    yield from (f"- **{words}**: {meaning}" for words, meaning in document.policies)
    for part in document.objects:
        yield f"\n## {part.name}\n\n{part.note} {part.written} fields are written, {part.untouched} never.\n"
        for bucket in part.buckets:
            yield f"### {bucket.title}\n"
            yield from _markdown_table(bucket)
        yield "### Values that no field takes\n"
        yield from (f"- `{name}`: {meaning}" for name, meaning in part.unmapped)
        yield f"\nCounted as blank: {', '.join(f'`{text}`' for text in part.placeholders)}"
    yield "\n## Agreed\n\n| name | role | date |\n|---|---|---|\n| | | |\n| | | |"


def _markdown_table(bucket: DocumentedBucket) -> Iterator[str]:
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"|{'---|' * len(_COLUMNS)}"
    for row in bucket.fields:
        cells = (
            row.label,
            f"`{row.api_name}`",
            row.type,
            row.origin,
            ", ".join(f"`{key}`" for key in row.keys),
            row.owner,
            row.policy,
            "; ".join(row.conditions),
            row.direction,
            row.personal_data,
            row.reason,
        )
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""

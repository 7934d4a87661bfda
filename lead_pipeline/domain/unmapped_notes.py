"""Values whose field the org does not have, as one block of text in a field that it has.

Rows with `on_unmapped: notes` go here. The block holds nothing that changes by itself, no date and no score of a night,
so that a record is not touched again for it. Whether it may be written is decided like any other field in
`survivorship`; which rows of a mapping make sense is checked in `mapping_document`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lead_pipeline.domain.enrichment.merging import UNVERIFIED_FLAG
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.mapping import NOTES_SOURCE, FieldMapping
from lead_pipeline.domain.value_equality import is_blank
from lead_pipeline.domain.write_places import WritePlace

HEADING = "From Dievio:"
MAX_NOTE_CHARACTERS = 4_000  # a screen or two: a text that nobody reads to its end is no note
MAX_VALUE_CHARACTERS = 255  # of one value; the longest that Dievio is known to send are lists of technologies
_CUT_MARK = "…"


def with_note(lead: NormalizedLead, place: WritePlace) -> NormalizedLead:
    """Add the block to a lead's values where the mapping has a field for it.

    Args:
        lead: The lead with all its values.
        place: What it may be written to.
    """
    if not place.noted_rows:
        return lead
    note = build_note(
        place.noted_rows, lead, placeholders=place.mapping.placeholders, most_characters=place.note_characters
    )
    return lead if note is None else replace(lead, values={**lead.values, NOTES_SOURCE: note})


def build_note(
    rows: Sequence[FieldMapping], lead: NormalizedLead, *, placeholders: frozenset[str], most_characters: int
) -> str | None:
    """Return the block: a heading, then `label: value` line by line in the order of the mapping; None without values.

    Lines that would not fit whole are left out.

    Args:
        rows: The rows whose field the org does not have.
        lead: The lead.
        placeholders: Texts, in lower case, that count as blank.
        most_characters: What the field takes.
    """
    note, limit = HEADING, min(most_characters, MAX_NOTE_CHARACTERS)
    for line in _lines(rows, lead, placeholders=placeholders):
        if len(note) + 1 + len(line) <= limit:
            note = f"{note}\n{line}"
    return note if note != HEADING else None


def _lines(rows: Sequence[FieldMapping], lead: NormalizedLead, *, placeholders: frozenset[str]) -> Iterator[str]:
    for row in rows:
        source = str(row.source)
        value = _in_words(lead.values.get(source), row.value_map)
        is_sure = _share(lead, source) >= row.min_confidence and UNVERIFIED_FLAG + source not in lead.flags
        if is_sure and not is_blank(value, placeholders):
            yield f"{row.label}: {_shorten(str(value))}"


def _in_words(value: object, value_map: Mapping[str, object] | None) -> object:
    return value if value_map is None else value_map.get(str(value))


def _share(lead: NormalizedLead, source: str) -> float:
    confidence = lead.confidences.get(source)
    return 1.0 if confidence is None else confidence.share


def _shorten(text: str) -> str:
    """Return a value on one line."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_VALUE_CHARACTERS else line[: MAX_VALUE_CHARACTERS - 1].rstrip() + _CUT_MARK

"""Whether a source still sends what its mapping expects: missing, renamed and new keys of a whole batch.

Rows that break the contract one by one are quarantined in `normalize/lead`; whether drift closes the gate is decided
where gates are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz

from lead_pipeline.domain.extraction import SourceMapping, is_unknown_key

#: A new key so near to a missing one is taken for its new name: "companyname" for "company_name" scores 96,
#: "org_name" for "company_name" 60.
RENAME_SCORE = 80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenamedField:
    """A value that no known key carries any more, and the new key that looks like it."""

    field: str
    new_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What changed in a batch. Names of keys and counts of rows only."""

    row_count: int
    missing: tuple[str, ...]  # expected values that no row carries
    renamed: tuple[RenamedField, ...]
    new_keys: Mapping[str, int]  # key -> rows that have it

    @property
    def has_drift(self) -> bool:
        """Whether an expected value is gone, under its name or altogether; new keys alone are news, no fault."""
        return bool(self.missing or self.renamed)


def find_drift(key_counts: Mapping[str, int], *, row_count: int, mapping: SourceMapping) -> DriftReport:
    """Return what changed between the keys of a batch and what its mapping expects.

    Args:
        key_counts: Key -> number of rows that carry it, filled or not; keys of provider objects as `object.key`.
        row_count: Rows that are objects. Without any nothing can be missing.
        mapping: The contract.
    """
    new_keys = {key: count for key, count in key_counts.items() if "." not in key and is_unknown_key(key, mapping)}
    gone = [name for name in sorted(mapping.expected) if row_count and not _is_carried(name, key_counts, mapping)]
    renamed = {name: new for name in gone if (new := _find_rename(name, new_keys, mapping)) is not None}
    return DriftReport(
        row_count=row_count,
        missing=tuple(name for name in gone if name not in renamed),
        renamed=tuple(RenamedField(field=name, new_key=key) for name, key in renamed.items()),
        new_keys=dict(sorted(new_keys.items())),
    )


def _is_carried(name: str, key_counts: Mapping[str, int], mapping: SourceMapping) -> bool:
    roots = {path.root for path in mapping.fields.get(name, ())}
    scoped = roots | {f"{scope}.{root}" for scope in mapping.raw_objects for root in roots}
    return any(key_counts.get(key) for key in scoped)


def _find_rename(name: str, new_keys: Mapping[str, int], mapping: SourceMapping) -> str | None:
    known = {path.root for path in mapping.fields.get(name, ())} | {name}
    scored = [(max(_similarity(key, root) for root in known), key) for key in new_keys]
    score, key = max(scored, default=(0.0, ""))
    return key if score >= RENAME_SCORE else None


def _similarity(first: str, second: str) -> float:
    return fuzz.ratio(first.lower().replace("_", ""), second.lower().replace("_", ""))

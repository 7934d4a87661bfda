"""The standard duplicate rules: the same e-mail address and a similar name, on the object itself and across objects.

Belongs here: finding matches and the duplicateResult body. Whether a match stops the save: the rule's own setting,
read by saving.py. The platform's matching engine is far richer; e-mail plus fuzzy name is the part of it that a lead
sync meets. As on the platform, records saved in the same chunk are not compared with each other.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.schema import DuplicateRule, ObjectSchema
from lead_pipeline.sandbox.salesforce_org.store import Store, quoted

_SIMILAR_NAME: Final = 0.8  # share of equal letters; lets a slip in a name of five letters pass
_CONFIDENCE: Final = 100.0
_LAST_VERSION_WITH_SLIP: Final = 56.0  # recorded answers up to v56 spell the key without its second l
_MATCH_LIMIT: Final = 20
_MATCH_FIELDS: Final = frozenset({"Email", "FirstName", "LastName"})

Show = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Match:
    """Records of one object that one matching rule found."""

    entity: str
    rule: str
    record_ids: tuple[str, ...]


def is_affected(changes: Collection[str]) -> bool:
    """Whether a change touches anything the rules compare."""
    return not _MATCH_FIELDS.isdisjoint(changes)


def find_matches(
    store: Store, rule: DuplicateRule, *, row: Mapping[str, Any], apart_from: Collection[str]
) -> tuple[Match, ...]:
    """Look up similar records for a person about to be saved.

    Args:
        store: the org's records.
        rule: which objects to compare with.
        row: the record as it would be saved.
        apart_from: ids that do not count (the record itself, records of the same chunk).
    """
    if not row.get("Email"):
        return ()
    found = []
    for entity, matching_rule in rule.compares:
        open_only = " AND IsConverted = 0" if entity == "Lead" else ""
        rows = store.all(
            f"SELECT Id, FirstName, LastName FROM {quoted(entity)} WHERE Email = ? AND IsDeleted = 0{open_only} "
            f"ORDER BY _row LIMIT {_MATCH_LIMIT}",
            [row["Email"]],
        )
        ids = tuple(
            record_id
            for record_id, first, last in rows
            if record_id not in apart_from
            and _similar(row.get("LastName"), last)
            and _similar_first(row.get("FirstName"), first)
        )
        if ids:
            found.append(Match(entity, matching_rule, ids))
    return tuple(found)


def duplicates_fault(
    schema: ObjectSchema,
    rule: DuplicateRule,
    *,
    matches: Collection[Match],
    version: float,
    allow: bool,
    show: Show | None = None,
) -> SalesforceFault:
    """The refusal with its duplicateResult, spelled as the API version does; `show` adds the values of the matches."""
    refusal = fault("DUPLICATES_DETECTED", text=rule.message)
    key = "duplicateResut" if version <= _LAST_VERSION_WITH_SLIP else "duplicateResult"
    refusal.extra[key] = {
        "allowSave": allow,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": schema.name,
        "errorMessage": rule.message,
        "matchResults": [_match_result(match, version, show=show) for match in matches],
    }
    return refusal


def _match_result(match: Match, version: float, *, show: Show | None) -> dict[str, Any]:
    return {
        "entityType": match.entity,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": [
            {
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": _CONFIDENCE,
                "record": {
                    "attributes": {
                        "type": match.entity,
                        "url": f"/services/data/v{version:.1f}/sobjects/{match.entity}/{record_id}",
                    },
                    "Id": record_id,
                    **(show(record_id) if show else {}),
                },
            }
            for record_id in match.record_ids
        ],
        "rule": match.rule,
        "size": len(match.record_ids),
        "success": True,
    }


def _similar(left: str | None, right: str | None) -> bool:
    first, second = (left or "").casefold(), (right or "").casefold()
    return first == second or SequenceMatcher(None, first, second).ratio() >= _SIMILAR_NAME


def _similar_first(left: str | None, right: str | None) -> bool:
    first, second = (left or "").casefold().rstrip("."), (right or "").casefold().rstrip(".")
    if not first or not second:
        return True
    is_initial = min(len(first), len(second)) == 1 and first[0] == second[0]
    return is_initial or first.startswith(second) or second.startswith(first) or _similar(first, second)

"""Thresholds and field lists of the gates, as configured. What a gate does with them is up to `services/gates`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lead_pipeline.domain.enrichment.policy import BudgetRules
from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.domain.mapping import ObjectMapping, WritePolicy
from lead_pipeline.problems import ConfigurationProblem

PROTECTING_POLICIES = frozenset({WritePolicy.NEVER, WritePolicy.WRITE_ONCE})  # leave existing records alone


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """Thresholds and field lists of the gates."""

    spot_check_records: int
    max_creates: int
    max_changed_share: float  # 0 to 1: non-blank values replaced, of all non-blank values looked at
    max_unreadable_share: float  # 0 to 1: delivered rows that are not even an object
    protected_fields: tuple[str, ...]  # never written on an existing record
    required_fields: Mapping[str, tuple[str, ...]]  # object -> fields
    source_fields: tuple[str, ...]
    freshness_fields: tuple[str, ...]
    phone_fields: tuple[str, ...]
    email_fields: tuple[str, ...]
    country_fields: tuple[str, ...]
    url_fields: tuple[str, ...]
    source: SourceMapping | None = None  # what delivered rows should hold; None: drift is judged by the last batch
    enrichment_budget: BudgetRules | None = None  # credits a day; None: nobody set a limit


def parse_gate_settings(
    document: Mapping[str, Any],
    *,
    source: SourceMapping | None = None,
    enrichment_budget: BudgetRules | None = None,
) -> GateSettings:
    """Read the thresholds of a document that obeys `gates.schema.json`.

    Args:
        document: The thresholds.
        source: What delivered rows should hold.
        enrichment_budget: Credits of enrichment a day.
    """
    risk, formats = document["risk_box"], document["formats"]
    return GateSettings(
        spot_check_records=document["spot_check_records"],
        max_creates=risk["max_creates"],
        max_changed_share=risk["max_changed_share"],
        max_unreadable_share=risk["max_unreadable_share"],
        protected_fields=tuple(risk["protected_fields"]),
        required_fields={name: tuple(fields) for name, fields in document["required_fields"].items()},
        source_fields=tuple(document["source_fields"]),
        freshness_fields=tuple(document["freshness_fields"]),
        phone_fields=tuple(formats["phone"]),
        email_fields=tuple(formats["email"]),
        country_fields=tuple(formats["country"]),
        url_fields=tuple(formats["url"]),
        source=source,
        enrichment_budget=enrichment_budget,
    )


def find_gate_contradictions(
    document: Mapping[str, Any], mappings: Sequence[ObjectMapping]
) -> Iterator[ConfigurationProblem]:
    """Yield what gates and mappings, each sound by itself, contradict each other in.

    Args:
        document: The gates, obeying their schema.
        mappings: The mappings of every object.
    """
    written = {row.to for mapping in mappings for row in mapping.written_fields}
    changed = {row.to for mapping in mappings for row in mapping.fields if row.write not in PROTECTING_POLICIES}
    for number, name in enumerate(document["risk_box"]["protected_fields"]):
        if name in changed:
            yield ConfigurationProblem(
                "",
                what=f"{name} is protected here, but the mapping changes it, so no batch would pass",
                repair="Take it out here, or set its write to never or write_once in the mapping",
                code="protected_field_written",
                path=("risk_box", "protected_fields", number),
            )
    for key in ("source_fields", "freshness_fields"):
        for number, name in enumerate(document[key]):
            if name not in written:
                nearest = get_close_matches(name, sorted(written), n=1)
                yield ConfigurationProblem(
                    "",
                    what=f"the gate looks for {name}, which no mapping writes",
                    repair=f"Did you mean {nearest[0]}?" if nearest else "Map it, or take it out here",
                    code="gate_without_field",
                    path=(key, number),
                )

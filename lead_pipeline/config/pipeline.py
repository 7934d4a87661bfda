"""The whole configuration of a run, read and checked at once. What each part means is told by its domain module."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.extraction import SourceMapping, parse_source_mapping
from lead_pipeline.domain.gate_settings import GateSettings, parse_gate_settings
from lead_pipeline.domain.mapping import MappingSet, ObjectMapping, build_mapping_set, parse_mapping
from lead_pipeline.domain.matching import MatchingPolicy, parse_matching_policy
from lead_pipeline.domain.ownership import OwnerRules, parse_owner_rules
from lead_pipeline.domain.routing import RoutingRules, parse_routing_rules
from lead_pipeline.domain.segments import Segment, parse_segments


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    """What the YAML files say."""

    segments: tuple[Segment, ...]
    source: SourceMapping
    matching: MatchingPolicy
    mappings: MappingSet
    routing: RoutingRules
    gates: GateSettings
    owners: OwnerRules

    @property
    def fields_by_object(self) -> Mapping[str, Collection[str]]:
        """Object -> every field the mapping names, those it never writes included."""
        return {
            mapping.object_name: frozenset(row.to for row in mapping.fields)
            for mapping in (self.mappings.lead, self.mappings.contact)
        }


def load_pipeline_config(directory: Path | None) -> PipelineConfig:
    """Read every configuration file, the operator's own first.

    Args:
        directory: The operator's configuration; a file missing there falls back to the packaged default.

    Raises:
        ConfigurationError: A file has flaws; each is named with its place.
    """

    def mapping(name: str) -> ObjectMapping:
        return parse_mapping(load_document(f"mapping/{name}", directory=directory))

    source = parse_source_mapping(load_document("sources/dievio", directory=directory, schema="source_mapping"))
    return PipelineConfig(
        segments=parse_segments(load_document("segments", directory=directory)),
        source=source,
        matching=parse_matching_policy(load_document("matching", directory=directory)),
        mappings=build_mapping_set(mapping("lead"), mapping("contact")),
        routing=parse_routing_rules(load_document("routing", directory=directory)),
        gates=parse_gate_settings(load_document("gates", directory=directory), source=source),
        owners=parse_owner_rules(load_document("owners", directory=directory)),
    )

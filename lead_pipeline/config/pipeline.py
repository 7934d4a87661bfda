"""The whole configuration of a run, read and checked at once. What each part means is told by its domain module."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from lead_pipeline.config.loading import find_stray_files, load_parsed
from lead_pipeline.domain.campaigns import CampaignRules, parse_campaign_rules
from lead_pipeline.domain.companies import CompanyPolicy, parse_company_policy
from lead_pipeline.domain.enrichment.measure_rules import MeasureRules, parse_measure_rules
from lead_pipeline.domain.enrichment.policy import EnrichmentPolicy, parse_enrichment_policy
from lead_pipeline.domain.extraction import SourceMapping, parse_source_mapping
from lead_pipeline.domain.gate_settings import GateSettings, find_gate_contradictions, parse_gate_settings
from lead_pipeline.domain.mapping import MappingSet, ObjectMapping, build_mapping_set
from lead_pipeline.domain.mapping_document import check_sound_rows, parse_mapping
from lead_pipeline.domain.matching import MatchingPolicy, parse_matching_policy
from lead_pipeline.domain.ownership import OwnerRules, parse_owner_rules
from lead_pipeline.domain.routing import RoutingRules, parse_routing_rules
from lead_pipeline.domain.segments import Segment, parse_segments
from lead_pipeline.errors import ConfigurationError, InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

T = TypeVar("T")
CONTACT_API = "contact_api"  # the second enrichment provider, and its document

#: Documents that every run reads; each of the others belongs to one client.
PIPELINE_DOCUMENTS = frozenset(
    {
        "sources/dievio", "mapping/lead", "mapping/contact", "segments", "matching", "routing", "gates", "owners",
        "enrichment", "enrichment_measures", "companies", "campaigns",
    }
)  # fmt: skip


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
    companies: CompanyPolicy
    campaigns: CampaignRules
    enrichment: EnrichmentPolicy
    measures: MeasureRules

    @property
    def fields_by_object(self) -> Mapping[str, Collection[str]]:
        """Object -> every field the mapping names, those it never writes included."""
        return {
            mapping.object_name: frozenset(row.to for row in mapping.fields)
            for mapping in (self.mappings.lead, self.mappings.contact)
        }


def load_pipeline_config(directory: Path | None) -> PipelineConfig:
    """Read every configuration file, the operator's own first.

    Those of a second enrichment provider as well, where it is named: it is opened in the middle of a run, and what is
    wrong with its files has to be said before anything is bought.

    Args:
        directory: The operator's configuration; a file missing there falls back to the packaged default.

    Raises:
        ConfigurationError: A file has flaws; those of all files are named, each with its place.
    """
    problems: list[ConfigurationProblem] = [*find_stray_files(directory)]

    def read(name: str, parse: Callable[[Mapping[str, Any]], T], **options: Any) -> T:  # noqa: ANN401  # as load_parsed
        try:
            return load_parsed(name, parse, directory=directory, **options)
        except ConfigurationError as error:
            problems.extend(problems_of(error))
            return cast("T", None)  # never looked at: the problems are raised below

    source = read("sources/dievio", parse_source_mapping)
    lead = read("mapping/lead", parse_mapping, check_rest=check_sound_rows)
    contact = read("mapping/contact", parse_mapping, check_rest=check_sound_rows)
    segments = read("segments", parse_segments)
    matching = read("matching", parse_matching_policy)
    routing = read("routing", parse_routing_rules)
    enrichment = read("enrichment", parse_enrichment_policy)
    if enrichment is not None and CONTACT_API in enrichment.providers:
        read(CONTACT_API, dict)
        read(f"sources/{CONTACT_API}", parse_source_mapping)
    measures = read("enrichment_measures", parse_measure_rules)
    gates = read("gates", partial(_parse_gates, source=source, mappings=(lead, contact), enrichment=enrichment))
    owners, companies = read("owners", parse_owner_rules), read("companies", parse_company_policy)
    campaigns = read("campaigns", partial(parse_campaign_rules, segments=segments))
    if problems:
        raise InvalidDocumentError(problems)
    return PipelineConfig(
        segments=segments,
        source=source,
        matching=matching,
        mappings=build_mapping_set(lead, contact),
        routing=routing,
        gates=gates,
        owners=owners,
        companies=companies,
        campaigns=campaigns,
        enrichment=enrichment,
        measures=measures,
    )


def _parse_gates(
    document: Mapping[str, Any],
    *,
    source: SourceMapping,
    mappings: Sequence[ObjectMapping | None],
    enrichment: EnrichmentPolicy | None,
) -> GateSettings:
    """Return the thresholds, held against the mappings that could be read.

    Raises:
        InvalidDocumentError: A gate could never pass, or looks at a field that nothing writes.
    """
    sound = [mapping for mapping in mappings if mapping is not None]
    problems = [*find_gate_contradictions(document, sound)] if len(sound) == len(mappings) else []
    if problems:
        raise InvalidDocumentError(problems)
    budget = enrichment.budget if enrichment is not None else None
    return parse_gate_settings(document, source=source, enrichment_budget=budget)


def problems_of(error: ConfigurationError) -> tuple[ConfigurationProblem, ...]:
    """Return what an error names, one entry per thing to mend."""
    if isinstance(error, InvalidDocumentError):
        return error.problems
    return (ConfigurationProblem(error.place, what=error.what, repair=error.repair, code="unreadable"),)

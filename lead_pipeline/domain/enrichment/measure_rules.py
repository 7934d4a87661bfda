"""What `config/enrichment_measures.yaml` says, typed: windows, assumptions and expectations of the measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

DOCUMENT = "enrichment_measures"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyBand:
    """Accuracy to be expected of one kind of data, as shares, and how much depends on it."""

    low: float
    high: float
    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRules:
    """From which age on a record is flagged, and whether and from when on it is suppressed."""

    flag_after: timedelta
    suppress: bool
    suppress_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRules:
    """How the worth of enrichment is measured.

    Attributes:
        window: What every measure looks back on.
        completeness_fields: Canonical fields shown before and after.
        minutes_saved_per_value: Assumed minutes that a person takes to find and type one value.
        credit_price: What a credit costs; None where nobody said so.
        currency: Of the price.
        untouched_statuses: Lead statuses of which nobody has done anything.
        responded_statuses: Lead statuses that say that the person answered.
        min_values: Fewer values than that say nothing about accuracy.
        bands: Canonical field -> expectation.
        stale: Records that nobody has looked at for too long.
    """

    window: timedelta
    completeness_fields: tuple[str, ...]
    minutes_saved_per_value: float
    credit_price: float | None
    currency: str
    untouched_statuses: tuple[str, ...]
    responded_statuses: tuple[str, ...]
    min_values: int
    bands: Mapping[str, AccuracyBand]
    stale: StaleRules


def parse_measure_rules(document: Mapping[str, object]) -> MeasureRules:
    """Build the rules of a document that obeys `enrichment_measures.schema.json`.

    Raises:
        InvalidDocumentError: Numbers contradict each other; every contradiction is named.
    """
    entry = cast("Mapping[str, Any]", document)
    if problems := tuple(_find_contradictions(entry)):
        raise InvalidDocumentError(problems)
    accuracy, stale, statuses = entry["accuracy"], entry["stale"], entry["statuses"]
    return MeasureRules(
        window=timedelta(days=entry["window_days"]),
        completeness_fields=tuple(entry["completeness_fields"]),
        minutes_saved_per_value=float(entry["minutes_saved_per_value"]),
        credit_price=None if entry["credit_price"] is None else float(entry["credit_price"]),
        currency=entry["currency"],
        untouched_statuses=tuple(statuses["untouched"]),
        responded_statuses=tuple(statuses["responded"]),
        min_values=accuracy["min_values"],
        bands={name: AccuracyBand(**band) for name, band in accuracy["bands"].items()},
        stale=StaleRules(
            flag_after=timedelta(days=stale["flag_after_days"]),
            suppress=stale["suppress"],
            suppress_after=timedelta(days=stale["suppress_after_days"]),
        ),
    )


def _find_contradictions(entry: Mapping[str, Any]) -> Iterator[ConfigurationProblem]:
    for name, band in entry["accuracy"]["bands"].items():
        if band["low"] > band["high"]:
            path = ("accuracy", "bands", name, "low")
            yield ConfigurationProblem("", what="low is above high", repair="Exchange them", path=path)
    stale = entry["stale"]
    if stale["suppress_after_days"] < stale["flag_after_days"]:
        yield ConfigurationProblem(
            "",
            what="suppress_after_days comes before flag_after_days",
            repair="Suppress only what is flagged",
            path=("stale", "suppress_after_days"),
        )

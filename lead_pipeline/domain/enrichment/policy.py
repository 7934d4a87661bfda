"""What `config/enrichment.yaml` says, typed. What is done with it is up to the modules beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from lead_pipeline.domain.confidence import DEFAULT_CONFIDENCE_THRESHOLD

DOCUMENT = "enrichment"
RECORD = "record"  # the age of the person as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who is worth a look-up: canonical field -> wanted values in lower case. An empty set means everybody."""

    wanted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unknown_passes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LowIntentRule:
    """A sign that nobody will work a lead: `field` holds one of `values`, in lower case."""

    name: str
    field: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceRules:
    """How sure a value has to be; shares from 0 to 1.

    Attributes:
        threshold: Below it a value is never written, unless its field has a threshold of its own.
        thresholds: Canonical field -> its own threshold.
        verified_share: From here on an address counts as verified even where no status says so.
        agreement_gain: Part of the remaining doubt that goes when e-mail and company have one domain.
        contradiction_loss: Part of the confidence that goes when they have two.
    """

    threshold: float = DEFAULT_CONFIDENCE_THRESHOLD
    thresholds: Mapping[str, float] = field(default_factory=dict)
    verified_share: float = 0.95
    agreement_gain: float = 0.10
    contradiction_loss: float = 0.25

    def required(self, name: str) -> float:
        """Return the least confidence with which a value of a field counts."""
        return self.thresholds.get(name, self.threshold)

    def is_sure(self, name: str, share: float) -> bool:
        """Tell whether a value may be written."""
        return share >= self.required(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """Credits of enrichment calls in one UTC day."""

    daily_credits: int
    segment_credits: Mapping[str, int] = field(default_factory=dict)
    warn_share: float = 0.80


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """The queue of people whose provider did not answer."""

    first_wait: timedelta = timedelta(minutes=30)
    max_attempts: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentPolicy:
    """Whom enrichment asks about, what it may cost, and how sure an answer has to be.

    Attributes:
        budget: Credits a day.
        providers: In the order in which they are asked.
        batch_size: Profiles a call.
        complete_when: Values that a lead must have.
        max_age: Canonical field, or RECORD -> age from which on its value is stale.
        miss_age: Age from which on a person whom a provider did not know is asked about again.
        audience: Who is worth it.
        low_intent: Signs that nobody will work the lead.
        confidence: How sure an answer has to be.
        retry: The queue of people whose provider did not answer.
        refresh_records: Stale records that one refresh takes up.
        recheck_age: Age from which on a record that was left alone is offered to a refresh again.
    """

    budget: BudgetRules
    providers: tuple[str, ...] = ("dievio",)
    batch_size: int = 20
    complete_when: tuple[str, ...] = ("email", "title", "company_name", "company_domain")
    max_age: Mapping[str, timedelta] = field(default_factory=lambda: DEFAULT_MAX_AGE)
    miss_age: timedelta = timedelta(days=90)
    audience: Audience = field(default_factory=Audience)
    low_intent: tuple[LowIntentRule, ...] = ()
    confidence: ConfidenceRules = field(default_factory=ConfidenceRules)
    retry: RetryRules = field(default_factory=RetryRules)
    refresh_records: int = 10_000
    recheck_age: timedelta = field(default_factory=lambda: timedelta(days=DEFAULT_RECHECK_DAYS))


DEFAULT_MAX_AGE: Mapping[str, timedelta] = {
    RECORD: timedelta(days=90),
    "email": timedelta(days=180),
    "phone": timedelta(days=180),
    "title": timedelta(days=90),
    "company_name": timedelta(days=90),
}

DEFAULT_RECHECK_DAYS = 7  # a new audience or intent rule shows within a week

#: Key of the audience in the document -> canonical field.
_AUDIENCE_FIELDS = {
    "industries": "industry",
    "employee_bands": "employee_band",
    "countries": "country",
    "seniorities": "seniority",
}


def parse_enrichment_policy(document: Mapping[str, object]) -> EnrichmentPolicy:
    """Build the policy of a document that obeys `enrichment.schema.json`."""
    entry = cast("Mapping[str, Any]", document)
    audience, retry = entry["audience"], entry["retry"]
    return EnrichmentPolicy(
        budget=BudgetRules(**entry["budget"]),
        providers=tuple(entry["providers"]),
        batch_size=entry["batch_size"],
        complete_when=tuple(entry["complete_when"]),
        max_age={name: timedelta(days=days) for name, days in entry["max_age_days"].items()},
        miss_age=timedelta(days=entry["miss_days"]),
        audience=Audience(
            wanted={name: _lower(audience[key]) for key, name in _AUDIENCE_FIELDS.items()},
            unknown_passes=audience["unknown_passes"],
        ),
        low_intent=tuple(
            LowIntentRule(name=rule["name"], field=rule["field"], values=_lower(rule["values"]))
            for rule in entry["low_intent"]
        ),
        confidence=ConfidenceRules(**entry["confidence"]),
        retry=RetryRules(first_wait=timedelta(minutes=retry["first_wait_minutes"]), max_attempts=retry["max_attempts"]),
        refresh_records=entry["refresh"]["max_records"],
        recheck_age=timedelta(days=entry["refresh"].get("recheck_days", DEFAULT_RECHECK_DAYS)),
    )


def _lower(values: list[str]) -> frozenset[str]:
    return frozenset(value.casefold() for value in values)
